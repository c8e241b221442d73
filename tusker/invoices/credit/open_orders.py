"""A supplier's open orders at the delivery companies to pick from, and requesting several of them at once."""

from dataclasses import dataclass

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from tusker.carriers.base import Carrier, CarrierError
from tusker.carriers.registry import get_carrier, get_carriers
from tusker.domain.delivery.shipments import TrackedOrder
from tusker.errors import InvalidInput, TuskerError
from tusker.invoices.blueprint import bp
from tusker.invoices.credit.requesting import answer_words
from tusker.messages import joined, shown
from tusker.models import Role
from tusker.services.credit.requesting.financing import request_financing
from tusker.services.credit.requesting.offers import Quote
from tusker.services.credit.requesting.open_orders import OpenOrder
from tusker.services.credit.requesting.open_orders import open_orders as orders_of
from tusker.services.credit.requesting.quoting import quotes, wanted_of
from tusker.services.credit.requesting.subject import fetch_subjects, subject_of
from tusker.transactions import transaction
from tusker.web.access import acting, allow, current_company_id
from tusker.web.htmx import render

MOST = 10
"""Orders that are requested together."""


@dataclass(frozen=True, slots=True)
class AtCarrier:
    """What is open at one delivery company, or why it cannot say."""

    carrier: Carrier
    orders: list[OpenOrder]
    problem: str | None = None


@bp.get("/new/orders")
@allow(Role.SUPPLIER)
def open_orders() -> ResponseReturnValue:
    """The company's orders that are not requested yet, by delivery company."""
    found = [_at(carrier) for carrier in get_carriers().values() if carrier.declares_orders]
    return render(
        "invoices/credit/open_orders.html",
        found=[each for each in found if each.orders or each.problem],
        most=MOST,
    )


def _at(carrier: Carrier) -> AtCarrier:
    try:
        return AtCarrier(carrier, orders_of(current_company_id(), carrier))
    except CarrierError as error:
        return AtCarrier(carrier, [], error.message)


@bp.get("/new/several")
@allow(Role.SUPPLIER)
def several() -> ResponseReturnValue:
    """The figures of the orders in `order_ref`, to be requested together."""
    carrier, refs = _asked()
    answers = _quoted(carrier, refs)
    good = [answer for _, answer in answers if isinstance(answer, Quote)]
    return render(
        "invoices/credit/several.html",
        carrier=carrier,
        answers=answers,
        fits=[quote for quote in good if quote.refusal is None],
        is_quote=lambda answer: isinstance(answer, Quote),
        can_submit=bool(good),
    )


@bp.post("/new/several")
@allow(Role.SUPPLIER)
def request_several() -> ResponseReturnValue:
    """Request them one after the other on the figures shown, each as if it had come alone."""
    carrier, refs = _asked()
    agreed = dict(zip(refs, request.form.getlist("figures"), strict=False))
    supplier_id, ctx = current_company_id(), acting()
    orders = _fetched(carrier, refs)
    for ref, order in zip(refs, orders, strict=True):
        try:
            if isinstance(order, TuskerError):
                raise order
            with transaction():
                decision = request_financing(
                    ctx, supplier_id, order, source="web", figures=agreed.get(ref, "")
                )
            words, category = answer_words(decision)
        except TuskerError as error:
            words, category = joined((ref, error.message), ": "), "danger"
        flash(shown(words), category)
    return redirect(url_for("invoices.index"), 303)


def _asked() -> tuple[Carrier, list[str]]:
    refs = list(dict.fromkeys(ref.strip() for ref in request.values.getlist("order_ref") if ref.strip()))
    if not 0 < len(refs) <= MOST:
        raise InvalidInput("Select at least one order and at most {n}.", n=MOST, field="order_ref")
    return get_carrier(request.values.get("carrier", "")), refs


def _fetched(carrier: Carrier, refs: list[str]) -> list[TrackedOrder | TuskerError]:
    return fetch_subjects(acting(), [subject_of(current_company_id(), carrier, ref) for ref in refs])


def _quoted(carrier: Carrier, refs: list[str]) -> list[tuple[str, Quote | TuskerError]]:
    """What each would bring, or why it cannot be requested."""
    told = dict(zip(refs, _fetched(carrier, refs), strict=True))
    orders = {ref: order for ref, order in told.items() if isinstance(order, TrackedOrder)}
    wanted = [wanted_of(order, None) for order in orders.values()]
    answers = dict(zip(orders, quotes(acting(), current_company_id(), wanted), strict=True))
    found: list[tuple[str, Quote | TuskerError]] = []
    for ref, order in told.items():
        found.append((ref, order if isinstance(order, TuskerError) else answers[ref]))
    return found
