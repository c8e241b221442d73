"""What the adapters of parcel carriers that register numbers share: asking in batches, and registering."""

import logging
from collections.abc import Callable, Mapping, Sequence

from tusker.carriers.base import Carrier, CarrierRejected, unreadable
from tusker.carriers.http import CarrierHttp
from tusker.carriers.parcels import ParcelRef, parse_parcel, unless_rejected
from tusker.chunks import chunks
from tusker.domain.delivery.shipments import TrackedOrder
from tusker.errors import InvalidInput

log = logging.getLogger(__name__)


class ParcelCarrier(Carrier):
    """The adapter of a parcel carrier but for what asks the vendor."""

    name: str
    label: str
    example: str
    """A reference as it should look."""
    unnamed: str
    """What is said of an answer that names no parcel."""
    courier_needed = False
    """Whether a bare number is no reference."""
    declares_orders = False
    has_webhooks = True
    registers = True
    batch_size = 1

    def __init__(self, http: CarrierHttp) -> None:
        self._http = http

    def parse_reference(self, text: str) -> str:
        return str(self._parse(text))

    def fetch(self, refs: Sequence[str], *, register: bool = True) -> dict[str, TrackedOrder]:
        """See `Carrier.fetch`: in batches, unknown numbers registered."""
        parcels: dict[str, ParcelRef] = {}
        for ref in dict.fromkeys(refs):
            try:
                parcels[ref] = self._parse(ref)
            except InvalidInput:
                log.info("carrier %s: %r cannot be a reference", self.name, ref[:60])
        found: dict[str, TrackedOrder] = {}
        for batch in chunks(list(parcels.items()), self.batch_size):
            found.update(self._ask(dict(batch)))
        for ref in parcels if register else ():
            if ref not in found and (order := self.register(ref)) is not None:
                found[ref] = order
        return found

    def register(self, ref: str) -> TrackedOrder | None:
        try:
            parcel = self._parse(ref)
        except InvalidInput:
            return None
        return unless_rejected(self.name, ref, lambda: self._register(parcel))

    def _parse(self, text: str) -> ParcelRef:
        return parse_parcel(text, example=self.example, courier_needed=self.courier_needed)

    def _named(self, order: TrackedOrder | None) -> TrackedOrder:
        """What was read of an answer; raises `CarrierProtocolError` where it names no parcel."""
        if order is None:
            raise unreadable(type(self), self.unnamed)
        return order

    def _one(self, path: str, read: Callable[[object], TrackedOrder | None]) -> TrackedOrder | None:
        """The answer to a question about one parcel; None where the vendor does not have it."""
        try:
            return self._named(read(self._http.get_json(path)))
        except CarrierRejected as error:
            if error.details.get("status") == 404:
                return None
            raise

    def _ask(self, parcels: Mapping[str, ParcelRef]) -> dict[str, TrackedOrder]:
        """One question about a batch of parcels by their references; unknown ones are absent."""
        raise NotImplementedError

    def _register(self, parcel: ParcelRef) -> TrackedOrder | None:
        raise NotImplementedError
