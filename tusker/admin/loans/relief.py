"""Relief on loans: waiving charges and moving due dates, and undoing that."""

from datetime import timedelta
from typing import Any

from flask import Response, url_for
from flask.typing import ResponseReturnValue

from tusker import clock
from tusker.admin.blueprint import bp
from tusker.admin.forms import ExtendForm, WaiveForm
from tusker.errors import ClosedDay, NotFound, TuskerError
from tusker.messages import say
from tusker.models import Proposal, Relief, Role
from tusker.queries.loans.loan_rows import LoanRow
from tusker.queries.loans.loans import loan_of_invoice
from tusker.services.loans.relief import granting as service
from tusker.services.loans.relief.undoing import undo_relief
from tusker.transactions import transaction
from tusker.web.access import acting, allow
from tusker.web.forms.form import sent_reason
from tusker.web.htmx import Undo, done, render
from tusker.working_days import working_days

USUAL_EXTENSION = timedelta(days=30)


@bp.route("/loans/<int:invoice_id>/waive", methods=["GET", "POST"])
@allow(Role.ADMIN)
def waive(invoice_id: int) -> ResponseReturnValue:
    row, form = _open_loan(invoice_id), WaiveForm(value_date=clock.today())
    if form.validate_on_submit():
        with form.saving():
            made = service.waive(
                acting(),
                invoice_id,
                penalty=form.penalty.data or 0,
                fee=form.fee.data or 0,
                interest=form.interest.data or 0,
                value_date=form.value_date.filled,
                reason=form.reason.filled,
                limits=service.configured_limits(),
            )
            undo = _undo(made)
        if form.saved:
            return _answer(invoice_id, say("It is granted."), made, undo)
    return _form("admin/loans/relief/waive.html", form, row)


@bp.route("/loans/<int:invoice_id>/extend", methods=["GET", "POST"])
@allow(Role.ADMIN)
def extend(invoice_id: int) -> ResponseReturnValue:
    """Move the due date; the form proposes a day by the convention of the loan's terms."""
    row = _open_loan(invoice_id)
    usual = max(row.due_date, clock.today()) + USUAL_EXTENSION
    proposed = working_days().by_convention(usual, row.debt.terms, after=row.start_date)
    form, closed = ExtendForm(due_date=proposed, interest="with"), False
    if form.validate_on_submit():
        try:
            with transaction():
                made = service.extend(
                    acting(),
                    invoice_id,
                    due_date=form.due_date.filled,
                    with_interest=form.interest.data == "with",
                    reason=form.reason.filled,
                    limits=service.configured_limits(),
                    on_closed_day=form.on_closed_day.data,
                )
                undo = _undo(made)
        except TuskerError as error:
            form.take(error)
            closed = isinstance(error, ClosedDay)
        else:
            return _answer(invoice_id, say("It is granted."), made, undo)
    return _form("admin/loans/relief/extend.html", form, row, closed_day=closed)


@bp.post("/relief/<int:relief_id>/undo")
@allow(Role.ADMIN)
def undo_granted(relief_id: int) -> ResponseReturnValue:
    with transaction():
        undo_relief(acting(), relief_id, reason=sent_reason())
        invoice_id = service.invoice_of_relief(relief_id)
    return _answer(invoice_id, say("Undone: the debt stands as if it had not been granted."))


def _open_loan(invoice_id: int) -> LoanRow:
    row = loan_of_invoice(invoice_id, clock.today())
    if row is not None and row.written_off:
        raise service.written_off(row.number)
    if row is None or row.closed_on is not None:
        raise NotFound("Nothing is owed on this invoice.")
    return row


def _form(template: str, form: Any, row: LoanRow, **more: Any) -> ResponseReturnValue:
    limits = service.configured_limits()
    return render(template, form=form, row=row, limits=limits, today=clock.today(), **more)


def _undo(made: Relief | Proposal) -> Undo:
    return Undo(url_for("admin.undo_granted", relief_id=made.id))


def _answer(invoice_id: int, words: str, made: object = None, undo: Undo | None = None) -> Response:
    to = url_for("invoices.show", invoice_id=invoice_id, _anchor="relief")
    return done(words, to=to, made=made, undo_by=undo)
