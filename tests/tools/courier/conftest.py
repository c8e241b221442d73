"""The courier simulator, served on a free port with a clock that stands still."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.support.simulator import NOW, TOKEN, Sim
from tools.courier.api import Courier
from tools.courier.server import CourierServer
from tools.courier.store import Store


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store(None, clock=lambda: NOW)
    yield store
    store.close()


@pytest.fixture
def sim(store: Store) -> Iterator[Sim]:
    server = CourierServer(socket.create_server(("127.0.0.1", 0)), Courier(store, TOKEN))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    speaker = Sim(server.url)
    yield speaker
    speaker.session.close()
    server.shutdown()
    server.server_close()
    thread.join()
