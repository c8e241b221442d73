"""Documents of a delivery that an admin looked at: those that prove it, and those that are not valid."""

from sqlalchemy import select

from tusker.domain.delivery.shipments import DocumentKind
from tusker.errors import Conflict, existing
from tusker.extensions import db
from tusker.messages import say
from tusker.models import Disbursal, Invoice, Role, Shipment, ShipmentDocument
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.outbox import company_addresses, queue_mail
from tusker.services.payout.funding.control import lock_with_disbursal, settle_held
from tusker.services.proposals import needs_second
from tusker.services.reasons import reason_of


def verify_document(ctx: Context, document_id: int, *, verified: bool) -> int:
    """Tick or untick a document; what its invoice waited for may be met by it, or open again. Returns the invoice's id.

    Who ticked it stays in the events when it is unticked.
    """
    document, disbursal, invoice, shipment = _lock(document_id)
    if (document.verified_at is not None) == verified:
        raise Conflict("Someone has just done the same; reload and check.")
    if document.invalid_at is not None:
        raise Conflict("This document is not valid; take that back first.")
    document.verified_at, document.verified_by = (ctx.now, ctx.actor_id) if verified else (None, None)
    what = document.kind.replace("_", " ")
    record_event(
        ctx,
        invoice,
        "document_verified" if verified else "document_unverified",
        reason=what,
        document_id=document_id,
    )
    settle_held(ctx, disbursal, invoice, shipment, reason=say("{what} verified", what=what))
    return invoice.id


def mark_invalid(ctx: Context, document_id: int, *, reason: str) -> int:
    """A document proves nothing: its invoice is not financed until another one is verified, or the mark is taken back.

    The supplier is notified by mail. Returns the invoice's id.
    """
    why = reason_of(reason)
    document, disbursal, invoice, shipment = _lock(document_id)
    if document.invalid_at is not None:
        raise Conflict("This document is marked as not valid already.")
    document.verified_at = document.verified_by = None
    document.invalid_at, document.invalid_reason = ctx.now, why
    what = document.kind.replace("_", " ")
    record_event(ctx, invoice, "document_invalid", to_value=what, reason=why, document_id=document_id)
    queue_mail(
        ctx,
        "delivery/document_invalid",
        company_addresses(invoice.supplier_id, Role.SUPPLIER),
        invoice_id=invoice.id,
        number=invoice.number,
        document=DocumentKind(document.kind).words,
        reason=why,
    )
    settle_held(ctx, disbursal, invoice, shipment)
    return invoice.id


@needs_second(say("Take back that a document is not valid"), "invoice")
def mark_valid(ctx: Context, invoice_id: int, *, document_id: int, reason: str) -> int:
    """Take back that a document of an invoice is not valid; it counts as not looked at again."""
    why = reason_of(reason)
    document, disbursal, invoice, shipment = _lock(document_id)
    if invoice.id != invoice_id or document.invalid_at is None:
        raise Conflict("This document is not marked as not valid.")
    document.invalid_at = document.invalid_reason = None
    what = document.kind.replace("_", " ")
    record_event(ctx, invoice, "document_valid_again", to_value=what, reason=why, document_id=document_id)
    settle_held(ctx, disbursal, invoice, shipment, reason=say("{what} is valid: {why}", what=what, why=why))
    return invoice.id


def invoice_of_document(document_id: int) -> int:
    """The id of the invoice that a document proves something of; raises `NotFound`."""
    return existing(
        db.session.scalar(
            select(Shipment.invoice_id)
            .join(ShipmentDocument, ShipmentDocument.shipment_id == Shipment.id)
            .where(ShipmentDocument.id == document_id, ShipmentDocument.kind != DocumentKind.DISPUTE)
        ),
        say("document"),
    )


def _lock(document_id: int) -> tuple[ShipmentDocument, Disbursal | None, Invoice, Shipment]:
    """A document with its invoice, its shipment and the disbursal that it is in, locked; raises `NotFound`."""
    disbursal, invoice, shipment = lock_with_disbursal(invoice_of_document(document_id))
    document = db.session.get_one(ShipmentDocument, document_id, populate_existing=True)
    return document, disbursal, invoice, shipment
