"""Alembic environment: migrations run on the app's own engine, each upgrade in one transaction.

One for all revisions and not one each: where an upgrade stops until a person has decided something in the version
before, the tables are still that version's.
"""

from __future__ import annotations

import textwrap

import click
from alembic import context
from flask import current_app
from psycopg2 import errors
from sqlalchemy.exc import DBAPIError

database = current_app.extensions["migrate"].db
options = current_app.extensions["migrate"].configure_args

LOCK_TIMEOUT = "4s"
"""How long a statement waits for others; everybody who comes after it waits as long. `-x lock_timeout=…` sets another."""
WHO = "SELECT pid, usename, state, query FROM pg_stat_activity WHERE xact_start IS NOT NULL"


def run() -> None:
    """Run the migrations that the `flask db` command asked for, or write their SQL (`--sql`)."""
    if context.is_offline_mode():
        context.configure(dialect_name="postgresql", literal_binds=True, **options)
        run_in_transaction()
        return
    with database.engine.connect() as connection:
        context.configure(connection=connection, target_metadata=database.metadata, **options)
        try:
            run_in_transaction()
        except DBAPIError as error:
            raise explained(error) or error from None


def run_in_transaction() -> None:
    """Run the migrations within the timeouts."""
    with context.begin_transaction():
        timeout = context.get_x_argument(as_dictionary=True).get("lock_timeout", LOCK_TIMEOUT)
        context.execute(f"SET LOCAL lock_timeout = '{timeout}'")
        # A backfill may take its time, whatever the role's own timeout is; while it works nobody waits in line for it.
        context.execute("SET LOCAL statement_timeout = 0")
        context.run_migrations()


def explained(error: DBAPIError) -> click.ClickException | None:
    """What a person can do about it; None for an error that is a mistake in a migration."""
    cause = error.orig
    if isinstance(cause, errors.RaiseException):
        said = [f"Stopped, and nothing was changed: {cause.diag.message_primary}", cause.diag.message_hint]
        return click.ClickException("\n".join(filter(None, said)))
    if isinstance(cause, errors.LockNotAvailable | errors.DeadlockDetected):
        lines = (error.statement or "").splitlines()
        statement = " ".join(line for line in lines if not line.startswith("--"))
        return click.ClickException(
            f"“{textwrap.shorten(statement, 80, placeholder='…')}” could not get its lock, because somebody else is at"
            f" work on the same tables; nothing was changed: run it again when it is quiet, or see who it is with {WHO};"
        )
    return None


run()
