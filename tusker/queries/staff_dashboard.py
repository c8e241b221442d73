"""What the lender's people have to do now, and how the book stands."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, select, text

from tusker.extensions import db
from tusker.models import Customer, PurchaserAccount
from tusker.queries.columns import Rows
from tusker.queries.loans.history import Flow, flows_of_purchasers
from tusker.queries.record.proof import EVERY_LIMIT


@dataclass(frozen=True, slots=True)
class Waiting:
    """Invoices that wait to be financed: how many, their principal in minor units, since when the oldest does."""

    count: int
    principal: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Concentration:
    """A purchaser with what is open of it, in minor units, and how its deliveries and payments went lately."""

    id: int
    name: str
    used: int
    flow: Flow


def programme_use() -> Row[*tuple[Any, ...]]:
    """What of the programme limit is given to suppliers, and what of that is used."""
    sql = """
        SELECT COALESCE(sum(limit_amount), 0)::bigint AS allotted, COALESCE(sum(used_amount), 0)::bigint AS used
        FROM supplier_accounts
    """
    return db.session.execute(text(sql)).one()


def waiting_to_be_financed() -> Waiting:
    sql = """
        SELECT count(*) AS count, COALESCE(sum(principal), 0)::bigint AS principal, min(financeable_at) AS oldest
        FROM invoices WHERE status = 'financeable'
    """
    return Waiting(*db.session.execute(text(sql)).one())


def limits_under_pressure(limit: int) -> Rows:
    """The limits of which most is used, the fullest first, in minor units; those lowered below their use lead. `id` is
    the credit line's or the customer's."""
    sql = f"""
        SELECT kind, id, name, limit_amount AS "limit", used_amount AS used FROM ({EVERY_LIMIT}) AS limits
        WHERE used_amount > 0 AND used_amount >= 0.8 * limit_amount
        ORDER BY used_amount::numeric / NULLIF(limit_amount, 0) DESC NULLS FIRST, used_amount DESC, kind, id
        LIMIT :limit
    """  # noqa: S608 (constants)
    return db.session.execute(text(sql), {"limit": limit}).all()


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


def recent_refusals(limit: int) -> Rows:
    """The latest requests that a limit refused with what it lacked, newest first."""
    sql = """
        SELECT i.id AS invoice_id, i.number, s.name AS supplier, p.name AS purchaser, i.principal, i.refused_by,
            i.lacking, i.requested_at
        FROM invoices i JOIN customers s ON s.id = i.supplier_id JOIN customers p ON p.id = i.purchaser_id
        WHERE i.status = 'rejected' ORDER BY i.id DESC LIMIT :limit
    """
    return db.session.execute(text(sql), {"limit": limit}).all()


def health(late: datetime) -> Row[*tuple[Any, ...]]:
    """What should have been done by the instant `late` and was not; how many companies owe something of payments that
    bounced after a part of them was paid back, and how much that is in minor units."""
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
    return db.session.execute(text(sql), {"late": late}).one()
