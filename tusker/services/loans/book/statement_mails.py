"""Suppliers' statements of a month by mail: each company's once, unless it does not want them."""

from datetime import date, timedelta

from sqlalchemy import text

from tusker.extensions import db
from tusker.messages import say
from tusker.models import Role
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.locks import lock_customer
from tusker.services.outbox import addresses_by_company, queue_mail

CHUNK = 500
"""Companies of one transaction."""

_TAKE = text(
    """
    UPDATE customers c SET statement_mailed_until = :last
    WHERE c.id = ANY(ARRAY(
        SELECT d.id FROM customers d JOIN supplier_accounts a ON a.customer_id = d.id
        WHERE d.statement_mailed_until IS NULL OR d.statement_mailed_until < :last
        ORDER BY d.id LIMIT :limit FOR NO KEY UPDATE OF d
    ))
    RETURNING c.id, c.name, c.statements_by_mail AND EXISTS (
        SELECT 1 FROM loans l JOIN invoices i ON i.id = l.invoice_id
        WHERE i.supplier_id = c.id AND l.booked_on <= :last AND (l.closed_on IS NULL OR l.closed_on >= :first)
    ) AS wanted
    """
)


def mail_statements(ctx: Context, day: date) -> int | None:
    """Mail the statements of the month before `day` to the next companies that had none of it; returns how many mails
    were written for companies, None once no company is left.

    A company without a loan that was open in that month has nothing to state, and nobody of one without active users
    can sign in to see it: neither gets a mail.
    """
    last = day.replace(day=1) - timedelta(days=1)
    first = last.replace(day=1)
    taken = db.session.execute(_TAKE, {"first": first, "last": last, "limit": CHUNK}).all()
    if not taken:
        return None
    people = addresses_by_company([row.id for row in taken if row.wanted], Role.SUPPLIER)
    wanted = [row for row in taken if row.id in people]
    for row in wanted:
        queue_mail(
            ctx,
            "loans/monthly_statement",
            people[row.id],
            company=row.name,
            month=last,
            period=say("{first} to {last}", first=first, last=last),
            first=first.isoformat(),
            last=last.isoformat(),
        )
    return len(wanted)


def set_statement_mail(ctx: Context, customer_id: int, *, wanted: bool) -> None:
    """Whether a company's people get its statement of each month by mail; nothing when it is so already."""
    customer = lock_customer(customer_id)
    if customer.statements_by_mail == wanted:
        return
    customer.statements_by_mail = wanted
    record_event(
        ctx,
        ("customer", customer_id),
        "monthly_statements",
        from_value="off" if wanted else "by_mail",
        to_value="by_mail" if wanted else "off",
    )
