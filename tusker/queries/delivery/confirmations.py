"""Deliveries that wait for their purchaser's confirmation."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select

from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.domain.delivery.shipments import DocumentKind, ShipmentStatus
from tusker.extensions import db
from tusker.models import CreditLine, Customer, Invoice, Shipment, ShipmentDocument
from tusker.queries.paging import NEWEST, Cursor, rows_of_page


@dataclass(frozen=True, slots=True)
class LinkedDocument:
    """A document that can be opened: its address is http or https."""

    kind: str
    uri: str


@dataclass(frozen=True, slots=True)
class ToConfirm:
    """A delivery; the amount, less credit notes, in minor units."""

    id: int
    number: str
    supplier: str
    amount: int
    delivered_at: datetime | None
    shipment_id: int
    documents: list[LinkedDocument] = field(default_factory=list)


def deliveries_to_confirm(purchaser_id: int, *, cursor: Cursor = NEWEST, limit: int) -> list[ToConfirm]:
    """The newest first, at most `limit`."""
    query = (
        select(
            Invoice.id,
            Invoice.number,
            Customer.name,
            Invoice.amount - Invoice.credit_noted,
            func.coalesce(Shipment.status_occurred_at, Shipment.status_changed_at),
            Shipment.id,
        )
        .join(CreditLine, CreditLine.id == Invoice.credit_line_id)
        .join(Shipment, Shipment.invoice_id == Invoice.id)
        .join(Customer, Customer.id == Invoice.supplier_id)
        .where(
            Invoice.purchaser_id == purchaser_id,
            Invoice.status == InvoiceStatus.APPROVED,
            Invoice.purchaser_answer.is_(None),
            CreditLine.confirmation_required,
            Shipment.status == ShipmentStatus.DELIVERED,
        )
    )
    found = rows_of_page(query, Invoice.id, cursor, limit)
    documents = _documents([row[-1] for row in found])
    return [ToConfirm(*row, documents.get(row[-1], [])) for row in found]


def _documents(shipment_ids: Collection[int]) -> dict[int, list[LinkedDocument]]:
    found: dict[int, list[LinkedDocument]] = {}
    rows = db.session.execute(
        select(ShipmentDocument.shipment_id, ShipmentDocument.kind, ShipmentDocument.uri)
        .where(
            ShipmentDocument.shipment_id.in_(shipment_ids),
            ShipmentDocument.kind != DocumentKind.OTHER,
            ShipmentDocument.uri.regexp_match("^https?://"),
        )
        .order_by(ShipmentDocument.id)
    )
    for shipment_id, kind, uri in rows:
        found.setdefault(shipment_id, []).append(LinkedDocument(kind, uri))
    return found
