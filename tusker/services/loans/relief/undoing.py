"""Undoing relief: what was waived is owed again, and the due date stands where it stood before."""

from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.domain.loans.extensions import after_moves
from tusker.errors import Conflict
from tusker.extensions import db
from tusker.models import Loan, Relief, ReliefKind, ReliefState
from tusker.services.context import Context
from tusker.services.loans.adjustments import undo_adjustments
from tusker.services.loans.debts import debt_of, load_reductions
from tusker.services.loans.relief.effects import end_recourse, note_relief, settle_relief, tell_companies
from tusker.services.loans.relief.granting import invoice_of_relief, lock_relief, written_off
from tusker.services.loans.relief.relaying import lay_loan_anew
from tusker.services.locks import lock_invoice, lock_loan_of
from tusker.services.reasons import reason_of


def undo_relief(ctx: Context, relief_id: int, *, reason: str) -> Relief:
    """Undo relief that counts; a loan that is paid by then opens again if something is owed without it.

    Raises `Conflict` once it is undone or the loan was written off since, and for an extension that another followed.
    """
    why = reason_of(reason)
    invoice = lock_invoice(invoice_of_relief(relief_id))
    if invoice.status == InvoiceStatus.WRITTEN_OFF:
        raise written_off(invoice.number)
    if invoice.status not in {InvoiceStatus.DISBURSED, InvoiceStatus.REPAID}:
        raise Conflict(
            "{invoice_number} is {value}; undo that first.",
            invoice_number=invoice.number,
            value=invoice.status.replace("_", " "),
        )
    loan = lock_loan_of(invoice)
    load_reductions([loan])
    relief = lock_relief(relief_id, ReliefState.ACCEPTED)
    if relief.loan_id != loan.id:
        raise Conflict("The payout of this loan was undone, and its relief with it.")
    before = debt_of(loan, invoice)
    if relief.adjustment is not None:
        undo_adjustments(ctx, loan, [relief.adjustment] if relief.gives_up else [], why)
    elif relief.due_before is not None:
        _move_back(loan, relief)
    relief.state, relief.undone_on, relief.decision_reason = ReliefState.UNDONE, ctx.today, why
    db.session.flush()
    note_relief(ctx, relief, ReliefState.UNDONE, why, invoice_id=invoice.id)
    load_reductions([loan])
    if relief.due_date is not None:
        lay_loan_anew(ctx, loan, invoice, before, why)
    end_recourse(ctx, loan, invoice, why)
    settle_relief(ctx, loan, invoice, why)
    tell_companies(ctx, relief, invoice)
    return relief


def _move_back(loan: Loan, relief: Relief) -> None:
    standing = [
        row for row in loan.reliefs if row.kind == ReliefKind.EXTENSION and row.state == ReliefState.ACCEPTED
    ]
    if standing[-1].id != relief.id:
        raise Conflict("The due date was moved again since; undo that first.")
    loan.due_date, _ = after_moves(loan.first_due_date or loan.due_date, [row.move for row in standing[:-1]])
