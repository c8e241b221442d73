"""The HTTP server round the courier: threads, keep-alive, limits, and faults played on the wire."""

from __future__ import annotations

import logging
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from tools.courier.api import CARRIER_PATHS, Courier, answer_carrier
from tools.courier.control import answer_control
from tools.courier.faults import Fault, FaultKind
from tools.courier.messages import Request, Response, is_foreign, json_response

log = logging.getLogger(__name__)

LARGEST_BODY = 64 * 1024 * 1024
HUGE_ANSWER = 50 * 1024 * 1024
HUGE_PIECE = b"x" * 64 * 1024
PRIVATE_ADDRESS = "http://169.254.169.254/latest/meta-data/"

_STATUS_ANSWERS = {
    FaultKind.ERROR_500: (500, "something went wrong"),
    FaultKind.ERROR_503: (503, "closed for maintenance"),
    FaultKind.REFUSED: (401, "wrong or missing LM_PA_TOKEN"),
}


class CourierServer(ThreadingHTTPServer):
    """Serves one courier on a socket that listens already; it is closed with the server."""

    daemon_threads = True

    def __init__(self, listening: socket.socket, courier: Courier) -> None:
        super().__init__(listening.getsockname(), Handler, bind_and_activate=False)
        self.socket.close()  # the one that the base class made
        self.socket = listening
        self.courier = courier
        self.stopping = threading.Event()
        if not courier.public_url:
            courier.public_url = self.url

    @property
    def url(self) -> str:
        """The address by which a client on this machine reaches the server."""
        host, port = str(self.server_address[0]), self.server_address[1]
        return f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"  # noqa: S104 - only compared

    def server_close(self) -> None:
        """Stop listening and let go of the clients that a fault keeps waiting."""
        self.stopping.set()
        self.courier.sender.close()
        super().server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is nothing to worry about; anything else is logged with its traceback."""
        if isinstance(sys.exception(), OSError):
            log.debug("a request from %s ended early", client_address)
        else:
            log.exception("a request from %s failed", client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: CourierServer
    protocol_version = "HTTP/1.1"
    server_version = "CourierSimulator"
    timeout = 60
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer a GET."""
        self._answer()

    def do_POST(self) -> None:
        """Answer a POST."""
        self._answer()

    def do_DELETE(self) -> None:
        """Answer a DELETE."""
        self._answer()

    def log_message(self, format: str, *args: object) -> None:
        """Access log, through logging."""
        log.debug("%s %s", self.address_string(), format % args)

    def _answer(self) -> None:
        request = self._read()
        if isinstance(request, Response):
            self.close_connection = True
            self._send(request)
            return
        try:
            if request.method == "POST" and request.path in CARRIER_PATHS:
                self._answer_carrier(request)
            else:
                self._send(answer_control(self.server.courier, request))
        except OSError:
            raise  # the client is gone: nobody to tell
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            self._send(json_response({"error": "the simulator itself failed; see its log"}, 500))

    def _read(self) -> Request | Response:
        text = self.headers.get("Content-Length", "0")
        if self.headers.get("Transfer-Encoding") or not (text.isascii() and text.isdigit()):
            return json_response({"error": "a body needs a Content-Length"}, 411)
        if len(text) > 12 or int(text) > LARGEST_BODY:
            return json_response({"error": "the body is too large"}, 413)
        parts = urlsplit(self.path)
        return Request(
            method=self.command,
            path=parts.path,
            query=dict(parse_qsl(parts.query)),
            token=self.headers.get("LM_PA_TOKEN", ""),
            foreign=is_foreign(self.headers),
            body=self.rfile.read(int(text)),
        )

    def _send(self, response: Response) -> None:
        self._send_head(response, len(response.body))
        self.wfile.write(response.body)
        self.wfile.flush()

    def _send_head(self, response: Response, length: int) -> None:
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(length))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()

    # --- faults ------------------------------------------------------------------------------------------

    def _answer_carrier(self, request: Request) -> None:
        courier = self.server.courier
        fault = courier.faults.take()
        if fault is None:
            self._send(answer_carrier(courier, request, None))
            return
        courier.count(faults_served=1)
        log.info("playing the fault %s", fault.kind)
        if fault.kind in (FaultKind.TIMEOUT, FaultKind.SLOW_DRIP, FaultKind.CUT, FaultKind.HUGE):
            self.close_connection = True
            self._play_on_the_wire(fault, request)
        else:
            self._send(self._faulty(fault, request))

    def _faulty(self, fault: Fault, request: Request) -> Response:
        if fault.kind in _STATUS_ANSWERS:
            status, text = _STATUS_ANSWERS[fault.kind]
            return json_response({"error": text}, status)
        if fault.kind is FaultKind.TOO_MANY:
            wait = "1" if fault.seconds is None else f"{fault.seconds:.0f}"
            return Response(429, b"{}", headers={"Retry-After": wait})
        if fault.kind is FaultKind.HTML:
            return Response(200, b"<!doctype html><title>Sign in</title>", "text/html; charset=utf-8")
        if fault.kind is FaultKind.REDIRECT:
            return Response(302, headers={"Location": PRIVATE_ADDRESS})
        answer = answer_carrier(self.server.courier, request, fault)
        if fault.kind is FaultKind.TRUNCATED:
            return Response(answer.status, answer.body[: len(answer.body) // 2])
        return answer

    def _play_on_the_wire(self, fault: Fault, request: Request) -> None:
        if fault.kind is FaultKind.TIMEOUT:
            self.server.stopping.wait(30.0 if fault.seconds is None else fault.seconds)
            return
        if fault.kind is FaultKind.HUGE:
            self._send_huge()
            return
        answer = answer_carrier(self.server.courier, request, fault)
        self._send_head(answer, len(answer.body))
        if fault.kind is FaultKind.CUT:
            self.wfile.write(answer.body[: len(answer.body) // 2])
            self.wfile.flush()
            return
        self._drip(answer, 1.0 if fault.seconds is None else fault.seconds)

    def _send_huge(self) -> None:
        """A body that is JSON if somebody reads all of it; nobody sensible does."""
        begin, end = b'{"pl": {"filler": "', b'"}}'
        pieces = HUGE_ANSWER // len(HUGE_PIECE)
        self._send_head(Response(200), len(begin) + pieces * len(HUGE_PIECE) + len(end))
        self.wfile.write(begin)
        for _ in range(pieces):
            self.wfile.write(HUGE_PIECE)
        self.wfile.write(end)
        self.wfile.flush()

    def _drip(self, answer: Response, seconds: float) -> None:
        for number in range(len(answer.body)):
            self.wfile.write(answer.body[number : number + 1])
            self.wfile.flush()
            if self.server.stopping.wait(seconds):
                return
