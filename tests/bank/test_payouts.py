"""What a statement says of payouts: confirmed, rejected, returned; and what does not fit stays open with its reason."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from tests.support.camt import Tx, camt053, payment_of, return_of
from tests.support.payouts import bundle_and_confirm
from tests.support.threads import in_threads
from tests.support.values import at
from tusker.errors import Conflict, InvalidInput
from tusker.extensions import db
from tusker.models import BankCharge, BankStatement, Disbursal, Event, Invoice, Loan, Payout, StatementEntry
from tusker.queries.loans.account_statements.statement import credit_balance
from tusker.queries.record.proof import prove
from tusker.services.bank.decisions import settle_with_charges
from tusker.services.bank.importing import ImportResult
from tusker.services.context import Context
from tusker.services.loans.receipts.recording import repay_in_full
from tusker.services.payout.settlement.confirming import confirm, confirm_payout
from tusker.services.payout.settlement.undoing import return_payout
from tusker.transactions import transaction

Bank = Callable[..., ImportResult]
Entries = Callable[[], list[StatementEntry]]


def states(released: Disbursal) -> list[tuple[str, str | None]]:
    db.session.rollback()
    return [(payout.state, payout.bank_reference) for payout in released.payouts]


def event_of(kind: str) -> Event:
    return db.session.query(Event).filter_by(subject="disbursal", kind=kind).one()


def test_debits_confirm_the_payouts_they_fit(bank: Bank, entries: Entries, released: Disbursal) -> None:
    first, second = released.payouts
    result = bank([payment_of(first, "UTR-9"), payment_of(second, "UTR-8")])
    assert (result.new, result.settled, result.words) == (2, 2, "2 entries: 2 settled.")
    assert states(released) == [("confirmed", "UTR-9"), ("confirmed", "UTR-8")]
    assert released.status == "confirmed"
    assert [(e.state, e.note) for e in entries()] == [
        ("matched", first.reference),
        ("matched", second.reference),
    ]
    assert [p.statement_entry_id for p in released.payouts] == [e.id for e in entries()]
    assert db.session.query(Loan).count() == 3
    assert prove().holds


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"amount": 1}, "the bank booked another amount"),
        ({"account": "999"}, "instructed to another account"),
        ({"day": "later"}, "must not be in the future"),
    ],
)
def test_a_debit_that_differs_confirms_nothing(
    bank: Bank, entries: Entries, released: Disbursal, ctx: Context, changes: dict, words: str
) -> None:
    if changes.get("day"):
        changes = {"day": at(ctx, 1).today}
    result = bank([payment_of(released.payouts[0], **changes)])
    [entry] = entries()
    assert (entry.state, result.to_look_at) == ("open", 1)
    assert words in entry.note
    assert {state for state, _ in states(released)} == {"instructed"}
    assert db.session.query(Loan).count() == 0


@pytest.mark.parametrize(("taken", "settles"), [(5_00, True), (2_000_00, False), (-5_00, False)])
def test_charges_inside_a_booking_confirm_the_payout_all_the_same(
    bank: Bank, entries: Entries, released: Disbursal, taken: int, settles: bool
) -> None:
    """Only a charge can lie between what was ordered and what was booked, and no large one."""
    first, second = released.payouts
    bank([payment_of(first, amount=first.net + taken, instructed=first.net)])
    [entry] = entries()
    assert states(released)[0][0] == ("confirmed" if settles else "instructed")
    assert (entry.state, first.reference in entry.note) == ("matched" if settles else "open", True)
    if settles:
        assert entry.note == f"{first.reference}; the bank took ₹5.00"
    bank([return_of(second, amount=second.net - taken, instructed=second.net)], number="STMT-2")
    assert states(released)[1][0] == ("rejected" if settles else "instructed")
    assert second.reference in entries()[1].note
    assert prove().holds


def test_charges_do_not_make_up_for_a_wrong_account(
    bank: Bank, entries: Entries, released: Disbursal
) -> None:
    first = released.payouts[0]
    bank([payment_of(first, amount=first.net + 5_00, instructed=first.net, account="999")])
    assert "instructed to another account" in entries()[0].note
    assert states(released)[0][0] == "instructed"


@pytest.mark.parametrize("account", ["XXXXXX{}", "000{}"])
def test_banks_mask_and_pad_accounts(bank: Bank, released: Disbursal, account: str) -> None:
    payout = released.payouts[0]
    number = payout.bank_account.account_number
    told = account.format(number[-4:] if "X" in account else number)
    bank([payment_of(payout, account=told)])
    assert states(released)[0][0] == "confirmed"


def test_a_batch_booking_is_split_or_taken_whole(bank: Bank, released: Disbursal) -> None:
    parts = tuple(payment_of(payout, " ") for payout in released.payouts)
    total = sum(payout.net for payout in released.payouts)
    bank([Tx(total, "DBIT", "B-1", batch=released.reference, parts=parts)])
    assert states(released) == [("confirmed", "B-1")] * 2


def test_a_batch_without_its_parts_must_be_the_sum_of_what_is_open(
    bank: Bank, entries: Entries, released: Disbursal
) -> None:
    total = sum(payout.net for payout in released.payouts)
    bank([Tx(total - 1, "DBIT", "B-0", batch=released.reference)])
    assert "2 open payouts" in entries()[0].note
    bank([Tx(total, "DBIT", "B-1", batch=released.reference)], number="STMT-2")
    assert states(released) == [("confirmed", "B-1")] * 2
    bank([Tx(5, "DBIT", "B-2", batch=released.reference)], number="STMT-3")
    assert entries()[2].note == f"{released.reference} waits for no payout any more."
    assert {p.statement_entry_id for p in released.payouts} == {entries()[1].id}


@pytest.mark.parametrize("told", [True, False])
def test_an_order_booked_with_charges_is_settled_and_they_are_the_lenders_cost(
    ctx: Context, bank: Bank, entries: Entries, released: Disbursal, told: bool
) -> None:
    """By itself where the bank writes what the order was, else when a person says what it took."""
    total = sum(payout.net for payout in released.payouts)
    named = {"batch": released.reference, "instructed": total if told else 0}
    bank([Tx(total + 23_60, "DBIT", "B-1", **named)])  # type: ignore[arg-type]
    [entry] = entries()
    if not told:
        assert "2 open payouts" in entry.note
        for wrong in (23_59, 0, total + 23_60):
            with pytest.raises((Conflict, InvalidInput)), transaction():
                settle_with_charges(ctx, entry.id, wrong)
        assert [(row.state, row.instructed_amount) for row in entries()] == [("open", None)]
        with transaction():
            settle_with_charges(ctx, entry.id, 23_60)
    assert states(released) == [("confirmed", "B-1")] * 2
    [charge] = db.session.query(BankCharge)
    assert (charge.amount, charge.statement_entry_id) == (23_60, entry.id)
    assert prove().holds
    with transaction():
        return_payout(ctx, released.payouts[1].id, reason="AC01")
    assert prove().holds


def test_more_than_a_tenth_of_an_order_is_no_charge(
    ctx: Context, bank: Bank, entries: Entries, released: Disbursal
) -> None:
    total = sum(payout.net for payout in released.payouts)
    bank([Tx(total * 2, "DBIT", "B-1", batch=released.reference)])
    with pytest.raises(Conflict, match="not this amount"), transaction():
        settle_with_charges(ctx, entries()[0].id, total)


def test_amount_and_account_find_a_debit_without_an_id(
    bank: Bank, entries: Entries, released: Disbursal
) -> None:
    payout = released.payouts[0]
    bank([payment_of(payout, end_to_end="", account="777"), payment_of(payout, "U-2", end_to_end="")])
    assert [e.state for e in entries()] == ["parked", "matched"]
    assert entries()[0].note == "No payout fits it."
    assert states(released)[0] == ("confirmed", "U-2")


def test_a_payout_confirmed_by_hand_is_linked_once(
    bank: Bank, entries: Entries, released: Disbursal, ctx: Context
) -> None:
    payout = released.payouts[0]
    with transaction():
        confirm_payout(ctx, payout.id, bank_reference="UTR-9", value_date=ctx.today)
    loans = db.session.query(Loan).count()
    bank([payment_of(payout, "UTR-9"), payment_of(payout, "UTR-10")])
    linked, again = entries()
    assert (linked.state, payout.statement_entry_id) == ("matched", linked.id)
    assert again.state == "open"
    assert "paid twice" in again.note
    assert db.session.query(Loan).count() == loans


def test_a_bank_that_counts_its_references_confirms_two_disbursals(
    bank: Bank, released: Disbursal, ctx: Context, make_invoice: Callable[..., Invoice]
) -> None:
    bundle_and_confirm(ctx, [make_invoice("financeable").id])
    other = db.session.query(Disbursal).filter(Disbursal.id != released.id).one()
    db.session.query(Payout).filter_by(disbursal_id=other.id).update({"bank_reference": "1"})
    db.session.commit()
    bank([payment_of(released.payouts[0], "1")])
    state, reference = states(released)[0]
    assert state == "confirmed"
    assert reference.startswith("1/")


def test_a_return_rejects_what_was_not_paid(bank: Bank, entries: Entries, released: Disbursal) -> None:
    good, bad = released.payouts
    result = bank([payment_of(good), return_of(bad)])
    assert result.words == "2 entries: 2 settled (1 payout was not paid or came back)."
    assert (bad.state, bad.reason) == ("rejected", "AC04 closed account")
    assert released.status == "confirmed"
    assert entries()[1].note == f"{bad.reference} was not paid: AC04 closed account"
    assert event_of("payout_rejected").reason == f"{bad.reference}: AC04 closed account"
    assert event_of("payout_confirmed").reason == good.reference
    lines = [line for line in released.lines if line.payout_id == bad.id]
    assert {line.invoice.status for line in lines} == {"financeable"}
    assert prove().holds


def test_debit_and_return_in_one_file_in_the_wrong_order(bank: Bank, released: Disbursal) -> None:
    good, bad = released.payouts
    total = good.net + bad.net
    bank([return_of(bad), Tx(total, "DBIT", "B-1", batch=released.reference)])
    assert states(released) == [("confirmed", "B-1"), ("returned", "B-1")]
    assert event_of("payout_returned").reason == f"{bad.reference}: AC04 closed account"
    assert released.status == "confirmed"
    assert db.session.query(Loan).filter(Loan.reversed_on.is_(None)).count() == 2
    assert prove().holds


@pytest.mark.parametrize(
    "changes",
    [
        {"end_to_end": "", "text": "RETURN OF {} ACCOUNT CLOSED"},
        {"end_to_end": "", "account": "{account}"},
    ],
)
def test_a_return_without_an_id_is_found(bank: Bank, released: Disbursal, changes: dict) -> None:
    payout = released.payouts[0]
    account = payout.bank_account.account_number
    changes = {k: v.format(payout.reference, account=account) for k, v in changes.items()}
    bank([return_of(payout, **changes)])
    assert states(released)[0][0] == "rejected"


def test_a_return_of_what_was_repaid_is_a_fact_and_the_payment_is_credit(
    bank: Bank, entries: Entries, released: Disbursal, ctx: Context
) -> None:
    payout = released.payouts[1]
    bank([payment_of(payout)])
    [line] = [line for line in released.lines if line.payout_id == payout.id]
    with transaction():
        receipt = repay_in_full(ctx, line.invoice_id, bank_reference="PAY-1", value_date=ctx.today)
        payer_id, amount = receipt.customer_id, receipt.amount
    bank([return_of(payout)], number="STMT-2")
    assert (entries()[1].state, payout.state) == ("matched", "returned")
    assert credit_balance(payer_id, ctx.today) == amount
    assert prove().holds


def test_a_second_return_of_a_payout_stays_open(bank: Bank, entries: Entries, released: Disbursal) -> None:
    payout = released.payouts[0]
    bank([return_of(payout), return_of(payout, reference="RET-2")])
    assert [e.state for e in entries()] == ["matched", "open"]


def test_a_debit_that_gives_money_back_is_shown(bank: Bank, entries: Entries, app: Flask) -> None:
    bank([Tx(500, "DBIT", "X-1", returned="AM04")])
    [entry] = entries()
    assert (entry.state, "undo its receipt" in entry.note) == ("open", True)


def test_the_same_file_and_overlapping_statements_add_nothing_twice(
    bank: Bank, entries: Entries, released: Disbursal
) -> None:
    first, second = (payment_of(payout) for payout in released.payouts)
    data = camt053([first])
    assert bank(data).new == 1
    again = bank(data)
    assert (again.repeated, again.new, again.statement_ids) == (True, 0, [1])
    overlapping = bank([first, second], number="STMT-2")
    assert (overlapping.new, overlapping.known, overlapping.settled) == (1, 1, 1)
    assert len(entries()) == 2
    assert db.session.query(Loan).count() == 3


def test_eight_threads_with_the_same_file_import_it_once(
    app: Flask, bank: Bank, entries: Entries, released: Disbursal
) -> None:
    data = camt053([payment_of(payout) for payout in released.payouts] + [Tx(5, text="x", reference="C-1")])
    overlapping = camt053([payment_of(payout) for payout in released.payouts], number="STMT-2")
    results = in_threads(app, [lambda: bank(data).new] * 8 + [lambda: bank(overlapping).new] * 8)
    assert sum(results) == 3
    assert len(entries()) == 3
    assert db.session.query(BankStatement).count() == 2
    assert db.session.query(Loan).count() == 3
    assert prove().holds


def test_a_confirmed_batch_is_linked(bank: Bank, entries: Entries, released: Disbursal, ctx: Context) -> None:
    with transaction():
        confirm(ctx, released.id, bank_reference="B-1", value_date=ctx.today)
    total = sum(payout.net for payout in released.payouts)
    bank([Tx(total, "DBIT", "B-1", batch=released.reference)])
    assert entries()[0].state == "matched"
    assert {p.statement_entry_id for p in released.payouts} == {entries()[0].id}


def test_a_credit_with_a_payouts_id_that_says_nothing_of_a_return_is_left_to_a_person(
    bank: Bank, entries: Entries, released: Disbursal
) -> None:
    """Whoever pays chooses the end-to-end id, and payees know theirs."""
    first, _ = released.payouts
    bank([payment_of(first, "UTR-9")])
    bank(
        [Tx(first.net, reference="X1", end_to_end=first.reference, name="Purchaser Ltd", text="INV payment")],
        number="S-2",
    )
    assert states(released)[0] == ("confirmed", "UTR-9")
    last = entries()[-1]
    assert last.state != "matched"
    assert f"carries the id of {first.reference}" in last.note
