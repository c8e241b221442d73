"""Following shipments: claim what is due, ask outside any transaction, then lock, re-check, transition, record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from tusker.carriers.registry import MANUAL
from tusker.domain.lifecycle import InvoiceEvent, InvoiceStatus, next_status
from tusker.domain.shipments import ShipmentStatus, TrackedOrder, next_poll_after
from tusker.errors import Conflict, InvalidInput
from tusker.extensions import db
from tusker.models import Invoice, Shipment, ShipmentDocument, ShipmentEvent
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.financing import cancel_locked
from tusker.services.locks import lock_invoice, lock_invoices

LEASE = timedelta(seconds=60)
"""How long a claim keeps other workers away; a worker that died leaves its shipments due again after it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A shipment that this worker now asks the delivery company about."""

    shipment_id: int
    order_ref: str


_CLAIM = text(
    """
    UPDATE shipments SET next_poll_at = :until WHERE id IN (
        SELECT id FROM shipments WHERE carrier = :carrier AND next_poll_at <= :now
        ORDER BY next_poll_at LIMIT :size FOR UPDATE SKIP LOCKED
    ) RETURNING id, order_ref
    """
)


def claim_due_shipments(ctx: Context, carrier: str, size: int) -> list[Claim]:
    """Take up to `size` due shipments of a carrier, so that no other worker asks for them within `LEASE`."""
    rows = db.session.execute(
        _CLAIM, {"until": ctx.now + LEASE, "now": ctx.now, "carrier": carrier, "size": size}
    )
    return [Claim(row.id, row.order_ref) for row in rows]


def record_tracking(
    ctx: Context, answers: Mapping[int, TrackedOrder | None], *, minimum_interval: timedelta
) -> list[int]:
    """Store what the carrier answered for claimed shipments, and move their invoices.

    `answers` maps shipment ids to orders; None says that the carrier does not know the order (any more). Raw
    statuses are kept once each. Delivered moves an approved invoice to financeable; cancelled or returned frees
    one that is not bundled yet. Asked twice or late, nothing moves twice. Returns ids of invoices that moved.
    """
    shipments = _lock_shipments(list(answers))
    moved = []
    # All rows are locked and loaded: written together at the end, not one by one in front of each statement.
    with db.session.no_autoflush:
        for shipment in shipments:
            if _record_answer(ctx, shipment, answers[shipment.id], minimum_interval):
                moved.append(shipment.invoice_id)
    db.session.flush()
    return moved


def _record_answer(
    ctx: Context, shipment: Shipment, order: TrackedOrder | None, minimum_interval: timedelta
) -> bool:
    """Store one answer on its locked shipment; True when its invoice moved."""
    if order is None:
        _note_missing(ctx, shipment, minimum_interval)
        return False
    shipment.last_polled_at = ctx.now
    shipment.poll_failures = 0
    shipment.last_error = None
    shipment.next_poll_at = next_poll_after(order.status, 0, ctx.now, minimum=minimum_interval)
    return _store_status(ctx, shipment, order) and _move_invoice(ctx, shipment)


def record_poll_failure(
    ctx: Context, shipment_ids: Sequence[int], error: str, *, minimum_interval: timedelta
) -> None:
    """The carrier did not answer: ask again later, further apart with each failure in a row."""
    for shipment in _lock_shipments(shipment_ids):
        shipment.poll_failures += 1
        shipment.last_error = error[:500]
        shipment.next_poll_at = next_poll_after(
            ShipmentStatus(shipment.status), shipment.poll_failures, ctx.now, minimum=minimum_interval
        )
    db.session.flush()


def report_delivery(ctx: Context, invoice_id: int, *, reason: str) -> Invoice:
    """An admin reports the delivery of an invoice that no delivery company tracks; the reason is the evidence."""
    if not reason.strip():
        raise InvalidInput("Say how you know of the delivery.", field="reason")
    invoice = lock_invoice(invoice_id)
    shipment = db.session.scalars(select(Shipment).where(Shipment.invoice_id == invoice_id)).one()
    if shipment.carrier != MANUAL:
        raise Conflict("The delivery company reports this delivery; it cannot be entered by hand.")
    mark_delivered(ctx, invoice, shipment, reason=reason.strip())
    return invoice


def mark_delivered(ctx: Context, invoice: Invoice, shipment: Shipment, *, reason: str) -> None:
    """Move a locked invoice to financeable because its goods arrived."""
    before = invoice.status
    invoice.status = next_status(InvoiceStatus(before), InvoiceEvent.DELIVERED)
    invoice.financeable_at = ctx.now
    shipment.status = ShipmentStatus.DELIVERED
    shipment.next_poll_at = None
    record_event(
        ctx, "invoice", invoice.id, "delivered", from_value=before, to_value=invoice.status, reason=reason
    )


def _lock_shipments(shipment_ids: Sequence[int]) -> Sequence[Shipment]:
    """The shipments with their invoices locked first, as the lock order has it."""
    invoice_ids = db.session.scalars(select(Shipment.invoice_id).where(Shipment.id.in_(shipment_ids))).all()
    lock_invoices(invoice_ids)
    return db.session.scalars(
        select(Shipment)
        .where(Shipment.id.in_(shipment_ids))
        .order_by(Shipment.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).all()


def _note_missing(ctx: Context, shipment: Shipment, minimum_interval: timedelta) -> None:
    shipment.last_polled_at = ctx.now
    shipment.poll_failures += 1
    shipment.last_error = "The delivery company does not know this order."
    shipment.next_poll_at = next_poll_after(
        ShipmentStatus(shipment.status), shipment.poll_failures, ctx.now, minimum=minimum_interval
    )


def _store_status(ctx: Context, shipment: Shipment, order: TrackedOrder) -> bool:
    """Keep the raw status event and documents; True when the shipment's status is a new one."""
    values: dict[str, Any] = {
        "shipment_id": shipment.id,
        "status": order.status,
        "raw_status": order.raw_status,
        "occurred_at": order.updated_at,
        "received_at": ctx.now,
        "raw": dict(order.raw),
    }
    db.session.execute(insert(ShipmentEvent).values(values).on_conflict_do_nothing())
    for document in order.documents:
        db.session.execute(
            insert(ShipmentDocument)
            .values(shipment_id=shipment.id, kind=document.kind, uri=document.uri)
            .on_conflict_do_nothing()
        )
    shipment.eta = order.eta
    before = shipment.status
    shipment.status, shipment.raw_status = order.status, order.raw_status
    if before == order.status:
        return False
    record_event(
        ctx,
        "invoice",
        shipment.invoice_id,
        "shipment",
        from_value=before,
        to_value=order.status,
        reason=f"{shipment.carrier} said {order.raw_status}"[:500],
    )
    return True


def _move_invoice(ctx: Context, shipment: Shipment) -> bool:
    """Apply the shipment's new status to its invoice, which is locked; True when the invoice moved."""
    invoice = db.session.get_one(Invoice, shipment.invoice_id)
    if shipment.status == ShipmentStatus.DELIVERED and invoice.status == InvoiceStatus.APPROVED:
        mark_delivered(ctx, invoice, shipment, reason=f"{shipment.carrier} reported the delivery")
        return True
    gone = shipment.status in {ShipmentStatus.CANCELLED, ShipmentStatus.RETURNED}
    if gone and invoice.status in {InvoiceStatus.APPROVED, InvoiceStatus.FINANCEABLE}:
        cancel_locked(ctx, invoice, reason=f"{shipment.carrier} reported the shipment as {shipment.status}")
        return True
    return False
