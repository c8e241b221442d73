"""Two delivery companies over real HTTP, quick limits, and approved invoices whose orders they know."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from tests.support.courier_double import CourierDouble
from tests.support.polling import TOKEN, Book, adapters
from tools.courier.api import Courier
from tools.courier.server import CourierServer
from tools.courier.store import Store
from tusker.models import CreditLine, Customer


@pytest.fixture(scope="session")
def other_server(session_app: Flask) -> Iterator[CourierDouble]:
    """The second delivery company."""
    store = Store(None)
    with CourierServer(socket.create_server(("127.0.0.1", 0)), Courier(store, TOKEN)) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield CourierDouble(session_app, server)
        server.shutdown()
        thread.join()
    store.close()


@pytest.fixture
def other(app: Flask, courier: CourierDouble, other_server: CourierDouble) -> Iterator[CourierDouble]:
    """Both delivery companies are configured; this is the second."""
    other_server.begin()
    app.extensions["tusker_carriers"] = adapters(app, courier, other_server)
    yield other_server
    app.extensions.pop("tusker_carriers")


@pytest.fixture
def book(
    courier: CourierDouble,
    other: CourierDouble,
    make_supplier: Callable[..., Customer],
    make_purchaser: Callable[..., Customer],
    make_line: Callable[..., CreditLine],
) -> Book:
    """One wide credit line and both delivery companies."""
    line = make_line(make_supplier(limit=10**9), make_purchaser(limit=10**9), limit=10**9)
    return Book(line, {"tusker": courier, "other": other})
