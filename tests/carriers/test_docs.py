"""The adapter that docs/carriers.md shows works as it stands there."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.fake_server import FakeServer, reply
from tests.support.vendors import asked, made

PAGE = Path(__file__).resolve().parents[2] / "docs" / "carriers.md"
PARCEL = {
    "number": "PB12345678",
    "state": "landed",
    "log": [
        {"state": "flying", "at": "2024-01-01T00:00:00Z"},
        {"state": "landed", "at": "2024-01-02T00:00:00Z"},
    ],
}


@pytest.fixture
def example() -> Iterator[ModuleType]:
    """The first block of code of the page as a module."""
    code = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)[0]
    module = ModuleType("parcelbird_of_the_docs")
    sys.modules[module.__name__] = module
    exec(compile(code, str(PAGE), "exec"), module.__dict__)
    yield module
    del sys.modules[module.__name__]


def test_the_example_is_a_whole_adapter(example: ModuleType, server: FakeServer) -> None:
    carrier = made(example.SPEC, server.url)
    server.script = [reply(200, json.dumps(PARCEL)), reply(404, "<h1>no</h1>"), reply(200, "{}")]
    found = carrier.fetch(["PB12345678", "PB00000000"])
    assert [(ref, order.status, len(order.events)) for ref, order in found.items()] == [
        ("PB12345678", "delivered", 2)
    ]
    assert carrier.check() == "Parcelbird answers and accepts the key."
    assert asked(server)[0].headers["Authorization"] == "Bearer k3y"
    raw = json.dumps(PARCEL).encode()
    signed = hmac.new(b"s", raw, hashlib.sha256).hexdigest()
    assert carrier.verify_webhook(raw, {"X-Parcelbird-Signature": signed}, "s")
    assert [order.ref for order in carrier.read_webhook(raw)] == ["PB12345678"]
    assert carrier.parse_reference("pb12345678") == "PB12345678"


@pytest.mark.parametrize("word", ["new", "", None])
def test_the_example_does_not_guess(example: ModuleType, word: str | None) -> None:
    order = example.read_parcel({**PARCEL, "state": word})
    assert (order.status, order.financeable) == ("unknown", False)
