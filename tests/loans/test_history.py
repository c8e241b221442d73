"""What happened on past days and what is due: kept sums are the same as what was booked, and as the page's totals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, text

from tests.support.invoices import deliver, order_on
from tests.support.payouts import bundle_and_confirm
from tests.support.receipts import receive
from tests.support.values import TERMS, TODAY
from tusker.extensions import db
from tusker.jobs.positions import keep_positions
from tusker.models import CreditLine, DaySum, DueSum, Invoice, Loan, LoanPosition, SupplierAccount
from tusker.queries.loans.history import (
    BOOK,
    Flow,
    Whose,
    due_by_day,
    flows_of_purchasers,
    history,
    keep_days,
    wrong_day_sums,
)
from tusker.queries.loans.period import booked_between
from tusker.queries.loans.positions import loan_totals
from tusker.queries.record.proof import prove
from tusker.services.context import Context
from tusker.services.credit.requesting.financing import request_financing
from tusker.services.loans.receipts.undoing import reverse_receipt
from tusker.services.loans.write_off import write_off
from tusker.transactions import transaction

pytestmark = pytest.mark.usefixtures("stopped_clock")

LONG_AGO = TODAY - timedelta(days=400)


@pytest.fixture
def lend(ctx: Context, make_line: Callable[..., CreditLine]) -> Callable[..., Invoice]:
    """Lend ₹8,000.00 so many days ago."""
    terms = replace(TERMS, fee_flat=100_00)
    seller = make_line(terms=terms, valid_from=LONG_AGO)

    def make(ago: int, line: CreditLine | None = None) -> Invoice:
        on = line or seller
        past = replace(ctx, now=ctx.now - timedelta(days=ago), today=ctx.today - timedelta(days=ago))
        order = order_on(on, 10_000_00, updated_at=past.now)
        with transaction():
            decision = request_financing(past, on.supplier_id, order, source="test")
        deliver(past, decision.invoice_id, order)
        bundle_and_confirm(past, [decision.invoice_id])
        return db.session.get_one(Invoice, decision.invoice_id)

    return make


def total(since: date = LONG_AGO, whose: Whose = BOOK) -> Flow:
    return sum(history(since, TODAY, whose).values(), Flow())


def booked_by_day(whose: Whose) -> dict[date, tuple[int, int, int, int]]:
    """Paid out, repaid, given up and earned, from the rows that a mark of a plot leads to."""
    sums: dict[date, list[int]] = {}
    for row in booked_between(LONG_AGO, TODAY, whose):
        of_day = sums.setdefault(row.day, [0, 0, 0, 0])
        of_day[{"paid_out": 0, "repaid": 1}.get(row.what, 2)] += row.amount
        of_day[3] += row.earned
    return {day: (paid, repaid, lost, earned) for day, (paid, repaid, lost, earned) in sums.items()}


def agree() -> None:
    """Figures of the plots are those of the pages."""
    for whose in (
        BOOK,
        *(Whose(supplier_id=key) for (key,) in db.session.query(SupplierAccount.customer_id)),
    ):
        totals = loan_totals(TODAY, supplier_id=whose.supplier_id)
        assert total(whose=whose).outstanding == totals.principal
        assert sum(due.term for due in due_by_day(TODAY, whose).values()) == totals.term
        flows = {day: flow for day, flow in history(LONG_AGO, TODAY, whose).items() if flow != Flow()}
        assert booked_by_day(whose) == {
            day: (flow.paid_out, flow.repaid, flow.lost, flow.earned)
            for day, flow in flows.items()
            if flow.paid_out or flow.repaid or flow.lost or flow.earned
        }
    used = sum(found for (found,) in db.session.query(SupplierAccount.used_amount))
    assert total().exposure == used
    assert wrong_day_sums() == prove().mismatches == []


def test_kept_days_say_the_same_as_what_was_booked(
    ctx: Context, lend: Callable[..., Invoice], make_line: Callable[..., Any]
) -> None:
    first, second = lend(60), lend(10)
    other = make_line(terms=TERMS, valid_from=LONG_AGO)
    third = lend(5, other)
    receipt = receive(replace(ctx, today=TODAY - timedelta(days=40)), first, 3_000_00)
    before = history(LONG_AGO, TODAY)
    agree()
    keep_positions()
    assert db.session.query(DaySum.day).filter_by(kind="book").order_by(DaySum.day.desc()).first() == (
        TODAY - timedelta(days=2),
    )
    flows = {day: flow for day, flow in history(LONG_AGO, TODAY).items() if flow != Flow()}
    assert flows == before
    agree()
    # what comes later counts at once, and the day of what is undone stays as it was
    receive(ctx, second, 1_000_00, reference="R-2")
    with transaction():
        reverse_receipt(ctx, receipt.id, reason="bounced")
    with transaction():
        write_off(ctx, third.id, reason="gone")
    agree()
    now = total()
    assert (now.lent, now.paid_out, now.repaid, now.lost) == (24_000_00, 24_000_00, 1_000_00, 8_000_00)
    assert history(LONG_AGO, TODAY)[TODAY - timedelta(days=40)].repaid == 3_000_00
    keep_positions()
    agree()
    assert total(whose=Whose(supplier_id=other.supplier_id)).lent == 8_000_00
    assert flows_of_purchasers(LONG_AGO, TODAY, [other.purchaser_id])[other.purchaser_id].lost == 8_000_00


def test_days_to_payment_are_weighted_with_the_principal(ctx: Context, lend: Callable[..., Invoice]) -> None:
    invoice = lend(30)
    receive(ctx, invoice, db.session.query(Loan).one().principal)
    assert total().days_to_payment == 30
    assert total().days_to_delivery == 0
    assert Flow().days_to_payment is Flow().days_to_delivery is None


def test_a_due_date_that_moves_leaves_nothing_behind(lend: Callable[..., Invoice]) -> None:
    lend(3)
    keep_positions()
    loan = db.session.query(Loan).one()
    with transaction():
        loan.due_date += timedelta(days=7)
    assert list(due_by_day(TODAY))
    assert due_by_day(TODAY)[loan.due_date].term > 0
    keep_positions()
    assert {due for (due,) in db.session.query(DueSum.due_date)} == {loan.due_date}
    assert prove().mismatches == []


@pytest.mark.parametrize("table", ["day_sums", "due_sums"])
def test_the_proof_finds_a_wrong_sum(lend: Callable[..., Invoice], table: str) -> None:
    lend(10)
    keep_positions()
    name = "lent" if table == "day_sums" else "term"
    db.session.execute(text(f"UPDATE {table} SET {name} = {name} + 1 WHERE kind = 'supplier'"))
    found = wrong_day_sums() if table == "day_sums" else prove().mismatches
    assert {row.stored - row.recomputed for row in found if row.check == "lent of a day"} == (
        {1} if table == "day_sums" else set()
    )
    assert found


def test_the_proof_finds_a_wrong_sum_after_many_quiet_days(
    lend: Callable[..., Invoice], make_line: Callable[..., CreditLine]
) -> None:
    lend(130)
    lend(5, make_line(terms=TERMS, valid_from=LONG_AGO))
    for ago in range(125, 5, -1):
        keep_days(TODAY - timedelta(days=ago))
    keep_days(TODAY - timedelta(days=2))
    assert db.session.query(DaySum).filter_by(kind="book", lent=0).count() >= 100
    assert wrong_day_sums() == []
    db.session.execute(text("UPDATE day_sums SET lent = lent + 1 WHERE kind = 'book' AND lent > 0"))
    assert {row.subject for row in wrong_day_sums()} >= {f"book 0, {TODAY - timedelta(days=5)}"}


def test_days_that_a_clock_ahead_summed_are_summed_again(lend: Callable[..., Invoice]) -> None:
    lend(10)
    keep_days(TODAY + timedelta(days=30))
    lend(1)
    assert total().lent == 16_000_00
    lend(0)
    keep_positions()
    assert db.session.query(func.max(DaySum.day)).scalar() == TODAY - timedelta(days=2)
    agree()
    assert total().lent == 24_000_00


def test_positions_of_a_worker_of_the_version_before_are_built_anew(lend: Callable[..., Invoice]) -> None:
    lend(3)
    keep_positions()
    # what such a worker leaves: a position without its due date, and sums by due date that it does not know
    db.session.execute(text("UPDATE loan_positions SET due_date = DEFAULT"))
    db.session.execute(text("DELETE FROM due_sums"))
    keep_positions()
    loan = db.session.query(Loan).one()
    assert {due for (due,) in db.session.query(LoanPosition.due_date)} == {loan.due_date}
    assert prove().mismatches == []
    agree()
