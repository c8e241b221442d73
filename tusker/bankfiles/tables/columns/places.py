"""Tables without any heads: their columns are known by their places and by what stands in them."""

import re
from collections.abc import Iterable, Sequence

from tusker.bankfiles.formats import Profile
from tusker.bankfiles.tables.cells.amounts import is_figure, is_nothing
from tusker.bankfiles.tables.cells.days import is_day
from tusker.csv.tables import CsvRow, CsvTable, Grid
from tusker.messages import say

_ABOVE = 20
"""Rows above such a table at most."""
_LOOKED_AT = 200
_HEAD = re.compile(r"Column [0-9]+ \((day|amount|text|empty)\)")
_FRACTION = re.compile(r"[.,][0-9]{2}(?![0-9])")


def stands_for_heads(heads: Sequence[str]) -> bool:
    """Whether these heads were made for a table without any."""
    return bool(heads) and all(map(_HEAD.fullmatch, heads))


def without_heads(grid: Grid) -> CsvTable | None:
    """The table in a grid that has movements but no heads, which are made: Column 1 (day); None where there is none."""
    for place, row in enumerate(grid.rows[:_ABOVE]):
        rows = grid.rows[place:]
        width = len(row.cells)
        if width < 3 or not moves(row):
            continue
        alike = [other for other in rows if len(other.cells) == width and moves(other)]
        if len(alike) * 2 <= len(rows):
            return None
        heads = tuple(
            say("Column {number} ({kind})", number=at + 1, kind=_kind(alike, at)) for at in range(width)
        )
        return CsvTable(heads, rows, grid.delimiter, above=grid.rows[:place])
    return None


def known_by_place(grids: Iterable[Grid], profiles: Sequence[Profile]) -> tuple[CsvTable, Profile] | None:
    """A table without heads of which a person said before what its columns are, with what was said; a column that is
    empty now may be any."""
    for table in filter(None, map(without_heads, grids)):
        for profile in profiles:
            if stands_for_heads(profile.heads) and len(profile.heads) == len(table.header):
                columns = zip(table.header, profile.heads, profile.fields, strict=True)
                if all(_fits(head, known, field) for head, known, field in columns):
                    return table, profile
    return None


def _fits(head: str, known: str, field: str) -> bool:
    return head == known or "(empty)" in head or (not field and "(empty)" in known)


def moves(row: CsvRow) -> bool:
    """Whether a row has a day and a figure, as movements have."""
    return any(map(is_day, row.cells)) and any(is_figure(cell) and not is_day(cell) for cell in row.cells)


def _kind(rows: Sequence[CsvRow], place: int) -> str:
    cells = [row.cells[place] for row in rows[:_LOOKED_AT] if not is_nothing(row.cells[place])]
    if not cells:
        return say("empty")
    if all(map(is_day, cells)):
        return say("day")
    amounts = all(map(is_figure, cells)) and any(map(_FRACTION.search, cells))
    return say("amount") if amounts else say("text")
