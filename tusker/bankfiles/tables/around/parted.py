"""Which rows of a table are movements, and which stand around them: heads again, sums, balances, sentences."""

from collections.abc import Sequence
from itertools import chain, pairwise, takewhile

from tusker.bankfiles.tables.around.apart import OPENING, LeftOut, kind_of, same_figure
from tusker.bankfiles.tables.cells.amounts import is_nothing
from tusker.bankfiles.tables.cells.days import is_day
from tusker.bankfiles.tables.columns.heads import Columns, may_be_heads
from tusker.bankfiles.tables.columns.meanings import meaning
from tusker.bankfiles.tables.columns.places import moves
from tusker.csv.tables import Cells, CsvRow, CsvTable
from tusker.errors import UnreadableFile

MONEY = ("amount", "debit", "credit")
_OF_SUMS = ("bal", "b/f", "c/f", "forward", "fwd", "over", "sald", "solde", "total", "gesamt", "summe")
"""Without any of these a row is neither a sum nor carries a balance over."""


def paged(table: CsvTable, currency: str, chosen: dict[str, str]) -> tuple[list[CsvRow], list[list[CsvRow]]]:
    """The rows that say anything, without heads that are repeated, and what stands above each of these.

    Raises `UnreadableFile` for heads of another table.
    """
    words = {cell.casefold() for cell in table.header if cell}
    names = [meaning(cell, currency, chosen) for cell in table.header]
    rows: list[CsvRow] = []
    pages: list[list[CsvRow]] = []
    for row in table.rows:
        repeats = row.cells == table.header
        if not repeats and any(cell.casefold() in words for cell in row.cells[:3] if cell):
            repeats = may_be_heads(row.cells, currency, chosen)
            if repeats and [meaning(cell, currency, chosen) for cell in row.cells] != names:
                raise UnreadableFile(
                    "The file holds two tables with different heads (the second in line {line}); split it.",
                    line=row.line,
                )
        if repeats:
            pages.append([*takewhile(lambda each: not moves(each), reversed(rows))])
        elif _says_anything(row.cells):
            rows.append(row)
    return rows, pages


def _says_anything(cells: Cells) -> bool:
    """Whether a row is more than a line of asterisks or dashes."""
    return any(map(str.isalnum, "".join(cells)))


def parted(
    rows: Sequence[CsvRow], columns: Columns, currency: str
) -> tuple[list[CsvRow], list[CsvRow], list[LeftOut]]:
    """The rows of movements; those between and below them that are none: sums, balances, sentences; and which of these
    have a day and an amount."""
    days_in, money_in = columns.cells("booked_on", "value_date"), columns.cells(*MONEY)
    dated = [any(map(is_day, filter(None, days_in(row.cells)))) for row in rows]
    last = max((place for place, is_dated in enumerate(dated) if is_dated), default=len(rows))
    balanced = sum(bool(columns.cell(row.cells, "balance")) for row in rows) * 2 >= sum(dated)
    movements: list[CsvRow] = []
    around: list[CsvRow] = []
    left_out: list[LeftOut] = []
    below = False
    for place, row in enumerate(rows):
        money = [text for text in money_in(row.cells) if text and not is_nothing(text) and text.strip("0.,")]
        below = below or (place > last and (not money or len(money) > 1))
        kind = None
        words = " ".join(row.cells).casefold()
        if any(map(words.__contains__, _OF_SUMS)):
            kind = kind_of(row, columns, money, dated=dated[place], balanced=balanced)
        if below or kind or not (money or dated[place]):
            if movements and place < last and _continues(row, columns):
                movements[-1] = _joined(movements[-1], row, columns.places["remittance"])
                continue
            around.append(row)
            carried = len(money) == 1 and same_figure(money[0], columns.cell(row.cells, "balance"), currency)
            if kind and money and dated[place] and (kind == "sum" or not carried):
                told = zip(MONEY, money_in(row.cells), strict=True)
                left_out.append(LeftOut(row.line, kind, tuple(pair for pair in told if pair[1] in money)))
        else:
            movements.append(row)
    return movements, around, left_out


def _continues(row: CsvRow, columns: Columns) -> bool:
    """Whether a row only goes on with the text of the one before it."""
    filled = {place for place, cell in enumerate(row.cells) if cell}
    return filled == {columns.places.get("remittance")}


def texts_stand_above(rows: Sequence[CsvRow], movements: Sequence[CsvRow], columns: Columns) -> bool:
    """Whether a row of text alone, other than an opening balance, stands right above each movement, so that it may
    belong to it."""
    lines = {row.line for row in movements}
    started = rows[1:] if rows and OPENING.search(" ".join(rows[0].cells)) else rows
    pairs = pairwise(chain([CsvRow(0, ())], started))
    return len(lines) > 1 and all(_continues(above, columns) for above, row in pairs if row.line in lines)


def _joined(row: CsvRow, more: CsvRow, place: int) -> CsvRow:
    cells = [*row.cells, *[""] * (place + 1 - len(row.cells))]
    cells[place] = f"{cells[place]} {more.cells[place]}".strip()
    return CsvRow(row.line, tuple(cells))
