"""Advices and the statement after them: the same movement is kept once, whichever message comes first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.camt import Tx, camt053
from tests.support.movements import WRITERS, Movement
from tests.support.values import TODAY
from tusker.domain.bank.advices import Told, sameness
from tusker.extensions import db
from tusker.models import Disbursal, Invoice, Loan, StatementEntry

Bank = Callable[..., Any]
PAID = Movement(5_00, TODAY, TODAY, reference="UTR-1", end_to_end="E-1", name="Acme", text="INV 1")


def _counts(result: Any) -> tuple[int, int, int]:
    return result.new, result.known, result.doubtful


@pytest.mark.parametrize(
    ("advice", "statement"), [("camt.054.001.08", "camt.053.001.08"), ("camt.052.001.08", "mt940 coded")]
)
@pytest.mark.parametrize("first", ["advice", "statement"])
@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({}, (0, 1, 0)),
        ({"booked_on": TODAY - timedelta(1), "text": "other words"}, (0, 1, 0)),
        ({"reference": "", "text": "other words"}, (0, 1, 0)),
        ({"reference": "", "end_to_end": ""}, (0, 1, 0)),
        ({"reference": "", "end_to_end": "", "text": "other words"}, (0, 0, 1)),
        ({"reference": "UTR-2"}, (0, 0, 1)),
        ({"reference": "UTR-2", "end_to_end": "E-2"}, (1, 0, 0)),
        ({"amount": 5_01}, (1, 0, 0)),
        ({"amount": -5_00}, (1, 0, 0)),
        ({"booked_on": TODAY - timedelta(9)}, (1, 0, 0)),
    ],
)
def test_a_movement_of_both_is_kept_once(
    bank: Bank, advice: str, statement: str, first: str, changes: dict[str, Any], counts: tuple[int, int, int]
) -> None:
    other = replace(PAID, **changes)
    files = {"advice": WRITERS[advice]([PAID]), "statement": WRITERS[statement]([other])}
    for name in (first, *(files.keys() - {first})):
        result = bank(files[name])
    assert _counts(result) == counts


def test_two_that_look_alike_in_the_statement_are_two(bank: Bank) -> None:
    twin = replace(PAID, reference="", end_to_end="")
    assert _counts(bank(WRITERS["camt.054.001.08"]([twin]))) == (1, 0, 0)
    assert _counts(bank(WRITERS["camt.053.001.08"]([twin, twin, twin]))) == (2, 1, 0)
    assert _counts(bank(WRITERS["camt.052.001.08"]([twin, twin, twin, twin]))) == (1, 3, 0)


def test_a_payment_is_confirmed_by_its_advice_and_once(bank: Bank, released: Disbursal) -> None:
    payout = released.payouts[0]
    left = Movement(-payout.net, TODAY, TODAY, reference="UTR-7", end_to_end=payout.reference)
    assert bank(WRITERS["camt.054.001.08"]([left])).settled == 1
    again = bank(WRITERS["camt.053.001.08"]([left]))
    assert (_counts(again), again.settled) == ((0, 1, 0), 0)
    assert db.session.query(Loan).count() == 2


def test_a_receipt_is_proposed_once(bank: Bank, make_invoice: Callable[..., Invoice]) -> None:
    invoice = make_invoice("disbursed")
    came = Movement(
        invoice.principal, TODAY, TODAY, "UTR-9", name=invoice.purchaser.name, text=invoice.number
    )
    assert bank(WRITERS["camt.052.001.08"]([came])).sure == 1
    again = bank(WRITERS["camt.053.001.02"]([came]))
    assert (_counts(again), again.sure) == ((0, 1, 0), 0)


def _advice(data: bytes) -> bytes:
    text = data.decode().replace("camt.053", "camt.054").replace("BkToCstmrStmt", "BkToCstmrDbtCdtNtfctn")
    return text.replace("Stmt>", "Ntfctn>").encode()


@pytest.mark.parametrize("parts_first", [True, False])
def test_a_batch_and_its_parts_are_one_booking(bank: Bank, parts_first: bool) -> None:
    """Parts of a batch that is stored whole say more than it: a person decides, and nothing is booked twice."""
    parts = (Tx(3_00, reference="P-A", text="INV 1"), Tx(4_00, reference="P-B", text="INV 2"))
    split = _advice(camt053([Tx(7_00, reference="B-1", parts=parts)], balances=False))
    whole = camt053([Tx(7_00, reference="B-1")])
    first, second = (split, whole) if parts_first else (whole, split)
    assert bank(first).new == (2 if parts_first else 1)
    assert _counts(bank(second)) == ((0, 1, 0) if parts_first else (0, 0, 2))
    booked = db.session.query(StatementEntry).filter(StatementEntry.state != "in_doubt")
    assert sum(entry.amount for entry in booked) == 7_00


def test_sameness_asks_for_something_that_is_the_same() -> None:
    one = Told("a", 5, TODAY, TODAY)
    assert sameness(one, one._replace(key="b")) == "maybe"
    assert sameness(one, one._replace(text="x")) == "maybe"
    assert sameness(one._replace(reference="R"), one._replace(reference="S", text="x")) == "other"
    later = {"booked_on": TODAY + timedelta(2), "value_date": TODAY + timedelta(2)}
    assert sameness(one, one._replace(**later)) == "other"
