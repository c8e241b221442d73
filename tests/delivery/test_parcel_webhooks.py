"""EasyPost's webhooks with its own signature: they move the parcel they are certainly about, and no other."""

from __future__ import annotations

import hashlib
import hmac
import json
import unicodedata

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.fake_server import FakeServer
from tests.support.parcels import SECRET, the_invoice, tracker, trackers
from tests.support.vendors import fixture
from tusker import clock
from tusker.extensions import db
from tusker.jobs.polling import poll_carrier
from tusker.jobs.webhooks import work_off_webhooks
from tusker.models import CreditLine, WebhookDelivery
from tusker.services.context import Context
from tusker.services.credit.admission import AdmissionRequest, admit
from tusker.services.credit.requesting.financing import cancel_invoice
from tusker.transactions import transaction

URL = "/api/v1/carriers/easypost/webhook"


def stored_as(ctx: Context, line: CreditLine, ref: str) -> None:
    """An approved invoice whose parcel is stored under this reference, and not due for a while."""
    with transaction():
        admit(
            ctx,
            [
                AdmissionRequest(
                    *(line.id, line.terms_version, "INV-1", 10_000_00, 8_000_00),
                    *("test", "easypost", ref, True),
                )
            ],
        )
    with transaction():
        db.session.execute(db.text("UPDATE shipments SET next_poll_at = now() + interval '1 day'"))


def send(client: FlaskClient, raw: bytes, secret: str = SECRET) -> TestResponse:
    digest = hmac.new(unicodedata.normalize("NFKD", secret).encode(), raw, hashlib.sha256).hexdigest()
    return client.post(URL, data=raw, headers={"X-Hmac-Signature": f"hmac-sha256-hex={digest}"})


def test_a_recorded_delivery_makes_it_financeable(
    ctx: Context, vendor: FakeServer, client: FlaskClient, line: CreditLine
) -> None:
    stored_as(ctx, line, "ups/EZ4000000004")
    raw = fixture("easypost", "examples--tracking-webhook.json")
    assert send(client, raw, "another").status_code == 401
    assert send(client, raw).status_code == 202
    assert work_off_webhooks() == 1
    invoice, shipment = the_invoice()
    assert (invoice.status, shipment.status) == ("financeable", "delivered")
    assert vendor.requests == []


def test_the_vendors_own_signature_is_believed(
    app: Flask,
    ctx: Context,
    vendor: FakeServer,
    client: FlaskClient,
    line: CreditLine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hooks = json.loads(fixture("easypost", "examples--client-library-fixtures.json"))["webhooks"]
    raw = fixture("easypost", "examples--event-body.json").rstrip(b"\n")
    monkeypatch.setitem(app.config, "EASYPOST_WEBHOOK_SECRET", hooks["secret"])
    app.extensions.pop("tusker_carriers", None)
    stored_as(ctx, line, "fedex/1")
    answer = client.post(URL, data=raw, headers={"X-Hmac-Signature": hooks["hmac_signature"]})
    assert answer.status_code == 202
    work_off_webhooks()
    invoice, shipment = the_invoice()
    assert (invoice.status, shipment.status) == ("approved", "in_transit")
    assert len(shipment.events) == 7


def test_a_webhook_finds_its_parcel_by_the_trackers_id(
    ctx: Context, vendor: FakeServer, client: FlaskClient, line: CreditLine
) -> None:
    result = tracker(status="delivered", id="trk_12345678")
    stored_as(ctx, line, "trk_12345678")
    send(client, json.dumps({"description": "tracker.updated", "result": result}).encode())
    work_off_webhooks()
    assert the_invoice()[0].status == "financeable"


def test_a_bare_number_is_only_asked_about(
    ctx: Context, vendor: FakeServer, client: FlaskClient, line: CreditLine
) -> None:
    """Any courier's parcel with this number could be meant: the vendor is asked, and nothing is believed."""
    stored_as(ctx, line, "EZ4000000004")
    send(client, fixture("easypost", "examples--tracking-webhook.json"))
    work_off_webhooks()
    invoice, shipment = the_invoice()
    assert (invoice.status, shipment.status, shipment.events) == ("approved", "pending", [])
    assert shipment.next_poll_at is not None
    assert shipment.next_poll_at <= clock.now()
    vendor.otherwise = trackers(tracker("EZ4000000004"))
    assert poll_carrier("easypost") == 1
    assert the_invoice()[1].status == "in_transit"


def test_nobody_is_asked_about_a_cancelled_invoice(
    ctx: Context, vendor: FakeServer, client: FlaskClient, line: CreditLine
) -> None:
    stored_as(ctx, line, "EZ4000000004")
    with transaction():
        cancel_invoice(ctx, the_invoice()[0].id, reason="wrong")
    send(client, fixture("easypost", "examples--tracking-webhook.json"))
    work_off_webhooks()
    assert the_invoice()[1].next_poll_at is None
    assert db.session.query(WebhookDelivery).one().error is None
