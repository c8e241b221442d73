"""Undoing a receipt, a payout or a confirmed disbursal: contra rows, nothing is deleted, and debts stand as if it
had never been."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select

from tusker.domain.lifecycle import InvoiceEvent, InvoiceStatus
from tusker.errors import Conflict
from tusker.extensions import db
from tusker.models import (
    Allocation,
    Disbursal,
    DisbursalLine,
    DisbursalStatus,
    Invoice,
    LineState,
    Loan,
    Payout,
    PayoutState,
)
from tusker.services.context import Context
from tusker.services.delivery.shipment_effects import settle_ids
from tusker.services.exposure import lock_counters
from tusker.services.loans.claims import drop_return_claims, end_claims_of_repaid
from tusker.services.loans.credit_notes import count_notes_as_early
from tusker.services.loans.receipt_undoing import lock_reversible, reverse_locked
from tusker.services.loans.receipts import REVIEW_JOB
from tusker.services.loans.reserve import undo_holds
from tusker.services.locks import lock_disbursal, lock_invoices, lock_loans, lock_rows
from tusker.services.moves import move_invoices
from tusker.services.payout.disbursals import close_disbursal
from tusker.services.payout.netting import receipts_of, touched_by
from tusker.services.payout.payable_lines import fail_payables
from tusker.services.payout.payouts import lock_claims_of, undo_netting
from tusker.services.payout.settlement import lock_payout, mail_failure, settle_payout
from tusker.services.reasons import reason_of
from tusker.transactions import after_commit


def undo_disbursal(ctx: Context, disbursal_id: int, *, reason: str) -> Disbursal:
    """Undo a confirmed disbursal: its money did not arrive, or came back.

    The loans of all its payouts are reversed and their invoices wait for a payout again, their principal still
    reserved. Raises `Conflict` when a payment was recorded on one of its loans; undo that first.
    """
    why = reason_of(reason)
    disbursal = lock_disbursal(disbursal_id)
    if disbursal.status != DisbursalStatus.CONFIRMED:
        raise Conflict(
            f"Disbursal {disbursal.reference} is {disbursal.status}; only a confirmed one can be undone."
        )
    payouts = lock_rows(Payout, Payout.disbursal_id == disbursal_id, Payout.state == PayoutState.CONFIRMED)
    _undo_payouts(ctx, disbursal, payouts, why, None)
    return disbursal


def return_payout(ctx: Context, payout_id: int, *, reason: str, entry_id: int | None = None) -> Payout:
    """A payout that had left came back from the supplier's bank: its loans are undone as in `undo_disbursal`.

    `entry_id` names the statement's entry that says so. When it was the last one that stood, the disbursal is undone.
    """
    why = reason_of(reason)
    disbursal, payout = lock_payout(payout_id, PayoutState.CONFIRMED)
    if payout.net == 0:
        raise Conflict("No money left for this payout, so none can come back.")
    _undo_payouts(ctx, disbursal, [payout], why, entry_id)
    mail_failure(ctx, payout, why)
    return payout


def _undo_payouts(
    ctx: Context, disbursal: Disbursal, payouts: Sequence[Payout], why: str, entry_id: int | None
) -> None:
    paid = db.session.scalars(
        select(DisbursalLine).where(
            DisbursalLine.payout_id.in_([payout.id for payout in payouts]),
            DisbursalLine.state == LineState.PAID,
        )
    ).all()
    undone_ids = {line.invoice_id for line in paid}
    touched = touched_by([payout.id for payout in payouts])
    locked = {invoice.id: invoice for invoice in lock_invoices(undone_ids | touched)}
    invoices = {invoice_id: locked[invoice_id] for invoice_id in sorted(undone_ids)}
    by_id = lock_loans(list(locked))
    loans = [
        loan for loan in by_id.values() if loan.disbursal_id == disbursal.id and loan.invoice_id in invoices
    ]
    _check_untouched(loans, invoices)
    receipts = [lock_reversible(receipt_id) for receipt_id in receipts_of(payouts)]
    lock_claims_of([payout.supplier_id for payout in payouts])
    fail_payables(payouts, f"payout undone: {why}")
    lock_counters(locked.values() if receipts else [])
    for receipt in receipts:
        reverse_locked(ctx, receipt, locked, by_id, f"payout undone: {why}"[:500])
    drop_return_claims(ctx, list(invoices.values()))
    for line in paid:
        line.state, line.reason = LineState.REMOVED, f"payout undone: {why}"[:500]
    for payout in payouts:
        settle_payout(ctx, payout, PayoutState.RETURNED, entry_id, why)
        undo_netting(ctx, payout)
    end_claims_of_repaid(ctx, locked.values())
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
    count_notes_as_early(ctx, list(invoices), disbursal.id)
    settle_ids(ctx, list(invoices))
    after_commit(REVIEW_JOB)
    standing = select(Payout.id).where(
        Payout.disbursal_id == disbursal.id,
        Payout.state.in_([PayoutState.CONFIRMED, PayoutState.INSTRUCTED]),
    )
    if disbursal.status == DisbursalStatus.CONFIRMED and db.session.scalar(standing.limit(1)) is None:
        close_disbursal(ctx, disbursal, DisbursalStatus.REVERSED, why)


def _check_untouched(loans: Sequence[Loan], invoices: dict[int, Invoice]) -> None:
    columns = Allocation.penalty + Allocation.fee + Allocation.interest + Allocation.principal
    paid: dict[int, int] = {
        loan_id: int(total)
        for loan_id, total in db.session.execute(
            select(Allocation.loan_id, func.sum(columns))
            .where(Allocation.loan_id.in_([loan.id for loan in loans]))
            .group_by(Allocation.loan_id)
        )
    }
    for loan in loans:
        invoice = invoices[loan.invoice_id]
        if (
            invoice.status != InvoiceStatus.DISBURSED
            or paid.get(loan.id)
            or loan.open_principal != loan.principal
        ):
            raise Conflict(f"A payment was recorded on {invoice.number}; undo it before its payout.")
