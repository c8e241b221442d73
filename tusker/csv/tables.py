"""The one way to read CSV: bytes in, a header and rows with their line numbers out. Knows no column's meaning."""

import codecs
import contextlib
import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import NamedTuple

from tusker.errors import InvalidInput, UnreadableFile
from tusker.messages import say

MAX_BYTES = 20 * 1024 * 1024
MAX_ROWS = 50_000
MAX_COLUMNS = 300
_MOST_SEPARATORS = 10 * MAX_COLUMNS
"""In one line; a quoted text may hold some."""
_LONGEST_LINE = 1_000_000
_HEADER_WITHIN = 60
"""Banks write name, account and period above the table, but no more than this many rows of it."""
_SEPARATORS = ";,\t|^~"
"""What banks put between the cells of their tables of text."""
_FORMULA_TEXT = re.compile(rf'(^|[{re.escape(_SEPARATORS)}])="', re.MULTILINE)
"""`="0001"`, with which some banks keep spreadsheets from taking a text for a number."""
_BLANKS = "".join(chr(code) for code in range(0x3001) if chr(code).isspace()) + (
    "\ufeff\u200b\u200c\u200d\u200e\u200f\u202a\u202c\u2060"
)
"""Blanks, and characters without width, that stand at the ends of cells."""
_AT_ENDS = frozenset(_BLANKS + "'=")
"""What a cell has to begin or end with for `clean_cell` to change it."""

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

Cells = tuple[str, ...]


class CsvRow(NamedTuple):
    """One record, its cells without blanks around them; `line` is the line on which it begins, counted from 1."""

    line: int
    cells: Cells


@dataclass(frozen=True, slots=True)
class CsvTable:
    """A header and what stands above and below it; a record may have more or fewer cells than the header."""

    header: Cells
    rows: tuple[CsvRow, ...]
    delimiter: str
    above: tuple[CsvRow, ...] = ()

    def column(self, name: str, *, meaning: str = "") -> int:
        """The place of a column; raises `InvalidInput` naming it when it is missing or there twice."""
        times = self.header.count(name)
        what = say("“{name}” ({meaning})", name=name, meaning=meaning) if meaning else f"“{name}”"
        if times == 0:
            there = ", ".join(self.header)
            raise InvalidInput(
                "The file has no column {name}. Its columns are: {columns}.",
                name=what,
                columns=there[:500],
                field=name,
                column=name,
            )
        if times > 1:
            raise InvalidInput(
                "The file has {times} columns named {name}.", times=times, name=what, field=name, column=name
            )
        return self.header.index(name)


@dataclass(frozen=True, slots=True)
class Grid:
    """The records of a file or of a sheet; `delimiter` is empty for a sheet."""

    rows: tuple[CsvRow, ...]
    delimiter: str = ""


def clean_cell(text: str) -> str:
    """A bank's cell without blanks and characters without width around it, and without what keeps spreadsheets from
    taking it for a number: `="…"`, or an apostrophe before a figure."""
    bare = text.strip(_BLANKS)
    if bare.startswith("'") and bare[1:2].isdigit():
        return bare[1:]
    return bare[2:-1].strip(_BLANKS) if bare.startswith('="') and bare.endswith('"') else bare


def read_table(data: bytes) -> CsvTable:
    """The table of a whole file in UTF-8 whose first record is the header; separated by commas, semicolons or tabs.

    Raises `UnreadableFile` for one that is empty, too large, in another encoding, not readable as CSV, or without a
    single row. Blank lines are skipped.
    """
    if len(data) > MAX_BYTES:
        raise UnreadableFile("The file is larger than {mb} MB; split it.", mb=MAX_BYTES // 1024 // 1024)
    table, records = stream_table([data])
    rows = _at_most(MAX_ROWS, records)
    if not rows:
        raise UnreadableFile("The file has a header but no rows.")
    return replace(table, rows=rows)


def stream_table(parts: Iterable[bytes]) -> tuple[CsvTable, Iterator[CsvRow]]:
    """A file of any length that comes in parts: its table without rows, and its rows one by one.

    Raises `UnreadableFile`, also while rows are taken.
    """
    lines = _lines_of(parts)
    first: list[str] = []
    for line in lines:
        first.append(line)
        if line.strip("\r\n"):
            break
    # The separator that the header has most of: spreadsheets of some countries write semicolons.
    delimiter = max(",;\t", key=first[-1].count) if first else ","
    records = _each_record(chain(first, lines), delimiter, str.strip)
    header = next(records, None)
    if header is None:
        raise UnreadableFile("The file is empty.")
    return CsvTable(header.cells, (), delimiter), records


def bank_grids(data: bytes) -> Iterator[Grid]:
    """The records of a bank's file by each separator that occurs in it, the most frequent first.

    Also UTF-16 and Windows-1252 are read. Raises `UnreadableFile` for what is no text, and for what is no CSV by any
    of the separators.
    """
    text = _decoded(data)
    if '="' in text:
        text = _FORMULA_TEXT.sub(r'\1"', text)
    failed: UnreadableFile | None = None
    done = False
    for delimiter in sorted(_SEPARATORS, key=text[:5000].count, reverse=True):
        if text.count(delimiter) == 0:
            break
        try:
            records = _each_record(io.StringIO(text, newline=""), delimiter, clean_cell)
            yield Grid(_at_most(MAX_ROWS + 1 + 2 * _HEADER_WITHIN, records), delimiter)
            done = True
        except UnreadableFile as error:
            failed = failed or error
    if failed is not None and not done:
        raise failed


def find_table(grid: Grid, is_header: Callable[[Cells], bool]) -> CsvTable | None:
    """The table in a grid whose header `is_header` knows; None when there is none."""
    for place, record in enumerate(grid.rows[:_HEADER_WITHIN]):
        if is_header(record.cells):
            rows = grid.rows[place + 1 :]
            if len(rows) > MAX_ROWS + _HEADER_WITHIN:
                raise _too_long()
            return CsvTable(record.cells, rows, grid.delimiter, above=grid.rows[:place])
    return None


def _decoded(data: bytes) -> str:
    data = _mark_of_utf16(data) + data
    if data.startswith(_UTF16):
        return _decoded_utf16(data)
    if b"\0" in data:
        raise UnreadableFile("The file is not text ({place}).", place=_byte(data, data.index(0)))
    with contextlib.suppress(UnicodeDecodeError):
        # one that was cut inside a character is still UTF-8
        return codecs.getincrementaldecoder("utf-8-sig")().decode(data)
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError as error:
        raise UnreadableFile(
            "The file is neither UTF-8 nor Windows-1252 text ({place}).", place=_byte(data, error.start)
        ) from None


def _mark_of_utf16(data: bytes) -> bytes:
    """The mark of UTF-16 that is missing: Latin text has a zero as every other byte."""
    head = data[:200]
    for mark, zeros in ((codecs.BOM_UTF16_LE, head[1::2]), (codecs.BOM_UTF16_BE, head[::2])):
        if len(zeros) > 4 and zeros.count(0) > len(zeros) * 0.8 and head.count(0) == zeros.count(0):
            return mark
    return b""


def _decoded_utf16(data: bytes) -> str:
    try:
        text = data.decode("utf-16")
    except UnicodeDecodeError:
        raise UnreadableFile("The file begins as UTF-16 text but does not go on as such.") from None
    if "\0" in text:
        raise UnreadableFile("The file is not text (it has zero characters).")
    return text


def _lines_of(parts: Iterable[bytes]) -> Iterator[str]:
    """The lines of a text in UTF-8 that comes in parts, with their ends."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    rest, before = "", 0
    for part in chain(parts, [b""]):
        if b"\0" in part and not part.startswith(_UTF16):
            raise UnreadableFile("The file is not text ({place}).", place=_byte(part, part.index(0), before))
        try:
            text = rest + decoder.decode(part, final=not part)
        except UnicodeDecodeError as error:
            raise UnreadableFile(
                "The file is not UTF-8 text ({place}). Save it as “CSV UTF-8” and try again.",
                place=_byte(bytes(error.object), error.start, before),
            ) from None
        before += part.count(b"\n")
        # The last line may go on in the next part.
        *whole, rest = [*io.StringIO(text, newline="")] or [""]
        yield from whole
        if len(rest) > _LONGEST_LINE:
            raise UnreadableFile("Line {line} is too long.", line=before + 1)
    if rest:
        yield rest


def _byte(data: bytes, place: int, before: int = 0) -> str:
    line = before + data.count(b"\n", 0, place) + 1
    return say("line {line}, byte 0x{byte}", line=line, byte=f"{data[place]:02X}")


def _at_most(most: int, records: Iterator[CsvRow]) -> tuple[CsvRow, ...]:
    found = tuple(islice(records, most + 1))
    if len(found) > most:
        raise _too_long()
    return found


def _each_record(lines: Iterable[str], delimiter: str, clean: Callable[[str], str]) -> Iterator[CsvRow]:
    # strict: a quote left open or standing in the middle is an error, not a row that swallows those after it
    reader = csv.reader(_bounded(lines, delimiter), delimiter=delimiter, strict=True)
    begins = 1
    try:
        for raw in reader:
            if len(raw) > MAX_COLUMNS:
                raise _too_wide(begins)
            cells = tuple(
                [
                    clean(cell) if cell and (cell[0] in _AT_ENDS or cell[-1] in _AT_ENDS) else cell
                    for cell in raw
                ]
            )
            if any(cells):
                yield CsvRow(begins, cells)
            begins = reader.line_num + 1
    except csv.Error as error:
        raise UnreadableFile(
            "The record that begins in line {line} cannot be read as CSV: {error}.", line=begins, error=error
        ) from None


def _bounded(lines: Iterable[str], delimiter: str) -> Iterator[str]:
    """The lines, none of which holds so many separators that its cells alone would fill the memory."""
    for number, line in enumerate(lines, 1):
        if line.count(delimiter) > _MOST_SEPARATORS:
            raise _too_wide(number)
        yield line


def _too_long() -> UnreadableFile:
    return UnreadableFile("The file has more than {rows} rows; split it.", rows=f"{MAX_ROWS:,}")


def _too_wide(line: int) -> UnreadableFile:
    return UnreadableFile(
        "The record that begins in line {line} has more than {most} columns.", line=line, most=MAX_COLUMNS
    )
