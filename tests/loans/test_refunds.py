"""Refunds that come back, payments that bounce after their refund, and whose references are whose."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.pages import words
from tests.support.receipts import receive, used
from tests.support.values import TODAY, at
from tusker.errors import Conflict, Duplicate, InvalidInput
from tusker.extensions import db
from tusker.models import Allocation, CreditLine, Invoice, Receipt, Role
from tusker.queries.loans.account_statements.statement import credit_balance, statement
from tusker.queries.record.proof import prove
from tusker.services.context import Context
from tusker.services.loans.receipts.proposal import propose_receipt
from tusker.services.loans.receipts.recording import (
    record_receipt,
    refund_credit,
    repay_all_in_full,
    unallocated,
    use_credit,
)
from tusker.services.loans.receipts.undoing import return_refund, reverse_receipt
from tusker.transactions import transaction


@pytest.fixture
def invoice(make_invoice: Callable[..., Invoice]) -> Invoice:
    """8,000.00 are owed."""
    return make_invoice("disbursed")


def refund(ctx: Context, receipt: Receipt, amount: int, reference: str = "RF-1") -> Receipt:
    with transaction():
        return refund_credit(ctx, receipt.id, amount=amount, bank_reference=reference, value_date=ctx.today)


def undo(ctx: Context, receipt: Receipt) -> None:
    with transaction():
        reverse_receipt(ctx, receipt.id, reason="bounced")


def test_a_payment_bounces_after_its_surplus_was_paid_back(ctx: Context, invoice: Invoice) -> None:
    """The worked example of docs/money.md."""
    payer = invoice.purchaser_id
    first = receive(ctx, invoice, 9_000_00)
    refund(ctx, first, 1_000_00)
    undo(ctx, first)
    assert (invoice.status, used(), credit_balance(payer, TODAY)) == ("disbursed", {8_000_00}, -1_000_00)
    assert statement(payer, "purchaser", TODAY, TODAY).credit == -1_000_00
    # what comes in settles that first, then the loan; less than that pays nothing of the loan
    less = receive(ctx, invoice, 400_00, "R-LESS")
    assert (used(), db.session.query(Allocation).filter_by(receipt_id=less.id).count()) == ({8_000_00}, 0)
    assert credit_balance(payer, TODAY) == -600_00
    undo(ctx, less)
    assert propose_receipt(payer, 8_500_00, TODAY).owed_back == 1_000_00
    second = receive(ctx, invoice, 8_500_00, "R-2")
    assert (used(), unallocated(second.id), credit_balance(payer, TODAY)) == ({500_00}, 1_000_00, 0)
    with transaction():
        assert use_credit(ctx, payer) == 0
    with pytest.raises(InvalidInput, match=r"At most ₹0\.00"), transaction():
        refund_credit(ctx, second.id, amount=1, bank_reference="RF-2", value_date=TODAY)
    undo(ctx, second)
    assert (used(), credit_balance(payer, TODAY)) == ({8_000_00}, -1_000_00)


def test_a_refund_comes_back(ctx: Context, invoice: Invoice) -> None:
    payer, late = invoice.purchaser_id, at(ctx, 3)
    receipt = receive(ctx, invoice, 9_000_00)
    paid_back = refund(ctx, receipt, 1_000_00)
    with transaction():
        return_refund(late, paid_back.id, reason="no such account")
    assert (unallocated(receipt.id), credit_balance(payer, TODAY), credit_balance(payer, late.today)) == (
        1_000_00,
        0,
        1_000_00,
    )
    assert prove().holds
    with pytest.raises(Conflict, match="came back already"), transaction():
        return_refund(late, paid_back.id, reason="again")
    refund(late, receipt, 1_000_00)  # under the same reference
    assert credit_balance(payer, late.today) == 0


@pytest.mark.parametrize("bounces_first", [True, False])
def test_both_in_any_order_leave_nothing(ctx: Context, invoice: Invoice, bounces_first: bool) -> None:
    receipt = receive(ctx, invoice, 9_000_00)
    paid_back = refund(ctx, receipt, 1_000_00)
    for bounce in (bounces_first, not bounces_first):
        if bounce:
            undo(ctx, receipt)
        else:
            with transaction():
                return_refund(ctx, paid_back.id, reason="closed account")
    assert (credit_balance(invoice.purchaser_id, TODAY), used()) == (0, {8_000_00})


def test_two_payers_give_the_same_cheque_number(ctx: Context, make_invoice: Callable[..., Invoice]) -> None:
    one, other = make_invoice("disbursed"), make_invoice("disbursed")
    receive(ctx, one, 100_00, "000123")
    receive(ctx, other, 100_00, "000123")
    with pytest.raises(Duplicate), transaction():
        record_receipt(ctx, one.purchaser_id, amount=1, bank_reference=" 000123 ", value_date=TODAY)
    with transaction():
        repay_all_in_full(ctx, {one.id: "7", other.id: "7"}, value_date=TODAY)
    assert used() == {0}


def test_a_reference_is_free_once_its_receipt_was_undone(ctx: Context, invoice: Invoice) -> None:
    for _ in range(3):
        undo(ctx, receive(ctx, invoice, 100_00, "R-1"))
    receive(ctx, invoice, 100_00, "R-1")
    assert db.session.query(Receipt).filter_by(bank_reference="R-1").count() == 4
    with pytest.raises(Duplicate), transaction():
        record_receipt(ctx, invoice.purchaser_id, amount=1, bank_reference="R-1", value_date=TODAY)


def test_back_dated_money_pays_the_loan_that_can_take_it(
    app: Flask, ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    """Loans A and B of one payer; A is paid with value date day 20, on day 21 money of day 16 comes for B."""
    line = make_line()
    a, b = (make_invoice("disbursed", line=line) for _ in "ab")
    of_a = receive(at(ctx, 20), a, 1_000_00, f"for {a.number}")
    day, value_date = at(ctx, 21), at(ctx, 16).today
    proposal = propose_receipt(a.purchaser_id, 2_000_00, value_date)
    assert [p.invoice_id for p in proposal.lines] == [b.id]
    assert proposal.barred == [(a.number, at(ctx, 20).today)]
    receive(day, b, 2_000_00, "R-B", value_date=value_date)
    assert [row.loan.invoice_id for row in db.session.query(Allocation).order_by(Allocation.id)] == [
        a.id,
        b.id,
    ]
    undo(day, of_a)
    receive(day, a, 500_00, f"for {a.number}", value_date=value_date)


def test_pages_and_commands(
    ctx: Context,
    invoice: Invoice,
    login: Callable[..., FlaskClient],
    app: Flask,
    stopped_clock: None,
) -> None:
    receipt = receive(ctx, invoice, 9_000_00)
    paid_back = refund(ctx, receipt, 1_000_00)
    admin = login(Role.ADMIN)
    answer = admin.post(
        f"/admin/receipts/refunds/{paid_back.id}/returned",
        data={"reason": "no account"},
        follow_redirects=True,
    )
    assert "The refund came back" in words(answer.text)
    refund(ctx, receipt, 1_000_00, "RF-2")
    answer = admin.post(
        f"/admin/receipts/{receipt.id}/undo", data={"reason": "bounced"}, follow_redirects=True
    )
    assert "Owed by the customer: refunded before the payment bounced ₹1,000.00" in words(answer.text)
    company = words(admin.get(f"/customers/{invoice.purchaser_id}").text)
    assert "Owed for bounced payments that had been refunded ₹1,000.00" in company
    assert "1 customer to pay ₹1,000.00 back" in words(admin.get("/admin/").text)
    listed = words(admin.get("/admin/receipts?state=owed").text)
    assert "R-1" in listed
    words_of_command = ["return-refund", "RF-2", "--customer", invoice.purchaser.name, "--reason", "closed"]
    made = app.test_cli_runner().invoke(args=words_of_command)
    assert made.exit_code == 0, made.output
    assert credit_balance(invoice.purchaser_id, TODAY) == 0
