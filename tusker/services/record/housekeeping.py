"""Rows that only guard against repetition, sessions that ended, sent mails and the access log are kept for a while."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, delete

from tusker.extensions import Base, db
from tusker.models import (
    AccessEntry,
    FileState,
    IdempotencyKey,
    InvoiceFile,
    OutboxMessage,
    ThrottleCount,
    UserSession,
    WebhookDelivery,
)
from tusker.services.context import Context

UNSTARTED_KEPT = timedelta(days=1)
"""Of a large file of invoices whose columns nobody named."""


@dataclass(frozen=True, slots=True)
class Kept:
    """How many days each is kept (`KEEP_…_DAYS`)."""

    guards: int = 90
    """Longer than anybody repeats itself; what a webhook said stands in the shipment's events."""
    sessions: int = 90
    access: int = 400
    """A year and a little: long enough to look into what is found at a year's audit."""
    mails: int = 400


def forget_old_guards(ctx: Context, kept: Kept | None = None) -> int:
    """Delete what is older than it is kept: idempotency keys, worked-off webhooks, sessions, rows of the access log,
    mails that were sent, files of invoices with their refusals, counts of limits.

    Returns how many rows went.
    """
    kept = kept or Kept()
    guards, sessions, access, mails = (
        ctx.now - timedelta(days=days) for days in (kept.guards, kept.sessions, kept.access, kept.mails)
    )
    never_started = (InvoiceFile.state == FileState.KEPT) & (InvoiceFile.sent_at < ctx.now - UNSTARTED_KEPT)
    worked_off = WebhookDelivery.processed_at.is_not(None)
    return sum(
        _forget(model, *which)
        for model, *which in (
            (IdempotencyKey, IdempotencyKey.created_at < guards),
            (WebhookDelivery, WebhookDelivery.received_at < guards, worked_off),
            (UserSession, UserSession.last_seen_at < sessions),
            (AccessEntry, AccessEntry.at < access),
            (OutboxMessage, OutboxMessage.sent_at < mails),
            (ThrottleCount, ThrottleCount.ends_at < ctx.now),
            (InvoiceFile, never_started | (InvoiceFile.settled_at < guards)),
        )
    )


def _forget(model: type[Base], *which: ColumnElement[bool]) -> int:
    options = {"synchronize_session": False}
    return cast(
        CursorResult[Any], db.session.execute(delete(model).where(*which), execution_options=options)
    ).rowcount
