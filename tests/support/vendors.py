"""What the tests of the parcel carriers share."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.support.fake_server import Answer, FakeServer, reply
from tusker.carriers.base import Carrier
from tusker.carriers.http import CarrierHttp, HttpLimits
from tusker.carriers.settings import CarrierSettings, CarrierSpec

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"


def fixture(vendor: str, name: str) -> bytes:
    """A recorded body, byte for byte."""
    return (FIXTURES / vendor / name).read_bytes()


def made(spec: CarrierSpec, url: str, key: str = "k3y", **limits: float) -> Carrier:
    """An adapter as its file makes it, asking `url`."""
    http = CarrierHttp(spec.name, url, spec.headers(key), limits=HttpLimits(**limits))  # type: ignore[arg-type]
    return spec.make(http, CarrierSettings(url, key))


def body(**fields: object) -> Answer:
    """An answer with this JSON object."""
    return reply(200, json.dumps(fields))


@dataclass(frozen=True)
class Asked:
    """A request as the server saw it."""

    path: str
    headers: dict[str, str]
    body: Any


def asked(server: FakeServer) -> list[Asked]:
    """All requests so far."""
    return [Asked(*request) for request in server.requests]


def any_json(words: list[str], names: list[str]) -> st.SearchStrategy[Any]:
    """JSON of any shape, in which a vendor's own words and names turn up often."""
    scalars = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.text(max_size=8),
        st.sampled_from(words),
        st.sampled_from(["2024-08-02T19:26:51Z", "0001-01-01T00:00:00+14:00", "2024-13-01", "2024-08-02"]),
    )
    keys = st.one_of(st.sampled_from(names), st.text(max_size=5))
    return st.recursive(
        scalars,
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=6)),
        max_leaves=25,
    )


Make = Callable[..., Carrier]
