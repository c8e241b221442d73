"""Rows that only guard against repetition, and sessions that ended, are kept for a while, not for good."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete

from tusker.extensions import db
from tusker.models import (
    AccessEntry,
    FileState,
    IdempotencyKey,
    InvoiceFile,
    ThrottleCount,
    UserSession,
    WebhookDelivery,
)
from tusker.services.context import Context

KEPT = timedelta(days=90)
"""Longer than any delivery company or caller repeats itself; what a webhook said stands in the shipment's events."""

UNSTARTED_KEPT = timedelta(days=1)
"""Of a large file of invoices whose columns nobody named."""

ACCESS_KEPT = timedelta(days=400)
"""A year and a little: long enough to look into what is found at a year's audit."""


def forget_old_guards(ctx: Context) -> int:
    """Delete what is older than it is kept: idempotency keys, worked-off webhooks, sessions, rows of the access log,
    files of invoices with their refusals, counts of limits.

    Returns how many rows went.
    """
    before = ctx.now - KEPT
    keys = db.session.scalars(
        delete(IdempotencyKey).where(IdempotencyKey.created_at < before).returning(IdempotencyKey.id)
    ).all()
    webhooks = db.session.scalars(
        delete(WebhookDelivery)
        .where(WebhookDelivery.received_at < before, WebhookDelivery.processed_at.is_not(None))
        .returning(WebhookDelivery.id)
    ).all()
    sessions = db.session.scalars(
        delete(UserSession).where(UserSession.last_seen_at < before).returning(UserSession.id)
    ).all()
    entries = db.session.scalars(
        delete(AccessEntry).where(AccessEntry.at < ctx.now - ACCESS_KEPT).returning(AccessEntry.id)
    ).all()
    never_started = (InvoiceFile.state == FileState.KEPT) & (InvoiceFile.sent_at < ctx.now - UNSTARTED_KEPT)
    files = db.session.scalars(
        delete(InvoiceFile).where(never_started | (InvoiceFile.settled_at < before)).returning(InvoiceFile.id)
    ).all()
    counts = db.session.scalars(
        delete(ThrottleCount).where(ThrottleCount.ends_at < ctx.now).returning(ThrottleCount.key)
    ).all()
    return len(counts) + len(keys) + len(webhooks) + len(sessions) + len(entries) + len(files)
