"""Repayments: the list, marking repaid in the row and on the page, writing off."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.support.pages import HTMX
from tests.support.values import NOW, TODAY
from tusker import clock
from tusker.domain.terms import Terms
from tusker.models import CreditLine, Invoice
from tusker.queries.loans.loans import open_loan_ids
from tusker.queries.loans.positions import owed_of, owed_on, positions

pytestmark = pytest.mark.usefixtures("stopped_clock")

COSTLY = Terms(
    advance_rate=Decimal("0.8"),
    apr=Decimal("0.365"),
    tenor_days=10,
    fee_flat=10_00,
    penal_rate=Decimal("0.365"),
)
"""On a principal of ₹8,000: ₹8 interest a day, ₹10 fee, ₹8 penalty a day after the tenth."""


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let days pass."""

    def move(days: int) -> None:
        monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(days=days))

    return move


def test_repaid_in_the_row_with_exactly_what_is_due(
    login: Callable[..., FlaskClient],
    make_invoice: Callable[..., Invoice],
    make_line: Callable[..., CreditLine],
    later: Callable[[int], None],
    scalar: Callable[..., Any],
) -> None:
    invoice_id = make_invoice("disbursed", line=make_line(terms=COSTLY)).id
    later(5)
    browser, url = login(), f"/admin/loans/{invoice_id}/repay"
    form = browser.get(url, headers=HTMX).text
    assert form.lstrip().startswith(f'<tr id="loan-{invoice_id}">')
    assert "₹8,050.00" in form
    answer = browser.post(url, data={"bank_reference": "PAY-1", "value_date": "2026-03-05"}, headers=HTMX)
    assert answer.status_code == 200
    assert answer.text.lstrip().startswith(f'<tr id="loan-{invoice_id}"')
    assert 'data-status="repaid"' in answer.text
    assert 'id="loan-totals" hx-swap-oob="true"' in answer.text
    assert scalar("SELECT amount FROM receipts") == 8_034_00
    assert scalar("SELECT status FROM invoices") == "repaid"
    assert scalar("SELECT sum(used_amount) FROM credit_lines") == 0


def test_the_amount_follows_the_day(
    login: Callable[..., FlaskClient],
    make_invoice: Callable[..., Invoice],
    make_line: Callable[..., CreditLine],
    later: Callable[[int], None],
) -> None:
    invoice_id = make_invoice("disbursed", line=make_line(terms=COSTLY)).id
    later(12)
    browser = login()

    def due(day: str) -> str:
        return browser.get(f"/admin/loans/{invoice_id}/due?value_date={day}", headers=HTMX).text

    assert "₹8,018.00" in due("2026-03-03")
    assert "₹8,090.00" in due("2026-03-12")
    overdue = due("2026-03-14")
    assert "₹8,122.00" in overdue
    assert "₹16.00" in overdue
    assert "must not be before the payout" in due("2026-03-01")
    assert "must not be in the future" in due("2026-03-15")
    for nonsense in ("1900-01-01", "soon", ""):
        assert "Value date must be a date from 1 Jan 2000" in due(nonsense)


def test_it_works_without_scripts(
    login: Callable[..., FlaskClient], make_invoice: Callable[..., Invoice], scalar: Callable[..., Any]
) -> None:
    invoice_id = make_invoice("disbursed").id
    browser, url = login(), f"/admin/loans/{invoice_id}/repay"
    page = browser.get(f"{url}?value_date=2026-03-02").text
    assert "<html" in page
    assert "<noscript>" in page
    answer = browser.post(url, data={"bank_reference": "PAY-1", "value_date": "2026-03-02"})
    assert answer.status_code == 303
    assert answer.location == "/admin/loans"
    assert scalar("SELECT status FROM invoices") == "repaid"
    assert "was closed on" in browser.get(url).text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"bank_reference": ""}, "Payment reference is required."),
        ({"bank_reference": "x" * 300}, "Payment reference may have at most 60 characters."),
        ({"bank_reference": "USED"}, "This payment reference was recorded already."),
        ({"value_date": "1900-01-01"}, "Value date must be a date from 2000-01-01"),
        ({"value_date": "2026-03-01"}, "The value date must not be before the payout"),
        ({"value_date": "2027-01-01"}, "The value date must not be in the future."),
    ],
)
def test_what_cannot_be_repaid_says_why_and_writes_nothing(
    login: Callable[..., FlaskClient],
    make_invoice: Callable[..., Invoice],
    line: CreditLine,
    scalar: Callable[..., Any],
    given: dict[str, str],
    said: str,
) -> None:
    known, invoice_id = (make_invoice("disbursed", line=line).id for _ in range(2))
    browser, right = login(), {"bank_reference": "USED", "value_date": "2026-03-02"}
    browser.post(f"/admin/loans/{known}/repay", data=right)
    data = right | {"bank_reference": "NEW"} | given
    answer = browser.post(f"/admin/loans/{invoice_id}/repay", data=data, headers=HTMX)
    assert answer.status_code == 422
    assert answer.text.lstrip().startswith(f'<tr id="loan-{invoice_id}">')
    assert said in answer.text
    assert scalar("SELECT count(*) FROM receipts") == 1
    assert scalar("SELECT status FROM invoices WHERE id = :id", id=invoice_id) == "disbursed"


def test_written_off_with_a_reason(
    login: Callable[..., FlaskClient], make_invoice: Callable[..., Invoice], scalar: Callable[..., Any]
) -> None:
    invoice_id = make_invoice("disbursed").id
    browser, url = login(), f"/admin/loans/{invoice_id}/write-off"
    assert "is given up" in browser.get(url, headers=HTMX).text
    refused = browser.post(url, data={"reason": ""}, headers=HTMX)
    assert refused.status_code == 422
    assert "Reason is required." in refused.text
    assert scalar("SELECT status FROM invoices") == "disbursed"
    answer = browser.post(url, data={"reason": "Insolvent"}, headers=HTMX)
    assert 'data-status="written_off"' in answer.text
    assert scalar("SELECT status FROM invoices") == "written_off"
    again = browser.post(url, data={"reason": "Insolvent"}, headers=HTMX)
    assert 'data-status="written_off"' in again.text
    assert scalar("SELECT count(*) FROM events WHERE kind = 'written_off'") == 1


def numbers_in(html: str) -> list[str]:
    """Numbers of the invoices in the order shown."""
    return re.findall(r'href="/invoices/\d+">([^<]+)</a>', html)


def test_filters_by_due_day_and_words(
    login: Callable[..., FlaskClient],
    make_invoice: Callable[..., Invoice],
    make_line: Callable[..., CreditLine],
    later: Callable[[int], None],
) -> None:
    def loan(tenor: int) -> str:
        terms = Terms(advance_rate=Decimal("0.8"), apr=Decimal("0.1"), tenor_days=tenor)
        return make_invoice("disbursed", line=make_line(terms=terms)).number

    late, today, sunday, far = loan(5), loan(20), loan(26), loan(60)
    soon = loan(27)
    later(20)
    browser = login()

    def shown(query: str) -> list[str]:
        return numbers_in(browser.get(f"/admin/loans?{query}", headers=HTMX).text)

    assert shown("") == [late, today, sunday, soon, far]
    assert shown("due=overdue") == [late]
    assert shown("due=today") == [today]
    assert shown("due=week") == [today, sunday]
    assert shown(f"q={far}") == [far]
    assert shown("q=nobody") == []
    now = clock.today()
    book = positions(now)
    for some, ids in (
        ([row for row in book if row.overdue], open_loan_ids(due_until=now - timedelta(days=1))),
        ([row for row in book if row.due_today], open_loan_ids(due_from=now, due_until=now)),
    ):
        count, owed, term = owed_of(some)
        assert (count, owed, term) == owed_on(ids, now)
        assert (count, owed > 0, term > 0) == (1, True, True)


def test_further_rows_lose_and_repeat_none(
    monkeypatch: pytest.MonkeyPatch,
    login: Callable[..., FlaskClient],
    make_invoice: Callable[..., Invoice],
) -> None:
    monkeypatch.setattr("tusker.web.lists.listing.PAGE_SIZE", 2)
    made = [make_invoice("disbursed").number for _ in range(5)]
    browser, url, shown = login(), "/admin/loans", []
    for _ in range(4):
        html = browser.get(url, headers=HTMX).text
        shown += numbers_in(html)
        more = re.search(r'href="([^"]*before=[^"]*)"', html)
        if not more:
            break
        url = more[1].replace("&amp;", "&")
    assert shown == made
    assert browser.get("/admin/loans?after=nonsense").status_code == 422


def test_nothing_was_disbursed_is_not_found(
    login: Callable[..., FlaskClient], make_invoice: Callable[..., Invoice]
) -> None:
    invoice_id = make_invoice("approved").id
    browser = login()
    for path in ("repay", "row", "write-off"):
        assert browser.get(f"/admin/loans/{invoice_id}/{path}").status_code == 404
    data = {"bank_reference": "X", "value_date": TODAY.isoformat()}
    assert browser.post(f"/admin/loans/{invoice_id}/repay", data=data).status_code in {404, 422}
