"""Reading large bank statements."""

import logging
from dataclasses import replace

from sqlalchemy.orm import Session

from tusker.chunks import chunks
from tusker.errors import TuskerError, UnknownHeads
from tusker.extensions import db
from tusker.jobs import job_context
from tusker.messages import say
from tusker.queries.bank.candidates import open_book
from tusker.redis.queues import enqueue
from tusker.services.bank.file import account_notes, read_configured
from tusker.services.bank.importing import import_statement
from tusker.services.bank.settling import CHUNK, find_loans, open_credits
from tusker.services.bank.uploads import (
    READ_JOB,
    READ_SECONDS,
    claim_upload,
    finish_upload,
    leave_unclear,
    note_progress,
    refuse_upload,
    waiting_uploads,
)
from tusker.transactions import may_pass, transaction

FAILED = say("A fault in Tusker stopped the import, and it has been logged; nothing was written.")
log = logging.getLogger(__name__)


def start_uploads() -> int:
    """By cron: ask workers for every upload that waits; returns how many."""
    with transaction():
        waiting = waiting_uploads(job_context("statements"))
    return sum(enqueue(READ_JOB, upload_id, job_timeout=READ_SECONDS) for upload_id in waiting)


def read_upload(upload_id: int) -> bool:
    """Import an upload as its sender, in one transaction; False when another worker has it or it was read.

    What cannot be read is refused with the reason, and so is one on which the program fails. Where the database is away
    too, or the worker dies, another run follows.
    """
    ctx = job_context("statements")
    with transaction():
        upload = claim_upload(ctx, upload_id)
        if upload is None or upload.content is None:
            return False
        content, name = upload.content, upload.file_name
        digest = upload.digest
        sender = replace(ctx, actor_id=upload.sent_by, actor=upload.sender, job=upload.claimed_by)
    try:
        read = read_configured(content, name)
        _tell(upload_id, 0, sum(len(statement.entries) for statement in read.statements))
        with transaction():
            result = import_statement(
                sender,
                read,
                digest=digest,
                file_name=name,
                progress=lambda done, entries: _tell(upload_id, done, entries),
            )
            finish_upload(sender, upload_id, result, account_notes(read))
    except UnknownHeads as error:
        with transaction():
            leave_unclear(sender, upload_id, error.message)
    except TuskerError as error:
        with transaction():
            refuse_upload(sender, upload_id, error.message)
        log.info("upload %d was refused: %s", upload_id, error.message)
    except Exception as error:
        if may_pass(error):
            raise  # it is done again, see `worker.py`
        # Left waiting it would fail again every quarter of an hour, and its page would say that it is being read.
        log.exception("upload %d could not be imported", upload_id)
        with transaction():
            refuse_upload(sender, upload_id, FAILED)
    return True


def look_for_loans() -> int:
    """By cron: look for the loans that open credits may pay, in the book as it is now; returns how many credits there
    are."""
    today = job_context("statements").today
    with transaction():
        waiting = open_credits()
        book = open_book(today) if waiting else None
    for part in chunks(waiting, CHUNK):
        with transaction():
            if book:
                find_loans(today, book, part)
    return len(waiting)


def _tell(upload_id: int, done: int, entries: int) -> None:
    """Beside the import's own transaction, so that pages see it at once."""
    with Session(db.engine) as session, session.begin():
        note_progress(session, upload_id, done, entries)
