"""Rules of .squawk.toml: what a new migration may not do while the version before is at work, and what it may."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.check_migrations import write_sql

ROOT = Path(__file__).parents[2]
IN_TRANSACTION = "BEGIN;\nSET LOCAL lock_timeout = '4s';\nSET LOCAL statement_timeout = 0;\n{}\nCOMMIT;\n"


def objections(sql: str) -> str:
    """What squawk has to say of some SQL; nothing when it has no objection."""
    squawk = Path(sys.executable).parent / "squawk"
    said = subprocess.run(
        [squawk, "--config", ROOT / ".squawk.toml", "--reporter", "gcc", "--stdin-filepath", "0099.sql"],
        input=sql,
        capture_output=True,
        text=True,
    )
    assert bool(said.returncode) is bool(said.stdout.strip())
    return said.stdout


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("ALTER TABLE invoices DROP COLUMN source;", "ban-drop-column"),
        ("DROP TABLE loans;", "ban-drop-table"),
        ("ALTER TABLE invoices RENAME COLUMN source TO origin;", "renaming-column"),
        ("ALTER TABLE invoices ALTER COLUMN amount TYPE numeric;", "changing-column-type"),
        ("ALTER TABLE invoices ADD COLUMN colour text NOT NULL;", "adding-required-field"),
        ("ALTER TABLE invoices ALTER COLUMN invoice_date SET NOT NULL;", "adding-not-nullable-field"),
        ("ALTER TABLE invoices ADD COLUMN at timestamp;", "prefer-timestamp-tz"),
        ("SELEC 1;", "syntax-error"),
    ],
)
def test_what_is_refused(statement: str, rule: str) -> None:
    assert rule in objections(IN_TRANSACTION.format(statement))


def test_statements_without_timeouts_are_refused() -> None:
    assert "require-lock-timeout" in objections("ALTER TABLE invoices ADD COLUMN colour text;")


def test_a_single_exception_is_written_in_front_of_its_statement() -> None:
    statement = "-- squawk-ignore ban-drop-column\nALTER TABLE invoices DROP COLUMN source;"
    assert not objections(IN_TRANSACTION.format(statement))


def test_each_new_revision_is_read(tmp_path: Path) -> None:
    write_sql(tmp_path)
    versions = {path.stem for path in (ROOT / "migrations" / "versions").glob("*.py") if path.stem >= "0013"}
    assert {path.stem for path in tmp_path.iterdir()} == versions
    assert (
        "CREATE UNIQUE INDEX uq_shipments_one_live_order"
        in (tmp_path / "0014_one_invoice_an_order.sql").read_text()
    )
