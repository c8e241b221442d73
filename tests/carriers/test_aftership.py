"""The adapter for AfterShip: every word, every fixture, its questions and its webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given

from tests.support.fake_server import FakeServer, reply, send
from tests.support.vendors import any_json, asked, body, fixture, made
from tusker.carriers.aftership import SPEC, TAGS, read_tracking
from tusker.carriers.base import CarrierProtocolError, CarrierRefused, CarrierUnavailable
from tusker.domain.delivery.shipments import ShipmentStatus, TrackedOrder

# tag -> (Tusker's word, financeable)
TAG_TABLE = {
    "Pending": ("pending", False),  # registered and nothing known: anybody can invent such a number
    "InfoReceived": ("pending", True),
    "InTransit": ("in_transit", True),
    "OutForDelivery": ("out_for_delivery", True),
    "AttemptFail": ("exception", False),
    "Delivered": ("delivered", True),
    "AvailableForPickup": ("out_for_delivery", True),
    "Exception": ("exception", False),
    "Expired": ("exception", False),
}
# every documented subtag; those not named here mean what their tag means
SUBTAGS = [
    *(f"Delivered_00{n}" for n in range(1, 6)),
    "AvailableForPickup_001",
    *(f"Exception_{n:03}" for n in range(1, 19)),
    *(f"AttemptFail_00{n}" for n in range(1, 4)),
    *(f"InTransit_{n:03}" for n in range(1, 19)),
    "InfoReceived_001",
    *(f"OutForDelivery_00{n}" for n in range(1, 5)),
    *(f"Pending_00{n}" for n in range(1, 7)),
    "Expired_001",
]
SUBTAG_TABLE = {
    "Exception_010": ("returned", False),  # returning to sender
    "Exception_011": ("returned", False),  # returned to sender
    "InTransit_002": ("picked_up", True),  # acceptance scan
}


def tracking(**fields: object) -> dict[str, object]:
    return {"tracking_number": "1111111111111", "slug": "fedex", **fields}


def read(**fields: object) -> TrackedOrder:
    order = read_tracking(tracking(**fields))
    assert order is not None
    return order


def listed(*items: object, **data: object) -> Any:
    return body(meta={"code": 200}, data={"trackings": list(items), **data})


def test_the_table_holds_the_whole_vocabulary() -> None:
    assert TAG_TABLE.keys() == TAGS.keys()


@pytest.mark.parametrize(("tag", "expected"), TAG_TABLE.items())
def test_every_tag(tag: str, expected: tuple[str, bool]) -> None:
    order = read(tag=tag)
    assert (order.status, order.financeable, order.raw_status) == (*expected, tag)


@pytest.mark.parametrize("subtag", SUBTAGS)
def test_every_subtag(subtag: str) -> None:
    tag = subtag.partition("_")[0]
    order = read(tag=tag, subtag=subtag)
    assert (order.status, order.financeable) == SUBTAG_TABLE.get(subtag, TAG_TABLE[tag])
    assert order.raw_status == f"{tag}/{subtag}"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"tag": "Delivered", "subtag": "Exception_011"}, "returned"),
        ({"tag": "Delivered", "subtag": "InTransit_003"}, "unknown"),
        ({"tag": "Delivered", "subtag": ""}, "unknown"),
        ({"tag": "Delivered", "subtag": "Delivered_001", "return_to_sender": True}, "returned"),
        ({"tag": "Delivered", "subtag": "Delivered_099"}, "delivered"),
        ({"tag": "Exception", "subtag": "Delivered_001"}, "exception"),
        ({"tag": "", "subtag": "Delivered_001"}, "unknown"),
        ({"tag": None, "subtag": "Delivered_001"}, "unknown"),
        ({"tag": "delivered"}, "unknown"),
        ({"tag": "Misplaced"}, "unknown"),
        ({}, "unknown"),
        ({"tag": ["Delivered"]}, "unknown"),
    ],
)
def test_contradictions_and_new_words_never_deliver(fields: dict[str, object], status: str) -> None:
    order = read(**fields)
    assert order.status == status
    assert order.financeable is (status == "delivered")


def test_cities_are_read_where_they_are_told() -> None:
    order = read_tracking(tracking(origin_city="PUNE", destination_city=None))
    assert order is not None
    assert (order.from_city, order.to_city) == ("PUNE", None)


def test_the_recorded_list_is_read_whole(server: FakeServer) -> None:
    server.otherwise = reply(200, fixture("aftership", "pyaftership--get_trackings.json"))
    refs = ["fedex/1111111111111", "2222222222222", "usps/1231231231231"]
    found = made(SPEC, server.url).fetch(refs)
    assert [found[ref].status for ref in refs] == ["delivered", "exception", "exception"]
    assert found["2222222222222"].ref == "ups/2222222222222"
    order = found[refs[0]]
    assert order.signed_by == "Signature not required"
    assert order.updated_at == datetime(2018, 8, 1, 17, 19, 47, tzinfo=UTC)
    assert [event.status for event in order.events] == [
        "pending", "picked_up", "in_transit", "in_transit", "exception", "in_transit", "in_transit",
        "in_transit", "in_transit", "out_for_delivery", "delivered",
    ]  # fmt: skip
    assert order.events[0].occurred_at == datetime(2018, 7, 31, 14, 33, tzinfo=UTC)


def test_a_recorded_registration(server: FakeServer) -> None:
    server.script = [listed(), reply(201, fixture("aftership", "pyaftership--post_trackings.json"))]
    order = made(SPEC, server.url).fetch(["fedex/1111111111111"])["fedex/1111111111111"]
    assert (order.status, order.financeable, order.raw_status) == ("pending", False, "Pending/Pending_001")
    assert (asked(server)[1].path, asked(server)[1].body) == (
        "/trackings",
        {"tracking_number": "1111111111111", "slug": "fedex"},
    )


def test_a_registration_as_the_api_answers_it_now(server: FakeServer) -> None:
    server.script = [
        listed(),
        reply(201, json.dumps({"meta": {"code": 201}, "data": tracking(tag="Pending")})),
    ]
    assert made(SPEC, server.url).fetch(["1111111111111"])["1111111111111"].ref == "fedex/1111111111111"
    assert asked(server)[1].body == {"tracking_number": "1111111111111"}


@pytest.mark.parametrize(
    ("name", "status", "error"),
    [
        ("pyaftership--error_invalid_api_key.json", 200, CarrierRefused),
        ("pyaftership--error_invalid_api_key.json", 401, CarrierRefused),
        ("pyaftership--error_server_is_down.json", 200, CarrierUnavailable),
        ("pyaftership--error_server_is_down.json", 500, CarrierUnavailable),
        ("pyaftership--error_created_tracking_number_is_failed.json", 200, CarrierProtocolError),
        ("pyaftership--delete_trackings.json", 200, CarrierProtocolError),
        ("pyaftership--post_couriers_detect.json", 200, CarrierProtocolError),
    ],
)
def test_recorded_answers_that_hold_no_list(
    server: FakeServer, name: str, status: int, error: type[Exception]
) -> None:
    server.otherwise = reply(status, fixture("aftership", name))
    with pytest.raises(error):
        made(SPEC, server.url, tries=1).check()


def test_a_number_that_exists_already_stays_absent_for_now(server: FakeServer) -> None:
    refused = fixture("aftership", "pyaftership--error_created_tracking_number_is_failed.json")
    server.script = [listed(), reply(400, refused)]
    assert made(SPEC, server.url).fetch(["fedex/1111111111111"]) == {}


def test_the_question_its_key_and_its_pages(server: FakeServer) -> None:
    server.script = [
        listed(tracking(tag="InTransit"), pagination={"has_next_page": True, "next_cursor": "c+1"}),
        listed(tracking(tag="Delivered", tracking_number="2222222222222", slug="ups")),
    ]
    found = made(SPEC, server.url, key="asat_1").fetch(["1111111111111", "ups/2222222222222"])
    assert [order.status for order in found.values()] == ["in_transit", "delivered"]
    first, second = asked(server)
    assert first.headers["as-api-key"] == "asat_1"
    assert parse_qs(urlsplit(first.path).query)["tracking_numbers"] == ["1111111111111,2222222222222"]
    assert parse_qs(urlsplit(second.path).query)["cursor"] == ["c+1"]


def test_thirty_numbers_make_two_questions(server: FakeServer) -> None:
    server.otherwise = listed()
    numbers = [f"11111111{n:02}" for n in range(30)]
    assert made(SPEC, server.url).fetch(numbers, register=False) == {}
    sizes = [len(parse_qs(urlsplit(r.path).query)["tracking_numbers"][0].split(",")) for r in asked(server)]
    assert sizes == [25, 5]


def test_a_bare_number_of_two_couriers_needs_review(server: FakeServer) -> None:
    server.otherwise = listed(tracking(tag="Delivered"), tracking(tag="Delivered", slug="ups"))
    order = made(SPEC, server.url).fetch(["1111111111111"])["1111111111111"]
    assert (order.status, order.financeable) == ("unknown", False)


def test_a_checkpoint_without_an_offset_counts_as_utc() -> None:
    order = read(
        tag="InTransit", checkpoints=[{"tag": "InTransit", "checkpoint_time": "2018-08-01T13:19:47"}]
    )
    assert order.updated_at == datetime(2018, 8, 1, 13, 19, 47, tzinfo=UTC)


def test_a_later_return_among_the_checkpoints_counts_more() -> None:
    there = {"tag": "Delivered", "subtag": "Delivered_001", "checkpoint_time": "2024-01-01T10:00:00+05:30"}
    back = {"tag": "Exception", "subtag": "Exception_010", "checkpoint_time": "2024-01-01T06:00:00+00:00"}
    order = read(tag="Delivered", subtag="Delivered_001", checkpoints=[back, there])
    assert (order.status, order.raw_status) == ("returned", "Exception/Exception_010")


def test_webhooks_are_verified_and_read() -> None:
    carrier = made(SPEC, "http://127.0.0.1:1")
    raw = json.dumps({"event": "tracking_update", "msg": tracking(tag="InTransit")}).encode()
    signed = base64.b64encode(hmac.new(b"s3cret", raw, hashlib.sha256).digest()).decode()
    assert carrier.verify_webhook(raw, {"Aftership-Hmac-Sha256": signed}, "s3cret")
    assert not carrier.verify_webhook(raw + b" ", {"aftership-hmac-sha256": signed}, "s3cret")
    assert not carrier.verify_webhook(raw, {"aftership-hmac-sha256": signed}, "other")
    for odd in ("", "é", "=", signed.lower(), signed.rstrip("=")):
        assert not carrier.verify_webhook(raw, {"aftership-hmac-sha256": odd}, "s3cret")
    assert not carrier.verify_webhook(raw, {}, "")
    assert [order.ref for order in carrier.read_webhook(raw)] == ["fedex/1111111111111"]
    assert carrier.read_webhook(b'{"event": "edd_revise", "msg": {}}') == []


NAMES = ["event", "msg", "tracking_number", "slug", "tag", "subtag", "checkpoints", "checkpoint_time",
         "return_to_sender", "updated_at"]  # fmt: skip


@given(any_json([*TAGS, "Delivered_001", "Exception_011", "tracking_update"], NAMES))
def test_no_json_raises_anything_else_or_delivers_by_itself(item: Any) -> None:
    carrier = made(SPEC, "http://127.0.0.1:1")
    update = {"event": "tracking_update", "msg": item}
    for value in (item, update, {**update, "msg": tracking(tag=item, subtag=item, checkpoints=item)}):
        try:
            orders = carrier.read_webhook(json.dumps(value).encode())
        except CarrierProtocolError:
            continue
        for order in orders:
            if order.status is ShipmentStatus.DELIVERED:
                assert order.raw["tag"] == "Delivered"
            assert not (order.financeable and order.status is ShipmentStatus.UNKNOWN)


def test_a_throttled_registration_is_raised_and_not_an_unknown_number(server: FakeServer) -> None:
    def answer(handler: Any, question: Any) -> None:
        if question is None:
            return send(handler, 200, b'{"meta": {"code": 200}, "data": {"trackings": []}}')
        if question["tracking_number"] == "1111111111111":
            return send(
                handler, 201, json.dumps({"meta": {"code": 201}, "data": tracking(tag="Pending")}).encode()
            )
        return send(handler, 429, b"{}", Retry_After="90")

    server.otherwise = answer
    carrier = made(SPEC, server.url, tries=1)
    assert carrier.fetch(["1111111111111"])["1111111111111"].status is ShipmentStatus.PENDING
    with pytest.raises(CarrierUnavailable) as caught:
        carrier.fetch(["1111111111111", "2222222222222", "3333333333333"])
    assert caught.value.details["retry_after"] == 90
    assert len(server.requests) == 5
