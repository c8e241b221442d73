"""What a supplier has under way at a delivery company and has not requested yet: to pick from, not to type."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from tusker.carriers.base import Carrier
from tusker.domain.delivery.shipments import TrackedOrder
from tusker.extensions import db
from tusker.models import CarrierIdentity, CreditLine, Customer, Shipment
from tusker.services.couriers.gate import asking


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order with the purchaser's name, None where the supplier has no credit line with it."""

    order: TrackedOrder
    purchaser: str | None


def open_orders(supplier_id: int, carrier: Carrier) -> list[OpenOrder]:
    """The supplier's own, the newest first. HTTP: rolls the open transaction back first. Raises `CarrierError`."""
    sender = db.session.scalar(
        select(CarrierIdentity.external_id).where(
            CarrierIdentity.customer_id == supplier_id,
            CarrierIdentity.carrier == carrier.name,
            CarrierIdentity.side == "supplier",
        )
    )
    db.session.rollback()
    if sender is None:
        return []
    with asking(carrier):
        orders = carrier.open_orders(sender)
    taken = _taken(carrier.name, [order.ref for order in orders])
    left = [order for order in orders if order.ref not in taken]
    places = [order.purchaser_location_id or "" for order in left]
    names = _purchasers(supplier_id, carrier.name, places)
    return [OpenOrder(order, names.get(order.purchaser_location_id or "")) for order in left]


def _taken(carrier: str, refs: Sequence[str]) -> set[str]:
    """Those that an invoice stands on."""
    found = db.session.scalars(
        select(Shipment.order_ref).where(
            Shipment.carrier == carrier, Shipment.order_ref.in_(refs), Shipment.stands
        )
    )
    return set(found)


def _purchasers(supplier_id: int, carrier: str, locations: Sequence[str]) -> dict[str, str]:
    """Only purchasers on its own lines are named: it must not learn who else is a customer."""
    rows = db.session.execute(
        select(CarrierIdentity.external_id, Customer.name)
        .join(Customer, Customer.id == CarrierIdentity.customer_id)
        .join(CreditLine, CreditLine.purchaser_id == Customer.id)
        .where(
            CreditLine.supplier_id == supplier_id,
            CarrierIdentity.carrier == carrier,
            CarrierIdentity.side == "purchaser",
            CarrierIdentity.external_id.in_(locations),
        )
    )
    return {location: name for location, name in rows}
