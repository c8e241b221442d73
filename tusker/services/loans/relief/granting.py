"""Relief on loans: charges waived and due dates moved, by one admin or, above a limit, by two."""

from dataclasses import replace
from datetime import date, timedelta

from flask import current_app
from sqlalchemy import select

from tusker.currency import currency
from tusker.domain.loans.allocation import Allocation as Split
from tusker.domain.loans.extensions import ReliefLimits, after_moves
from tusker.domain.loans.interest import amount_due
from tusker.domain.terms import DueConvention
from tusker.errors import ClosedDay, Conflict, InvalidInput, existing
from tusker.extensions import db
from tusker.messages import say
from tusker.models import AdjustmentKind, Loan, Relief, ReliefKind, ReliefState
from tusker.queries.sums import sum_of
from tusker.services.context import Context
from tusker.services.loans.adjustments import adjust
from tusker.services.loans.debts import OpenDebt, load_reductions, lock_debts
from tusker.services.loans.relief.effects import end_recourse, note_relief, settle_relief, tell_companies
from tusker.services.loans.relief.relaying import lay_loan_anew
from tusker.services.locks import lock_row
from tusker.services.proposals import needs_second
from tusker.services.reasons import reason_of
from tusker.working_days import working_days

PARTS = ("penalty", "fee", "interest")


def written_off(number: str) -> Conflict:
    """What a loan that is written off is refused with."""
    return Conflict(
        "{number} is written off: undo the write-off first, then write the rest off again.", number=number
    )


def configured_limits() -> ReliefLimits:
    config = current_app.config
    alone = config["RELIEF_ALONE"]
    return ReliefLimits(
        currency().minor(alone) if alone else 0,
        config["RELIEF_MAX"],
        config["RELIEF_MAX_DAYS"],
    )


@needs_second(say("Waive charges"), "invoice", always=False, fresh={"limits": configured_limits})
def waive(
    ctx: Context,
    invoice_id: int,
    *,
    penalty: int = 0,
    fee: int = 0,
    interest: int = 0,
    value_date: date,
    reason: str,
    limits: ReliefLimits,
) -> Relief:
    """Give up parts of what an invoice's loan owes on a value date, in minor units; above what the limits let one admin
    give up alone, another one has to accept it.

    Raises `InvalidInput` naming the field for more than is owed of a part on that day, `Conflict` unless the loan is
    open.
    """
    why = reason_of(reason)
    debt = _lock_open(invoice_id)
    relief = _new(ctx, debt, ReliefKind.WAIVER, why)
    relief.penalty, relief.fee, relief.interest = penalty, fee, interest
    relief.value_date, relief.gives_up = value_date, penalty + fee + interest
    return _grant(ctx, debt, relief, limits)


@needs_second(say("Move a due date"), "invoice", always=False, fresh={"limits": configured_limits})
def extend(
    ctx: Context,
    invoice_id: int,
    *,
    due_date: date,
    with_interest: bool,
    reason: str,
    limits: ReliefLimits,
    on_closed_day: bool = False,
) -> Relief:
    """Move the due date of an invoice's loan, later or back earlier. Without interest none accrues from the old due
    date to the new one. Another admin has to accept it above what the limits let one give up alone.

    Raises `ClosedDay` for a day that the terms' convention would not leave a due date on, unless the person said so by
    `on_closed_day`; `InvalidInput` naming `due_date`; `Conflict` unless the loan is open.
    """
    why = reason_of(reason)
    debt = _lock_open(invoice_id)
    relief = _new(ctx, debt, ReliefKind.EXTENSION, why)
    relief.due_before, relief.due_date = debt.loan.due_date, due_date
    relief.with_interest = with_interest or due_date < debt.loan.due_date
    if not on_closed_day:
        _check_working_day(debt, due_date)
    return _grant(ctx, debt, relief, limits)


def _new(ctx: Context, debt: OpenDebt, kind: ReliefKind, why: str) -> Relief:
    return Relief(
        loan_id=debt.loan.id,
        kind=kind,
        state=ReliefState.ACCEPTED,
        penalty=0,
        fee=0,
        interest=0,
        with_interest=True,
        gives_up=0,
        reason=why,
        second_admin=ctx.proposed_by is not None and ctx.proposed_by != ctx.actor_id,
        proposed_at=ctx.now,
        proposed_by=ctx.proposed_by or ctx.actor_id,
        decided_at=ctx.now,
        decided_by=ctx.actor_id,
        booked_on=ctx.today,
        decision_reason="",
    )


def _grant(ctx: Context, debt: OpenDebt, relief: Relief, limits: ReliefLimits) -> Relief:
    loan = debt.loan
    if relief.kind == ReliefKind.WAIVER:
        _check_waiver(ctx, debt, relief)
    else:
        _check_extension(debt, relief, limits)
    if relief.value_date is not None:
        parts = Split(loan.id, relief.penalty, relief.fee, relief.interest, 0)
        row = adjust(ctx, loan, AdjustmentKind.WAIVER, parts, relief.value_date, relief.reason)
        db.session.flush()
        relief.adjustment_id = row.id
    elif relief.due_date is not None:
        loan.first_due_date = loan.first_due_date or loan.due_date
        loan.due_date = relief.due_date
    db.session.add(relief)
    db.session.flush()
    load_reductions([loan])
    if relief.due_date is not None:
        lay_loan_anew(ctx, loan, debt.invoice, debt.debt, relief.reason)
    second = limits.needs_second(_given_up(debt, relief, limits))
    note_relief(
        ctx, relief, ReliefState.ACCEPTED, relief.reason, invoice_id=debt.invoice.id, asks_second=second
    )
    end_recourse(ctx, loan, debt.invoice, relief.reason)
    settle_relief(ctx, loan, debt.invoice, relief.reason)
    tell_companies(ctx, relief, debt.invoice)
    return relief


def _given_up(debt: OpenDebt, relief: Relief, limits: ReliefLimits) -> int:
    """What is given up on the loan in all, of waivers only what counts now that this relief stands; raises
    `InvalidInput` where that is too much."""
    accepted = Relief.state == ReliefState.ACCEPTED
    given = sum_of(Relief.gives_up, Relief.loan_id == debt.loan.id, accepted)
    most = limits.most_on(debt.loan.principal)
    if relief.gives_up and given > most:
        raise InvalidInput(
            "With this {given} would be given up on {invoice_number}; at most {most} may be (RELIEF_MAX).",
            given=currency().show(given),
            invoice_number=debt.invoice.number,
            most=currency().show(most),
            field="amount",
        )
    return given


def _check_waiver(ctx: Context, debt: OpenDebt, relief: Relief) -> None:
    day = relief.value_date or ctx.today
    if day > ctx.today:
        raise InvalidInput("The value date must not be in the future.", field="value_date")
    due = debt.due_on(day)
    for part in PARTS:
        wanted, owed = getattr(relief, part), max(0, getattr(due, part))
        if not 0 <= wanted <= owed:
            raise InvalidInput(
                "At most {owed} of {part} can be waived on that day.",
                owed=currency().show(owed),
                part=part,
                field=part,
            )
    if not relief.gives_up:
        raise InvalidInput("Say how much of penalty, fee or interest is waived.", field="interest")


def _check_extension(debt: OpenDebt, relief: Relief, limits: ReliefLimits) -> None:
    loan, day = debt.loan, relief.due_date
    if day is None or day == loan.due_date:
        raise InvalidInput("This is the due date already.", field="due_date")
    if day <= loan.start_date:
        raise InvalidInput(
            "The due date must be after the payout ({start_date}).",
            start_date=loan.start_date,
            field="due_date",
        )
    latest = (loan.first_due_date or loan.due_date) + timedelta(days=limits.most_days)
    if day > latest:
        raise InvalidInput(
            "The due date may be {latest} at the latest (RELIEF_MAX_DAYS).", latest=latest, field="due_date"
        )
    if day > loan.due_date:
        due, free = after_moves(loan.first_due_date or loan.due_date, [*loan.moves, relief.move])
        moved = replace(debt.debt, due=due, free=free)
        relief.gives_up = max(0, amount_due(debt.debt, day).total - amount_due(moved, day).total)


def _check_working_day(debt: OpenDebt, day: date) -> None:
    terms, calendar = debt.invoice.terms, working_days()
    closed = calendar.closed_on(day)
    if terms.due_convention is DueConvention.NONE or closed is None:
        return
    proposed = calendar.by_convention(day, terms, after=debt.loan.start_date)
    raise ClosedDay(
        "The bank is closed on {day} ({closed}); by the terms it would be due on {proposed}.",
        day=day,
        closed=closed,
        proposed=proposed,
        field="due_date",
    )


def invoice_of_relief(relief_id: int) -> int:
    """The id of the invoice on whose loan it is; raises `NotFound`."""
    return existing(
        db.session.scalar(select(Loan.invoice_id).join(Relief).where(Relief.id == relief_id)), say("relief")
    )


def _lock_open(invoice_id: int) -> OpenDebt:
    debts = lock_debts([invoice_id], closed_too=True)
    if debts and debts[0].is_written_off:
        raise written_off(debts[0].invoice.number)
    if not debts or debts[0].loan.closed_on is not None:
        raise Conflict("Nothing is owed on this invoice, so there is nothing to grant.")
    return debts[0]


def lock_relief(relief_id: int, state: ReliefState) -> Relief:
    """The relief, locked and fresh; raises `Conflict` unless it is in this state. Its loan is locked before."""
    relief = lock_row(say("relief"), Relief, Relief.id == relief_id)
    if relief.state != state:
        raise Conflict("This was {state} in the meantime.", state=relief.state)
    return relief
