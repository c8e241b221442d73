"""The demo's orders and people at the courier simulator, through its control endpoints."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask import current_app

from tusker.carriers.base import CarrierError, CarrierUnavailable
from tusker.carriers.http import CarrierHttp
from tusker.carriers.payload import at
from tusker.carriers.tusker import NAME, STATUSES, TOKEN_HEADER, may_be_financed, read_order
from tusker.currency import currency
from tusker.demo.companies import COMPANIES, Company
from tusker.domain.delivery.shipments import Document, DocumentKind, TrackedOrder
from tusker.errors import Conflict

PLACED, PICKED_UP, IN_TRANSIT, DELIVERED, CANCELLED = 3, 6, 9, 21, 24
HOUR = 3600


@dataclass(slots=True)
class CourierOrder:
    """An order as the courier holds it: value in minor units, `since` when it has its status (None: now), `plan` as
    (seconds from now, status)."""

    ref: str
    supplier: str
    location: str
    value: int
    status: int = PLACED
    plan: list[tuple[int, int]] = field(default_factory=list)
    since: datetime | None = None

    def tracked(self, at: datetime, status: int | None = None) -> TrackedOrder:
        """The order as the adapter would have read it at a time."""
        number = self.status if status is None else status
        address = f"{current_app.config['TUSKER_CARRIER_URL'].rstrip('/')}/documents/{self.ref}"
        raw: Mapping[str, object] = {
            "ref_no": self.ref,
            "status": number,
            "cust": {"id": COMPANIES[self.supplier].supplier_id},
            "rcvr": {"id": self.location},
            "consgt": {"val_dcl": currency().plain(self.value)},
            "s_updt": int(at.timestamp() * 1000),
        }
        return TrackedOrder(
            carrier=NAME,
            ref=self.ref,
            status=STATUSES[number],
            raw_status=str(number),
            financeable=may_be_financed(number),
            supplier_external_id=COMPANIES[self.supplier].supplier_id,
            purchaser_location_id=self.location,
            declared_value=self.value,
            updated_at=at.replace(microsecond=at.microsecond // 1000 * 1000),  # its API has milliseconds
            documents=(Document(DocumentKind.SIGNED_INVOICE, address),),
            raw=raw,
        )

    def as_json(self) -> dict[str, Any]:
        """The order for `POST /sim/orders`."""
        return {
            "ref_no": self.ref,
            "cust_id": COMPANIES[self.supplier].supplier_id,
            "rcvr_id": self.location,
            "val_dcl": currency().plain(self.value),
            "status": self.status,
            "s_updt": int(self.since.timestamp() * 1000) if self.since else None,
            "plan": [list(step) for step in self.plan],
        }


class CourierDesk:
    """Speaks to the simulator that TUSKER_CARRIER_URL names."""

    def __init__(self) -> None:
        config = current_app.config
        self.url = str(config["TUSKER_CARRIER_URL"])
        self._http = CarrierHttp(NAME, self.url, {TOKEN_HEADER: str(config["TUSKER_CARRIER_TOKEN"])})

    def put_people(self, *, wait_seconds: int) -> int:
        """Fill the directory; waits up to `wait_seconds` for a simulator that is just starting.

        Raises `Conflict` when there is none: the demo's orders would be unknown to the delivery company.
        """
        people = [
            {
                "id": company.supplier_id,
                "loc_id": location,
                "name": company.name,
                "phone": company.phone,
                "city": city,
            }
            for company in COMPANIES.values()
            for location, city in company.locations().items()
        ]
        deadline = time.monotonic() + wait_seconds
        while True:
            try:
                self._http.post_json("/sim/users", {"users": people})
                return len(people)
            except CarrierError as error:
                if not isinstance(error, CarrierUnavailable) or time.monotonic() >= deadline:
                    raise Conflict(
                        f"No courier simulator takes the demo's orders at {self.url} (TUSKER_CARRIER_URL):"
                        f" {error.message} Start it with `python -m tools.courier`, or seed with --no-courier."
                    ) from None
            time.sleep(0.5)

    def orders_of(self, company: Company) -> list[TrackedOrder]:
        """A supplier's newest orders that are numbered as the demo numbers them. Raises `CarrierError`."""
        wanted = {"cust_id": company.supplier_id, "ref": f"{company.key}-", "limit": "100"}
        answer = self._http.get_json("/sim/orders", list(wanted.items()))
        items = at(answer, "orders")
        found = (
            [read_order(item, exponent=currency().exponent) for item in items]
            if isinstance(items, list)
            else []
        )
        return [order for order in found if order is not None]

    def put_orders(self, orders: list[CourierOrder]) -> None:
        """Create the orders; those with a known reference take its place. Raises `CarrierError`."""
        self._http.post_json("/sim/orders", {"orders": [order.as_json() for order in orders]})
