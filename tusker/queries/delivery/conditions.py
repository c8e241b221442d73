"""Invoices whose conditions of financing and whose status do not agree (yet), found in SQL."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import text

from tusker.extensions import db

VALUE_AGREES = (
    "(h.declared_value IS NULL OR h.declared_value IS NOT DISTINCT FROM h.accepted_value"
    " OR h.declared_value BETWEEN i.amount - i.credit_noted - i.amount * CAST(:tolerance AS numeric)"
    " AND i.amount + i.amount * CAST(:tolerance AS numeric))"
)
"""`domain.financeable.Value.agrees` of invoice i and shipment h."""
_OBJECTED = "(i.purchaser_answer IS NOT DISTINCT FROM 'disputed' AND i.overruled_at IS NULL)"
_VERIFIED = (
    "EXISTS (SELECT 1 FROM shipment_documents t WHERE t.shipment_id = h.id AND t.verified_at IS NOT NULL"
    " AND t.kind IN ('proof_of_delivery', 'signed_invoice'))"
)
READY = (
    f"(h.status = 'delivered' AND NOT {_OBJECTED} AND {VALUE_AGREES}"
    f" AND (NOT c.documents_required OR {_VERIFIED})"
    " AND (NOT c.confirmation_required OR i.purchaser_answer IS NOT NULL))"
)
"""`domain.financeable.open_conditions` is empty, of invoice i, shipment h and credit line c."""

_GONE = "h.status IN ('returned', 'cancelled')"
_FROM = """
    FROM invoices i JOIN shipments h ON h.invoice_id = i.id JOIN credit_lines c ON c.id = i.credit_line_id
"""
# Each branch is led by an index of its own: status, draft disbursals, goods that are gone.
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
        AND m.payable_id IS NULL)
    ORDER BY 1 LIMIT :limit
    """  # noqa: S608 (constants)
)


def unsettled_ids(tolerance: Decimal, *, limit: int) -> list[int]:
    """Ids of invoices on which their conditions have to act, at most `limit`, the oldest first."""
    return list(db.session.scalars(_UNSETTLED, {"tolerance": str(tolerance), "limit": limit}))
