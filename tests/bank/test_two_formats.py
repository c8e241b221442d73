"""A day's statement in two formats of one bank: the same movements are booked once, doubtful ones wait for a person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.movements import WRITERS, Movement
from tests.support.values import TODAY
from tusker.extensions import db
from tusker.models import Invoice, StatementEntry
from tusker.services.bank.decisions import park_entry, reopen_entry
from tusker.services.context import Context
from tusker.transactions import transaction

Bank = Callable[..., Any]
CAMT, SWIFT = WRITERS["camt.053.001.08"], WRITERS["mt940 coded"]
DAY = [
    Movement(5_00, TODAY, TODAY, reference="C-1", name="Acme", text="INV 1"),
    Movement(5_00, TODAY, TODAY, reference="C-2", name="Bolt", text="INV 2"),
    Movement(-2_00, TODAY, TODAY, reference="C-3", text="rent"),
]
# the same day with the references and words of another system of the bank
TOLD = [
    replace(each, reference=f"M{place}", name="", text=f"words {place}") for place, each in enumerate(DAY)
]


def _counts(result: Any) -> tuple[int, int, int]:
    return result.new, result.known, result.doubtful


def _table(movements: list[Movement], opening: int) -> bytes:
    lines, balance = ["Account No,000111222333", "Date,Narration,Debit,Credit,Balance"], opening
    for each in movements:
        balance += each.amount
        sides = (f"{-each.amount / 100:.2f}", "") if each.amount < 0 else ("", f"{each.amount / 100:.2f}")
        lines.append(f"{each.booked_on:%d/%m/%Y},{each.text},{','.join(sides)},{balance / 100:.2f}")
    return "\n".join(lines).encode()


@pytest.mark.parametrize("swift_first", [True, False])
def test_where_balances_and_movements_agree_nothing_is_booked_twice(bank: Bank, swift_first: bool) -> None:
    files = [SWIFT(TOLD, opening=9_00), CAMT(DAY, opening=9_00)]
    first, second = files if swift_first else files[::-1]
    assert _counts(bank(first)) == (3, 0, 0)
    assert _counts(bank(second)) == (0, 3, 0)
    assert _counts(bank(_table(TOLD, 9_00))) == (0, 3, 0)
    assert db.session.query(StatementEntry).count() == 3


def test_where_only_the_balances_agree_a_person_decides(bank: Bank) -> None:
    assert _counts(bank(CAMT(DAY, opening=9_00))) == (3, 0, 0)
    whole = [Movement(10_00, TODAY, TODAY, reference="M-1", text="both"), TOLD[2]]
    assert _counts(bank(SWIFT(whole, opening=9_00))) == (0, 0, 2)


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({}, (0, 0, 1)),  # another reference and other words: perhaps the same
        ({"end_to_end": "E-1"}, (0, 0, 1)),
        ({"text": "NEFT HDFCR52026030212345678"}, (0, 1, 0)),
        ({"reference": "C-1"}, (0, 1, 0)),
        ({"amount": 6_00}, (1, 0, 0)),
        ({"amount": -5_00}, (1, 0, 0)),
        ({"end_to_end": "E-2"}, (1, 0, 0)),
    ],
)
def test_without_equal_balances_each_movement_is_judged(
    bank: Bank, changes: dict[str, Any], counts: tuple[int, int, int]
) -> None:
    one = replace(DAY[0], end_to_end="E-1", text="RTGS/HDFCR52026030212345678/INV 1")
    bank(CAMT([one], opening=1_00))
    assert _counts(bank(SWIFT([replace(TOLD[0], **changes)], opening=2_00))) == counts


def test_what_one_format_has_more_is_new(bank: Bank) -> None:
    bank(CAMT(DAY[:1], opening=9_00))
    more = [replace(DAY[0], reference=""), replace(DAY[0], reference="", text="another")]
    result = bank(SWIFT(more, opening=3_00))
    assert _counts(result) == (1, 1, 0)


@pytest.mark.parametrize("table", [True, False])
@pytest.mark.parametrize("reference", ["C-1", ""])
def test_what_took_the_place_of_a_doubted_one_is_known_itself(
    bank: Bank, ctx: Context, make_invoice: Callable[..., Invoice], reference: str, table: bool
) -> None:
    invoice = make_invoice("disbursed")
    one = replace(
        DAY[0], amount=invoice.principal, reference=reference, name="", text=f"Payment of {invoice.number}"
    )
    whole, month = SWIFT([one] * 2, opening=9_00), SWIFT([one] * 2, opening=7_00)
    if table:
        doubted = _table([one] * 2, 9_00).replace(b"000111222333", b"XXXXXXXX2333")
    else:
        doubted = whole[: whole.index(b":62F:")]
    bank(doubted)
    waiting = db.session.query(StatementEntry).order_by(StatementEntry.id).first()
    with transaction():
        reopen_entry(ctx, park_entry(ctx, waiting.id, reason="asked the payer").id)
    # a person looked at the first
    assert _counts(bank(whole)) == (1, 1, 0)
    # without a reference the other table's is known by its words, the other one may be
    known = 2 if reference else int(table)
    assert _counts(bank(month)) == (0, known, 2 - known)


def test_what_a_doubted_file_left_parked_is_looked_at_anew(bank: Bank) -> None:
    whole = SWIFT(DAY, opening=9_00)
    assert bank(whole[: whole.index(b":62F:")]).parked == 3
    assert (bank(whole).parked, bank(SWIFT(DAY, opening=7_00)).known) == (3, 3)
    assert db.session.query(StatementEntry).filter_by(state="duplicate").count() == 3


def test_so_is_what_a_sound_file_of_another_kind_books_on_the_next_day(bank: Bank) -> None:
    bank(SWIFT(DAY, opening=9_00).partition(b":62F:")[0])
    later = TODAY + timedelta(days=1)
    moved = [replace(each, booked_on=later, value_date=later) for each in DAY[:1]]
    assert _counts(bank(CAMT(moved, opening=9_00))) == (1, 0, 0)
    states = [entry.state for entry in db.session.query(StatementEntry).order_by(StatementEntry.id)]
    assert states == ["duplicate", "parked", "parked", "parked"]


SIDES = "Txn Date,Details,Chq No,Withdrawal,Deposit,Balance"
MARKED = "Date;Narration;Reference;Amount;Dr/Cr;Balance"


def _layout(heads: str, movements: list[Movement], opening: int, *, words: bool = True) -> bytes:
    """The movements as one of two tables of the bank's."""
    lines, balance = ["Account No,000111222333", heads], opening
    for place, each in enumerate(movements):
        balance += each.amount
        plain, whole = f"{abs(each.amount) / 100:.2f}", f"{balance / 100:.2f}"
        text = each.text if words else f"other {place}"
        if heads == SIDES:
            cells = [text, "", *((plain, "") if each.amount < 0 else ("", plain)), whole]
        else:
            cells = [text, each.reference, plain, "Dr" if each.amount < 0 else "Cr", whole]
        lines.append(";,"[heads == SIDES].join([f"{each.booked_on:%d/%m/%Y}", *cells]))
    return "\n".join(lines).encode()


@pytest.mark.parametrize("marked_first", [True, False])
def test_two_layouts_of_one_bank_book_nothing_twice(bank: Bank, marked_first: bool) -> None:
    first, second = (MARKED, SIDES) if marked_first else (SIDES, MARKED)
    assert _counts(bank(_layout(first, DAY, 9_00))) == (3, 0, 0)
    # equal ends, days and amounts; then words alone; then nothing but day and amount
    assert _counts(bank(_layout(second, DAY, 9_00, words=False))) == (0, 3, 0)
    assert _counts(bank(_layout(second, DAY[:2], 20_00))) == (0, 2, 0)
    assert _counts(bank(_layout(second, DAY[1:], 50_00, words=False))) == (0, 0, 2)


def test_a_layout_goes_on_by_its_own_references(bank: Bank) -> None:
    bank(_layout(MARKED, DAY, 9_00))
    assert _counts(bank(_layout(SIDES, DAY, 9_00))) == (0, 3, 0)
    more = replace(DAY[0], reference="C-9", text="INV 9")
    assert _counts(bank(_layout(MARKED, [*DAY, more], 9_00))) == (1, 3, 0)


def test_a_receipt_of_two_formats_is_proposed_once(bank: Bank, make_invoice: Callable[..., Invoice]) -> None:
    invoice = make_invoice("disbursed")
    came = Movement(
        invoice.principal, TODAY, TODAY, "UTR-9", name=invoice.purchaser.name, text=invoice.number
    )
    assert bank(CAMT([came], opening=5_00)).sure == 1
    again = bank(SWIFT([replace(came, reference="X-9")], opening=5_00))
    assert (_counts(again), again.sure) == ((0, 1, 0), 0)
