"""The cells of a workbook on standard input as JSON on standard output, in a process that may be lost.

Run by `sheets` as a script of its own: the limits are the system's, so that no file can take the memory or the time of
the process that asked. Formulas are read as the values that were stored with them; nothing in a workbook is run.
"""

import json
import resource
import sys
from datetime import date, datetime, time
from decimal import Decimal
from io import BytesIO

MEMORY = 512 * 1024 * 1024
SECONDS = 30
MOST_TEXT = 60_000_000
"""Characters of all cells together."""
_MOST_OF_A_DAY = 8
"""Digits of a day; a sheet's name with more of them may be an account's number."""
_WHOLE = 2**53
"""Whole numbers up to here are exact in a workbook."""


def text_of(value: object) -> str:
    """A cell as text: numbers as exact decimals with the 15 digits that spreadsheets keep, days as ISO."""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        if value.is_integer() and abs(value) < _WHOLE:
            return str(int(value))
        return format(Decimal(f"{value:.15g}"), "f")
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time.min else value.isoformat(" ", "seconds")
    return value.isoformat() if isinstance(value, date | time) else str(value)


def sheets_of(data: bytes) -> list[list[tuple[int, list[str]]]]:
    """The visible sheets: rows that hold anything with their number, counted from 1; before them the sheet's name,
    where that may be an account's number."""
    import python_calamine as calamine

    found, size = [], 0
    with calamine.CalamineWorkbook.from_filelike(BytesIO(data)) as book:
        for index, about in enumerate(book.sheets_metadata):
            if about.visible != calamine.SheetVisibleEnum.Visible:
                continue
            sheet = book.get_sheet_by_index(index)
            if sheet.start is None:
                continue
            rows = [(0, [about.name])] if sum(map(str.isdigit, about.name)) > _MOST_OF_A_DAY else []
            for number, values in enumerate(sheet.iter_rows(), sheet.start[0] + 1):
                texts = [text_of(value) for value in values]
                if any(texts):
                    size += sum(map(len, texts), len(texts))
                    if size > MOST_TEXT:
                        raise MemoryError
                    rows.append((number, texts))
            found.append(rows)
    return found


def main() -> None:
    """Write `{"sheets": …}`, or `{"error": …}` naming the kind of error."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        answer: dict[str, object] = {"sheets": sheets_of(sys.stdin.buffer.read())}
    except BaseException as error:  # a panic of the Rust inside is no Exception
        answer = {"error": type(error).__name__}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
