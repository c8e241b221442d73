"""Money received: proposals, partial and early repayment, credit, refunds and undoing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from tests.support.payouts import approve_and_release
from tests.support.receipts import LATE, receive, used, written
from tests.support.threads import in_threads
from tests.support.values import TERMS, TODAY, at
from tusker.domain.loans.allocation import Allocation as Split
from tusker.domain.terms import InterestTiming, Terms
from tusker.errors import Conflict, InvalidInput, NotFound, TuskerError
from tusker.extensions import db
from tusker.models import Allocation, CreditLine, Disbursal, Event, Invoice, Loan, Receipt, ReserveMovement
from tusker.queries.loans.account_statements.statement import credit_balance
from tusker.queries.loans.loans import loan_of_invoice, open_loans
from tusker.services.context import Context
from tusker.services.loans.receipts.proposal import propose_receipt
from tusker.services.loans.receipts.recording import (
    record_receipt,
    refund_credit,
    repay_in_full,
    unallocated,
    use_credit,
)
from tusker.services.loans.receipts.undoing import reverse_receipt
from tusker.services.payout.disbursals.bundling import bundle_daily
from tusker.services.payout.settlement.confirming import confirm
from tusker.services.payout.settlement.undoing import undo_disbursal
from tusker.transactions import transaction


@pytest.fixture
def late_loan(make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]) -> Invoice:
    """A loan of 8,000.00 on `LATE` terms, paid out today."""
    return make_invoice("disbursed", line=make_line(terms=LATE))


def test_a_receipt_pays_penalty_then_fee_then_interest_then_principal(
    ctx: Context, late_loan: Invoice
) -> None:
    day = at(ctx, 40)
    due = loan_of_invoice(late_loan.id, day.today)
    assert due is not None
    assert (due.live.penalty, due.live.fee, due.live.interest) == (80_00, 10_00, 157_81)
    receive(day, late_loan, 80_00 + 10_00 + 100_00, "R-1")
    row = db.session.query(Allocation).one()
    assert (row.penalty, row.fee, row.interest, row.principal) == (80_00, 10_00, 100_00, 0)
    assert used() == {8_000_00}
    receive(day, late_loan, 1_057_81, "R-2")
    assert used() == {7_000_00}
    assert late_loan.status == "disbursed"
    left = loan_of_invoice(late_loan.id, day.today)
    assert left is not None
    assert left.live.total == 7_000_00
    with transaction():
        assert repay_in_full(day, late_loan.id, bank_reference="R-3", value_date=day.today).amount == 7_000_00
    assert late_loan.status == "repaid"
    assert used() == {0}


def test_the_oldest_due_loan_is_paid_first_and_the_rest_is_credit(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    line = make_line()
    first, second = make_invoice("disbursed", line=line), make_invoice("disbursed", line=line)
    proposal = propose_receipt(first.purchaser_id, 20_000_00, TODAY)
    assert [(p.invoice_id, p.split.total) for p in proposal.lines] == [
        (first.id, 8_000_00),
        (second.id, 8_000_00),
    ]
    assert proposal.left_over == 4_000_00
    receipt = receive(ctx, first, 20_000_00)
    assert (first.status, second.status) == ("repaid", "repaid")
    assert credit_balance(first.purchaser_id, TODAY) == unallocated(receipt.id) == 4_000_00


def test_credit_pays_a_later_loan_or_is_paid_back(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    line = make_line()
    first = make_invoice("disbursed", line=line)
    receipt = receive(ctx, first, 10_000_00)
    second = make_invoice("disbursed", line=line)
    with transaction():
        assert use_credit(ctx, first.purchaser_id) == 2_000_00
    owed = loan_of_invoice(second.id, TODAY)
    assert owed is not None
    assert owed.live.total == 6_000_00
    assert used() == {6_000_00}
    receive(ctx, second, 7_000_00, "R-2")
    with pytest.raises(InvalidInput) as refused, transaction():
        refund_credit(ctx, receipt.id, amount=1, bank_reference="X", value_date=TODAY)
    assert refused.value.field == "amount"
    paid = db.session.query(Receipt).filter_by(bank_reference="R-2").one()
    with transaction():
        refund_credit(ctx, paid.id, amount=1_000_00, bank_reference="RF-1", value_date=TODAY)
    assert credit_balance(first.purchaser_id, TODAY) == 0
    with transaction():
        reverse_receipt(ctx, paid.id, reason="bounced")
    assert (used(), credit_balance(first.purchaser_id, TODAY)) == ({6_000_00}, -1_000_00)


def test_a_persons_own_allocation_is_stored_as_it_is(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    line = make_line()
    make_invoice("disbursed", line=line)
    second = make_invoice("disbursed", line=line)
    loan = db.session.query(Loan).filter_by(invoice_id=second.id).one()
    day = at(ctx, 30)
    receive(day, second, 500_00, wanted=[Split(loan.id, 0, 0, 0, 300_00)], left_over=200_00)
    row = db.session.query(Allocation).one()
    assert (row.loan_id, row.interest, row.principal) == (loan.id, 0, 300_00)
    assert credit_balance(second.purchaser_id, day.today) == 200_00
    assert used() == {15_700_00}


NO_RECEIPTS: list[tuple[dict[str, Any], str]] = [
    ({"amount": 0}, "amount"),
    ({"amount": -5}, "amount"),
    ({"value_date": TODAY + timedelta(days=1)}, "value_date"),
    ({"bank_reference": ""}, "bank_reference"),
    ({"bank_reference": "x" * 61}, "bank_reference"),
    ({"bank_reference": "USED"}, "bank_reference"),
    ({"wanted": (0, 0, 0, 600_00)}, "allocations"),
    ({"wanted": (0, 0, 0, 400_00), "left_over": 99_00}, "allocations"),
    ({"wanted": (0, 1, 0, 0)}, "allocations"),
    ({"wanted": (0, 0, 0, -1)}, "allocations"),
    ({"wanted": (0, 0, 0, 1), "loan": 999}, "allocations"),
    ({"wanted": (0, 0, 0, 1), "value_date": TODAY - timedelta(days=1)}, "value_date"),
    ({"wanted": (0, 0, 0, 1), "value_date": date(1900, 1, 1)}, "value_date"),
    ({"customer_id": 999}, "customer_id"),
]


def test_a_receipt_that_cannot_be_names_its_field_and_writes_nothing(
    ctx: Context,
    make_line: Callable[..., CreditLine],
    make_invoice: Callable[..., Invoice],
    subtests: pytest.Subtests,
) -> None:
    line = make_line()
    receive(ctx, make_invoice("disbursed", line=line), 1_00, "USED")
    invoice = make_invoice("disbursed", line=line)
    loan = db.session.query(Loan).filter_by(invoice_id=invoice.id).one()
    before = db.session.query(Event).count()
    for change, field in NO_RECEIPTS:
        with subtests.test(str((change, field))):
            given = {"amount": 500_00, "bank_reference": "NEW", "value_date": TODAY, **change}
            if "wanted" in given:
                given["wanted"] = [Split(given.pop("loan", loan.id), *given["wanted"])]
            with pytest.raises(TuskerError) as refused, transaction():
                record_receipt(ctx, given.pop("customer_id", invoice.purchaser_id), **given)
            assert refused.value.field == field
            assert db.session.query(Receipt).count() == 1
            assert db.session.query(Event).count() == before


def test_another_customers_loan_cannot_be_paid(ctx: Context, make_invoice: Callable[..., Invoice]) -> None:
    mine, theirs = make_invoice("disbursed"), make_invoice("disbursed")
    loan = db.session.query(Loan).filter_by(invoice_id=theirs.id).one()
    with pytest.raises(InvalidInput) as refused:
        receive(ctx, mine, 5_00, wanted=[Split(loan.id, 0, 0, 0, 5_00)])
    assert refused.value.field == "allocations"


def test_money_of_before_a_recorded_payment_goes_to_other_loans_or_is_kept_as_credit(
    ctx: Context, late_loan: Invoice, make_invoice: Callable[..., Invoice]
) -> None:
    other = make_invoice("disbursed", line=late_loan.credit_line)
    day = at(ctx, 21)
    with transaction():
        repay_in_full(at(ctx, 20), late_loan.id, bank_reference="R-1", value_date=at(ctx, 20).today)
    early = at(ctx, 16).today
    proposal = propose_receipt(late_loan.purchaser_id, 100_00, early)
    assert [line.invoice_id for line in proposal.lines if line.split.total] == [other.id]
    receive(day, late_loan, 100_00, "R-2", value_date=early)
    assert credit_balance(late_loan.purchaser_id, day.today) == 0
    # now both have later money: nothing can take that of the 5th, and it is kept
    receive(day, late_loan, 100_00, "R-3", value_date=TODAY + timedelta(days=5))
    assert credit_balance(late_loan.purchaser_id, day.today) == 100_00
    with pytest.raises(InvalidInput, match="undo it first") as refused, transaction():
        repay_in_full(day, other.id, bank_reference="R-4", value_date=TODAY + timedelta(days=5))
    assert refused.value.field == "value_date"


def test_undoing_a_receipt_leaves_contra_rows_and_the_debt_as_if_it_had_never_been(
    ctx: Context, late_loan: Invoice
) -> None:
    untouched = loan_of_invoice(late_loan.id, TODAY + timedelta(days=60))
    assert untouched is not None
    receipt = receive(at(ctx, 10), late_loan, 9_000_00)
    assert late_loan.status == "repaid"
    later = at(ctx, 20)
    with transaction():
        reverse_receipt(later, receipt.id, reason="bounced")
    assert (late_loan.status, late_loan.closed_at) == ("disbursed", None)
    assert used() == {8_000_00}
    again = loan_of_invoice(late_loan.id, TODAY + timedelta(days=60))
    assert again is not None
    assert again.live == untouched.live
    # As seen while it still counted, the loan was paid.
    assert open_loans(TODAY + timedelta(days=15))[0].live.total == 0
    assert db.session.query(Allocation).count() == 2
    assert credit_balance(late_loan.purchaser_id, later.today) == 0
    for wrong, words in (("bounced", "undone already"), (" ", "Give a reason")):
        with pytest.raises(TuskerError, match=words), transaction():
            reverse_receipt(later, receipt.id, reason=wrong)
    contra = db.session.query(Receipt).filter_by(kind="reversal").one()
    with pytest.raises(NotFound), transaction():
        reverse_receipt(later, contra.id, reason="x")


def test_one_receipt_is_undone_once_by_sixteen_threads(app: Flask, ctx: Context, late_loan: Invoice) -> None:
    receipt_id = receive(ctx, late_loan, 500_00).id

    def undo() -> bool:
        try:
            with transaction():
                reverse_receipt(ctx, receipt_id, reason="bounced")
        except Conflict:
            return False
        return True

    assert in_threads(app, [undo] * 16).count(True) == 1
    assert used() == {8_000_00}


def test_sixteen_receipts_at_once_pay_each_unit_once(app: Flask, ctx: Context, late_loan: Invoice) -> None:
    purchaser = late_loan.purchaser_id

    def pay(number: int) -> None:
        with transaction():
            record_receipt(ctx, purchaser, amount=1_000_00, bank_reference=f"R-{number}", value_date=TODAY)

    in_threads(app, [lambda n=n: pay(n) for n in range(16)])
    db.session.expire_all()
    assert late_loan.status == "repaid"
    assert credit_balance(purchaser, TODAY) == 16_000_00 - 8_010_00
    assert used() == {0}


UPFRONT = Terms(
    Decimal(1), Decimal("0.365"), 100, interest_timing=InterestTiming.UPFRONT, fee_rate=Decimal("0.01")
)


def test_what_is_deducted_at_payout_is_credited_once(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    invoice = make_invoice("disbursed", line=make_line(terms=UPFRONT), value=1_000_00)
    loan = db.session.query(Loan).one()
    assert (loan.deducted_interest, loan.deducted_fee) == (100_00, 10_00)
    row = loan_of_invoice(invoice.id, TODAY + timedelta(days=100))
    assert row is not None
    assert row.live == row.term
    assert (row.term.total, row.term.principal) == (1_000_00, 1_000_00)
    early = at(ctx, 40)
    with transaction():
        receipt = repay_in_full(early, invoice.id, bank_reference="E", value_date=early.today)
    assert receipt.amount == 1_000_00 - 60_00
    paid = db.session.query(Allocation).one()
    assert (paid.interest, paid.principal) == (-60_00, 1_000_00)
    assert invoice.status == "repaid"
    assert used() == {0}


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ((0, 0, 0, 7_990_00), "all that is owed or more"),
        ((0, 0, 0, 7_648_88), "all that is owed or more"),
        ((0, 0, -351_12, 7_990_00), "must not be negative"),
        ((0, 0, -400_00, 8_000_00), "must not be negative"),
        ((0, 0, -341_12, 7_990_00), "must not be negative"),
        ((0, 0, 1, 7_000_00), "more than what is owed"),
    ],
)
def test_a_split_by_hand_that_leaves_principal_of_a_debt_of_nothing_is_refused(
    ctx: Context,
    make_line: Callable[..., CreditLine],
    make_invoice: Callable[..., Invoice],
    parts: tuple[int, int, int, int],
    says: str,
) -> None:
    """8,000.00 with 351.12 of deducted interest not earned: 7,648.88 are owed in all."""
    terms = replace(TERMS, interest_timing=InterestTiming.UPFRONT)
    invoice = make_invoice("disbursed", line=make_line(terms=terms))
    loan, day = db.session.query(Loan).one(), at(ctx, 1)

    def pay(*parts: int) -> None:
        wanted = [Split(loan.id, *parts)]
        with transaction():
            record_receipt(
                day,
                invoice.purchaser_id,
                amount=7_990_00,
                bank_reference="HAND",
                value_date=day.today,
                wanted=wanted,
            )

    before = written()
    with pytest.raises(InvalidInput, match=says) as refused:
        pay(*parts)
    assert (refused.value.field, written()) == ("allocations", before)
    pay(0, 0, -351_12, 8_000_00)
    assert (invoice.status, credit_balance(invoice.purchaser_id, day.today)) == ("repaid", 341_12)
    assert used() == {0}


def test_undoing_a_payout_puts_its_invoices_back_and_keeps_their_reservation(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    invoice = make_invoice("disbursed", line=make_line(terms=LATE))
    disbursal = db.session.query(Disbursal).one()
    receive(ctx, invoice, 100_00)
    with transaction():
        undo_disbursal(ctx, disbursal.id, reason="returned by the bank")
    assert (invoice.status, disbursal.status) == ("financeable", "reversed")
    assert used() == {8_000_00}
    assert open_loans(TODAY) == []
    assert sum(m.amount for m in db.session.query(ReserveMovement)) == 0
    with pytest.raises(Conflict, match="only a confirmed one"), transaction():
        undo_disbursal(ctx, disbursal.id, reason="again")


def test_after_an_undone_payout_the_daily_bundle_makes_another(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    invoice = make_invoice("financeable", line=make_line())
    with transaction():
        first = bundle_daily(ctx)
    assert first is not None
    with transaction():
        approve_and_release(ctx, first.id)
        confirm(ctx, first.id, bank_reference="B-1", value_date=TODAY)
    with transaction():
        undo_disbursal(ctx, first.id, reason="returned by the bank")
    with transaction():
        second = bundle_daily(ctx)
    assert second is not None
    assert second.id != first.id
    assert invoice.status == "bundled"
