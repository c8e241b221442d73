"""Large files of invoices, each imported by one worker in chunks."""

import logging
from dataclasses import replace

from tusker.errors import TuskerError
from tusker.extensions import db
from tusker.jobs import job_context
from tusker.messages import say
from tusker.redis.queues import enqueue
from tusker.services.context import Context
from tusker.services.credit.importing.large import (
    IMPORT_JOB,
    LONGEST_SECONDS,
    claim_file,
    finish_file,
    read_file,
    request_next,
    waiting_files,
)
from tusker.services.credit.importing.running import until_terms_stand
from tusker.transactions import may_pass, transaction

FAILED = say(
    "A fault in Tusker stopped the import, and it has been logged. What is "
    "counted here was requested; sending the file again requests the rest."
)
log = logging.getLogger(__name__)


def start_imports() -> int:
    """By cron: ask workers for every file that waits; returns how many."""
    with transaction():
        waiting = waiting_files(job_context("import"))
    return sum(enqueue(IMPORT_JOB, file_id, job_timeout=LONGEST_SECONDS) for file_id in waiting)


def import_file(file_id: int) -> bool:
    """Import a file as its sender; False when another worker has it or it is done.

    Each chunk is a transaction, and what an interrupted run has done it does not do again.
    """
    ctx = job_context("import")
    with transaction():
        file = claim_file(ctx, file_id)
        if file is None:
            return False
        sender = replace(ctx, actor_id=file.sent_by, actor=file.sender, job=file.claimed_by)
        is_read = file.is_read
    try:
        if not is_read:
            with transaction():
                read_file(sender, file_id)
        while _request(sender, file_id):
            db.session.expunge_all()
    except TuskerError as error:
        with transaction():
            finish_file(sender, file_id, refused=error.message)
        log.info("file %d was refused: %s", file_id, error.message)
        return True
    except Exception as error:
        if may_pass(error):
            raise  # it is done again, see `worker.py`
        # Left waiting it would fail again every quarter of an hour, and its page would say that it is being imported.
        log.exception("file %d could not be imported", file_id)
        with transaction():
            finish_file(sender, file_id, refused=FAILED)
        return True
    with transaction():
        finish_file(sender, file_id)
    return True


def _request(sender: Context, file_id: int) -> bool:
    def once() -> bool:
        ctx = job_context("import")
        with transaction():
            return request_next(replace(sender, now=ctx.now, today=ctx.today), file_id)

    return until_terms_stand(once)
