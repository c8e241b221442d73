"""`flask import-invoices`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from tests.support.invoice_files import HEADER, MAPPING, ROW, ImportDesk, csv_of, everything

Run = Callable[..., Result]


@pytest.fixture
def run(app: Flask, importer: ImportDesk, tmp_path: Path) -> Run:
    """Run the command on a file of this text."""

    def call(text: str, *options: str, mapping: str = MAPPING) -> Result:
        path = tmp_path / "in.csv"
        path.write_text(text)
        return app.test_cli_runner().invoke(
            args=["import-invoices", str(path), "--mapping", mapping, *options]
        )

    return call


def test_a_row_for_each_refusal_and_a_summary(run: Run) -> None:
    result = run(csv_of(ROW, "INV-2,S-1,B-1,$5,2026-02-27", "INV-3,S-1,B-1,20000,2026-02-27"))
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0].startswith("line 3\tINV-2\tinvalid\tAmount: “$5” is not an amount")
    assert lines[1] == "line 4\tINV-3\trefused_by_limit\tThe credit line limit is exceeded by ₹6,800.00."
    assert lines[2] == "3 rows: 1 approved, ₹800.00 principal; 1 refused by limit; 1 invalid."


def test_json_and_the_exit_status(run: Run) -> None:
    first = run(csv_of(ROW), "--json")
    assert first.exit_code == 0
    said = json.loads(first.stdout)
    assert (said["rows"], said["counts"]["approved"], said["approved_principal"]) == (1, 1, 800_00)
    again = run(csv_of(ROW), "--json")
    assert again.exit_code == 0
    assert json.loads(again.stdout)["counts"]["already_requested"] == 1


def test_a_missing_column_is_one_error_and_nothing_is_written(run: Run) -> None:
    before = everything()
    result = run(csv_of(ROW, header=HEADER.replace("Amount", "Betrag")))
    assert result.exit_code == 1
    assert "no column “Amount” (amount)" in result.stderr
    assert result.stdout == ""
    assert everything() == before


def test_dry_run_other_dates_and_all_or_nothing(run: Run) -> None:
    before = everything()
    text = csv_of("INV-1,S-1,B-1,5,2/27/2026")
    dry = run(text, "--dry-run", "--date-format", "%m/%d/%Y")
    assert dry.exit_code == 0
    assert "1 would be approved" in dry.stdout
    assert "Nothing was written." in dry.stdout
    assert (
        run(text + "INV-2,S-1,B-1,x,2/27/2026\n", "--all-or-nothing", "--date-format", "%m/%d/%Y").exit_code
        == 1
    )
    assert everything() == before
    assert run(text, "--date-format", "%m").exit_code == 1
    assert run(text, mapping="number").exit_code == 1
