"""How many statements a quote and a request take: what is looked up once is not looked up again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.support import counting
from tests.support.courier_double import CourierDouble
from tests.support.fake_server import FakeServer
from tests.support.parcels import fields_of, tracker, trackers
from tests.support.tokens import token_made
from tusker.models import CreditLine, Customer, Role
from tusker.services.context import Context
from tusker.transactions import transaction

ORDER = {"order_ref": "ORD-7"}


@pytest.fixture
def line(make_line: Callable[..., CreditLine], courier: CourierDouble) -> CreditLine:
    """A line with an order ORD-7 on it that the courier knows."""
    made = make_line()
    courier.add_order("ORD-7", made.supplier_id, made.purchaser_id, 10_000_00)
    return made


@pytest.fixture
def browser(login: Callable[..., FlaskClient], line: CreditLine) -> FlaskClient:
    """The supplier's, who has asked already: the courier's row stands, and nothing is read for the first time."""
    client: FlaskClient = login(Role.SUPPLIER, customer=line.supplier.customer)
    client.get("/invoices/quote", query_string=ORDER)
    return client


@pytest.fixture
def call(browser: FlaskClient, line: CreditLine, ctx: Context) -> Callable[..., Any]:
    """POST to the API with the supplier's token."""
    company: Customer = line.supplier.customer
    with transaction():
        _, secret = token_made(ctx, company.id, "ERP")

    def post(path: str, body: dict[str, Any], **headers: str) -> Any:
        return browser.post(path, json=body, headers={"Authorization": f"Bearer {secret}", **headers})

    post("/api/v1/quotes", ORDER)
    return post


def counted() -> AbstractContextManager[list[str]]:
    return counting.statements()


def show(sent: list[str]) -> str:
    return "\n".join(" ".join(statement.split())[:140] for statement in sent)


def repeated(sent: list[str]) -> list[str]:
    """Statements that were sent more than once, but for the user: what a roll-back let go is read again."""
    return [text for text, times in Counter(sent).items() if times > 1 and "FROM users" not in text]


def test_the_quote_while_typing(browser: FlaskClient) -> None:
    with counted() as sent:
        assert browser.get("/invoices/quote", query_string=ORDER).status_code == 200
    assert repeated(sent) == []
    assert len(sent) == 4, show(sent)


def test_a_request_on_the_page(browser: FlaskClient) -> None:
    with counted() as sent:
        form = {**ORDER, "action": "request", "terms_version": 1}
        assert browser.post("/invoices/new", data=form).status_code == 303
    assert repeated(sent) == []
    assert len(sent) == 3, show(sent)


def test_a_quote_by_the_api(call: Callable[..., Any]) -> None:
    with counted() as sent:
        assert call("/api/v1/quotes", ORDER).status_code == 200
    assert repeated(sent) == []
    assert len(sent) == 2, show(sent)


def test_a_request_by_the_api(call: Callable[..., Any]) -> None:
    with counted() as sent:
        assert call("/api/v1/invoices", ORDER, **{"Idempotency-Key": "k-1"}).status_code == 201
    assert repeated(sent) == []
    assert len(sent) == 3, show(sent)


@pytest.fixture
def tracked(vendor: FakeServer) -> FakeServer:
    """EasyPost, which tracks the parcel already."""
    vendor.otherwise = trackers(tracker())
    return vendor


def test_the_quote_of_a_parcel(tracked: FakeServer, browser: FlaskClient, line: CreditLine) -> None:
    browser.get("/invoices/quote", query_string=fields_of(line))
    with counted() as sent:
        assert browser.get("/invoices/quote", query_string=fields_of(line)).status_code == 200
    assert len(sent) == 7, show(sent)


def test_a_request_of_a_parcel(tracked: FakeServer, browser: FlaskClient, line: CreditLine) -> None:
    browser.get("/invoices/quote", query_string=fields_of(line))
    with counted() as sent:
        form = {**fields_of(line), "action": "request", "terms_version": 1}
        assert browser.post("/invoices/new", data=form).status_code == 303
    assert len(sent) == 6, show(sent)
