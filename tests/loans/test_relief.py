"""Waivers and extensions: what they take off, who may grant them, and that both are undone without a trace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, render_template
from flask.testing import FlaskClient

from tests.support.database import OWNER
from tests.support.pages import Today, words
from tests.support.payouts import bundle_and_confirm
from tests.support.people import acts
from tests.support.receipts import LATE, receive
from tests.support.threads import in_threads
from tests.support.values import TERMS, TODAY, at
from tusker.domain.loans.allocation import Allocation as Split
from tusker.domain.loans.extensions import ReliefLimits
from tusker.domain.loans.interest import AmountDue
from tusker.domain.terms import Collection, DueConvention, InterestTiming
from tusker.domain.working_days import WorkingDays
from tusker.errors import ClosedDay, Conflict, InvalidInput, TuskerError
from tusker.extensions import db
from tusker.models import (
    Adjustment,
    CreditLine,
    Event,
    Invoice,
    Loan,
    OutboxMessage,
    Receipt,
    Relief,
    Reminder,
    Role,
    User,
)
from tusker.queries.loans.account_statements.statement import statement
from tusker.queries.loans.ageing import ageing
from tusker.queries.loans.loans import loan_of_invoice
from tusker.queries.record.proof import prove
from tusker.services.approvals.deciding import accept
from tusker.services.context import Context
from tusker.services.loans.overdue import remind, review_holds, turn_to_recourse
from tusker.services.loans.receipts.recording import record_receipt, repay_in_full
from tusker.services.loans.receipts.undoing import reverse_receipt
from tusker.services.loans.relief.granting import extend, waive
from tusker.services.loans.relief.undoing import undo_relief
from tusker.services.loans.reserve import reserve_left
from tusker.services.loans.write_off import undo_write_off, write_off
from tusker.services.payout.settlement.undoing import undo_disbursal
from tusker.transactions import transaction

ALONE = ReliefLimits(10**12, Decimal(1), 365)
BY_TWO = replace(ALONE, alone=0)
EASY = replace(
    TERMS, apr=Decimal("0.365"), tenor_days=30, fee_flat=50_00, grace_days=2, penal_rate=Decimal("0.365")
)
"""Of 8,000.00 lent: 8.00 of interest a day, a fee of 50.00, 8.00 of penalty a day once 2 days of grace are over."""


@pytest.fixture
def invoice(make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]) -> Invoice:
    """An invoice of 10,000.00 of which 8,000.00 were paid out for 30 days."""
    return make_invoice("disbursed", line=make_line(terms=EASY))


def grant(ctx: Context, invoice: Invoice, limits: ReliefLimits = ALONE, **given: object) -> Any:
    with transaction():
        wanted = {"value_date": ctx.today, "reason": "goodwill", "limits": limits, **given}
        return waive(ctx, invoice.id, **wanted)  # type: ignore[arg-type]


def prolong(
    ctx: Context,
    invoice: Invoice,
    days: int,
    limits: ReliefLimits = ALONE,
    *,
    interest: bool = True,
    **more: bool,
) -> Any:
    """Move the due date to so many days after the payout."""
    with transaction():
        return extend(
            ctx,
            invoice.id,
            due_date=TODAY + timedelta(days=days),
            with_interest=interest,
            reason="the ship is late",
            limits=limits,
            **more,
        )


def undo(ctx: Context, relief: Relief) -> None:
    with transaction():
        undo_relief(ctx, relief.id, reason="a mistake")


def owed(ctx: Context, invoice: Invoice, days: int, *, seen: int | None = None) -> AmountDue:
    """What is owed so many days after the payout, as it was seen then or on another day."""
    row = loan_of_invoice(invoice.id, at(ctx, days if seen is None else seen).today)
    assert row is not None
    return replace(row, as_of=at(ctx, days).today).live


def parts(due: AmountDue) -> tuple[int, int, int]:
    return due.penalty, due.fee, due.interest


def loan_of(invoice: Invoice) -> Loan:
    return db.session.query(Loan).filter_by(invoice_id=invoice.id).one()


def holds() -> None:
    proof = prove()
    assert (proof.differences, proof.mismatches) == ([], [])


def events(invoice: Invoice, *kinds: str) -> list[str]:
    rows = db.session.query(Event).filter_by(subject="invoice", subject_id=invoice.id).order_by(Event.id)
    return [row.kind for row in rows if row.kind in kinds]


def test_a_waiver_takes_parts_of_the_charges_off(ctx: Context, invoice: Invoice) -> None:
    day = at(ctx, 40)
    assert parts(owed(ctx, invoice, 40)) == (80_00, 50_00, 320_00)
    grant(day, invoice, penalty=80_00, interest=20_00)
    assert parts(owed(ctx, invoice, 40)) == (0, 50_00, 300_00)
    assert parts(owed(ctx, invoice, 41)) == (8_00, 50_00, 308_00)
    assert parts(owed(ctx, invoice, 40, seen=39)) == (80_00, 50_00, 320_00)
    assert loan_of(invoice).open_principal == 8_000_00
    holds()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"penalty": 80_01}, "penalty"),
        ({"fee": 50_01}, "fee"),
        ({"interest": 320_01}, "interest"),
        ({"interest": -1}, "interest"),
        ({}, "interest"),
        ({"interest": 320_00, "value_date": TODAY + timedelta(days=39)}, "interest"),
        ({"penalty": 1, "value_date": TODAY + timedelta(days=32)}, "penalty"),
        ({"interest": 1, "value_date": TODAY + timedelta(days=41)}, "value_date"),
        ({"interest": 1, "value_date": TODAY - timedelta(days=1)}, "value_date"),
        ({"interest": 1, "reason": " "}, "reason"),
        ({"interest": 1, "reason": "x" * 600}, "reason"),
        ({"penalty": 80_00, "limits": replace(ALONE, most=Decimal("0.00999"))}, "amount"),
    ],
)
def test_never_more_than_is_owed_of_each_part_on_its_day(
    ctx: Context, invoice: Invoice, given: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        grant(at(ctx, 40), invoice, **given)  # type: ignore[arg-type]
    assert refused.value.field == field
    assert db.session.query(Relief).count() == db.session.query(Adjustment).count() == 0


def pay_all_but_interest(ctx: Context, invoice: Invoice) -> Receipt:
    """Pay penalty, fee and principal, and leave the interest open."""
    days = (ctx.today - TODAY).days
    due = owed(ctx, invoice, 0, seen=days) if days == 0 else owed(replace(ctx, today=TODAY), invoice, days)
    split = Split(loan_of(invoice).id, due.penalty, due.fee, 0, due.principal)
    with transaction():
        return record_receipt(
            ctx,
            invoice.purchaser_id,
            amount=split.total,
            bank_reference="ALL-BUT",
            value_date=ctx.today,
            wanted=[split],
        )


def test_a_waiver_that_leaves_nothing_ends_the_loan_and_its_undoing_opens_it(
    ctx: Context, invoice: Invoice
) -> None:
    day = at(ctx, 40)
    receipt = pay_all_but_interest(day, invoice)
    relief = grant(day, invoice, interest=320_00)
    assert (invoice.status, loan_of(invoice).closed_on) == ("repaid", day.today)
    assert reserve_left(invoice.id) == 0
    holds()
    undo(at(ctx, 45), relief)
    assert (invoice.status, loan_of(invoice).closed_on) == ("disbursed", None)
    assert owed(ctx, invoice, 45).total == 320_00
    assert reserve_left(invoice.id) == 2_000_00
    assert events(invoice, "waived", "repaid", "waiver_undone", "reopened") == [
        "waived",
        "repaid",
        "waiver_undone",
        "reopened",
    ]
    holds()
    with transaction():
        reverse_receipt(at(ctx, 45), receipt.id, reason="bounced")
    assert parts(owed(ctx, invoice, 45)) == (120_00, 50_00, 360_00)
    holds()


def test_receipts_around_a_waiver_are_barred_as_around_a_payment(ctx: Context, invoice: Invoice) -> None:
    relief = grant(at(ctx, 40), invoice, penalty=80_00)
    before, after = at(ctx, 39), at(ctx, 41)

    def repay(value_date: date) -> None:
        with transaction():
            repay_in_full(at(ctx, 42), invoice.id, bank_reference="R-1", value_date=value_date)

    with pytest.raises(InvalidInput, match="undo it first"):
        repay(before.today)
    part = receive(after, invoice, 100_00, "PART")
    with pytest.raises(InvalidInput, match="undo it first"):
        grant(at(ctx, 42), invoice, interest=1_00, value_date=before.today)
    with transaction():
        reverse_receipt(at(ctx, 42), part.id, reason="bounced")
    repay(at(ctx, 40).today)
    assert invoice.status == "repaid"
    undo(at(ctx, 43), relief)
    assert owed(ctx, invoice, 43).total == 80_00
    holds()


def test_charges_waived_stand_on_the_statement_as_an_adjustment(ctx: Context, invoice: Invoice) -> None:
    grant(at(ctx, 40), invoice, penalty=80_00)
    made = statement(invoice.purchaser_id, "purchaser", TODAY, at(ctx, 40).today)
    assert (made.adjustments, made.adds_up) == (80_00, True)


@pytest.fixture
def two(
    app: Flask, ctx: Context, create_user: Callable[..., User], monkeypatch: pytest.MonkeyPatch
) -> tuple[Context, Context]:
    """Two admins on the 40th day, where two are needed."""
    monkeypatch.setitem(app.config, "REQUIRE_SECOND_ADMIN", True)
    return acts(at(ctx, 40), create_user()), acts(at(ctx, 40), create_user())


def test_above_the_limit_another_admin_accepts(
    invoice: Invoice, ctx: Context, two: tuple[Context, Context]
) -> None:
    one, other = two
    made = grant(one, invoice, BY_TWO, penalty=80_00)
    assert (made.state, owed(ctx, invoice, 40).penalty) == ("open", 80_00)
    with transaction():
        accept(other, made.id)
    assert (made.state, owed(ctx, invoice, 40).penalty) == ("accepted", 0)
    relief = db.session.query(Relief).one()
    assert (relief.second_admin, relief.proposed_by, relief.decided_by) == (
        True,
        one.actor_id,
        other.actor_id,
    )
    holds()


def test_small_relief_is_granted_by_one_admin_until_its_sum_is_reached(
    invoice: Invoice, two: tuple[Context, Context]
) -> None:
    limits = replace(BY_TWO, alone=50_00)
    assert grant(two[0], invoice, limits, penalty=30_00).state == "accepted"
    assert grant(two[0], invoice, limits, penalty=20_00).state == "accepted"
    assert grant(two[0], invoice, limits, penalty=1).state == "open"


def test_a_proposal_is_checked_again_when_it_is_accepted(
    invoice: Invoice, ctx: Context, two: tuple[Context, Context]
) -> None:
    one, other = two
    relief = grant(one, invoice, BY_TWO, penalty=80_00)
    receive(at(ctx, 40), invoice, 50_00)
    with pytest.raises(InvalidInput, match=r"At most ₹30\.00 of penalty"), transaction():
        accept(other, relief.id)
    with transaction():
        repay_in_full(at(ctx, 40), invoice.id, bank_reference="ALL", value_date=at(ctx, 40).today)
    with pytest.raises(Conflict, match="Nothing is owed"), transaction():
        accept(other, relief.id)


def test_a_proposal_falls_with_the_payout_of_its_loan(
    invoice: Invoice, ctx: Context, two: tuple[Context, Context]
) -> None:
    one, other = two
    relief = grant(one, invoice, BY_TWO, penalty=80_00)
    first = loan_of(invoice)
    with transaction():
        undo_disbursal(one, first.disbursal_id, reason="came back")
    with pytest.raises(Conflict, match="Nothing is owed"), transaction():
        accept(other, relief.id)
    bundle_and_confirm(ctx, [invoice.id])
    with pytest.raises((Conflict, InvalidInput)), transaction():
        accept(other, relief.id)


def test_nothing_is_granted_on_a_loan_that_was_written_off(ctx: Context, invoice: Invoice) -> None:
    relief = grant(at(ctx, 40), invoice, penalty=80_00)
    with transaction():
        write_off(at(ctx, 41), invoice.id, reason="insolvent")
    refused = pytest.raises(Conflict, match="is written off: undo the write-off first")
    with refused:
        grant(at(ctx, 41), invoice, penalty=8_00)
    with refused:
        prolong(at(ctx, 41), invoice, 60)
    with refused:
        undo(at(ctx, 41), relief)
    holds()
    with transaction():
        undo_write_off(at(ctx, 42), invoice.id, reason="as it says")
    undo(at(ctx, 42), relief)
    prolong(at(ctx, 42), invoice, 60)
    with transaction():
        write_off(at(ctx, 42), invoice.id, reason="insolvent")
    holds()


def test_an_extension_with_interest_moves_term_penalty_and_days(ctx: Context, invoice: Invoice) -> None:
    relief = prolong(at(ctx, 40), invoice, 60)
    assert (loan_of(invoice).due_date, loan_of(invoice).first_due_date) == (
        TODAY + timedelta(days=60),
        TODAY + timedelta(days=30),
    )
    assert relief.gives_up == 240_00  # 30 days of penalty
    assert parts(owed(ctx, invoice, 60)) == (0, 50_00, 480_00)
    assert owed(ctx, invoice, 60) == loan_of_invoice(invoice.id, at(ctx, 60).today).term  # type: ignore[union-attr]
    assert parts(owed(ctx, invoice, 65)) == (40_00, 50_00, 520_00)
    assert owed(ctx, invoice, 65).days_past_due == 5
    holds()


def test_an_extension_without_interest_leaves_the_days_between_out(ctx: Context, invoice: Invoice) -> None:
    prolong(at(ctx, 40), invoice, 60, interest=False)
    for day in (30, 45, 60):
        assert owed(ctx, invoice, day, seen=60).total == 8_000_00 + 50_00 + 240_00
    assert parts(owed(ctx, invoice, 65)) == (40_00, 50_00, 280_00)
    holds()


def test_past_days_come_out_as_they_were_shown(ctx: Context, invoice: Invoice) -> None:
    def shown(day: int) -> tuple[int, int, date]:
        row = loan_of_invoice(invoice.id, at(ctx, day).today)
        assert row is not None
        return row.live.total, row.term.total, row.due_date

    before = [shown(day) for day in (20, 39)]
    relief = prolong(at(ctx, 40), invoice, 60, interest=False)
    between = [shown(day) for day in (40, 50)]
    assert between[0] == (8_290_00, 8_290_00, TODAY + timedelta(days=60))
    undo(at(ctx, 51), relief)
    assert [shown(day) for day in (20, 39)] == before
    assert [shown(day) for day in (40, 50)] == between
    assert parts(owed(ctx, invoice, 51)) == (168_00, 50_00, 408_00)
    assert loan_of(invoice).due_date == TODAY + timedelta(days=30)
    for last in (39, 45, 51):
        made = statement(invoice.purchaser_id, "purchaser", TODAY, at(ctx, last).today)
        assert made.adds_up
    holds()


def test_interest_deducted_at_the_payout_and_interest_for_the_extra_days(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    upfront = replace(EASY, interest_timing=InterestTiming.UPFRONT)
    line = make_line(terms=upfront)
    paying, free = make_invoice("disbursed", line=line), make_invoice("disbursed", line=line)
    prolong(ctx, paying, 60)
    prolong(ctx, free, 60, interest=False)
    for day, more in ((30, 0), (45, 120_00), (60, 240_00)):
        assert parts(owed(ctx, paying, day)) == (0, 0, more)
        assert parts(owed(ctx, free, day)) == (0, 0, 0)
    assert parts(owed(ctx, free, 65)) == (40_00, 0, 40_00)
    assert parts(owed(ctx, free, 20)) == (0, 0, -80_00)
    with transaction():
        repay_in_full(at(ctx, 50), free.id, bank_reference="R", value_date=at(ctx, 50).today)
    assert free.status == "repaid"
    holds()


def test_due_dates_move_back_and_forth_and_only_the_last_move_is_undone(
    ctx: Context, invoice: Invoice
) -> None:
    first = prolong(at(ctx, 31), invoice, 60, interest=False)
    second = prolong(at(ctx, 32), invoice, 45)
    assert parts(owed(ctx, invoice, 60)) == (120_00, 50_00, 360_00)  # 15 days late, 15 left out
    with pytest.raises(Conflict, match="moved again since"):
        undo(at(ctx, 33), first)
    undo(at(ctx, 33), second)
    assert parts(owed(ctx, invoice, 60)) == (0, 50_00, 240_00)
    undo(at(ctx, 33), first)
    assert parts(owed(ctx, invoice, 60)) == (240_00, 50_00, 480_00)
    holds()


@pytest.mark.parametrize("days", [30, 0, -5, 30 + 366])
def test_a_due_date_that_cannot_be_is_named(ctx: Context, invoice: Invoice, days: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        prolong(ctx, invoice, days)
    assert refused.value.field == "due_date"
    assert db.session.query(Relief).count() == 0


def test_an_extension_undone_on_a_paid_loan_opens_it_for_what_it_had_left_out(
    ctx: Context, invoice: Invoice
) -> None:
    relief = prolong(at(ctx, 31), invoice, 60, interest=False)
    with transaction():
        repay_in_full(at(ctx, 60), invoice.id, bank_reference="R", value_date=at(ctx, 60).today)
    assert invoice.status == "repaid"
    undo(at(ctx, 61), relief)
    assert (invoice.status, owed(ctx, invoice, 61).total) == ("disbursed", 480_00)
    holds()
    with transaction():
        repay_in_full(at(ctx, 62), invoice.id, bank_reference="R-2", value_date=at(ctx, 62).today)
    assert invoice.status == "repaid"
    holds()


def test_an_extension_waits_for_another_admin_too(
    ctx: Context, invoice: Invoice, two: tuple[Context, Context]
) -> None:
    relief = prolong(two[0], invoice, 60, BY_TWO, interest=False)
    assert (relief.state, loan_of(invoice).due_date) == ("open", TODAY + timedelta(days=30))
    with transaction():
        accept(two[1], relief.id)
    assert loan_of(invoice).due_date == TODAY + timedelta(days=60)
    holds()


def test_a_closed_day_is_asked_about_where_the_terms_have_a_convention(
    app: Flask,
    ctx: Context,
    make_line: Callable[..., CreditLine],
    make_invoice: Callable[..., Invoice],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed = WorkingDays(frozenset({(5, None), (6, None)}), lambda _day: None)
    monkeypatch.setitem(app.extensions, "tusker_working_days", closed)
    following = replace(EASY, due_convention=DueConvention.FOLLOWING)
    strict = make_invoice("disbursed", line=make_line(terms=following))
    loose = make_invoice("disbursed", line=make_line(terms=EASY))
    saturday = 54  # the 25th of April 2026
    with pytest.raises(ClosedDay, match=r"25 Apr 2026 .Saturday.; by the terms .* 27 Apr 2026"):
        prolong(ctx, strict, saturday)
    assert prolong(ctx, strict, saturday, on_closed_day=True).due_date == date(2026, 4, 25)
    assert prolong(ctx, loose, saturday).due_date == date(2026, 4, 25)


def test_reminders_recourse_holds_and_ageing_follow_the_new_due_date(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    invoice = make_invoice("disbursed", line=make_line(terms=replace(EASY, recourse_days=5)))
    with transaction():
        assert remind(at(ctx, 31), [1]) == 1
    prolong(at(ctx, 34), invoice, 60)
    with transaction():
        assert turn_to_recourse(at(ctx, 36)) == []
        assert review_holds(at(ctx, 50), 10) == []
        assert remind(at(ctx, 50), [1]) == 0
        assert remind(at(ctx, 61), [1]) == remind(at(ctx, 62), [1]) + 1 == 1
    assert ageing(at(ctx, 61).today).totals["1–30"] > 0
    with transaction():
        assert turn_to_recourse(at(ctx, 66)) == [invoice.id]
        assert review_holds(at(ctx, 71), 10) == [invoice.supplier_id]
    assert [(row.due_date - TODAY).days for row in db.session.query(Reminder).order_by(Reminder.id)] == [
        30,
        60,
    ]


def test_a_debt_that_is_not_late_any_more_goes_back_to_the_purchaser(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    invoice = make_invoice("disbursed", line=make_line(terms=replace(EASY, recourse_days=5)))
    with transaction():
        assert turn_to_recourse(at(ctx, 36)) == [invoice.id]
    prolong(at(ctx, 37), invoice, 31)
    assert loan_of(invoice).recourse_on == at(ctx, 36).today  # 6 days late still
    relief = prolong(at(ctx, 37), invoice, 32)
    assert loan_of(invoice).recourse_on is None
    assert events(invoice, "recourse", "recourse_ended") == ["recourse", "recourse_ended"]
    undo(at(ctx, 38), relief)
    with transaction():
        assert turn_to_recourse(at(ctx, 38)) == [invoice.id]


def test_both_sides_are_told(
    ctx: Context, invoice: Invoice, create_user: Callable[..., User], make_line: Callable[..., CreditLine]
) -> None:
    for role, customer in ((Role.SUPPLIER, invoice.supplier), (Role.PURCHASER, invoice.purchaser)):
        create_user(role, customer=customer, email=f"{role}@told.example.com")

    def told() -> list[str]:
        rows = db.session.query(OutboxMessage).filter_by(template="loans/relief").order_by(OutboxMessage.id)
        return sorted(row.recipient for row in rows if row.recipient.endswith("told.example.com"))

    both = ["purchaser@told.example.com", "supplier@told.example.com"]
    undo(at(ctx, 40), grant(at(ctx, 40), invoice, penalty=80_00))
    assert told() == sorted(both * 2)
    prolong(at(ctx, 40), invoice, 60)
    assert told() == sorted(both * 3)


def test_a_purchaser_that_pays_the_face_value_is_told_of_due_dates_only(
    ctx: Context,
    create_user: Callable[..., User],
    make_line: Callable[..., CreditLine],
    make_invoice: Callable[..., Invoice],
) -> None:
    line = make_line(terms=replace(EASY, collection=Collection.INVOICE))
    invoice = make_invoice("disbursed", line=line)
    create_user(Role.PURCHASER, customer=invoice.purchaser, email="purchaser@told.example.com")

    def told() -> int:
        wanted = {"template": "loans/relief", "recipient": "purchaser@told.example.com"}
        return db.session.query(OutboxMessage).filter_by(**wanted).count()

    grant(at(ctx, 40), invoice, interest=320_00)
    assert told() == 0
    receive(at(ctx, 40), invoice, 10_000_00)
    assert loan_of(invoice).face_open == 0
    holds()
    other = make_invoice("disbursed", line=line)
    prolong(at(ctx, 40), other, 60)
    assert told() == 1


def test_the_proof_finds_due_dates_and_waivers_that_differ(ctx: Context, invoice: Invoice) -> None:
    prolong(at(ctx, 20), invoice, 60)
    grant(at(ctx, 40), invoice, interest=5_00)
    holds()
    loan = loan_of(invoice)
    with transaction():
        loan.due_date = TODAY + timedelta(days=61)
    assert [m.check for m in prove().mismatches] == ["due date as relief moved it"]
    with transaction():
        loan.due_date = TODAY + timedelta(days=60)
        db.session.execute(OWNER)
        db.session.query(Adjustment).one().interest = 4_00
    assert {m.check for m in prove().mismatches} == {"waived of the loan", "row of the waiver"}


def test_refused_relief_leaves_nothing_behind(ctx: Context, invoice: Invoice) -> None:
    with pytest.raises(TuskerError):
        prolong(ctx, invoice, 30)
    with pytest.raises(TuskerError):
        grant(ctx, invoice, interest=1)
    assert db.session.query(Relief).count() == db.session.query(Event).filter_by(kind="waived").count() == 0


def test_the_examples_of_the_manual(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    manual = (Path(__file__).parents[2] / "docs" / "money.md").read_text()

    def told(amount: int) -> int:
        assert f"₹{amount // 100:,}.{amount % 100:02}" in manual
        return amount

    late = make_invoice("disbursed", line=make_line(terms=LATE))
    due = owed(ctx, late, 40)
    assert parts(due) == (told(80_00), told(10_00), told(157_81))
    assert due.total == told(8_247_81)
    grant(at(ctx, 40), late, penalty=80_00)
    assert (owed(ctx, late, 40).total, owed(ctx, late, 41).total) == (told(8_167_81), told(8_179_75))
    paying, free = (make_invoice("disbursed", line=make_line()) for _ in range(2))
    assert owed(ctx, paying, 90).total == told(8_355_07)
    prolong(ctx, paying, 120)
    assert prolong(ctx, free, 120, interest=False).gives_up == told(118_35)
    assert owed(ctx, paying, 120).total == told(8_473_42)
    assert [owed(ctx, free, day).total for day in (90, 105, 120)] == [8_355_07] * 3
    assert owed(ctx, free, 130).total == told(8_394_52)


def test_a_proposal_is_accepted_once_however_many_press_the_button(
    app: Flask, ctx: Context, invoice: Invoice, two: tuple[Context, Context]
) -> None:
    relief_id = grant(two[0], invoice, BY_TWO, penalty=80_00).id

    def press() -> bool:
        try:
            with transaction():
                accept(two[1], relief_id)
        except Conflict:
            return False
        return True

    assert in_threads(app, [press] * 8).count(True) == 1
    assert db.session.query(Adjustment).count() == 1
    assert owed(ctx, invoice, 40).penalty == 0


def test_the_mail_says_what_is_owed_and_when(app: Flask, ctx: Context, invoice: Invoice) -> None:
    def said() -> str:
        row = (
            db.session.query(OutboxMessage)
            .filter_by(template="loans/relief")
            .order_by(OutboxMessage.id)
            .all()
        )
        return " ".join(render_template("mail/loans/relief.txt", **row[-1].context).split())

    invoice.purchaser.email = "buyer@example.com"
    db.session.commit()
    day = at(ctx, 40)
    relief = grant(day, invoice, penalty=80_00)
    assert f"₹80.00 of the charges on {invoice.number}" in said()
    assert "are waived." in said()
    undo(day, relief)
    assert "that was undone, and they are owed again" in said()
    moved = prolong(day, invoice, 60, interest=False)
    assert "is now due on 1 May 2026. No interest is charged for the days" in said()
    undo(day, moved)
    assert "is now due on 1 Apr 2026. " in said()
    assert "interest" not in said()


def test_the_balance_names_the_days_without_interest(
    login: Callable[..., FlaskClient], business_day: Today, ctx: Context, invoice: Invoice
) -> None:
    prolong(at(ctx, 31), invoice, 60, interest=False)
    business_day(at(ctx, 65).today)
    page = words(login().get(f"/reports/ageing/balance/{invoice.id}?as_of=2026-05-06").text)
    assert "No interest: the due date was moved without it after 1 Apr 2026 until 1 May 2026" in page
    assert "₹8,370.00" in page  # 35 days of interest, 5 of penalty, the fee
