"""What purchasers answer: deliveries to confirm or dispute."""

from collections.abc import Callable
from functools import partial
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue

from tusker.domain.delivery.financeable import Grounds
from tusker.errors import InvalidInput, NotFound, TuskerError
from tusker.invoices.blueprint import bp
from tusker.invoices.delivery.documents import sent_document
from tusker.invoices.forms import DisputeForm
from tusker.invoices.opening import open_file
from tusker.invoices.page import PAGE, PARTIAL, done_with, file_context
from tusker.messages import say
from tusker.models import Role
from tusker.queries.credit.invoices import invoice_in
from tusker.queries.delivery.confirmations import ToConfirm, deliveries_to_confirm
from tusker.services.payout.funding import purchaser_answers as service
from tusker.transactions import transaction
from tusker.web.access import acting, allow, current_company_id, my_scope
from tusker.web.forms.form import SearchFilter
from tusker.web.htmx import done, render
from tusker.web.lists.columns import Column, Kind
from tusker.web.lists.listing import ListOf
from tusker.web.lists.shown import Shown

LIST_PAGE, LIST_PARTIAL = "invoices/delivery/to_confirm.html", "invoices/delivery/_to_confirm.html"
TO_CONFIRM = ListOf(
    "to-confirm",
    say("To confirm"),
    "invoices.to_confirm",
    (
        Column("number", say("Invoice")),
        Column("supplier", say("Supplier"), Kind.NAME),
        Column("amount", say("Amount"), Kind.MONEY, sorts=True),
        Column("delivered_at", say("Delivered"), Kind.MOMENT, sorts=True),
    ),
    order="-delivered_at",
    row=("delivery", "id"),
)


def _deliveries(**asked: Any) -> list[ToConfirm]:
    return deliveries_to_confirm(current_company_id(), **asked)


def _context(shown: Shown) -> dict[str, Any]:
    return {"form": DisputeForm(formdata=None), "errors": [], "disputed_id": None}


TO_CONFIRM.serve(
    bp, "/to-confirm", LIST_PAGE, Role.PURCHASER, form=SearchFilter, query=_deliveries, context=_context
)


@bp.post("/<int:invoice_id>/confirm-delivery")
@allow(Role.PURCHASER)
def confirm_delivery(invoice_id: int) -> ResponseReturnValue:
    def act() -> None:
        service.confirm_delivery(acting(), current_company_id(), invoice_id)

    number = invoice_in(my_scope(), invoice_id).number
    words = say("{number} is confirmed. Thank you.", number=number)
    return _answer(invoice_id, act, DisputeForm(formdata=None), words)


@bp.post("/<int:invoice_id>/dispute-delivery")
@allow(Role.PURCHASER, costly=True)
def dispute_delivery(invoice_id: int) -> ResponseReturnValue:
    form, ctx = DisputeForm(), acting()
    try:
        file = sent_document()
    except InvalidInput as error:
        return _refused(invoice_id, form, error)

    def act() -> None:
        if not form.validate():
            raise InvalidInput("Say what is wrong.")
        service.dispute_delivery(
            ctx,
            current_company_id(),
            invoice_id,
            grounds=Grounds(form.grounds.filled),
            reason=form.reason.filled,
            amount=form.amount.data,
            file=file,
        )

    return _answer(invoice_id, act, form, say("The dispute is recorded; your supplier and we are notified."))


def _answer(invoice_id: int, act: Callable[[], None], form: DisputeForm, message: str) -> ResponseReturnValue:
    """Carry an answer out and go back to where it was given: the list, or the invoice's page."""
    invoice_in(my_scope(), invoice_id)
    try:
        with transaction():
            act()
    except NotFound:
        raise
    except TuskerError as error:
        return _refused(invoice_id, form, error)
    if _listed():
        context = _list()
        return done(message, to=context["list"].url(), partial=LIST_PARTIAL, **context)
    return done_with(invoice_id, message)


def _listed() -> bool:
    return request.args.get("back") == "list"


def _refused(invoice_id: int, form: DisputeForm, error: TuskerError) -> ResponseReturnValue:
    invoice_in(my_scope(), invoice_id)
    if not form.errors:
        form.take(error)
    status = error.http_status
    errors = [*form.form_errors, *(error for field in form for error in field.errors)]
    if _listed():
        return render(
            LIST_PAGE,
            LIST_PARTIAL,
            status=status,
            **{**_list(), "errors": errors, "disputed_id": invoice_id, "dispute": form},
        )
    file = open_file(invoice_id, dispute=form)
    return render(PAGE, PARTIAL, status=status, errors=errors, **file_context(file))


def _list() -> dict[str, Any]:
    filters = SearchFilter(request.args)
    shown = TO_CONFIRM.shown(filters, partial(_deliveries, **filters.asked()))
    return {"list": shown, **_context(shown)}
