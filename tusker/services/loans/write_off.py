"""Debts that will not come back: given up, taken back, and kept at nothing while they are given up."""

from tusker.domain.credit.lifecycle import InvoiceEvent, InvoiceStatus, next_status
from tusker.domain.loans.interest import amount_due
from tusker.extensions import db
from tusker.messages import say
from tusker.models import AdjustmentKind, Invoice, Loan
from tusker.services.context import Context
from tusker.services.exposure import change_exposure
from tusker.services.loans.adjustments import adjust, undo_adjustments
from tusker.services.loans.claims import end_return_claims
from tusker.services.loans.debts import debt_of, load_reductions, lock_debts_on
from tusker.services.loans.overdue import REVIEW_JOB
from tusker.services.loans.reserve import release_reserves
from tusker.services.locks import lock_invoice, lock_loan_of
from tusker.services.moves import move_invoice
from tusker.services.proposals import needs_second
from tusker.services.reasons import reason_of
from tusker.transactions import after_commit


@needs_second(say("Write a debt off"), "invoice")
def write_off(ctx: Context, invoice_id: int, *, reason: str) -> Invoice:
    """An admin gives a debt up, with a reason: all that is owed on the day is written off, and its open principal freed
    on all three limits."""
    why = reason_of(reason)
    invoice = lock_invoice(invoice_id)
    next_status(InvoiceStatus(invoice.status), InvoiceEvent.WRITTEN_OFF)
    [debt] = lock_debts_on([invoice])
    day = max(ctx.today, debt.last_payment or ctx.today)
    due, loan = amount_due(debt.debt, day), debt.loan
    adjust(ctx, loan, AdjustmentKind.WRITE_OFF, due, day, why)
    loan.closed_on = loan.written_off_on = ctx.today
    move_invoice(ctx, invoice, InvoiceEvent.WRITTEN_OFF, reason=why, amount=due.total, freed=due.principal)
    change_exposure(ctx, "written_off", [(invoice, -due.principal)])
    return invoice


def undo_write_off(ctx: Context, invoice_id: int, *, reason: str) -> Invoice:
    """Take a write-off back: the debt stands as if it had never been given up, less what came in since.

    Its open principal counts on all three limits again, over them if they were used meanwhile. Where all of it came
    in, the invoice is repaid.
    """
    why = reason_of(reason)
    invoice = lock_invoice(invoice_id)
    next_status(InvoiceStatus(invoice.status), InvoiceEvent.WRITE_OFF_UNDONE)
    loan = lock_loan_of(invoice)
    load_reductions([loan])
    rows = loan.given_up
    taken = undo_adjustments(ctx, loan, rows, why)
    loan.closed_on = loan.written_off_on = None
    given_up = sum(row.total for row in rows)
    move_invoice(ctx, invoice, InvoiceEvent.WRITE_OFF_UNDONE, reason=why, amount=given_up, taken=taken)
    db.session.flush()
    load_reductions([loan])
    if loan.open_principal == 0 and amount_due(debt_of(loan, invoice), ctx.today).total == 0:
        _close(ctx, invoice, loan, why)
    change_exposure(ctx, "write_off_undone", [(invoice, taken)])
    after_commit(REVIEW_JOB)
    return invoice


def _close(ctx: Context, invoice: Invoice, loan: Loan, why: str) -> None:
    """All that was given up came in, and nothing accrued since: the debt is paid."""
    loan.closed_on = ctx.today
    move_invoice(ctx, invoice, InvoiceEvent.REPAID, reason=why, amount=0)
    if loan.face_open is None:
        release_reserves(ctx, {invoice.id: why})
    end_return_claims(ctx, [invoice])


def give_up_rest(ctx: Context, invoice: Invoice, loan: Loan, reason: str) -> None:
    """What a locked written-off loan owes again, because a payment of the time before bounced, is given up too, from
    the day of the write-off on."""
    [day] = {row.value_date for row in loan.given_up if row.kind == AdjustmentKind.WRITE_OFF}
    db.session.flush()
    load_reductions([loan])
    due = amount_due(debt_of(loan, invoice), day)
    if any((due.principal, due.interest, due.fee, due.penalty)):
        adjust(ctx, loan, AdjustmentKind.WRITE_OFF, due, day, reason)
