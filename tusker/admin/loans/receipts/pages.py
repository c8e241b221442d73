"""Receipts: the list and one of them; refunding and undoing it."""

from typing import Any

from flask import Response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from tusker import clock
from tusker.admin.blueprint import bp
from tusker.admin.loans.deductions.forms import ChargeForm
from tusker.admin.loans.receipts.forms import ReceiptFilter, RefundForm
from tusker.currency import currency
from tusker.errors import NotFound
from tusker.messages import say
from tusker.models import ReceiptKind, Role
from tusker.queries.loans.charges import charges_of_receipt
from tusker.queries.loans.invoice_money import deductions_of_receipt
from tusker.queries.loans.receipts import allocations as receipt_allocations
from tusker.queries.loans.receipts import listing as queries
from tusker.services.loans.receipts import recording as service
from tusker.services.loans.receipts.undoing import return_refund, reverse_receipt
from tusker.transactions import transaction
from tusker.web.access import STAFF, acting, allow
from tusker.web.forms.form import ReasonForm, sent_reason
from tusker.web.htmx import done, render
from tusker.web.lists.columns import Column, Kind
from tusker.web.lists.listing import ListOf
from tusker.web.pages.finding import remember

RECEIPTS = ListOf(
    "receipts",
    say("Receipts"),
    "admin.receipts",
    (
        Column("reference", say("Reference"), value=lambda row: row.bank_reference),
        Column("customer", say("Customer"), Kind.NAME),
        Column("value_date", say("Value date"), Kind.DAY, sorts=True),
        Column("amount", say("Amount"), Kind.MONEY, sorts=True),
        Column("allocated", say("Allocated"), Kind.MONEY, lambda row: row.paid),
        Column("passed_on", say("Passed on"), Kind.MONEY, shown=False),
        Column("credit", say("Credit balance left"), Kind.MONEY, lambda row: row.credit or None),
        Column("refunded", say("Paid back"), Kind.MONEY, lambda row: row.refunded or None, shown=False),
        Column("state", say("State"), Kind.STATUS),
        Column("note", say("Note"), Kind.NAME),
        Column("booked_on", say("Booked"), Kind.DAY, shown=False),
        Column("recorded_at", say("Recorded"), Kind.MOMENT, sorts=True, shown=False),
    ),
    order="-recorded_at",
    by_id="recorded_at",
    row=("receipt", "id"),
)


def _filters(sent: MultiDict[str, str]) -> ReceiptFilter:
    filters = ReceiptFilter(sent)
    filters.customer_id.choices = queries.payers()
    return filters


RECEIPTS.serve(
    bp,
    "/receipts",
    "admin/loans/receipts/receipts.html",
    *STAFF,
    form=_filters,
    query=queries.receipts_page,
    totals=queries.receipts_totals,
)


@bp.get("/receipts/<int:receipt_id>")
@allow(Role.ADMIN, Role.AUDITOR)
def receipt(receipt_id: int) -> ResponseReturnValue:
    """One receipt: what it paid, and what was undone or paid back of it."""
    row = queries.receipt_row(receipt_id)
    if row.of_receipt_id is not None:
        return redirect(url_for("admin.receipt", receipt_id=row.of_receipt_id))
    remember("receipt", receipt_id, row.bank_reference)
    return _show(receipt_id)


@bp.post("/receipts/<int:receipt_id>/refund")
@allow(Role.ADMIN)
def refund_receipt(receipt_id: int) -> ResponseReturnValue:
    form = RefundForm()
    if form.validate_on_submit():
        with form.saving():
            made = service.refund_credit(
                acting(),
                receipt_id,
                amount=form.amount.filled,
                bank_reference=form.bank_reference.filled,
                value_date=form.value_date.filled,
            )
        if form.saved:
            words = say("{amount} is paid back.", amount=currency().show(form.amount.filled))
            return _changed(receipt_id, words, made=made)
    return _show(receipt_id, refund=form, status=422)


@bp.post("/receipts/<int:receipt_id>/undo")
@allow(Role.ADMIN)
def undo_receipt(receipt_id: int) -> ResponseReturnValue:
    form = ReasonForm()
    if form.validate_on_submit():
        with form.saving():
            reverse_receipt(acting(), receipt_id, reason=form.reason.filled)
        if form.saved:
            return _changed(receipt_id, say("The receipt is undone. What it had paid is owed again."))
    return _show(receipt_id, undo=form, status=422)


@bp.post("/receipts/refunds/<int:refund_id>/returned")
@allow(Role.ADMIN)
def refund_returned(refund_id: int) -> ResponseReturnValue:
    """The bank returned a refund: it is the customer's credit again."""
    with transaction():
        payment_id = return_refund(acting(), refund_id, reason=sent_reason()).payment_id
    return _changed(payment_id, say("The refund came back; it is the customer's credit again."))


@bp.post("/customers/<int:customer_id>/use-credit")
@allow(Role.ADMIN)
def use_credit(customer_id: int) -> ResponseReturnValue:
    """Use the customer's credit, then go back to the receipt or customer whose button it was."""
    with transaction():
        used = service.use_credit(acting(), customer_id)
    receipt_id = request.form.get("receipt_id", type=int)
    message = (
        say("{amount} of credit paid what is owed today.", amount=currency().show(used))
        if used
        else say("Nothing is owed that it could pay.")
    )
    category = "success" if used else "info"
    if receipt_id is not None:
        return _changed(receipt_id, message, category)
    return done(message, to=url_for("customers.show", customer_id=customer_id), category=category)


def _changed(receipt_id: int, message: str, category: str = "success", *, made: object = None) -> Response:
    """Answer an action: with htmx the changed receipt, without it a redirect to its page."""
    return done(
        message,
        to=url_for("admin.receipt", receipt_id=receipt_id),
        partial="admin/loans/receipts/_receipt.html",
        category=category,
        made=made,
        **_context(receipt_id),
    )


def _show(receipt_id: int, *, status: int = 200, **forms: Any) -> Response:
    return render("admin/loans/receipts/receipt.html", status=status, **_context(receipt_id, **forms))


def _context(
    receipt_id: int, *, refund: RefundForm | None = None, undo: ReasonForm | None = None
) -> dict[str, Any]:
    row = queries.receipt_row(receipt_id)
    if row.kind != ReceiptKind.PAYMENT:
        raise NotFound("This receipt does not exist.")
    return {
        "row": row,
        "allocations": receipt_allocations.receipt_allocations(receipt_id),
        "kept": deductions_of_receipt(receipt_id),
        "charges": charges_of_receipt(receipt_id),
        "charge_form": ChargeForm(None, data={"value_date": row.value_date}),
        "contras": queries.contras_of(receipt_id),
        "refund": refund
        or RefundForm(None, data={"amount": max(0, row.credit), "value_date": clock.today()}),
        "undo": undo or ReasonForm(None),
    }
