"""Documents of a delivery that an admin looked at and found to prove it."""

from __future__ import annotations

from sqlalchemy import select

from tusker.errors import Conflict, NotFound
from tusker.extensions import db
from tusker.models import Shipment, ShipmentDocument
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.payout.funding_control import lock_with_disbursal, settle_held


def verify_document(ctx: Context, document_id: int, *, verified: bool) -> int:
    """Tick or untick a document; what its invoice waited for may be met by it, or open again. Returns the invoice's id.

    Who ticked it stays in the events when it is unticked.
    """
    invoice_id = db.session.scalar(
        select(Shipment.invoice_id)
        .join(ShipmentDocument, ShipmentDocument.shipment_id == Shipment.id)
        .where(ShipmentDocument.id == document_id)
    )
    if invoice_id is None:
        raise NotFound("This document does not exist.")
    disbursal, invoice, shipment = lock_with_disbursal(invoice_id)
    document = db.session.get_one(ShipmentDocument, document_id, populate_existing=True)
    if (document.verified_at is not None) == verified:
        raise Conflict("Somebody has just done the same; look at it again.")
    document.verified_at, document.verified_by = (ctx.now, ctx.actor_id) if verified else (None, None)
    what = document.kind.replace("_", " ")
    record_event(
        ctx,
        "invoice",
        invoice_id,
        "document_verified" if verified else "document_unverified",
        reason=what,
        document_id=document_id,
    )
    settle_held(ctx, disbursal, invoice, shipment, reason=f"{what} verified")
    return int(invoice_id)
