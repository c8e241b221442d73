"""Tables in the shapes of many banks: what is written is read back, and what is changed is never taken unawares."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.support.bank_tables import OURS, SHAPES, Book, Moved, Row, Shape, as_csv
from tests.support.profiles import examples
from tests.support.workbooks import Cell, ods, xlsx
from tusker.bankfiles.formats import Reading
from tusker.bankfiles.statements import read_statement_file
from tusker.domain.bank.banking import Statement
from tusker.errors import InvalidInput

FIRST = date(2026, 3, 1)
FOREIGN = "987654321098"


def read(data: bytes) -> Statement:
    [statement] = read_statement_file(
        data, "statement.xls", Reading("INR", 2, (OURS, "555000555000"))
    ).statements
    return statement


@st.composite
def books(draw: st.DrawFn) -> Book:
    """Up to eight movements on up to forty days, in order, each with a text of its own."""
    amounts = draw(st.lists(st.integers(1, 5_000_000_00), min_size=2, max_size=8))
    signs = draw(st.lists(st.booleans(), min_size=len(amounts), max_size=len(amounts)))
    steps = draw(st.lists(st.integers(0, 5), min_size=len(amounts), max_size=len(amounts)))
    days = [FIRST + timedelta(days=sum(steps[: place + 1])) for place in range(len(steps))]
    moved = [
        Moved(amount if sign else -amount, day, f"NEFT ACME INV {place}", f"UTR{place:09}")
        for place, (amount, sign, day) in enumerate(zip(amounts, signs, days, strict=True))
    ]
    return Book(moved, draw(st.integers(0, 9_000_000_00)))


def read_back(statement: Statement) -> dict[str, tuple[int, date, date]]:
    """What was read of each movement, by its text."""
    return {
        entry.remittance.strip("- "): (entry.signed, entry.booked_on, entry.value_date)
        for entry in statement.entries
    }


def expected(book: Book) -> dict[str, tuple[int, date, date]]:
    return {moved.text: (moved.signed, moved.day, moved.day) for moved in book.movements}


@pytest.mark.parametrize("name", SHAPES)
@settings(max_examples=examples(25))
@given(book=books(), encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_what_is_written_in_a_banks_shape_is_read_back(name: str, book: Book, encoding: str) -> None:
    shape = SHAPES[name]
    statement = read(as_csv(shape.write(book), shape, encoding))
    assert read_back(statement) == expected(book)
    assert statement.skipped == ()
    assert statement.doubt == ""
    assert statement.account == OURS
    assert statement.account_named is (name != "hdfc_text")
    if len({moved.day for moved in book.movements}) > 1:
        assert (statement.opening_balance, statement.closing_balance) == (book.opening, book.balanced[-1][1])


_FIGURE = re.compile(r"-?[0-9][0-9,]*(\.[0-9]+)?")


def typed(rows: list[Row], days: set[date]) -> list[list[Cell]]:
    """The rows as a spreadsheet holds them: days and figures with their types."""
    shown = {
        f"{day:{form}}": day
        for day in days
        for form in ("%d/%m/%y", "%d/%m/%Y", "%d-%m-%Y", "%d %b %Y", "%d-%b-%Y")
    }

    def cell(text: str) -> Cell:
        if text.strip() in shown:
            return shown[text.strip()]
        if _FIGURE.fullmatch(text.strip()) and "." in text:
            return float(text.replace(",", ""))
        return text or None

    return [[cell(text) for text in row] for row in rows]


@pytest.mark.parametrize("write", [lambda rows: xlsx({"Statement": rows}), ods], ids=["xlsx", "ods"])
@settings(max_examples=examples(4))
@given(book=books(), name=st.sampled_from(sorted(SHAPES)))
def test_a_workbook_is_read_like_the_text(write, name: str, book: Book) -> None:  # type: ignore[no-untyped-def]
    rows = typed(SHAPES[name].write(book), {moved.day for moved in book.movements})
    statement = read(write(rows))
    assert read_back(statement) == expected(book)
    assert (statement.skipped, statement.doubt) == ((), "")


def mutated(draw: st.DrawFn, shape: Shape, rows: list[Row], row: Row) -> None:
    """Change the sign, the side or the word of one row."""
    out, came = shape.sides
    place = out if re.search(r"[1-9]", row[out]) else came
    kinds = [
        "sign",
        *(["side"] if out != came else []),
        *(["word", "other word"] if shape.mark is not None else []),
    ]
    kind = draw(st.sampled_from(kinds))
    if kind == "sign":
        bare = row[place].strip()
        turned = {"+": "-", "-": "+"}.get(bare[0])
        row[place] = turned + bare[1:] if turned else f"-{bare}"
    elif kind == "side":
        row[out], row[came] = row[came], row[out]
    elif shape.mark is not None:
        words = {
            "DR": "CR",
            "CR": "DR",
            "Transfer Debit": "Transfer Credit",
            "Transfer Credit": "Transfer Debit",
        }
        row[shape.mark] = words[row[shape.mark]] if kind == "other word" else "Reversal of credit"


@pytest.mark.parametrize("name", SHAPES)
@settings(max_examples=examples(25))
@given(data=st.data(), book=books())
def test_a_turned_sign_side_or_word_is_never_taken_unawares(
    name: str, data: st.DataObject, book: Book
) -> None:
    """The row before the oldest cannot be checked where the file has no opening balance, nor can any order where all
    rows are of one day."""
    shape = SHAPES[name]
    assume(shape.opens or len({moved.day for moved in book.movements}) > 1)
    rows = shape.write(book)
    chosen = data.draw(st.sampled_from(book.movements[0 if shape.opens else 1 :]))
    [row] = [row for row in rows if any(chosen.text in cell for cell in row)]
    mutated(data.draw, shape, rows, row)
    try:
        statement = read(as_csv(rows, shape))
    except InvalidInput:
        return
    found, wanted = read_back(statement), expected(book)
    assert statement.doubt or found == wanted
    assert len(found) == len(wanted) or statement.skipped


@pytest.mark.parametrize("name", [name for name in SHAPES if name != "hdfc_text"])
@pytest.mark.parametrize(
    "number", [FOREIGN, f"{OURS}9", OURS[:-1], "XXXXXXXX1098", "see below", "", "********"]
)
def test_another_or_an_unreadable_account_is_never_taken_for_ours(name: str, number: str) -> None:
    shape = SHAPES[name]
    book = Book([Moved(5_00, FIRST, "A", "1"), Moved(-3_00, FIRST + timedelta(1), "B", "2")], 1_00, number)
    try:
        statement = read(as_csv(shape.write(book), shape))
    except InvalidInput:
        return
    assert statement.account_named
    assert statement.account != OURS


@pytest.mark.parametrize("number", ["XXXXXXXX2333", "0001XXXX2333", "xx2333", "****2333"])
def test_a_masked_account_is_ours_as_far_as_it_is_seen_and_needs_a_person(number: str) -> None:
    statement = read(f"Account No,{number}\nDate,Amount\n2026-03-02,+5\n".encode())
    assert (statement.account, statement.account_named) == (OURS, True)
    assert statement.doubt == f"It shows only {number.upper()} of the account, which was taken for {OURS}."


@pytest.mark.parametrize(
    "label",
    [
        "Account Statement for A/c 000111222333",
        "A/C : 000111222333",
        "Account,000111222333",
        "Account No.: 0001-1122-2333",
        "Account No : 0001 1122 2333 SAVINGS",
        "Account Number,'000111222333",
        "Account Number,SB-000111222333/INR",
        "Account Number (INR),111222333",
        "Account Name,ACME\nAccount Number,,000111222333,IFSC",
        "Account No. 000111222333 Currency INR",
        "Linked Loan Account No : 999888777666\nAccount No : 000111222333",
        "Acct #000111222333",
        "Name,Account No.,Period\nACME,000111222333,March",
        "Account_Number:000111222333",
        "Your Account Number is 000111222333",
        "Customer Account Number : 000111222333",
        "खाता संख्या : 000111222333",
        "Loan Account Number : 000111222333",
        "EXAMPLE FINANCE,000111222333",
    ],
)
def test_an_account_is_found_where_a_bank_writes_it(label: str) -> None:
    statement = read(f"{label}\nDate,Amount\n2026-03-02,+5\n".encode())
    assert (statement.account, statement.account_named, statement.doubt) == (OURS, True, "")


@pytest.mark.parametrize(
    "words",
    [
        *("Account Name : ACME 2012", "Account Type,Current", "Account Statement from 01/03/2026"),
        *("Account Branch,FORT 400001", "Your account number is never asked for by phone"),
        *("Account balance,100000.00", "Nominee account: none"),
    ],
)
def test_other_words_with_account_name_none(words: str) -> None:
    assert not read(f"{words}\nDate,Amount\n2026-03-02,+5\n".encode()).account_named


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("Account No : ask us\n", "“ask us” cannot be read as a number of one"),
        ("Account No :\n", "cannot be read as a number"),
        (f"Account No : {OURS}\nAccount Number : {FOREIGN}\n", "is of several accounts"),
        (f"Account No : {OURS}\nCurrency,USD\n", "is of an account in USD"),
        (f"Account No : {OURS} USD\n", "is of an account in USD"),
        (f"Account Number,{OURS} ( USD ) - ACME\n", "is of an account in USD"),
    ],
)
def test_a_label_that_cannot_be_read_refuses_the_file(head: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(words)):
        read(f"{head}Date,Amount\n2026-03-02,+5\n".encode())


def test_an_iban_and_its_number_are_one_account() -> None:
    iban = "DE89370400440532013000"
    data = b"Konto: 0532013000\nIBAN: DE89 3704 0044 0532 0130 00 EUR\nBuchungstag;Betrag\n02.03.2026;+5,00\n"
    [statement] = read_statement_file(data, "x", Reading("EUR", 2, (iban,))).statements
    assert statement.account == iban


SWISS = "CH290023423410391440G"
SWISS_HEAD = """Account number:;{number};
IBAN:;CH29 0023 4234 1039 1440 G;
Opening balance:;100.00;
Valued in:;CHF;

Trade date;Booking date;Value date;Currency;Debit;Credit;Individual amount;Balance;Transaction no.;Description1
2026-01-20;2026-01-20;2026-01-20;CHF;;300.50;;350.50;9930020LK1234;"Acme AG; Zurich"
2026-01-05;2026-01-05;2026-01-05;CHF;-50.00;;;50.00;9930005LK9999;Bolt
"""


def test_a_local_number_in_parts_is_that_of_the_iban_beside_it() -> None:
    reading = Reading("CHF", 2, (SWISS,))
    data = SWISS_HEAD.format(number="0234 00103914.40").encode()
    [statement] = read_statement_file(data, "x", reading).statements
    assert (statement.account, statement.account_named, statement.doubt) == (SWISS, True, "")
    assert [entry.signed for entry in statement.entries] == [300_50, -50_00]
    for other in ("0234 00103914.41", "0235 00103914.40", "0234 00203914.40"):
        with pytest.raises(InvalidInput, match="is of several accounts"):
            read_statement_file(SWISS_HEAD.format(number=other).encode(), "x", reading)


@pytest.mark.parametrize("separator", ",;\t|^~")
def test_tables_of_text_are_separated_by_whatever_the_bank_writes(separator: str) -> None:
    rows = [
        ["Account No", OURS],
        ["Date", "Narration", "Debit", "Credit", "Balance"],
        ["02/03/2026", '="NEFT ACME"', "", "400.00", "500.00"],
        ["23/03/2026", '"rent ^ ~ , x"', "400.00", "", "100.00"],
    ]
    statement = read("\n".join(map(separator.join, rows)).encode())
    assert [(entry.signed, entry.remittance) for entry in statement.entries] == [
        (400_00, "NEFT ACME"),
        (-400_00, "rent ^ ~ , x"),
    ]
    assert (statement.skipped, statement.doubt) == ((), "")


def test_a_column_of_accounts_is_ours_unless_it_is_the_payers() -> None:
    row = f"2026-03-02,{FOREIGN},5 Cr\n"
    assert read(f"Date,Account Number,Amount\n{row}".encode()).account == FOREIGN
    payers = read(f"Date,Account Number,Amount,Payer\n{row[:-1]},ACME\n".encode())
    assert (payers.account, payers.entries[0].counterparty_account) == (OURS, FOREIGN)


def test_a_number_without_a_label_that_is_none_of_ours_needs_a_person() -> None:
    statement = read(f"ACME,{FOREIGN}\nDate,Amount\n2026-03-02,+5\n".encode())
    assert (statement.account, statement.account_named) == (OURS, False)
    assert statement.doubt == f"“{FOREIGN}” around the table may be another account's number."


def test_an_account_of_eight_digits_is_no_day() -> None:
    data = b"Account No : 20260302\nDate,Amount\n2026-03-02,+5\n"
    [statement] = read_statement_file(data, "x", Reading("GBP", 2, ("2026-0302",))).statements
    assert (statement.account, statement.account_named) == ("2026-0302", True)
