"""Recording a receipt with its allocation."""

import contextlib
from typing import Any

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from tusker import clock
from tusker.admin.blueprint import bp
from tusker.admin.loans.deductions.forms import KINDS as DEDUCTION_KINDS
from tusker.admin.loans.receipts.forms import ReceiptForm, Sheet, make_sheet, typed_deductions
from tusker.currency import currency
from tusker.domain.texts import day_of
from tusker.errors import Changed, InvalidInput, TuskerError
from tusker.messages import joined, say
from tusker.models import Role
from tusker.queries.loans.receipts import allocations as receipt_allocations
from tusker.queries.loans.receipts import listing as queries
from tusker.services.bank.decisions import link_receipt
from tusker.services.loans.receipts import recording as service
from tusker.services.loans.receipts.proposal import propose_receipt
from tusker.services.seen import check_seen
from tusker.transactions import transaction
from tusker.web.access import acting, allow
from tusker.web.forms.form import sent_seen
from tusker.web.htmx import Undo, done, render, wants_fragment

ABOUT_THE_MONEY = ("customer_id", "amount", "value_date")
CHANGED = say(
    "Customer, amount, value date or what the reference names changed. This is the allocation proposed "
    "for them; look at it and record."
)


@bp.route("/receipts/new", methods=["GET", "POST"])
@allow(Role.ADMIN)
def new_receipt() -> ResponseReturnValue:
    """The form of a receipt. Its buttons are `propose` (an allocation), `sums` (of what was typed) and `record`.

    A changed reference asks for `refresh`, which keeps what was typed unless it names other loans.
    """
    action = request.form.get("action", "propose")
    form = _receipt_form()
    if request.method == "GET":
        return render("admin/loans/receipts/new.html", form=form, sheet=None, notice=None)
    valid = form.validate_on_submit()
    if action != "record":
        form.bank_reference.errors = []
    sheet, notice, changed = None, None, False
    if not any(form[name].errors for name in ABOUT_THE_MONEY):
        sheet = _lay_out(form, afresh=action == "propose")
        proposed_for = request.form.get("proposed_for")
        same = sheet is not None and proposed_for == sheet.mark
        notice = CHANGED if proposed_for is not None and action != "propose" and not same else None
        if valid and same and sheet is not None and action == "record" and not sheet.problems:
            try:
                return _record(form, sheet)
            except TuskerError as error:
                form.take(error)
                changed = isinstance(error, Changed)
    return _sheet_answer(form, sheet, notice, action, changed=changed)


def _sheet_answer(
    form: ReceiptForm, sheet: Sheet | None, notice: str | None, action: str, *, changed: bool
) -> Response:
    """The form again, or with htmx the part of it that was asked for."""
    partial = (
        "admin/loans/receipts/_sums.html"
        if action == "sums" and sheet
        else "admin/loans/receipts/_allocation.html"
    )
    failed = bool(form.errors or form.form_errors) or action == "record"
    return render(
        "admin/loans/receipts/new.html",
        partial,
        status=409 if changed else 422 if failed and not wants_fragment() else 200,
        form=form,
        deduction_kinds=DEDUCTION_KINDS,
        sheet=sheet,
        notice=notice,
        live=wants_fragment(),
        oob=wants_fragment() and "sums" in partial,
    )


def _receipt_form() -> ReceiptForm:
    form = ReceiptForm() if request.method == "POST" else ReceiptForm(None, data=_asked_for())
    form.customer_id.choices = queries.payers()
    return form


def _asked_for() -> dict[str, Any]:
    """What the link to the form fills in; what cannot be read stays empty."""
    amount = None
    with contextlib.suppress(InvalidInput):
        amount = currency().parse(request.args.get("amount", ""), field="amount")
    return {
        "customer_id": request.args.get("customer_id", type=int),
        "amount": amount,
        "value_date": request.args.get("value_date", type=day_of) or clock.today(),
        "bank_reference": request.args.get("bank_reference", "")[:60] or None,
    }


def _text_of(form: ReceiptForm) -> str:
    """What was written with the money: the loan that it names is paid first."""
    return f"{form.bank_reference.data or ''} {request.values.get('about', '')[:1000]}"


def _lay_out(form: ReceiptForm, *, afresh: bool) -> Sheet | None:
    """The sheet for the form's money, as typed unless `afresh` or proposed for other money.

    None, with the reason at its field, when there can be none.
    """
    try:
        service.check_value_date(acting(), form.value_date.filled)
        kept = typed_deductions(request.form)
        proposal = propose_receipt(
            form.customer_id.filled,
            form.amount.filled,
            form.value_date.filled,
            _text_of(form),
            [each.kept for each in kept.values() if each.kept],
        )
    except TuskerError as error:
        form.take(error)
        return None
    faces = receipt_allocations.loan_faces(
        [line.loan_id for line in (*proposal.lines, *proposal.others, *proposal.written_off)]
    )
    about = (*(form[name].data for name in ABOUT_THE_MONEY), *sorted(proposal.named))
    mark = ".".join(map(str, about))
    typed = None if afresh or request.form.get("proposed_for") != mark else request.form
    return make_sheet(proposal, faces, mark=mark, amount=form.amount.filled, typed=typed, kept=kept)


def _record(form: ReceiptForm, sheet: Sheet) -> Response:
    """Store exactly what was shown; raises typed errors."""
    with transaction():
        check_seen(sent_seen(), sheet.shown)
        made = service.record_receipt(
            acting(),
            form.customer_id.filled,
            amount=form.amount.filled,
            bank_reference=form.bank_reference.filled,
            value_date=form.value_date.filled,
            wanted=sheet.wanted,
            left_over=request.form.get("left_over", type=int, default=-1),
            debts=sheet.proposal.debts,
            kept_back=sheet.proposal.kept_back,
            charges=form.charges.data or 0,
        )
        link_receipt(acting(), made)
        receipt_id = made.id
    words = [say("{amount} is recorded.", amount=currency().show(sheet.amount))]
    if sheet.left_over:
        words.append(say("{amount} is the customer's credit.", amount=currency().show(sheet.left_over)))
    return done(
        joined(words, " "),
        to=url_for("admin.receipt", receipt_id=receipt_id),
        undo_by=Undo(url_for("admin.undo_receipt", receipt_id=receipt_id)),
    )
