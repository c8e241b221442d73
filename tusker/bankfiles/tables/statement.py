"""Statements as tables, from CSV or a spreadsheet: columns known by their heads, days and amounts by their shape."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from tusker.bankfiles.formats import Profile, Reading
from tusker.bankfiles.movements import refuse_if_nothing_was_read
from tusker.bankfiles.tables.around.account_numbers import Named, resolved, the_one
from tusker.bankfiles.tables.around.labels import (
    account_around,
    account_in,
    lone_in,
    lone_number,
    opening_around,
    strange_number,
)
from tusker.bankfiles.tables.around.parted import MONEY, paged, parted, texts_stand_above
from tusker.bankfiles.tables.cells.amounts import (
    Mark,
    decimal_mark,
    is_figure,
    marks_of_either,
    votes_for_marks,
)
from tusker.bankfiles.tables.cells.days import check_date_format, days_of, period_in
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
from tusker.bankfiles.tables.columns.places import known_by_place, stands_for_heads
from tusker.bankfiles.tables.columns.profiles import columns_by, key_of, outline_of
from tusker.bankfiles.tables.rows import TableReader
from tusker.bankfiles.tables.widths import widths_of
from tusker.bankfiles.texts import kept
from tusker.csv.tables import MAX_ROWS, Cells, CsvRow, CsvTable, Grid, find_table
from tusker.domain.bank.banking import Statement, StatementFile
from tusker.errors import UnknownHeads, UnreadableFile
from tusker.messages import joined, say

_MOST_OF_COVER = 60
"""Rows of a sheet without a table that may say whose account it is."""
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
        if (table := find_table(grid, is_header)) is None:
            seen.append(grid)
            continue
        tables.append(table)
        if not typed:
            break
    # a sheet without a table may say whose account those on the others are of
    cover = [row for grid in seen if typed and tables for row in grid.rows[:_MOST_OF_COVER]]
    read_by = [(table, profiles.get(key_of(table.header))) for table in tables]
    if not tables:
        if (found := known_by_place(seen, reading.profiles)) is None:
            raise _unknown_heads(seen)
        read_by = [found]
    each = [
        _read_table(table, reading, chosen, profile, cover, typed=typed)
        for table, profile in read_by
        if table.rows
    ]
    if not each:
        raise UnreadableFile("The file has a header but no rows.")
    refuse_if_nothing_was_read(each, [note for statement in each for note in statement.skipped])
    return StatementFile(format_, tuple(_of_one_account(each)))


def _of_one_account(statements: Sequence[Statement]) -> Iterator[Statement]:
    """The statements of a workbook's sheets; one that names no account needs a person where another names one that it
    was not taken for."""
    named = {statement.account for statement in statements if statement.account_named}
    for each in statements:
        if others := not each.account_named and named - {each.account}:
            other = say("It names no account, but another sheet names {account}.", account=min(others))
            yield replace(each, doubt=joined(filter(None, (each.doubt, other)), " "))
        else:
            yield each


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
            "{problem} Name the bank's columns in {variable}.", problem=problem, variable=VARIABLE
        )
    return UnknownHeads(
        "{problem} Say on its page what its columns are, or in {variable}.",
        problem=problem,
        variable=VARIABLE,
    )


def _read_table(
    table: CsvTable,
    reading: Reading,
    chosen: dict[str, str],
    profile: Profile | None,
    cover: Sequence[CsvRow],
    *,
    typed: bool,
) -> Statement:
    if profile is None and is_ledger(table.header):
        raise UnknownHeads(
            "The file looks like a ledger of an accounting program, whose debits are what came "
            "in. Say on its page what its columns are."
        )
    rows, pages = paged(table, reading.currency, chosen)
    columns = columns_by(profile) if profile else _columns(table, rows, reading, chosen)
    movements, around, left_out = parted(rows, columns, reading.currency)
    if len(movements) > MAX_ROWS:
        raise UnreadableFile("The file has more than {max_rows} rows; split it.", max_rows=f"{MAX_ROWS:,}")
    mark, doubts = (profile and profile.mark) or None, list[str]()
    if mark is None:
        mark, doubts = _mark_of(_figures(columns, movements), table.delimiter, reading)
    layout = hashlib.sha256(key_of(table.header).encode()).hexdigest()[:16]
    reader = TableReader(columns, movements, reading, mark, layout, stands_for_heads(table.header), left_out)
    if not typed:
        reader.found.doubts += doubts
    if not typed and table.delimiter:
        reader.widths = widths_of(movements, table.header, table.delimiter, columns)
        reader.found.doubts += filter(None, [reader.widths.doubt])
    if texts_stand_above(rows, movements, columns):
        reader.found.doubts.append(
            say("Texts stand above their rows in lines of their own, so they may be another row's.")
        )
    reader.period = next(filter(None, (period_in(row.cells) for row in table.above)), None)
    _read_days(reader, "" if profile else reading.csv_date_format, typed=typed)
    account = _account(table.above, around, reader.column("own_account"), reading)
    if account is None:
        account = _unlabelled(table, around, columns, movements, reading, reader.found.doubts)
        account = _with_cover(account, cover, reading, reader.found.doubts)
    if strange := strange_number(table.above, pages, reading.own):
        reader.found.doubts.append(
            say(
                "“{number}” above a further part of the table may be another account's number.",
                number=strange,
            )
        )
    return reader.statement(account, opening_around([*table.above, *around]))


def _columns(table: CsvTable, rows: Sequence[CsvRow], reading: Reading, chosen: dict[str, str]) -> Columns:
    """What the columns of a table hold by its heads and its rows; raises where they do not tell."""
    cells = [row.cells for row in rows]
    columns = columns_of(table.header, cells, reading.currency, chosen, reading.is_ours)
    if not columns.complete:
        raise _unknown_heads([Grid((CsvRow(0, table.header), *table.rows), table.delimiter)])
    return columns


def _mark_of(figures: Sequence[str], delimiter: str, reading: Reading) -> tuple[Mark, list[str]]:
    """The mark for decimals, as the amounts show it, and what is in doubt about that."""
    votes = votes_for_marks(figures, reading.currency, reading.exponent)
    either = set() if any(votes.values()) else marks_of_either(figures, reading.currency, reading.exponent)
    default: Mark = "," if "," in either or (delimiter == ";" and not either) else "."
    doubts: list[str] = []
    if min(votes.values()):
        doubts.append(
            say("Some of its amounts can only be read with a dot for the decimals, others with a comma.")
        )
    if either:
        doubts.append(say("Its amounts may have decimals or thousands behind their marks."))
    return decimal_mark(votes, default), doubts


def _read_days(reader: TableReader, date_format: str, *, typed: bool) -> None:
    """Find out how the days of a table are written; whether the day or the month comes first may be in doubt."""
    columns, reading = reader.columns, reader.reading
    reader.days = days_of(
        {name: reader.column(name) for name in ("booked_on", "value_date") if name in columns.places},
        columns.shapes,
        date_format,
        typed=typed,
        period=reader.period or (),
    )
    if not columns.shapes and not reading.csv_date_format and not reader.days_settled(reading.currency):
        reader.found.doubts.append(say("Whether the day or the month comes first in its dates is not clear."))


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


def _with_cover(
    found: Named | None, cover: Sequence[CsvRow], reading: Reading, doubts: list[str]
) -> Named | None:
    """The account `found` without a label on a table's own sheet, else the one that a sheet without a table names; a
    doubt where they differ, or where that sheet is not clear and does not hold the account's number either."""
    told = None
    try:
        told = account_around(cover, (), reading.own, reading.currency)
        return the_one([each for each in (found, told) if each is not None], reading.own)
    except UnreadableFile:
        named = {
            resolved(text, reading.own).number
            for row in cover
            for each in row.cells
            for text in lone_in(each)
        }
        if found is None or told is not None or found.number not in named:
            doubts.append(
                say("Another sheet names another account or unit, or several, or not clearly which.")
            )
        return found


def _figures(columns: Columns, rows: Sequence[CsvRow]) -> list[str]:
    names = [name for name in (*MONEY, "balance") if name in columns.places]
    figures = (columns.cell(row.cells, name) for row in rows[:_ENOUGH] for name in names)
    return [*filter(None, figures)]


def _account(
    above: Sequence[CsvRow], around: Sequence[CsvRow], cells: Sequence[str], reading: Reading
) -> Named | None:
    named = account_around(above, around, reading.own, reading.currency)
    in_rows = account_in(cells, reading.own, reading.currency)
    return the_one([each for each in (named, in_rows) if each is not None], reading.own)
