"""Cuts off who sends a body too slowly: it would hold one of the few threads for as long as it likes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

BYTES_A_SECOND = 256 * 1024
"""How fast a body has to come, besides `BODY_SECONDS`; the proxy in front is much faster."""


class CutSlowBodies:
    """Around the application, under gunicorn: ends the reading of a body, which then is one without its end (400)."""

    def __init__(self, app: WSGIApplication, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Bodies are read before the application has answered."""
        connection = environ.get("gunicorn.socket")
        length = environ.get("CONTENT_LENGTH") or "0"
        if connection is None or (length == "0" and "HTTP_TRANSFER_ENCODING" not in environ):
            return self._app(environ, start_response)
        seconds = self._seconds + (int(length) if length.isdecimal() else 0) / BYTES_A_SECOND
        timer = threading.Timer(seconds, _stop_reading, (connection,))
        timer.daemon = True
        timer.start()
        try:
            return self._app(environ, start_response)
        finally:
            timer.cancel()


def _stop_reading(connection: Any) -> None:
    with suppress(OSError):  # gone by itself
        connection.shutdown(socket.SHUT_RD)
