"""A scripted delivery company and a clock that only moves when somebody sleeps."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from tests.support.fake_server import FakeServer
from tests.support.fake_time import FakeTime
from tusker.carriers.http import CarrierHttp, HttpLimits
from tusker.carriers.tusker import TuskerCarrier


@pytest.fixture
def fake_time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def server() -> Iterator[FakeServer]:
    fake = FakeServer()
    http = fake.serve()
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield fake
    fake.stopping.set()
    http.shutdown()
    http.server_close()
    thread.join()


@pytest.fixture
def make_http(server: FakeServer, fake_time: FakeTime) -> Callable[..., CarrierHttp]:
    """Returns a callable that makes a client of the scripted server, with limits of the test's choice."""

    def make(**limits: float) -> CarrierHttp:
        return CarrierHttp(
            "tusker",
            server.url,
            {"LM_PA_TOKEN": "s3cret"},
            limits=HttpLimits(**limits),  # type: ignore[arg-type]
            timing=fake_time.timing(),
        )

    return make


@pytest.fixture
def carrier(make_http: Callable[..., CarrierHttp]) -> TuskerCarrier:
    return TuskerCarrier(make_http(), exponent=2)
