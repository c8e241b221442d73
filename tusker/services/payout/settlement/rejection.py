"""Payouts that the bank did not make: their invoices wait again; and the way back where it did make them."""

from sqlalchemy import select

from tusker.currency import currency
from tusker.domain.credit.lifecycle import InvoiceEvent, InvoiceStatus
from tusker.errors import Conflict
from tusker.extensions import db
from tusker.messages import say
from tusker.models import (
    Customer,
    Disbursal,
    DisbursalLine,
    DisbursalStatus,
    LineState,
    Payout,
    PayoutState,
    Role,
)
from tusker.services.context import Context
from tusker.services.delivery.shipment_effects import settle_waiting
from tusker.services.locks import lock_invoices
from tusker.services.moves import move_invoices
from tusker.services.outbox import admin_addresses, company_addresses, queue_mail
from tusker.services.payout.disbursals.drafts import remove_lines, set_disbursal_status
from tusker.services.payout.payable_lines import fail_payables, reinstate_payables
from tusker.services.payout.payouts import net_again, undo_netting
from tusker.services.payout.settlement.confirming import close_if_settled, settle_payout
from tusker.services.payout.settlement.locks import invoices_of, lock_payout
from tusker.services.reasons import reason_of


def reject_payout(ctx: Context, payout_id: int, *, reason: str) -> Payout:
    """The bank did not make a payout: its invoices wait to be financed again, with the bank's reason.

    Claims netted from it are open again. When the bank made none of the disbursal's payouts, it is dropped.
    """
    why = reason_of(reason)
    payout = lock_payout(payout_id, PayoutState.INSTRUCTED)
    if payout.net == 0:
        raise Conflict("No money was to leave for this payout.")
    reject_locked(ctx, payout, why)
    return payout


def reject_locked(ctx: Context, payout: Payout, why: str, entry_id: int | None = None) -> None:
    """`reject_payout` for one that `lock_payouts` locked. `entry_id` names the statement's entry that says so."""
    disbursal = payout.disbursal
    ids = invoices_of([payout.id], LineState.INCLUDED)
    settle_payout(ctx, payout, PayoutState.REJECTED, entry_id, why)
    remove_lines(disbursal.id, ids, say("the bank did not pay: {why}", why=why))
    fail_payables([payout], say("the bank did not pay: {why}", why=why))
    undo_netting(ctx, payout)
    move_invoices(
        ctx,
        ids,
        InvoiceStatus.BUNDLED,
        InvoiceEvent.UNBUNDLED,
        kind="payment_failed",
        reason=f"{disbursal.reference}: {why}",
    )
    settle_waiting(ctx, ids)
    mail_failure(ctx, payout, why)
    close_if_settled(ctx, disbursal)


def reinstate_payout(ctx: Context, payout_id: int, *, reason: str) -> Payout:
    """The bank did make (or still may make) a payout that was taken for rejected: it awaits the bank again.

    Raises `Conflict` when one of its invoices is not as it was: financed again, cancelled, or worth less.
    """
    why = reason_of(reason)
    payout = lock_payout(payout_id, PayoutState.REJECTED)
    reinstate_locked(ctx, payout, why)
    return payout


def reinstate_locked(ctx: Context, payout: Payout, why: str) -> None:
    """`reinstate_payout` for one that `lock_payouts` locked."""
    disbursal = payout.disbursal
    lines = db.session.scalars(
        select(DisbursalLine).where(DisbursalLine.payout_id == payout.id).order_by(DisbursalLine.invoice_id)
    ).all()
    invoices = lock_invoices({line.invoice_id for line in lines})
    for line, invoice in zip(lines, invoices, strict=True):
        if invoice.status != InvoiceStatus.FINANCEABLE or invoice.principal != line.principal:
            raise Conflict(
                "{invoice_number} has changed since it was instructed; if the money left anyway, mark the "
                "payout as paid after all.",
                invoice_number=invoice.number,
            )
    reinstate_payables(payout)
    net_again(ctx, payout)
    for line in lines:
        line.state, line.reason = LineState.INCLUDED, None
    settle_payout(ctx, payout, PayoutState.INSTRUCTED, None)
    payout.settled_at = payout.settled_by = None
    move_invoices(
        ctx,
        [line.invoice_id for line in lines],
        InvoiceStatus.FINANCEABLE,
        InvoiceEvent.BUNDLED,
        kind="payout_reinstated",
        reason=f"{disbursal.reference}: {why}",
    )
    if disbursal.status != DisbursalStatus.RELEASED:
        disbursal.closed_at = disbursal.closed_by = None
        stand_again(disbursal)
        set_disbursal_status(ctx, disbursal, DisbursalStatus.RELEASED, "payout_reinstated", why)


def stand_again(disbursal: Disbursal) -> None:
    """A disbursal that none of the bank's payments was left of is about to stand again: where its day has another one
    of the daily run since, as one that was made by hand."""
    other = select(Disbursal.id).where(
        Disbursal.business_date == disbursal.business_date,
        Disbursal.origin == "daily",
        Disbursal.id != disbursal.id,
        Disbursal.status.not_in([DisbursalStatus.DROPPED, DisbursalStatus.REVERSED]),
    )
    if disbursal.origin == "daily" and db.session.scalar(other.limit(1)) is not None:
        disbursal.origin = "manual"


def mail_failure(ctx: Context, payout: Payout, why: str) -> None:
    """Mail the admins and the supplier that its money did not arrive."""
    supplier = db.session.get_one(Customer, payout.supplier_id)
    admins, people = admin_addresses(), company_addresses(payout.supplier_id, Role.SUPPLIER)
    facts = {
        "reference": payout.disbursal.reference,
        "payout": payout.reference,
        "supplier": supplier.name,
        "total": currency().show(payout.net),
        "reason": why,
    }
    queue_mail(ctx, "payout/payout_failed", admins, disbursal_id=payout.disbursal_id, **facts)
    queue_mail(ctx, "payout/payout_not_received", people, **facts)
