"""Documents of invoices as they were sent in."""

from collections.abc import Sequence

from sqlalchemy import Select, select
from sqlalchemy.orm import undefer

from tusker.domain.delivery.shipments import DocumentKind
from tusker.errors import existing
from tusker.extensions import db
from tusker.messages import say
from tusker.models import Shipment, ShipmentDocument


def documents_of(invoice_id: int) -> Sequence[ShipmentDocument]:
    """An invoice's documents without their files, the newest first."""
    invoices = _sent_in(invoice_id).where(ShipmentDocument.kind == DocumentKind.INVOICE)
    return db.session.scalars(invoices.order_by(ShipmentDocument.id.desc())).all()


def document_of(invoice_id: int, document_id: int) -> ShipmentDocument:
    """One that was sent in with its file, of a dispute too; raises `NotFound`."""
    wanted = _sent_in(invoice_id).where(ShipmentDocument.id == document_id)
    return existing(db.session.scalar(wanted.options(undefer(ShipmentDocument.content))), say("document"))


def _sent_in(invoice_id: int) -> Select[ShipmentDocument]:
    return (
        select(ShipmentDocument)
        .join(Shipment, Shipment.id == ShipmentDocument.shipment_id)
        .where(Shipment.invoice_id == invoice_id, ShipmentDocument.file_name.is_not(None))
    )
