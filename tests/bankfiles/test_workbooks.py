"""Workbooks: exact decimals, the sheets with heads, and nothing that asks for more than a statement does."""

from __future__ import annotations

import io
import zipfile
from datetime import date

import pytest

from tests.support.workbooks import archive, ods, xlsx
from tusker.bankfiles.formats import Reading
from tusker.bankfiles.statements import read_statement_file
from tusker.bankfiles.tables.sheet_cells import text_of
from tusker.domain.bank.banking import StatementFile
from tusker.errors import InvalidInput

HEADS = ("Date", "Narration", "Debit", "Credit")
DAY = date(2026, 3, 2)


def read(data: bytes) -> StatementFile:
    return read_statement_file(data, "bank.pdf", Reading("INR", 2))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1601.4, "1601.4"),
        (0.1 + 0.2, "0.3"),
        (99_999_999_999.99, "99999999999.99"),
        (400.0, "400"),
        (50100012345678.0, "50100012345678"),
        (1e-7, "0.0000001"),
        (7, "7"),
        (True, "TRUE"),
        (DAY, "2026-03-02"),
    ],
)
def test_a_number_is_the_decimal_that_a_person_sees(value: object, text: str) -> None:
    assert text_of(value) == text


def test_no_amount_is_taken_through_a_float() -> None:
    rows = [HEADS, *((DAY, f"row {n}", None, n / 100) for n in range(1, 2000, 7))]
    [statement] = read(xlsx({"A": rows})).statements
    assert [entry.amount for entry in statement.entries] == list(range(1, 2000, 7))


def test_the_visible_sheets_with_heads_are_read() -> None:
    row = (DAY, "x", None, 5.5)
    cover = [("Statement of account",), ("Page", 1)]
    file = read(
        xlsx({"Cover": cover, "A": [HEADS, row], "Old": [HEADS, row, row], "B": [HEADS, row]}, hidden=["Old"])
    )
    assert file.format == "xlsx"
    assert [len(statement.entries) for statement in file.statements] == [1, 1]
    assert read(ods([HEADS, row])).format == "ods"
    assert read(archive({"march.xlsx": xlsx({"A": [HEADS, row]})})).format == "xlsx"


def test_another_sheet_or_its_name_may_say_whose_account_it_is() -> None:
    table = [HEADS, (DAY, "x", None, 5.5)]
    cover = [("Account Number", "000999888777"), ("Customer", "ACME")]
    ours = [("Account Number", "000111222333")]
    for sheets, account, doubt in (
        ({"Summary": cover, "A": table}, "000999888777", ""),
        ({"A": table, "Summary": cover}, "000999888777", ""),
        ({"000999888777": table}, "000111222333", "may be another account's number"),
        ({"000111222333": table}, "000111222333", ""),
        ({"01-31 March 2026": table}, "000111222333", ""),
        ({"Stmt_20260331120501": table}, "000111222333", ""),
        ({"Account 2026-2027 12345": table}, "000111222333", ""),
        ({"Account 000999888777": table}, "000111222333", "may be another account's number"),
        # what stands above the table itself goes before
        ({"Summary": cover, "A": [("000111222333",), *table]}, "000111222333", "Another sheet"),
        ({"Summary": [*cover, *ours], "A": [("000111222333",), *table]}, "000111222333", ""),
        ({"Summary": [*cover, *ours], "A": table}, "000111222333", "Another sheet"),
        ({"Summary": [("(Rs. in lakhs)",)], "A": table}, "000111222333", "Another sheet"),
        # a shorter number, one in parts or the end of one in a sheet's name
        ({"Account 9876543210": table}, "9876543210", ""),
        ({"Account No 987654321 USD": table}, "987654321", ""),
        ({"A-c 0009 9988 8777": table}, "000999888777", ""),
        ({"Account XXXXXX888777 2026": table}, "XXXXXX888777", ""),
        ({"Account XXXXXX222333 2026": table}, "000111222333", "shows only XXXXXX222333"),
        # a cover that does not hold the number above the table
        *(
            ({"Summary": rows, "A": [("000111222333",), *table]}, "000111222333", "Another sheet")
            for rows in (
                [*cover, ("Account Number", "000555888777")],
                [("(Rs. in lakhs)",)],
                [("Currency", "USD")],
            )
        ),
    ):
        [read_one] = read_statement_file(xlsx(sheets), "x", Reading("INR", 2, ("000111222333",))).statements
        assert (read_one.account, bool(read_one.doubt)) == (account, bool(doubt))
        assert doubt in read_one.doubt


def test_a_sheet_without_an_account_beside_another_one_s_needs_a_person() -> None:
    row = (DAY, "x", None, 5.5)
    sheets = {"A": [("Account No : 000111222333",), HEADS, row], "B": [HEADS, row]}
    for own, doubt in (
        (("000111222333",), ""),
        (("000999888777", "000111222333"), "names no account, but another sheet names 000111222333"),
    ):
        first, second = read_statement_file(xlsx(sheets), "x", Reading("INR", 2, own)).statements
        assert (first.doubt, first.account) == ("", "000111222333")
        assert doubt in second.doubt
        assert bool(second.doubt) == bool(doubt)


def test_days_that_a_spreadsheet_turned_are_refused() -> None:
    with pytest.raises(InvalidInput, match="may have turned day and month"):
        read(xlsx({"A": [HEADS, (date(2026, 2, 3), "a", None, 5.0), ("13/02/2026", "b", None, 6.0)]}))


def _sheet(body: str) -> bytes:
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return _with(
        "xl/worksheets/sheet1.xml", f'<worksheet xmlns="{main}"><sheetData>{body}</sheetData></worksheet>'
    )


def _with(name: str, text: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(xlsx({"A": [HEADS]}))) as made:
        parts = {member: made.read(member) for member in made.namelist()}
    return archive({**parts, name: text})


TOO_MUCH = "asks for more memory or time than a bank statement does"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            lambda: _sheet(
                '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"/></row>'
            ),
            "no header",
        ),
        (
            lambda: _sheet(
                '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
            ),
            TOO_MUCH,
        ),
        (lambda: _sheet(f'<row><c t="inlineStr"><is><t>{"A" * 300_000_000}</t></is></c></row>'), TOO_MUCH),
        (lambda: _sheet("<row><c><v>1</v></c>"), "no header"),
        (lambda: xlsx({"A": [HEADS]})[:900], "ZIP archive is damaged"),
        (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 2000, "damaged, or is another Office file"),
        (
            lambda: archive({"[Content_Types].xml": "<Types/>", "word/document.xml": "<w/>"}),
            "damaged, or is another Office file",
        ),
        (lambda: xlsx({"A": [HEADS]}), "a header but no rows"),
        (
            lambda: b"<html><body><table><tr><td>Date</td></tr></table></body></html>",
            "a web page with a table",
        ),
        (
            lambda: b'<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?><Workbook/>',
            "an Excel 2003 XML workbook",
        ),
        (lambda: b"!Type:Bank\nD03/02/26\nT5.00\n^\n", "a QIF file"),
    ],
    ids=[
        "blank far cell",
        "far cell",
        "bomb",
        "cut sheet",
        "cut",
        "no xls",
        "Word",
        "no rows",
        "HTML",
        "2003",
        "QIF",
    ],
)
def test_what_is_no_statement_is_named(data, words: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InvalidInput) as refused:
        read(data())
    assert words in refused.value.message


def test_heads_that_are_not_known_are_named() -> None:
    with pytest.raises(InvalidInput, match="Its heads may be: Wann, Wer, Was, Wieviel"):
        read(b"Export\nWann,Wer,Was,Wieviel\n2026-03-02,a,b,5\n")
