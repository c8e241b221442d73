"""Sealing: committed events get their link of the hash chain, in transactions of their own; checkpoints of it."""

import hmac
from datetime import timedelta

from flask import current_app
from sqlalchemy import delete, select, text

from tusker.domain.record.chain import Checkpoint, Head, link
from tusker.extensions import db
from tusker.messages import say
from tusker.models import SealCheckpoint
from tusker.queries.record.chain import ChainReport, newest_link, unsealed_rows
from tusker.secrets.keys import derive
from tusker.services.context import Context
from tusker.services.locks import AdvisoryLock, try_lock

_INSERT = text(
    """
    INSERT INTO event_seals (seq, event_id, hash, sealed_at)
    SELECT link.seq, link.event_id, link.hash, :now
    FROM unnest(CAST(:seqs AS bigint[]), CAST(:event_ids AS bigint[]), CAST(:hashes AS bytea[]))
        AS link (seq, event_id, hash)
    """
)


def seal_events(ctx: Context, *, limit: int, whole: bool = False) -> int:
    """Seal up to `limit` committed events and return how many; 0 too when another sealer is at it.

    Alone in its transaction: it must see committed events only. Ids may commit out of order, and so the chain's order
    is the order of sealing; an event that commits late gets the next link. Nothing here waits for those who write
    events, nor they for it. With `whole`, events are looked for in the whole table.
    """
    # A statement of its own: the ones after it see what the sealer before has committed.
    if not try_lock(AdvisoryLock.SEALING):
        return 0
    head = newest_link()
    rows = unsealed_rows(limit=limit, whole=whole)
    if not rows:
        return 0
    hashes = []
    previous = head.hash
    for seq, row in enumerate(rows, head.seq + 1):
        previous = link(previous, seq, row)
        hashes.append(previous)
    db.session.execute(
        _INSERT,
        {
            "now": ctx.now,
            "seqs": list(range(head.seq + 1, head.seq + 1 + len(rows))),
            "event_ids": [row.id for row in rows],
            "hashes": hashes,
        },
    )
    return len(rows)


WHOLE_EVERY = timedelta(days=7)
"""How often all links are walked, and all that is kept beside them is recomputed."""
FORGED = say(
    "the checkpoint of the proof does not bear the installation's signature: it was changed past the "
    "application, or SECRET_KEY was replaced and the old one is not kept behind it"
)


def newest_checkpoint() -> tuple[Checkpoint | None, str | None]:
    """The last checkpoint, and what is wrong with it, in words; one that is wrong is none."""
    row = db.session.scalar(select(SealCheckpoint).order_by(SealCheckpoint.id.desc()).limit(1))
    if row is None:
        return None, None
    found = Checkpoint(Head(row.seq, bytes(row.hash)), row.walked_at)
    # A key that was replaced may have signed it.
    if any(hmac.compare_digest(found.signature(key), bytes(row.signature)) for key in _keys()):
        return found, None
    return None, FORGED


def is_due(ctx: Context, checkpoint: Checkpoint | None) -> bool:
    """Whether the whole chain is to be walked again; a checkpoint of the future is none."""
    return checkpoint is None or not timedelta(0) <= ctx.now - checkpoint.walked_at < WHOLE_EVERY


def keep_checkpoint(ctx: Context, report: ChainReport, checkpoint: Checkpoint | None) -> None:
    """After a walk: the next one goes on from its head, and while something is broken from the beginning. A head that
    was lost stays the last one, and is missed each time. `checkpoint` is the one that it went on from."""
    if report.broken is not None:
        db.session.execute(delete(SealCheckpoint))
    if report.broken is not None or report.lost_head is not None:
        return
    walked_at = ctx.now if checkpoint is None else checkpoint.walked_at
    made = Checkpoint(report.head, walked_at)
    db.session.add(
        SealCheckpoint(
            seq=made.head.seq,
            hash=made.head.hash,
            walked_at=made.walked_at,
            signature=made.signature(_keys()[0]),
        )
    )
    db.session.flush()


def _keys() -> list[bytes]:
    return [derive(key, "seal checkpoint") for key in current_app.config["SIGNING_KEYS"]]
