"""Documents that are sent in: the invoice itself, by its supplier or an admin, and what a dispute rests on."""

from sqlalchemy import func, select

from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.domain.delivery.shipments import DocumentKind
from tusker.errors import Conflict, Duplicate, NotFound, existing
from tusker.extensions import db
from tusker.messages import say
from tusker.models import Invoice, Shipment, ShipmentDocument, WaitingRequest
from tusker.models.delivery.shipment import OF_DISPUTE
from tusker.services.context import Context
from tusker.services.delivery.document_files import FIELD, CheckedFile, content_to_keep
from tusker.services.events import record_event
from tusker.services.locks import lock_invoice, lock_rows

MOST = 20
"""Files of one invoice."""


def keep_document(
    ctx: Context, invoice_id: int, file: CheckedFile, *, supplier_id: int | None = None
) -> ShipmentDocument:
    """Keep a file as the newest document of an invoice, of `supplier_id` only where given; older ones stay.

    Raises `NotFound`, `Duplicate` for the same file, `Conflict` for a cancelled invoice, a refused one that was
    admitted from the waiting list, or one with too many files.
    """
    invoice = lock_invoice(invoice_id)
    if supplier_id is not None and invoice.supplier_id != supplier_id:
        raise NotFound("This invoice does not exist.")
    if invoice.status == InvoiceStatus.CANCELLED:
        raise Conflict("This invoice is cancelled; it takes no documents.")
    # locked, so that a file is not sent in while those before it go on to the admitted invoice
    waited = lock_rows(WaitingRequest, WaitingRequest.invoice_id == invoice.id)
    if any(request.admitted_id for request in waited):
        raise Conflict(
            "This request was admitted from the waiting list; send the document to the new invoice."
        )
    return add_document(ctx, invoice, file, DocumentKind.INVOICE)


def add_document(ctx: Context, invoice: Invoice, file: CheckedFile, kind: DocumentKind) -> ShipmentDocument:
    """Keep a file of a locked invoice. Raises `Duplicate` for the same file, `Conflict` for too many of its kind.

    What a dispute rests on and the invoice may be the same file; a second dispute may rest on the one that is there.
    """
    shipment_id = existing(
        db.session.scalar(select(Shipment.id).where(Shipment.invoice_id == invoice.id)), say("shipment")
    )
    of_shipment = ShipmentDocument.shipment_id == shipment_id
    identity = OF_DISPUTE + file.digest if kind is DocumentKind.DISPUTE else file.digest
    same = db.session.scalar(
        select(ShipmentDocument).where(of_shipment, ShipmentDocument.identity == identity)
    )
    if same is not None and kind is DocumentKind.DISPUTE:
        return same
    if same is not None:
        raise Duplicate("This file is with the invoice already.", field=FIELD)
    known = db.session.scalars(select(func.count()).where(of_shipment, ShipmentDocument.kind == kind)).one()
    if known >= MOST:
        raise Conflict("An invoice takes at most {most} documents.", most=MOST)
    document = ShipmentDocument(
        shipment_id=shipment_id,
        kind=kind,
        uri="",
        identity=identity,
        file_name=file.name,
        media_type=file.media_type,
        size=len(file.content),
        content=content_to_keep(file),
        sent_at=ctx.now,
        sent_by=ctx.actor_id,
        sender=ctx.actor[:120],
    )
    db.session.add(document)
    db.session.flush()
    record_event(
        ctx,
        invoice,
        "document_sent" if kind is DocumentKind.INVOICE else "dispute_document_sent",
        reason=file.name,
        document_id=document.id,
        sha256=file.digest,
    )
    return document
