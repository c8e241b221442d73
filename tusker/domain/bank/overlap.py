"""Whether movements that look alike in two statements are the same ones.

The bank gives such movements no reference; they share account, day, direction, amount and all words. Only the
relation of the two statements can tell: one may contain all that the other has of the day, or they may not overlap.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Literal


@dataclass(frozen=True, slots=True)
class Span:
    """The period that a statement covers. `file` names the file it came in; balances are None when the bank gives
    none, times are aware."""

    file: str
    reference: str
    opened_on: date | None
    closed_on: date | None
    opening: int | None
    closing: int | None
    starts_at: datetime | None
    ends_at: datetime | None


class Relation(Enum):
    """The relation of two statements on one day: one contains all that the other has, none of it, or it cannot be
    told."""

    WITHIN = "within"
    APART = "apart"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Held:
    """A stored movement that looks the same: the relation of its statement to the new one, and whether it is booked
    for sure, waits for a person's decision, or was decided to be a copy of another."""

    relation: Relation
    standing: Literal["sure", "waiting", "copy"]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """How many of a statement's movements that look alike are stored already, may be, or are new for sure."""

    known: int
    doubtful: int
    new: int


def relation(one: Span, other: Span, day: date) -> Relation:
    """The relation of two statements of one account on a day on which both have movements."""
    same = _begin(one) == _begin(other)
    if one.file == other.file:
        # what a portal saved twice stands twice in one file; sheets of a workbook have no reference
        told = one.opening is not None and one.closing is not None
        again = same and told and (one.closed_on, one.closing) == (other.closed_on, other.closing)
        return Relation.WITHIN if again else Relation.APART
    if _before(one, other) or _before(other, one):
        return Relation.APART
    held = _holds(one, other, day) or _holds(other, one, day)
    return Relation.WITHIN if held or (same and one.reference) else Relation.UNCLEAR


def sort_out(count: int, held: Collection[Held]) -> Verdicts:
    """Judge `count` movements that look alike in a new statement by those that are stored.

    Two movements of one statement are two, so what exceeds all stored ones that may be the same is new for sure.
    """
    within = [each.standing for each in held if each.relation is Relation.WITHIN]
    # a copy stands for a stored movement, which may be among the sure ones
    known = min(count, max(within.count("sure"), within.count("copy")) + within.count("waiting"))
    maybe = sum(each.relation is Relation.UNCLEAR and each.standing != "copy" for each in held)
    doubtful = min(count - known, maybe)
    return Verdicts(known, doubtful, count - known - doubtful)


def _begin(span: Span) -> tuple[object, ...]:
    return span.reference, span.opened_on, span.opening


def _window(span: Span) -> tuple[datetime, datetime] | None:
    """The times, if they form a period at all."""
    if span.starts_at is None or span.ends_at is None or span.starts_at >= span.ends_at:
        return None
    return span.starts_at, span.ends_at


def _before(first: Span, second: Span) -> bool:
    """Whether the first ends before the second begins by their times, unless their balances contradict: two that
    begin at the same balance may begin at the same movement, whatever their times say."""
    earlier, later = _window(first), _window(second)
    if earlier is None or later is None or earlier[1] > later[0]:
        return False
    if first.opening is None or first.closing is None or second.opening is None:
        return False
    return first.closing == second.opening or first.opening != second.opening


def _holds(outer: Span, inner: Span, day: date) -> bool:
    """Whether one contains all that the other has of the day: the whole day, or the other's times within its own,
    unless balances at a common end contradict. Equal times say nothing: many banks write the whole day on every
    statement of it."""
    if outer.opened_on and outer.closed_on and outer.opened_on < day < outer.closed_on:
        return True
    wide, narrow = _window(outer), _window(inner)
    if (
        wide is None
        or narrow is None
        or wide == narrow
        or not (wide[0] <= narrow[0] and narrow[1] <= wide[1])
    ):
        return False
    from_start = wide[0] != narrow[0] or outer.opening == inner.opening
    to_end = wide[1] != narrow[1] or outer.closing == inner.closing
    return from_start and to_end
