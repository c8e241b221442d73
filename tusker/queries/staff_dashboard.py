"""What the lender's people have to do now, and how the book stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select, text

from tusker.extensions import db
from tusker.models import Customer, PurchaserAccount
from tusker.queries.loans.history import Flow, flows_of_purchasers


@dataclass(frozen=True, slots=True)
class ProgrammeUse:
    """Sums over all suppliers in minor units: the limits given to them, and what is used of these."""

    allotted: int
    used: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """Invoices that wait to be financed: how many, their principal in minor units, since when the oldest does."""

    count: int
    principal: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Pressure:
    """A limit that is nearly or more than used up; minor units. `id` is the credit line's or the customer's."""

    kind: str
    id: int
    name: str
    limit: int
    used: int


@dataclass(frozen=True, slots=True)
class Concentration:
    """A purchaser with what is open of it, in minor units, and how its deliveries and payments went lately."""

    id: int
    name: str
    used: int
    flow: Flow


@dataclass(frozen=True, slots=True)
class RefusedRequest:
    """A refused request: the limit that bound and what it lacked, in minor units."""

    invoice_id: int
    number: str
    supplier: str
    purchaser: str
    principal: int
    refused_by: str
    lacking: int
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class Health:
    """Signs that workers, the delivery company or the mail server are not working, and that money is missing."""

    polls_overdue: int
    mails_overdue: int
    mails_given_up: int
    owing: int
    """How many companies owe something of payments that bounced after a part of them was paid back."""
    owed_back: int
    """How much that is, in minor units."""


def _rows(row: Any, sql: str, values: Mapping[str, object]) -> list[Any]:
    return [row(**found) for found in db.session.execute(text(sql), dict(values)).mappings()]


def programme_use() -> ProgrammeUse:
    """What of the programme limit is given to suppliers, and what of that is used."""
    sql = """
        SELECT COALESCE(sum(limit_amount), 0)::bigint AS allotted, COALESCE(sum(used_amount), 0)::bigint AS used
        FROM supplier_accounts
    """
    found: ProgrammeUse = _rows(ProgrammeUse, sql, {})[0]
    return found


def waiting_to_be_financed() -> Waiting:
    sql = """
        SELECT count(*) AS count, COALESCE(sum(principal), 0)::bigint AS principal, min(financeable_at) AS oldest
        FROM invoices WHERE status = 'financeable'
    """
    found: Waiting = _rows(Waiting, sql, {})[0]
    return found


def limits_under_pressure(limit: int, *, share: float = 0.8) -> list[Pressure]:
    """The limits used to at least `share`, the fullest first; those lowered below their use lead."""
    sql = """
        SELECT kind, id, name, limit_amount AS "limit", used_amount AS used FROM (
            SELECT 'credit_line' AS kind, l.id, s.name || ' → ' || p.name AS name, l.limit_amount, l.used_amount
            FROM credit_lines l JOIN customers s ON s.id = l.supplier_id JOIN customers p ON p.id = l.purchaser_id
            UNION ALL
            SELECT 'supplier', a.customer_id, c.name, a.limit_amount, a.used_amount
            FROM supplier_accounts a JOIN customers c ON c.id = a.customer_id
            UNION ALL
            SELECT 'purchaser', a.customer_id, c.name, a.limit_amount, a.used_amount
            FROM purchaser_accounts a JOIN customers c ON c.id = a.customer_id
        ) AS limits
        WHERE used_amount > 0 AND used_amount >= CAST(:share AS numeric) * limit_amount
        ORDER BY used_amount::numeric / NULLIF(limit_amount, 0) DESC NULLS FIRST, used_amount DESC, kind, id
        LIMIT :limit
    """
    return _rows(Pressure, sql, {"share": str(share), "limit": limit})


def largest_purchasers(limit: int, since: date, until: date) -> list[Concentration]:
    """The purchasers of whom most is open, with what happened on some days."""
    rows = db.session.execute(
        select(PurchaserAccount.customer_id, Customer.name, PurchaserAccount.used_amount)
        .join(Customer, Customer.id == PurchaserAccount.customer_id)
        .where(PurchaserAccount.used_amount > 0)
        .order_by(PurchaserAccount.used_amount.desc(), PurchaserAccount.customer_id)
        .limit(limit)
    ).all()
    flows = flows_of_purchasers(since, until, [row[0] for row in rows]) if rows else {}
    return [Concentration(*row, flow=flows[row[0]]) for row in rows]


def recent_refusals(limit: int) -> list[RefusedRequest]:
    """The latest requests that a limit refused, newest first."""
    sql = """
        SELECT i.id AS invoice_id, i.number, s.name AS supplier, p.name AS purchaser, i.principal, i.refused_by,
            i.lacking, i.requested_at
        FROM invoices i JOIN customers s ON s.id = i.supplier_id JOIN customers p ON p.id = i.purchaser_id
        WHERE i.status = 'rejected' ORDER BY i.id DESC LIMIT :limit
    """
    return _rows(RefusedRequest, sql, {"limit": limit})


def health(late: datetime) -> Health:
    """What should have been done by the instant `late` and was not, and what was paid back and is missing."""
    sql = """
        WITH bounced AS (
            SELECT DISTINCT p.customer_id FROM receipts p
            JOIN receipts f ON f.of_receipt_id = p.id AND f.kind = 'refund' AND f.reversed_on IS NULL
            WHERE p.kind = 'payment' AND p.reversed_on IS NOT NULL
        ), credits AS (
            SELECT r.customer_id, sum(r.amount - COALESCE(a.total, 0) - COALESCE(y.total, 0)) AS total
            FROM bounced b JOIN receipts r ON r.customer_id = b.customer_id
            LEFT JOIN LATERAL (SELECT sum(penalty + fee + interest + principal) AS total FROM allocations
                WHERE receipt_id = r.id) a ON true
            LEFT JOIN LATERAL (SELECT sum(amount) AS total FROM payables WHERE receipt_id = r.id) y ON true
            GROUP BY 1
        )
        SELECT (SELECT count(*) FROM credits WHERE total < 0) AS owing,
            (SELECT COALESCE(-sum(total), 0) FROM credits WHERE total < 0)::bigint AS owed_back,
            (SELECT count(*) FROM shipments WHERE next_poll_at < :late) AS polls_overdue,
            (SELECT count(*) FROM outbox
             WHERE sent_at IS NULL AND given_up_at IS NULL AND send_after < :late) AS mails_overdue,
            (SELECT count(*) FROM outbox WHERE given_up_at IS NOT NULL) AS mails_given_up
    """
    found: Health = _rows(Health, sql, {"late": late})[0]
    return found
