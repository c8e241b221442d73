"""The waiting list on pages, by endpoint and by command; and which repayments make room for a refused request."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from tests.support.api import Api
from tests.support.courier_double import CourierDouble
from tests.support.fake_server import FakeServer
from tests.support.pages import words
from tests.support.parcels import tracker, trackers
from tests.support.tokens import token_made
from tusker import clock
from tusker.currency import currency
from tusker.domain.credit.limits import Bound
from tusker.extensions import db
from tusker.jobs.waiting import admit_waiting
from tusker.models import CreditLine, Customer, Invoice, Role, Shipment
from tusker.queries.loans.expected import Repayment, repayment_plan
from tusker.services.context import Context
from tusker.transactions import transaction

EIGHT = 8_000_00


@pytest.fixture
def buyer(make_purchaser: Callable[..., Customer]) -> Customer:
    return make_purchaser("Ganga Retail", limit=3 * EIGHT)


@pytest.fixture
def tight(make_line: Callable[..., CreditLine], buyer: Customer, courier: CourierDouble) -> CreditLine:
    """A purchaser that takes three invoices, and an order on one of its lines."""
    line = make_line(purchaser=buyer)
    courier.add_order("ORD-W", line.supplier_id, line.purchaser_id, 10_000_00)
    return line


@pytest.fixture
def full(
    tight: CreditLine, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> list[Invoice]:
    """Its limit is used: the supplier's loan is due in 9 days, another's in 5, and one in 20."""
    other = make_line(purchaser=tight.purchaser.customer)
    made = [make_invoice("disbursed", line=line) for line in (tight, other, tight)]
    with transaction():
        for invoice, days in zip(made, (9, 5, 20), strict=True):
            db.session.execute(
                text("UPDATE loans SET due_date = :day WHERE invoice_id = :id"),
                {"day": clock.today() + timedelta(days=days), "id": invoice.id},
            )
    return made


def api_of(app: Flask, ctx: Context, line: CreditLine) -> Api:
    with transaction():
        _, secret = token_made(ctx, line.supplier_id, "ERP")
    return Api(app.test_client(), secret)


def in_days(days: int) -> str:
    day = clock.today() + timedelta(days=days)
    return f"{day.day} {day:%b %Y}"


def test_repayments_are_counted_until_all_that_lacks_is_free(tight: CreditLine, full: list[Invoice]) -> None:
    keys = (tight.id, tight.supplier_id, tight.purchaser_id)
    today = clock.today()
    own = Repayment(today + timedelta(days=9), "Ganga Retail", EIGHT)
    others = Repayment(today + timedelta(days=5), None, None)
    plan = repayment_plan(*keys, [(Bound.PURCHASER, EIGHT + 1)], seen_by=tight.supplier_id)
    assert (plan.repayments, plan.fits_on) == ((others, own), own.due_date)
    # What another supplier's loan frees of the purchaser's limit is nothing on this line.
    plan = repayment_plan(*keys, [(Bound.CREDIT_LINE, 1), (Bound.PURCHASER, 1)], seen_by=None)
    assert [row.amount for row in plan.repayments] == [EIGHT, EIGHT]
    assert plan.fits_on == own.due_date
    plan = repayment_plan(*keys, [(Bound.PURCHASER, 3 * EIGHT + 1)], seen_by=None)
    assert (len(plan.repayments), plan.fits_on) == (3, None)
    plan = repayment_plan(*keys, [(Bound.SUPPLIER, EIGHT)], seen_by=None)
    assert plan.repayments == (own,)


def test_by_endpoint(app: Flask, ctx: Context, tight: CreditLine, full: list[Invoice]) -> None:
    api = api_of(app, ctx, tight)
    told = api.post("/quotes", {"order_ref": "ORD-W"}).json
    day = (clock.today() + timedelta(days=5)).isoformat()
    assert told["plan"] == {
        "fits_on": day,
        "repayments": [{"due_on": day, "debtor": None, "amount": None}],
    }
    made = api.post("/invoices", {"order_ref": "ORD-W"}).json
    assert (made["status"], made["plan"], made["shipment"]) == ("rejected", told["plan"], None)
    path = f"/invoices/{made['id']}/waiting"
    assert api.get(path).status_code == 404
    waits = api.post(path)
    assert (waits.status_code, waits.json["state"], waits.json["place"]) == (201, "waiting", 1)
    assert waits.json["lacks"] == made["lacks"]
    assert waits.json["plan"] == told["plan"]
    assert waits.json["agreed_at_term"] == told["due_at_term"]
    assert (api.post(path).status_code, api.get("/waiting").json["items"]) == (200, [waits.json])
    again = api.post("/invoices", {"order_ref": "ORD-W"})
    assert (again.status_code, again.json["type"]) == (409, "urn:tusker:problem:duplicate")
    assert (again.json["invoice_id"], "waiting list" in again.json["detail"]) == (made["id"], True)
    with transaction():
        db.session.execute(text("UPDATE purchaser_accounts SET limit_amount = limit_amount * 2"))
    admit_waiting()
    done = api.get(path).json
    assert (done["state"], done["place"], done["plan"]) == ("admitted", None, None)
    became = api.get(f"/invoices/{done['admitted_invoice_id']}").json
    assert (became["status"], became["shipment"]["order_ref"]) == ("approved", "ORD-W")
    assert api.delete(path).status_code == 409


def test_taken_off_by_endpoint_and_not_by_others(
    app: Flask, ctx: Context, tight: CreditLine, full: list[Invoice], make_line: Callable[..., CreditLine]
) -> None:
    api, other = api_of(app, ctx, tight), api_of(app, ctx, make_line())
    path = f"/invoices/{api.post('/invoices', {'order_ref': 'ORD-W'}).json['id']}/waiting"
    assert other.post(path).status_code == 404
    api.post(path)
    assert [other.get(path).status_code, other.delete(path).status_code] == [404, 404]
    assert api.delete(path).json["state"] == "cancelled"
    assert api.get("/waiting").json == {"items": []}
    assert api.post(path).status_code == 409


def test_on_pages(
    tight: CreditLine,
    full: list[Invoice],
    login: Callable[..., FlaskClient],
    buyer: Customer,
    make_supplier: Callable[..., Customer],
) -> None:
    supplier = login(Role.SUPPLIER, customer=tight.supplier.customer)
    shown = supplier.post("/invoices/new", data={"order_ref": "ORD-W", "action": "check"}).text
    plan = f"a repayment of other companies is due on {in_days(5)}; then this invoice fits."
    assert plan in words(shown)
    with transaction():
        db.session.execute(
            text("UPDATE loans SET due_date = :day WHERE invoice_id = :id"),
            {"day": clock.today() + timedelta(days=30), "id": full[1].id},
        )
    plan = f"{currency().show(EIGHT)} is due on {in_days(9)} from Ganga Retail; then this invoice fits."
    answer = supplier.post(
        "/invoices/new", data={"order_ref": "ORD-W", "action": "request", "terms_version": "1"}
    )
    page = supplier.get(answer.location)
    assert plan in words(page.text)
    assert "Put on the waiting list" in page.text
    path = answer.location
    shipment = db.session.query(Shipment).filter_by(order_ref="ORD-W").one()
    with transaction():
        shipment.carrier = "gone"
    page = supplier.get(path).text
    assert "Put on the waiting list" not in page
    assert "because its delivery is no longer tracked" in words(page)
    assert supplier.post(f"{path}/wait").status_code == 409
    with transaction():
        shipment.carrier = "tusker"
    assert supplier.post(f"{path}/wait").status_code == 303
    page = words(supplier.get(path).text)
    assert f"Purchaser limit of Ganga Retail: {currency().show(EIGHT)} must become available" in page
    assert plan in page
    assert "Put on the waiting list" not in page
    assert "Request again" not in page
    for browser, where in (
        (supplier, "/invoices/waiting"),
        (supplier, "/invoices/dashboard"),
        (login(Role.ADMIN), "/invoices/waiting"),
        (login(Role.AUDITOR), f"/invoices/waiting?customer_id={buyer.id}"),
        (login(Role.ADMIN), f"/customers/lines/{tight.id}"),
    ):
        assert "ORD-W" in browser.get(where).text, where
    unknown = [login(Role.AUDITOR).get(f"/invoices/waiting?customer_id={n}").status_code for n in (0, 10**9)]
    assert unknown == [422, 200]
    assert "reserved for the waiting list" in words(login(Role.ADMIN).get(f"/customers/{buyer.id}").text)
    stranger = login(Role.SUPPLIER, customer=make_supplier())
    assert "ORD-W" not in stranger.get("/invoices/waiting").text
    assert [stranger.post(f"{path}/{what}").status_code for what in ("wait", "stop-waiting")] == [404, 404]
    payer = login(Role.PURCHASER, customer=buyer)
    assert payer.get("/invoices/waiting").status_code == 403
    assert "Waiting list" not in payer.get(path).text
    assert supplier.post(f"{path}/stop-waiting", data={"reason": ""}).status_code == 422
    gone = supplier.post(f"{path}/stop-waiting", data={"reason": "sold elsewhere"})
    assert gone.status_code == 303
    page = words(supplier.get(path).text)
    assert "It left the list" in page
    assert "Waiting list: Waiting → Cancelled sold elsewhere" in page


def test_by_command(app: Flask, tight: CreditLine, full: list[Invoice]) -> None:
    def run(*args: str) -> str:
        return str(app.test_cli_runner().invoke(args=args).output)

    refused = run("request-financing", str(tight.supplier_id), "ORD-W")
    assert f"a repayment of other companies is due on {in_days(5)}; then this invoice fits." in refused
    assert "waits for" in run("waiting", "leave", "ORD-W")
    assert "ORD-W" in run("waiting", "list", "--company", "Ganga Retail")
    assert "0 admitted" in run("waiting", "admit")
    assert "on the waiting list" in run("request-financing", str(tight.supplier_id), "ORD-W")
    assert "off the waiting list" in run("waiting", "cancel", "ORD-W", "--reason", "test")
    assert run("waiting", "list") == ""
    assert "cancelled test" in run("show-invoice", "ORD-W")


def test_a_parcel_waits_under_its_number_and_with_its_details(
    app: Flask,
    ctx: Context,
    vendor: FakeServer,
    make_line: Callable[..., CreditLine],
    login: Callable[..., FlaskClient],
) -> None:
    line = make_line(limit=1_000_00)
    api = api_of(app, ctx, line)
    vendor.otherwise = trackers(tracker())
    asked = {"carrier": "easypost", "credit_line_id": line.id, "number": "INV-1", "amount": 10_000_00}
    asked |= {"invoice_date": "2026-02-27", "tracking_number": "usps/EZ1000000001"}
    refused = api.post("/invoices", asked).json
    assert api.post(f"/invoices/{refused['id']}/waiting").json["type"].endswith("financing_refused")
    page = login(Role.SUPPLIER, customer=line.supplier.customer).get(f"/invoices/{refused['id']}").text
    assert "order_ref=usps/EZ1000000001" in page.replace("%2F", "/")
    with transaction():
        db.session.execute(text("UPDATE credit_lines SET limit_amount = 800000, used_amount = 1"))
    assert api.post(f"/invoices/{refused['id']}/waiting").status_code == 201
    again = api.post("/quotes", {**asked, "number": "INV-2", "tracking_number": "EZ1000000001"})
    assert (again.status_code, again.json["type"]) == (409, "urn:tusker:problem:duplicate")
    with transaction():
        db.session.execute(text("UPDATE credit_lines SET used_amount = 0"))
    assert admit_waiting() == 1
    became = api.get("/invoices", query_string={"status": "approved"}).json["items"][0]
    assert (became["number"], became["invoice_date"]) == ("INV-1", "2026-02-27")
    assert became["shipment"]["order_ref"] == "usps/EZ1000000001"
