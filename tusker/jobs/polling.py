"""Polling the delivery companies: claim, ask outside any transaction, record."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta

from flask import current_app

from tusker.carriers.base import Carrier, CarrierError
from tusker.carriers.registry import get_carriers
from tusker.jobs import job_context
from tusker.queues import enqueue
from tusker.services.tracking import Claim, claim_due_shipments, record_poll_failure, record_tracking
from tusker.transactions import transaction

log = logging.getLogger(__name__)

BATCHES_A_JOB = 50
"""A job asks for at most this many batches and then makes room for others."""


def poll_all() -> None:
    """Cron: have workers poll every delivery company."""
    for name in get_carriers():
        enqueue("tusker.jobs.polling.poll_carrier", name)


def poll_carrier(name: str) -> int:
    """Ask one delivery company about its due shipments, batch by batch; returns how many were asked for.

    Any number of these may run at once. A carrier that fails is left alone until the next run.
    """
    carrier = get_carriers()[name]
    asked = 0
    for _ in range(BATCHES_A_JOB):
        with transaction():
            claims = claim_due_shipments(job_context("poll"), name, carrier.batch_size)
        if not claims:
            return asked
        asked += len(claims)
        if not _poll_batch(carrier, claims):
            return asked
    enqueue("tusker.jobs.polling.poll_carrier", name)
    return asked


def _poll_batch(carrier: Carrier, claims: Sequence[Claim]) -> bool:
    """Ask for claimed shipments and record the answers; False when the carrier failed."""
    minimum = timedelta(seconds=current_app.config["POLL_INTERVAL_SECONDS"])
    try:
        orders = carrier.fetch([claim.order_ref for claim in claims])
    except CarrierError as error:
        log.warning("%s did not answer: %s", carrier.name, error)
        with transaction():
            record_poll_failure(
                job_context("poll"), [c.shipment_id for c in claims], str(error), minimum_interval=minimum
            )
        return False
    with transaction():
        moved = record_tracking(
            job_context("poll"),
            {claim.shipment_id: orders.get(claim.order_ref) for claim in claims},
            minimum_interval=minimum,
        )
    log.info("%s: asked for %d shipments, %d invoices moved", carrier.name, len(claims), len(moved))
    return True
