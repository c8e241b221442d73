"""The database between tests."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from sqlalchemy import Connection, event, text

from tusker.extensions import db
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


def clear_tables(except_for: Collection[str] = ()) -> None:
    """Empty every table but the ones named, and count ids from 1 again. DELETE, because TRUNCATE makes new files of
    every table and index: some 4 ms instead of 100."""
    tables = [table for table in db.metadata.sorted_tables if table.name not in except_for]
    numbered = [table.name for table in tables if "id" in table.c]
    with db.engine.begin() as connection:
        # The event table refuses to lose rows; as a replica its trigger and the foreign keys' sleep.
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("; ".join(f'DELETE FROM "{table.name}"' for table in tables)))
        restart = (
            "SELECT setval(pg_get_serial_sequence(quote_ident(t), 'id'), 1, false) FROM unnest(:names) AS t"
        )
        connection.execute(text(restart), {"names": numbered})


def forget_business() -> None:
    """Empty all tables but those of the companies, and set their counters back."""
    db.session.rollback()
    clear_tables(except_for=COMPANIES)
    with transaction() as session:
        for table, more in (
            ("supplier_accounts", ", on_hold_since = NULL"),
            ("purchaser_accounts", ", on_hold_since = NULL"),
            ("credit_lines", ""),
        ):
            session.execute(text(f"UPDATE {table} SET used_amount = 0, waiting_amount = 0{more}"))


@contextmanager
def planned_once(app: Flask, *, longer_than: int) -> Iterator[None]:
    """Have the database keep its plans of the longest statements that take no parameters: over few rows, planning the
    proof takes ten times as long as the proof."""

    def prepared(
        connection: Connection, cursor: Any, statement: str, parameters: Any, *_: object
    ) -> tuple[str, Any]:
        if parameters or len(statement) < longer_than:
            return statement, parameters
        names: dict[str, str] = connection.info.setdefault("planned_once", {})
        if statement not in names:
            names[statement] = f"planned_{len(names)}"
            cursor.execute(f"PREPARE {names[statement]} AS {statement}", parameters)
        return f"EXECUTE {names[statement]}", parameters

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", prepared, retval=True)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", prepared)
