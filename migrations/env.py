"""Alembic environment: migrations run on the app's own engine, each revision in a transaction of its own.

A revision that does not get a lock in time, or meets a deadlock, is tried again after a pause: while it waits, all who
come after it wait too, so it waits briefly and often. What earlier revisions did stays.
"""

from __future__ import annotations

import textwrap
import time

import click
from alembic import context
from flask import current_app
from psycopg2 import errors
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

database = current_app.extensions["migrate"].db
options = current_app.extensions["migrate"].configure_args

LOCK_TIMEOUT = "4s"
"""How long a statement waits for others; everybody who comes after it waits as long. `-x lock_timeout=…` sets another."""
TRIES = 8
"""How often a revision is tried; `-x tries=…` sets another number."""
PAUSE_SECONDS = 2.0
"""Between two tries, so that those who waited in line get through; longer each time."""
WHO = "SELECT pid, usename, state, query FROM pg_stat_activity WHERE xact_start IS NOT NULL"


def run() -> None:
    """Run the migrations that the `flask db` command asked for, or write their SQL (`--sql`)."""
    if context.is_offline_mode():
        context.configure(dialect_name="postgresql", literal_binds=True, **options)
        with context.begin_transaction():
            for statement in timeouts():
                context.execute(statement)
            context.run_migrations()
        return
    tries = int(context.get_x_argument(as_dictionary=True).get("tries", TRIES))
    for tried in range(1, tries + 1):
        try:
            run_in_transactions()
            return
        except DBAPIError as error:
            if tried == tries or not isinstance(error.orig, LOCKED):
                raise explained(error) or error from None
            click.echo(f"{waited_for(error)}; trying again ({tried} of {tries})", err=True)
            time.sleep(PAUSE_SECONDS * tried)


def run_in_transactions() -> None:
    """Run the migrations from where the database stands, each in a transaction within the timeouts."""
    with database.engine.connect() as connection:
        for statement in timeouts():
            connection.execute(text(statement))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=database.metadata,
            transaction_per_migration=True,
            **options,
        )
        try:
            with context.begin_transaction():
                context.run_migrations()
        finally:
            # the timeouts are this connection's: the pool's others keep theirs
            connection.invalidate()


def timeouts() -> list[str]:
    """What bounds the waiting. A backfill may take its time, whatever the role's own timeout is; while it works nobody
    waits in line for it."""
    lock = context.get_x_argument(as_dictionary=True).get("lock_timeout", LOCK_TIMEOUT)
    idle = "SET idle_in_transaction_session_timeout = 0"
    return [f"SET lock_timeout = '{lock}'", "SET statement_timeout = 0", idle]


LOCKED = (errors.LockNotAvailable, errors.DeadlockDetected)


def waited_for(error: DBAPIError) -> str:
    """Which statement did not get its lock."""
    lines = (error.statement or "").splitlines()
    statement = " ".join(line for line in lines if not line.startswith("--"))
    return f"“{textwrap.shorten(statement, 80, placeholder='…')}” could not get its lock"


def explained(error: DBAPIError) -> click.ClickException | None:
    """What a person can do about it; None for an error that is a mistake in a migration."""
    cause = error.orig
    if isinstance(cause, errors.RaiseException):
        said = [f"Stopped before this revision: {cause.diag.message_primary}", cause.diag.message_hint]
        return click.ClickException("\n".join(filter(None, said)))
    if isinstance(cause, LOCKED):
        return click.ClickException(
            f"{waited_for(error)}, because somebody else is at work on the same tables; this revision changed nothing:"
            f" run it again when it is quiet, or see who it is with {WHO};"
        )
    return None


run()
