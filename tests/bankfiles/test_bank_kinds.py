"""Kinds of tables that banks of many countries give: what each reads as, and what it may never be read as."""

from __future__ import annotations

import pytest

from tests.support.bank_tables import OURS
from tusker.bankfiles.formats import Reading
from tusker.bankfiles.statements import read_statement_file
from tusker.domain.bank.banking import Statement
from tusker.errors import UnreadableFile

ABOVE = f"Account No;{OURS}\n"
MOVED = [100_00, -50_00]
READING = Reading("INR", 2, (OURS,))


def _read(text: str, encoding: str = "utf-8") -> Statement:
    [statement] = read_statement_file(text.encode(encoding), "x", READING).statements
    return statement


TABLES = {
    "months in words, sides behind amounts": "Date;Text;Amount\n01-MAR-26;A;100.00CR\n02-MAR-26;B;50.00DR\n",
    "Rs. and /-": "Date;Text;Amount\nMar 1, 2026;A;Rs. 100.00/- Cr\nMar 2, 2026;B;Rs. 50.00/- Dr\n",
    "sides before currencies": "Date;Text;Amount\n01-03-26;A;Cr INR 100.00\n02-03-26;B;Dr Rs. 50.00\n",
    "Haben and Soll": "Buchungstag;Text;Betrag;Saldo\n01.03.2026;A;100,00 H;200,00 H\n02.03.2026;B;50,00 S;150,00 H\n",
    "trailing minus": "Date;Text;Amount\n01.03.2026;A;100.00\n02.03.2026;B;50.00-\n",
    "brackets and a sum": "Date;Text;Amount\n01-03-26;A;100.00\n02-03-26;B;(50.00)\nTotal;;50.00\n",
    "sums with a day": (
        "Date;Text;Debit;Credit;Balance\n01/03/26;A;;100.00;200.00\n02/03/26;B;50.00;;150.00\n"
        "02/03/26;Closing Balance;;150.00;150.00\n02/03/26;TOTAL;50.00;100.00;150.00\n"
    ),
    "sums with a day and one amount": (
        "Date;Text;Amount;Dr/Cr\n01/03/26;A;100.00;Cr\n02/03/26;B;50.00;Dr\n"
        "02/03/26;Total Credits;100.00;Cr\n02/03/26;Total of the period;50.00;Dr\n"
    ),
    "a sum of the page with a day": (
        "Date;Text;Debit;Credit;Balance\n01/03/26;A;;100.00;200.00\n01/03/26;Page Total;;100.00;\n"
        "02/03/26;B;50.00;;150.00\n02/03/26;Closing Bal as on 31/03/26;;150.00;\n"
    ),
    "carried over": (
        "Date;Text;Debit;Credit;Balance\n01/03/26;B/F;;100.00;100.00\n01/03/26;A;;100.00;200.00\n"
        "02/03/26;B;50.00;;150.00\n02/03/26;C/F;;150.00;150.00\n"
    ),
    "years behind an apostrophe": "Date;Text;Amount\n01 Mar'26;A;100.00\n02 Mar'26;B;(50.00)\n",
    "opening balance as a credit": (
        "Date;Text;Debit;Credit;Balance\n01/03/26;Opening Balance;;100.00;100.00\n"
        "01/03/26;A;;100.00;200.00\n02/03/26;B;50.00;;150.00\n"
    ),
    "page breaks": (
        "Date;Text;Debit;Credit;Balance\n01/03/26;A;;100.00;200.00\nPage 1;;;;\nDate;Text;Debit;Credit;Balance\n"
        "B/F;;;;200.00\n02/03/26;B;50.00;;150.00\n***END***\n"
    ),
    "heads in two rows": "Date;Text;Amount;;Left\n;;Debit;Credit;\n1/3/26;A;;100.00;200.00\n2/3/26;B;50.00;;150.00\n",
    "payments and receipts": "Date;Text;Payments;Receipts\n1/3/26;A;;100.00\n2/3/26;B;50.00;\n",
    "credited and debited": "Date;Text;Amount Credited;Amount Debited\n1/3/26;A;100.00;\n2/3/26;B;;50.00\n",
    "what is not booked": (
        "Date;Text;Amount;Status\n1/3/26;A;100.00;Success\n2/3/26;B;-50.00;Completed\n"
        "2/3/26;C;7.00;Pending\n2/3/26;D;8.00;Failed\n2/3/26;E;9.00;Umsatz vorgemerkt\n"
        "2/3/26;F;7.00;Uncleared\n2/3/26;G;7.00;Not posted\n"
    ),
    "services for types, signs for sides": (
        "Date;Text;Type;Amount\n1/3/26;A;Credit Transfer;100.00\n2/3/26;B;Debit Transfer;-50.00\n"
    ),
    "af and bij": "Datum;Naam / Omschrijving;Af Bij;Bedrag\n20260301;A;Bij;100,00\n20260302;B;Af;50,00\n",
    "two balances": (
        "Date;Text;Closing ledger balance;Credit amount;Debit amount;Balance\n"
        "1/3/26;A;150.00;100.00;;200.00\n2/3/26;B;150.00;;-50.00;150.00\n"
    ),
    "value for the amount": (
        f"Date;Type;Description;Value;Balance;Account Number\n1/3/26;BAC;A;100.00;200.00;'{OURS}\n"
        f"2/3/26;D/D;B;-50.00;150.00;'{OURS}\n"
    ),
    "value for the day": "Date;Value;Text;In;Out\n28/2/26;01/03/26;A;100.00;\n28/2/26;02/03/26;B;;50.00\n",
    "amounts in and out": "Date;Text;Amount In;Amount Out\n1/3/26;A;100.00;\n2/3/26;B;;50.00\n",
    "an amount in the currency": "Date;Text;Amount in INR;Db/Cr\n1/3/26;A;100.00;Cr\n2/3/26;B;50.00;Db\n",
    "balances with a day and without a column": (
        "Date;Text;Debit;Credit\n01/03/26;Opening Balance;;100.00\n01/03/26;A;;100.00\n02/03/26;B;50.00;\n"
        "31/03/26;Closing Balance as on 31 March 2026;;150.00\n"
    ),
    "balances with a side": (
        "Date;Text;Debit;Credit;Balance\n01/03/26;Balance Forward;;100.00;100.00 Cr\n01/03/26;A;;100.00;200.00Cr\n"
        "02/03/26;B;50.00;;150.00Cr\n31/03/26;Closing Balance (INR);;150.00;150.00Cr\n"
    ),
    "a separator behind each row": "Date;Text;Debit;Credit\n1/3/26;A;;100.00;\n2/3/26;B;50.00;;\n",
    "balances in other words": (
        "Date;Text;Debit;Credit;Balance\n28/2/26;Op. Bal;;100.00;100.00\n1/3/26;A;;100.00;200.00\n"
        "2/3/26;B;50.00;;150.00\n31/3/26;Balance as on 31/03/2026;;150.00;150.00\n"
    ),
    "sums of a day that leave the balance": (
        "Date;Text;Debit;Credit;Balance\n1/3/26;A;;100.00;200.00\n1/3/26;Day Total;;100.00;200.00\n"
        "2/3/26;B;50.00;;150.00\n2/3/26;Sub Total;50.00;;150.00\n"
    ),
    "one head in two rows": (
        "Txn;Value;Narration;Withdrawal;Deposit;Closing\nDate;Date;;Amt;Amt;Balance\n"
        "1/3/26;1/3/26;A;;100.00;200.00\n2/3/26;2/3/26;B;50.00;;150.00\n"
    ),
    "sides under a head that is not known": "Date;Text;Amount;Way\n1/3/26;A;100.00;Cr\n2/3/26;B;50.00;Dr\n",
    "sides under no head": "Date;Text;Amount;;Balance\n1/3/26;A;100.00;C;200.00\n2/3/26;B;50.00;D;150.00\n",
    "the amount in our currency": (
        "Date;Text;Transaction Amount;Amount (INR)\n1/3/26;A;+1.20;+100.00\n2/3/26;B;-0.60;-50.00\n"
    ),
    "heads in capitals on the second page": (
        "Date;Text;Debit;Credit\n1/3/26;A;;100.00\nDATE;TEXT;DEBIT;CREDIT\n2/3/26;B;50.00;\n"
    ),
    "a period that says that the month comes first": (
        "Period 03/01/2026 to 03/31/2026\nDate;Text;Debit;Credit\n03/01/26;A;;100.00\n03/02/26;B;50.00;\n"
    ),
    "signs behind and days of the week": "Date;Text;Amount\nSun, 01 Mar 2026;A;100,00+\nMon, 02 Mar 2026;B;50,00-\n",
    "a value date in brackets": (
        "Date (Value Date);Text;Debit;Credit\n01-Mar-26 (01-Mar-26);A;;100.00\n02-Mar-26 (02-Mar-26);B;50.00;\n"
    ),
    "states of other languages": (
        "Date;Text;Amount;Statut\n1/3/26;A;+100.00;Comptabilisé\n2/3/26;B;-50.00;Comptabilisé\n"
        "3/3/26;C;-7.00;En attente\n"
    ),
    "units that say nothing": (
        "(All amounts in Rs. and Paise)\nAmount in INR/Paise\n"
        "Date;Text;Debit;Credit\n1/3/26;A;;100.00\n2/3/26;B;50.00;\n"
    ),
    "zeros before thousands": "Date;Text;Amount\n1/3/26;A;0,100.00\n2/3/26;B;-0,050.00\n",
    "an opening balance and texts that go on": (
        "Date;Text;Debit;Credit\n;Opening Balance;;\n1/3/26;A;;100.00\n;of ACME;;\n2/3/26;B;50.00;\n;of BETA;;\n"
    ),
    "a title and texts that go on": (
        "Date;Text;Debit;Credit;Balance\n;Transactions of March;;;\n1/3/26;A;;100.00;200.00\n"
        "2/3/26;B;50.00;;150.00\n;of BETA;;;\n;Thank you;;;\n"
    ),
    "french": (
        "Date de comptabilisation;Libellé opération;Montant opération en INR\n01/03/2026;A;100,00\n"
        "02/03/2026;B;-50,00\n"
    ),
    "swedish": "Bokföringsdatum;Text;Belopp;Saldo\n2026-03-01;A;100,00;200,00\n2026-03-02;B;-50,00;150,00\n",
    "spanish": "Fecha;Concepto;Cargo;Abono;Saldo\n1/3/26;A;;100,00;200,00\n2/3/26;B;50,00;;150,00\n",
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
@pytest.mark.parametrize("name", TABLES)
def test_a_kind_of_table(name: str, encoding: str) -> None:
    statement = _read(ABOVE + TABLES[name], encoding)
    assert [entry.signed for entry in statement.entries] == MOVED
    assert [entry.value_date.isoformat() for entry in statement.entries] == ["2026-03-01", "2026-03-02"]
    assert (statement.doubt, statement.account) == ("", OURS)


_COMMAS = ABOVE.replace(";", ",")


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        # a thousand without quotes before a column that is empty
        (
            "Date,Text,Debit,Credit,Remarks\n1/3/26,A,,1,000.00,\n2/3/26,B,,5.00,\n",
            "Line 3: it has more cells",
        ),
        ("Date,Text,Debit,Credit,Remarks\n1/3/26,A,,1,000.00,\n", "Line 3 may have a comma without quotes"),
        ("Date,Text,Debit,Credit,Remarks\n1/3/26,A,,1,000.00\n2/3/26,B,,5.00\n", "Line 3 may have a comma"),
        ("Date,Text,Amount,Note\n1/3/26,A,-1000,50,\n2/3/26,B,5,00,\n", "Line 3 may have a comma"),
        # a comma in a narration moves what stands behind it
        ("Date,Text,Debit,Credit,\n1/3/26,Inv 5, 7,,5.00\n2/3/26,B,,5.00\n", "Line 3: it has more cells"),
        ("Date,Text,Debit,Credit,\n1/3/26,Inv 5, 7,,5.00,\n2/3/26,B,,5.00,\n", "Line 3: it has more cells"),
        ("Date,Text,Debit,Credit,\n1/3/26,Inv 5, 7,,5.00\n", "Line 3 may have a comma"),
        # the file did not come whole
        ("Date,Text,Debit,Credit,Balance\n1/3/26,A,,1.00,1.00\n2/3/26,B,,5", "in it, or be cut off"),
        ("Date,Text,Amount\n1/3/26,A,-1.00\n2/3/26,B,-5", "Line 4 may have a comma"),
        ("Date,Amount,Text\n1/3/26,-1.00,A\n2/3/26,-5", "Line 4 may have a comma"),
        # a spreadsheet writes amounts as short as they go
        ("Date,Text,Debit,Credit\n1/3/26,A,,1250.5\n2/3/26,B,,999.99\n3/3/26,C,,5000\n", ""),
        (
            "Date,Text,Debit,Credit,Balance\n3/3/26,C,,1.25,5003.5\n2/3/26,B,,1.25,5002.25\n1/3/26,A,,1,5001\n",
            "",
        ),
        ("Date,Text,Debit,Credit,Balance\n2/3/26,B,,1.25,1.25\n1/3/26,A,7.00,,0\n", ""),
        # the rows above bear out the oldest balance, or do not
        (
            "Date,Text,Debit,Credit,Balance\n3/3/26,C,,1.25,5001.75\n2/3/26,B,,0.50,5000.50\n1/3/26,A,,1.00,5000\n",
            "",
        ),
        (
            "Date,Text,Debit,Credit,Balance\n3/3/26,C,,1.25,5001.75\n2/3/26,B,,0.50,5000.50\n1/3/26,A,,1.00,500",
            "Line 5 may have a comma",
        ),
        (
            "Date,Text,Debit,Credit,Balance\n3/3/26,C,,1.25,5001.75\n2/3/26,B,,0.50,5000.50\n1/3/26,A,,1.00,5000.0",
            "Line 5 may have a comma",
        ),
        # its own amount shows that the bank leaves zeros out
        ("Date,Text,Debit,Credit,Balance\n3/3/26,C,,1.25,5001.75\n2/3/26,B,,0.5,5000.5\n", ""),
        # the only row, cut in its amount
        ("Date,Text,Debit,Credit,Balance\n1/3/26,A,,80", "Line 3 may have a comma"),
        ("Date,Text,Debit,Credit\n1/3/26,A,0,500.00\n2/3/26,B,5.00,0\n", ""),
        ("Date,Text,Debit,Credit,Remarks\n1/3/26,A,,1.00,x\n2/3/26,B,,5.00\n", ""),
        ("Date,Text,Debit,Credit,Branch\n1/3/26,A,,1.00,1.25\n2/3/26,B,,5.00,22\n", ""),
        # or a part of it twice
        (
            "Date,Text,Credit,Debit,Balance\n1/3/26,A,1.00,,2.00\n2/3/26,B,1.00,,3.00\n2/3/26,B,1.00,,3.00\n",
            "Line 5 repeats a line before it.",
        ),
        ("Date,Ref,Amount\n1/3/26,U123,+1.00\n1/3/26,U123,+1.00\n", "the reference “U123” is in it twice"),
        # unless balances bear out both
        (
            "Date,Ref,Debit,Credit,Balance\n1/3/26,U1,,1.00,11.00\n1/3/26,U9,,1.00,12.00\n"
            "1/3/26,U9,,1.00,13.00\n2/3/26,U3,,1.00,\n3/3/26,U4,,1.00,15.00\n",
            "",
        ),
    ],
)
def test_what_is_torn_cut_or_doubled_is_never_taken_unawares(text: str, doubt: str) -> None:
    found = _read(_COMMAS + text).doubt
    assert doubt in found
    assert bool(found) == bool(doubt)


def test_balances_bear_out_what_may_be_torn() -> None:
    table = (
        "Date,Text,Credit,Balance,Branch,Debit,\n1/3/26,A,5,105,,,1\n2/3/26,B,5,110,,,1\n3/3/26,C,5,115,,,\n"
    )
    assert "Line 3" in _read(_COMMAS + table).doubt
    assert _read(_COMMAS + table.replace("Date,Text,", "Opening Balance,100\nDate,Text,")).doubt == ""


@pytest.mark.parametrize(
    "text", ["Opening balance of ACME", "Total settlement of INV 5", "Closing bal INV 7 ACME"]
)
def test_a_movement_whose_text_begins_as_a_balance_or_sum_stays_one(text: str) -> None:
    table = f"Date;Text;Debit;Credit;Balance\n1/3/26;A;;100.00;200.00\n2/3/26;{text};50.00;;\n3/3/26;C;;1.00;151.00\n"
    statement = _read(ABOVE + table)
    assert [entry.signed for entry in statement.entries] == [*MOVED, 1_00]
    assert (statement.doubt, statement.skipped) == ("", ())


@pytest.mark.parametrize(
    ("text", "what"), [("Opening balance", "the opening balance"), ("Total payment", "a sum")]
)
def test_what_only_may_be_a_balance_or_sum_is_named_and_needs_a_person(text: str, what: str) -> None:
    table = f"Date;Text;Debit;Credit;Balance\n1/3/26;A;;100.00;200.00\n2/3/26;{text};50.00;;\n3/3/26;C;;1.00;151.00\n"
    statement = _read(ABOVE + table)
    assert f"Line 4: it calls itself {what}; skipped." in statement.skipped
    assert f"Line 4 calls itself {what}, which the other rows do not bear out." in statement.doubt
    first = f"Date;Text;Credit;Balance;Debit\n1/3/26;{text} of ACME;100.00;100.00;\n2/3/26;B;;50.00;50.00\n"
    assert ("Line 3 may only carry" in _read(ABOVE + first).doubt) is (what != "a sum")


def test_the_last_row_stays_where_its_balance_says_that_it_moved() -> None:
    table = "Date;Text;Debit;Credit;Balance\n1/3/26;A;;10.00;110.00\n2/3/26;B;;5.00;115.00\n3/3/26;Total;;15.00;{}\n"
    assert [entry.signed for entry in _read(ABOVE + table.format("130.00")).entries] == [10_00, 5_00, 15_00]
    assert [entry.signed for entry in _read(ABOVE + table.format("115.00")).entries] == [10_00, 5_00]


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        # a foreign account in each row, above a further part, or alone behind a mask
        (
            "Date;Text;Debit;Credit;Kto\n1/3/26;A;;1.00;DE89370400440532013000\n2/3/26;B;2.00;;DE89370400440532013000\n",
            "“DE89370400440532013000” in each row may be another account's",
        ),
        (
            f"Statement of {OURS}\nDate;Text;Debit;Credit\n1/3/26;A;;1.00\nStatement of 999888777666\n"
            "Date;Text;Debit;Credit\n2/3/26;B;;2.00\n",
            "“999888777666” above a further part",
        ),
        ("Compte;****7666\nDate;Text;Debit;Credit\n13/01/26;A;;1.00\n", "“****7666” around the table"),
        # days that are not of the period
        (
            ABOVE + "From 01/03/2026 To 31/03/2026\nDate;Text;Debit;Credit\n03/01/2026;A;;1.00\n",
            "Line 4 is of 2026-01-03, but the file says that it is from 01/03/2026 to 31/03/2026",
        ),
        (ABOVE + "Date;Text;Amount;Fee\n1/3/26;A;+1.00;0.00\n2/3/26;B;-2.00;0.10\n", "Line 4 has a fee"),
        (ABOVE + "Date;Text;Amount;Net amount\n1/3/26;A;+1.00;+0.90\n", "“Amount” and “Net amount” differ"),
        (
            ABOVE + "Date;Text;Amount;Status\n1/3/26;A;+1.00;Done\n2/3/26;B;-2.00;Grey\n",
            "Line 4: “Grey” does not say whether it is booked",
        ),
    ],
)
def test_a_kind_that_was_taken_unawares_once_needs_a_person(text: str, doubt: str) -> None:
    assert doubt in _read(text).doubt


def test_a_fee_and_two_amounts_are_settled_by_the_balances() -> None:
    table = "Opening Balance;0.00\nDate;Text;Amount;Net amount;Fee;Balance\n1/3/26;A;5.00;4.00;1.00;5.00\n"
    assert _read(ABOVE + table).doubt == ""


def test_days_that_may_be_american_need_a_person_in_dollars() -> None:
    text = f"Account No;{OURS}\nDate;Text;Debit;Credit\n03/01/26;A;;1.00\n"
    [statement] = read_statement_file(text.encode(), "x", Reading("USD", 2, (OURS,))).statements
    assert "first in its dates is not clear" in statement.doubt
    assert _read(text).doubt == ""


@pytest.mark.parametrize("amounts", [("CRC 100.00", "-CRC50.00"), ("CR CRC 100.00", "CRC50.00 Dr")])
def test_a_currency_that_begins_as_a_side_is_none(amounts: tuple[str, str]) -> None:
    text = ABOVE + "Date;Text;Amount\n1/3/26;A;{}\n2/3/26;B;{}\n".format(*amounts)
    [statement] = read_statement_file(text.encode(), "x", Reading("CRC", 2, (OURS,))).statements
    assert [entry.signed for entry in statement.entries] == MOVED


def test_the_end_of_an_account_in_a_column_is_a_masked_one() -> None:
    table = "Account Number;Date;Text;Debit;Credit\n{0};1/3/26;A;;1.00\n{0};2/3/26;B;2.00;\n"
    for cell in ("2333", "Checking xx2333"):
        assert (_read(table.format(cell)).account, "shows only" in _read(table.format(cell)).doubt) == (
            OURS,
            True,
        )
    assert _read(table.format("7666")).account == "XXXX7666"


def test_a_reference_that_a_spreadsheet_rounded_is_none() -> None:
    table = "Date;Ref No.;Text;Amount\n1/3/26;6.12346E+11;A;100.00 Cr\n2/3/26;612345678901;B;50.00 Dr\n"
    assert [entry.bank_reference for entry in _read(ABOVE + table).entries] == ["", "612345678901"]


def test_all_texts_of_a_row_are_kept() -> None:
    statement = _read(
        ABOVE
        + "Buchungstag;Buchungstext;Verwendungszweck;Betrag\n1.3.2026;GUTSCHRIFT;INV 1;5,00\n1.3.2026;x;x;-1,00\n"
    )
    assert [entry.remittance for entry in statement.entries] == ["GUTSCHRIFT INV 1", "x"]


@pytest.mark.parametrize(("account", "ours"), [(OURS, True), ("999888777666", False)])
def test_a_column_account_beside_payers_is_ours_where_it_never_changes(account: str, ours: bool) -> None:
    text = f"Date;Name;Account;Amount\n1/3/26;A;{account};100.00\n2/3/26;B;{account};-50.00\n"
    assert _read(text).account == account
    payer = _read("Date;Name;Account;Amount\n1/3/26;A;123456789;100.00\n2/3/26;B;987654321;-50.00\n")
    assert payer.entries[0].counterparty_account == "123456789"
    assert not payer.account_named


def test_a_sort_code_stands_before_an_account() -> None:
    assert _read(
        f"Date;Account;Amount;Memo\n1/3/26;20-00-00 {OURS};5.00;A\n2/3/26;20-00-00 {OURS};-5.00;B\n"
    ).account_named


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        # the third of January or the first of March?
        (
            ABOVE + "Date;Text;Debit;Credit\n03/01/26;A;;1.00\n03/02/26;B;;2.00\n03/03/26;C;;3.00\n",
            "first in its dates is not clear",
        ),
        (
            "Date;Text;Debit;Credit\n13/01/26;A;;1.00\nFor account no. 999888777666 only;;;\n",
            "may be another account's",
        ),
        (ABOVE + "Date;Text;Amount\n1/3/26;A;100.00\n2/3/26;B;50.00\n", "Nothing in it says"),
        # lakhs without quotes would be one rupee
        (
            ABOVE.replace(";", ",") + "Date,Text,Debit,Credit\n1/3/26,A,,1,00,000.00\n2/3/26,B,,5.00\n",
            "Line 3: it has more cells than there are heads",
        ),
        (
            ABOVE.replace(";", ",") + "Date,Text,Debit,Credit\n1/3/26,A,,1,00,000.00\n",
            "more cells than its heads",
        ),
        (ABOVE + "Date;Text;Debit;Credit\n1/3/26;A;;100.005\n2/3/26;B;;5.00\n", "Some of its amounts"),
        (
            ABOVE + "Date;Text;Debit;Credit\n1/3/26;A;;100.00\n1/3/26;Total Deposits;;99.00\n",
            "Line 4 calls itself a sum, but is not that of the credits",
        ),
        (
            ABOVE + "Date;Text;Debit;Credit\n1/3/26;Grand Total;;100.00\n2/3/26;A;;5.00\n",
            "Line 3 calls itself a sum",
        ),
        (
            ABOVE + "Date;Text;Type;Amount\n1/3/26;A;Credit;1.00\n2/3/26;B;Purchase;2.00\n",
            "neither credit nor debit",
        ),
        (ABOVE + "Date;Text;Amount\n1/3/26;A;+100.00\n2/3/26;B;-0,500\n", "may be thousands or a fraction"),
        (ABOVE + "Datum;Text;Betrag\n1/3/26;A;+100,00\n2/3/26;B;-0.500\n", "may be thousands or a fraction"),
        (
            ABOVE + "Date;Text;Debit;Credit\n;INV 7;;\n1/3/26;NEFT;;100.00\n;INV 8;;\n2/3/26;NEFT;;5.00\n",
            "may be another row's",
        ),
    ],
)
def test_what_is_not_sure_needs_a_person(text: str, doubt: str) -> None:
    assert doubt in _read(text).doubt


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ABOVE + "Date;Particulars;Vch Type;Vch No.;Debit;Credit\n1/3/26;A;Receipt;1;100.00;\n", "ledger"),
        ("Account Number;5.01E+13\nDate;Text;Debit;Credit\n1/3/26;A;;1.00\n", "cannot be read as a number"),
        (ABOVE + "Date;Text;Debit;Credit\n13/01/26;A;;1.00\n01/14/26;B;2.00;\n", "month first"),
        ("Date;Text;Bedrag (EUR)\n13/01/26;A;1.00\n", "in EUR, not INR"),
        ("All amounts are in USD.\nDate;Text;Debit;Credit\n13/01/26;A;;1.00\n", "an account in USD"),
        ("(Rs. in lakhs)\nDate;Text;Debit;Credit\n13/01/26;A;;1.00\n", "its amounts are in lakhs"),
        ("Amount (in paise)\nDate;Text;Debit;Credit\n13/01/26;A;;1.00\n", "its amounts are in paise"),
        ("All amounts in thousands of INR\nDate;Text;Debit;Credit\n13/01/26;A;;1.00\n", "are in thousands"),
        ("Account Currency;US Dollar\nDate;Text;Debit;Credit\n13/01/26;A;;1.00\n", "an account in USD"),
        ("Date;Text;Debit;Credit;Devise\n13/01/26;A;;1.00;EUR\n", "it is in EUR, not INR"),
        ("Date;Text;Debit;Credit;\n13/01/26;A;;1.00;EUR\n", "it is in EUR, not INR"),
        (
            "Date;Text;Debit;Credit\n1/3/26;A;;1.00\nDate;Text;Credit;Debit\n2/3/26;B;2.00;\n",
            "two tables with different heads",
        ),
        ("MIME-Version: 1.0\nContent-Type: multipart/related\n\n<html><table>", "a web archive"),
    ],
)
def test_what_can_only_be_wrong_is_refused(text: str, words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        _read(text)


@pytest.mark.parametrize(
    "line",
    [
        "Account ending in 7666",
        "Card ending 7666",
        "Acct ...7666",
        "Account *7666",
        "A/c No. XXXX7666",
        "A/C ending with 7666",
    ],
)
def test_the_end_of_a_foreign_account_is_not_taken_for_ours(line: str) -> None:
    statement = _read(f"{line}\nDate;Text;Debit;Credit\n13/01/26;A;;1.00\n")
    assert statement.account != OURS
    ours = _read(f"{line.replace('7666', OURS[-4:])}\nDate;Text;Debit;Credit\n13/01/26;A;;1.00\n")
    assert ours.account == OURS
    assert "shows only" in ours.doubt


def test_letters_before_an_account_are_its_kind() -> None:
    table = "Date;Text;Debit;Credit\n13/01/26;A;;1.00\n"
    assert _read(f"Current A/c: CA{OURS} (INR)\n{table}").account == OURS
    assert _read(f"Current A/c: CA999888777666 (INR)\n{table}").account == "CA999888777666"
