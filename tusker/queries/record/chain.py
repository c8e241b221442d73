"""The chain of sealed events: what still waits for its seal, and whether every link holds."""

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, Text, case, cast, func, select, text

from tusker.domain.record.chain import GENESIS, Break, EventRow, Head, Link, check
from tusker.extensions import db
from tusker.messages import say, say_n
from tusker.models import Event, EventSeal

MAX_WAIT = timedelta(hours=1)
"""How long an event may wait for its seal before something must be wrong with the sealer."""
_ROWS_AT_ONCE = 2_000
_BEHIND = 100_000
"""How far behind the newest sealed id events of late commits are looked for each minute; each day, all are."""

_AT = case((Event.at.between("0002-01-01T00:00Z", "9998-12-31T00:00Z"), Event.at))
# PostgreSQL knows times that Python does not (infinity): they must break the chain and not the check.

ROW = (
    Event.id,
    _AT.label("at"),
    Event.actor_id,
    Event.actor,
    Event.subject,
    Event.subject_id,
    Event.kind,
    Event.from_value,
    Event.to_value,
    Event.reason,
    cast(Event.data, Text).label("data"),
)


@dataclass(frozen=True, slots=True)
class Backlog:
    """Committed events without a seal. `since` is from when on the sealer could have sealed the oldest."""

    count: int
    since: datetime | None

    def is_late(self, now: datetime) -> bool:
        """Whether they wait longer than a running sealer lets them."""
        return self.since is not None and now - self.since > MAX_WAIT


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What a check of the chain found. `checked` counts the links that were recomputed, all or the newest."""

    sealed: int
    checked: int
    head: Head
    waiting: Backlog
    broken: Break | None
    lost_head: str | None = None
    """What is wrong with the head that was noted earlier, in words."""
    forged: str | None = None
    """What is wrong with the checkpoint, in words."""
    walked_at: datetime | None = None
    """When all links were walked, where that was earlier."""

    def problems(self, now: datetime) -> list[str]:
        """Everything that must not be, a sentence each."""
        found: list[str] = []
        if self.broken is not None:
            seq, event, fault = self.broken.seq, self.broken.event_id, self.broken.fault.words
            found.append(
                say("event chain broken first at seal {seq}: {fault}", seq=seq, fault=fault)
                if event is None
                else say(
                    "event chain broken first at seal {seq}, event {event}: {fault}",
                    seq=seq,
                    event=event,
                    fault=fault,
                )
            )
        found += [told for told in (self.lost_head, self.forged) if told is not None]
        if self.waiting.since is not None and self.waiting.is_late(now):
            since = f"{self.waiting.since.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
            found.append(
                say_n(
                    "{n} event was not sealed since {since}: is the scheduler running?",
                    "{n} events were not sealed since {since}: is the scheduler running?",
                    self.waiting.count,
                    since=since,
                )
            )
        return found


def check_chain(
    *, newest: int | None = None, since: Head | None = None, noted: Head | None = None
) -> ChainReport:
    """Recompute every link, or only the `newest` ones or those `since` one that the chain has, in constant memory.

    `noted` is a head written down earlier: unless the chain still has it, its end was cut off or rewritten.
    """
    waiting = backlog()
    sealed, last = db.session.execute(
        select(func.count(), func.coalesce(func.max(EventSeal.seq), 0)).select_from(EventSeal)
    ).one()
    start = since or (GENESIS if newest is None else _link_at(last - newest) or GENESIS)
    with closing(_links(start.seq)) as links:
        good, broken = check(links, start)
    # A broken chain has a head too: what its last row says.
    head = good if broken is None else _link_at(last) or GENESIS
    return ChainReport(sealed, good.seq - start.seq, head, waiting, broken, lost(noted) if noted else None)


def backlog() -> Backlog:
    """The committed events without a seal, however old."""
    row = db.session.execute(_BACKLOG).one()
    return Backlog(row.waiting, row.since)


def unsealed_rows(*, limit: int, whole: bool) -> list[EventRow]:
    """Committed events without a seal by ascending id, at most `limit`.

    Unless asked for the `whole` table, only those above a floor some way below the newest sealed event are looked at:
    ids commit out of order, but not that far.
    """
    floor = 0 if whole else (db.session.scalar(select(func.max(EventSeal.event_id))) or 0) - _BEHIND
    rows = db.session.execute(
        select(*ROW)
        .where(
            Event.id > floor,
            ~select(EventSeal.seq).where(EventSeal.event_id == Event.id, EventSeal.event_id > floor).exists(),
        )
        .order_by(Event.id)
        .limit(limit)
    )
    return [_event(row) for row in rows]


def newest_link() -> Head:
    row = db.session.execute(
        select(EventSeal.seq, EventSeal.hash).order_by(EventSeal.seq.desc()).limit(1)
    ).first()
    return Head(row.seq, row.hash) if row else GENESIS


# Events carry business time. Who writes an old one after the last sealing is not late before the next.
_BACKLOG = text(
    """
    SELECT count(*) AS waiting,
        CASE WHEN count(*) > 0 THEN greatest(min(e.at),
            (SELECT sealed_at FROM event_seals ORDER BY seq DESC LIMIT 1)) END AS since
    FROM events e WHERE NOT EXISTS (SELECT FROM event_seals s WHERE s.event_id = e.id)
    """
)


def _links(after: int) -> Generator[Link, None, None]:
    query = (
        select(EventSeal.seq, EventSeal.event_id, EventSeal.hash, *ROW)
        .outerjoin(Event, Event.id == EventSeal.event_id)
        .where(EventSeal.seq > after)
        .order_by(EventSeal.seq)
    )
    # By a cursor in the database: the chain grows for years.
    with db.session.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE}) as rows:
        for row in rows:
            seq, event_id, stored, *event = row
            yield Link(seq, event_id, bytes(stored), None if event[0] is None else _event(event))


def _event(columns: Row[Any] | Sequence[Any]) -> EventRow:
    return EventRow(*columns)


def _link_at(seq: int) -> Head | None:
    stored = db.session.scalar(select(EventSeal.hash).where(EventSeal.seq == seq))
    return None if stored is None else Head(seq, bytes(stored))


def lost(noted: Head) -> str | None:
    """What became of a head that was noted earlier, in words; None while the chain has it."""
    if noted == GENESIS:
        return None
    found = _link_at(noted.seq)
    if found is None:
        return say("the chain has no seal {seq} any more, which was noted as its head", seq=noted.seq)
    if found.hash != noted.hash:
        return say("seal {seq} has another hash than was noted: the chain was rewritten", seq=noted.seq)
    return None
