"""Rows of a text file with more cells than heads: a separator stands without quotes in a text or an amount."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from tusker.bankfiles.tables.cells.amounts import is_figure
from tusker.bankfiles.tables.columns.heads import Columns
from tusker.csv.tables import Cells, CsvRow
from tusker.messages import say

_GOES_ON = re.compile(r"(?:[0-9]{2}|[0-9]{3}(\.[0-9]{1,2})?)")
"""What stands behind a comma in an amount."""
_ZERO = "-0., "
"""What a cell for nothing is made of."""
_DECIMALS = re.compile(r"[0-9][.,]([0-9]{1,2})[^0-9]*$")


class Widths(NamedTuple):
    """The lines of rows that are too wide, and of those that may be torn or cut; `cut` is the last one where only its
    balance may be, because it has no decimals at all or the bank leaves zeros out. `doubt` where all are too wide."""

    too_wide: frozenset[int] = frozenset()
    torn: frozenset[int] = frozenset()
    cut: int | None = None
    doubt: str = ""


def widths_of(rows: Sequence[CsvRow], heads: Cells, delimiter: str, columns: Columns) -> Widths:
    """Which rows have more cells than there are heads, or than the other rows have; which of the others fill a column
    without a head or have an amount that may go on in the next cell."""
    usual = _most_common([len(row.cells) for row in rows])
    ends = [_end(row.cells) for row in rows]
    named, widest = _end(heads), max(len(heads), usual)
    alike = len({*ends}) == 1
    too_wide, torn = set(), set()
    for row, end in zip(rows, ends, strict=True):
        wide = len(row.cells)
        if wide > widest or (end > named and wide > usual) or (end > len(heads) and not alike):
            too_wide.add(row.line)
        elif end > named or (delimiter == "," and _may_be_torn(row.cells, columns, longer=wide > len(heads))):
            torn.add(row.line)
    cut, balance = None, columns.places.get("balance")
    if len(rows) > 1 and (at := _cut_at(rows, columns)) is not None:
        if at == balance and (not _fraction(rows[-1].cells[at]) or _leaves_zeros_out(rows, columns)):
            cut = rows[-1].line
        else:
            torn.add(rows[-1].line)
    elif len(rows) == 1 and balance is not None and len(rows[0].cells) <= balance:
        # no other row says how long it has to be
        torn.add(rows[0].line)
    doubt = say("Its rows have more cells than its heads.") if alike and ends[0] > len(heads) else ""
    return Widths(frozenset(too_wide), frozenset(torn), cut, doubt)


def _cut_at(rows: Sequence[CsvRow], columns: Columns) -> int | None:
    """The column with which the last row ends before the money that all others have, or with a figure of fewer decimals
    than all of theirs: a file that did not come whole."""
    *others, last = (row.cells for row in rows)
    at = len(last) - 1
    money = {columns.places.get(name) for name in ("amount", "debit", "credit", "balance")}
    if not money.isdisjoint(range(at + 1, min(map(len, others)))):
        return at
    if at not in money or not is_figure(last[at]) or not last[at].strip(_ZERO):
        return None
    theirs = {_fraction(cells[at]) for cells in others if len(cells) > at and cells[at].strip(_ZERO)}
    return at if len(theirs) == 1 and _fraction(last[at]) < theirs.pop() else None


def _leaves_zeros_out(rows: Sequence[CsvRow], columns: Columns) -> bool:
    """Whether a bank writes 0.5 for 0.50, by the amounts of its rows, of which the last one's balance says nothing."""
    places = [columns.places[name] for name in ("amount", "debit", "credit") if name in columns.places]
    return any(_fraction(row.cells[at]) == 1 for row in rows for at in places if at < len(row.cells))


def _fraction(cell: str) -> int:
    found = _DECIMALS.search(cell)
    return len(found[1]) if found else 0


def _end(cells: Cells) -> int:
    """How many cells there are up to the last one that holds anything."""
    if cells and cells[-1]:
        return len(cells)
    return next((at for at in range(len(cells), 0, -1) if cells[at - 1]), 0)


def _most_common(lengths: Sequence[int]) -> int:
    counted = Counter(lengths)
    return min(counted, key=lambda length: (-counted[length], length), default=0)


def _may_be_torn(cells: Cells, columns: Columns, *, longer: bool) -> bool:
    """Whether an amount goes on in the cell behind it: 1 and 000.00."""
    for name in ("amount", "debit", "credit"):
        place = columns.places.get(name)
        if place is not None and place + 1 < len(cells) and cells[place].lstrip("-").isdigit():
            found = _GOES_ON.fullmatch(cells[place + 1])
            if found and (longer or (found[1] and cells[place].strip(_ZERO))):
                return True
    return False
