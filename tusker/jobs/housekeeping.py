"""The daily clean-up."""

from __future__ import annotations

import logging

from tusker.jobs import job_context
from tusker.services.record.housekeeping import forget_old_guards
from tusker.transactions import transaction

log = logging.getLogger(__name__)


def clean_up() -> int:
    """Cron: delete rows that are kept for a while only; returns how many."""
    with transaction():
        gone = forget_old_guards(job_context("clean up"))
    log.info("clean-up: %d rows", gone)
    return gone
