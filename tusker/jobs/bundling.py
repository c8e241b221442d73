"""The daily bundle."""

from __future__ import annotations

import logging

from tusker.jobs import job_context
from tusker.services.payout.disbursals import bundle_daily
from tusker.transactions import transaction

log = logging.getLogger(__name__)


def bundle_day() -> str | None:
    """Cron: bundle what is financeable into the day's disbursal; returns its reference, None without any."""
    with transaction():
        disbursal = bundle_daily(job_context("bundle"))
        reference = disbursal.reference if disbursal else None
    log.info("daily disbursal: %s", reference or "nothing to finance")
    return reference
