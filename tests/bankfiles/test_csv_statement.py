"""Statements as CSV: how banks of different countries write them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tusker.bankfiles.formats import Reading
from tusker.bankfiles.statements import read_statement_file
from tusker.bankfiles.tables.cells.days import check_date_format
from tusker.bankfiles.tables.columns.heads import parse_columns
from tusker.domain.bank.banking import Statement
from tusker.errors import InvalidInput, UnreadableFile

INDIAN = """Account Number :,50100012345678
Statement From,01/03/2026

Date,Narration,Chq./Ref.No.,Value Dt,Withdrawal Amt.,Deposit Amt.,Closing Balance
01/03/26,NEFT CR-ACME LTD-INV 7,N0601,02/03/26,,"1,25,000.50","1,35,000.50"
02/03/26,"IMPS-PAY-7-1, SUPPLIER",N0602,02/03/26,"35,000.00",,"1,00,000.50"
"""
GERMAN = """Buchungstag;Wertstellung;Verwendungszweck;Kontonummer/IBAN;Betrag;Währung
02.03.2026;03.03.2026;Rechnung 7 Müller;DE89370400440532013000;1.250,50;EUR
03.03.2026;03.03.2026;Gehalt;;-250,50;EUR
"""


def _read(data: str | bytes, currency: str = "INR", exponent: int = 2, **options: Any) -> Statement:
    raw = data if isinstance(data, bytes) else data.encode()
    read = read_statement_file(raw, "statement.csv", Reading(currency, exponent, **options))
    assert read.format == "csv"
    [statement] = read.statements
    return statement


def test_an_indian_statement() -> None:
    statement = _read(INDIAN)
    assert statement.account == "50100012345678"
    assert (statement.opened_on, statement.closed_on) == (date(2026, 3, 1), date(2026, 3, 2))
    assert (statement.opening_balance, statement.closing_balance) == (1_000_000, 10_000_050)
    came, left = statement.entries
    assert (came.direction, came.amount, came.bank_reference) == ("credit", 12_500_050, "N0601")
    assert (came.booked_on, came.value_date) == (date(2026, 3, 1), date(2026, 3, 2))
    assert (left.direction, left.amount, left.remittance) == ("debit", 3_500_000, "IMPS-PAY-7-1, SUPPLIER")
    assert statement.skipped == ()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_german_statement(encoding: str) -> None:
    came, left = _read(GERMAN.encode(encoding), "EUR").entries
    assert (came.direction, came.amount, came.remittance) == ("credit", 125_050, "Rechnung 7 Müller")
    assert came.counterparty_account == "DE89370400440532013000"
    assert (left.direction, left.amount, left.booked_on) == ("debit", 25_050, date(2026, 3, 3))


def test_newest_first_and_a_row_missing() -> None:
    lines = INDIAN.splitlines()
    turned = "\n".join([*lines[:4], *reversed(lines[4:])])
    statement = _read(turned)
    assert (statement.opening_balance, statement.closing_balance) == (1_000_000, 10_000_050)
    gap = _read(INDIAN.replace('"1,35,000.50"', '"1,35,001.50"'))
    assert (gap.opening_balance, gap.closing_balance) == (None, None)
    assert gap.skipped == ("The balance column does not follow from the rows; a row may be missing.",)


@pytest.mark.parametrize(
    ("amount", "signed"),
    [
        ("100", 10000),
        ("-100.5", -10050),
        ("−100.50", -10050),
        ("100.50-", -10050),
        ("(100.50)", -10050),
        ("+100", 10000),
        ("₹ 1,00,000.00", 10_000_000),
        ("INR 100", 10000),
        ("Rs. 100.00", 10000),
        ("100.50 Cr", 10050),
        ("100.50 DR", -10050),
        ("100.50 (Dr)", -10050),
        ("1 000.50", 100_050),
        ("1'000.50", 100_050),
        ("12,34,567.89", 123_456_789),
    ],
)
def test_amounts(amount: str, signed: int) -> None:
    [entry] = _read(f'Date,Amount\n2026-03-02,"{amount}"\n').entries
    assert entry.signed == signed


@pytest.mark.parametrize("amount", ["USD 12.50", "$12.50", "€7.00", "7.00 EUR"])
def test_an_amount_with_another_currencys_sign_is_not_read(amount: str) -> None:
    statement = _read(f'Date,Amount\n2026-03-02,5\n2026-03-02,"{amount}"\n')
    assert [entry.amount for entry in statement.entries] == [500]
    assert "is not a number" in statement.skipped[0]


def test_where_what_came_in_is_marked_an_amount_without_a_mark_is_not_guessed() -> None:
    rows = "2026-03-02,5.00 Cr\n2026-03-02,3.00 debit\n2026-03-02,2.00\n"
    statement = _read("Date,Amount\n" + rows)
    assert [entry.signed for entry in statement.entries] == [500, -300]
    assert "“2.00” is marked neither credit nor debit" in statement.skipped[0]
    assert [e.signed for e in _read("Date,Amount\n" + rows.replace(" Cr", "")).entries] == [500, -300, 200]


@pytest.mark.parametrize(
    ("text", "exponent", "minor"),
    [
        ("1.250", 2, 125_000),
        ("1.250;", 2, 125_000),
        ("1,250", 2, 125_000),
        ("1,5", 2, 150),
        ("1250", 0, 1250),
    ],
)
def test_the_decimal_mark_follows_from_the_figures(text: str, exponent: int, minor: int) -> None:
    [entry] = _read(f"Date\tAmount\n2026-03-02\t{text.strip(';')}\n", exponent=exponent).entries
    assert entry.amount == minor


@pytest.mark.parametrize(
    "text",
    [
        *("2026-03-02", "02/03/2026", "2/3/2026", "02-03-2026", "02.03.2026", "02/03/26", "02-Mar-2026"),
        *("2 Mar 2026", "20260302", "2026/03/02", "2026-03-02T10:00:00", "02-Mar-26", "2 March 2026"),
    ],
)
def test_dates(text: str) -> None:
    [entry] = _read(f"Txn Date|Amount (INR)\n{text}|5\n").entries
    assert entry.booked_on == date(2026, 3, 2)


def test_day_or_month_first_is_settled_by_the_other_rows_the_head_or_the_setting() -> None:
    def days(text: str, **options: str) -> list[date]:
        return [entry.booked_on for entry in _read(text, **options).entries]

    month_first = [date(2026, 3, 2), date(2026, 3, 31)]
    assert days("Date,Amount\n03/02/2026,5\n03/31/2026,6\n") == month_first
    assert days("Date (mm/dd/yyyy),Amount\n03/02/2026,5\n") == month_first[:1]
    assert days("Date,Amount\n03/02/2026,5\n", csv_date_format="%m/%d/%Y") == month_first[:1]
    assert days("Date,Value Date,Amount\n03/02/2026,03/31/2026,5\n") == month_first[:1]
    assert days("Date (dd/mm/yyyy),Amount\n03/02/2026,5\n") == [date(2026, 2, 3)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Date,Amount\n31/03/2026,5\n03/31/2026,6\n", "day first and .* month first in one column"),
        ("Date (dd/mm/yyyy),Amount\n03/31/2026,6\n", "says dmy, but its days do not"),
        (
            "Date,Amount\n03/09/2026,1\n03/10/2026,2\n04/01/2026,3\n",
            "is not clear; set STATEMENT_DATE_FORMAT",
        ),
    ],
)
def test_days_that_contradict_each_other_refuse_the_file(text: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        _read(text)


def test_a_column_may_say_credit_or_debit() -> None:
    text = "Date,Amount,Dr/Cr\n2026-03-02,5,CR\n2026-03-02,6,DR\n2026-03-02,7,?\n"
    statement = _read(text)
    assert [entry.signed for entry in statement.entries] == [500, -600]
    assert statement.skipped == ("Line 4: “?” is neither credit nor debit; skipped.",)


@pytest.mark.parametrize(
    ("row", "note"),
    [
        (",5", "no date"),
        ("yesterday,5", "its date “yesterday” is not one"),
        ("1999-12-31,5", "its date 1999-12-31 is out of range"),
        ("2026-03-02,", "no amount"),
        ("2026-03-02", "no amount"),
        ("2026-03-02,0.00", "its amount is zero"),
        ("2026-03-02,five", "its amount “five” is not a number"),
        ("2026-03-02,1.005", "its amount 1.005 is finer than 2 decimals"),
        ("2026-03-02,0.005", "its amount 0.005 is finer than 2 decimals"),
        ("Tota,12", "its date “Tota” is not one"),
    ],
)
def test_rows_that_cannot_be_read_are_named(row: str, note: str) -> None:
    statement = _read(f'Date,Amount\n2026-03-02,"1,000.00"\n2026-03-02,0.10\n\n{row}\n')
    assert len(statement.entries) == 2
    assert len(statement.skipped) == 1
    assert statement.skipped[0].startswith("Line 5: ")
    assert note in statement.skipped[0]


def test_debit_and_credit_in_one_row_say_two_things() -> None:
    statement = _read("Date,Debit,Credit\n2026-03-02,5,-\n2026-03-02,5,6\n2026-03-02,-5,\n")
    assert [entry.signed for entry in statement.entries] == [-500, 500]
    assert statement.skipped == ("Line 3: it has both a debit and a credit; skipped.",)
    assert statement.doubt == (
        "Line 3: it has both a debit and a credit. Line 4 has a minus against its side and was read as a reversal."
    )


@pytest.mark.parametrize(
    ("rows", "signed"),
    [
        ("5,-\n-,6\n-5,\n", [-500, 600, 500]),
        ("-5,\n,6\n-7,\n", [-500, 600, -700]),
        (",-4\n,6\n", [-400, 600]),
    ],
    ids=["a reversal of a debit", "all that left has a minus", "a reversal of a credit"],
)
def test_a_minus_in_a_column_of_its_own(rows: str, signed: list[int]) -> None:
    lines = "".join(f"2026-03-02,{row}\n" for row in rows.splitlines())
    assert [entry.signed for entry in _read("Date,Debit,Credit\n" + lines).entries] == signed


def test_columns_as_configured() -> None:
    text = "Tag;Summe;Wer;Ende;Grund\n02.03.2026;1,50;ACME;PAY-1;AC04\n"
    options = {
        "csv_columns": 'Tag=booked_on,Summe=amount,"Wer=counterparty",Ende=end_to_end_id,Grund=return_reason'
    }
    [entry] = _read(text, **options).entries
    assert (entry.amount, entry.counterparty, entry.end_to_end_id) == (150, "ACME", "PAY-1")
    assert entry.return_reason == "AC04"


@pytest.mark.parametrize(
    ("columns", "words"),
    [("Tag", "“Tag” is not Header=field"), ("Tag=day", "“day” is unknown; a column holds one of booked_on")],
)
def test_a_wrong_configuration_names_the_variable(columns: str, words: str) -> None:
    with pytest.raises(InvalidInput, match="STATEMENT_CSV_COLUMNS") as refused:
        parse_columns(columns)
    assert words in refused.value.message


@pytest.mark.parametrize("pattern", ["%d/%m", "nonsense", "%Q", "%d%"])
def test_a_wrong_date_format_names_the_variable(pattern: str) -> None:
    with pytest.raises(InvalidInput, match="STATEMENT_DATE_FORMAT"):
        check_date_format(pattern)


def test_the_account_is_the_given_one_where_the_file_is_silent() -> None:
    text = "Date,Amount\n2026-03-02,5\n"
    one, other = _read(text, own=("A1",)), _read(text, own=("A2",))
    assert one.account == "A1"
    assert one.entries[0].fingerprint != other.entries[0].fingerprint


def test_overlapping_files_share_fingerprints_and_twins_stay_two() -> None:
    row = "2026-03-02,5,x\n"
    twins = [e.fingerprint for e in _read(f"Date,Amount,Memo\n{row}{row}").entries]
    longer = [e.fingerprint for e in _read(f"Date,Amount,Memo\n2026-03-01,4,y\n{row}{row}").entries]
    assert longer[1:] == twins
    assert len(set(longer)) == 3


HEADS = "Date,Narration,Debit,Credit,Balance\n"


def test_sums_and_balances_around_the_rows_are_no_movements() -> None:
    statement = _read(
        HEADS
        + "01/03/2026,OPENING BALANCE,,100.00,100.00\n"
        + "02/03/2026,a,,5.00,105.00\n"
        + "03/03/2026,b,1.00,,104.00\n"
        + "*****,*****,*****\n"
        + ",Total,1.00,5.00,\n"
        + "Dr Count,Cr Count,Debits,Credits\n"
        + "1,1,1.00,5.00\n"
        + "End of statement\n"
    )
    assert [entry.signed for entry in statement.entries] == [500, -100]
    assert (statement.skipped, statement.doubt) == ((), "")
    assert (statement.opening_balance, statement.closing_balance) == (10_000, 10_400)


def test_the_opening_balance_checks_the_first_row() -> None:
    turned = _read(
        HEADS + "01/03/2026,B/F,,,100.00\n".replace("B/F", "Balance B/F") + "02/03/2026,a,5.00,,105.00\n"
    )
    assert turned.doubt == "The balance says the opposite of what line 3 says."


def test_a_narration_on_several_lines_is_one() -> None:
    statement = _read(
        HEADS
        + "02/03/2026,NEFT CR-EXAM0000001-ACME,,5.00,105.00\n"
        + ",A/C NO 998877665544,,,\n"
        + "03/03/2026,b,1.00,,104.00\n"
    )
    assert [entry.remittance for entry in statement.entries] == [
        "NEFT CR-EXAM0000001-ACME A/C NO 998877665544",
        "b",
    ]
    assert not statement.account_named


def test_heads_that_a_bank_repeats_on_each_page_are_left_out() -> None:
    rows = ["02/03/2026,a,,5.00,105.00\n", "03/03/2026,b,1.00,,104.00\n"]
    statement = _read(
        "Account No : 12345678\n" + HEADS + rows[0] + "Account No : 12345678\n" + HEADS + rows[1]
    )
    assert (len(statement.entries), statement.skipped, statement.account) == (2, (), "12345678")
    with pytest.raises(InvalidInput, match="several accounts"):
        _read("Account No : 12345678\n" + HEADS + rows[0] + "Account No : 12345679\n" + HEADS + rows[1])


def test_two_columns_of_money_with_one_head_refuse_the_file_where_they_differ() -> None:
    heads = "Date,Narration,Debit,Credit,Credit\n"
    with pytest.raises(UnreadableFile, match="Two columns are headed “Credit” and differ"):
        _read(heads + "2026-03-02,a,1.00,,\n2026-03-03,b,,5.00,7.00\n")
    statement = _read(heads + "2026-03-02,a,1.00,,\n2026-03-03,b,,5.00,5.00\n")
    assert [entry.amount for entry in statement.entries] == [100, 500]


def test_amounts_in_another_currency_by_their_head_refuse_the_file() -> None:
    with pytest.raises(InvalidInput, match="“Amount \\(USD\\)” is in USD, not INR"):
        _read("Date,Amount (USD)\n2026-03-02,5\n")


@pytest.mark.parametrize("amount", ["--5", "(-5)", "5-5", "+-5", "-5-", "5.0.0", "1,2345.00", "1e3", "0x10"])
def test_an_amount_that_is_written_in_no_known_way_is_skipped(amount: str) -> None:
    statement = _read(f'Date,Amount\n2026-03-02,+1\n2026-03-02,"{amount}"\n')
    assert [entry.amount for entry in statement.entries] == [100]
    assert len(statement.skipped) == 1


def test_what_keeps_a_spreadsheet_from_taking_a_cell_for_a_number_is_left_out() -> None:
    [entry] = _read(
        'Date,Ref No,Narration,Debit,Credit\n\'02/03/2026,\'00123,\'tis,="",="1,000.50"\n'
    ).entries
    assert (entry.signed, entry.bank_reference, entry.remittance) == (100_050, "00123", "'tis")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark(encoding: str) -> None:
    assert len(_read(INDIAN.encode(encoding)).entries) == 2


@pytest.mark.parametrize(
    ("row", "signed", "words"),
    [
        ("Transfer Debit,,5.00", None, "it is written as a credit, but “Transfer Debit” says the other"),
        ("Transfer Credit,5.00,", None, "it is written as a debit, but “Transfer Credit” says the other"),
        ("Transfer Debit,,-5.00", -500, ""),
        ("Transfer Credit,,-5.00", -500, ""),
        ("NEFT,,5.00", 500, ""),
        ("Credit Card,5.00,", -500, ""),
        ("Debit,,5.00 Cr", None, "it is written as a credit, but “Debit” says the other"),
        ("Debit,,5.00 Dr", None, "“5.00 Dr” stands in the column of the credits"),
    ],
)
def test_a_word_beside_the_two_sides_has_to_agree(row: str, signed: int | None, words: str) -> None:
    statement = _read(f"Date,Type,Debit,Credit\n2026-03-01,Credit,,1.00\n2026-03-02,{row}\n")
    assert [entry.signed for entry in statement.entries[1:]] == ([] if signed is None else [signed])
    assert [words in note for note in statement.skipped] == ([True] if words else [])
    if words:
        assert words in statement.doubt


def test_a_mark_and_a_word_of_one_amount_have_to_agree() -> None:
    statement = _read(
        "Date,Amount,Dr/Cr\n2026-03-02,5.00 Cr,Cr\n2026-03-02,6.00 Cr,Dr\n2026-03-02,7.00,Foo\n"
    )
    assert [entry.signed for entry in statement.entries] == [500]
    assert [("says the other" in note, "neither credit nor debit" in note) for note in statement.skipped] == [
        (True, False),
        (False, True),
    ]


@pytest.mark.parametrize(
    ("heads", "rows"),
    [
        ("Date,Narration,Debit,Credit", "46083,ACME,--,400.00\n46084.5,RENT,150.00,---"),
        ("Datum;Buchungstext;Belastung;Gutschrift", "02.03.2026;ACME;;400,00\n03.03.2026;MIETE;150,00;"),
        (
            "Buchungsdatum;Zahlungspflichtige*r;Zahlungsempfänger*in;IBAN;Betrag (€)",
            "02.03.26;ACME;ICH;DE89370400440532013000;400,00\n03.03.26;ICH;L;DE02120300000000202051;-150,00",
        ),
    ],
)
def test_days_as_spreadsheets_count_them_and_more_heads(heads: str, rows: str) -> None:
    statement = _read(f"{heads}\n{rows}", currency="EUR")
    assert [entry.signed for entry in statement.entries] == [400_00, -150_00]
    assert [entry.booked_on for entry in statement.entries] == [date(2026, 3, 2), date(2026, 3, 3)]
    assert statement.doubt == ""
