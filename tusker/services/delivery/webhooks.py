"""The inbox of webhooks from delivery companies: stored as received, processed by a job."""

import hashlib
import logging
from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from tusker.carriers.base import Carrier, CarrierProtocolError
from tusker.domain.delivery.shipments import TrackedOrder
from tusker.extensions import db
from tusker.messages import say
from tusker.models import WebhookDelivery
from tusker.services.context import Context
from tusker.services.delivery.due_shipments import poll_soon
from tusker.services.delivery.tracking import record_tracking, shipments_of_orders
from tusker.services.locks import lock_row
from tusker.transactions import after_commit

log = logging.getLogger(__name__)

JOB = "tusker.jobs.webhooks.work_off_webhooks"
PIECE = 500
"""Orders of one webhook that are recorded in a transaction: what it locks, polls and people wait for."""
MAX_ATTEMPTS = 5
"""How often one whose recording fails is tried, a cron round apart, before it is left for people."""


def keep_webhook(ctx: Context, carrier: str, raw: bytes) -> bool:
    """Put a verified webhook into the inbox and nudge a worker; False when these very bytes came before."""
    new = db.session.scalar(
        insert(WebhookDelivery)
        .values(carrier=carrier, digest=hashlib.sha256(raw).digest(), raw=raw, received_at=ctx.now)
        .on_conflict_do_nothing()
        .returning(WebhookDelivery.id)
    )
    if new is None:
        return False
    after_commit(JOB)
    return True


def next_webhook(after_id: int) -> int | None:
    """The id of the oldest webhook behind `after_id` that waits and that no other worker holds; locks it."""
    return db.session.scalar(
        select(WebhookDelivery.id)
        .where(WebhookDelivery.processed_at.is_(None), WebhookDelivery.id > after_id)
        .order_by(WebhookDelivery.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )


def work_off_webhook(
    ctx: Context,
    delivery_id: int,
    carriers: Mapping[str, Carrier],
    *,
    minimum_interval: timedelta,
    known: dict[int, list[TrackedOrder]],
) -> tuple[list[int], bool]:
    """Record the tracking news in a locked webhook, of a large one the next piece, in the same transaction that notes
    how far it is; returns moved invoices, and whether it is done. `known` is what the piece before has read: the whole
    of a large one is read once, not for each of its pieces.

    One that cannot be read is done too: it keeps its error, and people are shown it.
    """
    delivery = db.session.get_one(WebhookDelivery, delivery_id)
    if not delivery.orders_done:
        delivery.attempts += 1
    delivery.processed_at = ctx.now
    delivery.error = None
    carrier = carriers.get(delivery.carrier)
    if carrier is None:
        delivery.error = say("This delivery company is no longer configured.")
        return [], True
    try:
        orders = known.pop(delivery_id, None) or carrier.read_webhook(delivery.raw)
    except CarrierProtocolError as error:
        log.warning("webhook %d of %s cannot be read: %s", delivery_id, delivery.carrier, error)
        delivery.error = error.message[:500]
        return [], True
    piece = orders[delivery.orders_done : delivery.orders_done + PIECE]
    delivery.orders_done = done = min(delivery.orders_done + PIECE, len(orders))
    if done < len(orders):
        delivery.processed_at = None
        known[delivery_id] = orders
    meant = shipments_of_orders(delivery.carrier, piece)
    if not meant.certain and not meant.may_be:
        log.info("webhook %d of %s is about no shipment of ours", delivery_id, delivery.carrier)
    moved: list[int] = []
    if meant.certain:
        moved = record_tracking(ctx, meant.certain, minimum_interval=minimum_interval, asked=False)
    if meant.may_be:
        poll_soon(ctx, meant.may_be)
    return moved, done == len(orders)


def note_webhook_failure(ctx: Context, delivery_id: int, error: str) -> None:
    """Recording a webhook failed and was rolled back: it waits for the next round, the last time for people."""
    delivery = lock_row(say("webhook"), WebhookDelivery, WebhookDelivery.id == delivery_id)
    delivery.attempts += 1
    delivery.error = error[:500]
    if delivery.attempts >= MAX_ATTEMPTS:
        delivery.processed_at = ctx.now
