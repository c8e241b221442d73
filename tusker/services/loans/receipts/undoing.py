"""Undoing a receipt: contra rows, nothing is deleted, and debts stand as if it had never been."""

from collections import Counter
from collections.abc import Mapping
from datetime import date

from sqlalchemy import select

from tusker.domain.credit.lifecycle import InvoiceEvent, InvoiceStatus, next_status
from tusker.errors import Conflict, InvalidInput
from tusker.extensions import db
from tusker.messages import say
from tusker.models import AdjustmentKind, Allocation, Invoice, Loan, Receipt, ReceiptKind
from tusker.services.bank_entries import reopen_entry_of
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.exposure import change_exposure
from tusker.services.loans.adjustments import undo_adjustments
from tusker.services.loans.charges import undo_charges_of
from tusker.services.loans.debts import load_reductions
from tusker.services.loans.deductions.undoing import invoices_deducted_with, undo_deductions_of
from tusker.services.loans.overdue import REVIEW_JOB
from tusker.services.loans.payables import invoices_collected_with, undo_collected
from tusker.services.loans.receipt_rows import new_receipt
from tusker.services.loans.receipts.booking import undo_allocation
from tusker.services.loans.receipts.recording import check_value_date, lock_payment
from tusker.services.loans.reserve import take_back_release
from tusker.services.loans.write_off import give_up_rest
from tusker.services.locks import lock_invoices, lock_loans, lock_row
from tusker.services.reasons import reason_of
from tusker.transactions import after_commit


def reverse_receipt(ctx: Context, receipt_id: int, *, reason: str) -> Receipt:
    """Undo a receipt: it bounced, or was recorded wrongly.

    Its allocations get contra rows of the same value date, so that interest and penalty come out as if it had never
    been; loans that it closed open again with their exposure, over the limit if that was used meanwhile, because a
    fact is not refused. What was refunded of it then is owed by the customer. Raises `Conflict` when it is undone
    already or was netted from a payout.
    """
    why = reason_of(reason)
    paid = select(Loan.invoice_id).join(Allocation).where(Allocation.receipt_id == receipt_id).distinct()
    invoice_ids = {
        *db.session.scalars(paid),
        *invoices_collected_with(receipt_id),
        *invoices_deducted_with(receipt_id),
    }
    invoices = {invoice.id: invoice for invoice in lock_invoices(invoice_ids)} if invoice_ids else {}
    loans = lock_loans(list(invoices))
    receipt = lock_payment(receipt_id)
    check_reversible(receipt)
    if receipt.netted_payout_id is not None:
        raise Conflict(
            "No bank received this: it was {bank_reference}. Undo that payout instead.",
            bank_reference=receipt.bank_reference,
        )
    contra = reverse_locked(ctx, receipt, invoices, loans, why)
    reopen_entry_of(ctx, receipt_id, why)
    return contra


def reverse_locked(
    ctx: Context, receipt: Receipt, invoices: Mapping[int, Invoice], loans: Mapping[int, Loan], why: str
) -> Receipt:
    """Write the contra rows of a locked receipt and of what it paid, whose invoices and loans are locked."""
    contra = _contra(ctx, receipt, ReceiptKind.REVERSAL, f"REV-{receipt.id}", receipt.value_date, why)
    receipt.reversed_on = ctx.today
    db.session.add(contra)
    db.session.flush()
    record_event(
        ctx,
        ("customer", receipt.customer_id),
        "receipt_reversed",
        from_value=receipt.bank_reference,
        reason=why,
        amount=receipt.amount,
    )
    allocations = _live_allocations(receipt)
    if not loans.keys() >= {a.loan_id for a in allocations}:
        raise Conflict("Its credit was used just now; try again.")
    load_reductions([loans[loan_id] for loan_id in {a.loan_id for a in allocations}])
    taken = [
        (invoices[loans[a.loan_id].invoice_id], reverse_allocation(ctx, a, loans[a.loan_id], invoices, why))
        for a in allocations
    ]
    db.session.flush()
    for loan_id in {a.loan_id for a in allocations}:
        if loans[loan_id].written_off_on is not None:
            give_up_rest(ctx, invoices[loans[loan_id].invoice_id], loans[loan_id], why)
    undone: Counter[int] = Counter()
    for allocation in allocations:
        undone[allocation.loan_id] += allocation.total
    undo_collected(ctx, receipt, undone, invoices, loans.values(), why)
    if receipt.netted_payout_id is None:
        undo_deductions_of(ctx, receipt.id, invoices, why)
        undo_charges_of(ctx, receipt.id, why)
    change_exposure(ctx, "reversed", taken)
    after_commit(REVIEW_JOB)
    return contra


def reverse_allocation(
    ctx: Context, allocation: Allocation, loan: Loan, invoices: Mapping[int, Invoice], why: str
) -> int:
    """Write the contra row, with that of the recovery that it was or of what was rounded off with it, and open the loan
    again; returns the principal that is open again: none where the loan is written off."""
    invoice = invoices[loan.invoice_id]
    with_it = [row for row in loan.standing_adjustments if row.allocation_id == allocation.id]
    rounded = sum(row.principal for row in with_it if row.kind == AdjustmentKind.ROUNDING)
    undo_adjustments(ctx, loan, with_it, why)
    undo_allocation(ctx, allocation, loan)
    before = invoice.status
    taken = 0 if before == InvoiceStatus.WRITTEN_OFF else allocation.principal + rounded
    if invoice.status == InvoiceStatus.REPAID:
        invoice.status = next_status(InvoiceStatus.REPAID, InvoiceEvent.REOPENED)
        invoice.closed_at = None
        loan.closed_on = None
        if loan.face_open is None:
            take_back_release(ctx, invoice, why)
    record_event(
        ctx,
        invoice,
        "payment_reversed",
        from_value=before,
        to_value=invoice.status,
        reason=why,
        amount=allocation.total,
        taken=taken,
    )
    return taken


def return_refund(ctx: Context, refund_id: int, *, reason: str, value_date: date | None = None) -> Receipt:
    """A refund came back: its amount is the customer's credit again, or settles what it owes; returns the contra row.

    Raises `Conflict` when it came back already.
    """
    why = reason_of(reason)
    day = value_date or ctx.today
    check_value_date(ctx, day)
    refund = lock_row(say("refund"), Receipt, Receipt.id == refund_id, Receipt.kind == ReceiptKind.REFUND)
    if refund.reversed_on is not None:
        raise Conflict("This refund came back already.")
    if day < refund.value_date:
        raise InvalidInput("A refund cannot come back before it left.", field="value_date")
    contra = _contra(ctx, refund, ReceiptKind.RETURNED, f"RET-{refund.id}", day, why)
    contra.reverses_id = refund.id
    refund.reversed_on = ctx.today
    db.session.add(contra)
    record_event(
        ctx,
        ("customer", refund.customer_id),
        "refund_returned",
        from_value=refund.bank_reference,
        reason=why,
        amount=-refund.amount,
    )
    db.session.flush()
    return contra


def _contra(ctx: Context, row: Receipt, kind: ReceiptKind, reference: str, day: date, why: str) -> Receipt:
    return new_receipt(ctx, row.customer_id, -row.amount, reference, day, kind=kind, reason=why, of=row)


def check_reversible(receipt: Receipt) -> None:
    """Raise `Conflict` when a locked receipt was undone already."""
    if receipt.reversed_on is not None:
        raise Conflict("This receipt is undone already.")


def _live_allocations(receipt: Receipt) -> list[Allocation]:
    rows = db.session.scalars(
        select(Allocation).where(Allocation.receipt_id == receipt.id).order_by(Allocation.id)
    ).all()
    undone = {row.reverses_id for row in rows}
    return [row for row in rows if row.reverses_id is None and row.id not in undone]
