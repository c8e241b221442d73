"""The dashboards of companies and the list of what is to be repaid."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.support.invoices import deliver, order_on
from tests.support.payouts import bundle_and_confirm
from tests.support.values import TERMS, TODAY
from tusker import clock
from tusker.models import CreditLine, Invoice, Role
from tusker.queries.company_dashboard import lines_by_partner, recent_payouts
from tusker.services.context import Context
from tusker.services.credit.requesting.financing import request_financing
from tusker.transactions import transaction
from tusker.web.paging import PAGE_SIZE


@pytest.fixture
def lend(app: Any) -> Callable[..., Invoice]:
    """Lend on a line so that the loan is due in `days` from the real today (negative: overdue)."""

    def make(line: CreditLine, days: int, value: int = 10_000_00) -> int:
        back = line.tenor_days - days
        ctx = Context(None, "test", clock.now() - timedelta(days=back), clock.today() - timedelta(days=back))
        order = order_on(line, value, updated_at=ctx.now)
        with transaction():
            decision = request_financing(ctx, line.supplier_id, order, source="test")
        assert decision.approved
        deliver(ctx, decision.invoice_id, order)
        bundle_and_confirm(ctx, [decision.invoice_id])
        return decision.invoice_id

    return make


@pytest.fixture
def old_line(make_line: Callable[..., CreditLine]) -> CreditLine:
    """A line that was open long ago, at 10 % flat so that figures are easy: no interest, a fee of 100."""
    terms = replace(TERMS, apr=TERMS.apr * 0, tenor_days=30, fee_flat=100_00)
    return make_line(terms=terms, valid_from=clock.today() - timedelta(days=400))


def stat(page: str, label: str) -> str:
    """The figure of a card and the hint under it."""
    found = re.search(
        rf'tk-stat-label">(?:(?!tk-stat-label).)*?{label}.*?tk-stat-value">(.*?)</div>.*?tk-stat-hint">(.*?)</div>',
        page,
        re.DOTALL,
    )
    assert found, label
    return f"{found[1].strip()} / {' '.join(found[2].split())}"


def test_supplier_sees_credit_counts_loans_and_payouts(
    login: Callable[..., FlaskClient], old_line: CreditLine, lend: Callable[..., int], make_invoice: Any
) -> None:
    lend(old_line, 10)
    lend(old_line, -5)
    make_invoice(line=old_line)
    make_invoice("disbursed")  # somebody else's
    page = login(Role.SUPPLIER, customer=old_line.supplier.customer).get("/invoices/dashboard").text
    # three times 8,000 of a limit of 1,00,000; two loans of 8,000 with a fee of 100 each
    assert stat(page, "Credit left") == "₹76,000.00 / of your own limit"
    assert stat(page, "Owed today") == "₹16,200.00 / on 2 loans"
    assert stat(page, "Owed at the end of the term") == "₹16,200.00 / ₹16,000.00 principal"
    assert stat(page, "Overdue") == "₹8,100.00 / 1 loan"
    assert stat(page, "Disbursed") == "2 / ₹16,000.00"
    assert stat(page, "Approved") == "1 / ₹8,000.00"
    assert 'href="/invoices/?status=disbursed"' in page
    assert page.count("₹76,000.00</strong> left") == 2  # the own limit and the line
    assert "5 days late" in page
    assert "in 10 days" in page
    assert len(recent_payouts(old_line.supplier_id, limit=10)) == 2
    assert page.count("BANK-") == 2


def test_purchaser_sees_what_is_to_repay_when(
    login: Callable[..., FlaskClient], old_line: CreditLine, lend: Callable[..., int], make_invoice: Any
) -> None:
    for days, value in ((0, 1_000_00), (6, 2_000_00), (7, 4_000_00), (-1, 8_000_00)):
        lend(old_line, days, value)
    make_invoice("disbursed")
    page = login(Role.PURCHASER, customer=old_line.purchaser.customer).get("/invoices/dashboard").text
    assert stat(page, "Due today") == "₹900.00 / 1 loan"
    assert stat(page, "Due in the next 7 days").startswith("₹2,600.00 / until ")
    assert stat(page, "Overdue") == "₹6,500.00 / 1 loan"
    assert stat(page, "All at the end of the term") == "₹12,400.00 / ₹12,400.00 if repaid today"
    assert "/invoices/new" not in page


def test_lines_are_the_companys_own(make_line: Callable[..., CreditLine]) -> None:
    mine, other = make_line(), make_line()
    assert [line.line_id for line in lines_by_partner("supplier", mine.supplier_id, TODAY)] == [mine.id]
    assert [line.line_id for line in lines_by_partner("purchaser", other.purchaser_id, TODAY)] == [other.id]
    assert lines_by_partner("supplier", mine.supplier_id, TODAY)[0].partner == mine.purchaser.customer.name


def test_new_companies_see_no_empty_tables(
    login: Callable[..., FlaskClient], make_supplier: Callable[..., Any], make_purchaser: Callable[..., Any]
) -> None:
    supplier = login(Role.SUPPLIER, customer=make_supplier())
    purchaser = login(Role.PURCHASER, customer=make_purchaser())
    page = supplier.get("/invoices/dashboard").text
    for words in ("No invoices yet", "Nothing is owed", "No payout yet", "No credit lines yet"):
        assert words in page
    assert "Nothing to repay" in purchaser.get("/invoices/dashboard").text
    assert "Nothing is owed" in purchaser.get("/invoices/to-repay").text


@pytest.mark.parametrize("path", ["/invoices/dashboard", "/invoices/to-repay"])
def test_staff_have_pages_of_their_own(login: Callable[..., FlaskClient], path: str) -> None:
    for role in (Role.ADMIN, Role.AUDITOR):
        assert login(role).get(path).status_code == 403


def test_to_repay_is_oldest_due_first_and_scoped(
    login: Callable[..., FlaskClient], old_line: CreditLine, lend: Callable[..., int], make_invoice: Any
) -> None:
    later, soon, late = lend(old_line, 20), lend(old_line, 2), lend(old_line, -3)
    make_invoice("disbursed")
    for browser in (
        login(Role.PURCHASER, customer=old_line.purchaser.customer),
        login(Role.SUPPLIER, customer=old_line.supplier.customer),
    ):
        page = browser.get("/invoices/to-repay").text
        assert [int(i) for i in re.findall(r'href="/invoices/(\d+)"', page)] == [late, soon, later]
        assert re.search(r'text-danger">3 days</span>', page)
        assert stat(page, "If repaid today") == "₹24,300.00 / on 3 loans"
    fragment = browser.get("/invoices/to-repay", headers={"HX-Request": "true"}, query_string={"q": "zzz"})
    assert fragment.text.lstrip().startswith('<div class="card tk-list" id="to-repay"')
    assert "Nothing matches these filters" in fragment.text


def test_to_repay_goes_on_where_the_page_ended(
    login: Callable[..., FlaskClient], old_line: CreditLine, monkeypatch: pytest.MonkeyPatch, lend: Any
) -> None:
    monkeypatch.setattr("tusker.web.lists.listing.PAGE_SIZE", 2)
    assert PAGE_SIZE > 2
    ids = [lend(old_line, days) for days in (1, 1, 1, 9)]
    browser = login(Role.PURCHASER, customer=old_line.purchaser.customer)
    first = browser.get("/invoices/to-repay").text
    following = re.search(r'formaction="(/invoices/to-repay\?before=[^"]+)"', first)
    assert following
    second = browser.post(following[1]).text
    assert [int(i) for page in (first, second) for i in re.findall(r'href="/invoices/(\d+)"', page)] == ids
    assert 'formaction="/invoices/to-repay?before=' not in second


@pytest.mark.parametrize(
    "after", ["x", "2026-03-02", "2026-03-02.x", "2026-13-02.4", "2026-03-02." + "9" * 30]
)
def test_to_repay_refuses_a_made_up_place(
    login: Callable[..., FlaskClient], make_purchaser: Callable[..., Any], after: str
) -> None:
    browser = login(Role.PURCHASER, customer=make_purchaser())
    assert browser.get("/invoices/to-repay", query_string={"after": after}).status_code == 422
