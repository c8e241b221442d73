"""The courier simulator as tests command it."""

from __future__ import annotations

from flask import Flask
from sqlalchemy import text

from tools.courier.faults import Fault, FaultKind
from tools.courier.server import CourierServer
from tools.courier.store import NewOrder
from tusker.extensions import db


class CourierDouble:
    """The courier simulator over real HTTP, as tests command it. Orders stay in the status they are put in."""

    def __init__(self, app: Flask, server: CourierServer) -> None:
        self.app = app
        self.server = server

    @property
    def url(self) -> str:
        """Its address."""
        return self.server.url

    def add_order(
        self,
        ref: str,
        supplier_id: int | str | None,
        purchaser_id: int | str | None,
        value_minor: int,
        *,
        status: int | None = 3,
    ) -> str:
        """Put an order there, from the supplier known as `C<id>` to the location `L<id>`; texts are taken as is."""
        value = f"{value_minor // 100}.{value_minor % 100:02}"
        sender = f"C{supplier_id}" if isinstance(supplier_id, int) else supplier_id
        receiver = f"L{purchaser_id}" if isinstance(purchaser_id, int) else purchaser_id
        self.server.courier.store.put_orders([NewOrder(ref, sender, receiver, value, status, [])])
        return ref

    def set_status(self, ref: str, number: int | None) -> None:
        """Move an order to a status number of the carrier."""
        assert self.server.courier.store.set_status(ref, number) is not None, (
            f"the courier has no order {ref}"
        )

    def fail(self, kind: str = "500", *, calls: int = 1000) -> None:
        """Play a fault (a `FaultKind`) on the next questions; it ends with the test."""
        self.server.courier.faults.add([Fault(FaultKind(kind), calls)])

    @property
    def questions(self) -> int:
        """How often it was asked for orders since the test began."""
        return self.server.courier.stats.order_calls

    def forget_orders(self) -> None:
        """Know no order any more: those of another test are none of this one's."""
        store = self.server.courier.store
        with store._lock, store._db:
            store._db.execute("DELETE FROM orders")

    def begin(self) -> None:
        """Forget faults and counts, and let the app make its adapter anew: the gate may have shut."""
        self.server.courier.faults.clear()
        self.server.courier.forget_counts()
        self.app.extensions.pop("tusker_carriers", None)
        with self.app.app_context(), db.engine.begin() as connection:
            connection.execute(text("DELETE FROM carrier_states"))
