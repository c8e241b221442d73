"""Keeping the sums of the book ahead of the pages that show them."""

from flask import current_app

from tusker.jobs import job_context
from tusker.services.credit.invoice_counts import merge_counts
from tusker.services.loans.book import positions
from tusker.transactions import transaction

BATCHES_A_JOB = 200
"""A job does at most this many batches; the next one goes on."""


def keep_positions() -> int:
    """Cron: merge the counts of invoices, write the positions of loans that changed, and build those of tomorrow.

    Returns how many batches the positions took.
    """
    with transaction():
        merge_counts()
    with transaction():
        positions.keep_days(job_context("positions"), current_app.config["CLASSIFICATION"].shares)
    for done in range(BATCHES_A_JOB):
        with transaction():
            if not positions.write_positions():
                return done
    return BATCHES_A_JOB
