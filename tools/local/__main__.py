"""Command line: ``python -m tools.local run | exec -- COMMAND … | psql | create-db | seed | restore-drill | reset``."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator

from tools.local import stack
from tools.local.binaries import LocalServerError, postgres_programs, stand_in_for, with_programs
from tools.local.drill import restore_drill
from tools.local.kinds import Postgres, Valkey
from tools.local.servers import CHECKOUT, local_servers, running_url


@contextlib.contextmanager
def joined_environment() -> Iterator[dict[str, str]]:
    """The environment for a command: the running stack's servers and courier, else servers just for it."""
    environ = stack.environment()
    if stack.runs():
        with contextlib.suppress(OSError, ValueError):
            for name, value in json.loads(stack.STACK_STATE.read_text()).items():
                environ.setdefault(name, value)
    with local_servers(stack.HOME, durable=True, environ=environ) as servers:
        yield with_programs(environ | servers.environ())


def run_command(argv: list[str], environ: dict[str, str]) -> int:
    """Run a program in the checkout with Ctrl-C left to it; returns its exit code (128 + signal when killed)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    child = subprocess.Popen(
        argv, cwd=CHECKOUT, env=environ, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
    )
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    code = child.wait()
    return code if code >= 0 else 128 - code


def psql(arguments: list[str]) -> int:
    """Open psql (or run it with `arguments`) on the database."""
    with joined_environment() as environ:
        url = environ["DATABASE_URL"].replace("postgresql+psycopg2:", "postgresql:", 1)
        return run_command([str(postgres_programs() / "psql"), url, *arguments], environ)


def create_database() -> int:
    """Create the database of DATABASE_URL if it is missing, and bring its schema up to date."""
    import psycopg2
    from psycopg2 import sql
    from sqlalchemy.engine import make_url

    with joined_environment() as environ:
        url = make_url(environ["DATABASE_URL"])
        dsn = url.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
        connection = psycopg2.connect(dsn)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [url.database])
                if cursor.fetchone() is None:
                    cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(str(url.database))))
        finally:
            connection.close()
        stack.flask(environ, "db", "upgrade")
    return 0


def seed() -> int:
    """Fill in the demo, in the running stack or with servers and courier just for it."""
    if not stack.runs():
        return stack.seed()
    with joined_environment() as environ:
        stack.flask(environ, "seed-demo")
    return 0


def reset() -> int:
    """Delete the local servers' data. Raises LocalServerError while they run."""
    if any(running_url(kind, stack.HOME) for kind in (Postgres(), Valkey())):
        raise LocalServerError("The local servers are running; stop `make run` first.")
    for place in (stand_in_for(stack.HOME), stack.HOME):
        if place.exists():
            shutil.rmtree(place)
    stack.DEMO_LOGINS.unlink(missing_ok=True)
    stack.terminal.say("The local data is gone; the next `make run` starts afresh.")
    return 0


def main(argv: list[str]) -> int:
    """Parse the command line and do it; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="run everything in this terminal")
    commands.add_parser("exec", help="run a command with the servers' URLs in its environment")
    commands.add_parser("psql", help="open psql on the database; takes psql's options")
    commands.add_parser("create-db", help="create the database and its tables")
    commands.add_parser("seed", help="fill in the demo data")
    commands.add_parser("restore-drill", help="back up a demo, destroy it, restore and prove it")
    commands.add_parser("reset", help="delete the local servers' data")
    # what follows the name belongs to the command that is run, options too
    name, rest = parser.parse_args(argv[:1]).command, argv[1:]
    match name:
        case "run":
            return stack.run()
        case "psql":
            return psql(rest)
        case "create-db":
            return create_database()
        case "seed":
            return seed()
        case "reset":
            return reset()
        case "restore-drill":
            return restore_drill()
    command = rest[1:] if rest[:1] == ["--"] else rest
    if not command:
        parser.error("exec needs a command")
    with joined_environment() as environ:
        return run_command(command, environ)


if __name__ == "__main__":
    os.chdir(CHECKOUT)
    # a shell starts a job in the background with SIGINT ignored; kill -INT is to end it there too
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        sys.exit(main(sys.argv[1:]))
    except LocalServerError as error:
        sys.exit(f"tools.local: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
