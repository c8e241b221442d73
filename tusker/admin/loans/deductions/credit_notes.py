"""The page that records a credit note: the supplier took back a part of an invoice's value."""

from flask import url_for
from flask.typing import ResponseReturnValue

from tusker.admin.blueprint import bp
from tusker.admin.loans.receipts.forms import CreditNoteForm
from tusker.currency import currency
from tusker.messages import joined, say
from tusker.models import CreditNote, Role
from tusker.queries.credit.invoices import Scope, invoice_in
from tusker.queries.loans.invoice_money import credit_notes_of, reserve_of
from tusker.services.loans.deductions.credit_notes import BEFORE_PAYOUT, record_credit_note
from tusker.services.loans.deductions.recording import PAID_OUT
from tusker.web.access import acting, allow
from tusker.web.htmx import Undo, done, render


@bp.route("/invoices/<int:invoice_id>/credit-notes/new", methods=["GET", "POST"])
@allow(Role.ADMIN)
def new_credit_note(invoice_id: int) -> ResponseReturnValue:
    """The form of a credit note; it says beforehand what the note will do to the debt."""
    form = CreditNoteForm()
    if form.validate_on_submit():
        with form.saving():
            note = record_credit_note(
                acting(),
                invoice_id,
                number=form.number.filled,
                amount=form.amount.filled,
                reason=form.reason.filled,
            )
            words, note_id = joined(_effects(note), " "), note.id
        if form.saved:
            return done(
                words,
                to=url_for("invoices.show", invoice_id=invoice_id),
                undo_by=Undo(url_for("admin.undo_deduction", note_id=note_id)),
            )
    invoice = invoice_in(Scope(), invoice_id)
    return render(
        "admin/loans/credit_note_new.html",
        form=form,
        invoice=invoice,
        noted=sum(note.amount for note in credit_notes_of(invoice_id)),
        reserve=reserve_of(invoice_id),
        stage="before"
        if invoice.status in BEFORE_PAYOUT
        else "after"
        if invoice.status in PAID_OUT
        else None,
    )


def _effects(note: CreditNote) -> list[str]:
    show = currency().show
    words: list[str] = [say("Credit note {number} is recorded.", number=note.number)]
    if note.principal_cut:
        words.append(say("The principal falls by {amount}.", amount=show(note.principal_cut)))
    if note.reserve_consumed:
        words.append(say("The reserve bears {amount}.", amount=show(note.reserve_consumed)))
    if note.claimed:
        words.append(say("The supplier's next payout is netted by {amount}.", amount=show(note.claimed)))
    return words
