"""The request page: preview, errors with messages of their own, and the request itself, over a real courier."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.support.courier_double import CourierDouble
from tests.support.pages import HTMX, hidden
from tests.support.pages import words as words_of
from tests.support.values import TERMS
from tusker import clock
from tusker.carriers.registry import get_carrier
from tusker.domain.credit.risk import RuleKind
from tusker.domain.delivery.shipments import TrackedOrder
from tusker.extensions import db
from tusker.models import CreditLine, Customer, Invoice, LineStatus, Role
from tusker.services.context import Context
from tusker.services.credit.customers.lines import LineData, change_credit_line, set_line_status
from tusker.services.credit.requesting.financing import cancel_invoice
from tusker.services.credit.risk.rules import RuleData, add_rule
from tusker.transactions import transaction


@pytest.fixture
def order(courier: CourierDouble, line: CreditLine) -> str:
    return courier.add_order("ORD-7", line.supplier_id, line.purchaser_id, 10_000_00)


def shown(browser: FlaskClient, ref: str, **fields: Any) -> str:
    return browser.post("/invoices/new", data={"order_ref": ref, "action": "check", **fields}).text


def request_it(browser: FlaskClient, ref: str, **fields: Any) -> Any:
    """Check, then request on the figures shown."""
    data = {"order_ref": ref, **hidden(shown(browser, ref, **fields)), **fields}
    return browser.post("/invoices/new", data={**data, "action": "request"})


def invoices() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(Invoice)) or 0


def test_quote_shows_figures_and_limits(browser: FlaskClient, order: str, line: CreditLine) -> None:
    answer = browser.get("/invoices/quote", query_string={"order_ref": order}, headers=HTMX)
    assert answer.status_code == 200
    assert "<html" not in answer.text
    # 80 % of 10,000 is 8,000; 18 % a year for 90 days of it is 355.07; a limit of 1,00,000 keeps 92,000
    for words in ("₹10,000.00", "₹8,000.00", "80%", "₹355.07", "₹8,355.07", line.purchaser.customer.name):
        assert words in answer.text
    assert answer.text.count("₹1,00,000.00") == 3
    assert answer.text.count("₹92,000.00") == 3
    assert (clock.today() + timedelta(days=90)).isoformat() in answer.text
    assert hidden(answer.text)["terms_version"] == str(line.terms_version)
    assert "would be refused" not in answer.text
    assert invoices() == 0


def test_short_text_does_not_bother_the_courier(browser: FlaskClient, courier: CourierDouble) -> None:
    answer = browser.get("/invoices/quote", query_string={"order_ref": " OR "}, headers=HTMX)
    assert "No order yet" in answer.text
    assert courier.questions == 0


@pytest.mark.parametrize(
    ("bound", "words"),
    [
        ("line", "The credit line with"),
        ("supplier", "Your own\n"),
        ("purchaser", "as purchaser"),
    ],
)
def test_quote_warns_of_the_limit_that_would_not_hold(
    bound: str,
    words: str,
    courier: CourierDouble,
    make_line: Callable[..., CreditLine],
    make_supplier: Callable[..., Customer],
    make_purchaser: Callable[..., Customer],
    login: Callable[..., FlaskClient],
) -> None:
    small = 5_000_00
    supplier = make_supplier(limit=small if bound == "supplier" else 10**9)
    purchaser = make_purchaser(limit=small if bound == "purchaser" else 10**9)
    line = make_line(supplier, purchaser, limit=small if bound == "line" else 10**9)
    courier.add_order("ORD-9", supplier.id, purchaser.id, 10_000_00)
    page = shown(login(Role.SUPPLIER, customer=supplier), "ORD-9")
    assert "A request would be refused now" in page
    assert re.search(words.strip(), page)
    assert page.count("₹3,000.00") == 2  # in the warning and in the table
    assert line.id


def test_quote_warns_of_a_rule_and_offers_no_request(
    ctx: Context, browser: FlaskClient, order: str, line: CreditLine
) -> None:
    agreed = hidden(shown(browser, order))
    with transaction():
        add_rule(ctx, RuleData(RuleKind.MAX_INVOICE, 4_000_00), reason="small ones")
    page = words_of(shown(browser, order))
    assert "A request would be refused now The rules of risk do not allow it: the invoice is larger" in page
    assert "₹3,200.00 of principal could be financed right away: an invoice of up to ₹4,000.00" in page
    assert "Request financing" not in page.partition("Room left")[2].partition("Search")[0]
    late = browser.post("/invoices/new", data={"order_ref": order, **agreed, "action": "request"})
    assert (late.status_code, "The rules of risk do not allow it" in late.text) == (422, True)
    assert invoices() == 0


def test_page_and_fragment_show_the_same_quote(browser: FlaskClient, order: str) -> None:
    page = browser.get("/invoices/new", query_string={"order_ref": order}).text
    fragment = browser.get("/invoices/new", query_string={"order_ref": order}, headers=HTMX).text
    assert "<html" in page
    assert "<html" not in fragment
    assert hidden(page) == hidden(fragment) != {}


def test_request_is_approved_and_leads_to_the_invoice(
    browser: FlaskClient, order: str, line: CreditLine
) -> None:
    answer = request_it(browser, order)
    invoice = db.session.scalars(select(Invoice)).one()
    assert answer.status_code == 303
    assert answer.location == f"/invoices/{invoice.id}"
    assert (invoice.status, invoice.principal, invoice.source) == ("approved", 8_000_00, "web")
    page = browser.get(answer.location).text
    assert "Approved: ₹8,000.00 is reserved for “ORD-7”" in page
    db.session.refresh(line)
    assert line.used_amount == 8_000_00


def test_request_without_figures_shows_them_first(browser: FlaskClient, order: str) -> None:
    answer = browser.post("/invoices/new", data={"order_ref": order, "action": "request"})
    assert answer.status_code == 200
    assert "Request financing" in answer.text
    assert invoices() == 0


def test_refusal_is_stored_and_said(
    courier: CourierDouble, make_line: Callable[..., CreditLine], login: Callable[..., FlaskClient]
) -> None:
    line = make_line(limit=5_000_00)
    courier.add_order("ORD-1", line.supplier_id, line.purchaser_id, 10_000_00)
    browser = login(Role.SUPPLIER, customer=line.supplier.customer)
    answer = request_it(browser, "ORD-1")
    page = browser.get(answer.location).text
    assert "Refused: the credit line&#39;s limit is exceeded by ₹3,000.00" in page
    assert "Request again" in page
    invoice = db.session.scalars(select(Invoice)).one()
    assert (invoice.status, invoice.refused_by, invoice.lacking) == ("rejected", "credit_line", 3_000_00)


def test_refused_number_may_be_asked_for_again(
    ctx: Any, courier: CourierDouble, make_line: Callable[..., CreditLine], login: Callable[..., FlaskClient]
) -> None:
    line = make_line(limit=5_000_00)
    courier.add_order("ORD-1", line.supplier_id, line.purchaser_id, 10_000_00)
    browser = login(Role.SUPPLIER, customer=line.supplier.customer)
    request_it(browser, "ORD-1")
    courier.add_order("ORD-1", line.supplier_id, line.purchaser_id, 5_000_00)
    answer = request_it(browser, "ORD-1")
    assert "Approved" in browser.get(answer.location).text
    newest = db.session.scalars(select(Invoice).order_by(Invoice.id.desc())).first()
    assert newest is not None
    with transaction():
        cancel_invoice(ctx, newest.id, reason="wrong one")
    assert "Approved" in browser.get(request_it(browser, "ORD-1").location).text
    assert invoices() == 3


def test_unknown_order(browser: FlaskClient, courier: CourierDouble) -> None:
    answer = browser.post("/invoices/new", data={"order_ref": "NOPE-1", "action": "check"})
    assert answer.status_code == 422
    assert "Unknown order" in answer.text
    assert "knows no order “NOPE-1”" in answer.text


def test_order_of_another_supplier(
    browser: FlaskClient, courier: CourierDouble, make_line: Callable[..., CreditLine]
) -> None:
    other = make_line()
    courier.add_order("ORD-X", other.supplier_id, other.purchaser_id, 10_000_00)
    page = shown(browser, "ORD-X")
    assert "knows no order “ORD-X” of yours" in page
    assert other.purchaser.customer.name not in page


def test_cancelled_order(browser: FlaskClient, courier: CourierDouble, order: str) -> None:
    courier.set_status(order, 24)
    page = shown(browser, order)
    assert "Cancelled at the delivery company" in page
    assert "was cancelled at the delivery company" in page


def test_no_credit_line(
    browser: FlaskClient, courier: CourierDouble, line: CreditLine, make_purchaser: Callable[..., Customer]
) -> None:
    courier.add_order("ORD-N", line.supplier_id, make_purchaser().id, 10_000_00)
    assert "You have no credit line with the purchaser of order “ORD-N”" in shown(browser, "ORD-N")


def test_suspended_line(ctx: Any, browser: FlaskClient, order: str, line: CreditLine) -> None:
    with transaction():
        set_line_status(ctx, line.id, LineStatus.SUSPENDED, reason="late payer")
    assert "is suspended" in shown(browser, order)


def test_duplicate_links_to_the_invoice(browser: FlaskClient, order: str) -> None:
    location = request_it(browser, order).location
    answer = browser.post("/invoices/new", data={"order_ref": order, "action": "check"})
    assert answer.status_code == 409
    assert "Requested already" in answer.text
    assert f'href="{location}"' in answer.text


def test_courier_down(browser: FlaskClient, courier: CourierDouble, order: str) -> None:
    courier.fail("401")
    quote = browser.get("/invoices/quote", query_string={"order_ref": order}, headers=HTMX)
    assert quote.status_code == 200
    assert "The delivery company refused the request" in quote.text
    answer = browser.post("/invoices/new", data={"order_ref": order, "terms_version": 1, "action": "request"})
    assert answer.status_code == 502
    assert invoices() == 0


def test_changed_terms_are_shown_before_the_request(
    ctx: Any, browser: FlaskClient, order: str, line: CreditLine
) -> None:
    before = hidden(shown(browser, order))
    with transaction():
        dearer = replace(TERMS, apr=TERMS.apr * 2)
        change_credit_line(ctx, line.id, LineData(line.limit_amount, dearer, line.valid_from, None))
    answer = browser.post("/invoices/new", data={"order_ref": order, **before, "action": "request"})
    assert answer.status_code == 409
    assert "terms of this credit line have changed" in answer.text
    assert hidden(answer.text)["terms_version"] != before["terms_version"]
    assert invoices() == 0
    again = browser.post(
        "/invoices/new", data={"order_ref": order, **hidden(answer.text), "action": "request"}
    )
    assert again.status_code == 303


def test_changed_value_is_shown_before_the_request(
    browser: FlaskClient, courier: CourierDouble, order: str, line: CreditLine
) -> None:
    before = hidden(shown(browser, order))
    courier.add_order(order, line.supplier_id, line.purchaser_id, 90_000_00)
    answer = browser.post("/invoices/new", data={"order_ref": order, **before, "action": "request"})
    assert answer.status_code == 409
    assert "figures have changed since you saw them" in answer.text
    assert "₹72,000.00" in answer.text
    assert invoices() == 0


def test_no_transaction_is_open_while_the_courier_thinks(
    app: Flask, browser: FlaskClient, courier: CourierDouble, order: str
) -> None:
    real, open_then = get_carrier("tusker"), []

    class Watched:
        name, batch_size, requests_per_second, declares_orders = "tusker", 10, 100.0, True

        def fetch(self, refs: list[str], *, register: bool = True) -> dict[str, TrackedOrder]:
            open_then.append(db.session().in_transaction())
            return real.fetch(refs, register=register)

    app.extensions["tusker_carriers"] = {"tusker": Watched()}
    assert request_it(browser, order).status_code == 303
    assert open_then == [False, False]


def test_two_carriers_can_be_chosen_of(
    app: Flask, browser: FlaskClient, courier: CourierDouble, order: str
) -> None:
    assert 'name="carrier"' not in browser.get("/invoices/new").text
    app.extensions["tusker_carriers"] = {"tusker": get_carrier("tusker"), "other": get_carrier("tusker")}
    page = browser.get("/invoices/new").text
    assert '<option value="other">Tusker courier</option>' in page
    assert "Delivery company: choose one of the list" in shown(browser, order, carrier="nobody")
    assert hidden(shown(browser, order, carrier="tusker"))
    courier.begin()


@pytest.mark.parametrize("ref", ["", "   ", "x" * 300, "two\nlines"])
def test_unusable_reference_names_the_field(browser: FlaskClient, courier: CourierDouble, ref: str) -> None:
    answer = browser.post("/invoices/new", data={"order_ref": ref, "action": "check"})
    assert answer.status_code == 422
    assert "Order reference" in answer.text
    assert re.search(r'id="order_ref-error">Order reference', answer.text)
    assert courier.questions == 0


def test_admin_requests_for_a_supplier(
    login: Callable[..., FlaskClient], order: str, line: CreditLine, make_supplier: Callable[..., Customer]
) -> None:
    other = make_supplier()
    admin = login(Role.ADMIN)
    assert "Supplier is required" in shown(admin, order)
    assert "knows no order" in shown(admin, order, supplier_id=other.id)
    page = admin.get("/invoices/new", query_string={"order_ref": order, "supplier_id": line.supplier_id}).text
    assert f'<option selected value="{line.supplier_id}">' in page
    assert hidden(page)
    answer = request_it(admin, order, supplier_id=line.supplier_id)
    assert answer.status_code == 303
    assert db.session.scalars(select(Invoice)).one().supplier_id == line.supplier_id


def test_a_supplier_cannot_choose_another_supplier(
    browser: FlaskClient, courier: CourierDouble, make_line: Callable[..., CreditLine]
) -> None:
    other = make_line()
    courier.add_order("ORD-X", other.supplier_id, other.purchaser_id, 10_000_00)
    assert "knows no order" in shown(browser, "ORD-X", supplier_id=other.supplier_id)


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.PURCHASER])
def test_who_may_not_request(
    login: Callable[..., FlaskClient], line: CreditLine, role: Role, courier: CourierDouble
) -> None:
    browser = login(role, customer=line.purchaser.customer if role == Role.PURCHASER else None)
    for path in ("/invoices/new", "/invoices/quote"):
        assert browser.get(path).status_code == 403
    assert browser.post("/invoices/new", data={"order_ref": "ORD-7"}).status_code == 403
    assert courier.questions == 0
