"""The database between tests."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from flask import Flask
from sqlalchemy import Connection, event, text

from tests.support import scenery
from tusker.extensions import db
from tusker.services.couriers.gate import forget_states
from tusker.services.record.app_role import create_app_role, grant_app_role
from tusker.transactions import transaction

COMPANIES = {
    "customers",
    "bank_accounts",
    "supplier_accounts",
    "purchaser_accounts",
    "credit_lines",
    "carrier_identities",
    "users",
    "user_sessions",
    "second_factors",
    "recovery_codes",
    "access_log",
    "limit_days",
}
"""The tables of what stands before any business is done."""


ACCOUNTS_NOTED = Path(__file__).resolve().parents[2] / "migrations/sql/steps/0065_accounts_noted.sql"
OWNER = text("RESET ROLE")
"""As the tables' owner from here to the end of the transaction."""


_owners: list[None] = []


@contextmanager
def as_owner() -> Iterator[None]:
    """Have the transactions that begin meanwhile done by the tables' owner: for what the app's role may not do."""
    _owners.append(None)
    try:
        yield
    finally:
        _owners.pop()


@contextmanager
def as_app_role(app: Flask, role: str) -> Iterator[None]:
    """Have each transaction of an app done by the role of web, worker and scheduler, made anew: what that may not do
    fails in every test."""
    with app.app_context():
        with transaction():
            create_app_role(role, "")
            grant_app_role(role)
            # tests look for who waits for a lock
            db.session.execute(text(f'GRANT pg_read_all_stats TO "{role}"'))
        engine = db.engine
    become = f'SET LOCAL ROLE "{role}"'

    def begin(connection: Connection) -> None:
        if _owners:
            return
        # by the driver: counters of statements know nothing of it
        with connection.connection.cursor() as cursor:
            cursor.execute(become)

    event.listen(engine, "begin", begin)
    try:
        yield
    finally:
        event.remove(engine, "begin", begin)


def clear_tables(except_for: Collection[str] = ()) -> None:
    """Empty every table but the ones named, and count ids from 1 again. DELETE, because TRUNCATE makes new files of
    every table and index: some 4 ms instead of 100."""
    tables = [table for table in db.metadata.sorted_tables if table.name not in except_for]
    forget_states()
    numbered = [table.name for table in tables if "id" in table.c]
    # the event table refuses to lose rows, but to a replica
    with scenery.restoring() as connection:
        if scenery.still_empty(connection):
            return
        connection.execute(text("; ".join(f'DELETE FROM "{table.name}"' for table in tables)))
        restart = (
            "SELECT setval(pg_get_serial_sequence(quote_ident(t), 'id'), 1, false) FROM unnest(:names) AS t"
        )
        connection.execute(text(restart), {"names": numbered})
        if not except_for:
            scenery.emptied(connection)


def forget_business() -> None:
    """Empty all tables but those of the companies, and set their counters back. That their accounts were accepted is
    told anew, as an upgrade tells it."""
    db.session.rollback()
    clear_tables(except_for=COMPANIES)
    with transaction() as session:
        session.execute(text(ACCOUNTS_NOTED.read_text()))
        for table, more in (
            ("supplier_accounts", ", on_hold_since = NULL"),
            ("purchaser_accounts", ", on_hold_since = NULL"),
            ("credit_lines", ""),
        ):
            session.execute(text(f"UPDATE {table} SET used_amount = 0, waiting_amount = 0{more}"))


_READ = re.compile(r"(\s|--.*\n)*(WITH|SELECT)\b")


@contextmanager
def planned_once(app: Flask, *, longer_than: int) -> Iterator[None]:
    """Have the database keep its plans of the longest reads that take no parameters: over few rows, planning the proof
    takes ten times as long as the proof. What listeners of the engine see stays as it is."""
    plans: WeakKeyDictionary[Any, dict[str, str]] = WeakKeyDictionary()
    numbers = itertools.count(1)

    def run(cursor: Any, statement: str, parameters: Any, _context: object) -> bool | None:
        if parameters or len(statement) < longer_than or not _READ.match(statement):
            return None
        names = plans.setdefault(cursor.connection, {})
        if statement not in names:
            name = f"planned_{next(numbers)}"
            cursor.execute(f"PREPARE {name} AS {statement}", parameters)
            names[statement] = name
        cursor.execute(f"EXECUTE {names[statement]}")
        return True

    with app.app_context():
        engine = db.engine
    event.listen(engine, "do_execute", run)
    try:
        yield
    finally:
        event.remove(engine, "do_execute", run)
