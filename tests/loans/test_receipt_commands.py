"""Money received and undone from the shell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask

from tests.support.pages import Today
from tests.support.receipts import exposure, written
from tests.support.values import TERMS, TODAY
from tusker.extensions import db
from tusker.models import CreditLine, Customer, Disbursal, Invoice

Run = Callable[..., "tuple[int, str]"]


@pytest.fixture
def run(app: Flask, business_day: Today) -> Run:
    """Run a command: its exit code and all that it said."""
    business_day(TODAY)

    def invoke(*words: str) -> tuple[int, str]:
        done = app.test_cli_runner().invoke(args=list(words))
        return done.exit_code, done.output

    return invoke


@pytest.fixture
def loan(make_invoice: Callable[..., Invoice]) -> Invoice:
    return make_invoice("disbursed")


def payer(invoice: Invoice) -> str:
    return db.session.get_one(Customer, invoice.purchaser_id).name


def test_a_receipt_its_credit_and_its_undoing(run: Run, loan: Invoice) -> None:
    name, before = payer(loan), written()
    code, said = run("record-receipt", name, "--amount", "3000", "--reference", "N-1", "--dry-run")
    assert (code, written()) == (0, before), said
    assert f"{loan.number}: 3000.00 INR" in said
    code, said = run("record-receipt", name, "--amount", "3000", "--reference", "N-1")
    assert code == 0, said
    assert exposure() == 5_000_00
    code, said = run(
        "record-receipt", name, "--amount", "6000", "--reference", "N-2", "--value-date", str(TODAY)
    )
    assert f"{loan.number}: 5000.00 INR (in full)" in said
    assert "kept as credit: 1000.00 INR" in said
    code, said = run("refund", "N-2", "--reference", "BACK-1", "--amount", "400")
    assert code == 0, said
    assert run("reverse-receipt", "N-1", "--reason", "bounced")[0] == 0
    assert exposure() == 3_000_00
    code, said = run("use-credit", name)
    assert "600.00 INR of credit used" in said
    assert exposure() == 2_400_00


def test_a_credit_note_and_an_undone_disbursal(run: Run, make_invoice: Callable[..., Invoice]) -> None:
    invoice = make_invoice("disbursed")
    code, said = run(
        "credit-note", invoice.number, "--number", "CN-1", "--amount", "2500", "--reason", "short"
    )
    assert code == 0, said
    assert "borne by the reserve 2000.00 INR, claimed from the supplier 500.00 INR" in said
    reference = db.session.query(Disbursal).one().reference
    code, said = run("undo-disbursal", reference, "--reason", "came back")
    assert code == 0, said
    db.session.refresh(invoice)
    assert invoice.status == "financeable"
    code, said = run("undo-disbursal", reference, "--reason", "again")
    assert code == 1
    assert "only a confirmed one can be undone" in said


ERRORS: list[tuple[tuple[str, ...], str]] = [
    (("record-receipt", "Nobody", "--amount", "1", "--reference", "R"), "customer: No customer"),
    (
        ("record-receipt", "{payer}", "--amount", "0", "--reference", "R"),
        "amount: The amount must be more",
    ),
    (("record-receipt", "{payer}", "--amount", "-1", "--reference", "R"), "--amount"),
    (("record-receipt", "{payer}", "--amount", "1", "--reference", " "), "reference: "),
    (("record-receipt", "{payer}", "--amount", "1", "--reference", "OLD"), "reference: This payment"),
    (
        ("record-receipt", "{payer}", "--amount", "1", "--reference", "R", "--value-date", "2026-03-01"),
        "value_date: The value date must not be before the payout",
    ),
    (
        ("record-receipt", "{payer}", "--amount", "1", "--reference", "R", "--value-date", "2026-03-03"),
        "value_date: The value date must not be in the future",
    ),
    (
        ("record-receipt", "{payer}", "--amount", "1", "--reference", "R", "--value-date", "1900-01-01"),
        "--value-date",
    ),
    (("reverse-receipt", "NONE", "--reason", "x"), "reference: No receipt"),
    (("reverse-receipt", "OLD", "--reason", " "), "reason: "),
    (("credit-note", "NONE", "--number", "1", "--amount", "1", "--reason", "x"), "invoice: No invoice"),
    (("credit-note", "#1", "--number", " ", "--amount", "1", "--reason", "x"), "number: "),
    (("credit-note", "#1", "--number", "1", "--amount", "99999", "--reason", "x"), "amount: At most"),
    (("refund", "OLD", "--reference", "B", "--amount", "99999"), "amount: At most"),
    (("refund", "OLD", "--reference", "OLD"), "reference: This payment"),
    (("undo-disbursal", "NONE", "--reason", "x"), "reference: No disbursal"),
]


def test_errors_name_their_field_and_write_nothing(
    run: Run, loan: Invoice, subtests: pytest.Subtests
) -> None:
    name = payer(loan)
    assert run("record-receipt", name, "--amount", "1", "--reference", "OLD")[0] == 0
    before = written()
    for words, said in ERRORS:
        with subtests.test(str((words, said))):
            code, answer = run(*(word.replace("{payer}", name) for word in words))
            assert code != 0
            assert said in answer
            assert written() == before


def test_terms_by_command(run: Run, make_line: Callable[..., CreditLine]) -> None:
    make_line(terms=replace(TERMS))
    code, said = run(
        "create-customer",
        "New Mills",
        "--supplier-limit",
        "1000",
        "--interest-timing",
        "upfront",
        "--fee-min",
        "10",
        "--fee-max",
        "20",
        "--recourse-days",
        "30",
    )
    assert code == 0, said
    made = db.session.query(Customer).filter_by(name="New Mills").one().supplier
    assert (made.interest_timing, made.fee_min, made.fee_max, made.recourse_days) == (
        "upfront",
        1000,
        2000,
        30,
    )
    code, said = run(
        "create-customer", "Other Mills", "--supplier-limit", "1000", "--fee-min", "10", "--fee-max", "5"
    )
    assert code == 1
    assert "fee_max: " in said
