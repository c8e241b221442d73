"""The adapter for EasyPost: every word, every fixture, its questions and its webhooks."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml
from hypothesis import given

from tests.support.fake_server import FakeServer, reply, send
from tests.support.vendors import any_json, asked, body, fixture, made
from tusker.carriers.base import CarrierProtocolError, CarrierUnavailable
from tusker.carriers.easypost import DETAILS, SPEC, STATUSES, read_tracker
from tusker.carriers.payload import parse_json
from tusker.domain.delivery.shipments import ShipmentStatus, TrackedOrder
from tusker.errors import InvalidInput

# status -> (Tusker's word, financeable)
STATUS_TABLE = {
    "unknown": ("unknown", False),
    "pre_transit": ("pending", True),
    "in_transit": ("in_transit", True),
    "out_for_delivery": ("out_for_delivery", True),
    "delivered": ("delivered", True),
    "available_for_pickup": ("out_for_delivery", True),
    "return_to_sender": ("returned", False),
    "failure": ("exception", False),
    "cancelled": ("cancelled", False),
    "error": ("unknown", False),
}
# detail -> what it makes of in_transit, and of delivered
DETAIL_TABLE = {
    "address_correction": ("exception", "exception"),
    "arrived_at_destination": ("in_transit", "delivered"),
    "arrived_at_facility": ("in_transit", "delivered"),
    "arrived_at_pickup_location": ("out_for_delivery", "delivered"),
    "awaiting_information": ("exception", "exception"),
    "cancelled": ("cancelled", "cancelled"),
    "damaged": ("exception", "exception"),
    "delayed": ("in_transit", "delivered"),
    "delivery_exception": ("exception", "exception"),
    "departed_facility": ("in_transit", "delivered"),
    "departed_origin_facility": ("in_transit", "delivered"),
    "expired": ("exception", "exception"),
    "failure": ("exception", "exception"),
    "held": ("exception", "exception"),
    "in_transit": ("in_transit", "delivered"),
    "label_created": ("in_transit", "delivered"),
    "lost": ("exception", "exception"),
    "missorted": ("in_transit", "delivered"),
    "out_for_delivery": ("out_for_delivery", "delivered"),
    "received_at_destination_facility": ("in_transit", "delivered"),
    "received_at_origin_facility": ("picked_up", "delivered"),
    "refused": ("exception", "exception"),
    "return": ("returned", "returned"),
    "status_update": ("in_transit", "delivered"),
    "transferred_to_destination_carrier": ("in_transit", "delivered"),
    "transit_exception": ("exception", "exception"),
    "unknown": ("in_transit", "delivered"),
    "weather_delay": ("in_transit", "delivered"),
    "a new word": ("in_transit", "delivered"),
}


def tracker(code: str = "EZ1000000001", **fields: object) -> dict[str, object]:
    return {"id": "trk_12345678", "tracking_code": code, "carrier": "USPS", **fields}


def read(**fields: object) -> TrackedOrder:
    order = read_tracker(tracker(**fields))  # type: ignore[arg-type]
    assert order is not None
    return order


def test_the_tables_hold_the_whole_vocabulary() -> None:
    assert STATUS_TABLE.keys() == STATUSES.keys()
    assert DETAIL_TABLE.keys() == DETAILS.keys() | {"a new word"}


@pytest.mark.parametrize(("word", "expected"), STATUS_TABLE.items())
def test_every_status(word: str, expected: tuple[str, bool]) -> None:
    order = read(status=word)
    assert (order.status, order.financeable, order.raw_status) == (*expected, word)
    assert order.declared_value is None


@pytest.mark.parametrize(("detail", "expected"), DETAIL_TABLE.items())
def test_every_detail(detail: str, expected: tuple[str, str]) -> None:
    on_the_way, arrived = (read(status=word, status_detail=detail) for word in ("in_transit", "delivered"))
    assert (on_the_way.status, arrived.status) == expected
    if arrived.status != "delivered":
        assert not arrived.financeable
    assert read(status="return_to_sender", status_detail=detail).status == "returned"
    assert read(status="pre_transit", status_detail=detail).status != "delivered"


@pytest.mark.parametrize(
    ("word", "raw"),
    [
        (None, "null"),
        ("", '""'),
        ("null", '"null"'),
        ("DELIVERED", "DELIVERED"),
        ("delivered ", '"delivered "'),
        ("Delivered", "Delivered"),
        (True, "true"),
        (21, "21"),
        (["delivered"], '["delivered"]'),
        ({"status": "delivered"}, '{"status": "delivered"}'),
    ],
)
def test_any_other_status_is_unknown_kept_raw_and_never_financeable(word: object, raw: str) -> None:
    order = read(status=word)
    assert (order.status, order.financeable, order.raw_status) == ("unknown", False, raw)
    assert order.raw["status"] == word


def test_a_return_that_was_delivered_came_back() -> None:
    assert read(status="delivered", is_return=True).status == "returned"


DELIVERED = {"status": "delivered", "datetime": "2024-08-02T10:00:00Z"}


@pytest.mark.parametrize(
    ("later", "status"),
    [
        ({"status": "return_to_sender", "datetime": "2024-08-02T11:00:00Z"}, "returned"),
        ({"status": "failure", "datetime": "2024-08-02T11:00:00Z"}, "exception"),
        ({"status": "return_to_sender"}, "returned"),  # no time, but told after it
        # sent back before: it was delivered to its sender
        ({"status": "return_to_sender", "datetime": "2024-08-01T11:00:00Z"}, "returned"),
        ({"status": "in_transit", "datetime": "2024-08-02T11:00:00Z"}, "delivered"),
        ({"status": "new", "datetime": "2024-08-02T11:00:00Z"}, "delivered"),
    ],
)
def test_a_delivery_that_the_history_contradicts_later_is_none(later: dict[str, str], status: str) -> None:
    order = read(status="delivered", tracking_details=[DELIVERED, later])
    assert order.status == status
    assert order.financeable is (status == "delivered")


def test_a_delivery_that_only_the_history_contradicts_is_none() -> None:
    history = [{"status": "return_to_sender", "datetime": "2024-08-02T11:00:00Z"}]
    assert read(status="delivered", tracking_details=history).status == "returned"


def test_the_history_never_makes_a_delivery() -> None:
    assert read(status="return_to_sender", tracking_details=[DELIVERED]).status == "returned"
    assert read(status="", tracking_details=[DELIVERED]).status == "unknown"


def test_the_recorded_event_is_read_whole() -> None:
    orders = made(SPEC, "http://127.0.0.1:1").read_webhook(fixture("easypost", "examples--event-body.json"))
    [order] = orders
    assert (order.ref, order.aliases, order.status) == ("fedex/1", ("1", "trk_1"), "in_transit")
    assert order.raw_status == "in_transit/arrived_at_facility"
    assert order.updated_at == datetime(2024, 8, 2, 18, 50, tzinfo=UTC)
    assert order.eta == datetime(2024, 8, 5, tzinfo=UTC)
    assert [(e.status, e.raw_status) for e in order.events][:2] == [
        ("pending", "pre_transit/label_created"),
        ("in_transit", "in_transit/arrived_at_facility"),
    ]
    assert len(order.events) == 7
    assert [e.occurred_at for e in order.events] == sorted(
        e.occurred_at for e in order.events if e.occurred_at
    )
    assert order.events[0].raw["message"] == "Shipment information sent to FedEx"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("examples--tracking-webhook.json", ("ups/EZ4000000004", "delivered", "John Tester", 6)),
        ("examples--tracking_webhook_response.json", ("ups/EZ4000000004", "delivered", "John Tester", 6)),
    ],
)
def test_recorded_webhooks(name: str, expected: tuple[str, str, str, int]) -> None:
    [order] = made(SPEC, "http://127.0.0.1:1").read_webhook(fixture("easypost", name))
    events = len(json.loads(fixture("easypost", name))["result"]["tracking_details"])
    assert (order.ref, order.status, order.signed_by) == expected[:3]
    assert len(order.events) == events


def test_the_cities_of_the_recorded_tracker() -> None:
    tracker = json.loads(fixture("easypost", "examples--trackers-retrieve.json"))
    event = json.dumps({"description": "tracker.updated", "result": tracker}).encode()
    [order] = made(SPEC, "http://127.0.0.1:1").read_webhook(event)
    assert (order.from_city, order.to_city) == ("HOUSTON", "CHARLESTON")


@pytest.mark.parametrize(
    ("place", "city"),
    [
        ("CHARLESTON SC, 29401", "CHARLESTON"),
        ("SANTA FE NM, 87501", "SANTA FE"),
        ("SANTA FE NM US", "SANTA FE"),
        ("SANTA FE, NM 87501", None),
        ("SANTA FE NM 87501", None),
        ("SANTA FE NM", None),
        ("BROOKLYN HGTS NY US", "BROOKLYN HGTS"),
        ("PUNE MH 411001", "PUNE"),
        ("NEW DELHI, IN", "NEW DELHI"),
        ("NEW DELHI, DL, IN 110001", "NEW DELHI"),
        ("LONDON GB, SW1A 1AA", "LONDON"),
        ("Pune", "Pune"),
        ("411001", None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_a_place_in_one_text(place: object, city: str | None) -> None:
    order = read_tracker({"tracking_code": "EZ1000000001", "carrier_detail": {"destination_location": place}})
    assert order is not None
    assert order.to_city == city


def test_a_recorded_webhook_about_something_else_tells_nothing() -> None:
    raw = fixture("easypost", "examples--post_json_example.json")
    assert made(SPEC, "http://127.0.0.1:1").read_webhook(raw) == []


@pytest.mark.parametrize("name", ["examples--trackers-create.json", "examples--trackers-retrieve.json"])
def test_recorded_trackers(name: str) -> None:
    item = parse_json(fixture("easypost", name))
    order = read_tracker(item)
    assert order is not None
    assert (order.ref, order.status, order.financeable) == ("usps/EZ1000000001", "pending", True)
    assert [event.status for event in order.events] == ["pending", "pending"]


def test_the_recorded_list_answers_a_batch(server: FakeServer) -> None:
    server.otherwise = reply(200, fixture("easypost", "examples--trackers-list.json"))
    found = made(SPEC, server.url).fetch(
        ["EZ1000000001", "usps/EZ1000000001", "ups/EZ1000000001"], register=False
    )
    assert {ref: order.ref for ref, order in found.items()} == {
        "EZ1000000001": "usps/EZ1000000001",
        "usps/EZ1000000001": "usps/EZ1000000001",
    }


def cassette(name: str) -> list[Any]:
    return list(yaml.safe_load(fixture("easypost", name))["interactions"])


def test_the_recorded_conversation_of_registering_and_retrieving(server: FakeServer) -> None:
    created, retrieved = cassette("test_tracker_retrieve.yaml")
    server.script = [
        body(trackers=[], has_more=False),
        reply(200, created["response"]["body"]["string"]),
        reply(200, retrieved["response"]["body"]["string"]),
    ]
    carrier = made(SPEC, server.url)
    [order] = carrier.fetch(["ez1000000001"]).values()
    [again] = carrier.fetch([order.aliases[1]]).values()
    requests = asked(server)
    assert requests[1].path == urlsplit(created["request"]["uri"]).path
    assert requests[1].body == json.loads(created["request"]["body"])
    assert requests[2].path == urlsplit(retrieved["request"]["uri"]).path
    assert order.ref == again.ref == "usps/EZ1000000001"


def test_the_recorded_registration(server: FakeServer) -> None:
    [created] = cassette("test_tracker_create.yaml")
    server.script = [body(trackers=[]), reply(200, created["response"]["body"]["string"])]
    order = made(SPEC, server.url).fetch(["EZ1000000001"])["EZ1000000001"]
    assert (order.ref, order.status) == ("usps/EZ1000000001", "pending")
    assert order.updated_at == datetime(2025, 2, 7, 8, 25, 26, tzinfo=UTC)


def test_the_key_is_the_user_of_http_basic(server: FakeServer) -> None:
    server.otherwise = body(trackers=[])
    assert made(SPEC, server.url, key="abc").check() == "EasyPost answers and accepts the key."
    [request] = asked(server)
    assert request.headers["Authorization"] == "Basic YWJjOg=="
    assert "Content-Type" not in request.headers


def test_thirty_codes_make_two_questions(server: FakeServer) -> None:
    server.otherwise = body(trackers=[])
    codes = [f"EZ10000000{n:02}" for n in range(30)]
    assert made(SPEC, server.url).fetch([*codes, codes[0], "no/such/thing", "x"], register=False) == {}
    batches = [
        [value for name, value in parse_qsl(urlsplit(request.path).query) if name == "tracking_codes[]"]
        for request in asked(server)
    ]
    assert [len(batch) for batch in batches] == [25, 5]
    assert [code for batch in batches for code in batch] == codes


def test_pages_are_followed(server: FakeServer) -> None:
    server.script = [
        body(trackers=[tracker("EZ1000000002", status="delivered")], has_more=True),
        body(trackers=[tracker(status="delivered")], has_more=False),
    ]
    assert set(made(SPEC, server.url).fetch(["EZ1000000001"])) == {"EZ1000000001"}
    assert "before_id=trk_12345678" in asked(server)[1].path


def test_a_list_that_forgets_the_filter_answers_nothing_wrong(server: FakeServer) -> None:
    server.otherwise = body(trackers=[tracker("EZ4000000004", status="delivered")])
    assert made(SPEC, server.url).fetch(["EZ1000000001"], register=False) == {}


def test_a_code_of_two_carriers_needs_review(server: FakeServer) -> None:
    server.otherwise = body(
        trackers=[
            tracker(status="delivered", created_at="2024-01-01T00:00:00Z"),
            tracker(status="in_transit", carrier="FedEx", created_at="2023-01-01T00:00:00Z"),
        ]
    )
    found = made(SPEC, server.url).fetch(["EZ1000000001", "fedex/EZ1000000001"])
    assert (found["EZ1000000001"].status, found["EZ1000000001"].financeable) == ("unknown", False)
    assert found["fedex/EZ1000000001"].status == "in_transit"


def test_of_two_trackers_of_one_parcel_the_newer_counts(server: FakeServer) -> None:
    old = tracker(status="delivered", created_at="2023-01-01T00:00:00Z")
    new = tracker(status="in_transit", created_at="2024-01-01T00:00:00Z")
    server.otherwise = body(trackers=[old, new])
    assert made(SPEC, server.url).fetch(["EZ1000000001"])["EZ1000000001"].status == "in_transit"


def test_what_is_rejected_stays_absent_and_a_failure_is_raised(server: FakeServer) -> None:
    def answer(handler: Any, question: Any) -> None:
        if question is None:
            return send(handler, 200, json.dumps({"trackers": [tracker(status="in_transit")]}).encode())
        return send(handler, 422 if "BAD" in question["tracker"]["tracking_code"] else 503, b"{}")

    server.otherwise = answer
    carrier = made(SPEC, server.url, tries=1)
    assert set(carrier.fetch(["EZ1000000001", "BAD0000001"])) == {"EZ1000000001"}
    assert carrier.register("BAD0000001") is carrier.register("x") is carrier.register("trk_12345678") is None
    for ask in (carrier.fetch, lambda refs: carrier.register(refs[-1])):
        with pytest.raises(CarrierUnavailable):
            ask(["EZ1000000001", "EZ9000000001"])


def test_an_id_that_is_unknown_is_absent(server: FakeServer) -> None:
    server.otherwise = reply(404, "{}")
    assert made(SPEC, server.url).fetch(["trk_00000000"]) == {}


@pytest.mark.parametrize("text", ["[]", "{}", '{"trackers": {}}', "null", '{"trackers": null}'])
def test_an_answer_of_another_shape_is_a_protocol_error(server: FakeServer, text: str) -> None:
    server.otherwise = reply(200, text)
    with pytest.raises(CarrierProtocolError):
        made(SPEC, server.url).fetch(["EZ1000000001"])


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        (" ez1000000001 ", "EZ1000000001"),
        ("USPS/9400 1108 9882 5022 5794 93", "usps/9400110898825022579493"),
        ("trk_9135862729734d96ad2f9ed0f0565a27", "trk_9135862729734d96ad2f9ed0f0565a27"),
    ],
)
def test_references_have_one_spelling(text: str, ref: str) -> None:
    carrier = made(SPEC, "http://127.0.0.1:1")
    assert carrier.parse_reference(text) == ref == carrier.parse_reference(ref)


@pytest.mark.parametrize(
    "text", ["", "  ", "1", "/EZ1000000001", "a/b/EZ1000000001", "EZ?000000001", "9" * 61]
)
def test_what_cannot_be_a_reference_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="usps/") as caught:
        made(SPEC, "http://127.0.0.1:1").parse_reference(text)
    assert caught.value.field == "order_ref"


def signature() -> tuple[bytes, str, str]:
    hooks = json.loads(fixture("easypost", "examples--client-library-fixtures.json"))["webhooks"]
    # The vendor signed the body without the newline at the file's end.
    raw = fixture("easypost", "examples--event-body.json").rstrip(b"\n")
    return raw, hooks["secret"], hooks["hmac_signature"]


def test_the_vendors_own_signature_verifies() -> None:
    raw, secret, signed = signature()
    carrier = made(SPEC, "http://127.0.0.1:1")
    assert carrier.verify_webhook(raw, {"x-hmac-signature": signed}, secret)
    assert carrier.verify_webhook(raw, {"X-Hmac-Signature": signed}, secret)
    assert not carrier.verify_webhook(raw + b"\n", {"X-Hmac-Signature": signed}, secret)
    assert not carrier.verify_webhook(raw, {"X-Hmac-Signature": signed}, "secret")


@pytest.mark.parametrize("value", ["", "é", "hmac-sha256-hex=", "\ud800", "hmac-sha256-hex=00"])
def test_an_odd_signature_is_just_wrong(value: str) -> None:
    raw, secret, _ = signature()
    carrier = made(SPEC, "http://127.0.0.1:1")
    assert not carrier.verify_webhook(raw, {"X-Hmac-Signature": value}, secret)
    assert not carrier.verify_webhook(raw, {}, secret)
    assert not carrier.verify_webhook(raw, {"X-Hmac-Signature": value}, "")


NAMES = [
    "result",
    "description",
    "tracking_code",
    "status",
    "status_detail",
    "tracking_details",
    "datetime",
    "carrier",
]


@given(any_json([*STATUSES, *DETAILS, "tracker.updated"], NAMES))
def test_no_json_raises_anything_else_or_delivers_by_itself(item: Any) -> None:
    carrier = made(SPEC, "http://127.0.0.1:1")
    for value in (item, {"description": "tracker.updated", "result": item}):
        try:
            orders = carrier.read_webhook(json.dumps(value).encode())
        except CarrierProtocolError:
            continue
        for order in orders:
            if order.status is ShipmentStatus.DELIVERED:
                assert order.raw["status"] == "delivered"
            assert not (order.financeable and order.status is ShipmentStatus.UNKNOWN)
            json.dumps(order.raw, allow_nan=False)


def test_when_the_record_was_written_dates_no_status() -> None:
    """Scans are uploaded late: compared with the record's time, a later scan would look like old news."""
    scan = {
        "status": "in_transit",
        "status_detail": "arrived_at_facility",
        "datetime": "2026-03-02T06:00:00Z",
    }
    told = read_tracker(
        {
            "id": "trk_1",
            "tracking_code": "EZ1000000001",
            "carrier": "USPS",
            "status": "in_transit",
            "status_detail": "departed_facility",
            "updated_at": "2026-03-02T15:00:00Z",
            "tracking_details": [scan],
        }
    )
    assert told is not None
    assert (told.status, told.updated_at) == ("in_transit", None)
