"""The attention queue: items open when something is wrong, and close when it is not any more or a person says so."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta

from flask import current_app
from sqlalchemy import text, update
from sqlalchemy.dialects.postgresql import insert

from tusker.carriers.registry import get_carriers
from tusker.domain.record.attention import AttentionKind
from tusker.errors import Conflict, InvalidInput
from tusker.extensions import db
from tusker.messages import say
from tusker.models import AttentionItem
from tusker.queries.attention import mail_lines
from tusker.queries.attention_causes import CAUSES, FOUND, Cause, Rules
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.locks import AdvisoryLock, lock_row, take_lock, try_lock
from tusker.services.outbox import admin_addresses, queue_mail
from tusker.services.reasons import reason_of

WATCH_JOB = "tusker.jobs.attention.watch"
LATE_AFTER = timedelta(minutes=30)
"""How long after its time a daily job may still be underway."""
MAILED_LINES = 30
"""So many items stand in a mail; it says how many more there are."""

_SAME = (
    "COALESCE({0}.subject_id, 0) = COALESCE(c.subject_id, 0)"
    " AND COALESCE({0}.carrier, '') = COALESCE(c.carrier, '')"
)
_OPEN = """
    INSERT INTO attention_items AS a (kind, subject, subject_id, carrier, cause_at, detail, facts, opened_at)
    SELECT :kind, :subject, c.subject_id, c.carrier, c.cause_at, c.detail, c.facts, :now FROM ({causes}) c
    WHERE NOT EXISTS (
        SELECT 1 FROM attention_items s
        WHERE s.kind = :kind AND s.resolved_by IS NOT NULL AND s.cause_at = c.cause_at AND {same}
    )
    ON CONFLICT (kind, subject, subject_id, carrier) WHERE resolved_at IS NULL DO UPDATE
        SET cause_at = EXCLUDED.cause_at, detail = EXCLUDED.detail, facts = EXCLUDED.facts
        WHERE (a.cause_at, a.detail, a.facts) IS DISTINCT FROM (EXCLUDED.cause_at, EXCLUDED.detail, EXCLUDED.facts)
"""
_CLOSE = """
    WITH c AS MATERIALIZED ({causes})
    UPDATE attention_items a SET resolved_at = :now, resolution = :gone
    WHERE a.kind = :kind AND a.resolved_at IS NULL AND NOT EXISTS (SELECT 1 FROM c WHERE {same})
"""
"""Materialized: what is wrong is found once, not once for each open item, as the planner would do on a young table."""


def open_invoice_item(
    ctx: Context, kind: AttentionKind, invoice_id: int, detail: str, **facts: object
) -> None:
    """Open an item on an invoice in the transaction of what it is about; once, however often this is called."""
    db.session.execute(
        insert(AttentionItem)
        .values(
            kind=kind,
            subject="invoice",
            subject_id=invoice_id,
            cause_at=ctx.now,
            detail=detail,
            facts=facts,
            opened_at=ctx.now,
        )
        .on_conflict_do_nothing()
    )


def rules_at(ctx: Context) -> Rules:
    """The installation's rules, as of now."""
    config = current_app.config
    return Rules(
        tolerance=config["VALUE_TOLERANCE"],
        days_before=config["DELIVERY_BEFORE_INVOICE_DAYS"],
        days_before_request=config["DELIVERY_BEFORE_REQUEST_DAYS"],
        zone=config["TIMEZONE"].key,
        stalled_before=ctx.now - timedelta(days=config["STALLED_AFTER_DAYS"]),
        carriers=tuple(get_carriers()),
        failing_before=ctx.now - timedelta(minutes=config["CARRIER_ALERT_MINUTES"]),
        late_before=ctx.now - LATE_AFTER,
    )


def review_items(ctx: Context, rules: Rules, *, daily: bool = False) -> None:
    """Open an item for everything that is wrong now, as it is now, and close those whose cause is gone, two statements
    a kind.

    When it is `daily`, the kinds that search the whole book are looked for, and else all others. What a person settled
    stays so until it has another cause. Of several runs at once one does it; the daily one waits for its turn, since
    its next one is a day away.
    """
    if daily:
        take_lock(AdvisoryLock.ATTENTION)
    elif not try_lock(AdvisoryLock.ATTENTION):
        return
    db.session.flush()
    values = {**asdict(rules), "carriers": list(rules.carriers), "now": ctx.now}
    for kind, cause in CAUSES.items():
        if cause.daily == daily:
            _review(kind, cause, values)


def review_found(ctx: Context, kind: AttentionKind, found: Sequence[dict[str, object]]) -> None:
    """The same for trouble of invoices that its caller found: each with id, at (since when), detail and facts."""
    if try_lock(AdvisoryLock.ATTENTION):
        db.session.flush()
        _review(kind, FOUND, {"found": json.dumps(found), "now": ctx.now})


def _review(kind: AttentionKind, cause: Cause, values: dict[str, object]) -> None:
    # The texts are constants of this module and of `queries.attention_causes`.
    known = {"kind": kind, "subject": cause.subject, "gone": say("its cause is gone"), **values}
    close = _CLOSE.format(causes=cause.sql, same=_SAME.format("a"))
    db.session.execute(text(close), _used(close, known))
    opening = _OPEN.format(causes=cause.sql, same=_SAME.format("s"))
    db.session.execute(text(opening), _used(opening, known))


def _used(sql: str, values: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if f":{name}" in sql}


_TAKE_UNSENT = text(
    """
    UPDATE attention_items SET mailed_at = :now WHERE id IN (
        SELECT id FROM attention_items WHERE mailed_at IS NULL ORDER BY id FOR UPDATE SKIP LOCKED
    ) RETURNING id
    """
)


def mail_new_items(ctx: Context) -> int:
    """Mail the admins about new items, one mail a run. Returns how many items."""
    ids = [row.id for row in db.session.execute(_TAKE_UNSENT, {"now": ctx.now})]
    lines = mail_lines(ids, limit=MAILED_LINES)
    if lines:
        more = max(0, len(ids) - len(lines))
        queue_mail(ctx, "record/attention", admin_addresses(), count=len(ids), more=more, items=lines)
    return len(ids)


def settle_items_of(ctx: Context, kind: AttentionKind, invoice_id: int, how: str) -> None:
    """What a person decided of an invoice settles its open items of a kind, under their name."""
    db.session.execute(
        update(AttentionItem)
        .where(
            AttentionItem.kind == kind,
            AttentionItem.subject == "invoice",
            AttentionItem.subject_id == invoice_id,
            AttentionItem.resolved_at.is_(None),
        )
        .values(resolution=how, resolved_at=ctx.now, resolved_by=ctx.actor_id)
        .execution_options(synchronize_session=False)
    )


def resolve_item(ctx: Context, item_id: int, *, note: str) -> AttentionItem:
    """A person settled it; the note says how."""
    how = reason_of(note, what="note")
    item = lock_row(say("item"), AttentionItem, AttentionItem.id == item_id)
    if item.resolved_at is not None:
        raise Conflict("This was settled already.")
    if ctx.actor_id is None:
        raise InvalidInput("You must be signed in to do this.")
    item.resolution, item.resolved_at, item.resolved_by = how, ctx.now, ctx.actor_id
    record_event(ctx, item, "resolved", from_value=item.kind, reason=how)
    db.session.flush()
    return item
