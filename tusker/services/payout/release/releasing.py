"""An approved disbursal is released: two people had a hand in it, and what each supplier is paid is frozen."""

from collections.abc import Sequence
from datetime import date, timedelta

from sqlalchemy import or_, select

from tusker.currency import currency
from tusker.errors import ClosedDay, Conflict, InvalidInput, NotAllowed
from tusker.extensions import db
from tusker.models import (
    Disbursal,
    DisbursalLine,
    DisbursalStatus,
    Invoice,
    LineState,
    Payout,
    Role,
    User,
)
from tusker.services.context import Context
from tusker.services.locks import among, lock_ids
from tusker.services.outbox import admin_addresses, queue_mail
from tusker.services.payout.disbursals.drafts import set_disbursal_status
from tusker.services.payout.held import check_not_held, check_payees
from tusker.services.payout.payable_lines import included_payables
from tusker.services.payout.payouts import claimed_from, make_payouts
from tusker.services.payout.release.checks import (
    Lines,
    accounts_of,
    check_conditions,
    check_disbursal_seen,
    digest_to_pay,
    lock_approved,
    lock_lines,
    look_again,
)
from tusker.services.payout.settlement.confirming import confirm_netted
from tusker.services.seen import Seen
from tusker.working_days import working_days

LATEST_EXECUTION = timedelta(days=10)
"""How far ahead the execution date may be."""


def release(
    ctx: Context,
    disbursal_id: int,
    *,
    execution_date: date,
    second_admin: bool,
    on_closed_day: bool = False,
    seen: Seen = None,
) -> Disbursal:
    """Release an approved disbursal: what each supplier is paid is frozen, and the bank file can be made.

    The caller has just asked the releasing person for the password. Of any number of releases at once one wins; the
    others get `Conflict`. Payouts of which claims leave nothing need no transfer and are confirmed at once. A day on
    which the bank is closed is taken only when the person said so by `on_closed_day`. Raises `Changed` unless it is
    what was `seen`.
    """
    disbursal = lock_approved(disbursal_id)
    if second_admin:
        _check_two_people(ctx, disbursal)
    _check_execution_date(ctx, disbursal, execution_date, on_closed_day=on_closed_day)
    invoices, claimed = _lock_with_claimed(disbursal_id)
    ids = [invoice.id for invoice in invoices]
    check_conditions(ids)
    passed_on = included_payables(disbursal_id)
    accounts = accounts_of(invoices, passed_on, second_admin=second_admin)
    if digest_to_pay(invoices, passed_on, accounts) != disbursal.approved_digest:
        raise Conflict(
            "A bank account or an amount has changed since the approval; withdraw it and have it "
            "approved again."
        )
    check_disbursal_seen(ctx, disbursal, seen)
    check_not_held(ctx, ids)
    check_payees(payable.supplier_id for payable, _ in passed_on)
    look_again(ids, ctx.now)
    payouts = make_payouts(ctx, disbursal, invoices, passed_on, accounts, execution_date, claimed)
    disbursal.execution_date = execution_date
    disbursal.released_at, disbursal.released_by = ctx.now, ctx.actor_id
    set_disbursal_status(
        ctx,
        disbursal,
        DisbursalStatus.RELEASED,
        "released",
        payouts=len(payouts),
        net=sum(payout.net for payout in payouts),
        execution_date=execution_date.isoformat(),
    )
    _mail_release(ctx, disbursal, payouts)
    confirm_netted(ctx, disbursal, payouts, min(execution_date, ctx.today))
    return disbursal


def _check_two_people(ctx: Context, disbursal: Disbursal) -> None:
    """Two people had a hand in what is released, and who approved it may still approve."""
    if not disbursal.second_admin:
        raise Conflict(
            "This was approved without a second admin; withdraw the approval and have it approved."
        )
    approver = db.session.get(User, disbursal.approved_by)
    if approver is None or not approver.active or approver.role != Role.ADMIN:
        raise Conflict("Who approved this is no admin any more; withdraw the approval and have it approved.")
    others = db.session.scalars(
        select(User.id).where(
            User.id.in_(disbursal.maker_ids), User.role == Role.ADMIN, User.id != disbursal.approved_by
        )
    ).all()
    if not others and ctx.actor_id in {None, disbursal.approved_by}:
        raise NotAllowed("You approved this automatic disbursal, so another admin must release it.")


def _check_execution_date(ctx: Context, disbursal: Disbursal, day: date, *, on_closed_day: bool) -> None:
    if day < max(disbursal.business_date, ctx.today):
        raise InvalidInput("The execution date must not be in the past.", field="execution_date")
    if day > ctx.today + LATEST_EXECUTION:
        raise InvalidInput(
            "The execution date may be at most {days} days ahead.",
            days=LATEST_EXECUTION.days,
            field="execution_date",
        )
    closed = None if on_closed_day else working_days().closed_on(day)
    if closed is not None:
        opens = working_days().on_or_after(day)
        raise ClosedDay(
            "The bank is closed on {day} ({closed}); it next works on {opens}.",
            day=day,
            closed=closed,
            opens=opens,
            field="execution_date",
        )


def _lock_with_claimed(disbursal_id: int) -> tuple[Lines, set[int]]:
    """The invoices, and ids of those about which their suppliers have claims: locked together, since what claims use
    up pays those loans at once. A claim accepted meanwhile waits for the next payout."""
    claimed = set(claimed_from(disbursal_id))
    if claimed:
        included = select(DisbursalLine.invoice_id).where(
            DisbursalLine.disbursal_id == disbursal_id, DisbursalLine.state == LineState.INCLUDED
        )
        lock_ids(Invoice, or_(Invoice.id.in_(included), among(Invoice.id, claimed)))
    return lock_lines(disbursal_id), claimed


def _mail_release(ctx: Context, disbursal: Disbursal, payouts: Sequence[Payout]) -> None:
    queue_mail(
        ctx,
        "payout/disbursal_released",
        admin_addresses(),
        reference=disbursal.reference,
        disbursal_id=disbursal.id,
        releaser=ctx.actor,
        payouts=len(payouts),
        total=currency().show(sum(payout.net for payout in payouts)),
    )
