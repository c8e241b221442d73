"""Rows that only guard against repetition, and sessions that ended, are kept for a while, not for good."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete

from tusker.extensions import db
from tusker.models import IdempotencyKey, UserSession, WebhookDelivery
from tusker.services.context import Context

KEPT = timedelta(days=90)
"""Longer than any delivery company or caller repeats itself; what a webhook said stands in the shipment's events."""


def forget_old_guards(ctx: Context) -> int:
    """Delete idempotency keys, worked-off webhooks and sessions older than `KEPT`; returns how many rows went."""
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
    return len(keys) + len(webhooks) + len(sessions)
