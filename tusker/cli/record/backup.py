"""A copy of the database in a file, and back: `flask backup`, `restore`. PostgreSQL's own programs do the work."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import click
import flask_migrate
from flask import current_app
from sqlalchemy import text
from sqlalchemy.engine import make_url

from tusker import clock
from tusker.cli import commands
from tusker.cli.record.proof import NotedHead, prove_command
from tusker.errors import Conflict, InvalidInput
from tusker.extensions import db
from tusker.jobs.sealing import seal_all
from tusker.queries.record.chain import newest_link

EMPTY = text("SELECT NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = current_schema()::regnamespace)")


@commands.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def backup_command(file: Path) -> None:
    """Write the whole database into FILE, in pg_dump's custom format, while everybody goes on working.

    FILE.json beside it has the head of the chain of events, which `restore` looks for again, the file's SHA-256 and the
    revision of the schema. Keep both away from this machine, and SECRET_KEY somewhere else again. Run it with a
    DATABASE_URL that leads to PostgreSQL itself and not to a pooler.
    """
    if file.exists():
        raise Conflict(f"{file} exists already; a backup never replaces another one.")
    program = _program("pg_dump")
    seal_all()
    head = newest_link()
    revision = db.session.scalar(text("SELECT version_num FROM alembic_version"))
    db.session.rollback()
    began, unfinished = clock.now(), file.with_name(f"{file.name}.part")
    unfinished.touch(mode=0o600)
    try:
        _run([program, "--format=custom", "--lock-wait-timeout=60s", f"--file={unfinished}"])
        said = {
            "head": str(head),
            "at": began.isoformat(),
            "revision": revision,
            "sha256": _sha256(unfinished),
        }
        _facts(file).write_text(json.dumps(said, indent=1) + "\n")
        unfinished.rename(file)
    finally:
        unfinished.unlink(missing_ok=True)
    click.echo(f"{file}: {file.stat().st_size:,} bytes, revision {revision}, head {head}")


@commands.command("restore")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.pass_context
def restore_command(ctx: click.Context, file: Path) -> None:
    """Read FILE into an empty database, bring its schema up to date, and prove all of it.

    All of it or nothing is read. It ends with `flask prove --full`, which also looks for the head that was noted when
    the backup was made. The tables belong to the role of DATABASE_URL; then run `flask grant-app-role ROLE`, and start
    web, workers and scheduler on an empty Redis.
    """
    program, facts = _program("pg_restore"), _read_facts(file)
    if facts["sha256"] != _sha256(file):
        raise InvalidInput(f"{file} is not what was backed up: its SHA-256 is another one.", field="file")
    if not db.session.scalar(EMPTY):
        raise Conflict("This database has tables; make an empty one (createdb) and name it in DATABASE_URL.")
    db.session.rollback()
    options = ["--exit-on-error", "--single-transaction", "--no-owner", "--no-acl"]
    _run([program, *options, str(file)])
    flask_migrate.upgrade()
    head = NotedHead().convert(facts["head"], None, ctx) if not facts["head"].startswith("0:") else None
    click.echo(f"Restored as of {facts['at']}.")
    ctx.invoke(prove_command, as_json=False, expect_head=head, full=True)


def _facts(file: Path) -> Path:
    return file.with_name(f"{file.name}.json")


def _read_facts(file: Path) -> dict[str, Any]:
    try:
        facts: dict[str, Any] = json.loads(_facts(file).read_text())
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{_facts(file)} cannot be read: {error}", field="file") from error
    return facts


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise Conflict(
            f"{name} is not on PATH: install PostgreSQL's client programs, of the server's version or newer."
        )
    return found


def _address() -> str:
    """The database's address without its password, which others could read in the list of processes."""
    url = make_url(current_app.config["SQLALCHEMY_DATABASE_URI"])
    return url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)


def _run(command: list[str]) -> None:
    password = make_url(current_app.config["SQLALCHEMY_DATABASE_URI"]).password
    environ = {**os.environ, **({"PGPASSWORD": str(password)} if password else {})}
    command = [*command, f"--dbname={_address()}"]
    done = subprocess.run(command, env=environ, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        name, said = Path(command[0]).name, done.stderr.strip().splitlines() or ["no reason given"]
        raise Conflict(f"{name} failed, and nothing of it stays: {said[-1]}")


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
