"""What the news of a shipment does to its invoice: the one place where the delivery company moves money's way."""

from __future__ import annotations

from dataclasses import dataclass

from tusker.domain.lifecycle import InvoiceEvent, InvoiceStatus, next_status
from tusker.domain.shipments import ShipmentStatus
from tusker.models import Invoice, Shipment
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.financing import close_cancelled

_GONE = frozenset({ShipmentStatus.CANCELLED, ShipmentStatus.RETURNED})
_CANCELLABLE = frozenset({InvoiceStatus.APPROVED, InvoiceStatus.FINANCEABLE})


@dataclass(frozen=True, slots=True)
class Effect:
    """What was done: whether the invoice moved, and the principal whose reservation the caller has to free."""

    moved: bool = False
    freed: int = 0


NOTHING = Effect()


def apply_shipment_status(ctx: Context, invoice: Invoice, shipment: Shipment) -> Effect:
    """Let a shipment's new status act on its invoice; the caller holds both rows' locks.

    Delivered moves an approved invoice to financeable; cancelled or returned ends one that is not bundled yet.
    Its reservation is freed by the caller, for all shipments of a batch at once: the counters have a lock order.
    """
    if shipment.status == ShipmentStatus.DELIVERED and invoice.status == InvoiceStatus.APPROVED:
        mark_delivered(ctx, invoice, shipment, reason=f"{shipment.carrier} reported the delivery")
        return Effect(moved=True)
    if shipment.status in _GONE and invoice.status in _CANCELLABLE:
        reason = f"{shipment.carrier} reported the shipment as {shipment.status}"
        close_cancelled(ctx, invoice, reason=reason)
        return Effect(moved=True, freed=invoice.principal)
    return NOTHING


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
