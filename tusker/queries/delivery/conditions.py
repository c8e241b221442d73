"""Invoices whose status does not (yet) follow from their conditions of financing, found in SQL."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import text

from tusker.domain.delivery.financeable import Wishes
from tusker.extensions import db
from tusker.prepared import Prepared

VALUE_AGREES = (
    "(h.declared_value IS NULL OR h.declared_value IS NOT DISTINCT FROM h.accepted_value"
    " OR h.declared_value BETWEEN i.amount - i.credit_noted - i.amount * CAST(:tolerance AS numeric)"
    " AND i.amount + i.amount * CAST(:tolerance AS numeric))"
)
"""`domain.financeable.Value.agrees` as SQL, for invoice i and shipment h."""
_OBJECTED = "(i.purchaser_answer IS NOT DISTINCT FROM 'disputed' AND i.overruled_at IS NULL)"
_VERIFIED = (
    "EXISTS (SELECT 1 FROM shipment_documents t WHERE t.shipment_id = h.id AND t.verified_at IS NOT NULL"
    " AND t.kind IN ('proof_of_delivery', 'signed_invoice'))"
)
_INVALID = (
    "EXISTS (SELECT 1 FROM shipment_documents t WHERE t.shipment_id = h.id AND t.invalid_at IS NOT NULL"
    " AND NOT (t.kind = 'invoice' AND EXISTS (SELECT 1 FROM shipment_documents n WHERE n.shipment_id = h.id"
    " AND n.kind = 'invoice' AND n.id > t.id AND n.verified_at IS NOT NULL)))"
)
"""Of the documents that were sent in, a newer one that was verified makes the older ones good."""
_EARLIER = "o.id + 0 < i.id AND o.status NOT IN ('rejected', 'cancelled')"
"""The sum keeps the planner from reading half of the primary key for each of many invoices of one amount."""
_LOOKS_LIKE_IT = (
    "o.credit_line_id = i.credit_line_id AND o.amount = i.amount AND o.number_loose && i.number_loose"
)
_HAD_ITS_NUMBER = (
    "o.supplier_id = i.supplier_id AND o.number_strict = left(i.number_strict, -length(' #' || i.id))"
    " AND i.number_strict = o.number_strict || ' #' || i.id"
)
ALIKE_OF = f"{_EARLIER} AND ({_LOOKS_LIKE_IT} OR {_HAD_ITS_NUMBER})"
"""An earlier invoice o of the same companies and amount looks like invoice i, or had its number when numbers began to
compare by their strict form."""
_ONE = f"EXISTS (SELECT 1 FROM invoices o WHERE {_EARLIER} AND {{which}})"  # noqa: S608 (constants)
ALIKE = (
    f"(i.alike_accepted_at IS NULL AND ({_ONE.format(which=_LOOKS_LIKE_IT)}"
    f" OR right(i.number_strict, length(' #' || i.id)) = ' #' || i.id AND {_ONE.format(which=_HAD_ITS_NUMBER)}))"
)
"""There is one. Each of the two is looked for by its own index."""
DELIVERED_ON = "CAST(h.status_occurred_at AT TIME ZONE :zone AS date)"
TOO_EARLY = (
    f"(h.status = 'delivered' AND h.carrier NOT IN ('manual', 'replay')"
    f" AND COALESCE({DELIVERED_ON} < COALESCE(i.invoice_date - CAST(:days_before AS integer),"
    " CAST(i.requested_at AT TIME ZONE :zone AS date) - CAST(:days_before_request AS integer)), false)"
    " AND h.status_occurred_at IS DISTINCT FROM h.accepted_delivery_at)"
)
"""`domain.financeable.came_too_early` as SQL, unless an admin accepted this very delivery; unknown days are no
grounds."""
_NONE_OF = (
    "EXISTS (SELECT 1 FROM customers k WHERE k.id = i.{side}_id AND k.cities <> '{{}}'"
    " AND h.{told} <> ALL (k.cities))"
)
_SENT, _RECEIVED = (
    _NONE_OF.format(side=side, told=told)
    for side, told in (("supplier", "from_city"), ("purchaser", "to_city"))
)
WAY = "COALESCE(h.from_city, '') || ' → ' || COALESCE(h.to_city, '')"
"""`Shipment.way` as SQL."""
ELSEWHERE = (
    "((h.from_city IS NOT NULL OR h.to_city IS NOT NULL)"
    f" AND {WAY} IS DISTINCT FROM h.accepted_way AND ({_SENT} OR {_RECEIVED}))"
)
"""`domain.financeable.contradicts` for either city as SQL, unless an admin accepted this very way."""
READY = (
    f"(h.status = 'delivered' AND NOT {ALIKE} AND NOT {TOO_EARLY} AND NOT {ELSEWHERE}"
    f" AND NOT {_OBJECTED} AND {VALUE_AGREES}"
    f" AND (NOT {_INVALID} OR {_VERIFIED}) AND (NOT c.documents_required OR {_VERIFIED})"
    " AND (NOT c.confirmation_required OR i.purchaser_answer IS NOT NULL))"
)
"""`domain.financeable.open_conditions` is empty, as SQL, for invoice i, shipment h and credit line c."""

_GONE = "h.status IN ('returned', 'cancelled')"
_FROM = """
    FROM invoices i JOIN shipments h ON h.invoice_id = i.id JOIN credit_lines c ON c.id = i.credit_line_id
"""
# Each branch uses an index of its own: status, draft disbursals, goods that are gone.
_UNSETTLED = text(
    f"""
    SELECT i.id {_FROM} WHERE i.status = 'approved' AND {READY}
    UNION
    SELECT i.id {_FROM} WHERE i.status = 'financeable' AND NOT {READY}
    UNION
    SELECT i.id {_FROM} JOIN disbursal_lines l ON l.invoice_id = i.id AND l.state = 'included'
    JOIN disbursals d ON d.id = l.disbursal_id
    WHERE i.status = 'bundled' AND d.status IN ('draft', 'approved')
      AND CASE WHEN d.status = 'draft' THEN NOT {READY} ELSE {_GONE} END
    UNION
    SELECT i.id {_FROM} WHERE {_GONE} AND i.status IN ('approved', 'financeable')
    UNION
    SELECT i.id {_FROM} WHERE {_GONE} AND i.status = 'disbursed'
      AND NOT EXISTS (SELECT 1 FROM claims m WHERE m.invoice_id = i.id AND m.credit_note_id IS NULL
        AND m.payable_id IS NULL AND m.payout_id IS NULL)
    ORDER BY 1 LIMIT :limit
    """  # noqa: S608 (constants)
)


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the installation allows, as the SQL above takes it: the tolerance of the declared value as a fraction, the
    days that a delivery may lie before its invoice, or before the request where that has no date, and in which zone
    days begin."""

    tolerance: Decimal
    days_before: int
    days_before_request: int
    zone: str


def unsettled_ids(allowed: Allowed, *, limit: int) -> list[int]:
    """Ids of at most `limit` invoices whose status has to follow their conditions, the oldest first."""
    return list(db.session.scalars(_UNSETTLED, {**asdict(allowed), "limit": limit}))


# Of both tables by id: joined to many invoices, all shipments would be read.
_UNREADY = text(
    f"SELECT i.id {_FROM} WHERE i.id = ANY(:ids) AND h.invoice_id = ANY(:ids) AND NOT {READY} ORDER BY i.id"
)


def unready_ids(allowed: Allowed, invoice_ids: Collection[int]) -> list[int]:
    """Ids of those of the invoices of which a condition of financing does not hold, ascending."""
    return list(db.session.scalars(_UNREADY, {**asdict(allowed), "ids": list(invoice_ids)}))


_ON_LINES = Prepared(
    text(f"""
    SELECT i.id, c.documents_required, c.confirmation_required, {ALIKE} AS alike,
        s.cities AS sent, p.cities AS received
    FROM invoices i JOIN credit_lines c ON c.id = i.credit_line_id
    JOIN customers s ON s.id = i.supplier_id JOIN customers p ON p.id = i.purchaser_id
    WHERE i.id = ANY(CAST(:ids AS bigint[]))
    """)  # noqa: S608 (constants)
)


@dataclass(frozen=True, slots=True)
class OnLine:
    """What an invoice is judged by besides its shipment: what its credit line wants, whether it looks like an earlier
    invoice from which no admin told it apart, and the cities of its two companies."""

    wishes: Wishes
    alike: bool
    sent: Sequence[str]
    received: Sequence[str]


def on_lines(invoice_ids: Collection[int]) -> dict[int, OnLine]:
    """What invoices are judged by besides their shipments, by invoice."""
    rows = _ON_LINES.rows(db.session.connection(), {"ids": list(invoice_ids)})
    return {
        row.id: OnLine(
            Wishes(row.documents_required, row.confirmation_required), row.alike, row.sent, row.received
        )
        for row in rows
    }


_DOCUMENTS = Prepared(
    text(
        """
    SELECT id, shipment_id, kind, invalid_at FROM shipment_documents
    WHERE shipment_id = ANY(CAST(:ids AS bigint[])) AND (verified_at IS NOT NULL OR invalid_at IS NOT NULL)
    ORDER BY id
    """
    )
)


def judged_documents(shipment_ids: Collection[int]) -> Sequence[Any]:
    """The documents of shipments that somebody judged: id, shipment, kind, and since when invalid, the oldest first."""
    return _DOCUMENTS.rows(db.session.connection(), {"ids": list(shipment_ids)})


_LOOKS_LIKE = text(
    f"SELECT o.id FROM invoices i JOIN invoices o ON {ALIKE_OF} WHERE i.id = :id ORDER BY o.id LIMIT 1"  # noqa: S608
)


def looks_like(invoice_id: int) -> Sequence[int]:
    """The id of the first of the earlier invoices that an invoice looks like; empty when none."""
    return db.session.scalars(_LOOKS_LIKE, {"id": invoice_id}).all()
