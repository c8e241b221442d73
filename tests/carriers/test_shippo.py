"""The adapter for Shippo: every word, every fixture, its questions and its webhooks."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given

from tests.support.fake_server import FakeServer, reply
from tests.support.vendors import any_json, asked, body, fixture, made
from tusker.carriers.base import CarrierProtocolError, CarrierRefused
from tusker.carriers.payload import parse_json
from tusker.carriers.shippo import SPEC, STATUSES, SUBSTATUSES, read_track
from tusker.domain.delivery.shipments import ShipmentStatus, TrackedOrder
from tusker.errors import InvalidInput

REF = "usps/9205590164917337534322"

# (status, substatus) -> (Tusker's word, financeable): the vendor's own table of events
TABLE = {
    ("PRE_TRANSIT", "information_received"): ("pending", True),
    ("TRANSIT", "address_issue"): ("exception", False),
    ("TRANSIT", "contact_carrier"): ("exception", False),
    ("TRANSIT", "delayed"): ("in_transit", True),
    ("TRANSIT", "delivery_attempted"): ("exception", False),
    ("TRANSIT", "delivery_rescheduled"): ("in_transit", True),
    ("TRANSIT", "delivery_scheduled"): ("in_transit", True),
    ("TRANSIT", "location_inaccessible"): ("exception", False),
    ("TRANSIT", "notice_left"): ("exception", False),
    ("TRANSIT", "out_for_delivery"): ("out_for_delivery", True),
    ("TRANSIT", "package_accepted"): ("picked_up", True),
    ("TRANSIT", "package_arrived"): ("in_transit", True),
    ("TRANSIT", "package_damaged"): ("exception", False),
    ("TRANSIT", "package_departed"): ("in_transit", True),
    ("TRANSIT", "package_forwarded"): ("in_transit", True),
    ("TRANSIT", "package_held"): ("exception", False),
    ("TRANSIT", "package_processed"): ("in_transit", True),
    ("TRANSIT", "package_processing"): ("in_transit", True),
    ("TRANSIT", "pickup_available"): ("out_for_delivery", True),
    ("TRANSIT", "reschedule_delivery"): ("exception", False),
    ("DELIVERED", "delivered"): ("delivered", True),
    ("RETURNED", "return_to_sender"): ("returned", False),
    ("RETURNED", "package_unclaimed"): ("returned", False),
    ("FAILURE", "package_undeliverable"): ("exception", False),
    ("FAILURE", "package_disposed"): ("exception", False),
    ("FAILURE", "package_lost"): ("exception", False),
    ("UNKNOWN", "other"): ("unknown", False),
}
BARE = {
    "PRE_TRANSIT": "pending",
    "TRANSIT": "in_transit",
    "DELIVERED": "delivered",
    "RETURNED": "returned",
    "FAILURE": "exception",
    "UNKNOWN": "unknown",
}


def track(status: object, **fields: object) -> dict[str, object]:
    return {"carrier": "usps", "tracking_number": REF[5:], "tracking_status": status, **fields}


def read(status: object, **fields: object) -> TrackedOrder:
    order = read_track(track(status, **fields))
    assert order is not None
    return order


def test_the_tables_hold_the_whole_vocabulary() -> None:
    assert {status for status, _ in TABLE} == STATUSES.keys() == BARE.keys()
    assert {substatus for _, substatus in TABLE} == SUBSTATUSES.keys()


@pytest.mark.parametrize(("words", "expected"), TABLE.items())
def test_every_documented_pair(words: tuple[str, str], expected: tuple[str, bool]) -> None:
    status, substatus = words
    order = read({"status": status, "substatus": {"code": substatus, "action_required": False}})
    assert (order.status, order.financeable) == expected
    assert order.raw_status == f"{status}/{substatus}"


@pytest.mark.parametrize(("status", "expected"), BARE.items())
def test_every_status_without_a_known_substatus(status: str, expected: str) -> None:
    assert read({"status": status, "substatus": None}).status == expected
    assert read({"status": status, "substatus": {"code": "brand_new"}}).status == expected


@pytest.mark.parametrize("substatus", SUBSTATUSES)
def test_no_substatus_makes_a_delivery(substatus: str) -> None:
    for status in ("PRE_TRANSIT", "TRANSIT", "RETURNED", "FAILURE", "UNKNOWN", "", "BRAND_NEW"):
        assert read({"status": status, "substatus": {"code": substatus}}).status != "delivered"


@pytest.mark.parametrize(
    ("status", "raw"),
    [
        (None, "null"),
        ("DELIVERED", "DELIVERED"),  # a text where an object belongs says nothing
        (["DELIVERED"], '["DELIVERED"]'),
        ({}, "null"),
        ({"status": None}, "null"),
        ({"status": ""}, '""'),
        ({"status": "delivered"}, "delivered"),
        ({"status": "LOST"}, "LOST"),
        ({"status": 1}, "1"),
    ],
)
def test_a_status_that_is_null_or_new_is_unknown_and_never_financeable(status: object, raw: str) -> None:
    order = read(status)
    assert (order.status, order.financeable, order.raw_status) == ("unknown", False, raw)


def test_the_recorded_parcel_is_read_whole() -> None:
    raw = parse_json(fixture("shippo", "test_get_status-0.decoded.json"))
    order = read_track(raw)
    assert order is not None
    assert (order.ref, order.status, order.financeable) == (REF, "delivered", True)
    assert order.updated_at == datetime(2016, 12, 8, 15, 19, tzinfo=UTC)
    assert order.eta == datetime(2016, 12, 8, tzinfo=UTC)
    assert [event.status for event in order.events] == ["unknown"] * 2 + ["in_transit"] * 8 + ["delivered"]
    assert order.events[0].occurred_at == datetime(2016, 12, 7, tzinfo=UTC)
    assert order.raw == raw
    assert (order.from_city, order.to_city) == (None, "Berkeley")


def test_a_later_return_in_the_history_counts_more_than_the_delivery() -> None:
    now = {"status": "DELIVERED", "status_date": "2024-01-01T10:00:00Z"}
    back = {"status": "RETURNED", "status_date": "2024-01-02T10:00:00Z"}
    order = read(now, tracking_history=[now, back])
    assert (order.status, order.updated_at) == ("returned", datetime(2024, 1, 2, 10, tzinfo=UTC))
    again = {"status": "DELIVERED", "status_date": "2024-01-03T10:00:00Z"}
    assert read(again, tracking_history=[now, back, again]).status == "returned"  # to its sender


def test_the_question_and_its_token(server: FakeServer) -> None:
    server.otherwise = reply(200, fixture("shippo", "test_get_status-0.decoded.json"))
    found = made(SPEC, server.url, key="shippo_live_1").fetch([REF, "no carrier"])
    assert found[REF].ref == REF
    [request] = asked(server)
    assert request.path == "/tracks/usps/9205590164917337534322"
    assert request.headers["Authorization"] == "ShippoToken shippo_live_1"


def test_an_unknown_number_is_answered_with_a_page_and_is_absent(server: FakeServer) -> None:
    page = fixture("shippo", "test_invalid_get_status-1.decoded.json")
    server.otherwise = reply(404, page, Content_Type="text/html")
    assert made(SPEC, server.url).fetch([REF], register=False) == {}
    assert len(server.requests) == 1


def test_an_unknown_number_is_registered_and_nothing_known_is_unknown(server: FakeServer) -> None:
    server.script = [
        reply(404, "<h1>Not Found</h1>"),
        reply(201, json.dumps(track(None, tracking_history=[], messages=[]))),
    ]
    order = made(SPEC, server.url).fetch([REF])[REF]
    assert (order.status, order.raw_status, order.financeable) == ("unknown", "null", False)
    assert (asked(server)[1].path, asked(server)[1].body) == (
        "/tracks/",
        {"carrier": "usps", "tracking_number": REF[5:]},
    )


def test_an_invalid_registration_is_answered_with_201_and_stays_absent(server: FakeServer) -> None:
    server.script = [
        reply(404, ""),
        reply(201, fixture("shippo", "test_invalid_create-0.decoded.json")),
    ]
    assert made(SPEC, server.url).fetch([REF]) == {}


@pytest.mark.parametrize(
    "text", ["[]", "{}", "null", json.dumps(track({"status": "DELIVERED"}) | {"tracking_number": "92055"})]
)
def test_an_answer_about_something_else_is_a_protocol_error(server: FakeServer, text: str) -> None:
    server.otherwise = reply(200, text)
    with pytest.raises(CarrierProtocolError):
        made(SPEC, server.url).fetch([REF])


def test_the_connection_test(server: FakeServer) -> None:
    server.script = [body(results=[]), reply(401, "{}")]
    carrier = made(SPEC, server.url)
    assert carrier.check() == "Shippo answers and accepts the key."
    with pytest.raises(CarrierRefused):
        carrier.check()


@pytest.mark.parametrize(
    "text", ["9205590164917337534322", "/9205590164917337534322", "", "usps/", "us ps/92055901"]
)
def test_a_reference_needs_the_carrier(text: str) -> None:
    with pytest.raises(InvalidInput, match="courier and the tracking number"):
        made(SPEC, "http://127.0.0.1:1").parse_reference(text)


def event(**fields: object) -> bytes:
    return json.dumps({"event": "track_updated", "data": track({"status": "TRANSIT"}), **fields}).encode()


def test_webhooks_are_verified_and_read() -> None:
    carrier = made(SPEC, "http://127.0.0.1:1")
    raw = event()
    signed = hmac.new(b"s3cret", b"1700000000." + raw, hashlib.sha256).hexdigest()
    headers = {"Shippo-Auth-Signature": f"t=1700000000,v1={signed}"}
    assert carrier.verify_webhook(raw, headers, "s3cret")
    assert not carrier.verify_webhook(raw + b" ", headers, "s3cret")
    assert not carrier.verify_webhook(raw, headers, "other")
    assert not carrier.verify_webhook(raw, {"Shippo-Auth-Signature": f"t=1700000001,v1={signed}"}, "s3cret")
    for odd in ("", "t=1", f"v1={signed}", "t=,v1=", "t=é,v1=é", "=,=", f"t=1700000000,v1={signed}0"):
        assert not carrier.verify_webhook(raw, {"Shippo-Auth-Signature": odd}, "s3cret")
    assert [order.ref for order in carrier.read_webhook(raw)] == [REF]
    assert carrier.read_webhook(event(event="transaction_created")) == []


NAMES = ["event", "data", "carrier", "tracking_number", "tracking_status", "status", "substatus", "code",
         "tracking_history", "status_date"]  # fmt: skip


@given(any_json([*STATUSES, *SUBSTATUSES, "track_updated"], NAMES))
def test_no_json_raises_anything_else_or_delivers_by_itself(item: Any) -> None:
    carrier = made(SPEC, "http://127.0.0.1:1")
    for value in (
        item,
        {"event": "track_updated", "data": item},
        {"event": "track_updated", "data": track(item)},
    ):
        try:
            orders = carrier.read_webhook(json.dumps(value).encode())
        except CarrierProtocolError:
            continue
        for order in orders:
            if order.status is ShipmentStatus.DELIVERED:
                assert '"DELIVERED"' in json.dumps(order.raw["tracking_status"])
            assert not (order.financeable and order.status is ShipmentStatus.UNKNOWN)
