"""Statements as tables, from CSV or a spreadsheet: columns known by their heads, days and amounts by their shape."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from itertools import chain, pairwise, takewhile

from tusker.bankfiles.formats import Profile, Reading
from tusker.bankfiles.movements import refuse_if_nothing_was_read
from tusker.bankfiles.tables.around.account_numbers import Named, resolved, the_one
from tusker.bankfiles.tables.around.apart import OPENING, LeftOut, kind_of, same_figure
from tusker.bankfiles.tables.around.labels import (
    account_around,
    account_in,
    lone_number,
    opening_around,
    strange_number,
)
from tusker.bankfiles.tables.cells.amounts import (
    Mark,
    decimal_mark,
    is_figure,
    is_nothing,
    marks_of_either,
    votes_for_marks,
)
from tusker.bankfiles.tables.cells.days import check_date_format, days_of, is_day, period_in
from tusker.bankfiles.tables.columns.contents import constant_account
from tusker.bankfiles.tables.columns.heads import (
    VARIABLE,
    Columns,
    columns_of,
    is_ledger,
    joined_heads,
    may_be_heads,
    parse_columns,
)
from tusker.bankfiles.tables.columns.meanings import meaning
from tusker.bankfiles.tables.columns.places import known_by_place, moves, stands_for_heads
from tusker.bankfiles.tables.columns.profiles import columns_by, key_of, outline_of
from tusker.bankfiles.tables.rows import TableReader
from tusker.bankfiles.tables.widths import widths_of
from tusker.bankfiles.texts import kept
from tusker.csv.tables import MAX_ROWS, Cells, CsvRow, CsvTable, Grid, find_table
from tusker.domain.bank.banking import Statement, StatementFile
from tusker.errors import UnknownHeads, UnreadableFile
from tusker.messages import joined, say

_MONEY = ("amount", "debit", "credit")
_OF_SUMS = ("bal", "b/f", "c/f", "forward", "fwd", "over", "sald", "solde", "total", "gesamt", "summe")
"""Without any of these a row is neither a sum nor carries a balance over."""
_ENOUGH = 5_000
"""Rows whose figures say what the decimal mark of the file is."""


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

    profiles = {key_of(profile.heads): profile for profile in reading.profiles}

    def is_header(cells: Cells) -> bool:
        return key_of(cells) in profiles or may_be_heads(cells, reading.currency, chosen)

    seen: list[Grid] = []
    tables: list[CsvTable] = []
    for each_grid in grids:
        grid = joined_heads(each_grid, is_header, reading.currency)
        if table := find_table(grid, is_header):
            tables.append(table)
            if not typed:
                break
        seen.append(grid)
    if not tables:
        if found := known_by_place(seen, reading.profiles):
            read = _read_table(found[0], reading, chosen, found[1], typed=typed)
            refuse_if_nothing_was_read(len(read.entries), read.skipped)
            return StatementFile(format_, (read,))
        raise _unknown_heads(seen)
    if not any(table.rows for table in tables):
        raise UnreadableFile(say("The file has a header but no rows."))
    each = [
        _read_table(table, reading, chosen, profiles.get(key_of(table.header)), typed=typed)
        for table in tables
        if table.rows
    ]
    refuse_if_nothing_was_read(
        sum(len(statement.entries) for statement in each),
        [note for statement in each for note in statement.skipped],
    )
    return StatementFile(format_, tuple(each))


def _unknown_heads(grids: Sequence[Grid]) -> UnreadableFile:
    """What is wrong with a file without known heads, naming those that it seems to have: a person may say what they
    mean, where it looks like a table."""
    rows = [record.cells for grid in grids for record in grid.rows[:60]]
    words = [[cell for cell in cells if cell and not is_figure(cell)] for cells in rows]
    best = max(words, key=len, default=[])
    problem = say(
        "The file has no header with a date and an amount (or debit and credit) column that is known."
    )
    if len(best) > 2:
        problem = joined([problem, say("Its heads may be: {heads}.", heads=kept(", ".join(best), 300))], " ")
    if outline_of(grids) is None:
        return UnreadableFile(
            say(
                "{problem} Name the bank's columns in {variable}.",
                problem=problem,
                variable=VARIABLE,
            )
        )
    return UnknownHeads(
        say(
            "{problem} Say on its page what its columns are, or in {variable}.",
            problem=problem,
            variable=VARIABLE,
        )
    )


def _read_table(
    table: CsvTable, reading: Reading, chosen: dict[str, str], profile: Profile | None, *, typed: bool
) -> Statement:
    if profile is None and is_ledger(table.header):
        raise UnknownHeads(
            say(
                "The file looks like a ledger of an accounting program, whose debits are what came "
                "in. Say on its page what its columns are."
            )
        )
    rows, pages = _paged(table, reading.currency, chosen)
    columns = (
        columns_by(profile)
        if profile
        else columns_of(table.header, [row.cells for row in rows], reading.currency, chosen, reading.is_ours)
    )
    if not columns.complete:
        raise _unknown_heads([Grid((CsvRow(0, table.header), *table.rows), table.delimiter)])
    movements, around, left_out = _parted(rows, columns, reading.currency)
    if len(movements) > MAX_ROWS:
        raise UnreadableFile(
            say("The file has more than {max_rows} rows; split it.", max_rows=f"{MAX_ROWS:,}")
        )
    figures = _figures(columns, movements)
    votes = votes_for_marks(figures, reading.currency, reading.exponent)
    either = set() if any(votes.values()) else marks_of_either(figures, reading.currency, reading.exponent)
    default: Mark = "," if "," in either or (table.delimiter == ";" and not either) else "."
    mark = (profile and profile.mark) or decimal_mark(votes, default)
    layout = hashlib.sha256(key_of(table.header).encode()).hexdigest()[:16]
    reader = TableReader(columns, movements, reading, mark, layout, stands_for_heads(table.header), left_out)
    if not typed and not (profile and profile.mark) and min(votes.values()):
        reader.found.doubts.append(
            say("Some of its amounts can only be read with a dot for the decimals, others with a comma.")
        )
    if not typed and not (profile and profile.mark) and either:
        reader.found.doubts.append(say("Its amounts may have decimals or thousands behind their marks."))
    if not typed and table.delimiter:
        reader.widths = widths_of(movements, table.header, table.delimiter, columns)
        reader.found.doubts += filter(None, [reader.widths.doubt])
    if _texts_stand_above(rows, movements, columns):
        reader.found.doubts.append(
            say("Texts stand above their rows in lines of their own, so they may be another row's.")
        )
    period = next(filter(None, (period_in(row.cells) for row in table.above)), None)
    reader.days = days_of(
        {name: reader.column(name) for name in ("booked_on", "value_date") if name in columns.places},
        columns.shapes,
        "" if profile else reading.csv_date_format,
        typed=typed,
        period=period or (),
    )
    if not columns.shapes and not reading.csv_date_format and not reader.days_settled(reading.currency):
        reader.found.doubts.append(say("Whether the day or the month comes first in its dates is not clear."))
    reader.period = period
    account = _account(table.above, around, reader.column("own_account"), reading)
    if account is None:
        account = _unlabelled(table, around, columns, movements, reading, reader.found.doubts)
    if strange := strange_number(table.above, pages, reading.own):
        reader.found.doubts.append(
            say(
                "“{number}” above a further part of the table may be another account's number.",
                number=strange,
            )
        )
    return reader.statement(account, opening_around([*table.above, *around]))


def _unlabelled(
    table: CsvTable,
    around: Sequence[CsvRow],
    columns: Columns,
    movements: Sequence[CsvRow],
    reading: Reading,
    doubts: list[str],
) -> Named | None:
    """The account where one of ours stands around or in the table without a label; a doubt where another does."""
    lone = lone_number(table.above, around, reading.own)
    in_rows = False
    if lone is None:
        number = constant_account(table.header, columns.unknown, [row.cells for row in movements])
        lone = resolved(number, reading.own) if number else None
        in_rows = True
    if lone is not None and lone.number not in reading.own:
        doubts.append(
            say("“{number}” in each row may be another account's number.", number=lone.number)
            if in_rows
            else say("“{number}” around the table may be another account's number.", number=lone.number)
        )
        return None
    return lone


def _paged(table: CsvTable, currency: str, chosen: dict[str, str]) -> tuple[list[CsvRow], list[list[CsvRow]]]:
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
                    say(
                        "The file holds two tables with different heads (the second in line {line}); "
                        "split it.",
                        line=row.line,
                    )
                )
        if repeats:
            pages.append([*takewhile(lambda each: not moves(each), reversed(rows))])
        elif _says_anything(row.cells):
            rows.append(row)
    return rows, pages


def _says_anything(cells: Cells) -> bool:
    """Whether a row is more than a line of asterisks or dashes."""
    return any(map(str.isalnum, "".join(cells)))


def _parted(
    rows: Sequence[CsvRow], columns: Columns, currency: str
) -> tuple[list[CsvRow], list[CsvRow], list[LeftOut]]:
    """The rows of movements; those between and below them that are none: sums, balances, sentences; and which of these
    have a day and an amount."""
    days_in, money_in = columns.cells("booked_on", "value_date"), columns.cells(*_MONEY)
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
                told = zip(_MONEY, money_in(row.cells), strict=True)
                left_out.append(LeftOut(row.line, kind, tuple(pair for pair in told if pair[1] in money)))
        else:
            movements.append(row)
    return movements, around, left_out


def _continues(row: CsvRow, columns: Columns) -> bool:
    """Whether a row only goes on with the text of the one before it."""
    filled = {place for place, cell in enumerate(row.cells) if cell}
    return filled == {columns.places.get("remittance")}


def _texts_stand_above(rows: Sequence[CsvRow], movements: Sequence[CsvRow], columns: Columns) -> bool:
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


def _figures(columns: Columns, rows: Sequence[CsvRow]) -> list[str]:
    names = [name for name in (*_MONEY, "balance") if name in columns.places]
    figures = (columns.cell(row.cells, name) for row in rows[:_ENOUGH] for name in names)
    return [*filter(None, figures)]


def _account(
    above: Sequence[CsvRow], around: Sequence[CsvRow], cells: Sequence[str], reading: Reading
) -> Named | None:
    named = account_around(above, around, reading.own, reading.currency)
    in_rows = account_in(cells, reading.own, reading.currency)
    return the_one([each for each in (named, in_rows) if each is not None], reading.own)
