"""Callers with tokens, and a courier that is asked over real HTTP."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.conftest import NOW
from tusker import clock
from tusker.currency import currency
from tusker.models import Customer
from tusker.services.context import Context
from tusker.services.tokens import create_token
from tusker.simulator.api import Courier
from tusker.simulator.faults import Fault, FaultKind
from tusker.simulator.messages import read_orders
from tusker.simulator.server import CourierServer
from tusker.simulator.store import Store
from tusker.transactions import transaction

COURIER_TOKEN = "courier-token"
CARRIERS = "tusker_carriers"


@dataclass
class CourierDesk:
    """The courier's own staff: puts orders into the running simulator."""

    courier: Courier

    def add_order(
        self, ref: str, supplier_id: int, purchaser_id: int, value_minor: int, status: int = 3
    ) -> str:
        """An order between two customers as `make_supplier` and `make_purchaser` make them known."""
        order = {
            "ref_no": ref,
            "cust_id": f"C{supplier_id}",
            "rcvr_id": f"L{purchaser_id}",
            "val_dcl": currency().plain(value_minor),
            "status": status,
            "plan": [],
        }
        self.courier.store.put_orders(read_orders({"orders": [order]}, 1.0))
        return ref

    def set_status(self, ref: str, number: int) -> None:
        """Move an order."""
        self.courier.store.set_status(ref, number)

    def fail(self, kind: str, calls: int = 1) -> None:
        """Have the next calls fail."""
        self.courier.faults.add([Fault(FaultKind(kind), calls)])

    @property
    def calls(self) -> int:
        """How often orders were asked for."""
        return self.courier.stats.order_calls


@pytest.fixture
def courier(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[CourierDesk]:
    """The courier simulator on a port of its own, known to the app as the delivery company `tusker`."""
    store = Store(None, clock=NOW.timestamp)
    served = Courier(store, COURIER_TOKEN)
    server = CourierServer(("127.0.0.1", 0), served)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    monkeypatch.setitem(app.config, "TUSKER_CARRIER_URL", server.url)
    monkeypatch.setitem(app.config, "TUSKER_CARRIER_TOKEN", COURIER_TOKEN)
    app.extensions.pop(CARRIERS, None)
    yield CourierDesk(served)
    app.extensions.pop(CARRIERS, None)
    server.shutdown()
    server.server_close()
    thread.join()
    store.close()


@dataclass
class Api:
    """A caller with a token."""

    client: FlaskClient
    secret: str

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(f"/api/v1{path}", headers=self._headers(), **options)

    def post(self, path: str, body: object = None, *, key: str | None = None, **options: Any) -> TestResponse:
        headers = {**self._headers(), **options.pop("headers", {})}
        if key is not None:
            headers["Idempotency-Key"] = key
        if "data" not in options:
            options["json"] = body
        return self.client.post(f"/api/v1{path}", headers=headers, **options)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}


@pytest.fixture
def call_as(app: Flask, ctx: Context) -> Callable[[Customer], Api]:
    """A caller with a new token of this company."""

    def caller(customer: Customer) -> Api:
        with transaction():
            _, secret = create_token(ctx, customer.id, "ERP")
        return Api(app.test_client(), secret)

    return caller


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The app's clock stands at `NOW`."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
