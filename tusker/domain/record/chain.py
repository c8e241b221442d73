"""The hash chain over the event rows: what a link is made of, and where a chain breaks first.

The hash of a link is SHA-256 over four lines of UTF-8 text, joined by a line feed and without one at the end:

1. ``tusker event chain 1``
2. the hash before it in lower-case hex; before the first link that is 64 zeros
3. `seq` in decimal: 1, 2, 3 …
4. the event's row as JSON: keys sorted, no spaces, everything but ASCII escaped as ``\\uXXXX``. The keys are the
   columns of `events`. `id`, `actor_id` and `subject_id` are numbers, an absent value is null, the rest are strings:
   `at` in UTC as ``2026-03-02T06:30:00.000000+00:00``, and `data` as the text that PostgreSQL shows for it
   (``data::text``), digit for digit, so that no figure ever passes through a float.

So an auditor recomputes it without this code. `rows` are the events in the order of their seals, as dicts, `at` and
`data` written as said::

    import hashlib, json
    previous = "0" * 64
    for seq, row in enumerate(rows, 1):
        text = json.dumps(row, sort_keys=True, separators=(",", ":"))
        lines = ["tusker event chain 1", previous, str(seq), text]
        previous = hashlib.sha256("\\n".join(lines).encode()).hexdigest()
    print(seq, previous)  # must be the head
"""

import hashlib
import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from tusker.domain.status import Worded
from tusker.messages import say

PREFIX = "tusker event chain 1"
"""The version of the recipe: another recipe gets another prefix, so that no hash means two things."""


@dataclass(frozen=True, slots=True)
class Head:
    """A link's number and hash; what is noted outside, to be found in the chain later."""

    seq: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash.hex()}"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A head up to which all was found whole, and when all links were walked last."""

    head: Head
    walked_at: datetime

    def signature(self, key: bytes) -> bytes:
        """HMAC-SHA256 of the checkpoint: nobody who has the database alone can make another one."""
        at = self.walked_at.astimezone(UTC).isoformat(timespec="microseconds")
        return hmac.digest(key, f"tusker checkpoint 1\n{self.head}\n{at}".encode(), "sha256")


GENESIS = Head(0, bytes(32))
"""What the first link follows."""


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event as it stands in its table. `data` is the JSON text; `at` is None where no datetime can hold it."""

    id: int
    at: datetime | None
    actor_id: int | None
    actor: str
    subject: str
    subject_id: int
    kind: str
    from_value: str | None
    to_value: str | None
    reason: str
    data: str


@dataclass(frozen=True, slots=True)
class Link:
    """A stored link and the event that it seals; no row where that event is gone."""

    seq: int
    event_id: int
    hash: bytes
    row: EventRow | None


class Fault(Worded):
    """What can be wrong with a link. The second looks the same as the first: each is one link that does not follow,
    between links that do."""

    ROW_CHANGED = (
        "row changed",
        say("the event's row is not the one that was sealed (or the one before was changed with its seal)"),
    )
    ROW_MISSING = "row missing", say("the sealed event's row is missing")
    LINK = (
        "link does not follow",
        say("its hash does not follow from the link before it and the event's row"),
    )
    GAP = "gap in the sequence", say("the link is missing, and the chain goes on after it")


@dataclass(frozen=True, slots=True)
class Break:
    """The first thing that is wrong with a chain. `event_id` is unknown where the link itself is gone."""

    seq: int
    event_id: int | None
    fault: Fault


def canonical(row: EventRow) -> str:
    """The row as the one text that is hashed."""
    at = None if row.at is None else row.at.astimezone(UTC).isoformat(timespec="microseconds")
    columns = {
        "id": row.id,
        "at": at,
        "actor_id": row.actor_id,
        "actor": row.actor,
        "subject": row.subject,
        "subject_id": row.subject_id,
        "kind": row.kind,
        "from_value": row.from_value,
        "to_value": row.to_value,
        "reason": row.reason,
        "data": row.data,
    }
    return json.dumps(columns, sort_keys=True, separators=(",", ":"))


def link(previous: bytes, seq: int, row: EventRow) -> bytes:
    """The hash of the link `seq` after the hash `previous`."""
    lines = (PREFIX, previous.hex(), str(seq), canonical(row))
    return hashlib.sha256("\n".join(lines).encode()).digest()


def check(links: Iterable[Link], start: Head = GENESIS) -> tuple[Head, Break | None]:
    """Walk links by ascending `seq` from `start`: the last good link, and what is wrong after it, if anything."""
    head = start
    wrong: Link | None = None
    for found in links:
        fault = _fault(found, wrong or head)
        if wrong is not None:
            # Only the next link shows what was tampered with: if it follows from this hash, the row was changed.
            changed = Fault.ROW_CHANGED if fault is None else Fault.LINK
            return head, Break(wrong.seq, wrong.event_id, changed)
        if fault is Fault.GAP:
            return head, Break(head.seq + 1, None, fault)
        if fault is Fault.ROW_MISSING:
            return head, Break(found.seq, found.event_id, fault)
        if fault is Fault.LINK:
            wrong = found
        else:
            head = Head(found.seq, found.hash)
    return head, Break(wrong.seq, wrong.event_id, Fault.LINK) if wrong else None


def _fault(found: Link, before: Head | Link) -> Fault | None:
    if found.seq != before.seq + 1:
        return Fault.GAP
    if found.row is None:
        return Fault.ROW_MISSING
    return None if link(before.hash, found.seq, found.row) == found.hash else Fault.LINK
