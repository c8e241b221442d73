"""The attention queue: what is wrong now, kind by kind, and the items as pages and mails show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select, text

from tusker.domain.attention import ADVICE, Advice, AttentionKind
from tusker.domain.daily import TITLES, DailyJob
from tusker.domain.lifecycle import InvoiceStatus
from tusker.extensions import db
from tusker.models import AttentionItem, Invoice
from tusker.queries.delivery.conditions import ALIKE, ALIKE_OF, TOO_EARLY, VALUE_AGREES
from tusker.queries.paging import NEWEST, Cursor, rows_of_page

FAILING_POLLS = 3
"""From so many questions without an answer on, a person should look."""


@dataclass(frozen=True, slots=True)
class Rules:
    """From when on something is wrong. `tolerance`, `days_before` and `zone` are those of
    `queries.delivery.conditions.Allowed`."""

    tolerance: Decimal
    days_before: int
    zone: str
    stalled_before: datetime
    failing_before: datetime
    late_before: datetime
    """Daily jobs that were due before and are not done are late."""
    carriers: Sequence[str]
    """The delivery companies that can be asked."""
    failing_polls: int = FAILING_POLLS


@dataclass(frozen=True, slots=True)
class Cause:
    """What a kind is about, and the statement that finds all of it now.

    Its columns: subject_id, carrier, cause_at, detail, facts. One row a subject.
    """

    subject: str
    sql: str


_SHIPMENT = """
    SELECT i.id AS subject_id, NULL::text AS carrier, COALESCE({since}h.status_changed_at, i.requested_at) AS cause_at,
        {detail} AS detail, jsonb_build_object('principal', i.principal) AS facts
    FROM shipments h JOIN invoices i ON i.id = h.invoice_id
    WHERE h.carrier <> 'manual' AND {condition}
"""


def _shipment(*, detail: str, condition: str, since: str = "") -> str:
    """The SQL of a cause that stands on a shipment; `since` (with a comma behind) comes before its last move."""
    return _SHIPMENT.format(detail=detail, condition=condition, since=since)


_LIVE = "i.status IN ('approved', 'financeable', 'bundled', 'disbursed')"
_SAID = "h.carrier || ' said “' || h.raw_status || '”'"

CAUSES: Mapping[AttentionKind, Cause] = {
    AttentionKind.STOP_PAYMENT: Cause(
        "invoice",
        """
        SELECT i.id AS subject_id, NULL::text AS carrier, COALESCE(h.status_changed_at, i.requested_at) AS cause_at,
            h.carrier || ' reported the shipment as ' || h.status || ' while the bank is told to pay ' || d.reference
                AS detail,
            jsonb_build_object('principal', i.principal, 'disbursal_id', d.id) AS facts
        FROM shipments h JOIN invoices i ON i.id = h.invoice_id
        JOIN disbursal_lines l ON l.invoice_id = i.id AND l.state = 'included'
        JOIN disbursals d ON d.id = l.disbursal_id AND d.status = 'released'
        WHERE h.status IN ('returned', 'cancelled') AND i.status = 'bundled'
        """,
    ),
    AttentionKind.RETURNED_AFTER_PAYOUT: Cause(
        "invoice",
        """
        SELECT c.invoice_id AS subject_id, NULL::text AS carrier, c.at AS cause_at,
            'The goods came back after the payout; a claim on the supplier waits for a decision' AS detail,
            jsonb_build_object('claim_id', c.id, 'amount', c.amount) AS facts
        FROM claims c WHERE c.state = 'review'
        """,
    ),
    AttentionKind.DISPUTED: Cause(
        "invoice",
        f"""
        SELECT i.id AS subject_id, NULL::text AS carrier, i.answered_at AS cause_at, i.answer_reason AS detail,
            jsonb_build_object('principal', i.principal, 'grounds', i.answer_grounds, 'amount', i.amount,
                'answered_amount', i.answered_amount) AS facts
        FROM invoices i
        WHERE i.purchaser_answer = 'disputed' AND i.overruled_at IS NULL AND {_LIVE}
        """,  # noqa: S608 (constants)
    ),
    AttentionKind.VALUE_DIFFERS: Cause(
        "invoice",
        f"""
        SELECT i.id AS subject_id, NULL::text AS carrier, h.declared_at AS cause_at,
            h.carrier || ' was told another value than the invoice has' AS detail,
            jsonb_build_object('principal', i.principal, 'amount', i.amount, 'declared', h.declared_value) AS facts
        FROM shipments h JOIN invoices i ON i.id = h.invoice_id
        WHERE h.declared_value <> i.amount AND {_LIVE} AND NOT {VALUE_AGREES}
        """,  # noqa: S608
    ),
    AttentionKind.NUMBER_ALIKE: Cause(
        "invoice",
        f"""
        SELECT i.id AS subject_id, NULL::text AS carrier, i.requested_at AS cause_at,
            'Looks like “' || o.number || '” (#' || o.id || '), which is ' || replace(o.status, '_', ' ') AS detail,
            jsonb_build_object('principal', i.principal, 'like', o.id) AS facts
        FROM invoices i CROSS JOIN LATERAL (
            SELECT o.id, o.number, o.status FROM invoices o WHERE {ALIKE_OF} ORDER BY o.id LIMIT 1
        ) AS o
        WHERE {ALIKE} AND {_LIVE}
        """,  # noqa: S608
    ),
    AttentionKind.NOTE_ALIKE: Cause(
        "invoice",
        """
        SELECT n.invoice_id AS subject_id, NULL::text AS carrier, max(n.at) AS cause_at,
            'Look alike and have one amount: '
                || string_agg(DISTINCT '“' || o.number || '” and “' || n.number || '”', ', ') AS detail,
            jsonb_build_object('amount', max(n.amount)) AS facts
        FROM credit_notes n JOIN credit_notes o ON o.invoice_id = n.invoice_id AND o.id < n.id AND o.amount = n.amount
            AND (o.number_loose && n.number_loose OR n.number_strict = o.number_strict || ' #' || n.id)
        WHERE n.amount > 0 AND n.kind = o.kind AND n.state IN ('accepted', 'disputed')
            AND o.state IN ('accepted', 'disputed')
        GROUP BY n.invoice_id
        """,
    ),
    AttentionKind.DELIVERED_BEFORE: Cause(
        "invoice",
        f"""
        SELECT i.id AS subject_id, NULL::text AS carrier, h.status_occurred_at AS cause_at,
            h.carrier || ' delivered on ' || to_char(h.status_occurred_at AT TIME ZONE :zone, 'DD Mon YYYY')
                || ', and the invoice is of ' || to_char(i.invoice_date, 'DD Mon YYYY') AS detail,
            jsonb_build_object('principal', i.principal) AS facts
        FROM shipments h JOIN invoices i ON i.id = h.invoice_id
        WHERE {TOO_EARLY} AND i.status IN ('approved', 'financeable', 'bundled')
        """,  # noqa: S608
    ),
    AttentionKind.CARRIER_FAILING: Cause(
        "carrier",
        f"""
        SELECT NULL::bigint AS subject_id, carrier, failing_since AS cause_at,
            failures || ' questions in a row failed: ' || COALESCE(last_error, 'no answer') AS detail,
            jsonb_build_object('failures', failures) AS facts
        FROM carrier_states WHERE failing_since <= :failing_before AND carrier = ANY(:carriers)
        UNION ALL
        SELECT NULL::bigint, h.carrier, min(h.next_poll_at),
            'Nobody asks about ' || count(*) || ' shipments: it is switched off or not set up, or its key cannot be'
                ' opened', jsonb_build_object('shipments', count(*))
        FROM shipments h JOIN invoices i ON i.id = h.invoice_id
        WHERE h.next_poll_at <= :failing_before AND h.carrier <> 'manual' AND h.carrier <> ALL(:carriers) AND {_LIVE}
        GROUP BY h.carrier
        """,  # noqa: S608
    ),
    AttentionKind.DAILY_JOB_LATE: Cause(
        "daily_run",
        """
        SELECT id AS subject_id, NULL::text AS carrier, due_at AS cause_at,
            COALESCE('Not done after ' || attempts || ' attempts: ' || last_error, 'Not done yet') AS detail,
            jsonb_build_object('job', job, 'day', business_date) AS facts
        FROM daily_runs WHERE done_at IS NULL AND due_at < :late_before
        """,
    ),
    AttentionKind.SHIPMENT_EXCEPTION: Cause(
        "invoice", _shipment(detail=_SAID, condition=f"h.status = 'exception' AND {_LIVE}")
    ),
    AttentionKind.UNKNOWN_STATUS: Cause(
        "invoice", _shipment(detail=_SAID, condition="h.status = 'unknown' AND i.status = 'approved'")
    ),
    AttentionKind.UNANSWERED: Cause(
        "invoice",
        _shipment(
            detail="h.poll_failures || ' questions without an answer: ' || COALESCE(h.last_error, '')",
            # Failures of a delivery company as a whole are not counted here: they are one item of their own.
            condition="h.poll_failures >= :failing_polls AND i.status = 'approved'",
            since="h.failing_since, ",
        ),
    ),
    AttentionKind.STALLED: Cause(
        "invoice",
        _shipment(
            detail="'Has been ' || replace(h.status, '_', ' ') || ' since ' || to_char("
            "COALESCE(h.status_changed_at, i.requested_at) AT TIME ZONE 'UTC', 'DD Mon YYYY')",
            condition="h.status IN ('pending', 'picked_up', 'in_transit', 'out_for_delivery')"
            " AND i.status = 'approved' AND COALESCE(h.status_changed_at, i.requested_at) < :stalled_before",
        ),
    ),
}
"""Kinds that are found by how things stand. `returned_before_payout` is told as it happens and closed by a person."""


@dataclass(frozen=True, slots=True)
class AttentionRow:
    """An item with the names of what it is about; `facts` in minor units. `disbursal_id` is where the invoice is."""

    id: int
    kind: str
    invoice_id: int | None
    carrier: str | None
    number: str | None
    supplier: str | None
    purchaser: str | None
    principal: int | None
    invoice_status: InvoiceStatus | None
    disbursal_id: int | None
    disbursal: str | None
    detail: str
    facts: dict[str, Any]
    cause_at: datetime
    opened_at: datetime
    resolved_at: datetime | None
    resolver: str | None
    resolution: str | None

    @property
    def advice(self) -> Advice:
        """What to do about it."""
        return ADVICE[AttentionKind(self.kind)]

    @property
    def name(self) -> str:
        """What it is about, in words."""
        if "job" in self.facts:
            return (
                f"{TITLES[DailyJob(self.facts['job'])]} of {date.fromisoformat(self.facts['day']):%d %b %Y}"
            )
        return self.carrier or f"{self.number}, {self.supplier} to {self.purchaser}"


@dataclass(frozen=True, slots=True)
class WatchedFor:
    """An item in a mail."""

    title: str
    name: str
    detail: str


_ITEMS = """
    SELECT a.id, a.kind, i.id AS invoice_id, a.carrier, i.number, s.name AS supplier, p.name AS purchaser,
        i.principal, i.status AS invoice_status, d.id AS disbursal_id, d.reference AS disbursal, a.detail, a.facts,
        a.cause_at, a.opened_at, a.resolved_at, u.name AS resolver, a.resolution
    FROM attention_items a
    LEFT JOIN invoices i ON i.id = a.subject_id AND a.subject = 'invoice'
    LEFT JOIN customers s ON s.id = i.supplier_id LEFT JOIN customers p ON p.id = i.purchaser_id
    LEFT JOIN disbursal_lines l ON l.invoice_id = i.id AND l.state <> 'removed'
    LEFT JOIN disbursals d ON d.id = l.disbursal_id
    LEFT JOIN users u ON u.id = a.resolved_by
"""


def items_page(
    *,
    kind: str | None = None,
    resolved: bool = False,
    cursor: Cursor = NEWEST,
    limit: int,
) -> list[AttentionRow]:
    """Items that are open, or those that were settled, the newest first."""
    settled = AttentionItem.resolved_at.is_not(None)
    query = select(AttentionItem.id).where(settled if resolved else ~settled)
    if kind:
        query = query.where(AttentionItem.kind == kind)
    ids = [item_id for (item_id,) in rows_of_page(query, AttentionItem.id, cursor, limit)]
    return _items("a.id = ANY(:ids) ORDER BY a.id DESC", ids=ids)


def items_of_invoice(invoice_id: int) -> list[AttentionRow]:
    """The open items of one invoice."""
    return _items(
        "a.subject = 'invoice' AND a.subject_id = :id AND a.resolved_at IS NULL ORDER BY a.id", id=invoice_id
    )


def open_counts() -> dict[AttentionKind, int]:
    """How many items are open, by kind, the most pressing first; kinds without any are missing."""
    rows = db.session.execute(
        text("SELECT kind, count(*) AS open FROM attention_items WHERE resolved_at IS NULL GROUP BY kind")
    )
    found = {row.kind: int(row.open) for row in rows}
    return {kind: found[kind] for kind in AttentionKind if kind in found}


def count_open() -> int:
    """How many items are open."""
    found = db.session.scalar(text("SELECT count(*) FROM attention_items WHERE resolved_at IS NULL"))
    return int(found or 0)


def mail_lines(ids: Sequence[int], *, limit: int) -> list[WatchedFor]:
    """The first of the given items that are still open, as a mail names them."""
    items = _items(
        "a.id = ANY(:ids) AND a.resolved_at IS NULL ORDER BY a.id LIMIT :limit", ids=list(ids), limit=limit
    )
    return [WatchedFor(item.advice.title, item.name, item.detail) for item in items]


def _items(condition_and_order: str, **values: object) -> list[AttentionRow]:
    items = text(f"{_ITEMS} WHERE {condition_and_order}").columns(invoice_status=Invoice.status.type)
    return [AttentionRow(**row) for row in db.session.execute(items, values).mappings()]
