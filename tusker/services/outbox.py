"""Mails that must follow a commit: written in the same transaction, sent by a job."""

from collections.abc import Collection, Iterable

from sqlalchemy import select, text

from tusker.extensions import db
from tusker.models import Customer, OutboxMessage, Role
from tusker.prepared import Prepared
from tusker.services.context import Context
from tusker.transactions import after_commit

SEND_JOB = "tusker.jobs.outbox.send_outbox"


def queue_mail(ctx: Context, template: str, recipients: Iterable[str], **context: object) -> None:
    """Have `templates/mail/<template>.txt` sent to each recipient once this transaction is committed.

    `context` must be JSON-able but for texts and days, which are said in the recipient's language.
    """
    for recipient in sorted({r for r in recipients if r}):
        db.session.add(
            OutboxMessage(
                template=template,
                recipient=recipient,
                context=context,
                created_at=ctx.now,
                send_after=ctx.now,
            )
        )
    after_commit(SEND_JOB)


_ADMINS = Prepared(text("SELECT email FROM users WHERE role = 'admin' AND active ORDER BY email"))
_OF_COMPANIES = Prepared(
    text("SELECT customer_id, email FROM users WHERE customer_id = ANY(:ids) AND role = :role AND active")
)


def admin_addresses() -> list[str]:
    """Mail addresses of the active admins, in the order of the alphabet."""
    db.session.flush()
    return [row.email for row in _ADMINS.rows(db.session.connection(), {})]


def addresses_by_company(customer_ids: Collection[int], role: Role) -> dict[int, list[str]]:
    """Mail addresses of several companies' active users of a role, by customer id, in one query."""
    found: dict[int, list[str]] = {}
    db.session.flush()
    values = {"ids": list(customer_ids), "role": str(role)}
    for customer_id, email in _OF_COMPANIES.rows(db.session.connection(), values):
        found.setdefault(customer_id, []).append(email)
    return found


def addresses_or_own(customer_ids: Collection[int], role: Role) -> dict[int, list[str]]:
    """As `addresses_by_company`, with the own address of a company that has no such user, in two queries at most."""
    found = addresses_by_company(customer_ids, role)
    if without := set(customer_ids) - found.keys():
        own = select(Customer.id, Customer.email).where(Customer.id.in_(without))
        found |= {customer_id: [email] for customer_id, email in db.session.execute(own) if email}
    return found


def company_addresses(customer_id: int, role: Role) -> list[str]:
    """Mail addresses of a company's active users of a role; its own address where it has no such user."""
    return addresses_or_own([customer_id], role).get(customer_id, [])
