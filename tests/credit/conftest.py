"""Forms as a browser would send them, and a delivery company's directory that is asked over real HTTP."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.invoice_files import ImportDesk, everything
from tests.support.scenery import kept
from tests.support.values import NOW, PROGRAMME_LIMIT, TERMS
from tools.courier.api import Courier
from tools.courier.faults import Fault, FaultKind
from tools.courier.messages import read_people
from tools.courier.server import CourierServer
from tools.courier.store import Store
from tusker.models import CreditLine, Role
from tusker.services.context import Context
from tusker.services.credit.customers.companies import CustomerData, create_customer
from tusker.services.credit.customers.lines import (
    LineData,
    open_credit_line,
)
from tusker.transactions import transaction

PEOPLE = [
    {"id": "C900", "loc_id": "L900", "name": "Asha Textiles", "phone": "+91 98", "city": "Surat"},
    {"id": "C901", "loc_id": "L901", "name": "Asha Textiles Depot", "phone": "+91 99", "city": "Pune"},
]


@pytest.fixture
def directory(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Courier]:
    """The courier simulator with two people in its directory, known to the app as `tusker`."""
    store = Store(None, clock=NOW.timestamp)
    store.put_people(read_people({"users": PEOPLE}))
    served = Courier(store, "courier-token")
    server = CourierServer(socket.create_server(("127.0.0.1", 0)), served)
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
def refuse_token(directory: Courier) -> Callable[[], None]:
    """Have the delivery company refuse our token from now on."""

    def refuse() -> None:
        directory.faults.add([Fault(FaultKind.REFUSED, 10)])

    return refuse


PAIRS = (("S-1", "B-1"), ("S-2", "B-1"), ("S-1", "B-2"))


@kept
def _open_lines(ctx: Context) -> tuple[CreditLine, ...]:
    with transaction():
        ids = {
            ref: create_customer(
                ctx, CustomerData(name, reference=ref, terms=TERMS, **sides), programme_limit=PROGRAMME_LIMIT
            ).id
            for ref, name, sides in (
                ("S-1", "Shakti Castings", {"supplier_limit": 100_000_00}),
                ("S-2", "Sagar Textiles", {"supplier_limit": 100_000_00}),
                ("B-1", "Bharat Motors", {"purchaser_limit": 100_000_00}),
                ("B-2", "Brahma Retail", {"purchaser_limit": 100_000_00}),
            )
        }
        data = LineData(10_000_00, TERMS, valid_from=ctx.today)
        return tuple(open_credit_line(ctx, ids[seller], ids[buyer], data) for seller, buyer in PAIRS)


@pytest.fixture
def importer(app: Flask, ctx: Context) -> ImportDesk:
    """Limits: S-1 100,000.00; its line with B-1 10,000.00; the advance rate is 80 %."""
    lines = _open_lines(ctx)
    return ImportDesk(ctx, {" ".join(pair): line for pair, line in zip(PAIRS, lines, strict=True)})


@pytest.fixture
def written(importer: ImportDesk) -> Callable[[], bool]:
    """Whether anything has been written since the test began."""
    before = everything()
    return lambda: everything() != before


@pytest.fixture
def browser(login: Callable[..., FlaskClient], line: CreditLine) -> FlaskClient:
    return login(Role.SUPPLIER, customer=line.supplier.customer)
