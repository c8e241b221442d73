"""Deliveries that wait for their purchaser's confirmation."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select

from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.domain.delivery.shipments import DocumentKind, ShipmentStatus
from tusker.extensions import db
from tusker.models import CreditLine, Customer, Invoice, Shipment, ShipmentDocument
from tusker.queries.paging import Cursor, Sorts, rows_of_page
from tusker.queries.searching import has


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
    delivered_at: datetime
    shipment_id: int
    documents: list[LinkedDocument] = field(default_factory=list)


_AMOUNT = Invoice.amount - Invoice.credit_noted
_DELIVERED = func.coalesce(Shipment.status_occurred_at, Shipment.status_changed_at, Invoice.requested_at)
SORTS: Sorts = {"amount": _AMOUNT, "delivered_at": _DELIVERED}
NEWEST_FIRST = Cursor(sort="delivered_at")


def deliveries_to_confirm(
    purchaser_id: int, *, search: str = "", cursor: Cursor = NEWEST_FIRST, limit: int | None = None
) -> list[ToConfirm]:
    """Those that a search for a number or supplier finds, the newest first."""
    query = (
        select(Invoice.id, Invoice.number, Customer.name, _AMOUNT, _DELIVERED, Shipment.id)
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
    if words := search.strip():
        query = query.where(has(words, Invoice.number, Customer.name))
    found = rows_of_page(query, Invoice.id, cursor, limit, SORTS)
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
