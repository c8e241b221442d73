"""The simulator tells of changes by webhook."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.simulator import Sim


@dataclass
class Listener:
    """Somebody who is told of changes; the first `fail` times it answers 500."""

    heard: Queue[tuple[str, bytes]] = field(default_factory=Queue)
    fail: int = 0
    url: str = ""


@pytest.fixture
def listener() -> Iterator[Listener]:
    listening = Listener()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            listening.heard.put((self.headers["X-Tusker-Signature"], body))
            listening.fail -= 1
            self.send_response(500 if listening.fail >= 0 else 202)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    listening.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield listening
    server.shutdown()
    server.server_close()
    thread.join()


def test_changes_are_told_signed_until_they_are_taken(sim: Sim, listener: Listener) -> None:
    sim.create({"ref_no": "A", "val_dcl": "1250.50", "plan": []}, {"ref_no": "B", "plan": [[60, 6]]})
    listener.fail = 1
    assert sim.ok("POST", "/sim/webhook", {"url": listener.url, "secret": "s"})["url"] == listener.url
    sim.ok("POST", "/sim/orders/A/status", {"status": 21})
    first, again = listener.heard.get(timeout=10), listener.heard.get(timeout=10)
    assert first == again
    signature, body = again
    assert signature == "sha256=" + hmac.new(b"s", body, hashlib.sha256).hexdigest()
    assert b'"val_dcl": 1250.50' in body
    assert json.loads(body)["pl"]["orders"] == sim.orders("A")

    sim.ok("POST", "/sim/clock", {"seconds": 61})  # B moves by itself
    assert json.loads(listener.heard.get(timeout=10)[1])["pl"]["orders"][0]["status"] == 6
    assert sim.ok("DELETE", "/sim/webhook")["url"] is None
    sim.ok("POST", "/sim/orders/A/status", {"status": 24})
    assert listener.heard.empty()


@pytest.mark.parametrize(
    "target",
    [{}, {"url": "file:///etc/passwd", "secret": "s"}, {"url": "http://x"}, {"url": 1, "secret": "s"}],
)
def test_an_unusable_target_is_refused(sim: Sim, target: dict[str, object]) -> None:
    answer = sim.call("POST", "/sim/webhook", target)
    assert (answer.status_code, "webhook" in answer.json()["error"]) == (400, True)
    assert sim.ok("GET", "/sim/webhook")["url"] is None
