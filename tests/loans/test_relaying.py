"""A due date by which less arises than was paid: what is beyond is the payer's credit or pays the rest of the debt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from tests.loans.test_relief import (
    ALONE,
    EASY,
    events,
    grant,
    holds,
    loan_of,
    owed,
    parts,
    prolong,
    receive,
    undo,
)
from tests.support.values import TODAY, at
from tusker.domain.terms import Collection
from tusker.errors import InvalidInput
from tusker.extensions import db
from tusker.models import CreditLine, Event, Invoice, Payable, Relief
from tusker.queries.loans.account_statements.statement import credit_balance, statement
from tusker.services.context import Context
from tusker.services.loans.receipts.recording import refund_credit, use_credit
from tusker.services.loans.receipts.undoing import reverse_receipt
from tusker.transactions import transaction

MANUAL = " ".join((Path(__file__).parents[2] / "docs" / "money.md").read_text().split())


@pytest.fixture
def invoice(make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]) -> Invoice:
    """An invoice of 10,000.00 of which 8,000.00 were paid out for 30 days."""
    return make_invoice("disbursed", line=make_line(terms=EASY))


def test_penalty_that_was_paid_pays_what_is_owed_by_the_new_due_date(ctx: Context, invoice: Invoice) -> None:
    receive(at(ctx, 40), invoice, 80_00)
    assert parts(owed(ctx, invoice, 41)) == (8_00, 50_00, 328_00)
    relief = prolong(at(ctx, 41), invoice, 60)
    assert parts(owed(ctx, invoice, 41)) == (0, 0, 298_00)
    assert parts(owed(ctx, invoice, 40, seen=40)) == (0, 50_00, 320_00)
    assert events(invoice, "payment_laid_anew") == ["payment_laid_anew"]
    undo(at(ctx, 42), relief)
    assert parts(owed(ctx, invoice, 42)) == (16_00, 50_00, 336_00)
    assert credit_balance(invoice.purchaser_id, at(ctx, 42).today) == 0
    holds()


@pytest.mark.parametrize("pays_face", [False, True])
def test_what_nothing_is_left_to_pay_with_is_credit_or_the_suppliers(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice], pays_face: bool
) -> None:
    """8,450.00 are owed on day 40, 8,370.00 without penalty."""
    terms = replace(EASY, collection=Collection.INVOICE) if pays_face else EASY
    invoice = make_invoice("disbursed", line=make_line(terms=terms))
    receipt = receive(at(ctx, 40), invoice, 8_400_00)
    relief = prolong(at(ctx, 41), invoice, 60)
    day = at(ctx, 41).today
    assert (invoice.status, credit_balance(invoice.purchaser_id, day)) == (
        "repaid",
        0 if pays_face else 30_00,
    )
    assert [row.amount for row in db.session.query(Payable)] == ([30_00] if pays_face else [])
    holds()
    undo(at(ctx, 42), relief)
    # As if the date had never been moved: 50.00 of principal, and two days of interest and penalty on it.
    assert (invoice.status, owed(ctx, invoice, 42).total) == ("disbursed", 50_00 + 10 + 10)
    assert credit_balance(invoice.purchaser_id, at(ctx, 42).today) == 0
    assert sum(row.open_amount for row in db.session.query(Payable)) == 0
    for customer_id, side in ((invoice.supplier_id, "supplier"), (invoice.purchaser_id, "purchaser")):
        assert statement(customer_id, side, TODAY, at(ctx, 42).today).adds_up  # type: ignore[arg-type]
    holds()
    with transaction():
        reverse_receipt(at(ctx, 43), receipt.id, reason="bounced")
    assert owed(ctx, invoice, 43).principal == 8_000_00
    assert credit_balance(invoice.purchaser_id, at(ctx, 43).today) == 0
    holds()


@pytest.mark.parametrize("then", ["undone", "restored"])
def test_a_waiver_counts_as_far_as_it_arises(ctx: Context, invoice: Invoice, then: str) -> None:
    grant(at(ctx, 40), invoice, penalty=80_00, interest=20_00)
    prolong(at(ctx, 41), invoice, 60)
    assert parts(owed(ctx, invoice, 41)) == (0, 50_00, 308_00)
    waiver, moved = db.session.query(Relief).order_by(Relief.id)
    assert (waiver.state, waiver.gives_up) == ("accepted", 20_00)
    holds()
    if then == "undone":
        undo(at(ctx, 42), waiver)
        assert parts(owed(ctx, invoice, 42)) == (0, 50_00, 336_00)
        undo(at(ctx, 42), moved)
        assert parts(owed(ctx, invoice, 42)) == (96_00, 50_00, 336_00)
    else:
        assert parts(owed(ctx, invoice, 41, seen=41)) == (0, 50_00, 308_00)
        undo(at(ctx, 42), moved)
        assert (waiver.state, waiver.gives_up) == ("accepted", 100_00)
        assert parts(owed(ctx, invoice, 42)) == (16_00, 50_00, 316_00)
        assert parts(owed(ctx, invoice, 41, seen=41)) == (0, 50_00, 308_00)
        assert events(invoice, "waiver_reduced", "waiver_restored") == ["waiver_reduced", "waiver_restored"]
        undo(at(ctx, 43), waiver)
        assert parts(owed(ctx, invoice, 43)) == (104_00, 50_00, 344_00)
    holds()


def test_a_waiver_of_which_nothing_arises_comes_back_or_is_undone(ctx: Context, invoice: Invoice) -> None:
    for back in (True, False):
        waiver = grant(at(ctx, 40), invoice, penalty=80_00)
        moved = prolong(at(ctx, 41), invoice, 60)
        assert (waiver.gives_up, parts(owed(ctx, invoice, 41))) == (0, (0, 50_00, 328_00))
        holds()
        if back:
            undo(at(ctx, 42), moved)
            assert parts(owed(ctx, invoice, 42)) == (16_00, 50_00, 336_00)
        undo(at(ctx, 42), waiver)
        if not back:
            undo(at(ctx, 42), moved)
        assert parts(owed(ctx, invoice, 42)) == (96_00, 50_00, 336_00)
        holds()


def test_what_is_given_up_in_all_counts_a_waiver_as_far_as_it_arises(ctx: Context, invoice: Invoice) -> None:
    """80.00 of penalty are waived; moved by 30 days the loan bears 240.00 less of it, the 80.00 among them."""
    grant(at(ctx, 40), invoice, penalty=80_00)
    with pytest.raises(InvalidInput, match=r"With this ₹240\.00 would be given up"):
        prolong(at(ctx, 41), invoice, 60, replace(ALONE, most=Decimal("0.029999")))
    assert prolong(at(ctx, 41), invoice, 60, replace(ALONE, most=Decimal("0.03"))).gives_up == 240_00
    assert sum(row.gives_up for row in db.session.query(Relief)) == 240_00
    holds()


@pytest.mark.parametrize("used", ["", "paid back", "another loan"])
def test_undoing_a_move_lays_payments_as_they_came_as_far_as_the_money_is_there(
    ctx: Context, invoice: Invoice, make_invoice: Callable[..., Invoice], used: str
) -> None:
    receipt = receive(at(ctx, 40), invoice, 8_400_00)
    first = prolong(at(ctx, 41), invoice, 60)
    again = prolong(at(ctx, 41), invoice, 70, interest=False) if invoice.status == "disbursed" else None
    assert (again, credit_balance(invoice.purchaser_id, at(ctx, 41).today)) == (None, 30_00)
    with transaction():
        if used == "paid back":
            day = at(ctx, 41)
            refund_credit(day, receipt.id, amount=30_00, bank_reference="RF", value_date=day.today)
        elif used:
            other = make_invoice("disbursed", line=invoice.credit_line)
            assert use_credit(at(ctx, 41), other.purchaser_id) == 30_00
    undo(at(ctx, 42), first)
    # 8,370.00 of day 40 pay 450.00 of charges and leave 80.00 of principal where the 30.00 are gone.
    left = 80_00 + 16 + 16 if used else 50_00 + 10 + 10
    assert owed(ctx, invoice, 42).total == left
    assert "Moved back on the next day, the ₹30.00 pay the loan again and ₹50.20" in MANUAL
    assert credit_balance(invoice.purchaser_id, at(ctx, 42).today) == 0
    holds()
    with transaction():
        reverse_receipt(at(ctx, 43), receipt.id, reason="bounced")
    assert owed(ctx, invoice, 43).principal == 8_000_00
    holds()


def test_an_earlier_due_date_is_undone_though_its_penalty_was_paid(ctx: Context, invoice: Invoice) -> None:
    relief = prolong(at(ctx, 10), invoice, 15)
    assert owed(ctx, invoice, 20).penalty == 40_00
    receive(at(ctx, 20), invoice, 40_00)
    undo(at(ctx, 21), relief)
    assert parts(owed(ctx, invoice, 21)) == (0, 10_00, 168_00)
    holds()


def test_interest_of_days_that_bear_none_any_more_comes_back(ctx: Context, invoice: Invoice) -> None:
    receive(at(ctx, 40), invoice, 450_00)  # penalty 80.00, fee 50.00, interest 320.00
    prolong(at(ctx, 41), invoice, 60, interest=False)
    # Of the 450.00 fee and 30 days of interest took 290.00; 160.00 paid principal.
    assert loan_of(invoice).open_principal == 7_840_00
    assert parts(owed(ctx, invoice, 60)) == (0, 0, 0)
    told = db.session.query(Event).filter_by(kind="payment_laid_anew").one()
    assert (told.data["amount"], told.data["left"]) == (450_00, 0)
    holds()
