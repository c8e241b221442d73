"""Requesting financing: the form, the quote while it is filled in, and the request."""

from __future__ import annotations

from flask import request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from tusker.carriers.registry import get_carriers
from tusker.currency import currency
from tusker.domain.limits import Bound
from tusker.errors import TermsChanged, TuskerError
from tusker.invoices.asking import SHORTEST_REF, Preview, ask_for_order, figures_of, only_carrier, preview
from tusker.invoices.blueprint import bp
from tusker.invoices.forms import RequestForm
from tusker.models import Role
from tusker.queries.invoices import supplier_choices
from tusker.services.financing import Decision, request_financing
from tusker.services.quotes import Quote, quote_order
from tusker.transactions import transaction
from tusker.web.access import acting, allow, current_company_id
from tusker.web.htmx import done, render

PAGE, QUOTE = "invoices/new.html", "invoices/_quote.html"

BOUND_WORDS = {
    Bound.CREDIT_LINE: "the credit line's limit",
    Bound.SUPPLIER: "the supplier's limit",
    Bound.PURCHASER: "the purchaser's limit",
}


@bp.route("/new", methods=["GET", "POST"])
@allow(Role.SUPPLIER, Role.ADMIN)
def new() -> ResponseReturnValue:
    """The request page. Its buttons say `check` (show the figures) or `request` (of the figures shown)."""
    form = _form()
    if request.method == "GET":
        shown = Preview()
        if form.order_ref.data and _supplier(form):
            shown = preview(_supplier(form) or 0, _carrier(form), form.order_ref.data)
        return render(PAGE, QUOTE, form=form, preview=shown, figures_of=figures_of)
    if not form.validate_on_submit():
        return _page(form, Preview(), 422)
    if request.form.get("action") == "request" and request.form.get("terms_version"):
        return _request(form)
    shown = preview(_supplier(form) or 0, _carrier(form), form.order_ref.data)
    return _page(form, shown, shown.status)


@bp.get("/quote")
@allow(Role.SUPPLIER, Role.ADMIN)
def quote() -> ResponseReturnValue:
    """The quote alone, while the form is filled in; problems are part of the answer and not HTTP errors."""
    form = _form(request.args)
    typed = (request.args.get("order_ref") or "").strip()
    shown = Preview()
    if len(typed) >= SHORTEST_REF and form.validate():
        shown = preview(_supplier(form) or 0, _carrier(form), typed)
    return render(PAGE, QUOTE, form=form, preview=shown, figures_of=figures_of)


def _form(given: object = None) -> RequestForm:
    """The form with what this person may choose; GET arguments fill it in."""
    if given is not None:
        form = RequestForm(given, meta={"csrf": False})
    else:
        form = RequestForm(
            data={
                "order_ref": (request.args.get("order_ref") or "")[:60],
                "supplier_id": request.args.get("supplier_id", type=int),
                "carrier": request.args.get("carrier"),
            }
        )
    suppliers = supplier_choices() if current_user.role == Role.ADMIN else None
    form.narrow(suppliers=suppliers, carriers=get_carriers())
    return form


def _supplier(form: RequestForm) -> int | None:
    chosen: int | None = form.supplier_id.data if "supplier_id" in form else current_company_id()
    return chosen


def _carrier(form: RequestForm) -> str:
    return (form.carrier.data if "carrier" in form else None) or only_carrier()


def _page(form: RequestForm, shown: Preview, status: int, notice: str | None = None) -> ResponseReturnValue:
    return render(PAGE, PAGE, status=status, form=form, preview=shown, figures_of=figures_of, notice=notice)


def _request(form: RequestForm) -> ResponseReturnValue:
    """Request financing on the figures that were shown; other figures are shown first."""
    supplier_id = _supplier(form) or 0
    agreed, version = request.form.get("figures"), request.form.get("terms_version", type=int) or 0
    order = None
    try:
        order = ask_for_order(_carrier(form), form.order_ref.data)
        if agreed and agreed != figures_of(quote_order(acting(), supplier_id, order)):
            raise TermsChanged(
                "These are not the figures you have seen before. Look at them and request again."
            )
        with transaction():
            decision = request_financing(acting(), supplier_id, order, source="web", terms_version=version)
    except TermsChanged as error:
        again = Preview(quote=quote_order(acting(), supplier_id, order), order=order) if order else Preview()
        return _page(form, again, error.http_status, notice=error.message)
    except TuskerError as error:
        return _page(form, Preview(error=error, order=order), error.http_status)
    message, category = _answer(decision, order.ref)
    return done(message, to=url_for("invoices.show", invoice_id=decision.invoice_id), category=category)


def _answer(decision: Decision, number: str) -> tuple[str, str]:
    quoted: Quote | None = decision.quote
    if decision.replayed or quoted is None:
        return f"Financing of “{number}” was requested already.", "info"
    if decision.refusal is None:
        principal = currency().show(quoted.principal)
        return f"Approved: {principal} is reserved for “{number}” and paid out after the delivery.", "success"
    bound, lacking = decision.refusal.bound, currency().show(decision.refusal.lacking)
    return f"Refused: {BOUND_WORDS[bound]} lacks {lacking} for “{number}”.", "danger"
