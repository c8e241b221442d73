"""Workbooks of lists, streamed: a part is sent as soon as its rows are read, so that the browser shows how far it is
and can cancel it. No cell is a formula or a link; amounts are written digit by digit."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from io import RawIOBase
from itertools import chain, count, islice
from typing import Any
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

from flask import Response, stream_with_context

from tusker.currency import currency
from tusker.messages import shown

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ROWS_OF_A_SHEET = 500_000
"""Besides the head; what is more stands on further sheets. So each stays below 2 GB: of a larger one the archive
would have a longer form that Excel refuses."""
_ROWS_AT_ONCE = 200
_LONGEST_TEXT = 32_767
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_FIRST_DAY = datetime(1899, 12, 30)  # noqa: DTZ001 (a sheet has no zones)
_BOLD, _MONEY, _DAY, _MOMENT = 1, 2, 3, 4
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ESCAPED = re.compile("_(?=x[0-9A-Fa-f]{4}_)")


def workbook_answer(filename: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """A download that is written while `rows` are read. Decimals are amounts in major units, dates are days, text is
    text."""
    return Response(
        stream_with_context(written(heads, rows)),
        mimetype=MEDIA_TYPE,
        headers={"Content-Disposition": f"attachment; filename={filename}"},
    )


class _Outlet(RawIOBase):
    """Keeps what is written until it is taken; it cannot be sought in, so an archive is written from front to back."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        taken, self._parts = b"".join(self._parts), []
        return taken


def written(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    """The file, part by part: its sheets, then what says how many there are."""
    outlet, remaining, sheets = _Outlet(), iter(rows), 0
    with ZipFile(outlet, "w", ZIP_DEFLATED) as book:
        book.writestr("_rels/.rels", _relations(("officeDocument", "xl/workbook.xml")))
        book.writestr("xl/styles.xml", _styles())
        yield outlet.take()
        first = next(remaining, None)
        while first is not None or not sheets:
            sheets += 1
            of_sheet = () if first is None else chain([first], islice(remaining, ROWS_OF_A_SHEET - 1))
            with book.open(f"xl/worksheets/sheet{sheets}.xml", "w") as sheet:
                for part in _sheet(heads, of_sheet):
                    sheet.write(part.encode())
                    if ready := outlet.take():
                        yield ready
            first = next(remaining, None)
        names = {number: f"worksheets/sheet{number}" for number in range(1, sheets + 1)}
        named = "".join(f'<sheet name="Sheet{n}" sheetId="{n}" r:id="rId{n}"/>' for n in names)
        whole = f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{named}</sheets></workbook>'
        links = [("worksheet", f"{name}.xml") for name in names.values()]
        book.writestr("xl/workbook.xml", whole)
        book.writestr("xl/_rels/workbook.xml.rels", _relations(*links, ("styles", "styles.xml")))
        book.writestr("[Content_Types].xml", _content_types(names.values()))
    yield outlet.take()


def _sheet(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """A sheet with its head in sight, some rows at a time."""
    letters = [_letters(place) for place in range(len(heads))]
    yield (
        f'<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2"'
        ' activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><cols><col min="1"'
        f' max="{max(1, len(heads))}" width="18" customWidth="1"/></cols><sheetData>'
        + _row(1, (_text(f"{letters[place]}1", head, _BOLD) for place, head in enumerate(heads)))
    )
    remaining, lines = iter(rows), count(2)
    while some := list(islice(remaining, _ROWS_AT_ONCE)):
        yield "".join(
            _row(line, (_cell(f"{letters[place]}{line}", value) for place, value in enumerate(row)))
            for row, line in zip(some, lines, strict=False)
        )
    yield "</sheetData></worksheet>"


def _row(line: int, cells: Iterable[str]) -> str:
    return f'<row r="{line}">{"".join(cells)}</row>'


def _cell(place: str, value: object) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, Decimal):
        return f'<c r="{place}" s="{_MONEY}"><v>{value:f}</v></c>'
    if isinstance(value, int):
        return f'<c r="{place}"><v>{int(value)}</v></c>'
    if isinstance(value, datetime):
        since = value.replace(tzinfo=None) - _FIRST_DAY
        return f'<c r="{place}" s="{_MOMENT}"><v>{since.days + since.seconds / 86_400:.10f}</v></c>'
    if isinstance(value, date):
        return f'<c r="{place}" s="{_DAY}"><v>{(value - _FIRST_DAY.date()).days}</v></c>'
    return _text(place, value)


def _text(place: str, value: object, style: int = 0) -> str:
    words = (shown(value) if isinstance(value, str) else str(value))[:_LONGEST_TEXT]
    safe = escape(_NO_XML.sub("�", _ESCAPED.sub("_x005F_", words)))
    return f'<c r="{place}" s="{style}" t="inlineStr"><is><t xml:space="preserve">{safe}</t></is></c>'


def _letters(place: int) -> str:
    """The name of a column: A to Z, then AA."""
    return (_letters(place // 26 - 1) if place >= 26 else "") + chr(ord("A") + place % 26)


def _styles() -> str:
    """Plain, bold, money, days and moments."""
    money = "#,##0" + ("." + "0" * currency().exponent).rstrip(".")
    forms = (money, "yyyy\\-mm\\-dd", "yyyy\\-mm\\-dd\\ hh:mm:ss")
    cells = ((0, 0), (0, 1), (164, 0), (165, 0), (166, 0))
    return (
        f'<styleSheet xmlns="{_MAIN}"><numFmts count="3">'
        + "".join(
            f'<numFmt numFmtId="{number}" formatCode="{form}"/>' for number, form in enumerate(forms, 164)
        )
        + '</numFmts><fonts count="2"><font><sz val="11"/></font><font><b/><sz val="11"/></font></fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/>'
        '</fill></fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        '<cellXfs count="5">'
        + "".join(
            f'<xf numFmtId="{form}" fontId="{font}" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
            for form, font in cells
        )
        + '</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    )


def _relations(*links: tuple[str, str]) -> str:
    """Parts by their kinds and names, called rId1 and so on."""
    written = "".join(
        f'<Relationship Id="rId{number}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(links, 1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{written}</Relationships>'


def _content_types(sheets: Iterable[str]) -> str:
    parts = [("workbook", "sheet.main"), ("styles", "styles"), *((name, "worksheet") for name in sheets)]
    written = "".join(
        f'<Override PartName="/xl/{name}.xml" ContentType="{_TYPES}.{kind}+xml"/>' for name, kind in parts
    )
    return (
        f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels"'
        f' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>{written}</Types>'
    )
