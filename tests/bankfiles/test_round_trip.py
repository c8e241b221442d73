"""Whatever format a bank writes its movements in, the same movements are read."""

from __future__ import annotations

import gzip
import io
import re
import zipfile
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.movements import ACCOUNT, WRITERS, Movement, turned
from tests.support.payment_orders import GERMAN, order_of
from tests.support.profiles import examples
from tusker.bankfiles.formats import Reading
from tusker.bankfiles.payments.bulk_csv import write_bulk_csv
from tusker.bankfiles.payments.pain001 import write_pain001
from tusker.bankfiles.statements import read_statement_file
from tusker.currency import Currency
from tusker.domain.bank.banking import CreditTransfer, Entry, Statement
from tusker.errors import UnreadableFile

READING = Reading("INR", 2)
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_WORD = st.text(_LETTERS, min_size=1, max_size=20)
_TEXT = st.lists(
    st.one_of(_WORD, st.text(_LETTERS + ".,()'&-", min_size=1, max_size=9)), min_size=1, max_size=14
).map(" ".join)
_BEGUN = date(2026, 1, 2)


@st.composite
def _movements(draw: st.DrawFn) -> list[Movement]:
    made = []
    for place in range(draw(st.integers(1, 5))):
        value_date = _BEGUN + timedelta(draw(st.integers(0, 400)))
        made.append(
            Movement(
                draw(st.integers(1, 10**11)) * draw(st.sampled_from([1, -1])),
                value_date + timedelta(draw(st.integers(-3, 3))),
                value_date,
                reference=draw(st.sampled_from(["", f"BNKR{place}{draw(st.integers(10**6, 10**9))}"])),
                end_to_end=draw(st.sampled_from(["", "P-7-1", "INV.1001"])),
                name=draw(st.sampled_from(["", "Acme Traders", "A very long name of a trading company Ltd"])),
                account=draw(st.sampled_from(["", "50100012345678"])),
                text=draw(_TEXT),
            )
        )
    return made


def _seen(entry: Entry) -> tuple[int, date, date]:
    return entry.signed, entry.booked_on, entry.value_date


def _read(name: str, data: bytes) -> Statement:
    read = read_statement_file(data, "statement", READING)
    assert read.format == name.split()[0]
    [statement] = read.statements
    return statement


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=examples(60), deadline=None)
@given(movements=_movements(), opening=st.integers(-(10**9), 10**9))
def test_what_is_written_is_read(name: str, movements: list[Movement], opening: int) -> None:
    statement = _read(name, WRITERS[name](movements, opening=opening))
    assert (statement.account, statement.account_named, statement.skipped) == (ACCOUNT, True, ())
    assert [_seen(entry) for entry in statement.entries] == [
        (each.amount, each.booked_on, each.value_date) for each in movements
    ]
    for entry, each in zip(statement.entries, movements, strict=True):
        assert entry.charges == 0
        assert entry.bank_reference == each.reference
        if "ofx" not in name:
            assert entry.end_to_end_id == each.end_to_end
        if "words" not in name:
            assert (entry.counterparty, entry.counterparty_account) == (each.name, each.account)
        # subfields are cut anywhere, and the blank at such a place is the bank's to lose
        lost_blanks = str.replace if "mt940" in name else (lambda text, *_: text)
        wanted = (
            each.text if "ofx" not in name or each.name in each.text else f"{each.name} {each.text}".strip()
        )
        assert lost_blanks(entry.remittance, " ", "") == lost_blanks(wanted, " ", "")
    assert len({entry.fingerprint for entry in statement.entries}) == len(movements)


@settings(max_examples=examples(60), deadline=None)
@given(movements=_movements(), data=st.data())
def test_a_turned_sign_is_seen(movements: list[Movement], data: st.DataObject) -> None:
    """Where the bank writes a balance or says a side twice, a movement that was turned round is not taken as it is."""
    name = data.draw(st.sampled_from(list(WRITERS)))
    place = data.draw(st.integers(0, len(movements) - 1))
    try:
        statement = _read(name, turned(name, WRITERS[name](movements), place))
    except UnreadableFile:
        return
    assert statement.skipped, "nobody was told"


@pytest.mark.parametrize("name", WRITERS)
def test_a_packed_file_is_unpacked(name: str) -> None:
    data = WRITERS[name]([Movement(5_00, date(2026, 3, 2), date(2026, 3, 2), text="x")])
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bank/statement.dat", data)
        archive.writestr("__MACOSX/bank/._statement.dat", b"x")
    for packed in (gzip.compress(data), gzip.compress(data[:50]) + gzip.compress(data[50:]), out.getvalue()):
        assert [entry.amount for entry in _read(name, packed).entries] == [5_00]


_ISO_4217 = {"JPY": 0, "UGX": 0, "INR": 2, "HUF": 2, "IDR": 2, "RSD": 2, "KWD": 3, "IQD": 3, "CLF": 4}
"""Some currencies whose decimals are not those that their countries show, and some whose are."""


@pytest.mark.parametrize("code", _ISO_4217)
@settings(max_examples=examples(8), deadline=None)
@given(
    amount=st.integers(1, 10**12),
    shown=st.sampled_from([".", ","]),
    apart=st.sampled_from([",", ";", "\t"]),
    grouped=st.booleans(),
)
def test_amounts_have_the_decimals_of_the_standard(
    code: str, amount: int, shown: str, apart: str, *, grouped: bool
) -> None:
    """In all that is read and written; what may be thousands or a fraction is never taken for sure."""
    money, exponent = Currency(code, "en"), _ISO_4217[code]
    reading = Reading(code, money.exponent, (ACCOUNT,))
    exact = Decimal(amount).scaleb(-exponent)
    text = f"{exact:.{exponent}f}"
    day = date(2026, 3, 2)
    swift = text.replace(".", ",") if exponent else f"{text},"
    for name, write in WRITERS.items():
        data = write([Movement(1_234_567_89, day, day, reference="BNKR1", text="x")]).decode()
        data = data.replace("1234567.89", text).replace("1234567,89", swift).replace("INR", code)
        [statement] = read_statement_file(data.encode(), "x", reading).statements
        assert ([entry.signed for entry in statement.entries], statement.skipped) == ([amount], ()), name

    figure = f"{exact:,.{exponent}f}" if grouped else text
    figure = figure.translate(str.maketrans(",.", ".,")) if shown == "," else figure
    rows = (["Account No", ACCOUNT], ["Date", "Text", "Amount", "Type"], ["02/03/2026", "x", figure, "Cr"])
    table = "\n".join(apart.join(f'"{cell}"' for cell in row) for row in rows)
    [statement] = read_statement_file(table.encode(), "x", reading).statements
    assert statement.doubt or [entry.signed for entry in statement.entries] == [amount]
    assert not statement.doubt or (exponent > 2 and re.fullmatch(r"[0-9]{1,3}[.,][0-9]{3}", figure))

    order = order_of(CreditTransfer("P-1-1", GERMAN, amount, "INV 1"), currency=code)
    pain = write_pain001(order, "09", exponent).decode()
    assert {*re.findall(r"<(?:InstdAmt[^>]*|CtrlSum)>([^<]*)<", pain)} == {text}
    assert (
        write_bulk_csv(order, "Account=account,Ref=reference,Amount=amount", exponent)
        .decode()
        .strip()
        .rpartition(",")[2]
        == text
    )
    assert money.parse(money.plain(amount), field="amount") == amount
