"""Sealing events, batch by batch, each in a transaction of its own."""

import logging
from dataclasses import replace

from tusker.domain.record.chain import Head
from tusker.jobs import job_context
from tusker.queries.record.chain import ChainReport, backlog, check_chain, lost
from tusker.services.record.sealing import is_due, keep_checkpoint, newest_checkpoint, seal_events
from tusker.transactions import transaction

log = logging.getLogger(__name__)

BATCH = 5_000
BATCHES_A_JOB = 50
"""A job seals at most this many batches; the next one goes on."""


def seal_new() -> int:
    """Cron: seal what has been committed since; returns how many events."""
    sealed = _seal(BATCHES_A_JOB, whole=False)
    if sealed:
        log.info("sealed %d events", sealed)
    return sealed


def seal_all() -> int:
    """Seal every committed event, however old its id; returns how many."""
    sealed = 0
    # First the ids that `unsealed_rows` looks at without `whole`, which is cheap; then what was committed very late.
    for whole in (False, True):
        while done := _seal(BATCHES_A_JOB, whole=whole):
            sealed += done
    return sealed


def seal_and_check(noted: Head | None = None, *, whole: bool = False) -> ChainReport:
    """Check how long events have waited, seal them all, and check the chain from the last checkpoint on: the `whole`
    one where that is asked for, each week, and where the checkpoint is not to be trusted."""
    waiting = backlog()
    seal_all()
    ctx = job_context("prove")
    checkpoint, forged = newest_checkpoint()
    gone = lost(checkpoint.head) if checkpoint else None
    if whole or gone or is_due(ctx, checkpoint):
        checkpoint = None
    found = check_chain(since=checkpoint.head if checkpoint else None, noted=noted)
    walked_at = checkpoint.walked_at if checkpoint else None
    report = replace(
        found, waiting=waiting, forged=forged, lost_head=found.lost_head or gone, walked_at=walked_at
    )
    with transaction():
        keep_checkpoint(ctx, report, checkpoint)
    return report


def _seal(batches: int, *, whole: bool) -> int:
    sealed = 0
    for _ in range(batches):
        with transaction():
            done = seal_events(job_context("seal"), limit=BATCH, whole=whole)
        sealed += done
        if done < BATCH:
            break
    return sealed
