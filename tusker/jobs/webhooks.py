"""Recording the webhooks that were received."""

import logging

from tusker.carriers.registry import get_carriers
from tusker.domain.delivery.shipments import TrackedOrder
from tusker.jobs import job_context, poll_interval
from tusker.services.delivery.webhooks import next_webhook, note_webhook_failure, work_off_webhook
from tusker.transactions import may_pass, transaction

log = logging.getLogger(__name__)


def work_off_webhooks() -> int:
    """After each webhook, and by cron: record all that wait, each in a transaction, large ones in several; returns how
    many.

    Any number of these may run at once. One that fails is left for the next run.
    """
    handled, last = 0, 0
    known: dict[int, list[TrackedOrder]] = {}
    while True:
        delivery_id: int | None = None
        try:
            with transaction():
                delivery_id = next_webhook(last)
                if delivery_id is None:
                    return handled
                moved, done = work_off_webhook(
                    job_context("webhook"),
                    delivery_id,
                    get_carriers(),
                    minimum_interval=poll_interval(),
                    known=known,
                )
        except Exception as error:
            # Whatever an adapter fails on: the attempt counts, and the others are still recorded. What the database
            # cannot do now is no fault of a webhook's: the job is done again.
            if delivery_id is None or may_pass(error):
                raise
            log.exception("webhook %d could not be recorded", delivery_id)
            with transaction():
                note_webhook_failure(job_context("webhook"), delivery_id, f"{type(error).__name__}: {error}")
        else:
            log.info("webhook %d: %d invoices moved", delivery_id, len(moved))
            if not done:
                continue
        handled, last = handled + 1, delivery_id
