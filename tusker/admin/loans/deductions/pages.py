"""What purchasers keep back of invoices: the list, recording it or a credit note, and what becomes of it."""

from flask import request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from tusker.admin.blueprint import bp
from tusker.admin.loans.deductions.forms import DeductionFilter, DeductionForm, SettleForm, kind_and_dispute
from tusker.admin.loans.receipts.forms import CreditNoteForm
from tusker.currency import currency
from tusker.errors import existing
from tusker.extensions import db
from tusker.messages import joined, say
from tusker.models import CreditNote, Role
from tusker.queries.credit.invoices import Scope, invoice_in
from tusker.queries.loans.invoice_money import credit_notes_of, deductions_page, deductions_totals, reserve_of
from tusker.services.loans.deductions import recording as deductions
from tusker.services.loans.deductions import undoing as deduction_undoing
from tusker.services.loans.deductions.credit_notes import BEFORE_PAYOUT, record_credit_note
from tusker.services.loans.deductions.recording import PAID_OUT, KeptBack
from tusker.transactions import transaction
from tusker.web.access import STAFF, acting, allow
from tusker.web.filters import status_label
from tusker.web.forms.form import sent_reason
from tusker.web.htmx import Undo, done, render
from tusker.web.lists.columns import Column, Kind
from tusker.web.lists.listing import ListOf

DEDUCTIONS = ListOf(
    "deductions",
    say("Deductions"),
    "admin.deductions_list",
    (
        Column("id", say("Id"), Kind.NUMBER, sorts=True, shown=False),
        Column("invoice", say("Invoice"), value=lambda row: row.invoice.number),
        Column("supplier", say("Supplier"), Kind.NAME, lambda row: row.invoice.supplier.name, shown=False),
        Column("purchaser", say("Purchaser"), Kind.NAME, lambda row: row.invoice.purchaser.name),
        Column("kind", say("Why"), value=lambda row: status_label(row.kind)),
        Column("reason", say("Note"), Kind.NAME),
        Column("number", say("Certificate or note"), Kind.NAME),
        Column("settled_on", say("Its day"), Kind.DAY, shown=False),
        Column("booked_on", say("Recorded"), Kind.DAY, sorts=True),
        Column("amount", say("Amount"), Kind.MONEY, sorts=True),
        Column("state", say("State"), Kind.STATUS),
    ),
    order="-id",
    by_id="id",
    row=("deduction", "id"),
)


DEDUCTIONS.serve(
    bp,
    "/deductions",
    "admin/loans/deductions/deductions.html",
    *STAFF,
    form=DeductionFilter,
    query=deductions_page,
    totals=deductions_totals,
)


@bp.route("/invoices/<int:invoice_id>/deductions/new", methods=["GET", "POST"])
@allow(Role.ADMIN)
def new_deduction(invoice_id: int) -> ResponseReturnValue:
    """The form of what the purchaser keeps back without a receipt, or after it."""
    form = DeductionForm()
    if form.validate_on_submit():
        kind, disputed = kind_and_dispute(form.kind.filled)
        kept = KeptBack(
            invoice_id, kind, form.amount.filled, form.number.data or "", form.reason.data or "", disputed
        )
        with form.saving():
            note = deductions.record_deduction(acting(), kept)
            words = say("{amount} kept back is recorded.", amount=currency().show(note.amount))
            note_id = note.id
        if form.saved:
            undo = Undo(url_for("admin.undo_deduction", note_id=note_id))
            return done(words, to=url_for("invoices.show", invoice_id=invoice_id), undo_by=undo)
    return render(
        "admin/loans/deductions/new.html",
        form=form,
        invoice=invoice_in(Scope(), invoice_id),
        noted=sum(note.amount for note in credit_notes_of(invoice_id) if note.stands),
        reserve=reserve_of(invoice_id),
    )


@bp.post("/deductions/<int:note_id>/settle")
@allow(Role.ADMIN)
def settle_tax(note_id: int) -> ResponseReturnValue:
    """The certificate of tax at source came."""
    form = SettleForm()
    if not form.validate_on_submit():
        return _changed(note_id, form.problems, "danger")
    with transaction():
        deductions.settle_tax(acting(), note_id, number=form.number.filled, settled_on=form.settled_on.filled)
    return _changed(note_id, say("Settled by {number}.", number=form.number.filled))


@bp.post("/deductions/<int:note_id>/accept")
@allow(Role.ADMIN)
def accept_deduction(note_id: int) -> ResponseReturnValue:
    """The supplier agrees with what was disputed."""
    with transaction():
        deductions.accept_dispute(acting(), note_id, number=request.form.get("number", ""))
    return _changed(note_id, say("Accepted: the supplier bears it."))


@bp.post("/deductions/<int:note_id>/withdraw")
@allow(Role.ADMIN)
def withdraw_deduction(note_id: int) -> ResponseReturnValue:
    """The purchaser pays after all what was disputed."""
    with transaction():
        deduction_undoing.withdraw_dispute(acting(), note_id, reason=sent_reason())
    return _changed(note_id, say("Withdrawn: the purchaser owes it again."))


@bp.post("/deductions/<int:note_id>/undo")
@allow(Role.ADMIN)
def undo_deduction(note_id: int) -> ResponseReturnValue:
    """A credit note or deduction was recorded wrongly."""
    with transaction():
        deduction_undoing.undo_deduction(acting(), note_id, reason=sent_reason())
    return _changed(note_id, say("Undone: it is owed as if it had never been recorded."))


def _changed(note_id: int, message: str, category: str = "success") -> ResponseReturnValue:
    invoice_id = existing(
        db.session.scalar(select(CreditNote.invoice_id).where(CreditNote.id == note_id)), say("deduction")
    )
    return done(message, to=url_for("invoices.show", invoice_id=invoice_id), category=category)


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
