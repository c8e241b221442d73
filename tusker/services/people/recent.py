"""What a person looked at last: a few rows each, so that they are found again without searching."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert

from tusker.extensions import db
from tusker.models import RecentThing

KEPT = 10


def note_seen(user_id: int, kind: str, key: int, title: str, now: datetime) -> None:
    """Put a thing at the head of the person's list; what is more than `KEPT` goes."""
    row = upsert(RecentThing).values(user_id=user_id, kind=kind, key=key, title=title[:120], seen_at=now)
    keys = [RecentThing.user_id, RecentThing.kind, RecentThing.key]
    db.session.execute(
        row.on_conflict_do_update(
            index_elements=keys, set_={"seen_at": row.excluded.seen_at, "title": row.excluded.title}
        )
    )
    mine = RecentThing.user_id == user_id
    latest = (
        select(RecentThing.kind, RecentThing.key)
        .where(mine)
        .order_by(RecentThing.seen_at.desc(), RecentThing.kind, RecentThing.key)
        .limit(KEPT)
    )
    db.session.execute(
        delete(RecentThing).where(mine, tuple_(RecentThing.kind, RecentThing.key).not_in(latest))
    )
