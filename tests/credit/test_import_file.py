"""Reading files: each thing that can be wrong has a message that names it, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from tests.support.invoice_files import HEADER, MAPPING, ROW, TRACKED_MAPPING, ImportDesk, csv_of
from tusker.csv import tables
from tusker.csv.dates import check_date_format, read_date
from tusker.csv.tables import read_table
from tusker.errors import InvalidInput
from tusker.services.credit.importing.file import ColumnMapping, parse_mapping

Written = Callable[[], bool]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf\r\n \n", "empty"),
        (f"{HEADER}\n".encode(), "no rows"),
        (csv_of("INV-1,S-1,Caf\xe9,1000,2026-02-27").encode("latin-1"), "not UTF-8 text (line 2, byte 0xE9)"),
        (csv_of(ROW).encode("utf-16"), "not UTF-8 text (line 1, byte 0xFF)"),
        (csv_of(ROW, '"INV-2,S-1,B-1,1,2026-02-27').encode(), "begins in line 3 cannot be read"),
        (csv_of("INV\x00,S-1,B-1,1,2026-02-27").encode(), "not text (line 2, byte 0x00)"),
        (
            csv_of("INV-1,S-1,B-1,1,2026-02-27" + "," * 300).encode(),
            "begins in line 2 has more than 300 columns",
        ),
        (csv_of("," * 100_000).encode(), "begins in line 2 has more than 300 columns"),
        (csv_of("x" * 200_000 + ",S-1,B-1,1,2026-02-27").encode(), "line 2 cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read(importer: ImportDesk, written: Written, data: bytes, says: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        importer.run(data)
    assert caught.value.field == "file"
    assert says in caught.value.message
    assert not written()


def test_too_many_rows_and_too_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_ROWS", 2)
    assert len(read_table(b"a\n1\n2\n").rows) == 2
    with pytest.raises(InvalidInput, match="more than 2 rows"):
        read_table(b"a\n1\n2\n3\n")
    with pytest.raises(InvalidInput, match="larger than 20 MB"):
        read_table(b"x" * (tables.MAX_BYTES + 1))


@pytest.mark.parametrize("column", ["No", "Seller", "Buyer", "Amount", "Date"])
def test_a_missing_column_is_named_and_nothing_is_written(
    importer: ImportDesk, written: Written, column: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        importer.run(csv_of(ROW, header=HEADER.replace(column, f"{column}2")))
    assert caught.value.details["column"] == column
    assert f"no column “{column}”" in caught.value.message
    assert not written()


def test_a_column_that_is_there_twice(importer: ImportDesk) -> None:
    with pytest.raises(InvalidInput, match="2 columns named “No”"):
        importer.run(csv_of(f"{ROW},INV-9", header=f"{HEADER},No"))


CANNOT_BE: list[tuple[str, str]] = [
    (",S-1,B-1,1000,2026-02-27", "No: The number is missing."),
    ("INV-1,,B-1,1000,2026-02-27", "Seller: The supplier is missing."),
    ("INV-1,S-1, ,1000,2026-02-27", "Buyer: The purchaser is missing."),
    ("INV-1,S-1,B-1,,2026-02-27", "Amount: The amount is missing."),
    ("INV-1,S-1,B-1,12.345,2026-02-27", "Amount: The amount may have at most 2 decimals."),
    ("INV-1,S-1,B-1,ten,2026-02-27", "Amount: “ten” is not an amount"),
    ("INV-1,S-1,B-1,-5,2026-02-27", "Amount: The amount must not be negative."),
    ("INV-1,S-1,B-1,$5,2026-02-27", "Amount: “$5” is not an amount"),
    ("INV-1,S-1,B-1,5 EUR,2026-02-27", "Amount: “5 EUR” is not an amount"),
    ("INV-1,S-1,B-1,0,2026-02-27", "Amount: The amount must be more than zero."),
    ("INV-1,S-1,B-1,99999999999999999,2026-02-27", "Amount: The amount is too large."),
    ("INV-1,S-1,B-1,1000,", "Date: The date is missing."),
    ("INV-1,S-1,B-1,1000,27/02/2026", "Date: “27/02/2026” is not a date"),
    ("INV-1,S-1,B-1,1000,1900-01-01", "Date: The date 1900-01-01 is before 2000."),
    ("INV-1,S-1,B-1,1000,2026-03-03", "Date: The date 3 Mar 2026 is in the future."),
    (f"{'9' * 300},S-1,B-1,1000,2026-02-27", "No: The number has more than 60 characters."),
    (f"INV-1,{'S' * 300},B-1,1000,2026-02-27", "Seller: The supplier has more than 120 characters."),
    ("IN\x07V,S-1,B-1,1000,2026-02-27", "No: The number is not one line of readable text."),
    ("INV-1,S-1,B-1,1000", "The row has 4 values where the header has 5 columns."),
    ("INV-1,S-1,B-1,1,000,2026-02-27", "The row has 6 values where the header has 5 columns."),
    ("INV-1,S-1,Nobody,1000,2026-02-27", "No customer has the reference or name “Nobody”."),
    ("INV-1,B-1,B-2,1000,2026-02-27", "Bharat Motors is not a supplier."),
    ("INV-1,S-1,S-2,1000,2026-02-27", "Sagar Textiles is not a purchaser."),
    (
        "INV-1,S-2,B-2,1000,2026-02-27",
        "There is no credit line between Sagar Textiles and Brahma Retail.",
    ),
]


def test_a_row_that_cannot_be_financed(
    importer: ImportDesk, written: Written, subtests: pytest.Subtests
) -> None:
    for row, says in CANNOT_BE:
        with subtests.test(str((row, says))):
            report = importer.run(csv_of("", row))
            [refusal] = report.refused
            assert refusal.line == 3
            assert says in refusal.reason
            assert not report.written
            assert not written()


def test_the_smallest_amount_there_is_is_taken(importer: ImportDesk) -> None:
    assert not importer.run(csv_of("", "INV-1,S-1,B-1,0.01,2026-02-27")).refused


def test_the_good_rows_beside_a_bad_one_are_taken(importer: ImportDesk) -> None:
    report = importer.run(csv_of(ROW, "INV-2,S-1,B-1,-5,2026-02-27", "INV-3,S-1,B-1,500,2026-02-27"))
    assert [r.line for r in report.refused] == [3]
    assert report.approved_principal == 800_00 + 400_00


def test_a_number_that_is_in_the_file_twice(importer: ImportDesk) -> None:
    report = importer.run(
        csv_of(ROW, ROW, "INV-1,Shakti Castings,B-1,7,2026-02-27", "INV-1,S-2,B-1,5,2026-02-27")
    )
    assert [(r.line, r.outcome) for r in report.refused] == [(3, "invalid"), (4, "conflict")]
    assert "stands in line 2 already" in report.refused[0].reason
    assert "stands in line 2 already" in report.refused[1].reason


def test_an_order_that_is_in_the_file_twice_and_an_unknown_carrier(importer: ImportDesk) -> None:
    report = importer.run(
        csv_of(f"{ROW},O-1,", "INV-2,S-2,B-1,5,2026-02-27,O-1,tusker", "INV-3,S-2,B-1,5,2026-02-27,O-2,dhl",
               header=f"{HEADER},Order,Carrier"),
        mapping=TRACKED_MAPPING,
    )  # fmt: skip
    assert [(r.line, r.outcome) for r in report.refused] == [(3, "invalid"), (4, "invalid")]
    assert "Order: “O-1” stands in line 2 already" in report.refused[0].reason
    assert "Carrier: The delivery company “dhl” is not configured" in report.refused[1].reason


def test_a_byte_order_mark_semicolons_quotes_and_blank_lines(importer: ImportDesk) -> None:
    text = '\ufeffNo;Seller;"Buyer";Amount;Date\r\n\r\n"INV ""1""";shakti  castings;B-1;"1,00,000.00";2026-02-27\r\n'
    report = importer.run(text)
    [result] = report.results
    assert (result.line, result.number) == (3, 'INV "1"')
    assert result.amount == 100_000_00
    assert result.outcome == "not_financeable"  # two blanks in the name: not guessed at
    assert importer.run(text.replace("  ", " ")).results[0].outcome == "refused_by_limit"


def test_mappings() -> None:
    assert parse_mapping(MAPPING) == ColumnMapping("No", "Seller", "Buyer", "Amount", "Date")
    assert parse_mapping(f'"number=Invoice, No.",{MAPPING.partition(",")[2]}').number == "Invoice, No."
    for text, field in (
        (MAPPING.replace("amount=Amount,", ""), "amount"),
        (f"{MAPPING},colour=x", "mapping"),
        (f"{MAPPING},number=x", "mapping"),
        (MAPPING.replace("=No", "="), "mapping"),
        (f"{MAPPING},carrier=c", "order_ref"),
        ("", "number"),
    ):
        with pytest.raises(InvalidInput) as caught:
            parse_mapping(text)
        assert caught.value.field == field, text


def test_dates() -> None:
    assert read_date(" 1/3/2012 ", "%m/%d/%Y", field="date") == date(2012, 1, 3)
    assert read_date("2012-01-03", "", field="date") == date(2012, 1, 3)
    for pattern in ("%m/%d", "no", "%Q", "%d", "%y"):
        with pytest.raises(InvalidInput) as caught:
            check_date_format(pattern)
        assert caught.value.field == "date_format"
