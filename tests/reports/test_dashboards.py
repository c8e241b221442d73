"""Ageing and holds on the dashboards."""

from __future__ import annotations

from collections.abc import Callable

from flask.testing import FlaskClient

from tests.support.loan_book import Book, on_day
from tests.support.pages import amounts
from tusker.models import Role
from tusker.services.loans.overdue import review_holds
from tusker.transactions import transaction


def card(page: str, name: str) -> str:
    return page.split(f'id="{name}"')[1].split("</section>")[0]


def test_staff_see_the_ageing_and_who_is_on_hold(login: Callable[..., FlaskClient], book: Book) -> None:
    browser = login()
    assert 'id="on-hold"' not in browser.get("/admin/").text
    with transaction():
        review_holds(on_day(0), 60)
    page = browser.get("/admin/").text
    assert amounts(card(page, "ageing-card"))[-1] == "₹35,720.00"
    held = card(page, "on-hold")
    assert book.foreign.purchaser.customer.name in held
    assert f'href="/customers/{book.foreign.purchaser_id}"' in held
    assert book.line.purchaser.customer.name not in held


def test_companies_see_their_own_ageing(login: Callable[..., FlaskClient], book: Book) -> None:
    seller = login(Role.SUPPLIER, customer=book.line.supplier.customer).get("/invoices/dashboard").text
    assert amounts(card(seller, "ageing-card")) == ["₹8,140.00", "₹8,500.00", "₹9,140.00", "₹25,780.00"]
    buyer = login(Role.PURCHASER, customer=book.other.purchaser.customer).get("/invoices/dashboard").text
    assert amounts(card(buyer, "ageing-card")) == ["₹9,140.00", "₹9,140.00"]
