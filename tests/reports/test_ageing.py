"""The page and the files of the ageing."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Callable
from decimal import Decimal

import pytest
from flask.testing import FlaskClient

from tests.support.loan_book import Book, day, on_day
from tests.support.pages import HTMX, amounts
from tusker.domain.loans.extensions import ReliefLimits
from tusker.models import Role
from tusker.services.loans.relief.granting import extend
from tusker.transactions import transaction

# 8,000 at 0.1 % a day is 8 a day of interest, and 8 a day of penalty from the due date; the fee is 100
CURRENT, LATE, LATER, OTHERS = "8,140.00", "8,500.00", "9,140.00", "9,940.00"
ALL = "₹35,720.00"


def rows_of(answer: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer)))


@pytest.mark.parametrize("role", [Role.ADMIN, Role.AUDITOR])
def test_staff_see_three_tables_that_add_up(
    login: Callable[..., FlaskClient], book: Book, role: Role
) -> None:
    page = login(role).get("/reports/ageing").text
    for view in ("supplier", "purchaser", "line"):
        table = page.split(f'id="by-{view}"')[1].split("</section>")[0]
        assert amounts(table)[-1] == ALL
        assert amounts(table)[-6:-1] == [f"₹{CURRENT}", f"₹{LATE}", f"₹{LATER}", "₹0.00", f"₹{OTHERS}"]
    assert book.foreign.supplier.customer.name in page


def test_a_supplier_sees_its_own_by_purchaser(login: Callable[..., FlaskClient], book: Book) -> None:
    browser = login(Role.SUPPLIER, customer=book.line.supplier.customer)
    page = browser.get("/reports/ageing").text
    assert 'id="by-purchaser"' in page
    assert 'id="by-supplier"' not in page
    assert amounts(page)[5] == "₹25,780.00"
    assert OTHERS not in page
    found = rows_of(browser.get("/reports/ageing/loans.csv").text)
    assert [row["owed"] for row in found] == ["9140.00", "8500.00", "8140.00"]
    # somebody else's ids in the address narrow to nothing
    assert rows_of(browser.get(f"/reports/ageing/loans.csv?supplier={book.foreign.supplier_id}").text) == []


def test_a_purchaser_sees_what_it_owes(login: Callable[..., FlaskClient], book: Book) -> None:
    page = login(Role.PURCHASER, customer=book.other.purchaser.customer).get("/reports/ageing").text
    assert set(amounts(page)) == {"₹0.00", f"₹{LATER}"}
    assert 'id="by-supplier"' in page


def test_each_amount_leads_to_its_loans(login: Callable[..., FlaskClient], book: Book) -> None:
    browser = login()
    page = browser.get(f"/reports/ageing/loans?bucket=31–60&line={book.other.id}").text
    assert f'href="/reports/ageing/balance/{book.later}?as_of=' in page
    assert f'href="/invoices/{book.later}"' in page
    assert amounts(page)[-1] == f"₹{LATER}"
    assert f'href="/invoices/{book.late}"' not in page
    assert browser.get("/reports/ageing/loans?bucket=weekly").status_code == 422
    assert browser.get("/reports/ageing/loans?supplier=x").status_code == 422


def test_the_loans_are_paged_and_summed_whole(
    login: Callable[..., FlaskClient], book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tusker.web.lists.listing.PAGE_SIZE", 2)
    browser, address, seen = login(), "/reports/ageing/loans", []
    while address:
        page = browser.get(address).text
        assert amounts(page)[-1] == ALL
        seen += re.findall(r'href="/invoices/(\d+)"', page)
        following = re.search(r'href="([^"]+)"[^>]*>Next', page)
        address = html.unescape(following[1]) if following else ""
    assert len(seen) == len(set(seen)) == 4
    # of a past day, on which the oldest was not yet moved behind the others
    limits = ReliefLimits(10**12, Decimal(1), 365)
    with transaction():
        moved = {"due_date": day(-40), "with_interest": True, "reason": "late", "limits": limits}
        extend(on_day(0), book.others, on_closed_day=True, **moved)
    monkeypatch.setattr("tusker.web.lists.listing.ROWS_AT_ONCE", 1)
    listed = [row["loan"] for row in rows_of(browser.get(f"/reports/ageing/loans.csv?as_of={day(1)}").text)]
    assert len(listed) == len(set(listed)) == 4


def test_a_past_day_shows_what_was_owed_then(
    login: Callable[..., FlaskClient], book: Book, receive: Callable[..., int]
) -> None:
    receive(book.line.purchaser_id, 8_500_00, 0)
    browser = login()
    assert amounts(browser.get("/reports/ageing").text)[5] == "₹27,220.00"
    # the day before yesterday: 8 and with penalty 16 a day less on each; nothing was paid yet
    page = browser.get(f"/reports/ageing?as_of={day(2)}").text
    assert amounts(page)[5] == "₹35,608.00"


@pytest.mark.parametrize("wrong", [str(day_) for day_ in ("2100-01-02", "1900-01-01", "soon", "2099-01-01")])
def test_a_day_that_cannot_be_names_its_field(
    login: Callable[..., FlaskClient], book: Book, wrong: str
) -> None:
    browser = login()
    for path in (
        "/reports/ageing",
        "/reports/ageing/loans",
        "/reports/ageing/loans.csv",
        "/reports/exposure",
    ):
        answer = browser.get(f"{path}?as_of={wrong}")
        assert answer.status_code == 422, path
        assert "As of" in answer.text
        assert CURRENT not in answer.text


def test_htmx_gets_the_fragment(login: Callable[..., FlaskClient], book: Book) -> None:
    answer = login().get("/reports/ageing", headers=HTMX)
    assert answer.text.lstrip().startswith('<div id="ageing">')
    assert "<html" not in answer.text


def test_files_add_up_and_run_nothing(
    login: Callable[..., FlaskClient], make_purchaser: Callable[..., object], book: Book
) -> None:
    book.other.purchaser.customer.name = "=cmd|' /C calc'!A0"
    from tusker.extensions import db

    db.session.commit()
    browser = login()
    for by in ("supplier", "purchaser", "line"):
        answer = browser.get(f"/reports/ageing.csv?by={by}")
        *rows, last = rows_of(answer.text)
        assert answer.mimetype == "text/csv"
        assert last["total"] == "35720.00"
        assert sum(Decimal(row["total"]) for row in rows) == Decimal("35720.00")
        assert sum(Decimal(row["31-60"]) for row in rows) == Decimal("9140.00")
    assert "'=cmd" in browser.get("/reports/ageing.csv?by=purchaser").text
    asked = f"by=loan&as_of={day(0)}&bucket=1%E2%80%9330"
    assert browser.get(f"/reports/ageing.csv?{asked}").location == f"/reports/ageing/loans.csv?{asked}"
    loans = rows_of(browser.get("/reports/ageing.csv", follow_redirects=True).text)
    assert sum(Decimal(row["owed"]) for row in loans) == Decimal("35720.00")
    assert {row["currency"] for row in loans} == {"INR"}
    assert browser.get("/reports/ageing.csv?by=colour").status_code == 422
