"""Asking a delivery company for an order from a web request, and what to show when it cannot be financed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from flask import current_app

from tusker.carriers.base import CarrierError
from tusker.carriers.registry import get_carrier, get_carriers
from tusker.domain.shipments import TrackedOrder
from tusker.errors import Duplicate, TuskerError
from tusker.extensions import db
from tusker.services.quotes import Quote, fetch_order, quote_order
from tusker.web.access import acting

SHORTEST_REF = 3
"""Shorter texts are still being typed: the delivery company is not asked about them."""

TITLES = {
    "unknown_order": "Unknown order",
    "cancelled_order": "Cancelled at the delivery company",
    "no_credit_line": "No credit line with this purchaser",
    "line_closed": "The credit line is closed",
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

    @property
    def status(self) -> int:
        """The HTTP status of a page that shows this."""
        return self.error.http_status if self.error else 200

    @property
    def title(self) -> str:
        """The problem in a few words."""
        if isinstance(self.error, CarrierError):
            return "The delivery company does not answer"
        problem = str(self.error.details.get("problem", "")) if self.error else ""
        return TITLES.get(problem, "This order cannot be financed")

    @property
    def may_pass(self) -> bool:
        """Whether asking again later may help without anybody changing anything."""
        return isinstance(self.error, CarrierError)

    @property
    def invoice_id(self) -> int | None:
        """The invoice that exists already for this number."""
        found = self.error.details.get("invoice_id") if isinstance(self.error, Duplicate) else None
        return found if isinstance(found, int) else None


def only_carrier() -> str:
    """The configured delivery company where there is one only, else an empty name that none has."""
    names = list(get_carriers())
    return names[0] if len(names) == 1 else ""


def ask_for_order(carrier: str, order_ref: str) -> TrackedOrder:
    """Ask the delivery company. What was read so far is let go first: while it thinks, no transaction is open."""
    db.session.rollback()
    return fetch_order(get_carrier(carrier), order_ref)


def preview(supplier_id: int, carrier: str, order_ref: str) -> Preview:
    """The quote for an order, or the error that rules it out."""
    order = None
    try:
        order = ask_for_order(carrier, order_ref)
        return Preview(quote=quote_order(acting(), supplier_id, order), order=order)
    except TuskerError as error:
        current_app.logger.info("no quote: %s", error.message)
        return Preview(error=error, order=order)


def figures_of(quote: Quote) -> str:
    """A mark of what a quote was about; another line or value makes another one."""
    text = f"{quote.carrier}|{quote.order_ref}|{quote.credit_line_id}|{quote.amount}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]
