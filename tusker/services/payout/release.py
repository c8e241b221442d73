"""Two people and a bank: a draft is approved by another admin, then released. Nothing moves on without its lock."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import Row, select, update

from tusker.carriers.registry import MANUAL
from tusker.currency import currency
from tusker.domain.approval import approval_digest
from tusker.domain.financeable import waits_for
from tusker.errors import ClosedDay, Conflict, InvalidInput, NotAllowed, Unsaved
from tusker.extensions import db
from tusker.models import (
    BankAccount,
    Customer,
    Disbursal,
    DisbursalLine,
    DisbursalStatus,
    Invoice,
    LineState,
    Payable,
    PayableLine,
    Payout,
    Role,
    Shipment,
    User,
)
from tusker.queries.delivery.conditions import unready_ids
from tusker.queries.payout.bank_accounts import active_accounts
from tusker.queries.payout.shown import shown_of_disbursal
from tusker.services.context import Context
from tusker.services.delivery.conditions import Judge, allowed, with_shipments
from tusker.services.locks import among, forget, lock_disbursal, lock_ids, lock_invoices
from tusker.services.outbox import admin_addresses, queue_mail
from tusker.services.payout.disbursals import lock_draft, set_disbursal_status
from tusker.services.payout.held import check_not_held, check_payees
from tusker.services.payout.payable_lines import included_payables
from tusker.services.payout.payouts import claimed_from, make_payouts
from tusker.services.payout.settlement import confirm_netted
from tusker.services.reasons import reason_of
from tusker.services.seen import Seen, check_seen
from tusker.working_days import working_days

Lines = Sequence[Row[int, int, int]]
"""Of invoices: id, principal in minor units, supplier_id."""
PassedOn = Sequence[tuple[Payable, PayableLine]]
"""What a disbursal is to pass on to suppliers, with its lines."""
LATEST_EXECUTION = timedelta(days=10)
"""How far ahead the execution date may be."""


def approve(
    ctx: Context,
    disbursal_id: int,
    *,
    second_admin: bool,
    seen: Seen = None,
    ticked: Collection[int] | None = None,
) -> Disbursal:
    """Approve a draft as it stands: its invoices, their principal and the accounts that are paid.

    With `second_admin`, nobody who made or changed it may (`NotAllowed`). Raises `Changed` unless it is what was
    `seen`, `Unsaved` when other lines than its own were `ticked`, `Conflict` when a supplier has no approved bank
    account.
    """
    disbursal = lock_draft(disbursal_id)
    if second_admin:
        check_second_admin(ctx, disbursal.maker_ids, "prepared this disbursal")
    ids = lock_ids(Invoice, among(Invoice.id, _included(disbursal_id)))
    if ticked is not None:
        _check_saved(ids, ticked)
    _check_conditions(ids)
    passed_on = included_payables(disbursal_id)
    if not ids and not passed_on:
        raise Conflict("Nothing is left in this disbursal; drop it.")
    invoices = _lines_of(ids)
    accounts = _accounts_of(invoices, passed_on, second_admin=second_admin)
    _check_seen(ctx, disbursal, seen)
    check_not_held(ctx, ids)
    check_payees(payable.supplier_id for payable, _ in passed_on)
    _look_again(ids, ctx.now)
    disbursal.second_admin = second_admin
    disbursal.approved_at, disbursal.approved_by = ctx.now, ctx.actor_id
    disbursal.approved_digest = _digest(invoices, passed_on, accounts)
    total = sum(invoice.principal for invoice in invoices) + sum(line.amount for _, line in passed_on)
    set_disbursal_status(
        ctx, disbursal, DisbursalStatus.APPROVED, "approved", invoices=len(invoices), total=total
    )
    queue_mail(
        ctx,
        "payout/disbursal_approved",
        admin_addresses(),
        reference=disbursal.reference,
        disbursal_id=disbursal.id,
        approver=ctx.actor,
        invoices=len(invoices),
        total=currency().show(total),
    )
    return disbursal


def withdraw_approval(ctx: Context, disbursal_id: int, *, reason: str) -> Disbursal:
    """Make an approved disbursal a draft again, so that it can be changed; any admin may."""
    why = reason_of(reason)
    disbursal = _lock_approved(disbursal_id)
    withdraw_from_locked(ctx, disbursal, why)
    return disbursal


def withdraw_from_locked(ctx: Context, disbursal: Disbursal, why: str) -> None:
    """Withdraw the approval of a locked disbursal."""
    disbursal.approved_at = disbursal.approved_by = disbursal.approved_digest = None
    disbursal.second_admin = False
    set_disbursal_status(ctx, disbursal, DisbursalStatus.DRAFT, "approval_withdrawn", why)


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
    disbursal = _lock_approved(disbursal_id)
    if second_admin:
        _check_two_people(ctx, disbursal)
    _check_execution_date(ctx, disbursal, execution_date, on_closed_day=on_closed_day)
    ids, claimed = _lock_with_claimed(disbursal_id)
    _check_conditions(ids)
    passed_on = included_payables(disbursal_id)
    invoices = _lines_of(ids)
    accounts = _accounts_of(invoices, passed_on, second_admin=second_admin)
    if _digest(invoices, passed_on, accounts) != disbursal.approved_digest:
        raise Conflict(
            "A bank account or an amount has changed since the approval; withdraw it and have it approved again."
        )
    _check_seen(ctx, disbursal, seen)
    check_not_held(ctx, ids)
    check_payees(payable.supplier_id for payable, _ in passed_on)
    _look_again(ids, ctx.now)
    disbursal.execution_date = execution_date
    disbursal.released_at, disbursal.released_by = ctx.now, ctx.actor_id
    payouts = make_payouts(ctx, disbursal, ids, passed_on, accounts, execution_date, claimed)
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
    confirm_netted(ctx, disbursal, min(execution_date, ctx.today))
    return disbursal


def _check_saved(included: Collection[int], ticked: Collection[int]) -> None:
    """Raise `Unsaved` naming the invoices whose box does not say what is saved."""
    unticked, added = set(included) - set(ticked), set(ticked) - set(included)
    if unsaved := [
        *(f"{number} is not ticked" for number in _numbers_of(unticked)),
        *(f"{number} is ticked" for number in _numbers_of(added)),
    ]:
        listed = "; ".join(unsaved[:5]) + (f"; and {len(unsaved) - 5} more" if len(unsaved) > 5 else "")
        raise Unsaved(f"{listed}, and that is not saved. Keep the ticked first, or tick them as they were.")


def _numbers_of(invoice_ids: Collection[int]) -> Sequence[str]:
    numbers = select(Invoice.number).where(among(Invoice.id, invoice_ids)).order_by(Invoice.id)
    return db.session.scalars(numbers).all() if invoice_ids else []


def _check_seen(ctx: Context, disbursal: Disbursal, seen: Seen) -> None:
    if seen is not None:
        db.session.flush()
        check_seen(seen, shown_of_disbursal(disbursal.id, ctx.today))


def check_second_admin(ctx: Context, makers: Iterable[int | None], did: str) -> None:
    """Raise `NotAllowed` unless the acting person is known and none of the makers."""
    if ctx.actor_id is None:
        raise NotAllowed("An admin has to do this under their own name.")
    if ctx.actor_id in set(makers):
        raise NotAllowed(f"You {did}; another admin must approve it.")


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
        raise NotAllowed(
            "No other person had a hand in this disbursal: you approved it, so another admin must release it."
        )


def _check_execution_date(ctx: Context, disbursal: Disbursal, day: date, *, on_closed_day: bool) -> None:
    if day < max(disbursal.business_date, ctx.today):
        raise InvalidInput("The execution date must not be in the past.", field="execution_date")
    if day > ctx.today + LATEST_EXECUTION:
        raise InvalidInput(
            f"The execution date may be at most {LATEST_EXECUTION.days} days ahead.", field="execution_date"
        )
    closed = None if on_closed_day else working_days().closed_on(day)
    if closed is not None:
        opens = working_days().on_or_after(day)
        raise ClosedDay(
            f"The bank is closed on {day:%d %b %Y} ({closed}); it next works on {opens:%d %b %Y}.",
            field="execution_date",
        )


def _lock_approved(disbursal_id: int) -> Disbursal:
    disbursal = lock_disbursal(disbursal_id)
    if disbursal.status == DisbursalStatus.DRAFT:
        raise Conflict(f"Disbursal {disbursal.reference} is not approved yet.")
    if disbursal.status != DisbursalStatus.APPROVED:
        raise Conflict(f"Disbursal {disbursal.reference} is {disbursal.status} already.")
    return disbursal


def _included(disbursal_id: int) -> Sequence[int]:
    included = select(DisbursalLine.invoice_id).where(
        DisbursalLine.disbursal_id == disbursal_id, DisbursalLine.state == LineState.INCLUDED
    )
    return db.session.scalars(included).all()


def _lines_of(invoice_ids: Collection[int]) -> Lines:
    """What is paid to whom for locked invoices, by id."""
    query = select(Invoice.id, Invoice.principal, Invoice.supplier_id)
    return db.session.execute(query.where(among(Invoice.id, invoice_ids)).order_by(Invoice.id)).all()


def _lock_with_claimed(disbursal_id: int) -> tuple[Sequence[int], set[int]]:
    """Ids of the invoices, and of those about which their suppliers have claims: locked together, since what claims
    use up pays those loans at once. A claim accepted meanwhile waits for the next payout."""
    included = set(_included(disbursal_id))
    suppliers = db.session.scalars(
        select(Invoice.supplier_id).where(among(Invoice.id, included)).distinct()
    ).all()
    passed_on = db.session.scalars(
        select(Payable.supplier_id)
        .join(PayableLine, PayableLine.payable_id == Payable.id)
        .where(PayableLine.disbursal_id == disbursal_id, PayableLine.state == LineState.INCLUDED)
    )
    claimed = set(claimed_from({*suppliers, *passed_on}))
    locked = lock_ids(Invoice, among(Invoice.id, included | claimed))
    return [invoice_id for invoice_id in locked if invoice_id in included], claimed


def _check_conditions(invoice_ids: Collection[int]) -> None:
    """Raise `Conflict` naming the locked invoices of which a condition of financing does not hold (any more)."""
    db.session.flush()
    pairs = with_shipments(lock_invoices(unready_ids(allowed(), invoice_ids)))
    judge = Judge(pairs)
    waiting = [
        f"{invoice.number} waits for {waits_for(missing)}"
        for invoice, shipment in pairs
        if (missing := judge.open_for(invoice, shipment))
    ]
    if waiting:
        listed = "; ".join(waiting[:5]) + ("; …" if len(waiting) > 5 else "")
        raise Conflict(f"Not to be paid out: {listed}. Take it out of the disbursal first.")


def _look_again(invoice_ids: Collection[int], when: datetime) -> None:
    """Have the delivery companies asked once more: goods may have come back since."""
    db.session.execute(
        update(Shipment)
        .where(among(Shipment.invoice_id, invoice_ids), Shipment.carrier != MANUAL)
        .values(next_poll_at=when)
        .execution_options(synchronize_session=False)
    )
    forget(Shipment)


def _accounts_of(invoices: Lines, passed_on: PassedOn, *, second_admin: bool) -> Mapping[int, BankAccount]:
    """The approved accounts by supplier id; raises `Conflict` naming the suppliers without one.

    With `second_admin`, one that a person approved alone does not count.
    """
    suppliers = {
        *(invoice.supplier_id for invoice in invoices),
        *(payable.supplier_id for payable, _ in passed_on),
    }
    accounts = {
        supplier_id: account
        for supplier_id, account in active_accounts(suppliers).items()
        if not second_admin or account.second_admin or account.decided_by is None
    }
    missing = db.session.scalars(
        select(Customer.name).where(Customer.id.in_(suppliers - accounts.keys())).order_by(Customer.name)
    ).all()
    if missing:
        raise Conflict(
            f"No approved bank details: {', '.join(missing)}. Have them approved, or take the invoices out.",
            suppliers=list(missing),
        )
    return accounts


def _digest(invoices: Lines, passed_on: PassedOn, accounts: Mapping[int, BankAccount]) -> str:
    return approval_digest(
        ((i.id, i.principal, accounts[i.supplier_id].id) for i in invoices),
        ((payable.id, line.amount, accounts[payable.supplier_id].id) for payable, line in passed_on),
    )


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
