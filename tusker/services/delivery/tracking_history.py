"""What delivery companies told of shipments, kept: their events and documents, each once."""

import json
from collections.abc import Iterable, Sequence

from sqlalchemy import text

from tusker.domain.delivery.document_links import document_identity
from tusker.domain.delivery.shipments import TrackedOrder, TrackingEvent
from tusker.extensions import db
from tusker.models import Shipment
from tusker.services.context import Context

_KEEP_EVENTS = text(
    """
    INSERT INTO shipment_events (shipment_id, status, raw_status, occurred_at, received_at, raw)
    SELECT e.shipment_id, e.status, e.raw_status, e.occurred_at, :now, e.raw
    FROM jsonb_to_recordset(CAST(:events AS jsonb))
        AS e (shipment_id bigint, status text, raw_status text, occurred_at timestamptz, raw jsonb)
    ON CONFLICT DO NOTHING
    """
)
_KEEP_DOCUMENTS = text(
    """
    INSERT INTO shipment_documents (shipment_id, kind, uri, identity)
    SELECT DISTINCT ON (d.shipment_id, d.identity) d.shipment_id, d.kind, d.uri, d.identity
    FROM jsonb_to_recordset(CAST(:documents AS jsonb))
        AS d (shipment_id bigint, kind text, uri text, identity text, late boolean)
    WHERE NOT (d.late AND EXISTS (
        SELECT 1 FROM shipment_documents k
        WHERE k.shipment_id = d.shipment_id AND k.identity = d.identity AND (k.kind <> 'other' OR d.kind = 'other')
    ))
    ORDER BY d.shipment_id, d.identity, d.kind = 'other'
    ON CONFLICT (shipment_id, identity) DO UPDATE SET uri = EXCLUDED.uri,
        kind = CASE shipment_documents.kind WHEN 'other' THEN EXCLUDED.kind ELSE shipment_documents.kind END
        WHERE shipment_documents.uri <> EXCLUDED.uri
            OR shipment_documents.kind = 'other' AND EXCLUDED.kind <> 'other'
    """
)


def keep_events(ctx: Context, heard: Iterable[tuple[Shipment, TrackedOrder]]) -> None:
    """Keep every raw event of all histories, each once, in one statement."""
    events = [
        {
            "shipment_id": shipment.id,
            "status": event.status,
            "raw_status": event.raw_status,
            "occurred_at": event.occurred_at and event.occurred_at.isoformat(),
            "raw": dict(event.raw),
        }
        for shipment, order in heard
        for event in _history(order)
    ]
    if events:
        db.session.execute(_KEEP_EVENTS, {"now": ctx.now, "events": json.dumps(events)})


def _history(order: TrackedOrder) -> Sequence[TrackingEvent]:
    """The order's events; its present status is one of them even where the carrier leaves it out."""
    present = TrackingEvent(order.status, order.raw_status, order.updated_at, order.raw)
    known = any(event.status == order.status for event in order.events)
    return order.events if known else (*order.events, present)


def keep_documents(heard: Iterable[tuple[Shipment, TrackedOrder]]) -> None:
    """Keep every document once with its newest link: late news bring new documents, but no older links."""
    documents = [
        {
            "shipment_id": shipment.id,
            "kind": document.kind,
            "uri": document.uri,
            "identity": document_identity(document.uri),
            "late": _is_late(shipment, order),
        }
        for shipment, order in heard
        for document in order.documents
    ]
    if documents:
        db.session.execute(_KEEP_DOCUMENTS, {"documents": json.dumps(documents)})


def _is_late(shipment: Shipment, order: TrackedOrder) -> bool:
    """Whether later news was recorded already."""
    told_at = shipment.told_at
    return told_at is not None and order.updated_at is not None and order.updated_at < told_at
