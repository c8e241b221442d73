"""Loans whose payout did not arrive: what was laid on them is undone, since they never were."""

from collections.abc import Mapping, Sequence

from tusker.domain.credit.lifecycle import InvoiceEvent, InvoiceStatus
from tusker.extensions import db
from tusker.models import Allocation, Invoice, Loan, Relief, ReliefKind, ReliefState
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.exposure import change_exposure
from tusker.services.loans.adjustments import undo_adjustments
from tusker.services.loans.debts import load_reductions
from tusker.services.loans.deductions.undoing import undo_rounding_of
from tusker.services.loans.payables import undo_payables_of
from tusker.services.loans.receipt_rows import note_freed
from tusker.services.loans.receipts.booking import undo_allocation
from tusker.services.loans.relief.effects import note_relief
from tusker.services.locks import lock_rows
from tusker.services.moves import move_invoice


def clear_loans(ctx: Context, loans: Sequence[Loan], invoices: Mapping[int, Invoice], why: str) -> None:
    """Undo all that was paid on locked loans, given up or waived of them, because their payouts did not arrive.

    Payments are their payers' credit, and what of them was passed on already the supplier owes. The locked invoices, by
    id, stand as disbursed then, with all of their principal open and reserved.
    """
    undo_rounding_of(ctx, invoices, why)
    undo_payables_of(ctx, invoices, why)
    load_reductions(loans)
    freed = [(invoices[loan.invoice_id], loan.principal - loan.open_principal) for loan in loans]
    for loan in loans:
        _clear(ctx, loan, invoices[loan.invoice_id], why)
    _end_waivers(ctx, loans, why)
    db.session.flush()
    change_exposure(ctx, "payout_undone", freed)


def _clear(ctx: Context, loan: Loan, invoice: Invoice, why: str) -> None:
    for row in loan.standing:
        if isinstance(row, Allocation):
            undo_allocation(ctx, row, loan)
            note_freed(ctx, row.receipt, invoice.number, row.total, why)
    paid = sum(row.total for row in loan.standing if isinstance(row, Allocation))
    undo_adjustments(ctx, loan, loan.standing_adjustments, why)
    before = InvoiceStatus(invoice.status)
    if before != InvoiceStatus.DISBURSED:
        given_up = before == InvoiceStatus.WRITTEN_OFF
        event = InvoiceEvent.WRITE_OFF_UNDONE if given_up else InvoiceEvent.REOPENED
        move_invoice(ctx, invoice, event, reason=why)
        loan.written_off_on = None
    if paid:
        record_event(
            ctx,
            invoice,
            "payments_freed",
            from_value=invoice.status,
            to_value=invoice.status,
            reason=why,
            amount=paid,
        )


def _end_waivers(ctx: Context, loans: Sequence[Loan], why: str) -> None:
    by_id = {loan.id: loan for loan in loans}
    for relief in lock_rows(
        Relief,
        Relief.loan_id.in_(by_id),
        Relief.kind == ReliefKind.WAIVER,
        Relief.state == ReliefState.ACCEPTED,
    ):
        relief.state, relief.undone_on, relief.decision_reason = ReliefState.UNDONE, ctx.today, why[:500]
        note_relief(ctx, relief, ReliefState.UNDONE, why, invoice_id=by_id[relief.loan_id].invoice_id)
