"""The balances beside a table's rows: in which order the rows were booked, and whether the balances bear them out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple


class Balanced(NamedTuple):
    """A row that was read: what it adds to the balance, and the balance after it where the bank writes one.

    `apart` when a row that could not be read stands before it.
    """

    line: int
    day: date
    signed: int
    balance: int | None
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Chain:
    """What the balances say: opening and closing one where all follow, the lines that they prove, those whose opposite
    they say, and whether anything does not follow."""

    opening: int | None
    closing: int | None
    proven: frozenset[int]
    opposed: tuple[int, ...]
    broken: bool


def follow(rows: Sequence[Balanced], opening: int | None) -> Chain:
    """Follow the balances from the oldest row on. `opening` is the balance before it, where the bank writes that.

    The days say whether the oldest row stands first or last; where they do not, the balances do.
    """
    if not any(row.balance is not None for row in rows):
        return Chain(None, None, frozenset(), (), broken=False)
    days = [row.day for row in rows]
    ordered = sorted(days)
    rises, falls = days == ordered, days == ordered[::-1]
    if falls and not rises:
        return _walk(rows[::-1], opening, turned=True)
    forward = _walk(rows, opening)
    if rises and not falls:
        return forward
    backward = _walk(rows[::-1], opening, turned=True)
    return backward if forward.broken and len(backward.proven) > len(forward.proven) else forward


def _walk(rows: Sequence[Balanced], opening: int | None, *, turned: bool = False) -> Chain:
    proven, opposed, broken = set(), [], False
    before = opening
    waiting: list[int] = []  # rows since then
    moves = 0
    whole = all(row.balance is not None for row in rows) and not any(row.apart for row in rows)
    for place, row in enumerate(rows):
        cut = rows[place - 1].apart if turned and place else (row.apart and not turned)
        if cut:
            before = None
        moves += row.signed
        waiting.append(row.line)
        if row.balance is None:
            continue
        if before is not None:
            moved = row.balance - before
            if moved == moves:
                proven.update(waiting)
            else:
                broken = True
                if moved == -moves and len(waiting) == 1:
                    opposed.append(row.line)
        before, moves, waiting = row.balance, 0, []
    first, last = rows[0], rows[-1]
    if broken or not whole or first.balance is None:
        return Chain(None, None, frozenset(proven), tuple(opposed), broken)
    return Chain(first.balance - first.signed, last.balance, frozenset(proven), (), broken=False)
