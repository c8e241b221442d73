"""Financing by tracking number: a parcel carrier knows neither parties nor value, so the requester enters them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from tusker.carriers.base import Carrier
from tusker.carriers.parcels import is_ambiguous
from tusker.carriers.registry import get_carriers
from tusker.domain.shipments import ShipmentStatus, TrackedOrder
from tusker.errors import FinancingRefused, InvalidInput
from tusker.extensions import db
from tusker.models import CreditLine
from tusker.services.context import Context
from tusker.services.couriers.gate import asking
from tusker.services.credit.requesting.offers import Quote, figures_on_line
from tusker.services.credit.shipment_guard import check_free
from tusker.services.credit.standing import check_line_open

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


def parcel_number(ref: str) -> str:
    """The tracking number of a canonical reference, without its courier."""
    return ref.rpartition("/")[2]


def find_parcel(
    ctx: Context, supplier_id: int, carrier: Carrier, ref: str, entered: Entered
) -> TrackedOrder | None:
    """Check that the request would be allowed, then ask the carrier; None when it does not track the number yet.

    HTTP: rolls the open transaction back first. Raises what `quote_parcel` raises, and the
    carrier's own errors.
    """
    quote_parcel(ctx, supplier_id, carrier.name, ref, entered)
    db.session.rollback()
    with asking(carrier):
        return carrier.fetch([ref], register=False).get(ref)


def track_parcel(
    ctx: Context, supplier_id: int, carrier: Carrier, ref: str, entered: Entered
) -> TrackedOrder:
    """As `find_parcel`, and register a number that the carrier does not track yet, which may cost money.

    Raises `FinancingRefused` too, for a number that cannot be tracked.
    """
    order = find_parcel(ctx, supplier_id, carrier, ref, entered)
    if order is None and carrier.registers:
        with asking(carrier):
            order = carrier.register(ref)
    if order is None:
        raise FinancingRefused(
            f"{carrier.label} knows no parcel “{ref}”. Check the tracking number and its courier.",
            field="order_ref",
            problem="unknown_order",
        )
    return order


def quote_parcel(
    ctx: Context,
    supplier_id: int,
    carrier: str,
    ref: str,
    entered: Entered,
    order: TrackedOrder | None = None,
) -> Quote:
    """The quote for a parcel; raises a typed error for what rules it out, naming the field.

    `ref` is canonical. Without `order` the parcel's status is not checked.
    """
    line = _own_line(supplier_id, entered.credit_line_id)
    check_line_open(line, ctx.today, field="credit_line_id")
    if not entered.number.strip():
        raise InvalidInput("The invoice number is missing.", field="number")
    if len(entered.number) > 60 or not entered.number.isprintable():
        raise InvalidInput("The invoice number must be at most 60 readable characters.", field="number")
    if entered.amount <= 0:
        raise InvalidInput("The amount must be more than nothing.", field="amount")
    if entered.invoice_date is not None and entered.invoice_date > ctx.today:
        raise InvalidInput("The invoice date is in the future.", field="invoice_date")
    _check_kind(carrier)
    if order is not None:
        _check_parcel(order)
    aliases = order.aliases if order else ()
    check_free(supplier_id, entered.number, carrier, ref, aliases, field="number")
    return figures_on_line(
        ctx,
        line,
        entered.amount,
        carrier=carrier,
        order_ref=ref,
        number=entered.number,
        shipment_status=order.status if order else None,
        invoice_date=entered.invoice_date,
        field="amount",
    )


def _own_line(supplier_id: int, line_id: int) -> CreditLine:
    line: CreditLine | None = db.session.scalar(
        select(CreditLine)
        .where(CreditLine.id == line_id, CreditLine.supplier_id == supplier_id)
        .execution_options(populate_existing=True)
    )
    if line is None:
        # The same words for a line of others, so that a supplier learns nothing about them.
        raise FinancingRefused(
            "You have no such credit line. Choose one of yours.",
            field="credit_line_id",
            problem="no_credit_line",
        )
    return line


def _check_kind(carrier: str) -> None:
    known = get_carriers().get(carrier)
    if known is not None and known.declares_orders:
        raise says_itself(known)


def says_itself(carrier: Carrier) -> InvalidInput:
    """The error for details that are entered where the carrier declares its orders."""
    return InvalidInput(
        f"{carrier.label} says itself what its orders are worth and whose they are: give the order reference only.",
        field="carrier",
    )


def _check_parcel(order: TrackedOrder) -> None:
    """Raise the error for a parcel whose status rules a request out."""
    if is_ambiguous(order):
        raise InvalidInput(
            f"Several couriers have the number {parcel_number(order.ref)}. Write the courier in front of the"
            f" tracking number, such as {order.ref}.",
            field="order_ref",
        )
    if order.status in {ShipmentStatus.CANCELLED, ShipmentStatus.RETURNED}:
        raise FinancingRefused(
            f"Parcel “{order.ref}” was {order.status} at the delivery company and cannot be financed.",
            field="order_ref",
            problem="cancelled_order",
        )
    if not order.financeable and order.status not in NOTHING_KNOWN:
        raise FinancingRefused(
            f"Parcel “{order.ref}” is in trouble: the delivery company says {order.raw_status}. Ask again once it is"
            " on its way.",
            field="order_ref",
            problem="not_placed",
        )
