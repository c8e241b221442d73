"""CSV of banks as rows of text: encodings, separators, and lines above the header."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tusker.bankfiles.errors import BankFileError, unreadable

MAX_ROWS = 50_000
MAX_COLUMNS = 300
_MOST_SEPARATORS = 10 * MAX_COLUMNS
"""In one line; a quoted text may hold some."""
_HEADER_WITHIN = 60
"""Banks write name, account and period above the table, but no more than this many rows of it."""

Row = tuple[int, tuple[str, ...]]
"""The line of the file on which a record begins, counted from 1, and its cells."""


@dataclass(frozen=True, slots=True)
class Table:
    """A header, its line, and what stands above and below it."""

    above: tuple[Row, ...]
    header: tuple[str, ...]
    rows: tuple[Row, ...]
    delimiter: str


def decoded(data: bytes) -> str:
    """The text of a file: UTF-8, UTF-16 with a mark, else Windows-1252; raises for what is no text."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            text = data.decode("utf-16")
        except UnicodeDecodeError:
            raise unreadable("The file begins as UTF-16 text but does not go on as such.") from None
    else:
        if b"\0" in data:
            line = data.count(b"\n", 0, data.index(b"\0")) + 1
            raise unreadable(f"The file is not text (line {line}, byte 0x00).")
        text = _decoded_bytes(data)
    if "\0" in text:
        raise unreadable("The file is not text (it has zero characters).")
    return text


def _decoded_bytes(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise unreadable(
            f"The file is neither UTF-8 nor Windows-1252 text (line {line}, byte 0x{data[error.start]:02X})."
        ) from None


def read_table(text: str, is_header: Callable[[tuple[str, ...]], bool]) -> Table | None:
    """The table whose header `is_header` knows, by whichever separator it is found; None when by none.

    Raises when the file is no CSV by the separators that were tried.
    """
    failed: BankFileError | None = None
    for delimiter in sorted(";,\t|", key=text[:5000].count, reverse=True):
        if text.count(delimiter) == 0:
            break
        try:
            records = _records(text, delimiter)
        except BankFileError as error:
            failed = failed or error
            continue
        for place, (_, cells) in enumerate(records[:_HEADER_WITHIN]):
            if is_header(cells):
                return Table(tuple(records[:place]), cells, tuple(records[place + 1 :]), delimiter)
    if failed is not None:
        raise failed
    return None


def _bounded(text: str, delimiter: str) -> Iterator[str]:
    """The lines, none of which holds so many separators that its cells alone would fill the memory."""
    for number, line in enumerate(io.StringIO(text, newline=""), 1):
        if line.count(delimiter) > _MOST_SEPARATORS:
            raise unreadable(f"The record that begins in line {number} has more than {MAX_COLUMNS} columns.")
        yield line


def _records(text: str, delimiter: str) -> list[Row]:
    # strict: a quote left open is an error, not a row that swallows those after it
    reader = csv.reader(_bounded(text, delimiter), delimiter=delimiter, strict=True)
    records: list[Row] = []
    begins = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                records.append((begins, tuple(cell.strip() for cell in cells)))
            if len(cells) > MAX_COLUMNS:
                raise unreadable(
                    f"The record that begins in line {begins} has more than {MAX_COLUMNS} columns."
                )
            begins = reader.line_num + 1
            if len(records) > MAX_ROWS:
                raise unreadable(f"The file has more than {MAX_ROWS:,} rows; split it.")
    except csv.Error as error:
        raise unreadable(f"The record that begins in line {begins} cannot be read as CSV: {error}.") from None
    return records
