"""What financing is requested for: an order or a parcel. Page, endpoint and command leave the difference to this."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date

from sqlalchemy import select

from tusker.carriers.base import Carrier
from tusker.domain.shipments import TrackedOrder
from tusker.errors import InvalidInput
from tusker.extensions import db
from tusker.models import Invoice, Shipment
from tusker.models.invoice import LIVE_NUMBER
from tusker.services.context import Context
from tusker.services.credit.requesting.offers import Quote, fetch_order, quote_order
from tusker.services.credit.requesting.parcels import (
    Entered,
    find_parcel,
    quote_parcel,
    says_itself,
    track_parcel,
)
from tusker.services.credit.shipment_guard import check_not_waiting


@dataclass(frozen=True, slots=True)
class RequestSubject:
    """An order or a parcel of a supplier; made by `subject_of`.

    `ref` is the order's reference, or the tracking number in its canonical spelling; `entered` is None for an order.
    """

    supplier_id: int
    carrier: Carrier
    ref: str
    entered: Entered | None

    @property
    def number(self) -> str:
        """The number that its invoice gets."""
        return self.ref if self.entered is None else self.entered.number


def details_needed(carrier: Carrier) -> tuple[str, ...]:
    """The fields of `Entered` that a request needs besides its reference: none where orders are declared."""
    return () if carrier.declares_orders else tuple(field.name for field in fields(Entered))


def subject_of(
    supplier_id: int,
    carrier: Carrier,
    ref: str,
    *,
    credit_line_id: int | None = None,
    number: str | None = None,
    amount: int | None = None,
    invoice_date: date | None = None,
) -> RequestSubject:
    """The subject of a request; details that were not given are None, the amount is in minor units.

    Raises `InvalidInput` for a malformed reference and unless exactly the `details_needed` are given.
    """
    if carrier.declares_orders:
        if (credit_line_id, number, amount, invoice_date) != (None, None, None, None):
            raise says_itself(carrier)
        return RequestSubject(supplier_id, carrier, ref.strip(), None)
    if credit_line_id is None or number is None or amount is None or invoice_date is None:
        raise InvalidInput(
            f"{carrier.label} tracks parcels and knows nothing of their invoices: say which credit line, number,"
            " amount and date the invoice has.",
            field="carrier",
        )
    entered = Entered(credit_line_id, number, amount, invoice_date)
    return RequestSubject(supplier_id, carrier, carrier.parse_reference(ref), entered)


def quote_subject(ctx: Context, subject: RequestSubject) -> Quote:
    """Ask the delivery company and compute the figures; nothing is stored, and no parcel is registered.

    HTTP: rolls the open transaction back first. Raises what `quote_order` and
    `quote_parcel` raise, and the carrier's own errors.
    """
    entered = subject.entered
    if entered is None:
        order = fetch_order(subject.carrier, subject.ref)
        quote = quote_order(ctx, subject.supplier_id, order)
    else:
        parcel = find_parcel(ctx, subject.supplier_id, subject.carrier, subject.ref, entered)
        ref = parcel.ref if parcel else subject.ref
        quote = quote_parcel(ctx, subject.supplier_id, subject.carrier.name, ref, entered, parcel)
    check_not_waiting(subject.supplier_id, quote.number, quote.carrier, quote.order_ref)
    return quote


def fetch_subject(ctx: Context, subject: RequestSubject) -> TrackedOrder:
    """Ask the delivery company, for `request_financing` in a transaction that follows.

    A parcel that it does not track yet is registered, which may cost money. HTTP and errors as in `quote_subject`.
    """
    if subject.entered is None:
        return fetch_order(subject.carrier, subject.ref)
    return track_parcel(ctx, subject.supplier_id, subject.carrier, subject.ref, subject.entered)


def quote_fetched(ctx: Context, supplier_id: int, order: TrackedOrder, entered: Entered | None) -> Quote:
    """The quote for an order or parcel that `fetch_subject` returned."""
    if entered is None:
        return quote_order(ctx, supplier_id, order)
    return quote_parcel(ctx, supplier_id, order.carrier, order.ref, entered, order)


def live_invoice_of(subject: RequestSubject) -> int | None:
    """The id of the live invoice (not refused, not cancelled) of exactly this request.

    A tracking number without its courier matches the parcel that was stored with one.
    """
    fits = Shipment.order_ref == subject.ref
    same = [Invoice.supplier_id == subject.supplier_id, Invoice.number == subject.number]
    if subject.entered is not None:
        same.append(Invoice.credit_line_id == subject.entered.credit_line_id)
        same.append(Invoice.amount == subject.entered.amount)
        if "/" not in subject.ref:
            fits = fits | Shipment.order_ref.endswith(f"/{subject.ref}", autoescape=True)
    found: int | None = db.session.scalar(
        select(Invoice.id)
        .join(Shipment, Shipment.invoice_id == Invoice.id)
        .where(*same, LIVE_NUMBER, Shipment.carrier == subject.carrier.name, fits)
    )
    return found
