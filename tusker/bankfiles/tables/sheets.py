"""Bank statements as workbooks: XLS, XLSX, XLSB and ODS, whatever their file is named."""

import json
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

from tusker.bankfiles.formats import Reading, Source
from tusker.bankfiles.tables.around.labels import cells_of_name
from tusker.bankfiles.tables.sheet_cells import SECONDS
from tusker.bankfiles.tables.statement import read_tables
from tusker.csv.tables import MAX_COLUMNS, MAX_ROWS, CsvRow, Grid, clean_cell
from tusker.domain.bank.banking import StatementFile
from tusker.errors import UnreadableFile
from tusker.messages import say

_SCRIPT = Path(__file__).with_name("sheet_cells.py")
_OLD = b"\xd0\xcf\x11\xe0"
_MEMBERS = {
    **{"xl/workbook.xml": "xlsx", "xl/workbook.bin": "xlsb", "content.xml": "ods"},
    **{"[Content_Types].xml": "document", "mimetype": "document"},
}


def is_workbook(source: Source) -> bool:
    """Whether the bytes are a workbook or another file of an office suite, which is then said when it is opened."""
    return _kind(source.data) != ""


def read_workbook(data: bytes, reading: Reading) -> StatementFile:
    """Read the visible sheets that hold a table of movements, by the same rules as CSV.

    Raises `UnreadableFile` for one that is damaged, protected, or asks for more memory or time than a statement does.
    """
    return read_tables(grids_of(data), reading, _kind(data), typed=True)


def grids_of(data: bytes) -> list[Grid]:
    """The cells of the visible sheets; raises `UnreadableFile` as `read_workbook` does."""
    return [_grid(rows) for rows in _sheets(data)]


def _kind(data: bytes) -> str:
    if data.startswith(_OLD):
        return "xls"
    if not data.startswith(b"PK\x03\x04"):
        return ""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return ""
    return next((kind for member, kind in _MEMBERS.items() if member in names), "")


def _sheets(data: bytes) -> list[list[tuple[int, list[str]]]]:
    try:
        run = subprocess.run(
            [sys.executable, "-I", str(_SCRIPT)],
            input=data,
            capture_output=True,
            timeout=4 * SECONDS,
            check=False,
        )
        answer: dict[str, Any] = json.loads(run.stdout) if run.returncode == 0 else {"error": "MemoryError"}
    except subprocess.TimeoutExpired:
        answer = {"error": "MemoryError"}
    if error := answer.get("error"):
        raise UnreadableFile(
            {
                "PasswordError": say("The workbook is protected by a password; save it without one."),
                "MemoryError": say(
                    "The workbook asks for more memory or time than a bank statement does; split it."
                ),
            }.get(error, say("The file begins like a workbook but is damaged, or is another Office file."))
        )
    sheets: list[list[tuple[int, list[str]]]] = answer["sheets"]
    return sheets


def _grid(rows: list[tuple[int, list[str]]]) -> Grid:
    if len(rows) > MAX_ROWS + 100:
        raise UnreadableFile("A sheet has more than {max_rows} rows; split it.", max_rows=f"{MAX_ROWS:,}")
    if any(len(cells) > MAX_COLUMNS for _, cells in rows):
        raise UnreadableFile("A sheet has more than {max_columns} columns.", max_columns=MAX_COLUMNS)
    if rows and rows[0][0] == 0:
        # of a sheet's name only what may be an account's number tells anything
        name = cells_of_name(rows[0][1][0])
        rows = [(0, name), *rows[1:]] if name else rows[1:]
    return Grid(tuple(CsvRow(number, tuple(clean_cell(cell) for cell in cells)) for number, cells in rows))
