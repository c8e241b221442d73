"""Reading CSV files that people hand in: bytes in, rows with their line numbers out. Knows no column's meaning."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import UTC, date, datetime

from tusker.errors import InvalidInput

MAX_BYTES = 20 * 1024 * 1024
MAX_ROWS = 50_000
FIRST_DAY = date(2000, 1, 1)
_PROBE = datetime(2012, 11, 23, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One record; `line` is the line of the file on which it begins, counted from 1."""

    line: int
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CsvTable:
    """A header and the records below it; a record may have more or fewer values than the header."""

    header: tuple[str, ...]
    rows: tuple[CsvRow, ...]

    def column(self, name: str, *, meaning: str = "") -> int:
        """The place of a column; raises `InvalidInput` naming it when it is missing or there twice."""
        times = self.header.count(name)
        what = f"“{name}” ({meaning})" if meaning else f"“{name}”"
        if times == 0:
            there = ", ".join(self.header)
            raise InvalidInput(
                f"The file has no column {what}. Its columns are: {there[:500]}.", field=name, column=name
            )
        if times > 1:
            raise InvalidInput(f"The file has {times} columns named {what}.", field=name, column=name)
        return self.header.index(name)


def read_table(data: bytes) -> CsvTable:
    """Read a whole file: UTF-8 (a byte-order mark is taken off), separated by commas, semicolons or tabs.

    Raises `InvalidInput` with the field `file` for one that is empty, too large, in another encoding, not readable
    as CSV, or without a single row. Blank lines are skipped.
    """
    if len(data) > MAX_BYTES:
        raise _unreadable(f"The file is larger than {MAX_BYTES // 1024 // 1024} MB; split it.")
    text = _decode(data)
    if not text.strip():
        raise _unreadable("The file is empty.")
    records = _read_records(text)
    header = tuple(name.strip() for name in records[0].values)
    if len(records) == 1:
        raise _unreadable("The file has a header but no rows.")
    return CsvTable(header, tuple(records[1:]))


def _decode(data: bytes) -> str:
    if b"\0" in data and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise _unreadable(f"The file is not text (line {line}, byte 0x00).")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _unreadable(
            f"The file is not UTF-8 text (line {line}, byte 0x{data[error.start]:02X})."
            " Save it as “CSV UTF-8” and try again."
        ) from None


def _read_records(text: str) -> list[CsvRow]:
    # strict: a quote left open or standing in the middle is an error, not a row that swallows those after it
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    records: list[CsvRow] = []
    begins = 1
    try:
        for values in reader:
            if any(value.strip() for value in values):
                records.append(CsvRow(begins, tuple(values)))
            begins = reader.line_num + 1
            if len(records) > MAX_ROWS + 1:
                raise _unreadable(f"The file has more than {MAX_ROWS:,} rows; split it.")
    except csv.Error as error:
        raise _unreadable(
            f"The record that begins in line {begins} cannot be read as CSV: {error}."
        ) from None
    if not records:
        raise _unreadable("The file is empty.")
    return records


def _delimiter(text: str) -> str:
    """The separator that the header has most of; spreadsheets of some countries write semicolons."""
    header = text.lstrip("\r\n").partition("\n")[0]
    return max(",;\t", key=header.count)


def _unreadable(message: str) -> InvalidInput:
    return InvalidInput(message, field="file")


def check_date_format(pattern: str) -> None:
    """Raise `InvalidInput` unless a date survives being written and read with this `strptime` pattern."""
    try:
        survives = datetime.strptime(_PROBE.strftime(pattern), pattern).replace(tzinfo=UTC) == _PROBE
    except ValueError:
        survives = False
    if not survives:
        raise InvalidInput(
            f"“{pattern[:40]}” is not a date format with day, month and year, such as %d/%m/%Y.",
            field="date_format",
        )


def read_date(text: str, pattern: str, *, field: str) -> date:
    """A date as written in a file, ISO when `pattern` is empty; raises `InvalidInput` naming `field`.

    Dates before 2000 are refused: they come from a two-digit year or a wrong format.
    """
    cleaned = text.strip()
    try:
        if pattern:
            found = datetime.strptime(cleaned, pattern).replace(tzinfo=UTC).date()
        else:
            found = date.fromisoformat(cleaned)
    except ValueError:
        wanted = pattern or "2026-03-31"
        raise InvalidInput(f"“{cleaned[:40]}” is not a date such as {wanted}.", field=field) from None
    if found < FIRST_DAY:
        raise InvalidInput(f"The date {found.isoformat()} is before 2000.", field=field)
    return found
