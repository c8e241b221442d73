"""Workbooks of lists: written row by row into a file, so that memory stays small. No cell is a formula or a link."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from tempfile import TemporaryFile

from flask import Response, send_file

from tusker.currency import currency
from tusker.errors import InvalidInput
from tusker.messages import say, shown

MOST_ROWS = 100_000
"""Of a workbook, which is complete before any of it is sent; a CSV file is sent as it is written and has no bound."""
_LONGEST_TEXT = 32_767
_AS_TEXT = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def workbook_answer(filename: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """A download of one sheet. Decimals are amounts in major units, dates are days, text is text.

    Raises `InvalidInput` where there are more than `MOST_ROWS`.
    """
    from xlsxwriter import Workbook

    file = TemporaryFile()  # noqa: SIM115 (sent, and closed with the answer)
    with Workbook(file, {"constant_memory": True, **_AS_TEXT}) as book:
        sheet = book.add_worksheet()
        money = book.add_format({"num_format": "#,##0" + ("." + "0" * currency().exponent).rstrip(".")})
        day, moment = (
            book.add_format({"num_format": form}) for form in ("yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss")
        )
        sheet.set_column(0, max(0, len(heads) - 1), 18)
        sheet.freeze_panes(1, 0)
        bold = book.add_format({"bold": True})
        for place, head in enumerate(heads):
            sheet.write_string(0, place, shown(head), bold)
        remaining = iter(rows)
        for line, row in enumerate(islice(remaining, MOST_ROWS), 1):
            for place, value in enumerate(row):
                if isinstance(value, Decimal):
                    sheet.write_number(line, place, value, money)
                elif isinstance(value, int):
                    sheet.write_number(line, place, value)
                elif isinstance(value, datetime):
                    sheet.write_datetime(line, place, value.replace(tzinfo=None), moment)
                elif isinstance(value, date):
                    sheet.write_datetime(line, place, value, day)
                elif value not in (None, ""):
                    sheet.write_string(
                        line, place, (shown(value) if isinstance(value, str) else str(value))[:_LONGEST_TEXT]
                    )
        if next(remaining, None) is not None:
            raise InvalidInput(
                say(
                    "A workbook has at most {rows} rows; narrow the list, or take the CSV file.",
                    rows=f"{MOST_ROWS:,}",
                ),
                field="rows",
            )
    file.seek(0)
    return send_file(file, mimetype=MEDIA_TYPE, as_attachment=True, download_name=filename, etag=False)
