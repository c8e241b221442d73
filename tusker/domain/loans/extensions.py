"""Relief on a loan: which due date holds after moves, for which days no interest is charged, and how much may be given
up."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from tusker.domain.money import round_minor

Span = tuple[date, date]
"""The days after the first date up to and including the second."""


@dataclass(frozen=True, slots=True)
class DueMove:
    """A due date is moved to another, with or without interest for the days between."""

    due: date
    with_interest: bool = True


def after_moves(due: date, moves: Iterable[DueMove]) -> tuple[date, tuple[Span, ...]]:
    """The due date after moves, the oldest first, and the spans without interest, in order.

    A move without interest leaves out the days from the due date before it to its own. One to an earlier day ends what
    is left out there: no span reaches beyond the due date.
    """
    spans: list[Span] = []
    for move in moves:
        spans = [(since, min(until, move.due)) for since, until in spans if since < move.due]
        if not move.with_interest and move.due > due:
            spans.append((due, move.due))
        due = move.due
    return due, tuple(spans)


def outside(since: date, until: date, spans: Sequence[Span]) -> Iterator[Span]:
    """The parts of the days from `since` to `until` that lie in none of the spans, which are in order."""
    for start, end in spans:
        if min(start, until) > since:
            yield since, min(start, until)
        since = max(since, end)
    if until > since:
        yield since, until


@dataclass(frozen=True, slots=True)
class ReliefLimits:
    """An installation's limits. `alone` is the sum in minor units that one admin may give up on a loan alone, `most`
    the part of its principal that may be given up at all, `most_days` by how much its first due date may be moved."""

    alone: int
    most: Decimal
    most_days: int

    def needs_second(self, given: int) -> bool:
        """Whether so much given up on a loan in all is too much for one admin alone; with `alone` = 0 any relief is."""
        return self.alone == 0 or given > self.alone

    def most_on(self, principal: int) -> int:
        """What may be given up on a loan in all, in minor units."""
        return round_minor(self.most * principal)
