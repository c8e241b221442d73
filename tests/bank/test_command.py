"""`flask import-statement`: what it prints, that looking writes nothing, and what it says of a file it cannot read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from tests.support.camt import Tx, camt053, payment_of
from tusker.models import Disbursal, Invoice


@pytest.fixture
def run(app: Flask, tmp_path: Path) -> Callable[..., Result]:
    """Write a file and run the command on it."""

    def call(data: bytes, *options: str, name: str = "bank.xml") -> Result:
        path = tmp_path / name
        path.write_bytes(data)
        return app.test_cli_runner().invoke(args=["import-statement", str(path), *options])

    return call


def test_a_dry_run_says_everything_and_writes_nothing(
    run: Callable[..., Result],
    released: Disbursal,
    make_invoice: Callable[..., Invoice],
    scalar: Callable[..., Any],
) -> None:
    invoice, payout = make_invoice("disbursed"), released.payouts[0]
    paid = Tx(8_000_00, reference="IN-1", name=invoice.purchaser.name, text=invoice.number)
    data = camt053([payment_of(payout, "UTR-1"), paid, Tx(5, reference="O-1")])
    before = scalar("SELECT count(*) FROM events")
    result = run(data, "--dry-run", "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert {key: report[key] for key in ("format", "dry_run", "new", "settled", "sure", "parked")} == {
        "format": "camt.053.001.08",
        "dry_run": True,
        "new": 3,
        "settled": 1,
        "sure": 1,
        "parked": 1,
    }
    debit, sure, odd = report["statements"][0]["entries"]
    assert (debit["payouts"], debit["state"], debit["amount"]) == ([payout.reference], "matched", payout.net)
    assert (sure["verdict"], sure["known"]) == ("sure", False)
    suggestion = sure["suggestions"][0]
    assert (suggestion["score"], suggestion["customer"]) == (100, invoice.purchaser.name)
    assert suggestion["parts"][0]["invoice"] == invoice.number
    assert suggestion["parts"][0]["amount"] == 8_000_00
    assert (odd["verdict"], odd["note"]) == ("none", "No open loan matches.")
    for table in ("bank_statements", "statement_entries", "receipts"):
        assert scalar(f"SELECT count(*) FROM {table}") == 0
    assert scalar("SELECT count(*) FROM events") == before
    assert scalar("SELECT state FROM payouts WHERE id = :i", i=payout.id) == "instructed"
    text = run(data, "--dry-run").output
    assert "3 entries: 1 settled, 1 ready to accept, 1 parked.\nNothing was written.\n" in text
    assert "text names invoice" in text
    assert run(data).exit_code == 0
    assert scalar("SELECT state FROM payouts WHERE id = :i", i=payout.id) == "confirmed"
    again = json.loads(run(data, "--json").stdout)
    assert (again["repeated"], again["new"]) == (True, 0)
    assert [entry["known"] for entry in again["statements"][0]["entries"]] == [True] * 3


def test_csv_of_the_bank(run: Callable[..., Result], make_invoice: Callable[..., Invoice]) -> None:
    invoice = make_invoice("disbursed")
    narration = f"NEFT/{invoice.purchaser.name}/{invoice.number}"
    table = (
        f"Date,Narration,Ref No,Debit,Credit\n02/03/2026,{narration},N-1,,8000.00\n31/02/2026,bad,N-2,,5\n"
    )
    result = run(table.encode(), "--json", "--dry-run", name="bank.csv")
    report = json.loads(result.stdout)
    [statement] = report["statements"]
    assert [entry["verdict"] for entry in statement["entries"]] == ["sure"]
    assert len(statement["skipped"]) == 1


def test_a_file_that_cannot_be_read(run: Callable[..., Result], scalar: Callable[..., Any]) -> None:
    result = run(b"%PDF-1.7", "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: file: bank.xml is a PDF; ask the bank for camt.053 or CSV.\n"
    assert scalar("SELECT count(*) FROM bank_statements") == 0
