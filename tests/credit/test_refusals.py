"""A refusal names every limit that lacks, and what could be had instead."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.api import Api
from tests.support.courier_double import CourierDouble
from tests.support.pages import hidden, words
from tests.support.tokens import token_made
from tusker.extensions import db
from tusker.models import CreditLine, Customer, Invoice, OutboxMessage, Role
from tusker.services.context import Context
from tusker.transactions import transaction


@pytest.fixture
def tight(
    make_line: Callable[..., CreditLine],
    make_supplier: Callable[..., Customer],
    make_purchaser: Callable[..., Customer],
    courier: CourierDouble,
) -> CreditLine:
    """Limits of 7,000, 6,000 and 5,000, and an order of 10,000 whose principal is 8,000."""
    line = make_line(
        make_supplier(limit=6_000_00), make_purchaser("Ganga Retail", limit=5_000_00), limit=7_000_00
    )
    courier.add_order("ORD-1", line.supplier_id, line.purchaser_id, 10_000_00)
    return line


def test_page_and_mail(
    tight: CreditLine, login: Callable[..., FlaskClient], mails: Callable[[], list[OutboxMessage]]
) -> None:
    browser = login(Role.SUPPLIER, customer=tight.supplier.customer)
    shown = browser.post("/invoices/new", data={"order_ref": "ORD-1", "action": "check"})
    said = words(shown.text)
    for limit, lacking in (
        ("The credit line with Ganga Retail", "₹1,000.00"),
        ("Your own limit", "₹2,000.00"),
        ("The limit of Ganga Retail as purchaser", "₹3,000.00"),
    ):
        assert f"{limit} is exceeded by {lacking} ." in said
    assert "₹5,000.00 of principal could be financed right away: an invoice of up to ₹6,250.00 ." in said
    answer = browser.post(
        "/invoices/new", data={**hidden(shown.text), "order_ref": "ORD-1", "action": "request"}
    )
    assert answer.status_code == 303
    page = words(browser.get(answer.location).text)
    assert (
        "the supplier's limit is exceeded by ₹2,000.00, the purchaser's limit is exceeded by ₹3,000.00"
        in page.replace("&#39;", "'")
    )
    assert "₹5,000.00 of principal could be financed right away." in page
    for lacking in ("exceeded by ₹1,000.00", "exceeded by ₹2,000.00", "exceeded by ₹3,000.00"):
        assert lacking in page
    buyer = words(login(Role.PURCHASER, customer=tight.purchaser.customer).get(answer.location).text)
    assert ("exceeded by ₹3,000.00" in buyer, "₹2,000.00" in buyer) == (True, False)
    [mail] = [mail for mail in mails() if mail.template == "credit/request_refused"]
    assert mail.context["limits"].endswith(
        "the supplier limit by ₹2,000.00, the purchaser limit by ₹3,000.00"
    )


def test_endpoint_and_command(app: Flask, ctx: Context, tight: CreditLine) -> None:
    with transaction():
        _, secret = token_made(ctx, tight.supplier_id, "ERP")
    api = Api(app.test_client(), secret)
    told = api.post("/quotes", {"order_ref": "ORD-1"}).json
    lacks = [(row["bound"], row["lacking"]["minor"]) for row in told["lacks"]]
    assert lacks == [("credit_line", 1_000_00), ("supplier", 2_000_00), ("purchaser", 3_000_00)]
    assert told["largest"]["minor"] == 6_250_00
    made = api.post("/invoices", {"order_ref": "ORD-1"})
    assert (made.status_code, made.json["status"]) == (201, "rejected")
    assert made.json["lacks"] == told["lacks"]
    written = app.test_cli_runner().invoke(args=["request-financing", str(tight.supplier_id), "ORD-1"])
    assert written.exit_code == 2
    assert (
        "the limit of the supplier is exceeded by ₹2,000.00, the limit of the purchaser is exceeded by ₹3,000.00."
        in written.output
    )
    assert "₹5,000.00 of principal could be financed right away." in written.output
    assert {i.refusal.besides for i in db.session.query(Invoice)} == {
        (("supplier", 2_000_00), ("purchaser", 3_000_00))
    }
