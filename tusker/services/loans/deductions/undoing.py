"""Undoing credit notes and deductions: contra rows, and the purchaser owes as if they had never been."""

from collections.abc import Mapping

from sqlalchemy import select

from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.errors import Conflict
from tusker.extensions import db
from tusker.messages import say
from tusker.models import Claim, CreditNote, DeductionKind, DeductionState, Invoice, Loan, ReserveKind
from tusker.models.loans.deductions import STANDING
from tusker.services.attention import WATCH_JOB
from tusker.services.context import Context
from tusker.services.exposure import change_exposure
from tusker.services.loans.claims import end_claim
from tusker.services.loans.contra import contra_of
from tusker.services.loans.deductions.recording import PAID_OUT, lock_note, note_event
from tusker.services.loans.netted import credit_what_was_netted
from tusker.services.loans.reserve import move_reserve, release_reserves
from tusker.services.locks import lock_loan_of, lock_rows
from tusker.services.reasons import reason_of
from tusker.transactions import after_commit

WAITING = frozenset({InvoiceStatus.APPROVED, InvoiceStatus.FINANCEABLE})


def undo_deduction(ctx: Context, note_id: int, *, reason: str) -> CreditNote:
    """Undo a credit note or deduction that was recorded wrongly; returns its contra row.

    Limits may be passed by it, since a fact is not refused.
    """
    why = reason_of(reason)
    invoice, note = lock_note(note_id)
    return _undo(ctx, invoice, note, DeductionState.UNDONE, why)


def withdraw_dispute(ctx: Context, note_id: int, *, reason: str) -> CreditNote:
    """The purchaser pays after all what it had kept back and what was disputed: it owes it again."""
    why = reason_of(reason)
    invoice, note = lock_note(note_id)
    if note.state != DeductionState.DISPUTED:
        raise Conflict("This deduction is {state}, not disputed; undo it.", state=note.state)
    return _undo(ctx, invoice, note, DeductionState.WITHDRAWN, why)


def undo_deductions_of(ctx: Context, receipt_id: int, invoices: Mapping[int, Invoice], why: str) -> None:
    """A receipt is undone: what was deducted with it is owed again. Invoices and loans are locked."""
    for note in lock_rows(
        CreditNote,
        CreditNote.receipt_id == receipt_id,
        CreditNote.state.in_(STANDING),
        CreditNote.reverses_id.is_(None),
    ):
        _undo(ctx, invoices[note.invoice_id], note, DeductionState.UNDONE, why)


def undo_rounding_of(ctx: Context, invoices: Mapping[int, Invoice], why: str) -> None:
    """The payouts of locked invoices did not arrive: what was rounded off with payments of them is undone. Their loans
    are locked."""
    for note in lock_rows(
        CreditNote,
        CreditNote.invoice_id.in_(invoices),
        CreditNote.kind == DeductionKind.ROUNDING,
        CreditNote.before_payout.is_(False),
        CreditNote.state.in_(STANDING),
        CreditNote.reverses_id.is_(None),
    ):
        _undo(ctx, invoices[note.invoice_id], note, DeductionState.UNDONE, why)


def invoices_deducted_with(receipt_id: int) -> set[int]:
    """Ids of the invoices of which something was deducted with a receipt."""
    return set(db.session.scalars(select(CreditNote.invoice_id).where(CreditNote.receipt_id == receipt_id)))


def _undo(ctx: Context, invoice: Invoice, note: CreditNote, state: DeductionState, why: str) -> CreditNote:
    note.state = state
    early = note.before_payout and invoice.status not in PAID_OUT
    contra = contra_of(ctx, note, before_payout=early, principal_cut=0, settled_on=None, reason=why)
    db.session.add(contra)
    if invoice.status in WAITING:
        contra.principal_cut = -_finance_again(ctx, invoice, note)
    elif invoice.status == InvoiceStatus.BUNDLED:
        # What is being paid stays as it was approved; so much more of the invoice is not advanced.
        invoice.credit_noted -= note.amount
    elif invoice.status in PAID_OUT:
        _owe_again(ctx, invoice, lock_loan_of(invoice), note, why)
    note_event(ctx, invoice, contra, f"deduction_{state}", why)
    db.session.flush()
    return contra


def _finance_again(ctx: Context, invoice: Invoice, note: CreditNote) -> int:
    """Before the payout: what is eligible rises again and with it the principal; returns by how much."""
    invoice.credit_noted -= note.amount
    principal = invoice.terms.principal_of(invoice.amount - invoice.credit_noted)
    raised = principal - invoice.principal
    invoice.principal = principal
    db.session.flush()
    change_exposure(ctx, "credit_note", [(invoice, raised)])
    after_commit(WATCH_JOB)
    return raised


def _owe_again(ctx: Context, invoice: Invoice, loan: Loan, note: CreditNote, why: str) -> None:
    """After the payout: the purchaser owes the amount again, and reserve and claim stand as without it."""
    loan.change_face(note.amount)
    reason = say("{what} undone: {why}", what=note.words, why=why)
    if note.before_payout:
        # So much more of the invoice was not advanced.
        move_reserve(ctx, invoice.id, ReserveKind.HELD, note.amount, reason)
    move_reserve(ctx, invoice.id, ReserveKind.CONSUMED, -note.reserve_consumed, reason)
    if note.claimed:
        [claim] = lock_rows(Claim, Claim.credit_note_id == note.id)
        credit_what_was_netted(ctx, claim)
        end_claim(ctx, claim, reason[:300])
    db.session.flush()
    if loan.face_open is None and invoice.status == InvoiceStatus.REPAID:
        release_reserves(ctx, {invoice.id: reason})
