"""MT940 in the dialects of banks: envelopes and lines of their own, subfields, reversals, dates without a year."""

from __future__ import annotations

from datetime import date

import pytest

from tests.support.payment_orders import CASES
from tusker.bankfiles.formats import Reading
from tusker.bankfiles.statements import read_statement_file
from tusker.domain.bank.banking import Entry, Statement

ING = b"""{1:F01INGBNL2ABXXX0000000000}
{2:I940INGBNL2AXXXN}
{4:
:20:P140220000000001
:25:NL20INGB0001234567EUR
:28C:00000
:60F:C140219EUR662,23
:61:1402200220C1,56NTRFEREF//00000000001005
/TRCD/00100/
:86:/EREF/EV12341REP1231456T1234//CNTP/NL32INGB0000012345/INGBNL2
A/ING BANK NV INZAKE WEB///REMI/USTD//EV10001REP1000000T1000/
:61:1402200220D1,57NTRFPREF//00000000001006
:86:/PREF/DIS-2014-0007//REMI/USTD//TOTAAL 1 VZ/
:61:1402200220RC1,58NTRFEREF//00000000001008
:86:/RTRN/MS03//CNTP/NL32INGB0000012345/INGBNL2A/Klant///REMI/USTD//x/
:61:1402200220RD9,00NTRFEREF//00000000001009
:86:/EREF/P-1-2//RTRN/AC04//OCMT/EUR10,00//CNTP/NL32INGB0000012345/INGBNL2A/Leverancier///
:62F:C140220EUR669,64
:86:/SUM/4/4/134,46/36,58/
-}{5:}
"""
GERMAN = b""":20:STARTUMS
:25:37040044/0532013000
:28C:1/1
:60F:C260301EUR100,00
:61:2512310102C10,50N159KREF+//BANK1
:86:159?00RETOURE?20EREF+P-1-2?21SVWZ+RETURN AC04 Konto g?22eschlossen?30COBADEFF
?31DE89370400440532013000?32Muster GmbH
:61:260302CR5,00NMSCNONREF
:86:166?20SVWZ+Rechnung ACME-10?2101 danke?32Zahler?33 AG
:62F:C260302EUR115,50
-
"""
INDIAN = b"""{1:F01HDFCINBBAXXX0000000000}{2:O9401200260302HDFCINBBAXXX00000000002603021200N}{3:{108:1}}{4:
:20:260302
:25:HDFCINBB/000111222333
:28C:61/1
:60F:C260301INR1000,00
:61:2603020302CR8000,NTRFNONREF//HDFCN52026030212
NEFT CR-HDFC0000001-ACME LTD-INV ACME-1001
:86:NEFT CR-HDFC0000001-ACME LTD-INV ACME-1001-HDFCN520260302123456-ABCDEFGHIJK
LMNOP
:61:2603020302DR1601,40NMSCP-1-7//S1
:86:RTGS DR P-1-7
:62F:C260302INR7398,60
-}
"""


def _read(data: bytes, currency: str = "EUR") -> Statement:
    read = read_statement_file(data, "bank.sta", Reading(currency, 2))
    assert read.format == "mt940"
    [statement] = read.statements
    return statement


def _facts(entry: Entry) -> tuple[object, ...]:
    return (
        entry.signed,
        entry.bank_reference,
        entry.end_to_end_id,
        entry.counterparty,
        entry.counterparty_account,
        entry.remittance,
        entry.return_reason,
    )


def test_codes_between_slashes() -> None:
    statement = _read(ING)
    assert (statement.account, statement.skipped) == ("NL20INGB0001234567", ())
    assert (statement.opening_balance, statement.closing_balance) == (66223, 66964)
    came, batch, taken_back, returned = statement.entries
    assert _facts(came) == (
        156,
        "00000000001005",
        "EV12341REP1231456T1234",
        "ING BANK NV INZAKE WEB",
        "NL32INGB0000012345",
        "EV10001REP1000000T1000",
        None,
    )
    assert (batch.signed, batch.batch_reference, batch.end_to_end_id) == (-157, "DIS-2014-0007", "")
    assert (taken_back.signed, taken_back.return_reason) == (-158, "MS03 not specified, by the bank")
    assert _facts(returned)[:3] == (900, "00000000001009", "P-1-2")
    assert (returned.return_reason, returned.instructed, returned.charges) == (
        "AC04 closed account",
        1000,
        100,
    )


def test_numbered_subfields_and_an_entry_date_in_the_next_year() -> None:
    back, paid = _read(GERMAN).entries
    assert _facts(back) == (
        1050,
        "BANK1",
        "P-1-2",
        "Muster GmbH",
        "DE89370400440532013000",
        "RETURN AC04 Konto geschlossen",
        "AC04 closed account",
    )
    assert (back.value_date, back.booked_on) == (date(2025, 12, 31), date(2026, 1, 2))
    assert _facts(paid) == (500, "", "", "Zahler AG", "", "Rechnung ACME-1001 danke", None)


def test_bank_and_number_of_an_iban_of_ours() -> None:
    own = "DE89370400440532013000"
    for accounts, account in (((own,), own), (("DE00370400440532013001",), "0532013000")):
        read = read_statement_file(GERMAN, "x", Reading("EUR", 2, accounts))
        assert read.statements[0].account == account


@pytest.mark.parametrize("mark", ["<", ">", "^", "~", "|"])
def test_other_marks_of_subfields(mark: str) -> None:
    assert _read(GERMAN.replace(b"?", mark.encode())).entries == _read(GERMAN).entries


def test_narrations_and_amounts_of_indian_banks() -> None:
    statement = _read(INDIAN, "INR")
    assert (statement.account, statement.skipped) == ("000111222333", ())
    credit, debit = statement.entries
    assert _facts(credit)[:3] == (800000, "HDFCN52026030212", "")
    assert credit.remittance == (
        "NEFT CR-HDFC0000001-ACME LTD-INV ACME-1001-HDFCN520260302123456-ABCDEFGHIJKLMNOP"
    )
    assert _facts(debit)[:3] == (-160140, "S1", "P-1-7")


def test_a_banks_own_lines_around_a_message() -> None:
    statement = _read((CASES / "20_mt940_ing.sta").read_bytes())
    assert (statement.account, statement.entries, statement.skipped) == ("0001234567", (), ())
    assert (statement.opening_balance, statement.closed_on) == (0, date(2026, 7, 22))


def test_a_line_that_cannot_be_read_is_skipped_and_missed_in_the_balance() -> None:
    statement = _read(GERMAN.replace(b"CR5,00NMSC", b"CR5;00NMSC"))
    assert [entry.amount for entry in statement.entries] == [1050]
    assert statement.skipped[0].startswith("The balances do not add up")
    assert statement.skipped[1] == "Entry 2: “260302CR5;00NMSCNONREF” is no line of a statement; skipped."


def test_funds_code_and_lower_case_marks() -> None:
    lines = (
        b":20:X\n:25:1\n:61:260302CR5.00NTRFA1//B1\n:61:260302dR6,NTRFA2//B2\n:61:260302RDR7,5NTRFA3//B3\n"
    )
    entries = _read(lines).entries
    assert [entry.signed for entry in entries] == [500, -600, 750]
    assert [entry.return_reason for entry in entries] == [None, None, "reversed by the bank"]


def test_a_point_before_three_digits_may_part_thousands() -> None:
    statement = _read(b":20:X\n:25:1\n:61:260302C1.500NTRFA1//B1\n:61:260302D6,NTRFA2//B2\n")
    assert [entry.signed for entry in statement.entries] == [-600]
    assert "may part thousands or a fraction" in statement.skipped[0]


@pytest.mark.parametrize(
    ("opens", "closes", "noted"), [("1,", "62F", 0), ("9,", "62F", 1), ("1,", "62M", 1), ("9,", "62M", 2)]
)
def test_a_page_that_is_not_there_is_named(opens: str, closes: str, noted: int) -> None:
    pages = (
        ":20:X\n:25:1\n:28C:5/1\n:60F:C260301EUR0,\n:61:260302C1,NTRFA//B1\n:62M:C260302EUR1,\n"
        f":20:X\n:25:1\n:28C:5/2\n:60M:C260302EUR{opens}\n:{closes}:C260302EUR{opens}\n"
    )
    statements = read_statement_file(pages.encode(), "x", Reading("EUR", 2)).statements
    notes = [note for statement in statements for note in statement.skipped]
    assert len(notes) == noted
    assert all("that page is not in the file" in note for note in notes)


def test_several_messages_and_reports() -> None:
    read = read_statement_file(GERMAN + GERMAN.replace(b"STARTUMS", b"OTHER"), "x", Reading("EUR", 2))
    assert [statement.reference for statement in read.statements] == ["STARTUMS 1/1", "OTHER 1/1"]
    report = b":20:X\n:25:1\n:28C:1\n:34F:EUR0,\n:13D:2603021200+0100\n:61:260302C5,00NTRFA//B\n:90C:1EUR5,\n"
    assert read_statement_file(report, "x", Reading("EUR", 2)).format == "mt942"
