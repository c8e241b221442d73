"""A supplier picks from its open orders at the delivery company, several at once, and types references in any case."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.support.courier_double import CourierDouble
from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.extensions import db
from tusker.models import CreditLine, Customer, Invoice


@pytest.fixture
def orders(courier: CourierDouble, line: CreditLine, make_line: Callable[..., CreditLine]) -> list[str]:
    """Three of the supplier's, one that was cancelled, and one of somebody else's to the same purchaser."""
    mine = line.supplier_id, line.purchaser_id
    other = make_line(purchaser=db.session.get_one(Customer, line.purchaser_id))
    courier.add_order("OLD-1", *mine, 1_000_00, status=24)
    courier.add_order("THEIRS-1", other.supplier_id, line.purchaser_id, 5_000_00)
    values = (10_000_00, 20_000_00, 9_00_000_00)
    return [courier.add_order(f"ORD-{n}", *mine, value) for n, value in enumerate(values, 1)]


def listed(browser: FlaskClient) -> list[str]:
    page = browser.get("/invoices/new/orders", headers={"HX-Request": "true"}).text
    assert "<html" not in page
    return re.findall(r'name="order_ref" value="([^"]+)"', page)


def chosen(browser: FlaskClient, *refs: str) -> tuple[str, dict[str, Any]]:
    """The page of several orders, and what its form sends."""
    page = browser.get("/invoices/new/several", query_string={"carrier": "tusker", "order_ref": refs}).text
    fields = re.findall(r'type="hidden" name="(order_ref|figures)" value="([^"]*)"', page)
    sent: dict[str, Any] = {"carrier": "tusker", "order_ref": [], "figures": []}
    for name, value in fields:
        sent[name].append(value)
    return page, sent


def test_only_what_is_its_own_and_open_is_listed(browser: FlaskClient, orders: list[str]) -> None:
    assert listed(browser) == orders[::-1]
    _, sent = chosen(browser, orders[0])
    browser.post("/invoices/new/several", data=sent)
    assert listed(browser) == [orders[2], orders[1]]
    assert 'hx-get="/invoices/new/orders"' in browser.get("/invoices/new").text


def test_a_purchaser_without_a_credit_line_is_not_named(
    browser: FlaskClient, courier: CourierDouble, line: CreditLine, make_line: Callable[..., CreditLine]
) -> None:
    stranger = db.session.get_one(Customer, make_line().purchaser_id)
    courier.add_order("ORD-1", line.supplier_id, line.purchaser_id, 1_000_00)
    courier.add_order("ORD-2", line.supplier_id, stranger.id, 1_000_00)
    page = browser.get("/invoices/new/orders").text
    assert listed(browser) == ["ORD-2", "ORD-1"]
    assert db.session.get_one(Customer, line.purchaser_id).name in page
    assert stranger.name not in page


def test_a_courier_that_is_down_says_so(
    browser: FlaskClient, courier: CourierDouble, orders: list[str]
) -> None:
    courier.fail()
    assert "Type the reference instead" in browser.get("/invoices/new/orders").text


def test_several_are_decided_one_by_one(
    browser: FlaskClient, courier: CourierDouble, orders: list[str]
) -> None:
    page, sent = chosen(browser, *orders, "THEIRS-1", "NOWHERE")
    assert sent["order_ref"] == orders
    assert "Exceeds what is left now" in page
    assert "₹24,000.00" in page  # 80 % of those that fit
    answer = browser.post("/invoices/new/several", data=sent, follow_redirects=True).text
    assert "₹8,000.00 is reserved for “ORD-1”" in answer
    assert "Refused" in answer
    found = {row.number: row.status for row in db.session.execute(select(Invoice.number, Invoice.status))}
    assert found == {
        "ORD-1": InvoiceStatus.APPROVED,
        "ORD-2": InvoiceStatus.APPROVED,
        "ORD-3": InvoiceStatus.REJECTED,
    }


def test_what_was_not_shown_is_not_requested(
    browser: FlaskClient, courier: CourierDouble, line: CreditLine, orders: list[str]
) -> None:
    _, sent = chosen(browser, orders[0])
    courier.add_order(orders[0], line.supplier_id, line.purchaser_id, 30_000_00)
    answer = browser.post("/invoices/new/several", data=sent, follow_redirects=True).text
    assert "figures have changed" in answer
    browser.post("/invoices/new/several", data={"carrier": "tusker", "order_ref": ["THEIRS-1", orders[1]]})
    db.session.rollback()
    assert db.session.query(Invoice).count() == 0


def test_a_reference_is_found_in_any_case(
    browser: FlaskClient, courier: CourierDouble, orders: list[str]
) -> None:
    page = browser.get(
        "/invoices/quote", query_string={"order_ref": "ord-1"}, headers={"HX-Request": "true"}
    ).text
    assert "₹8,000.00" in page
    asked = courier.questions
    browser.get("/invoices/quote", query_string={"order_ref": "ORD-1"}, headers={"HX-Request": "true"})
    assert courier.questions == asked + 1  # nothing more where it is written as it is known
