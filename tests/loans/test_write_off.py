"""Debts that are given up: rows that leave nothing owed, undone by contra rows, and what comes in after them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.pages import inputs, words
from tests.support.receipts import LATE, receive, used
from tests.support.values import TODAY, at
from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.domain.terms import Collection
from tusker.errors import IllegalTransition
from tusker.extensions import db
from tusker.models import Adjustment, CreditLine, Invoice, Loan, Payable, Receipt, Role
from tusker.queries.loans.account_statements.lines import LineKind
from tusker.queries.loans.account_statements.statement import statement
from tusker.queries.loans.loans import loan_of_invoice
from tusker.queries.record.proof import prove
from tusker.services.context import Context
from tusker.services.loans.receipts.proposal import propose_receipt
from tusker.services.loans.receipts.recording import record_receipt, repay_in_full, unallocated
from tusker.services.loans.receipts.undoing import reverse_receipt
from tusker.services.loans.reserve import reserve_left
from tusker.services.loans.write_off import undo_write_off, write_off
from tusker.transactions import transaction


@pytest.fixture
def late_loan(make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]) -> Invoice:
    """A loan of 8,000.00 on `LATE` terms, paid out today."""
    return make_invoice("disbursed", line=make_line(terms=LATE))


def owed(invoice: Invoice, ctx: Context) -> int:
    row = loan_of_invoice(invoice.id, ctx.today)
    assert row is not None
    return row.live.total


def give_up(ctx: Context, invoice: Invoice) -> None:
    with transaction():
        write_off(ctx, invoice.id, reason="insolvent")
    assert invoice.status == InvoiceStatus.WRITTEN_OFF


def test_a_write_off_is_a_row_of_all_that_is_owed(ctx: Context, late_loan: Invoice) -> None:
    day, later = at(ctx, 40), at(ctx, 50)
    receive(day, late_loan, 1_000_00, "R-1")
    give_up(day, late_loan)
    row = db.session.query(Adjustment).one()
    assert (row.penalty, row.fee, row.interest, row.principal) == (0, 0, 0, 7_247_81)
    assert (owed(late_loan, later), used()) == (0, {0})
    assert db.session.query(Loan).one().open_principal == 0
    for side, company in (("supplier", late_loan.supplier_id), ("purchaser", late_loan.purchaser_id)):
        made = statement(company, side, TODAY, later.today)  # type: ignore[arg-type]
        assert (made.closing, made.adds_up) == (0, True)
        assert made.lines[-1].kind == LineKind.WRITTEN_OFF
    assert prove().holds


def test_the_invoices_page_shows_it(
    ctx: Context, late_loan: Invoice, login: Callable[..., FlaskClient]
) -> None:
    give_up(ctx, late_loan)
    page = words(login(Role.ADMIN).get(f"/invoices/{late_loan.id}").text)
    assert "Written off 2 Mar 2026 insolvent -₹8,000.00 ₹0.00 -₹10.00 ₹0.00 -₹8,010.00" in page


def recover(ctx: Context, invoice: Invoice, amount: int, reference: str) -> Receipt:
    """Money of the purchaser whose reference names the invoice."""
    return receive(ctx, invoice, amount, f"{reference} {invoice.number}")


def parts() -> list[tuple[str, int, int, int, int]]:
    rows = db.session.query(Adjustment).order_by(Adjustment.id)
    return [(row.kind, row.penalty, row.fee, row.interest, row.principal) for row in rows]


def test_what_comes_in_later_is_a_recovery_and_frees_nothing(ctx: Context, late_loan: Invoice) -> None:
    """The worked example of docs/money.md."""
    give_up(at(ctx, 40), late_loan)
    receipt = recover(at(ctx, 60), late_loan, 5_000_00, "R-1")
    assert parts() == [
        ("write_off", 80_00, 10_00, 157_81, 8_000_00),
        ("recovery", -80_00, -10_00, -157_81, -4_752_19),
    ]
    row = loan_of_invoice(late_loan.id, at(ctx, 60).today)
    assert row is not None
    assert (row.live.total, row.written_off, row.recovered) == (0, 8_247_81, 5_000_00)
    assert (used(), unallocated(receipt.id)) == ({0}, 0)
    more = recover(at(ctx, 61), late_loan, 4_000_00, "R-2")
    assert (used(), unallocated(more.id)) == ({0}, 4_000_00 - 3_247_81)
    made = statement(late_loan.purchaser_id, "purchaser", TODAY, at(ctx, 62).today)
    assert made.adds_up
    assert (made.closing, made.receipts, made.adjustments, made.credit) == (0, 8_247_81, 0, 752_19)
    third = receive(at(ctx, 62), late_loan, 1_00, f"R-3 {late_loan.number}")
    assert unallocated(third.id) == 1_00


def test_a_write_off_is_undone_over_the_limit_too(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    line = make_line(terms=LATE, limit=8_000_00)
    invoice = make_invoice("disbursed", line=line)
    give_up(at(ctx, 40), invoice)
    recover(at(ctx, 60), invoice, 5_000_00, "R-1")
    make_invoice("disbursed", line=line)
    with transaction():
        undo_write_off(at(ctx, 70), invoice.id, reason="the court decided")
    assert invoice.status == InvoiceStatus.DISBURSED
    assert used() == {8_000_00 + 3_247_81}
    # 60 days on 8,000.00 and 10 on 3,247.81, less the 157.81 that were paid; penalty likewise from the due date
    row = loan_of_invoice(invoice.id, at(ctx, 70).today)
    assert row is not None
    assert (row.live.interest, row.live.penalty, row.live.principal) == (94_92, 192_48, 3_247_81)
    before = loan_of_invoice(invoice.id, at(ctx, 69).today)
    assert before is not None
    assert (before.live.total, before.written_off) == (0, 8_247_81)
    with transaction():
        repay_in_full(at(ctx, 70), invoice.id, bank_reference="R-2", value_date=at(ctx, 70).today)
    assert (invoice.status, used()) == ("repaid", {8_000_00})
    for side, company in (("supplier", invoice.supplier_id), ("purchaser", invoice.purchaser_id)):
        assert statement(company, side, at(ctx, 65).today, at(ctx, 70).today).adds_up  # type: ignore[arg-type]


def test_a_write_off_that_came_in_whole_is_repaid_once_it_is_undone(ctx: Context, late_loan: Invoice) -> None:
    give_up(at(ctx, 40), late_loan)
    recover(at(ctx, 40), late_loan, 8_247_81, "R-1")
    with transaction():
        undo_write_off(at(ctx, 41), late_loan.id, reason="it was paid that day")
    assert (late_loan.status, used()) == ("repaid", {0})
    assert reserve_left(late_loan.id) == 0
    with pytest.raises(IllegalTransition), transaction():
        undo_write_off(at(ctx, 41), late_loan.id, reason="again")


def test_money_of_a_day_before_the_write_off_counts_from_it(ctx: Context, late_loan: Invoice) -> None:
    give_up(at(ctx, 40), late_loan)
    with transaction():
        record_receipt(
            at(ctx, 41),
            late_loan.purchaser_id,
            amount=8_247_81,
            bank_reference=f"late {late_loan.number}",
            value_date=at(ctx, 20).today,
        )
    with transaction():
        undo_write_off(at(ctx, 41), late_loan.id, reason="paid")
    # nothing is owed a negative sum, and nothing more than was given up was asked for
    assert (late_loan.status, owed(late_loan, at(ctx, 50)), used()) == ("repaid", 0, {0})


@pytest.mark.parametrize("undone_first", [False, True])
def test_a_recovery_bounces(ctx: Context, late_loan: Invoice, undone_first: bool) -> None:
    give_up(at(ctx, 40), late_loan)
    receipt = recover(at(ctx, 60), late_loan, 5_000_00, "R-1")
    if undone_first:
        with transaction():
            undo_write_off(at(ctx, 61), late_loan.id, reason="x")
    with transaction():
        reverse_receipt(at(ctx, 62), receipt.id, reason="bounced")
    row = loan_of_invoice(late_loan.id, at(ctx, 62).today)
    assert row is not None
    if undone_first:
        assert (row.written_off, row.live.principal, used()) == (0, 8_000_00, {8_000_00})
    else:
        assert (row.written_off, row.recovered, row.live.total, used()) == (8_247_81, 0, 0, {0})
        with transaction():
            undo_write_off(at(ctx, 63), late_loan.id, reason="x")
        assert used() == {8_000_00}


def test_a_payment_of_before_bounces_after_the_write_off(ctx: Context, late_loan: Invoice) -> None:
    paid = receive(at(ctx, 30), late_loan, 1_128_36, "R-1")
    give_up(at(ctx, 40), late_loan)
    assert parts() == [("write_off", 70_00, 0, 34_52, 7_000_00)]
    recover(at(ctx, 45), late_loan, 104_52, "R-2")
    with transaction():
        reverse_receipt(at(ctx, 50), paid.id, reason="bounced")
    # together what would have been written off had it never been paid
    assert parts()[2:] == [("write_off", 10_00, 10_00, 123_29, 1_000_00)]
    row = loan_of_invoice(late_loan.id, at(ctx, 50).today)
    assert row is not None
    assert (row.written_off, row.recovered, row.live.total, used()) == (8_247_81, 104_52, 0, {0})
    assert statement(late_loan.purchaser_id, "purchaser", TODAY, at(ctx, 50).today).adds_up
    with transaction():
        undo_write_off(at(ctx, 50), late_loan.id, reason="x")
    assert used() == {8_000_00}


def test_by_hand_the_loan_that_the_reference_names_comes_first(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    """Loan A written off, B open, 5,000.00 comes in of their payer."""
    line = make_line()
    a, b = (make_invoice("disbursed", line=line) for _ in "ab")
    give_up(ctx, a)
    plain = propose_receipt(a.purchaser_id, 5_000_00, TODAY)
    assert [(p.invoice_id, p.split.total) for p in plain.lines] == [(b.id, 5_000_00)]
    assert [(p.invoice_id, p.due.total, p.written_off) for p in plain.written_off] == [(a.id, 8_000_00, True)]
    named = propose_receipt(a.purchaser_id, 5_000_00, TODAY, f"NEFT {a.number} ACME")
    assert [(p.invoice_id, p.split.total) for p in named.lines] == [(a.id, 5_000_00), (b.id, 0)]
    receipt = receive(ctx, a, 5_000_00, "R-1")
    assert (used(), unallocated(receipt.id)) == ({3_000_00}, 0)


def test_the_page_offers_the_written_off_loan_and_shows_the_recovery(
    app: Flask,
    ctx: Context,
    make_line: Callable[..., CreditLine],
    make_invoice: Callable[..., Invoice],
    login: Callable[..., FlaskClient],
    stopped_clock: None,
) -> None:
    line = make_line()
    a, b = (make_invoice("disbursed", line=line) for _ in "ab")
    give_up(ctx, a)
    admin = login(Role.ADMIN)
    about = {
        "customer_id": a.purchaser_id,
        "amount": "5,000.00",
        "value_date": TODAY,
        "bank_reference": "R-1",
        "action": "propose",
    }
    sheet = admin.post("/admin/receipts/new", data=about).text
    assert "1 written-off loan of which this may be a recovery" in words(sheet)
    typed = {key: "" for key in inputs(sheet) if key.startswith("principal_")}
    loan = db.session.query(Loan).filter_by(invoice_id=a.id).one()
    sent = {
        **inputs(sheet),
        **typed,
        f"principal_{loan.id}": "5,000.00",
        "action": "record",
        "left_over": "0",
    }
    answer = admin.post("/admin/receipts/new", data=sent, follow_redirects=True)
    assert "recovered of what was written off" in words(answer.text)
    assert used() == {8_000_00}
    page = words(admin.get(f"/invoices/{a.id}").text)
    assert "Recovered of that ₹5,000.00" in page
    answer = admin.post(f"/invoices/{a.id}/undo-write-off", data={"reason": "court"}, follow_redirects=True)
    assert "The write-off is undone" in words(answer.text)
    assert (b.status, used()) == ("disbursed", {11_000_00})
    for command in ("write-off", "undo-write-off"):
        done = app.test_cli_runner().invoke(args=[command, a.number, "--reason", "by command"])
        assert done.exit_code == 0, done.output
    assert used() == {11_000_00}


@pytest.mark.parametrize("after", [0, 1])
def test_of_the_face_value_the_rest_is_the_suppliers(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice], after: int
) -> None:
    """A purchaser that pays the face value recovers the debt first; to it the whole invoice was given up."""
    invoice = make_invoice("disbursed", line=make_line(terms=replace(LATE, collection=Collection.INVOICE)))
    give_up(at(ctx, 40), invoice)
    receipt = recover(at(ctx, 40 + after), invoice, 10_000_00, "R-1")
    assert db.session.query(Payable).one().amount == 10_000_00 - 8_247_81
    assert used() == {0}
    made = statement(invoice.purchaser_id, "purchaser", at(ctx, 40).today, at(ctx, 50).today)
    assert (made.opening, made.closing, made.adds_up) == (10_000_00, 0, True)
    with transaction():
        reverse_receipt(at(ctx, 51), receipt.id, reason="bounced")
    with transaction():
        undo_write_off(at(ctx, 52), invoice.id, reason="x")
    assert used() == {8_000_00}
    made = statement(invoice.purchaser_id, "purchaser", at(ctx, 45).today, at(ctx, 52).today)
    assert (made.opening, made.closing, made.adds_up) == (0, 10_000_00, True)
