"""Fill a migrated, empty database with a consistent book of N invoices. Set-based SQL, minutes at a million.

    python -m bench.books --url postgresql://postgres@/tusker?host=/run/pg --invoices 100000

200 suppliers, 500 purchasers, 2,000 lines, 450 days. About 69 % repaid, 20 % open loans (a tenth of them overdue,
a twentieth part-paid), 2 % approved and on the way, 0.3 % to be financed, 0.2 % bundled (one draft, one released),
5 % rejected, 3 % cancelled, 0.4 % written off. Counters are the sums of the movements, so `flask prove` agrees.
Events are not sealed: `flask seal` does that. Same N and --today, same rows.

People: admin@bench.test, admin2@bench.test, auditor@bench.test, supplier<n>@bench.test (n = 1..200, customer n) and
purchaser<n>@bench.test (n = 1..500, customer 200 + n), all with the password of --password.
API tokens: `tsk_bench_<n>` of supplier n, `tsk_bench_p<n>` of purchaser n.
"""

from __future__ import annotations

import argparse
import datetime as dt
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg2
from argon2 import PasswordHasher

WORDS = {
    "suppliers": 200,
    "purchasers": 500,
    "lines": 2000,
    "days": 450,
    "terms": "advance_rate, apr, tenor_days, day_count, interest_method, fee_flat, fee_rate, grace_days, penal_rate",
    "values": "0.8, 0.18, 90, 'ACT/365F', 'simple', 0, 0.005, 3, 0.24",
    # What every limit has left, so that admissions can be measured; the first 20 lines are nearly used up instead.
    "room": 10**14,
}
BIG = (
    "invoices",
    "shipments",
    "shipment_events",
    "shipment_documents",
    "disbursal_lines",
    "loans",
    "reserve_movements",
    "receipts",
    "allocations",
    "exposure_movements",
    "events",
    "statement_entries",
    "idempotency_keys",
    "payouts",
)
_SPEED = """
    SET session_replication_role = replica; SET maintenance_work_mem = '512MB'; SET work_mem = '256MB';
    SET synchronous_commit = off; SET timezone = 'UTC'
"""
_INDEXES = """
    SELECT schemaname || '.' || indexname, indexdef FROM pg_indexes i WHERE schemaname = 'public'
    AND tablename = ANY(%s) AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conname = i.indexname)
"""
_NUMBERED = """
    SELECT table_name FROM information_schema.columns
    WHERE table_schema = 'public' AND column_name = 'id' AND is_identity = 'YES'
"""


def steps() -> Mapping[str, str]:
    """The SQL of each step by name, in order."""
    parts = re.split(r"^-- step: (.+)\n", Path(__file__).with_suffix(".sql").read_text(), flags=re.MULTILINE)[
        1:
    ]
    return {name: sql.format(**WORDS) for name, sql in zip(parts[::2], parts[1::2], strict=True)}


def fill(url: str, invoices: int, today: dt.date, now: dt.datetime, password: str) -> None:
    """Write the book; 0 invoices leaves only companies and lines."""
    values = {"n": invoices, "now": now, "today": today, "hash": PasswordHasher().hash(password)}
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        # Foreign keys hold by construction; triggers sleep, and secondary indexes come back afterwards.
        cursor.execute(_SPEED)
        cursor.execute(_INDEXES, (list(BIG),))
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f"DROP INDEX {name}")
        for name, sql in steps().items():
            if invoices or name in ("companies", "counters", "limits by day"):
                _timed(cursor, name, sql, values)
        _timed(cursor, "indexes", "; ".join(definition for _, definition in indexes))
        cursor.execute("DROP TABLE IF EXISTS gen_plan, gen_paid")
        cursor.execute(_NUMBERED)
        for (table,) in cursor.fetchall():
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), GREATEST((SELECT max(id) FROM {table}), 1))"
            )
    connection = psycopg2.connect(url)
    connection.autocommit = True
    connection.cursor().execute("VACUUM ANALYZE")


def _timed(cursor: Any, name: str, sql: str, values: Mapping[str, object] | None = None) -> None:
    start = time.monotonic()
    cursor.execute(sql, values)
    print(f"{name:<20}{time.monotonic() - start:8.1f} s", flush=True)


def main() -> None:
    """Read the command line and fill the database."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", required=True)
    parser.add_argument("--invoices", type=int, default=10_000, help="0 leaves only companies and lines")
    parser.add_argument("--today", type=dt.date.fromisoformat, help="default: today in Asia/Kolkata")
    parser.add_argument("--password", default="correct horse battery")
    options = parser.parse_args()
    now = dt.datetime.now(dt.UTC)
    today = options.today or (now + dt.timedelta(hours=5, minutes=30)).date()
    began = time.monotonic()
    fill(options.url.replace("+psycopg2", ""), options.invoices, today, now, options.password)
    print(f"{options.invoices} invoices in {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
