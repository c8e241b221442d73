"""The HTTP client against a real server that misbehaves."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import urllib3.util.connection

from tests.support.fake_server import FakeServer, reply
from tusker.carriers.base import (
    CarrierProtocolError,
    CarrierRefused,
    CarrierRejected,
    CarrierUnavailable,
)
from tusker.carriers.deadline import is_public
from tusker.carriers.http import CarrierHttp, HttpLimits

if TYPE_CHECKING:
    from tests.support.fake_time import FakeTime

MakeHttp = Callable[..., CarrierHttp]
OK = reply(200, '{"ok": 1}')
MIB = 1024 * 1024


def test_sends_json_with_the_token_and_reads_decimals_exactly(
    server: FakeServer, make_http: MakeHttp
) -> None:
    server.otherwise = reply(200, '{"v": 0.1, "n": 12345678901234567.89, "i": 7}')
    answer = make_http().post_json("/orders/search", {"pl": {"a": 1}})
    assert answer == {"v": Decimal("0.1"), "n": Decimal("12345678901234567.89"), "i": 7}
    path, headers, body = server.requests[0]
    assert (path, body) == ("/orders/search", {"pl": {"a": 1}})
    assert headers["LM_PA_TOKEN"] == "s3cret"
    assert headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 425, 429])
def test_a_passing_fault_is_retried(
    server: FakeServer, make_http: MakeHttp, fake_time: FakeTime, status: int
) -> None:
    server.script = [reply(status), reply(status), OK]
    assert make_http().post_json("/x", {}) == {"ok": 1}
    assert len(server.requests) == 3
    assert fake_time.pauses == [0.25, 0.5]


def test_gives_up_after_five_tries(server: FakeServer, make_http: MakeHttp, fake_time: FakeTime) -> None:
    server.otherwise = reply(503)
    with pytest.raises(CarrierUnavailable) as caught:
        make_http().post_json("/x", {})
    assert len(server.requests) == 5
    assert fake_time.pauses == [0.25, 0.5, 1.0, 2.0]
    words = {"name": "tusker", "carrier": "tusker"}
    assert caught.value.details == words | {"reason": "status 503", "retry_after": None}


def test_no_connection_is_unavailable(make_http: MakeHttp, server: FakeServer) -> None:
    server.url = "http://127.0.0.1:1"
    with pytest.raises(CarrierUnavailable):
        make_http().post_json("/x", {})


def test_a_connection_dropped_before_the_answer_is_retried(server: FakeServer, make_http: MakeHttp) -> None:
    server.script = [server.drip(b"", b"", 0, b""), OK]
    assert make_http().post_json("/x", {}) == {"ok": 1}


@pytest.mark.parametrize(
    ("header", "pause"),
    [
        ("4", 4.0),
        ("Sun, 01 Mar 2026 12:00:03 GMT", 3.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.25),  # already past: the ordinary back-off
        ("0", 0.25),
        ("soon", 0.25),
        ("-5", 0.25),
    ],
)
def test_retry_after_is_honoured(
    server: FakeServer, make_http: MakeHttp, fake_time: FakeTime, header: str, pause: float
) -> None:
    server.script = [reply(429, Retry_After=header), OK]
    assert make_http().post_json("/x", {}) == {"ok": 1}
    assert fake_time.pauses == [pause]


@pytest.mark.parametrize("header", ["5", "15", "3600", "9" * 400, "Sun, 01 Mar 2026 13:00:00 GMT"])
def test_a_longer_retry_after_fails_at_once_and_is_told(
    server: FakeServer, make_http: MakeHttp, fake_time: FakeTime, header: str
) -> None:
    server.otherwise = reply(429, Retry_After=header)
    with pytest.raises(CarrierUnavailable) as caught:
        make_http().post_json("/x", {})
    assert caught.value.details["retry_after"] >= 5
    assert fake_time.pauses == []
    assert len(server.requests) == 1


def test_all_tries_together_stay_within_the_deadline(
    server: FakeServer, make_http: MakeHttp, fake_time: FakeTime
) -> None:
    server.otherwise = reply(429, Retry_After="4")
    with pytest.raises(CarrierUnavailable):
        make_http().post_json("/x", {})
    assert fake_time.pauses == [4.0, 4.0, 4.0]


def test_a_silent_server_is_given_up(server: FakeServer, make_http: MakeHttp) -> None:
    server.otherwise = server.hang()
    with pytest.raises(CarrierUnavailable):
        make_http(read_seconds=0.05, tries=2).post_json("/x", {})
    assert server.asked(2)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("head", "piece", "times", "tail"),
    [
        pytest.param(HEAD + b"Content-Length: 408\r\n\r\n", b" ", 400, b'{"ok":1}', id="body with a length"),
        pytest.param(HEAD + b"Connection: close\r\n\r\n", b" ", 400, b'{"ok":1}', id="body without a length"),
        pytest.param(
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
            b"1\r\n \r\n",
            400,
            b'8\r\n{"ok":1}\r\n0\r\n\r\n',
            id="chunked body",
        ),
        pytest.param(HEAD + b"X-Slow: ", b"a", 400, b'\r\nContent-Length: 8\r\n\r\n{"ok":1}', id="headers"),
    ],
)
def test_a_dripping_answer_ends_at_the_deadline_of_the_call(
    server: FakeServer, make_http: MakeHttp, head: bytes, piece: bytes, times: int, tail: bytes
) -> None:
    # Every piece comes well within the read time-out, and waiting long enough would bring a valid answer.
    server.otherwise = server.drip(head, piece, times, tail)
    with pytest.raises(CarrierUnavailable) as caught:
        make_http(call_seconds=0.2, tries=1).post_json("/x", {})
    assert caught.value.details["reason"] == "deadline"
    assert server.drips_finished == 0, "the call waited for the end of the answer"


def test_a_slow_but_timely_answer_is_taken(server: FakeServer, make_http: MakeHttp) -> None:
    server.otherwise = server.drip(HEAD + b"Content-Length: 11\r\n\r\n", b" ", 3, b'{"ok":1}')
    assert make_http().post_json("/x", {}) == {"ok": 1}


@pytest.mark.parametrize(
    "body",
    [
        "",
        '{"pl": {"orders": [',
        "<html><body>Sign in</body></html>",
        "[" * 5000,
        "\x80",
        '{"n": ' + "1" * 5000 + "}",
    ],
    ids=["empty", "truncated", "html", "deep", "control", "endless number"],
)
def test_an_unreadable_body_is_a_protocol_error_and_not_retried(
    server: FakeServer, make_http: MakeHttp, body: str
) -> None:
    server.otherwise = reply(200, body)
    with pytest.raises(CarrierProtocolError):
        make_http().post_json("/x", {})
    assert len(server.requests) == 1


def test_bytes_that_are_not_utf8_are_a_protocol_error(server: FakeServer, make_http: MakeHttp) -> None:
    server.otherwise = reply(200, b'{"a": "\xff\xfe"}')
    with pytest.raises(CarrierProtocolError, match="not readable JSON"):
        make_http().post_json("/x", {})


def test_a_web_page_is_called_so(server: FakeServer, make_http: MakeHttp) -> None:
    server.otherwise = reply(200, "<!doctype html><p>Down for maintenance", Content_Type="text/html")
    with pytest.raises(CarrierProtocolError, match="web page"):
        make_http().post_json("/x", {})


def test_a_body_cut_off_by_the_connection_is_retried_then_a_protocol_error(
    server: FakeServer, make_http: MakeHttp
) -> None:
    cut = server.drip(HEAD + b'Content-Length: 500\r\n\r\n{"ok":', b"", 0, b"")
    server.script = [cut, OK]
    assert make_http().post_json("/x", {}) == {"ok": 1}
    server.otherwise = cut
    with pytest.raises(CarrierProtocolError, match="cut off"):
        make_http().post_json("/x", {})
    assert len(server.requests) == 2 + 5


def _padded(size: int) -> bytes:
    return b'{"ok": 1}'.ljust(size)


def test_a_body_of_exactly_one_mebibyte_is_taken(server: FakeServer, make_http: MakeHttp) -> None:
    server.otherwise = reply(200, _padded(MIB))
    assert make_http().post_json("/x", {}) == {"ok": 1}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip bomb"])
def test_a_larger_body_is_a_protocol_error(server: FakeServer, make_http: MakeHttp, packed: bool) -> None:
    body = _padded(50 * MIB if packed else MIB + 1)
    server.otherwise = (
        reply(200, gzip.compress(body, 1), Content_Encoding="gzip") if packed else reply(200, body)
    )
    with pytest.raises(CarrierProtocolError, match="too large"):
        make_http().post_json("/x", {})
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(server: FakeServer, make_http: MakeHttp, status: int) -> None:
    server.script = [reply(status, Location=f"{server.url}/elsewhere")]
    server.otherwise = OK
    with pytest.raises(CarrierProtocolError, match="redirect"):
        make_http().post_json("/x", {})
    assert [path for path, _, _ in server.requests] == ["/x"]


def test_the_body_of_a_redirect_is_not_even_read(server: FakeServer, make_http: MakeHttp) -> None:
    server.otherwise = server.hang(b"HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 408\r\n\r\n")
    with pytest.raises(CarrierProtocolError, match="redirect"):
        make_http(read_seconds=0.1, tries=1).post_json("/x", {})


def test_a_body_that_is_not_what_its_encoding_says_is_a_protocol_error(
    server: FakeServer, make_http: MakeHttp
) -> None:
    server.otherwise = reply(200, b'{"ok": 1}', Content_Encoding="gzip")
    with pytest.raises(CarrierProtocolError, match="decompressed"):
        make_http().post_json("/x", {})


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_is_not_retried(server: FakeServer, make_http: MakeHttp, status: int) -> None:
    server.otherwise = reply(status)
    with pytest.raises(CarrierRefused) as caught:
        make_http().post_json("/x", {})
    assert len(server.requests) == 1
    assert "s3cret" not in caught.value.message


@pytest.mark.parametrize("status", [400, 404, 422])
def test_a_rejected_request_is_not_retried(server: FakeServer, make_http: MakeHttp, status: int) -> None:
    server.otherwise = reply(status)
    with pytest.raises(CarrierRejected):
        make_http().post_json("/x", {})
    assert len(server.requests) == 1


@pytest.mark.parametrize("url", ["", "courier.example", "file:///etc/passwd", "ftp://courier.example"])
def test_an_address_that_is_none_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(ValueError, match="address of carrier tusker"):
        CarrierHttp("tusker", url, {})


def test_one_client_serves_many_threads(server: FakeServer, make_http: MakeHttp) -> None:
    def echo(handler: Any, body: Any) -> None:
        reply(200, json.dumps(body))(handler, body)

    server.otherwise = echo
    http = make_http()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: http.post_json("/x", {"n": n}), range(40)))
    assert answers == [{"n": n} for n in range(40)]


def test_a_get_sends_its_parameters_and_no_body(server: FakeServer, make_http: MakeHttp) -> None:
    server.script = [reply(503), OK]
    assert make_http().get_json("/x", [("a[]", "1"), ("a[]", "b c&d")]) == {"ok": 1}
    path, headers, body = server.requests[1]
    assert (path, body) == ("/x?a%5B%5D=1&a%5B%5D=b+c%26d", None)
    assert headers["LM_PA_TOKEN"] == "s3cret"


@pytest.mark.parametrize("target", ["/y", "http://169.254.169.254/latest/meta-data/", "http://[::1]:1/"])
def test_a_get_follows_no_redirect(server: FakeServer, make_http: MakeHttp, target: str) -> None:
    server.otherwise = reply(302, b"x" * (50 * MIB), Location=target)
    with pytest.raises(CarrierProtocolError, match="redirect"):
        make_http().get_json("/x")
    assert len(server.requests) == 1


@pytest.mark.parametrize("body", ["{", "<html></html>", "", "\xff"])
def test_a_get_of_something_else_is_a_protocol_error(
    server: FakeServer, make_http: MakeHttp, body: str
) -> None:
    server.otherwise = reply(200, body)
    with pytest.raises(CarrierProtocolError):
        make_http().get_json("/x")


def test_a_client_for_the_public_internet_speaks_to_no_private_address(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # “localhost” stands for any name that resolves into a private network after it was checked.
    url = server.url.replace("127.0.0.1", "localhost")
    http = CarrierHttp("x", url, {}, public_only=True, limits=HttpLimits(tries=1))
    reached = []
    monkeypatch.setattr(urllib3.util.connection, "create_connection", lambda *a, **k: reached.append(a))
    with pytest.raises(CarrierUnavailable):
        http.get_json("/x")
    assert (server.requests, reached) == ([], [])


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("127.0.0.1", False),
        ("10.0.0.1", False),
        ("172.16.5.4", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::7f00:1", False),
        ("64:ff9b::a00:1", False),
        ("64:ff9b::5db8:d70e", True),
        ("64:ff9b:1::1", False),
        ("2002:c0a8:101::1", False),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", False),
        ("fec0::1", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public
