"""The application's adapter and the simulator speak the same API."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tusker.carriers.base import CarrierProtocolError, CarrierRefused
from tusker.carriers.http import CarrierHttp, Timing
from tusker.carriers.tusker import TuskerCarrier
from tusker.domain.delivery.shipments import Document, DocumentKind, ShipmentStatus

if TYPE_CHECKING:
    from tests.support.simulator import Sim


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def carrier(sim: Sim, pauses: list[float]) -> TuskerCarrier:
    http = CarrierHttp("tusker", sim.url, {"LM_PA_TOKEN": "t0ken"}, timing=Timing(sleep=pauses.append))
    return TuskerCarrier(http, exponent=2)


def test_orders_come_through_whole(sim: Sim, carrier: TuskerCarrier) -> None:
    sim.create(
        {"ref_no": "A", "cust_id": "S-9", "rcvr_id": "L-4", "val_dcl": "90071992547.93", "status": 9},
        *({"ref_no": f"R{n}", "status": 3} for n in range(24)),
    )
    found = carrier.fetch(["A", *(f"R{n}" for n in range(24)), "gone"])
    assert len(found) == 25
    order = found["A"]
    assert (order.status, order.financeable, order.declared_value) == ("in_transit", True, 9007199254793)
    assert (order.supplier_external_id, order.purchaser_location_id) == ("S-9", "L-4")
    assert order.updated_at == datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    assert order.eta == datetime(2026, 3, 1, 12, 5, tzinfo=UTC)
    assert order.documents == (Document(DocumentKind.SIGNED_INVOICE, f"{sim.url}/documents/A"),)
    stats = sim.ok("GET", "/sim/stats")
    assert (stats["order_calls"], stats["refs_asked"], stats["largest_batch"]) == (3, 26, 10)


def test_delivery_is_seen(sim: Sim, carrier: TuskerCarrier) -> None:
    sim.create({"ref_no": "A", "val_dcl": "10"})
    seen = []
    for seconds in (0, 60, 60, 180):
        sim.ok("POST", "/sim/clock", {"seconds": seconds})
        seen.append(carrier.fetch(["A"])["A"].status)
    assert seen == ["pending", "picked_up", "in_transit", "delivered"]


def test_the_directory_is_found(sim: Sim, carrier: TuskerCarrier) -> None:
    sim.ok(
        "POST", "/sim/users", {"users": [{"id": 7, "loc_id": "L-1", "name": "Asha Traders", "city": "Pune"}]}
    )
    (entry,) = carrier.search_directory("asha")
    assert (entry.external_id, entry.location_id, entry.name, entry.city) == (
        "7",
        "L-1",
        "Asha Traders",
        "Pune",
    )


def test_passing_faults_are_survived_and_lasting_ones_named(
    sim: Sim, carrier: TuskerCarrier, pauses: list[float]
) -> None:
    sim.create({"ref_no": "A", "val_dcl": "10"})
    passing = [
        {"fault": "500"},
        {"fault": "429", "seconds": 2},
        {"fault": "cut"},
        {"fault": "timeout", "seconds": 0},
    ]
    sim.ok("POST", "/sim/faults", {"faults": passing})
    assert carrier.fetch(["A"])["A"].declared_value == 1000
    assert len(pauses) == 4
    assert pauses[1] >= 2
    for fault in ("html", "truncated", "huge", "redirect"):
        sim.ok("POST", "/sim/faults", {"fault": fault})
        with pytest.raises(CarrierProtocolError):
            carrier.fetch(["A"])
    sim.ok("POST", "/sim/faults", {"fault": "401"})
    with pytest.raises(CarrierRefused):
        carrier.fetch(["A"])
    for fault in ("unknown_status", "null_status", "empty_status"):
        sim.ok("POST", "/sim/faults", {"fault": fault})
        order = carrier.fetch(["A"])["A"]
        assert (order.status, order.financeable) == (ShipmentStatus.UNKNOWN, False)
