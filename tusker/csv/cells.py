"""The one way to write CSV: no cell of it is run by a spreadsheet."""

import csv
from collections.abc import Iterable
from typing import Protocol

_STARTS_A_FORMULA = (*"=+-@＝＋－＠", "\t", "\r", "\n")


class _Writable(Protocol):
    def write(self, text: str, /) -> object: ...


def safe_cell(value: object) -> object:
    """The value as it may stand in a file: text that a spreadsheet would take for a formula gets an apostrophe.

    Numbers and dates are left alone: they are no text of anybody's. None is an empty cell.
    """
    if isinstance(value, str) and value.startswith(_STARTS_A_FORMULA):
        return f"'{value}"
    return "" if value is None else value


class SafeWriter:
    """Writes rows of which every cell, the header's too, went through `safe_cell`."""

    def __init__(self, out: _Writable, *, lineterminator: str = "\r\n", delimiter: str = ",") -> None:
        self._writer = csv.writer(out, lineterminator=lineterminator, delimiter=delimiter)

    def writerow(self, cells: Iterable[object]) -> None:
        self._writer.writerow([safe_cell(cell) for cell in cells])

    def writerows(self, rows: Iterable[Iterable[object]]) -> None:
        for row in rows:
            self.writerow(row)
