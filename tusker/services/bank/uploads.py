"""Statements that are not read at once: large ones, which a worker reads and tells how far it is, and tables whose
columns a person has to name first."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, undefer

from tusker.errors import Conflict
from tusker.extensions import db
from tusker.messages import joined, say
from tusker.models import StatementUpload, UploadState
from tusker.services.bank.importing import ImportResult
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.leases import has, is_free, is_taken, lease
from tusker.services.locks import lock_row

LARGE = 256 * 1024
"""From how many bytes on a file is left to a worker; smaller ones are read at once."""
LEASE = timedelta(minutes=15)
"""How long a claim keeps other workers away; what a worker that died had is read again after it."""

CANCELLED = say("The import of this file was cancelled, or it is running already.")
READ_JOB = "tusker.jobs.statements.read_upload"
READ_SECONDS = int(LEASE.total_seconds())


def take_upload(ctx: Context, data: bytes, file_name: str, *, unclear: str = "") -> StatementUpload:
    """Keep a file for a worker, or with the words why its columns are `unclear` for a person to say what they are.

    A file that was sent in before is the same upload; one that was refused is tried again, since accounts may be
    configured since, and so is one that was cancelled.
    """
    digest = hashlib.sha256(data).hexdigest()
    values = {
        "file_name": file_name[:200],
        "content": data,
        "state": UploadState.UNCLEAR if unclear else UploadState.WAITING,
        "entries": 0,
        "entries_done": 0,
        "claimed_until": None,
        "claimed_by": None,
        "words": unclear,
        "sent_at": ctx.now,
        "sent_by": ctx.actor_id,
        "sender": ctx.actor[:120],
        "settled_at": None,
    }
    db.session.execute(
        insert(StatementUpload)
        .values(digest=digest, **values)
        .on_conflict_do_update(
            index_elements=["digest"],
            set_=values,
            where=StatementUpload.state.in_([UploadState.REFUSED, UploadState.CANCELLED]),
        )
    )
    return lock_row(say("upload"), StatementUpload, StatementUpload.digest == digest)


def waiting_uploads(ctx: Context) -> Sequence[int]:
    """The uploads that no worker has, oldest first."""
    return db.session.scalars(
        select(StatementUpload.id)
        .where(StatementUpload.state == UploadState.WAITING, is_free(ctx, StatementUpload))
        .order_by(StatementUpload.id)
    ).all()


def claim_upload(ctx: Context, upload_id: int) -> StatementUpload | None:
    """Take an upload with its content; None when another worker has it or it was read."""
    found = db.session.scalars(
        select(StatementUpload)
        .where(StatementUpload.id == upload_id)
        .options(undefer(StatementUpload.content))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    if found.state != UploadState.WAITING or is_taken(ctx, found):
        return None
    lease(ctx, found, LEASE)
    db.session.flush()
    return found


def note_progress(session: Session, upload_id: int, done: int, entries: int) -> None:
    """Note how far a worker is, in a session of its own. Raises `Conflict` for one that was cancelled meanwhile."""
    waits = session.scalar(
        update(StatementUpload)
        .where(StatementUpload.id == upload_id, StatementUpload.state == UploadState.WAITING)
        .values(entries_done=min(done, entries), entries=entries)
        .returning(StatementUpload.id)
    )
    if waits is None:
        raise Conflict(CANCELLED)


def cancel_upload(ctx: Context, upload_id: int) -> None:
    """Have a file not imported: a worker that reads it stops at its next piece and writes nothing. Raises `Conflict`
    once it was read."""
    upload = lock_row(say("upload"), StatementUpload, StatementUpload.id == upload_id)
    if upload.state != UploadState.WAITING:
        raise Conflict("This file is not being read.")
    words = say(
        "Cancelled by {actor}; nothing of it was imported. It can be uploaded again.", actor=ctx.actor
    )
    _settle(ctx, upload_id, UploadState.CANCELLED, words)
    record_event(ctx, ("statement_upload", upload_id), "import_cancelled", reason=upload.file_name)


def finish_upload(ctx: Context, upload_id: int, result: ImportResult, notes: Sequence[str]) -> None:
    """Note what came of a file, in the transaction that imports it. Raises `Conflict`, so that nothing is imported,
    where it was cancelled or another run took it over."""
    if not _is_ours(ctx, upload_id):
        raise Conflict(CANCELLED)
    words = joined((result.words, *notes), " ")
    _settle(ctx, upload_id, UploadState.IMPORTED, words).statement_ids = list(result.statement_ids)


def leave_unclear(ctx: Context, upload_id: int, why: str) -> None:
    """Keep a file whose heads are not known until a person says what its columns are."""
    if _is_ours(ctx, upload_id):
        upload = lock_row(say("upload"), StatementUpload, StatementUpload.id == upload_id)
        upload.state, upload.words, upload.claimed_until = UploadState.UNCLEAR, why, None
        db.session.flush()


def lock_unclear(upload_id: int) -> StatementUpload:
    """An upload that waits for a person to say what its columns are, locked; raises `Conflict` for any other."""
    upload = lock_row(say("upload"), StatementUpload, StatementUpload.id == upload_id)
    if upload.state != UploadState.UNCLEAR:
        raise Conflict("The columns of this file have been decided already.")
    return upload


def refuse_upload(ctx: Context, upload_id: int, why: str) -> None:
    """Note why a file could not be read; one that was cancelled or read stays so, and one that another run took over
    waits for what that makes of it."""
    if _is_ours(ctx, upload_id):
        _settle(ctx, upload_id, UploadState.REFUSED, why)


def _is_ours(ctx: Context, upload_id: int) -> bool:
    """Whether an upload, which is locked, waits still and for this run."""
    upload = lock_row(say("upload"), StatementUpload, StatementUpload.id == upload_id)
    return upload.state == UploadState.WAITING and has(ctx, upload)


def _settle(ctx: Context, upload_id: int, state: UploadState, words: str) -> StatementUpload:
    upload = lock_row(say("upload"), StatementUpload, StatementUpload.id == upload_id)
    if upload.state != UploadState.WAITING:
        raise Conflict(CANCELLED)
    upload.state, upload.words, upload.settled_at = state, words, ctx.now
    upload.content = upload.claimed_until = None
    upload.entries_done = upload.entries
    db.session.flush()
    return upload
