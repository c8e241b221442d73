"""Statements as tables, from CSV or a spreadsheet: columns known by their heads, days and amounts by their shape."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tusker.bankfiles.formats import Reading
from tusker.bankfiles.movements import (
    LONGEST,
    Raw,
    Skip,
    finished,
    given,
    limited,
    refuse_if_nothing_was_read,
)
from tusker.bankfiles.table_amounts import Mark, decimal_mark, is_figure, is_nothing, read_amount
from tusker.bankfiles.table_balances import Balanced, follow
from tusker.bankfiles.table_days import Days, check_date_format, days_of, is_day
from tusker.bankfiles.table_heads import VARIABLE, Columns, columns_of, may_be_heads, parse_columns
from tusker.bankfiles.table_labels import (
    OPENING,
    Named,
    account_around,
    account_in,
    lone_number,
    opening_around,
    the_one,
)
from tusker.bankfiles.table_sides import Contradiction, Figure, Sides, is_said, said
from tusker.bankfiles.texts import kept
from tusker.csv_tables import MAX_ROWS, Cells, CsvRow, CsvTable, Grid, find_table
from tusker.domain.banking import BALANCE_REMARK, Direction, Statement, StatementFile
from tusker.errors import UnreadableFile

_MONEY = ("amount", "debit", "credit")
_MOST_DOUBTS = 3


def read_tables(
    grids: Iterable[Grid], reading: Reading, format_: str, *, typed: bool = False
) -> StatementFile:
    """Read the first grid that has a table of movements; `typed` ones come from a spreadsheet's sheets, all are read.

    Rows that cannot be read are skipped and named with their line in `Statement.skipped`. Raises `InvalidInput` with
    the field `file` when there is no such table or none of its rows can be read, and with the variable's name when
    the configuration is wrong.
    """
    chosen = parse_columns(reading.csv_columns)
    if reading.csv_date_format:
        check_date_format(reading.csv_date_format)

    def is_header(cells: Cells) -> bool:
        return may_be_heads(cells, reading.currency, chosen)

    seen: list[Grid] = []
    tables: list[CsvTable] = []
    for grid in grids:
        if table := find_table(grid, is_header):
            tables.append(table)
            if not typed:
                break
        seen.append(grid)
    if not tables:
        raise UnreadableFile(_unknown_heads(seen))
    if not any(table.rows for table in tables):
        raise UnreadableFile("The file has a header but no rows.")
    read = [_read_table(table, reading, chosen, typed=typed) for table in tables if table.rows]
    refuse_if_nothing_was_read(
        sum(len(statement.entries) for statement in read),
        [note for statement in read for note in statement.skipped],
    )
    return StatementFile(format_, tuple(read))


def _unknown_heads(grids: Sequence[Grid]) -> str:
    """What is wrong with a file without known heads, naming those that it seems to have."""
    rows = [record.cells for grid in grids for record in grid.rows[:60]]
    words = [[cell for cell in cells if cell and not is_figure(cell)] for cells in rows]
    best = max(words, key=len, default=[])
    named = f" Its heads may be: {kept(', '.join(best), 300)}." if len(best) > 2 else ""
    return (
        "The file has no header with a date and an amount (or debit and credit) column that is known."
        f"{named} Name the bank's columns in {VARIABLE}."
    )


def _read_table(table: CsvTable, reading: Reading, chosen: dict[str, str], *, typed: bool) -> Statement:
    rows = [row for row in table.rows if _says_anything(row.cells) and row.cells != table.header]
    columns = columns_of(table.header, [row.cells for row in rows], reading.currency, chosen, is_figure)
    if not columns.complete:
        raise UnreadableFile(_unknown_heads([Grid((CsvRow(0, table.header),), table.delimiter)]))
    movements, around = _parted(rows, columns)
    if len(movements) > MAX_ROWS:
        raise UnreadableFile(f"The file has more than {MAX_ROWS:,} rows; split it.")
    reader = _Reader(columns, movements, reading, _mark(columns, movements, reading, table.delimiter))
    reader.days = days_of(
        {name: reader.column(name) for name in ("booked_on", "value_date") if name in columns.places},
        columns.shapes,
        reading.csv_date_format,
        typed=typed,
    )
    account = _account(table.above, around, reader.column("own_account"), reading)
    if account is None and (lone := lone_number(table.above, reading.own)):
        if lone.number in reading.own:
            account = lone
        else:
            reader.doubts.append(f"“{lone.number}” above the table may be another account's number.")
    return reader.statement(account, opening_around([*table.above, *around]))


def _says_anything(cells: Cells) -> bool:
    """Whether a row is more than a line of asterisks or dashes."""
    return any(character.isalnum() for cell in cells for character in cell)


def _parted(rows: Sequence[CsvRow], columns: Columns) -> tuple[list[CsvRow], list[CsvRow]]:
    """The rows of movements, and those between and below them that are none: sums, balances, sentences."""
    name = "booked_on" if "booked_on" in columns.places else "value_date"

    def dated(row: CsvRow) -> bool:
        return is_day(columns.cell(row.cells, name)) or is_day(columns.cell(row.cells, "value_date"))

    last = max((place for place, row in enumerate(rows) if dated(row)), default=len(rows))
    movements: list[CsvRow] = []
    around: list[CsvRow] = []
    below = False
    for place, row in enumerate(rows):
        moves = any(not is_nothing(columns.cell(row.cells, money)) for money in _MONEY)
        below = below or (place > last and not moves)
        rest = not moves and (not dated(row) or any(OPENING.search(cell) for cell in row.cells))
        (around if below or rest else movements).append(row)
    return movements, around


def _mark(columns: Columns, rows: Sequence[CsvRow], reading: Reading, delimiter: str) -> Mark:
    figures = (columns.cell(row.cells, name) for row in rows for name in (*_MONEY, "balance"))
    default: Mark = "," if delimiter == ";" else "."
    return decimal_mark(filter(None, figures), reading.currency, reading.exponent, default=default)


def _account(
    above: Sequence[CsvRow], around: Sequence[CsvRow], cells: Sequence[str], reading: Reading
) -> Named | None:
    named = account_around(above, around, reading.own, reading.currency)
    in_rows = account_in(cells, reading.own, reading.currency)
    return the_one([each for each in (named, in_rows) if each is not None], reading.own)


@dataclass(slots=True)
class _Reader:
    """Reads the rows of one table, and notes what was left out and what a person has to look at."""

    columns: Columns
    rows: Sequence[CsvRow]
    reading: Reading
    mark: Mark
    days: dict[str, Days] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    def statement(self, account: Named | None, opening: str) -> Statement:
        number = account.number if account else self.reading.account
        if account and account.masked and account.number != account.masked:
            self.doubts.append(
                f"It shows only {account.masked} of the account, which was taken for {number}."
            )
        sides, figures = self.sides()
        raws: list[Raw] = []
        balanced: list[Balanced] = []
        turned: list[int] = []
        apart = False
        for row, figure in zip(self.rows, figures, strict=True):
            try:
                signed, turns = self.signed(row, figure, sides)
                raws.append(self.movement(row.cells, signed))
            except Skip as skip:
                self.skip(row.line, skip)
                apart = True
                continue
            balanced.append(Balanced(row.line, raws[-1].booked_on, signed, self.balance(row.cells), apart))
            turned += [row.line] * turns
            apart = False
        ends = self.check(balanced, opening, turned, sides)
        days = sorted(raw.booked_on for raw in raws)
        return Statement(
            reference="",
            account=kept(number, LONGEST["reference"]),
            currency=self.reading.currency,
            opened_on=days[0] if days else None,
            closed_on=days[-1] if days else None,
            opening_balance=ends[0],
            closing_balance=ends[1],
            entries=finished(raws, number),
            skipped=limited(self.notes),
            account_named=account is not None,
            doubt=kept(" ".join(self.doubts[:_MOST_DOUBTS]), LONGEST["reason"]),
        )

    def skip(self, line: int, skip: Skip) -> None:
        self.notes.append(f"Line {line}: {skip}; skipped.")
        if isinstance(skip, Contradiction):
            self.doubts.append(f"Line {line}: {skip}.")

    def column(self, name: str) -> list[str]:
        return [text for row in self.rows if (text := self.columns.cell(row.cells, name))]

    def sides(self) -> tuple[Sides, list[Figure | Skip]]:
        """How the file writes directions, and the figure of each row or why it has none."""
        figures: list[Figure | Skip] = []
        for row in self.rows:
            try:
                figures.append(self.figure(row.cells))
            except Skip as skip:
                figures.append(skip)
        read = [figure for figure in figures if isinstance(figure, Figure)]
        spoken = [said(self.columns.cell(row.cells, "direction")) for row in self.rows]
        marked = any(spoken) or (
            "direction" in self.columns.places
            and not self.columns.two_sided
            and not any(figure.side or figure.amount < 0 or "+" in figure.text for figure in read)
        )
        if not marked and not any(is_said(text) for text in self.column("direction")):
            # a column "Type" that says NEFT or UPI says nothing of the direction
            self.columns = Columns(
                {name: place for name, place in self.columns.places.items() if name != "direction"},
                self.columns.shapes,
            )
        judged = [
            Figure(figure.amount, figure.side or way, figure.text)
            for figure, way in zip(figures, spoken, strict=True)
            if isinstance(figure, Figure)
        ]
        return Sides.of(judged, marked=marked), figures

    def figure(self, cells: Cells) -> Figure:
        """The amount of a row as written; raises `Skip` when there is none, or one on both sides."""
        if not self.columns.two_sided:
            text = self.columns.cell(cells, "amount")
            if is_nothing(text):
                raise Skip("no amount")
            return self.marked(text)
        found = [
            (side, figure)
            for side in ("debit", "credit")
            if (figure := self.one_side(self.columns.cell(cells, side), side)) is not None
        ]
        if len(found) > 1:
            raise Contradiction("it has both a debit and a credit")
        if not found:
            raise Skip("no amount")
        return found[0][1]

    def marked(self, text: str) -> Figure:
        amount, mark = read_amount(text, self.mark, self.reading.currency, self.reading.exponent)
        if amount == 0:
            raise Skip("its amount is zero")
        side: Direction | None = {"CR": "credit", "DR": "debit"}.get(mark)  # type: ignore[assignment]
        return Figure(amount, side, text)

    def one_side(self, text: str, side: Direction) -> Figure | None:
        if is_nothing(text):
            return None
        amount, mark = read_amount(text, self.mark, self.reading.currency, self.reading.exponent)
        if mark and mark[0].lower() != side[0]:
            raise Contradiction(f"“{kept(text, 30)}” stands in the column of the {side}s")
        return Figure(amount, side, text) if amount else None

    def signed(self, row: CsvRow, figure: Figure | Skip, sides: Sides) -> tuple[int, bool]:
        """What a row adds to the balance, and whether its sign turned its side; raises `Skip`."""
        if isinstance(figure, Skip):
            raise figure
        words = self.columns.cell(row.cells, "direction")
        if self.columns.two_sided and words and not is_said(words):
            words = ""
        return sides.signed_amount(figure, words)

    def movement(self, cells: Cells, signed: int) -> Raw:
        cell = self.columns.cell
        stated = cell(cells, "currency").upper()
        if stated and stated != self.reading.currency:
            raise Skip(f"it is in {kept(stated, 10)}, not {self.reading.currency}")
        booked, valued = cell(cells, "booked_on"), cell(cells, "value_date")
        if not booked and not valued:
            raise Skip("no date")
        value_day = self.days["value_date"].read(valued) if valued and valued != "-" else None
        day = self.days["booked_on"].read(booked) if booked else value_day
        texts: dict[str, Any] = {
            "bank_reference": given(cell(cells, "bank_reference").lstrip("'")),
            "end_to_end_id": given(cell(cells, "end_to_end_id")),
            "counterparty": kept(cell(cells, "counterparty"), LONGEST["party"]),
            "counterparty_account": kept(
                cell(cells, "counterparty_account").lstrip("'"), LONGEST["reference"]
            ),
            "remittance": kept(cell(cells, "remittance"), LONGEST["remittance"]),
        }
        if day is None:
            raise Skip("no date")
        side: Direction = "credit" if signed > 0 else "debit"
        reason = kept(cell(cells, "return_reason"), LONGEST["reason"]) or None
        # a "reference" of a table may be a cheque's number or a customer's: everything together tells rows apart
        identity = tuple(texts.values())
        return Raw(side, abs(signed), day, value_day or day, **texts, return_reason=reason, identity=identity)

    def balance(self, cells: Cells) -> int | None:
        text = self.columns.cell(cells, "balance")
        return self.balance_of(text, self.columns.cell(cells, "balance_side")) if text else None

    def balance_of(self, text: str, word: str = "") -> int | None:
        try:
            balance, side = read_amount(text, self.mark, self.reading.currency, self.reading.exponent)
        except Skip:
            return None
        overdrawn = side == "DR" or (not side and said(word) == "debit")
        return -abs(balance) if overdrawn else balance

    def check(
        self, rows: Sequence[Balanced], opening: str, turned: Sequence[int], sides: Sides
    ) -> tuple[int | None, int | None]:
        """The balances at both ends; notes where they do not follow, and doubts where they speak against a row or do
        not bear out what its sign alone says."""
        if not rows:
            return None, None
        chain = follow(rows, self.balance_of(opening) if opening else None)
        if chain.broken:
            self.notes.insert(
                0, f"{BALANCE_REMARK} column does not follow from the rows; a row may be missing."
            )
        for line in chain.opposed:
            self.doubts.append(f"{BALANCE_REMARK} says the opposite of what line {line} says.")
        for line in turned:
            if line not in chain.proven:
                self.doubts.append(f"Line {line} has a minus against its side and was read as a reversal.")
        told = self.columns.two_sided or sides.needs_mark or sides.signed
        if not told and len(chain.proven) < max(len(rows) - 1, 1):
            self.doubts.append(
                "Nothing in it says whether money came in or left; it was taken as money that came in."
            )
        return chain.opening, chain.closing
