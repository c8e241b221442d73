"""Asking a delivery company for an order from a web request, and what to show when it cannot be financed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from flask import current_app

from tusker.carriers.base import CarrierError, CarrierRefused, CarrierRejected
from tusker.carriers.registry import get_carrier
from tusker.domain.shipments import TrackedOrder
from tusker.errors import Duplicate, InvalidInput, NotFound, TuskerError
from tusker.extensions import db
from tusker.services.credit.offers import Quote, fetch_order, quote_order
from tusker.services.credit.parcels import Entered, fetch_parcel, quote_parcel
from tusker.web.access import acting

SHORTEST_REF = 3
"""Shorter texts are still being typed: the delivery company is not asked about them."""

TITLES = {
    "unknown_order": "Unknown order",
    "unknown_parcel": "Unknown parcel",
    "cancelled_order": "Cancelled at the delivery company",
    "no_credit_line": "No credit line with this purchaser",
    "line_closed": "Nothing new on this credit line now",
    "no_value": "No value to finance",
    "not_placed": "Not placed yet",
    "duplicate": "Requested already",
}


@dataclass(frozen=True, slots=True)
class Preview:
    """What the request page shows beside its form: nothing yet, a quote, or why there is none."""

    quote: Quote | None = None
    error: TuskerError | None = None
    order: TrackedOrder | None = None
    is_parcel: bool = False

    @property
    def status(self) -> int:
        """The HTTP status of a page that shows this."""
        return self.error.http_status if self.error else 200

    @property
    def title(self) -> str:
        """The problem in a few words."""
        if isinstance(self.error, CarrierRejected | CarrierRefused):
            return "The delivery company refused the question"
        if isinstance(self.error, CarrierError):
            return "The delivery company does not answer"
        if isinstance(self.error, InvalidInput):
            return "Something cannot be taken"
        problem = str(self.error.details.get("problem", "")) if self.error else ""
        if problem == "unknown_order" and self.is_parcel:
            problem = "unknown_parcel"
        return TITLES.get(problem, "This cannot be financed")

    @property
    def may_pass(self) -> bool:
        """Whether asking again later may help without anybody changing anything."""
        return isinstance(self.error, CarrierError)

    @property
    def invoice_id(self) -> int | None:
        """The invoice that exists already for this number."""
        found = self.error.details.get("invoice_id") if isinstance(self.error, Duplicate) else None
        return found if isinstance(found, int) else None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a valid form asks for: an order, or a parcel with what was entered about it."""

    supplier_id: int
    carrier: str
    order_ref: str
    entered: Entered | None

    def ask(self, *, register: bool) -> TrackedOrder | None:
        """Ask the delivery company; None for a parcel that it does not track yet.

        What was read so far is let go first: while it thinks, no transaction is open.
        """
        carrier = get_carrier(self.carrier)
        if self.entered is None:
            db.session.rollback()
            return fetch_order(carrier, self.order_ref)
        return fetch_parcel(
            acting(), self.supplier_id, carrier, self.order_ref, self.entered, register=register
        )

    def quote(self, order: TrackedOrder | None) -> Quote:
        """The figures for what `ask` answered."""
        if self.entered is not None:
            ref = order.ref if order else get_carrier(self.carrier).parse_reference(self.order_ref)
            return quote_parcel(acting(), self.supplier_id, self.carrier, ref, self.entered, order)
        if order is None:
            raise NotFound("The delivery company was not asked about this order.")
        return quote_order(acting(), self.supplier_id, order)


def preview(wanted: Wanted) -> Preview:
    """The quote, or the error that rules it out. It registers no number: that is the request's to do."""
    order, is_parcel = None, wanted.entered is not None
    try:
        order = wanted.ask(register=False)
        return Preview(quote=wanted.quote(order), order=order, is_parcel=is_parcel)
    except TuskerError as error:
        current_app.logger.info("no quote: %s", error.message)
        return Preview(error=error, order=order, is_parcel=is_parcel)


def figures_of(quote: Quote) -> str:
    """A mark of what a quote was about; another number, line or value makes another one."""
    text = f"{quote.carrier}|{quote.number}|{quote.credit_line_id}|{quote.amount}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]
