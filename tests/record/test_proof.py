"""The proof notices each row of money that is broken behind the application's back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import text

from tests.loans.test_relief import EASY, grant, prolong
from tests.support.database import OWNER
from tests.support.payouts import approve_and_release, bundle_and_confirm
from tests.support.receipts import receive
from tests.support.values import TODAY, at
from tusker.domain.terms import Collection
from tusker.extensions import db
from tusker.models import CreditLine, Invoice
from tusker.queries.record.proof import prove
from tusker.services.context import Context
from tusker.services.loans.charges import book_charge
from tusker.services.loans.write_off import write_off
from tusker.services.payout.disbursals.bundling import bundle_daily, bundle_selection
from tusker.services.payout.settlement.confirming import confirm
from tusker.services.payout.settlement.paid_after_all import pay_after_all
from tusker.services.payout.settlement.rejection import reject_payout
from tusker.transactions import transaction

BREAKS = [
    (
        "UPDATE payables SET open_amount = open_amount + 1 WHERE open_amount < amount",
        "open part of the payable",
    ),
    ("UPDATE payables SET amount = amount + 1", "open part of the payable"),
    ("UPDATE payable_lines SET amount = amount + 1", "payables of the payout"),
    ("UPDATE payable_lines SET state = 'removed', reason = 'x'", "what the payout paid for"),
    (
        "UPDATE payouts SET payables = payables - 1, net = net - 1 WHERE payables > 1",
        "what the payout paid for",
    ),
    (
        "UPDATE disbursal_lines SET state = 'removed', reason = 'x' WHERE state = 'paid'",
        "what the payout paid for",
    ),
    ("UPDATE claims SET amount = amount - 1, open_amount = open_amount - 1", "what the payout paid for"),
    ("UPDATE claims SET open_amount = open_amount - 1", "open part of the claim"),
    ("UPDATE loans SET face_open = face_open + 1", "face value still to be paid"),
    ("UPDATE adjustments SET interest = interest - 1 WHERE kind = 'recovery'", "recovery of the allocation"),
    ("DELETE FROM adjustments WHERE kind = 'recovery'", "open principal of the loan"),
    ("UPDATE adjustments SET penalty = penalty - 1 WHERE kind = 'waiver'", "row of the waiver"),
    ("UPDATE reliefs SET gives_up = gives_up + 1 WHERE kind = 'waiver'", "waived of the loan"),
    ("UPDATE reliefs SET penalty = penalty - 1 WHERE kind = 'waiver' AND gives_up > 1", "row of the waiver"),
    (
        "UPDATE loans SET due_date = due_date + 1 WHERE first_due_date IS NOT NULL",
        "due date as relief moved it",
    ),
    ("UPDATE bank_charges SET amount = amount + 1", "bank charges as they were recorded"),
    ("UPDATE allocations SET principal = principal + 1", "open principal of the loan"),
    ("UPDATE receipts SET amount = amount - 1 WHERE kind = 'payment'", "allocations of the receipt"),
    ("UPDATE receipts SET reversed_on = booked_on WHERE kind = 'payment'", "receipt or refund undone"),
    (
        "UPDATE reserve_movements SET amount = amount - 100000000 WHERE kind = 'held'",
        "reserve released or consumed",
    ),
    ("UPDATE bank_accounts SET account_number = '999999999'", "bank account as it was accepted"),
    (
        "UPDATE bank_accounts a SET state = 'replaced',"
        " customer_id = (SELECT max(c.id) FROM customers c WHERE c.id <> a.customer_id)",
        "bank account as it was accepted",
    ),
    ("UPDATE exposure_movements SET amount = amount + 1", "exposure movements of the invoice"),
]


@pytest.fixture
def book(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> Callable[[], None]:
    """Face value passed on and waiting, a recovery, a waiver, a moved due date, a bank's charge, and a payout that was
    paid twice."""
    face, debt = make_line(terms=replace(EASY, collection=Collection.INVOICE)), make_line(terms=EASY)
    for number in range(2):
        invoice = make_invoice("disbursed", line=face)
        receive(at(ctx, 10), invoice, 10_000_00, f"FACE-{number}")
        if number == 0:
            with transaction():
                made = bundle_daily(at(ctx, 10))
                assert made is not None
                approve_and_release(at(ctx, 10), made.id)
                confirm(at(ctx, 10), made.id, bank_reference="B-1", value_date=at(ctx, 10).today)
    lost, waived, moved, twice = (make_invoice("disbursed", line=debt) for _ in range(4))
    grant(at(ctx, 40), waived, penalty=80_00)
    prolong(at(ctx, 40), moved, 60)
    with transaction():
        write_off(at(ctx, 40), lost.id, reason="insolvent")
    received = receive(at(ctx, 41), lost, 5_000_00, f"REC {lost.number}")
    twice = make_invoice("financeable", line=debt)
    with transaction():
        book_charge(at(ctx, 41), received, 5_00, at(ctx, 41).today)
        payout = approve_and_release(ctx, bundle_selection(ctx, [twice.id]).id).payouts[0]
        reject_payout(ctx, payout.id, reason="AC04")
    bundle_and_confirm(ctx, [twice.id])
    with transaction():
        pay_after_all(ctx, payout.id, bank_reference="B-9", value_date=TODAY, reason="it was paid")
    return lambda: None


@pytest.mark.usefixtures("book")
def test_each_broken_row_is_noticed() -> None:
    proof = prove()
    assert (proof.differences, proof.mismatches) == ([], [])
    unnoticed = []
    db.session.execute(OWNER)
    for sql, check in BREAKS:
        with db.session.begin_nested() as savepoint:
            changed = db.session.execute(text(sql)).rowcount  # type: ignore[attr-defined]
            found = {row.check for row in prove().mismatches}
            savepoint.rollback()
        if not changed or not any(name.startswith(check) for name in found):
            unnoticed.append((sql, changed, found))
    assert unnoticed == []
