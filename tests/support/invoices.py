"""Orders as the carrier describes them, and their delivery."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import datetime, timedelta

from tests.support.values import NOW
from tusker.domain.delivery.shipments import ShipmentStatus, TrackedOrder
from tusker.extensions import db
from tusker.models import (
    CreditLine,
    Shipment,
)
from tusker.services.context import Context
from tusker.services.delivery.tracking import record_tracking
from tusker.transactions import transaction

_numbers = itertools.count(1)


def order_on(
    line: CreditLine,
    value: int = 10_000_00,
    *,
    ref: str | None = None,
    status: ShipmentStatus = ShipmentStatus.IN_TRANSIT,
    updated_at: datetime = NOW,
) -> TrackedOrder:
    """An order as the carrier would describe it, between the companies of a line; `value` in minor units."""
    return TrackedOrder(
        carrier="tusker",
        ref=ref or f"ORD-{next(_numbers)}",
        status=status,
        raw_status=str(status),
        financeable=status not in {ShipmentStatus.CANCELLED, ShipmentStatus.UNKNOWN},
        supplier_external_id=f"C{line.supplier_id}",
        purchaser_location_id=f"L{line.purchaser_id}",
        declared_value=value,
        updated_at=updated_at,
    )


def deliver(ctx: Context, invoice_id: int, order: TrackedOrder) -> None:
    """Record that the carrier delivered an invoice's order."""
    shipment = db.session.query(Shipment).filter_by(invoice_id=invoice_id).one()
    delivered = replace(order, status=ShipmentStatus.DELIVERED, raw_status="21")
    with transaction():
        record_tracking(ctx, {shipment.id: delivered}, minimum_interval=timedelta(minutes=1))
