"""CSV files, streamed, without cells that a spreadsheet would run as formulas."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from io import StringIO
from typing import TypeVar

from flask import Response, stream_with_context

from tusker.csv.cells import SafeWriter

Row = TypeVar("Row")
Columns = Mapping[str, Callable[[Row], object]]
"""The columns of a file: their heads, and what each shows of a row."""


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """The file line by line, the header first."""
    buffer = StringIO()
    writer = SafeWriter(buffer)
    writer.writerow(header)
    for row in rows:
        writer.writerow(row)
        yield _take(buffer)
    if header_alone := _take(buffer):
        yield header_alone


def csv_answer(filename: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """A download that is written while `rows` are read; they may come from an open database cursor."""
    return Response(
        stream_with_context(csv_lines(header, rows)),
        mimetype="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{filename}"'},
    )


def csv_table(filename: str, columns: Columns[Row], rows: Iterable[Row]) -> Response:
    """The same of rows whose cells the columns give, by their heads."""
    cells = columns.values()
    return csv_answer(filename, list(columns), ([cell(row) for cell in cells] for row in rows))


def _take(buffer: StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text
