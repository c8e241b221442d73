"""A separate database on the same server: created, migrated and dropped again. The live one is never opened."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import flask_migrate
from flask import Flask, current_app
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.engine import URL, Engine
from sqlalchemy.exc import OperationalError, ProgrammingError

from tusker.errors import NotAllowed
from tusker.extensions import db, migrate
from tusker.prepared import plan_once

PREFIX = "tusker_replay_"


@contextmanager
def scratch_database(*, keep: bool) -> Iterator[str]:
    """Work on a new, migrated database; inside, the current app is one that knows only this database.

    Yields its name. It is dropped at the end, whatever happens, unless `keep`. Raises `NotAllowed` when the database
    user may not create one.
    """
    url = make_url(current_app.config["SQLALCHEMY_DATABASE_URI"])
    name = f"{PREFIX}{secrets.token_hex(4)}"
    # the server's own database, which every server has; nothing is read or written in it
    server = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    try:
        _create(server, name)
        try:
            with _bare_app(url.set(database=name)).app_context():
                try:
                    flask_migrate.upgrade()
                    plan_once(db.engine)
                    yield name
                finally:
                    db.session.remove()
                    db.engine.dispose()
        finally:
            if not keep:
                _run(server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    finally:
        server.dispose()


def _create(server: Engine, name: str) -> None:
    try:
        _run(server, f'CREATE DATABASE "{name}"')
    except (ProgrammingError, OperationalError) as error:
        raise NotAllowed(f"A database for the replay cannot be created: {error.orig}") from None
    # It is dropped or made again, so that nothing is lost by a crash.
    _run(server, f'ALTER DATABASE "{name}" SET synchronous_commit = off')


def _run(server: Engine, statement: str) -> None:
    with server.connect() as connection:
        connection.execute(text(statement))


def _bare_app(url: URL) -> Flask:
    """An app with a database, currency and calendar and nothing else: no pages, Redis, mail or delivery company."""
    parent = current_app._get_current_object()  # type: ignore[attr-defined]
    app = Flask("tusker.replay", static_folder=None)
    app.config.update(parent.config)
    app.config["SQLALCHEMY_DATABASE_URI"] = url.render_as_string(hide_password=False)
    # What was paid out in that year is paid out again, however late its purchaser was.
    app.config["HOLD_AFTER_DAYS"] = None
    # One user on a local server: no need to check the connection before each transaction, and rows of one kind are
    # sent together.
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {
        "pool_pre_ping": False,
        "executemany_mode": "values_plus_batch",
    }
    for name in ("tusker_currency", "tusker_working_days"):
        app.extensions[name] = parent.extensions[name]
    db.init_app(app)
    migrate.init_app(app, db, directory=parent.extensions["migrate"].directory)
    return app
