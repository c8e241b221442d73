"""The database between tests."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import text

from tusker.extensions import db


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
