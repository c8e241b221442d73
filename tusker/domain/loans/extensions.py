"""Moving a loan's due date: which date holds then, and for which days no interest is charged."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

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
