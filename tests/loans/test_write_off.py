"""Debts that are given up: rows that leave nothing owed, undone by contra rows, and what comes in after them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from tests.support.pages import words
from tests.support.receipts import LATE, receive, used
from tests.support.values import TODAY, at
from tusker.domain.lifecycle import InvoiceStatus
from tusker.extensions import db
from tusker.models import Adjustment, CreditLine, Invoice, Loan, Role
from tusker.queries.loans.account_statements import LineKind, statement
from tusker.queries.loans.loans import loan_of_invoice
from tusker.queries.record.proof import prove
from tusker.services.context import Context
from tusker.services.loans.write_off import write_off
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
