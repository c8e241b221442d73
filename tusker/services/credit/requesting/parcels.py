"""Financing by tracking number: a parcel carrier knows neither parties nor value, so the requester enters them."""

from dataclasses import dataclass
from datetime import date

from tusker.carriers.base import Carrier
from tusker.carriers.parcels import is_ambiguous
from tusker.carriers.registry import get_carriers
from tusker.domain.delivery.shipments import ShipmentStatus, TrackedOrder
from tusker.errors import FinancingRefused, InvalidInput
from tusker.messages import say

NOTHING_KNOWN = frozenset({ShipmentStatus.PENDING, ShipmentStatus.UNKNOWN})
"""The statuses of a number that was registered just now. It may be requested; it is paid once it is delivered."""


@dataclass(frozen=True, slots=True)
class Entered:
    """The details of a parcel's invoice that its carrier does not know; the amount in minor units. Only of one that
    waited, and that no delivery company tracks, the date may not be known."""

    credit_line_id: int
    number: str
    amount: int
    invoice_date: date | None


def check_entered(carrier: str, entered: Entered, order: TrackedOrder | None, today: date) -> None:
    """Raise a typed error, naming the field, for details that cannot be taken and for a parcel whose status rules a
    request out; without `order` that is not looked at."""
    if not entered.number.strip():
        raise InvalidInput("The invoice number is missing.", field="number")
    if len(entered.number) > 60 or not entered.number.isprintable():
        raise InvalidInput("The invoice number must be at most 60 readable characters.", field="number")
    if entered.amount <= 0:
        raise InvalidInput("The amount must be more than nothing.", field="amount")
    if entered.invoice_date is not None and entered.invoice_date > today:
        raise InvalidInput("The invoice date is in the future.", field="invoice_date")
    known = get_carriers().get(carrier)
    if known is not None and known.declares_orders:
        raise says_itself(known)
    if order is not None:
        _check_parcel(order)


def says_itself(carrier: Carrier) -> InvalidInput:
    """The error for details that are entered where the carrier declares its orders."""
    return InvalidInput(
        "{carrier_label} says itself what its orders are worth and whose they are: give the "
        "order reference only.",
        carrier_label=carrier.label,
        field="carrier",
    )


def _check_parcel(order: TrackedOrder) -> None:
    """Raise the error for a parcel whose status rules a request out."""
    if is_ambiguous(order):
        raise InvalidInput(
            "Several couriers have the number {ref}. Write the courier in front of the tracking "
            "number, such as {ref_2}.",
            ref=order.ref.rpartition("/")[2],
            ref_2=order.ref,
            field="order_ref",
        )
    if order.status in {ShipmentStatus.CANCELLED, ShipmentStatus.RETURNED}:
        status = say("cancelled") if order.status is ShipmentStatus.CANCELLED else say("returned")
        raise FinancingRefused(
            "Parcel “{ref}” was {status} at the delivery company and cannot be financed.",
            ref=order.ref,
            status=status,
            field="order_ref",
            problem="cancelled_order",
        )
    if not order.financeable and order.status not in NOTHING_KNOWN:
        raise FinancingRefused(
            "Parcel “{ref}” is in trouble: the delivery company says {raw_status}. Ask again "
            "once it is on its way.",
            ref=order.ref,
            raw_status=order.raw_status,
            field="order_ref",
            problem="not_placed",
        )
