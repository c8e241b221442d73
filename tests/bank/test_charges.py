"""Charges that a bank takes inside an entry: the lender's cost, and no debt or payout looks different for it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.camt import Tx, payment_of, return_of
from tests.support.values import TODAY, at
from tusker.errors import Conflict, InvalidInput
from tusker.extensions import db
from tusker.models import BankCharge, Disbursal, Invoice, PayoutState, Receipt, StatementEntry
from tusker.queries.bank.candidates import judge_entries
from tusker.queries.loans.charges import charges_between
from tusker.queries.loans.loans import loan_of_invoice
from tusker.queries.record.proof import prove
from tusker.services.bank.decisions import accept_entry, accept_sure, link_receipt
from tusker.services.bank.importing import ImportResult
from tusker.services.bank_entries import receipt_reference
from tusker.services.context import Context
from tusker.services.loans.charges import (
    record_charge_of_payout,
    record_charge_of_receipt,
    undo_charge,
)
from tusker.services.loans.receipts.recording import record_receipt
from tusker.services.loans.receipts.undoing import reverse_receipt
from tusker.services.payout.settlement.confirming import confirm_payout
from tusker.services.payout.settlement.undoing import return_payout
from tusker.transactions import transaction

Bank = Callable[..., ImportResult]
Entries = Callable[[], list[StatementEntry]]


@pytest.fixture
def invoice(make_invoice: Callable[..., Invoice]) -> Invoice:
    """400.00 are owed of it."""
    return make_invoice("disbursed", value=500_00)


def paid(invoice: Invoice, **changes: object) -> Tx:
    """385.00 credited of 400.00 that the purchaser paid."""
    values = {"reference": "IN-1", "name": invoice.purchaser.name, "text": invoice.number, **changes}
    return Tx(**{"amount": 385_00, "instructed": 400_00, **values})  # type: ignore[arg-type]


def booked() -> int:
    """The charges that stand, in minor units; all is proved."""
    db.session.rollback()
    proof = prove()
    assert (proof.differences, proof.mismatches) == ([], [])
    return sum(row.amount for row in db.session.query(BankCharge))


def owed(invoice: Invoice) -> int:
    row = loan_of_invoice(invoice.id, TODAY)
    return row.live.total if row else -1


def test_what_the_bank_kept_of_a_receipt_is_the_lenders_cost(
    ctx: Context, bank: Bank, entries: Entries, invoice: Invoice
) -> None:
    assert bank([paid(invoice)]).sure == 1
    [entry] = entries()
    with transaction():
        [receipt] = accept_sure(ctx, [entry.id]).receipts
    assert (receipt.amount, owed(invoice), booked()) == (400_00, 0, 15_00)
    with pytest.raises(Conflict, match="undone with its receipt"), transaction():
        undo_charge(ctx, db.session.query(BankCharge).one().id, reason="wrong")
    with transaction():
        reverse_receipt(ctx, receipt.id, reason="bounced")
    assert (owed(invoice), booked()) == (400_00, 0)
    with transaction():
        accept_entry(ctx, entry.id, invoice.purchaser_id)
    assert (owed(invoice), booked()) == (0, 15_00)


def test_more_than_a_tenth_is_no_charge_by_itself(
    ctx: Context, bank: Bank, entries: Entries, invoice: Invoice
) -> None:
    assert bank([paid(invoice, amount=350_00)]).sure == 0
    [entry] = entries()
    assert judge_entries([entry], TODAY)[entry.id].doubt
    with transaction():
        receipt = accept_entry(ctx, entry.id, invoice.purchaser_id)
    assert (receipt.amount, owed(invoice), booked()) == (350_00, 50_00, 0)


def test_recorded_by_hand_it_is_the_entry_that_comes_later_or_was_there(
    ctx: Context, bank: Bank, entries: Entries, invoice: Invoice
) -> None:
    with transaction():
        receipt = record_receipt(
            ctx, invoice.supplier_id, amount=400_00, bank_reference="IN-1", value_date=TODAY, charges=15_00
        )
    bank([paid(invoice, instructed=0)])
    assert [(e.state, e.receipt_id) for e in entries()] == [("matched", receipt.id)]
    assert booked() == 15_00
    with transaction():
        reverse_receipt(ctx, receipt.id, reason="wrong")
    # laid on the wrong company, it was never judged, and its page reads the loans that were found only
    assert judge_entries(entries(), TODAY)[entries()[0].id].suggestions
    name = receipt_reference(entries()[0], invoice.purchaser_id)
    with transaction():
        again = record_receipt(
            ctx,
            invoice.purchaser_id,
            amount=400_00,
            bank_reference=name,
            value_date=TODAY,
            charges=15_00,
        )
        link_receipt(ctx, again)
    assert [(e.state, e.receipt_id) for e in entries()] == [("matched", again.id)]
    assert booked() == 15_00


@pytest.mark.parametrize("charges", [-1, 400_00, 500_00])
def test_charges_are_less_than_the_payment(ctx: Context, invoice: Invoice, charges: int) -> None:
    with pytest.raises(InvalidInput) as refused, transaction():
        record_receipt(
            ctx, invoice.purchaser_id, amount=400_00, bank_reference="R", value_date=TODAY, charges=charges
        )
    assert refused.value.field == "charges"
    assert db.session.query(Receipt).count() == 0


def test_a_charge_is_recorded_later_and_undone(ctx: Context, invoice: Invoice) -> None:
    with transaction():
        receipt = record_receipt(
            ctx, invoice.purchaser_id, amount=400_00, bank_reference="R", value_date=TODAY
        )
        charge = record_charge_of_receipt(ctx, receipt.id, amount=2_50, value_date=TODAY, reason="NEFT")
    assert booked() == 2_50
    with transaction():
        undo_charge(at(ctx, 1), charge.id, reason="of another")
    assert (booked(), owed(invoice)) == (0, 0)
    with pytest.raises(Conflict, match="undone already"), transaction():
        undo_charge(ctx, charge.id, reason="twice")
    with transaction():
        reverse_receipt(ctx, receipt.id, reason="bounced")
    with pytest.raises(Conflict, match="is undone"), transaction():
        record_charge_of_receipt(ctx, receipt.id, amount=1, value_date=TODAY)


def test_a_payout_booked_with_charges_and_returned_less_charges(
    bank: Bank, entries: Entries, released: Disbursal
) -> None:
    first = released.payouts[0]
    bank([payment_of(first, amount=first.net + 1_50, instructed=first.net)])
    assert (first.state, booked()) == (PayoutState.CONFIRMED, 1_50)
    bank([return_of(first, amount=first.net - 11_40, instructed=first.net)], number="STMT-2")
    db.session.refresh(first)
    assert (first.state, booked()) == (PayoutState.RETURNED, 12_90)
    assert {entry.state for entry in entries()} == {"matched"}


def test_by_hand_too_and_the_statement_adds_nothing(ctx: Context, bank: Bank, released: Disbursal) -> None:
    first, second = released.payouts
    with transaction():
        confirm_payout(ctx, first.id, bank_reference="UTR", value_date=TODAY, charges=1_50)
        confirm_payout(ctx, second.id, bank_reference="UTR", value_date=TODAY)
        return_payout(ctx, second.id, reason="AC01", charges=3_00)
        record_charge_of_payout(ctx, second.id, amount=50, value_date=TODAY)
    assert booked() == 5_00
    bank([payment_of(first, amount=first.net + 1_50, instructed=first.net)])
    assert booked() == 5_00
    rows = charges_between(TODAY, TODAY)
    assert [(row.amount, row.about, row.at_bank) for row in rows] == [
        (1_50, first.reference, True),
        (3_00, second.reference, False),
        (50, second.reference, False),
    ]
    assert charges_between(at(ctx, 1).today, at(ctx, 9).today) == []


def test_a_wrong_account_never_confirms(bank: Bank, entries: Entries, released: Disbursal) -> None:
    first = released.payouts[0]
    bank([payment_of(first, amount=first.net + 1_50, instructed=first.net, account="999")])
    assert (first.state, entries()[0].state, booked()) == (PayoutState.INSTRUCTED, "open", 0)
    assert first.reference in entries()[0].note
