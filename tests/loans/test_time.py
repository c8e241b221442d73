"""What time and dilution do: reserve, credit notes, claims, reminders, recourse, holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.counting import statements
from tests.support.payouts import bundle_and_confirm
from tests.support.receipts import LATE, receive, used
from tests.support.values import TERMS, TODAY, at
from tusker.domain.loans.ageing import Bucket, bucket_of
from tusker.errors import Conflict, Duplicate, FinancingRefused, InvalidInput
from tusker.extensions import db
from tusker.models import Claim, CreditLine, Disbursal, Invoice, Loan, Role, User
from tusker.queries.loans.ageing import ageing
from tusker.services.context import Context
from tusker.services.credit.requesting.financing import Decision
from tusker.services.loans.deductions.credit_notes import record_credit_note
from tusker.services.loans.overdue import remind, review_holds, turn_to_recourse
from tusker.services.loans.receipts.recording import repay_in_full
from tusker.services.loans.receipts.undoing import reverse_receipt
from tusker.services.loans.reserve import reserve_left
from tusker.services.payout.settlement.undoing import undo_disbursal
from tusker.transactions import transaction


def note(ctx: Context, invoice: Invoice, amount: int, number: str = "CN-1") -> None:
    with transaction():
        record_credit_note(ctx, invoice.id, number=number, amount=amount, reason="short delivery")


def test_the_reserve_is_held_until_the_purchaser_has_paid(
    ctx: Context, make_invoice: Callable[..., Invoice]
) -> None:
    invoice = make_invoice("disbursed")
    assert reserve_left(invoice.id) == 2_000_00
    receipt = receive(ctx, invoice, 8_000_00)
    assert reserve_left(invoice.id) == 0
    with transaction():
        reverse_receipt(ctx, receipt.id, reason="bounced")
    assert reserve_left(invoice.id) == 2_000_00


def test_a_credit_note_before_the_payout_lowers_what_is_lent(
    ctx: Context, make_invoice: Callable[..., Invoice]
) -> None:
    invoice = make_invoice("financeable")
    note(ctx, invoice, 1_000_00)
    assert (invoice.principal, invoice.credit_noted) == (7_200_00, 1_000_00)
    assert used() == {7_200_00}
    bundle_and_confirm(ctx, [invoice.id])
    assert db.session.query(Loan).one().principal == 7_200_00
    assert reserve_left(invoice.id) == 1_800_00


def test_a_credit_note_after_the_payout_takes_the_reserve_and_then_becomes_a_claim(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    line = make_line()
    invoice = make_invoice("disbursed", line=line)
    note(ctx, invoice, 2_500_00)
    assert reserve_left(invoice.id) == 0
    claim = db.session.query(Claim).one()
    assert (claim.amount, claim.open_amount) == (500_00, 500_00)
    assert used() == {8_000_00}
    follow = make_invoice("financeable", line=line, value=300_00)
    bundle_and_confirm(ctx, [follow.id])
    assert claim.open_amount == 260_00
    disbursal = db.session.query(Disbursal).order_by(Disbursal.id.desc()).first()
    with transaction():
        undo_disbursal(ctx, disbursal.id, reason="returned")
    assert claim.open_amount == 500_00
    assert used() == {8_240_00}


@pytest.mark.parametrize(
    ("amount", "number", "field"),
    [
        (0, "N", "amount"),
        (-1, "N", "amount"),
        (10_000_00, "N", "amount"),
        (10_000_01, "N", "amount"),
        (1, " ", "number"),
    ],
)
def test_a_credit_note_that_cannot_be_names_its_field(
    ctx: Context, make_invoice: Callable[..., Invoice], amount: int, number: str, field: str
) -> None:
    invoice = make_invoice("financeable")
    with pytest.raises(InvalidInput) as refused:
        note(ctx, invoice, amount, number)
    assert refused.value.field == field
    assert (invoice.principal, invoice.credit_noted) == (8_000_00, 0)
    assert used() == {8_000_00}


def test_a_credit_note_is_recorded_once_and_not_while_bundled(
    ctx: Context, make_invoice: Callable[..., Invoice]
) -> None:
    invoice = make_invoice("financeable")
    note(ctx, invoice, 1_00)
    with pytest.raises(Duplicate):
        note(ctx, invoice, 2_00)
    bundle_and_confirm(ctx, [invoice.id], only_bundle=True)
    with pytest.raises(Conflict, match="bundled"):
        note(ctx, invoice, 1_00, "CN-2")


def test_a_late_customer_is_on_hold_for_requests_and_never_for_repayments(
    ctx: Context,
    make_line: Callable[..., CreditLine],
    make_invoice: Callable[..., Invoice],
    ask: Callable[..., Decision],
) -> None:
    line = make_line(terms=LATE)
    invoice = make_invoice("disbursed", line=line)
    late = at(ctx, 30 + 31)
    with transaction():
        assert review_holds(at(ctx, 30 + 30), 30) == []
    with transaction():
        assert review_holds(late, 30) == [line.purchaser_id]
        assert review_holds(late, 30) == []
    with pytest.raises(FinancingRefused, match="overdue"):
        ask(line)
    with transaction():
        repay_in_full(late, invoice.id, bank_reference="R", value_date=late.today)
    with transaction():
        assert review_holds(late, 30) == [line.purchaser_id]
    assert ask(line).approved


def test_debts_turn_to_the_supplier_after_the_days_of_recourse(
    ctx: Context,
    make_line: Callable[..., CreditLine],
    make_invoice: Callable[..., Invoice],
    create_user: Callable[..., User],
    mails: Callable[[], list[Any]],
) -> None:
    line = make_line(terms=replace(TERMS, tenor_days=10, recourse_days=5))
    invoice = make_invoice("disbursed", line=line)
    supplier = create_user(Role.SUPPLIER, customer=line.supplier.customer)
    with transaction():
        assert turn_to_recourse(at(ctx, 15)) == []
    with transaction():
        assert turn_to_recourse(at(ctx, 16)) == [invoice.id]
        assert turn_to_recourse(at(ctx, 16)) == []
    assert [(m.template, m.recipient) for m in mails()][-1] == ("loans/recourse", supplier.email)
    day = at(ctx, 20)
    with transaction():
        receipt = repay_in_full(day, invoice.id, bank_reference="R", value_date=day.today)
    assert receipt.customer_id == line.supplier_id


def test_reminders_go_once_for_each_day_before_and_after(
    ctx: Context,
    make_line: Callable[..., CreditLine],
    make_invoice: Callable[..., Invoice],
    create_user: Callable[..., User],
    mails: Callable[[], list[Any]],
) -> None:
    line = make_line(terms=replace(TERMS, tenor_days=10))
    for _ in range(2):
        make_invoice("disbursed", line=line)
    buyer = create_user(Role.PURCHASER, customer=line.purchaser.customer)
    reminded = []
    for day in range(15):
        for _ in range(2):
            with transaction():
                reminded.append((day, remind(at(ctx, day), (-3, 1))))
    assert [entry for entry in reminded if entry[1]] == [(7, 2), (11, 2)]
    sent = [m for m in mails() if m.template == "loans/reminder"]
    assert [(m.recipient, len(m.context["loans"])) for m in sent] == [(buyer.email, 2), (buyer.email, 2)]


def test_a_days_reminders_and_recourse_cost_the_same_however_many_loans_there_are(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    costs = []
    for tenor, lines in ((10, 1), (11, 3)):
        for _ in range(lines):
            line = make_line(terms=replace(TERMS, tenor_days=tenor, recourse_days=5))
            for _ in range(lines):
                make_invoice("disbursed", line=line)
    for day, number in ((11, 1), (12, 9)):
        db.session.expire_all()
        with statements() as sent, transaction():
            assert remind(at(ctx, day), (1,)) == number
        costs.append(len(sent))
    for day, number in ((16, 1), (17, 9)):
        db.session.expire_all()
        with statements() as sent, transaction():
            assert len(turn_to_recourse(at(ctx, day))) == number
        costs.append(len(sent))
    assert costs[0] == costs[1]
    assert costs[2] == costs[3]


@pytest.mark.parametrize(
    ("days", "bucket"),
    [
        (0, "current"),
        (1, "1–30"),
        (30, "1–30"),
        (31, "31–60"),
        (60, "31–60"),
        (61, "61–90"),
        (90, "61–90"),
        (91, "over 90"),
    ],
)
def test_buckets(days: int, bucket: str) -> None:
    assert bucket_of(days) == bucket


def test_ageing_adds_up_in_each_view(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    make_invoice("disbursed", line=make_line(terms=LATE))
    make_invoice("disbursed", line=make_line())
    seen = ageing(TODAY + timedelta(days=70))
    assert seen.totals[Bucket.CURRENT] > 0
    assert seen.totals[Bucket.UP_TO_60] > 0
    for view in (seen.by_supplier, seen.by_purchaser, seen.by_line):
        assert sum(row.total for row in view) == seen.outstanding
