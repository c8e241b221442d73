"""Moving invoices by events of their lifecycle: one, or many by one statement for their status and events."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import inspect, text, update
from sqlalchemy.orm.attributes import set_committed_value

from tusker.domain.credit.lifecycle import FINAL, InvoiceEvent, InvoiceStatus, next_status
from tusker.extensions import db
from tusker.models import Invoice
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.locks import among

_MOVE_ALL = text(
    """
    WITH moved AS (UPDATE invoices SET status = :after WHERE id = ANY(:ids) RETURNING id)
    INSERT INTO events (at, actor_id, actor, subject, subject_id, kind, from_value, to_value, reason)
    SELECT :now, :actor_id, :actor, 'invoice', id, :kind, :before, :after, :reason FROM moved ORDER BY id
    """
)


def move_invoice(ctx: Context, invoice: Invoice, event: InvoiceEvent, *, reason: str, **data: object) -> None:
    """Apply a lifecycle event to a locked invoice, which may close or open it again, and write its event row. Raises
    `IllegalTransition`."""
    before = invoice.status
    status = next_status(InvoiceStatus(before), event)
    invoice.status, invoice.closed_at = status, ctx.now if status in FINAL else None
    record_event(ctx, invoice, event, from_value=before, to_value=status, reason=reason, **data)


def move_invoices(
    ctx: Context,
    ids: Sequence[int],
    before: InvoiceStatus,
    event: InvoiceEvent,
    *,
    kind: str,
    reason: str,
) -> None:
    """Apply a lifecycle event to locked invoices that all stand at `before`, with one event row each.

    Raises `IllegalTransition` for a pair the lifecycle does not know.
    """
    after = next_status(before, event)
    db.session.flush()
    db.session.execute(
        _MOVE_ALL,
        {
            "ids": list(ids),
            "before": before,
            "after": after,
            "now": ctx.now,
            "actor_id": ctx.actor_id,
            "actor": ctx.actor,
            "kind": kind,
            "reason": reason[:500],
        },
    )
    moved = set(ids)
    for row in db.session.identity_map.values():
        if isinstance(row, Invoice) and moved.issuperset(inspect(row).identity or ()):
            set_committed_value(row, "status", after)


def write_alike(invoices: Sequence[Invoice]) -> None:
    """Write what changed of locked invoices, by one statement for all that changed alike: the table's triggers, which
    keep its counts, run once a statement."""
    alike = defaultdict(list)
    for invoice in invoices:
        # Nothing is left to write where a query in between has written it.
        if names := sorted(inspect(invoice).committed_state):
            alike[tuple((name, getattr(invoice, name)) for name in names)].append(invoice)
    with db.session.no_autoflush:
        for changed, rows in alike.items():
            ids = [row.id for row in rows]
            db.session.execute(
                update(Invoice).where(among(Invoice.id, ids)).values(dict(changed)),
                execution_options={"synchronize_session": False},
            )
            for row in rows:
                for name, value in changed:
                    set_committed_value(row, name, value)
