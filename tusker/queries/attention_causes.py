"""What a person should look at: each kind with the statement that finds all of it now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tusker.domain.record.attention import AttentionKind
from tusker.queries import attention_words as words
from tusker.queries.delivery.conditions import ALIKE, ALIKE_OF, ELSEWHERE, TOO_EARLY, VALUE_AGREES, WAY

FAILING_POLLS = 3
"""From so many questions without an answer on, a person should look."""


@dataclass(frozen=True, slots=True)
class Rules:
    """From when on something is wrong. `tolerance`, `days_before`, `days_before_request` and `zone` are those of
    `queries.delivery.conditions.Allowed`."""

    tolerance: Decimal
    days_before: int
    days_before_request: int
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
    daily: bool = False
    """Whether it is looked for once a day, because it searches the whole book."""


FOUND = Cause(
    "invoice",
    """
        SELECT x.id AS subject_id, NULL::text AS carrier, x.at AS cause_at, x.detail, x.facts
        FROM jsonb_to_recordset(CAST(:found AS jsonb)) AS x (id bigint, at timestamptz, detail text, facts jsonb)
    """,
)
"""What was found by the rules of the domain."""

_SHIPMENT = "JOIN shipments h ON h.invoice_id = i.id"
_LIVE = "i.status IN ('approved', 'financeable', 'bundled', 'disbursed')"
_PAYABLE = "i.status IN ('approved', 'financeable', 'bundled')"
_TRACKED = "h.carrier <> 'manual'"


def _invoices(
    where: str,
    *,
    detail: str,
    joined: str = _SHIPMENT,
    at: str = "COALESCE(h.status_changed_at, i.requested_at)",
    facts: str = "",
) -> Cause:
    """Invoices with what is joined to them, since their shipments' last move; `facts` are those besides the
    principal."""
    more = facts and f", {facts}"
    return Cause(
        "invoice",
        f"""
        SELECT i.id AS subject_id, NULL::text AS carrier, {at} AS cause_at, {detail} AS detail,
            jsonb_build_object('principal', i.principal{more}) AS facts
        FROM invoices i {joined}
        WHERE {where}
        """,  # noqa: S608 (constants)
    )


CAUSES: Mapping[AttentionKind, Cause] = {
    AttentionKind.STOP_PAYMENT: _invoices(
        "h.status IN ('returned', 'cancelled') AND i.status = 'bundled'",
        detail=words.WHILE_PAYING,
        joined=f"{_SHIPMENT} JOIN disbursal_lines l ON l.invoice_id = i.id AND l.state = 'included'"
        " JOIN disbursals d ON d.id = l.disbursal_id AND d.status = 'released'",
        facts="'disbursal_id', d.id",
    ),
    AttentionKind.PAID_AFTER_ALL: Cause(
        "invoice",
        f"""
        SELECT COALESCE(
                (SELECT min(l.invoice_id) FROM disbursal_lines l WHERE l.payout_id = p.id),
                (SELECT min(q.invoice_id) FROM payable_lines m JOIN payables q ON q.id = m.payable_id
                    WHERE m.payout_id = p.id)
            ) AS subject_id, NULL::text AS carrier, min(s.imported_at) AS cause_at,
            {words.BOOKED_AFTER_ALL} AS detail,
            jsonb_build_object('disbursal_id', p.disbursal_id, 'amount', p.net) AS facts
        FROM statement_entries e JOIN bank_statements s ON s.id = e.statement_id
        JOIN payouts p ON p.reference = split_part(e.note, ' ', 1) AND p.state = 'rejected'
        WHERE e.state = 'open' AND e.direction = 'debit' AND e.note LIKE '% is rejected already, but the bank%'
        GROUP BY p.id
        """,  # noqa: S608
    ),
    AttentionKind.RETURNED_AFTER_PAYOUT: Cause(
        "invoice",
        f"""
        SELECT c.invoice_id AS subject_id, NULL::text AS carrier,
            COALESCE((
                SELECT max(e.at) FROM events e
                WHERE e.subject = 'invoice' AND e.subject_id = c.invoice_id AND e.kind = 'claim_reopened'
            ), c.at) AS cause_at,
            {words.CAME_BACK} AS detail,
            jsonb_build_object('claim_id', c.id, 'amount', c.amount) AS facts
        FROM claims c WHERE c.state = 'review'
        """,  # noqa: S608
    ),
    AttentionKind.DISPUTED: _invoices(
        f"i.purchaser_answer = 'disputed' AND i.overruled_at IS NULL AND {_LIVE}",
        detail="i.answer_reason",
        joined="",
        at="i.answered_at",
        facts="'grounds', i.answer_grounds, 'amount', i.amount, 'answered_amount', i.answered_amount",
    ),
    AttentionKind.VALUE_DIFFERS: _invoices(
        f"h.declared_value <> i.amount AND {_LIVE} AND NOT {VALUE_AGREES}",
        detail=words.ANOTHER_VALUE,
        at="h.declared_at",
        facts="'amount', i.amount, 'declared', h.declared_value",
    ),
    AttentionKind.NUMBER_ALIKE: _invoices(
        f"{ALIKE} AND {_LIVE}",
        detail=words.NUMBER_ALIKE,
        joined="CROSS JOIN LATERAL (SELECT o.id, o.number, o.status FROM invoices o"  # noqa: S608 (constants)
        f" WHERE {ALIKE_OF} ORDER BY o.id LIMIT 1) AS o",
        at="i.requested_at",
        facts="'like', o.id",
    ),
    # Joined by equal keys, of which few have many: by the amount alone it would grow with the square of a common one.
    AttentionKind.BOOK_ALIKE: Cause(
        "invoice",
        f"""
        WITH o AS (
            SELECT id, supplier_id, purchaser_id, amount, invoice_date, number_loose, status FROM invoices
            WHERE status NOT IN ('rejected', 'cancelled')
        ), i AS (SELECT * FROM o AS i WHERE {_LIVE}), pairs AS (
            SELECT i.id, o.id AS other_id, 'number' AS shared
            FROM (SELECT *, unnest(number_loose) AS form FROM i) AS i
            JOIN (SELECT *, unnest(number_loose) AS form FROM o) AS o ON o.amount = i.amount AND o.form = i.form
            WHERE o.id < i.id AND (o.supplier_id = i.supplier_id) <> (o.purchaser_id = i.purchaser_id)
            UNION ALL SELECT i.id, o.id, 'date' FROM i JOIN o USING (amount, purchaser_id, invoice_date)
            WHERE o.id < i.id AND o.supplier_id <> i.supplier_id
        )
        SELECT DISTINCT ON (i.id) i.id AS subject_id, NULL::text AS carrier, i.requested_at AS cause_at,
            CASE pairs.shared WHEN 'number' THEN {words.SAME_NUMBER} ELSE {words.SAME_DATE} END AS detail,
            jsonb_build_object('principal', i.principal, 'like', o.id) AS facts
        FROM pairs JOIN invoices i ON i.id = pairs.id JOIN invoices o ON o.id = pairs.other_id
        JOIN customers s ON s.id = o.supplier_id JOIN customers p ON p.id = o.purchaser_id
        ORDER BY i.id, o.id, pairs.shared DESC
        """,  # noqa: S608
        daily=True,
    ),
    AttentionKind.NOTE_ALIKE: Cause(
        "invoice",
        f"""
        SELECT n.invoice_id AS subject_id, NULL::text AS carrier, max(n.at) AS cause_at,
            {words.NOTES_ALIKE} AS detail,
            jsonb_build_object('amount', max(n.amount)) AS facts
        FROM credit_notes n JOIN invoices i ON i.id = n.invoice_id
        JOIN credit_notes o ON o.amount = n.amount AND o.id < n.id
            AND (o.number_loose && n.number_loose OR n.number_strict = o.number_strict || ' #' || n.id)
        JOIN invoices oi ON oi.id = o.invoice_id AND oi.supplier_id = i.supplier_id
        WHERE n.amount > 0 AND n.kind = o.kind AND n.state IN ('accepted', 'disputed')
            AND o.state IN ('accepted', 'disputed')
        GROUP BY n.invoice_id
        """,  # noqa: S608
    ),
    AttentionKind.DELIVERED_BEFORE: _invoices(
        f"{TOO_EARLY} AND {_PAYABLE}",
        detail=f"COALESCE({words.BEFORE_INVOICE}, {words.BEFORE_REQUEST})",
        at="h.status_occurred_at",
    ),
    AttentionKind.ELSEWHERE: _invoices(
        f"{ELSEWHERE} AND {_PAYABLE}",
        detail=words.OTHER_CITIES,
        joined=f"{_SHIPMENT} JOIN customers s ON s.id = i.supplier_id JOIN customers p ON p.id = i.purchaser_id",
        facts=f"'way', {WAY}",
    ),
    AttentionKind.CARRIER_FAILING: Cause(
        "carrier",
        f"""
        SELECT NULL::bigint AS subject_id, carrier, failing_since AS cause_at,
            {words.CHECKS_FAILED} AS detail,
            jsonb_build_object('failures', failures) AS facts
        FROM carrier_states WHERE failing_since <= :failing_before AND carrier = ANY(:carriers)
        UNION ALL
        SELECT NULL::bigint, h.carrier, min(h.next_poll_at),
            {words.NOT_TRACKED}, jsonb_build_object('shipments', count(*))
        FROM shipments h JOIN invoices i ON i.id = h.invoice_id
        WHERE h.next_poll_at <= :failing_before AND h.carrier <> 'manual' AND h.carrier <> ALL(:carriers) AND {_LIVE}
        GROUP BY h.carrier
        """,  # noqa: S608
    ),
    AttentionKind.DAILY_JOB_LATE: Cause(
        "daily_run",
        f"""
        SELECT id AS subject_id, NULL::text AS carrier, due_at AS cause_at,
            COALESCE({words.NOT_DONE}, {words.NOT_DONE_YET}) AS detail,
            jsonb_build_object('job', job, 'day', business_date) AS facts
        FROM daily_runs WHERE done_at IS NULL AND due_at < :late_before
        """,  # noqa: S608
    ),
    AttentionKind.SHIPMENT_EXCEPTION: _invoices(
        f"h.status = 'exception' AND {_TRACKED} AND {_LIVE}", detail=words.SAID
    ),
    AttentionKind.UNKNOWN_STATUS: _invoices(
        f"h.status = 'unknown' AND {_TRACKED} AND i.status = 'approved'", detail=words.SAID
    ),
    AttentionKind.UNANSWERED: _invoices(
        # Failures of a delivery company as a whole are not counted here: they are one item of their own.
        f"h.poll_failures >= :failing_polls AND {_TRACKED} AND i.status = 'approved'",
        detail=words.UNANSWERED,
        at="COALESCE(h.failing_since, h.status_changed_at, i.requested_at)",
    ),
    AttentionKind.STALLED: _invoices(
        "h.status IN ('pending', 'picked_up', 'in_transit', 'out_for_delivery')"
        f" AND {_TRACKED} AND i.status = 'approved'"
        " AND COALESCE(h.status_changed_at, i.requested_at) < :stalled_before",
        detail=words.STALLED,
    ),
}
"""Kinds that are found by how things stand. `returned_before_payout` is told as it happens and closed by a person,
`held` is found by `services.payout.held`."""
