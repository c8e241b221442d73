"""The adapter for the tusker API: every status, every odd value, batches, and the directory."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.fake_server import FakeServer, orders, reply, send
from tusker.carriers.base import CarrierProtocolError, CarrierRefused, CarrierUnavailable
from tusker.carriers.http import CarrierHttp
from tusker.carriers.payload import parse_json
from tusker.carriers.tusker import TuskerCarrier, minor_units, read_order
from tusker.domain.delivery.shipments import DirectoryEntry, Document, DocumentKind, ShipmentStatus
from tusker.errors import InvalidInput

KNOWN = {
    2: ("pending", False),
    3: ("pending", True),
    4: ("pending", True),
    6: ("picked_up", True),
    9: ("in_transit", True),
    12: ("in_transit", True),
    13: ("in_transit", True),
    15: ("in_transit", True),
    18: ("in_transit", True),
    19: ("in_transit", True),
    21: ("delivered", True),
    24: ("cancelled", False),
    27: ("cancelled", False),
}


def order_text(status: str = "3", value: str = "1250.50", ref: str = "A-1", **more: str) -> str:
    fields = {
        "id": "77",
        "ref_no": json.dumps(ref),
        "status": status,
        "cust": '{"id": "S-9"}',
        "rcvr": '{"id": "L-4"}',
        "consgt": f'{{"val_dcl": {value}}}',
        "s_updt": "1772366400000",
        **more,
    }
    return "{" + ", ".join(f'"{name}": {text}' for name, text in fields.items()) + "}"


def answer(*items: str) -> Any:
    return reply(200, '{"pl": {"orders": [' + ", ".join(items) + "]}}")


@pytest.mark.parametrize("number", range(-3, 41))
def test_every_status_number(server: FakeServer, carrier: TuskerCarrier, number: int) -> None:
    status, financeable = KNOWN.get(number, ("unknown", False))
    server.otherwise = answer(order_text(str(number)))
    order = carrier.fetch(["A-1"])["A-1"]
    assert (order.status, order.financeable, order.raw_status) == (status, financeable, str(number))
    assert order.raw["status"] == number


@pytest.mark.parametrize(
    "text",
    [
        "null",
        '""',
        '"21"',
        '"delivered"',
        "21.0",
        "3.0",
        "2.1e1",
        "true",
        "false",
        "[21]",
        '{"n": 21}',
        "1e999",
        "9" * 4000,
        "-0",
        '"\\u0000\\ud800"',
        "NaN",
    ],
)
def test_a_status_of_another_kind_is_unknown_and_never_financeable(
    server: FakeServer, carrier: TuskerCarrier, text: str
) -> None:
    server.otherwise = answer(order_text(text))
    order = carrier.fetch(["A-1"])["A-1"]
    assert order.status is ShipmentStatus.UNKNOWN
    assert order.financeable is False
    assert 0 < len(order.raw_status) <= 120
    assert "status" in order.raw
    stored = json.dumps(order.raw)
    assert "\\u0000" not in stored
    assert "\\ud800" not in stored


def test_raw_status_tells_the_text_from_the_number(server: FakeServer, carrier: TuskerCarrier) -> None:
    seen = []
    for text in ("21", '"21"', "null", '""', "true"):
        server.script = [answer(order_text(text))]
        seen.append(carrier.fetch(["A-1"])["A-1"].raw_status)
    assert seen == ["21", '"21"', "null", '""', "true"]


def test_an_order_without_a_status_is_unknown(server: FakeServer, carrier: TuskerCarrier) -> None:
    server.otherwise = orders({"ref_no": "A-1", "consgt": {"val_dcl": 5}})
    order = carrier.fetch(["A-1"])["A-1"]
    assert (order.status, order.financeable, order.raw_status) == ("unknown", False, "null")


@pytest.mark.parametrize(
    ("text", "exponent", "minor"),
    [
        ("1250.50", 2, 125050),
        ("1250.5", 2, 125050),
        ("1250.500000", 2, 125050),
        ("1250", 2, 125000),
        ("0.1", 2, 10),
        ("0.29", 2, 29),
        ("1.15", 2, 115),
        ("70368744177664.01", 2, 7036874417766401),  # binary floats are too coarse for this one
        ("1.25e3", 2, 125000),
        ("1E2", 2, 10000),
        ("1250", 0, 1250),
        ("1250.125", 3, 1250125),
        ("0", 2, 0),
        ("0.00", 2, 0),
        ("1250.505", 2, None),
        ("1250.5", 0, None),
        ("0.000000000000000000000000000000000001", 2, None),
        ("1.00000000000000000000000000000000001", 2, None),
        ("-1", 2, None),
        ("-0.01", 2, None),
        ("null", 2, None),
        ("true", 2, None),
        ('"1250.50"', 2, None),
        ("[1250]", 2, None),
        ("{}", 2, None),
        ("NaN", 2, None),
        ("Infinity", 2, None),
        ("1e999999", 2, None),
        ("1e-999999", 2, None),
        ("1e99999999999999999999", 2, None),
        ("9" * 40, 2, None),
    ],
)
def test_declared_value_in_minor_units(text: str, exponent: int, minor: int | None) -> None:
    if minor is not None and minor > 10**15:
        minor = None  # beyond MAX_AMOUNT, but it must not come out wrong either
    order = read_order(parse_json(order_text(value=text).encode()), exponent=exponent)
    assert order is not None
    assert order.declared_value == minor
    assert order.financeable is bool(minor)
    json.dumps(order.raw, allow_nan=False)


def test_a_large_value_that_floats_would_spoil_is_exact() -> None:
    value = parse_json(b"9007199254740.93")
    assert minor_units(value, 2) == 900719925474093
    assert minor_units(parse_json(b"10000000000000.00"), 2) == 10**15
    assert minor_units(parse_json(b"10000000000000.01"), 2) is None


def test_an_order_with_everything(server: FakeServer, carrier: TuskerCarrier) -> None:
    documents = json.dumps(
        [
            {"template_code": 2, "particulars": {"doc_image": [{"uri": "https://files.example/pod.pdf"}]}},
            {
                "template_code": 1,
                "particulars": {
                    "doc_image": [
                        {"uri": "https://files.example/inv.pdf"},
                        {"uri": "https://files.example/inv.pdf"},
                        {"uri": "javascript:alert(1)"},
                        {"uri": "https://files.example/" + "x" * 2_000},  # longer than an index takes
                        {"uri": "//files.example/x"},
                        {"uri": None},
                        7,
                    ]
                },
            },
            {"template_code": True, "particulars": {"doc_image": [{"uri": "http://files.example/other"}]}},
            {"template_code": 1, "particulars": None},
            None,
        ]
    )
    server.otherwise = answer(order_text("9", eta="1772452800123", documents=documents))
    order = carrier.fetch(["A-1"])["A-1"]
    assert (order.carrier, order.ref) == ("tusker", "A-1")
    assert (order.supplier_external_id, order.purchaser_location_id) == ("S-9", "L-4")
    assert order.declared_value == 125050
    assert order.updated_at == datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    assert order.eta == datetime(2026, 3, 2, 12, 0, 0, 123000, tzinfo=UTC)
    assert order.documents == (
        Document(DocumentKind.OTHER, "https://files.example/pod.pdf"),
        Document(DocumentKind.SIGNED_INVOICE, "https://files.example/inv.pdf"),
        Document(DocumentKind.OTHER, "http://files.example/other"),
    )
    assert order.raw["consgt"] == {"val_dcl": "1250.50"}


@pytest.mark.parametrize(
    "stamp", ["null", "0", "-1", "true", '"1772366400000"', "1772366400000.5", "1e400", "9" * 30]
)
def test_a_time_that_is_none_is_left_out(server: FakeServer, carrier: TuskerCarrier, stamp: str) -> None:
    server.otherwise = answer(order_text(s_updt=stamp, eta=stamp))
    order = carrier.fetch(["A-1"])["A-1"]
    assert (order.updated_at, order.eta) == (None, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"id": 15}', "15"),
        ('{"id": " x "}', "x"),
        ('{"id": ""}', None),
        ('{"id": true}', None),
        ('{"id": 1.5}', None),
        ('{"id": null}', None),
        ("null", None),
        ("[]", None),
        ('"S-9"', None),
    ],
)
def test_ids_of_every_kind(
    server: FakeServer, carrier: TuskerCarrier, text: str, expected: str | None
) -> None:
    server.otherwise = answer(order_text(cust=text, rcvr=text))
    order = carrier.fetch(["A-1"])["A-1"]
    assert (order.supplier_external_id, order.purchaser_location_id) == (expected, expected)


def test_twenty_five_references_make_three_calls_of_at_most_ten(
    server: FakeServer, carrier: TuskerCarrier
) -> None:
    def known(handler: Any, body: Any) -> None:
        found = [{"ref_no": ref, "status": 9} for ref in body["pl"]["o_ref_nos"] if ref != "R7"]
        send(handler, 200, json.dumps({"pl": {"orders": found}}).encode())

    server.otherwise = known
    refs = [f"R{n}" for n in range(25)]
    found = carrier.fetch([*refs, "R3", "", "  "])
    asked = [body["pl"]["o_ref_nos"] for body in server.bodies]
    assert [len(batch) for batch in asked] == [10, 10, 5]
    assert [ref for batch in asked for ref in batch] == refs
    assert {body["pl"]["size"] for body in server.bodies} == {10}
    assert {path for path, _, _ in server.requests} == {"/orders/search"}
    assert set(found) == set(refs) - {"R7"}


def test_nothing_asked_is_no_call(server: FakeServer, carrier: TuskerCarrier) -> None:
    assert carrier.fetch([]) == {}
    assert carrier.search_directory("  ") == []
    assert server.requests == []


def test_unknown_references_are_absent_and_strangers_ignored(
    server: FakeServer, carrier: TuskerCarrier
) -> None:
    server.otherwise = orders(
        {"ref_no": "A-1", "status": 9}, {"ref_no": "not asked", "status": 21}, None, 7, {}
    )
    assert set(carrier.fetch(["A-1", "gone"])) == {"A-1"}


def test_the_same_order_twice_counts_once(server: FakeServer, carrier: TuskerCarrier) -> None:
    server.otherwise = answer(order_text("21"), order_text("21"))
    assert carrier.fetch(["A-1"])["A-1"].status is ShipmentStatus.DELIVERED


@pytest.mark.parametrize("flipped", [False, True])
def test_of_two_states_of_an_order_the_later_counts(
    server: FakeServer, carrier: TuskerCarrier, flipped: bool
) -> None:
    states = [order_text("9", s_updt="1772366400000"), order_text("24", s_updt="1772366400001")]
    server.otherwise = answer(*(states[::-1] if flipped else states))
    assert carrier.fetch(["A-1"])["A-1"].status is ShipmentStatus.CANCELLED


@pytest.mark.parametrize(
    "second",
    [
        order_text("24"),  # the same instant
        order_text("24", s_updt="null"),
        order_text("21", value="9999", s_updt="1772366400001"),
        order_text("21", cust='{"id": "S-2"}', s_updt="1772366400001"),
        order_text("21", rcvr='{"id": "L-2"}', s_updt="1772366400001"),
    ],
)
def test_contradicting_duplicates_need_review(
    server: FakeServer, carrier: TuskerCarrier, second: str
) -> None:
    server.otherwise = answer(order_text("21"), second)
    order = carrier.fetch(["A-1"])["A-1"]
    assert order.status is ShipmentStatus.UNKNOWN
    assert (order.financeable, order.declared_value) == (False, None)
    duplicates = order.raw["duplicates"]
    assert isinstance(duplicates, list)
    assert len(duplicates) == 2


@pytest.mark.parametrize("text", ["[]", "{}", "null", '{"pl": []}', '{"pl": {"orders": {}}}', '{"pl": {}}'])
def test_an_answer_of_another_shape_is_a_protocol_error(
    server: FakeServer, carrier: TuskerCarrier, text: str
) -> None:
    server.otherwise = reply(200, text)
    with pytest.raises(CarrierProtocolError, match="without “orders”"):
        carrier.fetch(["A-1"])
    with pytest.raises(CarrierProtocolError, match="without “users”"):
        carrier.search_directory("x")


def test_a_failing_batch_fails_the_question(
    server: FakeServer, make_http: Callable[..., CarrierHttp]
) -> None:
    server.script = [orders(), reply(500)]
    with pytest.raises(CarrierUnavailable):
        TuskerCarrier(make_http(tries=1), exponent=2).fetch([f"R{n}" for n in range(11)])


def test_the_directory(server: FakeServer, carrier: TuskerCarrier) -> None:
    person = {
        "id": 12,
        "cntct": {"name": "Asha Traders", "p_mob": "+91 98000 00000"},
        "loc": {"id": "L-4", "addr": {"city": "Pune"}},
    }
    bare = {"id": "13", "cntct": {"name": "Bo"}}
    users = [person, bare, {"id": 14}, {"cntct": {"name": "nobody"}}, None]
    server.otherwise = reply(200, json.dumps({"pl": {"users": users}}))
    assert carrier.search_directory(" asha ") == [
        DirectoryEntry("12", "L-4", "Asha Traders", "+91 98000 00000", "Pune"),
        DirectoryEntry("13", None, "Bo", None, None),
    ]
    path, headers, body = server.requests[0]
    assert path == "/search/users/suggestions"
    assert headers["LM_PA_TOKEN"] == "s3cret"
    assert body == {"pl": {"type": 4, "p_txt": "asha", "stts": [0], "s_by": "name", "s_dir": 1}}


def test_the_one_status_is_the_one_event(server: FakeServer, carrier: TuskerCarrier) -> None:
    server.otherwise = answer(order_text("9"))
    order = carrier.fetch(["A-1"])["A-1"]
    [event] = order.events
    assert (event.status, event.raw_status, event.occurred_at) == ("in_transit", "9", order.updated_at)
    assert event.raw == order.raw


def test_the_connection_test(server: FakeServer, carrier: TuskerCarrier) -> None:
    server.script = [orders(), reply(200, "{}"), reply(401)]
    assert carrier.check() == "Tusker courier answers and accepts the key."
    with pytest.raises(CarrierProtocolError):
        carrier.check()
    with pytest.raises(CarrierRefused):
        carrier.check()


def test_webhooks_are_verified_and_read(carrier: TuskerCarrier) -> None:
    raw = ('{"pl": {"orders": [' + order_text("21") + ", " + order_text("24") + ", {}]}}").encode()
    signed = "sha256=" + hmac.new(b"s3cret", raw, hashlib.sha256).hexdigest()
    assert carrier.verify_webhook(raw, {"x-tusker-signature": signed}, "s3cret")
    assert not carrier.verify_webhook(raw + b" ", {"X-Tusker-Signature": signed}, "s3cret")
    assert not carrier.verify_webhook(raw, {"X-Tusker-Signature": signed}, "other")
    for odd in ("", "é", "sha256=", signed.removeprefix("sha256=")):
        assert not carrier.verify_webhook(raw, {"X-Tusker-Signature": odd}, "s3cret")
    assert not carrier.verify_webhook(raw, {}, "")
    [order] = carrier.read_webhook(raw)
    assert (order.ref, order.status) == ("A-1", "unknown"), "two states of one instant contradict each other"


@pytest.mark.parametrize("raw", [b"", b"\xff", b"<html>", b"[]", b"{}", b'{"pl": {"orders": 1}}'])
def test_an_unreadable_webhook_is_a_protocol_error(carrier: TuskerCarrier, raw: bytes) -> None:
    with pytest.raises(CarrierProtocolError):
        carrier.read_webhook(raw)


def test_references_are_taken_as_they_are(carrier: TuskerCarrier) -> None:
    assert carrier.parse_reference(" po-7/a ") == "po-7/a"
    for text in ("", " ", "x" * 61):
        with pytest.raises(InvalidInput):
            carrier.parse_reference(text)
