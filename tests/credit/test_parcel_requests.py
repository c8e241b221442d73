"""Requests by tracking number on the page, and what becomes of them at each vendor."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.support.fake_server import FakeServer, reply
from tests.support.pages import HTMX, hidden
from tests.support.parcels import (
    VENDORS,
    created_tracker,
    fields_of,
    registrations,
    the_invoice,
    tracker,
    trackers,
    way_of,
)
from tests.support.values import NOW
from tests.support.vendors import asked
from tusker import clock
from tusker.domain.delivery.shipments import ShipmentStatus, TrackedOrder
from tusker.errors import Duplicate, FinancingRefused, InvalidInput
from tusker.extensions import db
from tusker.jobs.polling import poll_carrier
from tusker.models import CreditLine, Invoice, LineStatus, Role, Shipment
from tusker.queries.record.proof import prove
from tusker.services.context import Context
from tusker.services.credit.customers.lines import set_line_status
from tusker.services.credit.requesting.financing import cancel_invoice, request_financing
from tusker.services.credit.requesting.parcels import Entered
from tusker.transactions import transaction


def check(browser: FlaskClient, **fields: Any) -> Any:
    return browser.post("/invoices/new", data={**fields, "action": "check"})


def request_it(browser: FlaskClient, **fields: Any) -> Any:
    """Check, then request on the figures shown."""
    shown = check(browser, **fields)
    return browser.post("/invoices/new", data={**fields, **hidden(shown.text), "action": "request"})


def invoices() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(Invoice)) or 0


@pytest.mark.parametrize("name", VENDORS)
def test_the_whole_way_at_each_vendor(
    name: str, vendor: FakeServer, browser: FlaskClient, line: CreditLine
) -> None:
    way = way_of(name)
    fields = fields_of(line, name, order_ref=way.typed)
    vendor.script = [way.unknown]
    shown = check(browser, **fields)
    assert shown.status_code == 200
    assert "does not track this number yet" in shown.text
    assert "₹8,000.00" in shown.text
    assert registrations(vendor) == []

    vendor.script = [way.unknown, way.registered]
    answer = browser.post("/invoices/new", data={**fields, **hidden(shown.text), "action": "request"})
    assert answer.status_code == 303, answer.text
    assert len(registrations(vendor)) == 1
    invoice, shipment = the_invoice()
    assert (invoice.number, invoice.amount, invoice.invoice_date) == ("INV-1", 10_000_00, date(2026, 2, 27))
    assert (invoice.credit_line_id, invoice.status, invoice.source) == (line.id, "approved", "web")
    assert (shipment.carrier, shipment.order_ref) == (name, way.ref)

    vendor.script = [way.unknown, way.registered]
    assert poll_carrier(name) == 1
    invoice, shipment = the_invoice()
    assert (invoice.status, shipment.status) == ("approved", way.at_first)

    with transaction():
        shipment.next_poll_at = clock.now()
    vendor.script = [way.delivered]
    assert poll_carrier(name) == 1
    invoice, shipment = the_invoice()
    assert (invoice.status, shipment.status) == ("financeable", "delivered")
    assert shipment.next_poll_at is None
    assert prove().holds


def test_the_page_tells_the_parcels_way(vendor: FakeServer, browser: FlaskClient, line: CreditLine) -> None:
    way = way_of("easypost")
    vendor.script = [way.unknown, way.unknown, way.registered, way.delivered]
    page = request_it(browser, **fields_of(line, order_ref=way.typed)).location
    poll_carrier("easypost")
    text = browser.get(page).text.replace("&#39;", "'")
    for words in (
        "EasyPost",
        "Tracking number",
        way.ref,
        "Signed by",
        "John Tester",
        "Delivery company's code",
    ):
        assert words in text
    assert text.count("Delivery company's code") == 7
    assert text.rindex("out_for_delivery</code>") < text.rindex("pre_transit</code>")


def test_a_parcel_that_is_delivered_already_becomes_financeable(
    vendor: FakeServer, browser: FlaskClient, line: CreditLine
) -> None:
    way = way_of("easypost")
    vendor.otherwise = way.delivered
    assert request_it(browser, **fields_of(line, order_ref=way.typed)).status_code == 303
    poll_carrier("easypost")
    assert the_invoice()[0].status == "financeable"


@pytest.mark.parametrize(
    ("fields", "title"),
    [
        ({"status": "return_to_sender"}, "Cancelled at the delivery company"),
        ({"status": "cancelled"}, "Cancelled at the delivery company"),
        ({"status": "failure"}, "Not placed yet"),
    ],
)
def test_a_parcel_in_trouble_is_not_financed(
    fields: dict[str, str], title: str, vendor: FakeServer, browser: FlaskClient, line: CreditLine
) -> None:
    vendor.otherwise = trackers(tracker(**fields))
    answer = check(browser, **fields_of(line))
    assert answer.status_code == 422
    assert title in answer.text
    assert 'id="order_ref-error"' in answer.text
    assert invoices() == 0


def test_a_number_of_two_couriers_has_to_name_its_own(
    vendor: FakeServer, browser: FlaskClient, line: CreditLine
) -> None:
    vendor.otherwise = trackers(tracker(), tracker(carrier="UPS"))
    answer = check(browser, **fields_of(line))
    assert answer.status_code == 422
    assert "Several couriers have the number EZ1000000001" in answer.text
    assert request_it(browser, **fields_of(line, order_ref="ups/EZ1000000001")).status_code == 303
    assert the_invoice()[1].order_ref == "ups/EZ1000000001"


def test_a_number_that_cannot_be_registered_is_unknown(
    vendor: FakeServer, browser: FlaskClient, line: CreditLine
) -> None:
    vendor.script = [trackers(), trackers(), reply(422, "{}")]
    answer = request_it(browser, **fields_of(line))
    assert answer.status_code == 422
    assert "Unknown parcel" in answer.text
    assert "EasyPost knows no parcel “EZ1000000001”" in answer.text
    assert invoices() == 0


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("order_ref", "", "Tracking number is required"),
        ("order_ref", "no!", "must be the tracking number, such as usps/"),
        ("number", " ", "Invoice number is required"),
        ("amount", "ten", "Invoice amount"),
        ("amount", "0", "Invoice amount"),
        ("invoice_date", "", "Invoice date is required"),
        ("invoice_date", "2099-01-01", "invoice date is in the future"),
        ("credit_line_id", "", "Credit line is required"),
        ("credit_line_id", "999", "choose one of the list"),
        ("carrier", "nobody", "choose one of the list"),
    ],
)
def test_what_is_wrong_stands_at_its_field(
    field: str, value: str, words: str, vendor: FakeServer, browser: FlaskClient, line: CreditLine
) -> None:
    answer = check(browser, **fields_of(line, **{field: value}))
    assert answer.status_code == 422
    assert words in answer.text.split(f'id="{field}-error"', 1)[1][:300]
    assert vendor.requests == []


def test_shippo_needs_the_courier(vendor: FakeServer, browser: FlaskClient, line: CreditLine) -> None:
    answer = check(browser, **fields_of(line, "shippo", order_ref="9205590164917337534322"))
    assert answer.status_code == 422
    assert "the courier and the tracking number" in answer.text.split('id="order_ref-error"', 1)[1][:300]


def test_only_own_open_lines_can_be_chosen(
    ctx: Context,
    vendor: FakeServer,
    browser: FlaskClient,
    line: CreditLine,
    make_line: Callable[..., CreditLine],
) -> None:
    other, shut = make_line(), make_line(line.supplier.customer)
    with transaction():
        set_line_status(ctx, shut.id, LineStatus.SUSPENDED, reason="late")
    page = browser.get("/invoices/new", query_string={"carrier": "easypost"}).text
    assert f'value="{line.id}"' in page
    for hidden_line in (other, shut):
        assert hidden_line.purchaser.customer.name not in page
        answer = check(browser, **fields_of(line, credit_line_id=hidden_line.id))
        assert "choose one of the list" in answer.text
    entered = Entered(other.id, "INV-1", 10_000_00, ctx.today)
    with pytest.raises(FinancingRefused) as caught, transaction():
        request_financing(ctx, line.supplier_id, parcel(), source="test", entered=entered)
    assert caught.value.field == "credit_line_id"
    assert vendor.requests == []


def test_the_quote_follows_the_typing_and_registers_nothing(
    vendor: FakeServer, browser: FlaskClient, line: CreditLine
) -> None:
    vendor.otherwise = trackers()
    fields = fields_of(line)
    quote = browser.get("/invoices/quote", query_string={**fields, "amount": ""}, headers=HTMX)
    assert (quote.status_code, vendor.requests) == (200, [])
    assert "Invoice amount is required" in quote.text
    quote = browser.get("/invoices/quote", query_string=fields, headers=HTMX)
    assert "<html" not in quote.text
    for words in ("₹8,000.00", "₹355.07", "₹92,000.00", "Not tracked yet", "EZ1000000001"):
        assert words in quote.text
    assert hidden(quote.text)
    assert [question.path.partition("?")[0] for question in asked(vendor)] == ["/v2/trackers"]
    assert registrations(vendor) == []
    assert invoices() == 0


def test_another_carrier_brings_its_fields_and_keeps_what_is_typed(
    vendor: FakeServer, login: Callable[..., FlaskClient], browser: FlaskClient, line: CreditLine
) -> None:
    fragment = browser.get(
        "/invoices/new/fields", query_string={"carrier": "shippo", "number": "INV-9"}, headers=HTMX
    ).text
    assert fragment.strip().startswith("<form")
    assert 'value="INV-9"' in fragment
    assert "is required" not in fragment
    assert 'name="amount"' not in browser.get("/invoices/new/fields?carrier=tusker", headers=HTMX).text
    # without JavaScript the button does it
    answer = browser.post("/invoices/new", data={"carrier": "shippo", "order_ref": "x", "action": "fields"})
    assert answer.status_code == 200
    assert 'name="amount"' in answer.text
    assert "is required" not in answer.text
    admin = login(Role.ADMIN)
    page = admin.get("/invoices/new/fields", query_string={"carrier": "easypost"}).text
    assert line.purchaser.customer.name not in page
    page = admin.get(
        "/invoices/new/fields", query_string={"carrier": "easypost", "supplier_id": line.supplier_id}
    ).text
    assert line.purchaser.customer.name in page


def test_other_figures_are_shown_before_the_request(
    vendor: FakeServer, browser: FlaskClient, line: CreditLine
) -> None:
    vendor.otherwise = trackers(tracker())
    agreed = hidden(check(browser, **fields_of(line)).text)
    fields = fields_of(line, amount="20000")
    answer = browser.post("/invoices/new", data={**fields, **agreed, "action": "request"})
    assert answer.status_code == 409
    assert "₹16,000.00" in answer.text
    assert invoices() == 0


def test_a_request_that_cannot_be_taken_registers_nothing(
    ctx: Context, vendor: FakeServer, browser: FlaskClient, line: CreditLine
) -> None:
    vendor.otherwise = trackers(tracker())
    request_it(browser, **fields_of(line))
    before = len(vendor.requests)
    answer = browser.post(
        "/invoices/new",
        data={**fields_of(line, order_ref="EZ2000000002"), "terms_version": 1, "action": "request"},
    )
    assert answer.status_code == 409
    assert "Open the invoice" in answer.text
    assert 'id="number-error"' in answer.text
    assert len(vendor.requests) == before


def parcel(ref: str = "usps/EZ1000000001", carrier: str = "easypost", **fields: Any) -> TrackedOrder:
    made = TrackedOrder(
        carrier,
        ref,
        ShipmentStatus.IN_TRANSIT,
        "in_transit",
        True,
        updated_at=NOW,
        aliases=(ref.rpartition("/")[2],),
    )
    return replace(made, **fields)


class TestOneParcelIsFinancedOnce:
    """Under another number, by another supplier, at another vendor, at the same moment."""

    def ask(self, ctx: Context, line: CreditLine, number: str, order: TrackedOrder) -> int:
        with transaction():
            entered = Entered(line.id, number, 10_000_00, ctx.today)
            return request_financing(ctx, line.supplier_id, order, source="test", entered=entered).invoice_id

    @pytest.fixture
    def first(self, ctx: Context, vendor: FakeServer, line: CreditLine) -> int:
        return self.ask(ctx, line, "INV-1", parcel())

    @pytest.mark.parametrize(
        "again",
        [
            parcel(),
            parcel(carrier="shippo", aliases=()),
            parcel("EZ1000000001", aliases=("usps/EZ1000000001",)),
        ],
    )
    def test_under_another_number(
        self, ctx: Context, line: CreditLine, first: int, again: TrackedOrder
    ) -> None:
        with pytest.raises(Duplicate, match="as invoice INV-1") as caught:
            self.ask(ctx, line, "INV-2", again)
        assert (caught.value.field, caught.value.details["invoice_id"]) == ("order_ref", first)

    def test_by_another_supplier_who_learns_nothing(
        self, ctx: Context, first: int, make_line: Callable[..., CreditLine]
    ) -> None:
        with pytest.raises(Duplicate) as caught:
            self.ask(ctx, make_line(), "INV-2", parcel())
        assert "INV-1" not in caught.value.message
        assert "invoice_id" not in caught.value.details

    def test_but_again_after_a_cancellation(self, ctx: Context, line: CreditLine, first: int) -> None:
        with transaction():
            cancel_invoice(ctx, first, reason="wrong amount")
        assert self.ask(ctx, line, "INV-1", parcel()) != first

    def test_and_another_couriers_parcel_is_another(self, ctx: Context, line: CreditLine, first: int) -> None:
        assert self.ask(ctx, line, "INV-2", parcel("ups/EZ1000000001")) != first

    def test_at_the_same_moment(
        self, app: Flask, ctx: Context, vendor: FakeServer, make_line: Callable[..., CreditLine]
    ) -> None:
        # Wide lines of their own: no lock of a limit makes them wait for each other.
        lines = [make_line().id for _ in range(8)]
        suppliers = {row.id: row.supplier_id for row in db.session.query(CreditLine)}
        db.session.rollback()
        answers: list[str] = []
        gate = threading.Barrier(len(lines))

        def work(line_id: int) -> None:
            with app.app_context():
                entered = Entered(line_id, f"INV-{line_id}", 10_000_00, ctx.today)
                gate.wait()
                try:
                    with transaction():
                        request_financing(ctx, suppliers[line_id], parcel(), source="test", entered=entered)
                    answers.append("approved")
                except Duplicate:
                    answers.append("duplicate")
                db.session.remove()

        threads = [threading.Thread(target=work, args=[line_id]) for line_id in lines]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answers) == ["approved"] + ["duplicate"] * 7
        assert db.session.scalar(select(func.count()).select_from(Shipment)) == 1
        assert prove().holds


def test_an_order_cannot_be_given_a_value(ctx: Context, vendor: FakeServer, line: CreditLine) -> None:
    entered = Entered(line.id, "INV-1", 10_000_00, ctx.today)
    with pytest.raises(InvalidInput, match="says itself"), transaction():
        request_financing(ctx, line.supplier_id, parcel(carrier="tusker"), source="test", entered=entered)


def test_a_cancelled_request_can_be_made_again_from_its_page(
    ctx: Context, vendor: FakeServer, browser: FlaskClient, line: CreditLine
) -> None:
    vendor.script = [trackers(), trackers(), created_tracker()]
    vendor.otherwise = trackers(tracker())
    page = request_it(browser, **fields_of(line)).location
    with transaction():
        cancel_invoice(ctx, the_invoice()[0].id, reason="wrong")
    text = browser.get(page).text
    link = text.split('href="/invoices/new?', 1)[1].split('"', 1)[0].replace("&amp;", "&")
    again = browser.get(f"/invoices/new?{link}").text
    assert hidden(again)
    assert 'value="usps/EZ1000000001"' in again
