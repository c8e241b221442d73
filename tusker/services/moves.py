"""Moving invoices by events of their lifecycle: one, or many by one statement for their status and events."""

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import ARRAY, Column, ColumnElement, String, Table, Text, func, inspect, text, update
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm.attributes import set_committed_value

from tusker.domain.credit.lifecycle import FINAL, InvoiceEvent, InvoiceStatus, next_status
from tusker.extensions import Base, db
from tusker.models import Invoice
from tusker.services.context import Context
from tusker.services.events import record_event

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


def write_changed(rows: Sequence[Base]) -> None:
    """Write what changed in plain columns of locked rows of one table, by one statement: its triggers, which keep
    counts, run once."""
    states = [inspect(row) for row in rows]
    before = [(row, state.committed_state.items()) for row, state in zip(rows, states, strict=True)]
    names = {name for row, values in before for name, value in values if getattr(row, name) != value}
    if not names:
        return  # a query in between has written them
    table = cast(Table, rows[0].__table__)
    columns = [table.c[name] for name in ("id", *sorted(names))]
    written = func.unnest(*(_array(column, rows) for column in columns))
    new = written.table_valued(*(column.name for column in columns)).render_derived()
    with db.session.no_autoflush:
        db.session.execute(
            update(table).where(table.c.id == new.c.id).values({name: new.c[name] for name in names})
        )
    for state in states:
        state._commit_all(state.dict, db.session.identity_map)  # nothing is left for a flush to look through


def _array(column: Column[Any], rows: Sequence[Base]) -> ColumnElement[Any]:
    # of a text without its length: by a cast to that, one which is too long would be cut in silence
    kind = Text if isinstance(column.type, String) else column.type
    return sql_cast([getattr(row, column.name) for row in rows], ARRAY(kind))
