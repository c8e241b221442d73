"""Forms as a browser would send them, and a delivery company's directory that is asked over real HTTP."""

from __future__ import annotations

import html
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from tests.conftest import NOW
from tools.courier.api import Courier
from tools.courier.faults import Fault, FaultKind
from tools.courier.messages import read_people
from tools.courier.server import CourierServer
from tools.courier.store import Store

HTMX = {"HX-Request": "true"}
TERMS_TYPED = {
    "advance_rate": "80",
    "apr": "18",
    "tenor_days": "90",
    "day_count": "ACT/365F",
    "interest_method": "simple",
    "interest_timing": "arrears",
    "fee_flat": "0",
    "fee_rate": "0",
    "grace_days": "0",
    "penal_rate": "0",
}
SUPPLIER_TYPED = {
    **TERMS_TYPED,
    "name": "Asha Textiles",
    "reference": "A-17",
    "email": "accounts@asha.example",
    "is_supplier": "y",
    "supplier_limit": "2,50,000.00",
    "purchaser_limit": "",
}
PEOPLE = [
    {"id": "C900", "loc_id": "L900", "name": "Asha Textiles", "phone": "+91 98", "city": "Surat"},
    {"id": "C901", "loc_id": "L901", "name": "Asha Textiles Depot", "phone": "+91 99", "city": "Pune"},
]


def button_values(page: str, name: str) -> list[str]:
    """The values of all buttons and inputs of a name, as a browser would send them."""
    tags = re.findall(r"<(?:input|button)\s[^>]*>", page)
    found = [re.search(r'\svalue="([^"]*)"', tag) for tag in tags if f' name="{name}"' in tag]
    return [html.unescape(match[1]) for match in found if match]


def texts(page: str) -> str:
    """A page's text without markup."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


@pytest.fixture
def courier(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Courier]:
    """The courier simulator with two people in its directory, known to the app as `tusker`."""
    store = Store(None, clock=NOW.timestamp)
    store.put_people(read_people({"users": PEOPLE}))
    served = Courier(store, "courier-token")
    server = CourierServer(("127.0.0.1", 0), served)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    monkeypatch.setitem(app.config, "TUSKER_CARRIER_URL", server.url)
    monkeypatch.setitem(app.config, "TUSKER_CARRIER_TOKEN", "courier-token")
    app.extensions.pop("tusker_carriers", None)
    yield served
    app.extensions.pop("tusker_carriers", None)
    server.shutdown()
    server.server_close()
    thread.join()
    store.close()


@pytest.fixture
def refuse_token(courier: Courier) -> Callable[[], None]:
    """Have the delivery company refuse our token from now on."""

    def refuse() -> None:
        courier.faults.add([Fault(FaultKind.REFUSED, 10)])

    return refuse


def typed(**changes: Any) -> dict[str, Any]:
    """The form of a new supplier with some fields typed otherwise; None leaves a field out."""
    return {name: value for name, value in {**SUPPLIER_TYPED, **changes}.items() if value is not None}
