"""Undoing a receipt, a payout or a confirmed disbursal: contra rows, nothing is deleted, and debts stand as if it
had never been."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select

from tusker.domain.lifecycle import InvoiceEvent, InvoiceStatus
from tusker.errors import Conflict
from tusker.extensions import db
from tusker.models import (
    Disbursal,
    DisbursalLine,
    DisbursalStatus,
    Invoice,
    LineState,
    Payout,
    PayoutState,
)
from tusker.services.context import Context
from tusker.services.delivery.conditions import with_shipments
from tusker.services.delivery.shipment_effects import settle_locked
from tusker.services.loans.charges import book_charge, check_charge
from tusker.services.loans.claims import drop_return_claims
from tusker.services.loans.clearing import clear_loans
from tusker.services.loans.deductions.credit_notes import count_notes_as_early
from tusker.services.loans.overdue import REVIEW_JOB
from tusker.services.loans.receipts.undoing import check_reversible, reverse_locked
from tusker.services.loans.reserve import undo_holds
from tusker.services.locks import lock_disbursal, lock_loans
from tusker.services.moves import move_invoices
from tusker.services.payout.disbursals.drafts import close_disbursal
from tusker.services.payout.payable_lines import fail_payables
from tusker.services.payout.payouts import undo_netting
from tusker.services.payout.settlement.confirming import settle_payout
from tusker.services.payout.settlement.locks import lock_payout, lock_payouts, touched_by
from tusker.services.payout.settlement.netting import receipts_of
from tusker.services.payout.settlement.paid_after_all import drop_claims_of
from tusker.services.payout.settlement.rejection import mail_failure
from tusker.services.reasons import reason_of
from tusker.transactions import after_commit


def undo_disbursal(ctx: Context, disbursal_id: int, *, reason: str) -> Disbursal:
    """Undo a confirmed disbursal: its money did not arrive, or came back.

    The loans of all its payouts are reversed and their invoices wait for a payout again, their principal reserved.
    What was paid on these loans is the payers' credit; what was given up of them never was.
    """
    why = reason_of(reason)
    disbursal = lock_disbursal(disbursal_id)
    if disbursal.status != DisbursalStatus.CONFIRMED:
        raise Conflict(
            f"Disbursal {disbursal.reference} is {disbursal.status}; only a confirmed one can be undone."
        )
    confirmed = select(Payout.id).where(
        Payout.disbursal_id == disbursal_id, Payout.state == PayoutState.CONFIRMED
    )
    locked = lock_payouts([disbursal], db.session.scalars(confirmed).all())
    _undo_payouts(ctx, disbursal, list(locked.payouts.values()), locked.invoices, why, None)
    return disbursal


def return_payout(ctx: Context, payout_id: int, *, reason: str, charges: int = 0) -> Payout:
    """A payout that had left came back from the supplier's bank, less `charges`: its loans are undone as in
    `undo_disbursal`.

    When it was the last one that stood, the disbursal is undone.
    """
    why = reason_of(reason)
    payout, locked = lock_payout(payout_id, PayoutState.CONFIRMED)
    if payout.net == 0:
        raise Conflict("No money left for this payout, so none can come back.")
    return_locked(ctx, payout, locked.invoices, why)
    if charges:
        check_charge(ctx, charges, payout.net, ctx.today, field="charges")
        book_charge(ctx, payout, charges, ctx.today, reason=why)
    return payout


def return_locked(
    ctx: Context, payout: Payout, locked: Mapping[int, Invoice], why: str, entry_id: int | None = None
) -> None:
    """`return_payout` for one that `lock_payouts` locked. `entry_id` names the statement's entry that says so."""
    _undo_payouts(ctx, payout.disbursal, [payout], locked, why, entry_id)
    mail_failure(ctx, payout, why)


def _undo_payouts(
    ctx: Context,
    disbursal: Disbursal,
    payouts: Sequence[Payout],
    locked: Mapping[int, Invoice],
    why: str,
    entry_id: int | None,
) -> None:
    paid = db.session.scalars(
        select(DisbursalLine)
        .where(
            DisbursalLine.payout_id.in_([payout.id for payout in payouts]),
            DisbursalLine.state == LineState.PAID,
        )
        .order_by(DisbursalLine.invoice_id)
    ).all()
    invoices = {line.invoice_id: locked[line.invoice_id] for line in paid}
    touched = [locked[invoice_id] for invoice_id in touched_by([payout.id for payout in payouts])]
    by_id = lock_loans({*invoices, *(invoice.id for invoice in touched)})
    loans = [
        loan for loan in by_id.values() if loan.disbursal_id == disbursal.id and loan.invoice_id in invoices
    ]
    clear_loans(ctx, loans, invoices, f"payout undone: {why}")
    fail_payables(payouts, f"payout undone: {why}")
    for receipt in receipts_of(payouts):
        check_reversible(receipt)
        reverse_locked(ctx, receipt, locked, by_id, f"payout undone: {why}")
    drop_return_claims(ctx, list(invoices.values()))
    for line in paid:
        line.state, line.reason = LineState.REMOVED, f"payout undone: {why}"
    for payout in payouts:
        settle_payout(ctx, payout, PayoutState.RETURNED, entry_id, why)
        undo_netting(ctx, payout)
    drop_claims_of(ctx, payouts)
    for loan in loans:
        loan.reversed_on = loan.closed_on = ctx.today
        loan.open_principal = 0
    db.session.flush()
    undo_holds(ctx, list(invoices), why)
    move_invoices(
        ctx,
        sorted(invoices),
        InvoiceStatus.DISBURSED,
        InvoiceEvent.PAYOUT_UNDONE,
        kind="payout_undone",
        reason=f"{disbursal.reference}: {why}",
    )
    count_notes_as_early(ctx, list(invoices), f"payout undone: {why}")
    settle_locked(ctx, with_shipments(list(invoices.values())))
    after_commit(REVIEW_JOB)
    standing = select(Payout.id).where(
        Payout.disbursal_id == disbursal.id,
        Payout.state.in_([PayoutState.CONFIRMED, PayoutState.INSTRUCTED]),
    )
    if disbursal.status == DisbursalStatus.CONFIRMED and db.session.scalar(standing.limit(1)) is None:
        close_disbursal(ctx, disbursal, DisbursalStatus.REVERSED, why)
