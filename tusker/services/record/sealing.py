"""Sealing: committed events get their link of the hash chain, in transactions of their own."""

from sqlalchemy import text

from tusker.domain.record.chain import link
from tusker.extensions import db
from tusker.queries.record.chain import newest_link, unsealed_rows
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
