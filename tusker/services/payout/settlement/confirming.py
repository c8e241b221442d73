"""What the bank says of a released disbursal: payouts that left; and a payout's state, kept in one place."""

from collections.abc import Mapping, Sequence
from datetime import date

from flask import current_app
from sqlalchemy import func, select

from tusker.domain.credit.lifecycle import InvoiceEvent, InvoiceStatus
from tusker.errors import Conflict, Duplicate, InvalidInput
from tusker.extensions import db
from tusker.messages import say
from tusker.models import Disbursal, DisbursalStatus, LineState, Payout, PayoutState
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.loans.charges import book_charge, check_charge
from tusker.services.loans.claims import claim_if_returned
from tusker.services.locks import lock_disbursal
from tusker.services.moves import move_invoices
from tusker.services.payout.disbursals.drafts import close_disbursal, is_already
from tusker.services.payout.payable_lines import pay_payables
from tusker.services.payout.payouts import mail_payouts, make_loans
from tusker.services.payout.settlement.locks import invoices_of, lock_payout, lock_payouts
from tusker.services.payout.settlement.netting import nettings_of, pay_from_nettings

NETTED = say("netted, no transfer")
"""The bank reference of a payout of which claims left nothing."""


def confirm(
    ctx: Context,
    disbursal_id: int,
    *,
    bank_reference: str,
    value_date: date,
    platform_references: Mapping[int, str] | None = None,
) -> Disbursal:
    """All payouts of a released disbursal that are still open left on `value_date`: a person read it at the bank.

    `value_date` is the start of their loans. `platform_references` gives the lending platform's
    own loan ids by invoice id, where it has any; ours are made here.
    """
    disbursal = _lock_released(disbursal_id)
    locked = lock_payouts(
        [disbursal], Payout.disbursal_id == disbursal_id, Payout.state == PayoutState.INSTRUCTED
    )
    confirm_payouts(
        ctx,
        disbursal,
        list(locked.payouts.values()),
        bank_reference=bank_reference,
        value_date=value_date,
        platform_references=platform_references,
    )
    return disbursal


def confirm_payout(
    ctx: Context, payout_id: int, *, bank_reference: str, value_date: date, charges: int = 0
) -> Payout:
    """One payout left, and the bank took `charges` for it besides; raises `Conflict` unless it waits for the bank's
    word."""
    payout = lock_payout(payout_id, PayoutState.INSTRUCTED)
    confirm_payouts(ctx, payout.disbursal, [payout], bank_reference=bank_reference, value_date=value_date)
    book_charges(ctx, payout, charges, value_date)
    return payout


def book_charges(ctx: Context, payout: Payout, charges: int, value_date: date) -> None:
    """What the bank took for a locked payout besides, if anything."""
    if charges:
        check_charge(ctx, charges, payout.net, value_date, field="charges")
        book_charge(ctx, payout, charges, value_date)


def confirm_payouts(
    ctx: Context,
    disbursal: Disbursal,
    payouts: Sequence[Payout],
    *,
    bank_reference: str,
    value_date: date,
    platform_references: Mapping[int, str] | None = None,
    entry_id: int | None = None,
) -> None:
    """Instructed payouts of a released disbursal left: each of their invoices becomes a loan.

    All is locked by `lock_payouts`. `entry_id` names the statement's entry that says so.
    """
    reference = checked_reference(disbursal, bank_reference)
    check_value_date(ctx, disbursal, value_date)
    _confirm(ctx, disbursal, payouts, reference, value_date, platform_references or {}, entry_id)


def _confirm(
    ctx: Context,
    disbursal: Disbursal,
    payouts: Sequence[Payout],
    reference: str,
    value_date: date,
    platform_references: Mapping[int, str],
    entry_id: int | None,
) -> None:
    invoice_ids = invoices_of([payout.id for payout in payouts], LineState.INCLUDED)
    nettings = nettings_of(payouts)
    for payout in payouts:
        settle_payout(ctx, payout, PayoutState.CONFIRMED, entry_id)
        payout.bank_reference, payout.value_date = reference, value_date
    disbursal.bank_reference = disbursal.bank_reference or reference
    disbursal.value_date = max(filter(None, [disbursal.value_date, value_date]))
    make_loans(ctx, disbursal, invoice_ids, value_date, platform_references)
    pay_payables(ctx, payouts)
    mail_payouts(ctx, disbursal, payouts)
    move_invoices(
        ctx,
        invoice_ids,
        InvoiceStatus.BUNDLED,
        InvoiceEvent.RELEASED,
        kind="disbursed",
        reason=disbursal.reference,
    )
    if nettings:
        pay_from_nettings(ctx, nettings, value_date)
    claim_if_returned(ctx, invoice_ids)
    close_if_settled(ctx, disbursal)


def confirm_netted(ctx: Context, disbursal: Disbursal, payouts: Sequence[Payout], value_date: date) -> None:
    """Confirm the payouts of a disbursal just released that claims used up: the bank has nothing to do for them."""
    netted = [payout for payout in payouts if payout.net == 0]
    if netted:
        lock_payouts([disbursal], Payout.id.in_([payout.id for payout in netted]))
        _confirm(ctx, disbursal, netted, NETTED, value_date, {}, None)


def _lock_released(disbursal_id: int) -> Disbursal:
    disbursal = lock_disbursal(disbursal_id)
    if disbursal.status in {DisbursalStatus.DRAFT, DisbursalStatus.APPROVED}:
        raise Conflict("Disbursal {reference} is not released yet.", reference=disbursal.reference)
    if disbursal.status != DisbursalStatus.RELEASED:
        raise is_already(disbursal)
    return disbursal


def settle_payout(
    ctx: Context, payout: Payout, state: PayoutState, entry_id: int | None, reason: str | None = None
) -> None:
    """Set a locked payout's state and write its event, under its disbursal."""
    before = payout.state
    payout.state, payout.reason = state, reason
    payout.settled_at, payout.settled_by = ctx.now, ctx.actor_id
    if entry_id is not None:
        payout.statement_entry_id = entry_id
    record_event(
        ctx,
        ("disbursal", payout.disbursal_id),
        f"payout_{state}",
        from_value=before,
        to_value=state,
        reason=f"{payout.reference}: {reason}" if reason else payout.reference,
        net=payout.net,
        supplier_id=payout.supplier_id,
    )


def close_if_settled(ctx: Context, disbursal: Disbursal) -> None:
    """Close a disbursal of which the bank has answered for every payout."""
    db.session.flush()
    counts: dict[str, int] = {
        row.state: row.number
        for row in db.session.execute(
            select(Payout.state, func.count().label("number"))
            .where(Payout.disbursal_id == disbursal.id)
            .group_by(Payout.state)
        )
    }
    if PayoutState.INSTRUCTED in counts:
        return
    failed = counts.get(PayoutState.REJECTED, 0)
    if PayoutState.CONFIRMED in counts:
        words = (
            say(
                "in part: {failed} of {payouts} payouts were rejected",
                failed=failed,
                payouts=sum(counts.values()),
            )
            if failed
            else ""
        )
        close_disbursal(ctx, disbursal, DisbursalStatus.CONFIRMED, words)
    elif PayoutState.RETURNED in counts:
        close_disbursal(ctx, disbursal, DisbursalStatus.REVERSED, say("none of its payouts arrived"))
    else:
        close_disbursal(ctx, disbursal, DisbursalStatus.DROPPED, say("the bank made none of its payouts"))


def checked_reference(disbursal: Disbursal, bank_reference: str) -> str:
    """The bank's reference of a payout, stripped; that of one that was undone is free again. Raises `InvalidInput` or
    `Duplicate` naming `bank_reference`."""
    reference = bank_reference.strip()
    if not reference or len(reference) > 60:
        raise InvalidInput("The bank reference must have 1 to 60 characters.", field="bank_reference")
    if reference == NETTED:
        raise InvalidInput("This is no reference of a bank.", field="bank_reference")
    taken = select(Payout.id).where(
        Payout.bank_reference == reference,
        Payout.disbursal_id != disbursal.id,
        Payout.state == PayoutState.CONFIRMED,
    )
    if db.session.scalar(taken.limit(1)):
        raise Duplicate("This bank reference belongs to another disbursal.", field="bank_reference")
    return reference


def check_value_date(ctx: Context, disbursal: Disbursal, value_date: date) -> None:
    """Raise `InvalidInput` for a value date in the future, or before the bank had the order."""
    if value_date > ctx.today:
        raise InvalidInput("The value date must not be in the future.", field="value_date")
    released_at = disbursal.released_at
    # A bank may pay before the day it was asked for; it cannot before it had the order.
    released = None if released_at is None else released_at.astimezone(current_app.config["TIMEZONE"]).date()
    if released is not None and value_date < released:
        raise InvalidInput(
            "The value date must not be before the release ({released}).",
            released=released,
            field="value_date",
        )
