"""What recording a receipt costs: each row is locked and read once, and what is owed on it is worked out once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from flask.testing import FlaskClient

from tests.support.counting import costs
from tests.support.pages import Today, inputs, words
from tests.support.values import TERMS, at
from tusker.domain.loans.allocation import Allocation as Split
from tusker.extensions import db
from tusker.models import CreditLine, Invoice, Loan, Receipt, Role
from tusker.services.context import Context
from tusker.services.loans.receipts.proposal import propose_receipt
from tusker.services.loans.receipts.recording import record_receipt, repay_in_full
from tusker.transactions import transaction

LATE = replace(TERMS, tenor_days=30, grace_days=5, penal_rate=Decimal("0.365"), fee_flat=1_000)
TWO_OF_THREE = 12_000_00
"""Closes one of the `three` loans and pays a part of another."""


@pytest.fixture
def three(make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]) -> list[Invoice]:
    """Three loans of 8,000.00 that one purchaser owes."""
    line = make_line(terms=LATE)
    return [make_invoice("disbursed", line=line) for _ in range(3)]


def test_oldest_first(ctx: Context, three: list[Invoice]) -> None:
    day, payer = at(ctx, 40), three[0].purchaser_id
    with costs(sends=17, reckons=3), transaction():
        record_receipt(day, payer, amount=TWO_OF_THREE, bank_reference="R-1", value_date=day.today)
    assert [invoice.status for invoice in three] == ["repaid", "disbursed", "disbursed"]


def test_an_allocation_of_ones_own(ctx: Context, three: list[Invoice]) -> None:
    day, payer = at(ctx, 40), three[0].purchaser_id
    wanted = [
        Split(loan.id, 80_00, 10_00, 0, 500_00) for loan in db.session.query(Loan).order_by(Loan.id)[:2]
    ]
    with costs(sends=12, reckons=2), transaction():
        record_receipt(day, payer, amount=1_200_00, bank_reference="R-1", value_date=day.today, wanted=wanted)


def test_a_proposal_that_is_recorded(ctx: Context, three: list[Invoice]) -> None:
    day, payer = at(ctx, 40), three[0].purchaser_id
    with costs(sends=17, reckons=3), transaction():
        proposal = propose_receipt(payer, TWO_OF_THREE, day.today)
        record_receipt(
            day,
            payer,
            amount=TWO_OF_THREE,
            bank_reference="R-1",
            value_date=day.today,
            wanted=[line.split for line in proposal.lines],
            left_over=proposal.left_over,
            debts=proposal.debts,
        )


def test_a_debts_own_amount(ctx: Context, three: list[Invoice]) -> None:
    day, invoice_id = at(ctx, 40), three[0].id
    with costs(sends=13, reckons=1), transaction():
        repay_in_full(day, invoice_id, bank_reference="R-1", value_date=day.today)


def test_the_page(
    ctx: Context, three: list[Invoice], login: Callable[..., FlaskClient], business_day: Today
) -> None:
    day = at(ctx, 40).today
    business_day(day)
    admin = login(Role.ADMIN)
    about = {
        "customer_id": three[0].purchaser_id,
        "amount": "12,000.00",
        "value_date": day,
        "bank_reference": "R-1",
        "action": "propose",
    }
    with costs(sends=10, reckons=3):
        sheet = admin.post("/admin/receipts/new", data=about)
    sent = {**inputs(sheet.text), "action": "record"}
    with costs(sends=22, reckons=3):
        answer = admin.post("/admin/receipts/new", data=sent)
    assert answer.status_code == 303, words(answer.text)
    assert db.session.query(Receipt).one().amount == TWO_OF_THREE
