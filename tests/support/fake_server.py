"""A real HTTP server in a thread that answers as a test tells it to, faults included."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[BaseHTTPRequestHandler, Any], None]
"""Writes a whole answer for a request with this parsed body."""


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    """One ordinary answer; header names are given with _ for -."""
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def reply(status: int, body: bytes | str = b"", **headers: str) -> Answer:
    """An answer with a fixed body."""
    data = body.encode() if isinstance(body, str) else body
    return lambda handler, _: send(handler, status, data, **headers)


def orders(*items: object) -> Answer:
    """The answer of `orders/search` that holds these orders."""
    return reply(200, json.dumps({"pl": {"orders": list(items)}}))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        return  # clients that hang up are what many of the tests are about


@dataclass
class FakeServer:
    """`script` is what the next requests get, in turn; after that `otherwise` answers."""

    url: str = ""
    script: list[Answer] = field(default_factory=list)
    otherwise: Answer = field(default_factory=orders)
    requests: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    drips_finished: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def bodies(self) -> list[Any]:
        """The bodies of all requests so far."""
        return [body for _, _, body in self.requests]

    def drip(self, head: bytes, piece: bytes, times: int, tail: bytes) -> Answer:
        """Send `head`, then `piece` every 20 ms, then `tail`: a valid answer, if one waits for it."""

        def answer(handler: BaseHTTPRequestHandler, _: object) -> None:
            handler.close_connection = True
            try:
                handler.wfile.write(head)
                for _ in range(times):
                    handler.wfile.write(piece)
                    if self.stopping.wait(0.02):
                        return
                handler.wfile.write(tail)
                self.drips_finished += 1
            except OSError:
                return  # the client hung up, as it should

        return answer

    def asked(self, times: int) -> bool:
        """Whether this many requests have come; those given up early may be read a moment later."""
        deadline = time.monotonic() + 10
        while len(self.requests) < times and time.monotonic() < deadline:
            self.stopping.wait(0.01)
        return len(self.requests) == times

    def hang(self, head: bytes = b"") -> Answer:
        """Send `head`, then nothing until the test is over."""

        def answer(handler: BaseHTTPRequestHandler, _: object) -> None:
            handler.close_connection = True
            handler.wfile.write(head)
            self.stopping.wait(30)

        return answer

    def serve(self) -> ThreadingHTTPServer:
        """Bind a free port and return the server, not yet running."""
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.do_POST()

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                body = json.loads(self.rfile.read(length)) if length else None
                with fake.lock:
                    fake.requests.append((self.path, dict(self.headers.items()), body))
                    answer = fake.script.pop(0) if fake.script else fake.otherwise
                answer(self, body)

            def log_message(self, format: str, *args: object) -> None:
                return

        server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        return server
