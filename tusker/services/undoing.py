"""Undoing a receipt, a payout or a confirmed disbursal: contra rows, nothing is deleted, and debts stand as if it
had never been."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select

from tusker.domain.lifecycle import InvoiceEvent, InvoiceStatus, next_status
from tusker.errors import Conflict, InvalidInput, NotFound
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
    Receipt,
    ReceiptKind,
)
from tusker.services.claims import drop_return_claims, end_claims_of_repaid
from tusker.services.context import Context
from tusker.services.credit_notes import count_notes_as_early
from tusker.services.disbursals import close_disbursal
from tusker.services.events import record_event
from tusker.services.exposure import change_exposure, lock_counters
from tusker.services.locks import lock_disbursal, lock_invoices
from tusker.services.moves import move_invoices
from tusker.services.netting import receipts_of, touched_by
from tusker.services.payouts import lock_claims_of, undo_netting
from tusker.services.receipts import REVIEW_JOB
from tusker.services.reserve import take_back_release, undo_holds
from tusker.services.settlement import lock_payout, mail_failure, settle_payout
from tusker.services.shipment_effects import settle_ids
from tusker.services.statement_entries import reopen_entry_of
from tusker.transactions import after_commit


def reverse_receipt(ctx: Context, receipt_id: int, *, reason: str) -> Receipt:
    """Undo a receipt: it bounced, or was recorded wrongly.

    Its allocations get contra rows of the same value date, so that interest and penalty come out as if it had never
    been; loans that it closed open again with their exposure, over the limit if that was used meanwhile, because a
    fact is not refused. Raises `Conflict` when it is undone already, part of it was refunded or it was netted from a
    payout.
    """
    why = _reason(reason)
    invoice_ids = db.session.scalars(
        select(Loan.invoice_id).join(Allocation).where(Allocation.receipt_id == receipt_id).distinct()
    ).all()
    invoices = {invoice.id: invoice for invoice in lock_invoices(invoice_ids)} if invoice_ids else {}
    loans = _lock_loans(list(invoices))
    receipt = _lock_reversible(receipt_id)
    if receipt.netted_payout_id is not None:
        raise Conflict(f"No bank received this: it was {receipt.bank_reference}. Undo that payout instead.")
    contra = _reverse(ctx, receipt, invoices, loans, why)
    reopen_entry_of(ctx, receipt_id, why)
    return contra


def _reverse(
    ctx: Context, receipt: Receipt, invoices: dict[int, Invoice], loans: dict[int, Loan], why: str
) -> Receipt:
    """Write the contra rows of a locked receipt and of what it paid, whose invoices and loans are locked."""
    contra = Receipt(
        kind=ReceiptKind.REVERSAL,
        customer_id=receipt.customer_id,
        of_receipt_id=receipt.id,
        bank_reference=f"REV-{receipt.id}",
        value_date=receipt.value_date,
        booked_on=ctx.today,
        amount=-receipt.amount,
        reason=why,
        recorded_at=ctx.now,
        recorded_by=ctx.actor_id,
    )
    db.session.add(contra)
    db.session.flush()
    record_event(
        ctx,
        "customer",
        receipt.customer_id,
        "receipt_reversed",
        from_value=receipt.bank_reference,
        reason=why,
        amount=receipt.amount,
    )
    allocations = _live_allocations(receipt)
    if not loans.keys() >= {a.loan_id for a in allocations}:
        raise Conflict("Its credit was used just now; try again.")
    taken = [
        (invoices[loans[a.loan_id].invoice_id], _reverse_allocation(ctx, a, loans[a.loan_id], invoices, why))
        for a in allocations
    ]
    db.session.flush()
    change_exposure(ctx, "reversed", taken)
    after_commit(REVIEW_JOB)
    return contra


def _reverse_allocation(
    ctx: Context, allocation: Allocation, loan: Loan, invoices: dict[int, Invoice], why: str
) -> int:
    """Write the contra row and open the loan again; returns the principal that is open again."""
    invoice = invoices[loan.invoice_id]
    if invoice.status == InvoiceStatus.WRITTEN_OFF:
        raise Conflict(f"{invoice.number} was written off since; its payments cannot be undone.")
    db.session.add(
        Allocation(
            receipt_id=allocation.receipt_id,
            loan_id=loan.id,
            reverses_id=allocation.id,
            value_date=allocation.value_date,
            booked_on=ctx.today,
            penalty=-allocation.penalty,
            fee=-allocation.fee,
            interest=-allocation.interest,
            principal=-allocation.principal,
        )
    )
    loan.open_principal += allocation.principal
    before = invoice.status
    if invoice.status == InvoiceStatus.REPAID:
        invoice.status = next_status(InvoiceStatus.REPAID, InvoiceEvent.REOPENED)
        invoice.closed_at = None
        loan.closed_on = None
        take_back_release(ctx, invoice, why)
    record_event(
        ctx,
        "invoice",
        invoice.id,
        "payment_reversed",
        from_value=before,
        to_value=invoice.status,
        reason=why,
        amount=allocation.total,
        taken=allocation.principal,
    )
    return allocation.principal


def undo_disbursal(ctx: Context, disbursal_id: int, *, reason: str) -> Disbursal:
    """Undo a confirmed disbursal: its money did not arrive, or came back.

    The loans of all its payouts are reversed and their invoices wait for a payout again, their principal still
    reserved. Raises `Conflict` when a payment was recorded on one of its loans; undo that first.
    """
    why = _reason(reason)
    disbursal = lock_disbursal(disbursal_id)
    if disbursal.status != DisbursalStatus.CONFIRMED:
        raise Conflict(
            f"Disbursal {disbursal.reference} is {disbursal.status}; only a confirmed one can be undone."
        )
    payouts = db.session.scalars(
        select(Payout)
        .where(Payout.disbursal_id == disbursal_id, Payout.state == PayoutState.CONFIRMED)
        .order_by(Payout.id)
        .with_for_update(key_share=True, of=Payout)
    ).all()
    _undo_payouts(ctx, disbursal, payouts, why, None)
    return disbursal


def return_payout(ctx: Context, payout_id: int, *, reason: str, entry_id: int | None = None) -> Payout:
    """A payout that had left came back from the supplier's bank: its loans are undone as in `undo_disbursal`.

    `entry_id` names the statement's entry that says so. When it was the last one that stood, the disbursal is undone.
    """
    why = _reason(reason)
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
    by_id = _lock_loans(list(locked))
    loans = [
        loan for loan in by_id.values() if loan.disbursal_id == disbursal.id and loan.invoice_id in invoices
    ]
    _check_untouched(loans, invoices)
    receipts = [_lock_reversible(receipt_id) for receipt_id in receipts_of(payouts)]
    lock_claims_of([payout.supplier_id for payout in payouts])
    lock_counters(locked.values() if receipts else [])
    for receipt in receipts:
        _reverse(ctx, receipt, locked, by_id, f"payout undone: {why}"[:500])
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


def _lock_loans(invoice_ids: Sequence[int]) -> dict[int, Loan]:
    loans = db.session.scalars(
        select(Loan)
        .where(Loan.invoice_id.in_(invoice_ids), Loan.reversed_on.is_(None))
        .order_by(Loan.id)
        .with_for_update(key_share=True, of=Loan)
        .execution_options(populate_existing=True)
    )
    return {loan.id: loan for loan in loans}


def _lock_reversible(receipt_id: int) -> Receipt:
    receipt = db.session.get(Receipt, receipt_id, with_for_update={"key_share": True}, populate_existing=True)
    if receipt is None or receipt.kind != ReceiptKind.PAYMENT:
        raise NotFound("This receipt does not exist.")
    kinds = set(db.session.scalars(select(Receipt.kind).where(Receipt.of_receipt_id == receipt_id)))
    if ReceiptKind.REVERSAL in kinds:
        raise Conflict("This receipt is undone already.")
    if ReceiptKind.REFUND in kinds:
        raise Conflict("Part of this receipt was refunded; it cannot be undone.")
    return receipt


def _live_allocations(receipt: Receipt) -> list[Allocation]:
    rows = db.session.scalars(
        select(Allocation).where(Allocation.receipt_id == receipt.id).order_by(Allocation.id)
    ).all()
    undone = {row.reverses_id for row in rows}
    return [row for row in rows if row.reverses_id is None and row.id not in undone]


def _reason(reason: str) -> str:
    cleaned = reason.strip()
    if not cleaned:
        raise InvalidInput("Say why it is undone.", field="reason")
    if len(cleaned) > 500:
        raise InvalidInput("The reason may have at most 500 characters.", field="reason")
    return cleaned
