"""Delivery companies use their numbers again: a delivery from before the invoice is another parcel's."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.fake_server import FakeServer
from tests.support.funding import FundingDesk, open_kinds, shipment_of
from tests.support.invoices import order_on
from tests.support.pages import hidden, seen_in
from tests.support.parcels import fields_of, the_invoice, trackers
from tests.support.values import NOW, TODAY
from tusker import clock
from tusker.carriers.aftership import read_tracking
from tusker.carriers.easypost import read_tracker
from tusker.carriers.shippo import read_track
from tusker.domain.delivery.shipments import ShipmentStatus as S
from tusker.domain.delivery.shipments import TrackedOrder
from tusker.errors import Conflict
from tusker.extensions import db
from tusker.jobs.polling import poll_carrier
from tusker.models import AttentionItem, CreditLine, Invoice, Role
from tusker.services.attention import review_items, rules_at
from tusker.services.context import Context
from tusker.services.delivery.tracking import record_tracking
from tusker.services.payout.disbursals.bundling import bundle_selection
from tusker.services.payout.funding.control import accept_delivery
from tusker.transactions import transaction

CASE = Path(__file__).parents[1] / "fixtures/cases/recycled_tracker.json"
[TRACKER] = json.loads(CASE.read_text())["trackers"]
NUMBER = {"tracking_number": "EZ1000000001", "slug": "usps", "tag": "Delivered", "subtag": "Delivered_001"}
TRACK = {"tracking_number": "EZ1000000001", "carrier": "usps", "tracking_status": {"status": "DELIVERED"}}


def deliver_at(desk: FundingDesk, invoice: Invoice, *, days: float) -> str:
    """The delivery company tells of a delivery so many days from now; returns the invoice's status."""
    shipment = shipment_of(invoice)
    at = NOW + timedelta(days=days)
    order = order_on(desk.line, invoice.amount, ref=shipment.order_ref, status=S.DELIVERED, updated_at=at)
    with transaction():
        record_tracking(desk.ctx, {shipment.id: order}, minimum_interval=timedelta(minutes=1))
    return str(invoice.status)


def test_the_case(
    app: Flask,
    ctx: Context,
    admin: Context,
    vendor: FakeServer,
    line: CreditLine,
    login: Callable[..., FlaskClient],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(app.config, "DELIVERY_BEFORE_INVOICE_DAYS", 7)
    vendor.otherwise = trackers(*json.loads(CASE.read_text())["trackers"])
    browser = login(Role.SUPPLIER, customer=line.supplier.customer)
    fields = fields_of(line)
    shown = browser.post("/invoices/new", data={**fields, "action": "check"})
    browser.post("/invoices/new", data={**fields, **hidden(shown.text), "action": "request"})
    assert poll_carrier("easypost") == 1
    invoice, shipment = the_invoice()
    assert (invoice.status, shipment.status) == ("approved", "delivered")
    page = browser.get(f"/invoices/{invoice.id}").text
    assert "waiting for: a decision on its delivery, which was before the invoice" in page
    with transaction():
        review_items(ctx, rules_at(ctx))
    [detail] = db.session.query(AttentionItem.detail).filter_by(kind="delivered_before").one()
    assert detail == "Delivered on 5 Jan 2025, and the invoice is of 27 Feb 2026"
    with pytest.raises(Conflict), transaction():
        bundle_selection(admin, [invoice.id])
    staff = login(Role.ADMIN)
    listed = staff.get("/admin/attention").text
    assert "Accept delivery" in listed
    sent = {"action": "accept_delivery", "reason": "signed paper seen", "seen": seen_in(listed)}
    answer = staff.post("/admin/attention/1", data=sent)
    assert answer.status_code == 303
    invoice, shipment = the_invoice()
    assert (invoice.status, open_kinds()) == ("financeable", [])
    assert "signed paper seen" in staff.get(f"/invoices/{invoice.id}").text
    with transaction():
        shipment.next_poll_at = clock.now()
    poll_carrier("easypost")
    assert the_invoice()[0].status == "financeable", "the same delivery told again"


def dated(desk: FundingDesk, day: date = TODAY) -> Invoice:
    """An invoice of an order with a date of its own, as imports bring it."""
    invoice = desk.ask()
    with transaction():
        invoice.invoice_date = day
    return invoice


@pytest.mark.parametrize(("days", "status"), [(-7, "financeable"), (-8, "approved"), (0, "financeable")])
def test_the_tolerance_is_in_days(funding: FundingDesk, days: int, status: str) -> None:
    invoice = dated(funding)
    assert deliver_at(funding, invoice, days=days) == status
    funding.watch()
    assert open_kinds() == ([] if status == "financeable" else ["delivered_before"])


@pytest.mark.parametrize(("days", "status"), [(-60, "financeable"), (-61, "approved"), (-400, "approved")])
def test_of_an_order_without_a_date_the_request_counts(funding: FundingDesk, days: int, status: str) -> None:
    assert deliver_at(funding, funding.ask(), days=days) == status
    funding.watch()
    assert open_kinds() == ([] if status == "financeable" else ["delivered_before"])


def test_an_accepted_delivery_is_that_one_alone(funding: FundingDesk, admin: Context) -> None:
    invoice = dated(funding)
    assert deliver_at(funding, invoice, days=-400) == "approved"
    with transaction():
        accept_delivery(admin, invoice.id, reason="seen")
    assert invoice.status == "financeable"
    with pytest.raises(Conflict, match="no delivery from before"), transaction():
        accept_delivery(admin, invoice.id, reason="again")
    assert deliver_at(funding, invoice, days=-300) == "financeable", "nothing moved yet"
    funding.watch()
    assert (invoice.status, open_kinds()) == ("approved", ["delivered_before"])
    assert deliver_at(funding, invoice, days=1) == "approved"
    funding.watch()
    assert (invoice.status, open_kinds()) == ("financeable", [])


DAY = "2025-01-05T10:00:00Z"
GONE_BY = {"status": "in_transit", "datetime": "2025-01-02T10:00:00Z"}


@pytest.mark.parametrize(
    "told",
    [
        read_tracker({**TRACKER, "tracking_details": [{"status": "delivered", "datetime": DAY}]}),
        read_tracker({**TRACKER, "status_detail": "arrived_at_destination"}),
        read_tracker({**TRACKER, "tracking_details": [GONE_BY, {"status": "delivered"}], "updated_at": None}),
        read_tracker({**TRACKER, "tracking_details": []}),
        read_tracker({**TRACKER, "tracking_details": None, "updated_at": "2025-01-05T23:59:59+13:00"}),
        read_tracking({**NUMBER, "checkpoints": [], "shipment_delivery_date": "2025-01-05T10:00:00"}),
        read_tracking(
            {**NUMBER, "checkpoints": [{"tag": "Delivered", "checkpoint_time": "2025-01-05 10:00"}]}
        ),
        read_track({**TRACK, "tracking_history": [{"status": "TRANSIT", "status_date": DAY}]}),
        read_track({**TRACK, "tracking_status": {"status": "DELIVERED", "status_date": DAY}}),
    ],
)
def test_however_its_day_is_told(funding: FundingDesk, told: TrackedOrder) -> None:
    assert told.status is S.DELIVERED
    invoice = dated(funding)
    shipment = shipment_of(invoice)
    order = order_on(funding.line, invoice.amount, ref=shipment.order_ref, status=S.DELIVERED)
    order = replace(order, updated_at=told.updated_at, near=told.near)
    with transaction():
        record_tracking(funding.ctx, {shipment.id: order}, minimum_interval=timedelta(minutes=1))
    assert invoice.status == "approved"
    funding.watch()
    assert open_kinds() == ["delivered_before"]
    assert deliver_at(funding, invoice, days=0) == "approved"
    funding.watch()
    assert (invoice.status, open_kinds()) == ("financeable", []), "its own day is known by now"


@pytest.mark.parametrize(
    ("at", "status"),
    [
        ("2026-02-20T00:00:00+05:30", "financeable"),
        ("2026-02-19T18:30:00+00:00", "financeable"),
        ("2026-02-19T18:29:59+00:00", "approved"),
        ("2026-02-20T12:29:59+18:00", "approved"),
        ("2026-02-19T06:30:00-12:00", "financeable"),
    ],
)
def test_days_are_those_of_the_installation(funding: FundingDesk, at: str, status: str) -> None:
    """It lies in India; the tolerance is 7 days, which begin there."""
    invoice = dated(funding, date(2026, 2, 27))
    assert deliver_at(funding, invoice, days=(datetime.fromisoformat(at) - NOW) / timedelta(days=1)) == status
    funding.watch()
    assert open_kinds() == ([] if status == "financeable" else ["delivered_before"])


def test_what_waits_in_a_draft_is_taken_out(app: Flask, funding: FundingDesk) -> None:
    """As when the setting is lowered."""
    invoice = dated(funding)
    assert deliver_at(funding, invoice, days=-3) == "financeable"
    with transaction():
        bundle_selection(funding.ctx, [invoice.id])
    app.config["DELIVERY_BEFORE_INVOICE_DAYS"] = 2
    try:
        funding.watch()
        assert (invoice.status, open_kinds()) == ("approved", ["delivered_before"])
    finally:
        app.config["DELIVERY_BEFORE_INVOICE_DAYS"] = 7
