"""Relief on loans: charges waived and due dates moved, by one admin or, above a limit, by two."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from flask import current_app
from sqlalchemy import func, select

from tusker.currency import currency
from tusker.domain.allocation import Allocation as Split
from tusker.domain.extensions import after_moves
from tusker.domain.interest import Debt, amount_due
from tusker.domain.relief import ReliefLimits
from tusker.domain.terms import DueConvention
from tusker.errors import ClosedDay, Conflict, InvalidInput, NotAllowed, NotFound
from tusker.extensions import db
from tusker.models import AdjustmentKind, Loan, Relief, ReliefKind, ReliefState
from tusker.services.context import Context
from tusker.services.loans.adjustments import adjust
from tusker.services.loans.debts import OpenDebt, load_reductions, lock_debts
from tusker.services.loans.relaying import lay_loan_anew
from tusker.services.loans.relief_effects import end_recourse, note_relief, settle_relief, tell_companies
from tusker.services.locks import lock_row
from tusker.services.reasons import reason_of
from tusker.working_days import working_days

PARTS = ("penalty", "fee", "interest")


def configured_limits() -> ReliefLimits:
    """The installation's limits of relief."""
    config = current_app.config
    alone = config["RELIEF_ALONE"]
    return ReliefLimits(
        config["REQUIRE_SECOND_ADMIN"],
        currency().minor(alone) if alone else 0,
        config["RELIEF_MAX"],
        config["RELIEF_MAX_DAYS"],
    )


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
    """Give up parts of what an invoice's loan owes on a value date, in minor units: at once, or as a proposal where a
    second admin has to agree.

    Raises `InvalidInput` naming the field for more than is owed of a part on that day, `Conflict` unless the loan is
    open.
    """
    why = reason_of(reason)
    debt = _lock_open(invoice_id)
    relief = _new(ctx, debt, ReliefKind.WAIVER, why)
    relief.penalty, relief.fee, relief.interest = penalty, fee, interest
    relief.value_date, relief.gives_up = value_date, penalty + fee + interest
    return _propose(ctx, debt, relief, limits)


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
    """Move the due date of an invoice's loan, later or back earlier: at once, or as a proposal where a second admin has
    to agree. Without interest none accrues from the old due date to the new one.

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
    return _propose(ctx, debt, relief, limits)


def accept_relief(ctx: Context, relief_id: int, *, limits: ReliefLimits) -> Relief:
    """Another admin agrees to proposed relief: it counts from now on. All is checked again as things stand.

    Raises `NotAllowed` for who proposed it where two are needed, `Conflict` once it is decided or the loan is paid.
    """
    debt = _lock_open(invoice_of_relief(relief_id))
    relief = lock_relief(relief_id, ReliefState.PROPOSED)
    if relief.loan_id != debt.loan.id:
        raise Conflict("The payout of this loan was undone since; refuse this and propose anew.")
    relief.second_admin = _check_amounts(ctx, debt, relief, limits)
    if relief.second_admin:
        _check_second(ctx, relief)
    _carry_out(ctx, debt, relief)
    return relief


def refuse_relief(ctx: Context, relief_id: int, *, reason: str) -> Relief:
    """Give proposed relief up; who proposed it withdraws it."""
    why = reason_of(reason)
    relief = lock_relief(relief_id, ReliefState.PROPOSED)
    own = ctx.actor_id is not None and ctx.actor_id == relief.proposed_by
    relief.state = ReliefState.WITHDRAWN if own else ReliefState.REFUSED
    relief.decided_at, relief.decided_by, relief.decision_reason = ctx.now, ctx.actor_id, why
    note_relief(ctx, relief, relief.state, why, invoice_id=invoice_of_relief(relief_id))
    db.session.flush()
    return relief


def _new(ctx: Context, debt: OpenDebt, kind: ReliefKind, why: str) -> Relief:
    waiting = select(Relief.id).where(
        Relief.loan_id == debt.loan.id, Relief.kind == kind, Relief.state == ReliefState.PROPOSED
    )
    if db.session.scalar(waiting):
        raise Conflict(f"A proposal like this waits for {debt.invoice.number} already: decide on it first.")
    return Relief(
        loan_id=debt.loan.id,
        kind=kind,
        state=ReliefState.PROPOSED,
        penalty=0,
        fee=0,
        interest=0,
        with_interest=True,
        gives_up=0,
        reason=why,
        proposed_at=ctx.now,
        proposed_by=ctx.actor_id,
        decision_reason="",
    )


def _propose(ctx: Context, debt: OpenDebt, relief: Relief, limits: ReliefLimits) -> Relief:
    relief.second_admin = _check_amounts(ctx, debt, relief, limits)
    if relief.second_admin:
        db.session.add(relief)
        note_relief(ctx, relief, ReliefState.PROPOSED, relief.reason, invoice_id=debt.invoice.id)
        db.session.flush()
    else:
        _carry_out(ctx, debt, relief)
    return relief


def _carry_out(ctx: Context, debt: OpenDebt, relief: Relief) -> None:
    loan = debt.loan
    if relief.value_date is not None:
        parts = Split(loan.id, relief.penalty, relief.fee, relief.interest, 0)
        row = adjust(ctx, loan, AdjustmentKind.WAIVER, parts, relief.value_date, relief.reason)
        db.session.flush()
        relief.adjustment_id = row.id
    elif relief.due_date is not None:
        loan.first_due_date = loan.first_due_date or loan.due_date
        loan.due_date = relief.due_date
    relief.state, relief.booked_on = ReliefState.ACCEPTED, ctx.today
    relief.decided_at, relief.decided_by = ctx.now, ctx.actor_id
    db.session.add(relief)
    db.session.flush()
    note_relief(ctx, relief, ReliefState.ACCEPTED, relief.reason, invoice_id=debt.invoice.id)
    load_reductions([loan])
    lay_loan_anew(ctx, loan, debt.invoice, debt.debt, relief.reason)
    end_recourse(ctx, loan, debt.invoice, relief.reason)
    settle_relief(ctx, loan, debt.invoice, relief.reason)
    tell_companies(ctx, relief, debt.invoice)


def _check_amounts(ctx: Context, debt: OpenDebt, relief: Relief, limits: ReliefLimits) -> bool:
    """Check what is granted as things stand; whether a second admin has to agree."""
    if relief.kind == ReliefKind.WAIVER:
        _check_waiver(ctx, debt, relief)
    else:
        _check_extension(debt, relief, limits)
    so_far = select(func.coalesce(func.sum(Relief.gives_up), 0)).where(
        Relief.loan_id == debt.loan.id, Relief.state == ReliefState.ACCEPTED
    )
    given = int(db.session.scalars(so_far).one()) + relief.gives_up
    most = limits.most_on(debt.loan.principal)
    if relief.gives_up and given > most:
        raise InvalidInput(
            f"With this {currency().show(given)} would be given up on {debt.invoice.number};"
            f" at most {currency().show(most)} may be (RELIEF_MAX).",
            field="amount",
        )
    return limits.needs_second(given)


def _check_waiver(ctx: Context, debt: OpenDebt, relief: Relief) -> None:
    day = relief.value_date or ctx.today
    if day > ctx.today:
        raise InvalidInput("The value date must not be in the future.", field="value_date")
    due = debt.due_on(day)
    for part in PARTS:
        wanted, owed = getattr(relief, part), max(0, getattr(due, part))
        if not 0 <= wanted <= owed:
            raise InvalidInput(
                f"At most {currency().show(owed)} of {part} can be waived on that day.", field=part
            )
    if not relief.gives_up:
        raise InvalidInput("Say how much of penalty, fee or interest is waived.", field="interest")


def _check_extension(debt: OpenDebt, relief: Relief, limits: ReliefLimits) -> None:
    loan, day = debt.loan, relief.due_date
    if day is None or relief.due_before != loan.due_date:
        raise Conflict(
            f"The due date of {debt.invoice.number} was moved since; refuse this and propose anew."
        )
    if day == loan.due_date:
        raise InvalidInput("This is the due date already.", field="due_date")
    if day <= loan.start_date:
        raise InvalidInput(
            f"The due date must be after the payout ({loan.start_date:%d %b %Y}).", field="due_date"
        )
    latest = (loan.first_due_date or loan.due_date) + timedelta(days=limits.most_days)
    if day > latest:
        raise InvalidInput(
            f"The due date may be {latest:%d %b %Y} at the latest (RELIEF_MAX_DAYS).", field="due_date"
        )
    moved = _moved(debt, relief)
    if day > loan.due_date:
        relief.gives_up = max(0, amount_due(debt.debt, day).total - amount_due(moved, day).total)


def _moved(debt: OpenDebt, relief: Relief) -> Debt:
    due, free = after_moves(debt.loan.first_due_date or debt.loan.due_date, [*debt.loan.moves, relief.move])
    return replace(debt.debt, due=due, free=free)


def _check_working_day(debt: OpenDebt, day: date) -> None:
    terms, calendar = debt.invoice.terms, working_days()
    closed = calendar.closed_on(day)
    if terms.due_convention is DueConvention.NONE or closed is None:
        return
    proposed = calendar.by_convention(day, terms, after=debt.loan.start_date)
    raise ClosedDay(
        f"The bank is closed on {day:%d %b %Y} ({closed}); by the terms it would be due on {proposed:%d %b %Y}.",
        field="due_date",
    )


def _check_second(ctx: Context, relief: Relief) -> None:
    if ctx.actor_id is None or relief.proposed_by is None:
        raise NotAllowed("Relief is proposed and accepted by two admins with names, not by a job or command.")
    if relief.proposed_by == ctx.actor_id:
        raise NotAllowed("You proposed this; another admin must accept it.")


def invoice_of_relief(relief_id: int) -> int:
    """The id of the invoice on whose loan it is; raises `NotFound`."""
    found = db.session.scalar(select(Loan.invoice_id).join(Relief).where(Relief.id == relief_id))
    if found is None:
        raise NotFound("This relief does not exist.")
    return found


def _lock_open(invoice_id: int) -> OpenDebt:
    debts = lock_debts([invoice_id])
    if not debts:
        raise Conflict("Nothing is owed on this invoice, so there is nothing to grant.")
    return debts[0]


def lock_relief(relief_id: int, state: ReliefState) -> Relief:
    """The relief, locked and fresh; raises `Conflict` unless it is in this state. Its loan is locked before."""
    relief = lock_row("relief", Relief, Relief.id == relief_id)
    if relief.state != state:
        raise Conflict(f"This was {relief.state} in the meantime.")
    return relief
