"""The three vendors of parcel tracking over real HTTP, beside the courier, and a supplier with a line."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml
from flask import Flask
from sqlalchemy import select

from tests.support.courier_double import CourierDouble
from tests.support.fake_server import Answer, FakeServer, reply
from tests.support.vendors import Asked, asked, body, fixture
from tusker.extensions import db
from tusker.models import CreditLine, Invoice, Shipment

SECRET = "the secret of webhooks"
VENDORS = ("aftership", "easypost", "shippo")


@pytest.fixture
def vendor(app: Flask, courier: CourierDouble, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    """One server that plays all three vendors; the environment sets them up, beside the courier."""
    fake = FakeServer()
    http = fake.serve()
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    for name in map(str.upper, VENDORS):
        for variable, value in (("URL", fake.url), ("API_KEY", "k3y"), ("WEBHOOK_SECRET", SECRET)):
            monkeypatch.setitem(app.config, f"{name}_{variable}", value)
    # What the vendors answer was recorded years before the invoices of the tests, and before their requests.
    for days in ("DELIVERY_BEFORE_INVOICE_DAYS", "DELIVERY_BEFORE_REQUEST_DAYS"):
        monkeypatch.setitem(app.config, days, 10_000)
    app.extensions.pop("tusker_carriers", None)
    yield fake
    app.extensions.pop("tusker_carriers", None)
    fake.stopping.set()
    http.shutdown()
    http.server_close()
    thread.join()


def registrations(vendor: FakeServer) -> list[Asked]:
    """The questions that made a vendor track a number."""
    return [question for question in asked(vendor) if question.body is not None]


def tracker(code: str = "EZ1000000001", **fields: object) -> dict[str, object]:
    """A tracker as EasyPost describes it."""
    return {"id": "trk_12345678", "tracking_code": code, "carrier": "USPS", "status": "in_transit", **fields}


def trackers(*items: object) -> Answer:
    """EasyPost's list of these trackers."""
    return body(trackers=list(items), has_more=False)


def created_tracker() -> Answer:
    """What EasyPost answered when EZ1000000001 was registered, as it was recorded."""
    created = yaml.safe_load(fixture("easypost", "test_tracker_retrieve.yaml"))["interactions"][0]
    return reply(200, created["response"]["body"]["string"])


@dataclass
class Way:
    """How a number goes through a vendor: unknown, registered, delivered."""

    typed: str
    ref: str
    unknown: Answer
    registered: Answer
    at_first: str
    delivered: Answer


def way_of(vendor: str) -> Way:
    """The recorded bodies of a vendor where they fit, byte for byte."""
    if vendor == "easypost":
        arrived = json.loads(fixture("easypost", "examples--tracking-webhook.json"))["result"]
        fresh = tracker("EZ4000000004", carrier="UPS", status="unknown", updated_at="2025-03-06T19:48:26Z")
        return Way(
            "ez4000000004", "ups/EZ4000000004", trackers(), body(**fresh), "unknown", trackers(arrived)
        )
    if vendor == "shippo":
        ref = "usps/9205590164917337534322"
        nothing = {"carrier": "usps", "tracking_number": ref[5:], "tracking_status": None}
        return Way(
            "USPS/9205 5901 6491 7337 5343 22",
            ref,
            reply(404, fixture("shippo", "test_invalid_get_status-1.decoded.json"), Content_Type="text/html"),
            reply(201, json.dumps(nothing)),
            "unknown",
            reply(200, fixture("shippo", "test_get_status-0.decoded.json")),
        )
    return Way(
        "fedex/1111111111111",
        "fedex/1111111111111",
        body(meta={"code": 200}, data={"trackings": []}),
        reply(201, fixture("aftership", "pyaftership--post_trackings.json")),
        "pending",
        reply(200, fixture("aftership", "pyaftership--get_trackings.json")),
    )


def fields_of(line: CreditLine, carrier: str = "easypost", **other: Any) -> dict[str, Any]:
    """The form as a supplier fills it in."""
    return {
        "carrier": carrier,
        "credit_line_id": line.id,
        "number": "INV-1",
        "invoice_date": "2026-02-27",
        "amount": "10,000.00",
        "order_ref": "ez1000000001",
        **other,
    }


def the_invoice() -> tuple[Invoice, Shipment]:
    """The one invoice there is, with its shipment, fresh."""
    db.session.rollback()
    return db.session.scalars(select(Invoice)).one(), db.session.scalars(select(Shipment)).one()
