"""Cuts off who sends a body too slowly: it would hold one of the few threads for as long as it likes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import RequestTimeout

from tusker.messages import say

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

BYTES_A_SECOND = 256 * 1024
"""How fast a body has to come, besides `BODY_SECONDS`; the proxy in front is much faster."""


class CutSlowBodies:
    """Around the application, under gunicorn: ends the reading of a body, which is then answered with 408."""

    def __init__(self, app: WSGIApplication, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Bodies are read before the application has answered."""
        connection = environ.get("gunicorn.socket")
        length = environ.get("CONTENT_LENGTH") or "0"
        if connection is None or (length == "0" and "HTTP_TRANSFER_ENCODING" not in environ):
            return self._app(environ, start_response)
        environ["wsgi.input"] = body = _Body(environ["wsgi.input"], connection)
        seconds = self._seconds + (int(length) if length.isdecimal() else 0) / BYTES_A_SECOND
        timer = threading.Timer(seconds, body.cut)
        timer.daemon = True
        timer.start()
        try:
            return self._app(environ, start_response)
        finally:
            timer.cancel()


class _Body:
    """The body of a request. What is read of one that was cut is never taken for the whole."""

    def __init__(self, body: Any, connection: Any) -> None:
        self._body = body
        self._connection = connection
        self._is_cut = False

    def cut(self) -> None:
        """Have whoever reads it now read its end."""
        self._is_cut = True
        with suppress(OSError):  # gone by itself
            self._connection.shutdown(socket.SHUT_RD)

    def read(self, size: int | None = None) -> bytes:
        """Raises `RequestTimeout` where it was cut."""
        return self._whole(self._body.read(size))

    def readline(self, size: int | None = None) -> bytes:
        """Raises `RequestTimeout` where it was cut."""
        return self._whole(self._body.readline(size))

    def _whole(self, data: bytes) -> bytes:
        if self._is_cut:
            raise RequestTimeout(say("The request came too slowly."))
        return data
