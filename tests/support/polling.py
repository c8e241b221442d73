"""Two delivery companies and the approved invoices whose orders they know."""

from __future__ import annotations

from dataclasses import dataclass, field

from flask import Flask
from sqlalchemy import text

from tests.support.courier_double import CourierDouble
from tests.support.values import NOW, TODAY
from tusker.carriers.http import CarrierHttp, HttpLimits
from tusker.carriers.tusker import TuskerCarrier
from tusker.extensions import db
from tusker.models import CarrierState, CreditLine, Invoice, Shipment
from tusker.services.context import Context
from tusker.services.credit.admission import AdmissionRequest, Outcome, admit
from tusker.transactions import transaction

IN_TRANSIT, DELIVERED, CANCELLED = 9, 21, 24
SECRET = "the secret of webhooks"
TOKEN = "token of the other"


class OtherCarrier(TuskerCarrier):
    """A second delivery company with the same API."""

    name = "other"


QUICK = HttpLimits(
    connect_seconds=1,
    read_seconds=0.5,
    call_seconds=1.5,
    tries=2,
    backoff_seconds=0.01,
    longest_backoff_seconds=0.02,
)


def adapters(app: Flask, courier: CourierDouble, other: CourierDouble) -> dict[str, TuskerCarrier]:
    """Fresh adapters of both, as another process has them; the first's limits make faults quick to find, the second
    answers in any case."""
    token = str(app.config["TUSKER_CARRIER_TOKEN"])
    first = CarrierHttp("tusker", courier.url, {"LM_PA_TOKEN": token}, limits=QUICK)
    second = CarrierHttp("other", other.url, {"LM_PA_TOKEN": TOKEN})
    return {"tusker": TuskerCarrier(first, exponent=2), "other": OtherCarrier(second, exponent=2)}


@dataclass
class Book:
    """Approved invoices whose shipments are due, and a look at what became of them."""

    line: CreditLine
    couriers: dict[str, CourierDouble] = field(default_factory=dict)
    made: int = 0

    def approve(self, count: int, carrier: str = "tusker", *, status: int = DELIVERED) -> list[str]:
        """Make invoices, requested when the tests' deliveries are, that are due now; their orders stand in `status` at
        the carrier."""
        refs = [f"P{self.made + number}" for number in range(count)]
        self.made += count
        for ref in refs:
            self.couriers[carrier].add_order(
                ref, self.line.supplier_id, self.line.purchaser_id, 1_000_00, status=status
            )
        ctx = Context(actor_id=None, actor="test", now=NOW, today=TODAY)
        with transaction():
            answers = admit(
                ctx,
                [
                    AdmissionRequest(
                        *(self.line.id, self.line.terms_version, ref, 1_000_00, 800_00),
                        *("test", carrier, ref, True),
                    )
                    for ref in refs
                ],
            )
        assert {answer.outcome for answer in answers} == {Outcome.APPROVED}
        return refs

    def statuses(self, refs: list[str]) -> list[str]:
        """The invoices' statuses now."""
        db.session.rollback()
        rows = db.session.query(Shipment.order_ref, Invoice.status).join(Invoice).all()
        found = {row[0]: row[1] for row in rows}
        return [found[ref] for ref in refs]

    def shipment(self, ref: str) -> Shipment:
        """A shipment, fresh."""
        db.session.rollback()
        return db.session.query(Shipment).filter_by(order_ref=ref).one()

    def forget_adapters(self) -> None:
        """Make the adapters anew: what they remembered, another process never knew."""
        courier, other = self.couriers["tusker"], self.couriers["other"]
        courier.app.extensions["tusker_carriers"] = adapters(courier.app, courier, other)

    def make_due(self) -> None:
        """Time goes on until every shipment that is still followed is due, and open breakers let somebody probe."""
        with transaction():
            db.session.execute(
                text("UPDATE shipments SET next_poll_at = now() WHERE next_poll_at IS NOT NULL")
            )
            db.session.execute(
                text("UPDATE carrier_states SET open_until = now() WHERE open_until IS NOT NULL")
            )
            db.session.execute(text("UPDATE carrier_states SET paused_until = NULL"))

    def events(self, kind: str) -> dict[int, int]:
        """How many events of a kind each invoice has."""
        db.session.rollback()
        rows = db.session.execute(
            text("SELECT subject_id, count(*) FROM events WHERE kind = :kind GROUP BY 1"), {"kind": kind}
        )
        return {row[0]: row[1] for row in rows}

    def state(self, carrier: str = "tusker") -> CarrierState:
        """How a carrier is doing, fresh."""
        db.session.rollback()
        return db.session.get_one(CarrierState, carrier)
