"""The conditions of financing, judged from the rows as they stand. The caller holds the invoices' locks."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from flask import current_app
from sqlalchemy import select

from tusker.domain.delivery.financeable import (
    Condition,
    Facts,
    PurchaserAnswer,
    Value,
    Wishes,
    came_too_early,
    contradicts,
    open_conditions,
)
from tusker.domain.delivery.shipments import DocumentKind, ShipmentStatus
from tusker.extensions import db
from tusker.models import Invoice, Shipment
from tusker.queries.delivery.conditions import Allowed, judged_documents, on_lines
from tusker.services.locks import lock_invoices

PROVING = (DocumentKind.PROOF_OF_DELIVERY, DocumentKind.SIGNED_INVOICE)
"""Documents of which a verified one will do where a credit line wants documents."""

UNTRACKED = frozenset({"manual", "replay"})
"""Their deliveries are a person's or a file's word."""

Pair = tuple[Invoice, Shipment]


class Judge:
    """The conditions of a set of invoices, read with two queries whatever their number."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self.allowed = allowed()
        db.session.flush()
        self._known = on_lines([invoice.id for invoice, _ in pairs])
        judged = judged_documents([shipment.id for _, shipment in pairs])
        # of those that were sent in, a newer one that was verified makes the older ones good
        newest = {
            r.shipment_id: r.id for r in judged if r.invalid_at is None and r.kind == DocumentKind.INVOICE
        }
        self._invalid = {
            row.shipment_id
            for row in judged
            if row.invalid_at is not None
            and not (row.kind == DocumentKind.INVOICE and newest.get(row.shipment_id, 0) > row.id)
        }
        self._verified = {row.shipment_id for row in judged if row.invalid_at is None and row.kind in PROVING}

    def wishes_of(self, invoice: Invoice) -> Wishes:
        """What the invoice's credit line wants."""
        return self._known[invoice.id].wishes

    def open_for(self, invoice: Invoice, shipment: Shipment) -> tuple[Condition, ...]:
        """The conditions of an invoice that do not hold."""
        facts = Facts(
            shipment=ShipmentStatus(shipment.status),
            wishes=self.wishes_of(invoice),
            document_verified=shipment.id in self._verified,
            document_invalid=shipment.id in self._invalid,
            answer=PurchaserAnswer(invoice.purchaser_answer) if invoice.purchaser_answer else None,
            overruled=invoice.overruled_at is not None,
            value=Value(
                amount=invoice.amount,
                eligible=invoice.amount - invoice.credit_noted,
                declared=shipment.declared_value,
                accepted=shipment.accepted_value,
            ),
            alike=self._known[invoice.id].alike,
            too_early=self.is_too_early(invoice, shipment),
            elsewhere=self.is_elsewhere(invoice, shipment),
        )
        return open_conditions(facts, self.allowed.tolerance)

    def is_elsewhere(self, invoice: Invoice, shipment: Shipment) -> bool:
        """Whether the parcel comes from or goes to a city that is none of the company's, and no admin accepted it."""
        known = self._known[invoice.id]
        return shipment.way != shipment.accepted_way and (
            contradicts(shipment.from_city, known.sent) or contradicts(shipment.to_city, known.received)
        )

    def is_too_early(self, invoice: Invoice, shipment: Shipment) -> bool:
        """Whether the delivery was before the invoice, and no admin accepted it."""
        at, invoiced = shipment.status_occurred_at, invoice.invoice_date
        if shipment.status != ShipmentStatus.DELIVERED or shipment.carrier in UNTRACKED:
            return False
        if at is None or at == shipment.accepted_delivery_at:
            return False
        zone = ZoneInfo(self.allowed.zone)
        delivered = at.astimezone(zone).date()
        if invoiced is None:
            asked = invoice.requested_at.astimezone(zone).date()
            return came_too_early(delivered, asked, self.allowed.days_before_request)
        return came_too_early(delivered, invoiced, self.allowed.days_before)


def open_at_request(wishes: Wishes, amount: int, *, alike: bool) -> tuple[Condition, ...]:
    """The conditions of an invoice that is approved just now: nothing is known of its shipment yet."""
    facts = Facts(
        shipment=ShipmentStatus.PENDING,
        wishes=wishes,
        document_verified=False,
        answer=None,
        overruled=False,
        value=Value(amount=amount, eligible=amount),
        alike=alike,
    )
    return open_conditions(facts, allowed().tolerance)


def allowed() -> Allowed:
    """What this installation allows."""
    config = current_app.config
    return Allowed(
        config["VALUE_TOLERANCE"],
        config["DELIVERY_BEFORE_INVOICE_DAYS"],
        config["DELIVERY_BEFORE_REQUEST_DAYS"],
        config["TIMEZONE"].key,
    )


def with_shipments(invoices: Sequence[Invoice]) -> list[Pair]:
    """Locked invoices with their shipments, which change under the invoice's lock only; fresh, by ascending id."""
    found = {
        shipment.invoice_id: shipment
        for shipment in db.session.scalars(
            select(Shipment)
            .where(Shipment.invoice_id.in_([invoice.id for invoice in invoices]))
            .execution_options(populate_existing=True)
        )
    }
    return [(invoice, found[invoice.id]) for invoice in invoices if invoice.id in found]


def lock_pairs(invoice_ids: Sequence[int]) -> list[Pair]:
    """Invoices, locked and fresh, with their shipments."""
    db.session.flush()
    return with_shipments(lock_invoices(invoice_ids))
