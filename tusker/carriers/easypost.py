"""The adapter for EasyPost's trackers.

A reference is a tracking code (`EZ1000000001`), better with its carrier (`usps/EZ1000000001`), or a tracker's id
(`trk_…`). What is stored is `carrier/code` as soon as EasyPost names the carrier. EasyPost tracks a code only once
it is registered. Times are UTC. No link to a proof of delivery is documented; who signed is.
"""

import base64
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote

from tusker.carriers.base import list_at, unreadable
from tusker.carriers.parcel_carrier import ParcelCarrier
from tusker.carriers.parcels import (
    FINANCEABLE,
    ParcelRef,
    as_object,
    history,
    instant,
    match,
    named_parcel,
    near_time,
    raw_words,
    refined,
    same_time,
    settle,
)
from tusker.carriers.payload import at, text_or_none
from tusker.carriers.settings import CarrierSpec
from tusker.carriers.webhook import header, hmac_sha256, read_body, same
from tusker.domain.delivery.shipments import ShipmentStatus, TrackedOrder, TrackingEvent
from tusker.messages import say

NAME = "easypost"
BATCH_SIZE = 25
PAGE_SIZE = 100
MOST_PAGES = 5
EXAMPLE = "usps/9400110898825022579493"
SIGNATURE_HEADER = "X-Hmac-Signature"
_CODE, _POSTCODE = "(?: [A-Z]{2})", r"[A-Z]{0,2}\d[\w -]*"
_PLACE = re.compile(
    rf"(?P<before>[^\d,]+?)(?:{_CODE}?, {_POSTCODE}|{_CODE} US)"
    rf"|(?P<city>[^\d,]+?)(?<! [A-Z]{{2}})(?:{_CODE} {_POSTCODE}|(?:, [A-Z]{{2}}){{0,2}}(?:,? {_POSTCODE})?)"
)
"""A city, with its state and country in two letters each and its postcode; no match where it may be two cities.

Before a comma and a postcode, and before “US”, stands at most one state: “SANTA FE NM, 87501”.
"""

STATUSES: Mapping[str, ShipmentStatus] = {
    "unknown": ShipmentStatus.UNKNOWN,
    "pre_transit": ShipmentStatus.PENDING,
    "in_transit": ShipmentStatus.IN_TRANSIT,
    "out_for_delivery": ShipmentStatus.OUT_FOR_DELIVERY,
    # waits at a counter for the purchaser: the last step before a delivery, not one yet
    "available_for_pickup": ShipmentStatus.OUT_FOR_DELIVERY,
    "delivered": ShipmentStatus.DELIVERED,
    "return_to_sender": ShipmentStatus.RETURNED,
    "failure": ShipmentStatus.EXCEPTION,
    "cancelled": ShipmentStatus.CANCELLED,
    # EasyPost could not track it; that says nothing about the goods
    "error": ShipmentStatus.UNKNOWN,
}

DETAILS: Mapping[str, ShipmentStatus | None] = {
    "address_correction": ShipmentStatus.EXCEPTION,
    "arrived_at_destination": None,
    "arrived_at_facility": None,
    "arrived_at_pickup_location": ShipmentStatus.OUT_FOR_DELIVERY,
    "awaiting_information": ShipmentStatus.EXCEPTION,
    "cancelled": ShipmentStatus.CANCELLED,
    "damaged": ShipmentStatus.EXCEPTION,
    "delayed": None,
    "delivery_exception": ShipmentStatus.EXCEPTION,
    "departed_facility": None,
    "departed_origin_facility": None,
    "expired": ShipmentStatus.EXCEPTION,
    "failure": ShipmentStatus.EXCEPTION,
    "held": ShipmentStatus.EXCEPTION,
    "in_transit": None,
    "label_created": None,
    "lost": ShipmentStatus.EXCEPTION,
    "missorted": None,
    "out_for_delivery": ShipmentStatus.OUT_FOR_DELIVERY,
    "received_at_destination_facility": None,
    "received_at_origin_facility": ShipmentStatus.PICKED_UP,
    "refused": ShipmentStatus.EXCEPTION,
    "return": ShipmentStatus.RETURNED,
    "status_update": None,
    "transferred_to_destination_carrier": None,
    "transit_exception": ShipmentStatus.EXCEPTION,
    "unknown": None,
    "weather_delay": None,
}
"""What a detail adds to a status (see `refine`); None: nothing."""

CARRIER_NAMES: Mapping[str, str] = {
    "usps": "USPS",
    "ups": "UPS",
    "fedex": "FedEx",
    "dhlexpress": "DHLExpress",
    "ontrac": "OnTrac",
    "canadapost": "CanadaPost",
    "royalmail": "RoyalMail",
}
"""How EasyPost spells carriers, where its spelling is known; others are sent as they are stored."""

_TRACKER_ID = re.compile(r"trk_[0-9A-Za-z]{8,50}")


class EasyPostCarrier(ParcelCarrier):
    name = NAME
    label = "EasyPost"
    example = EXAMPLE
    unnamed = say("an answer without a tracking code")
    batch_size = BATCH_SIZE
    requests_per_second = 5.0

    def parse_reference(self, text: str) -> str:
        return text.strip() if self.asks_alone(text) else super().parse_reference(text)

    def asks_alone(self, ref: str) -> bool:
        """See `Carrier.asks_alone`: a tracker's id is asked for by itself."""
        return _TRACKER_ID.fullmatch(ref.strip()) is not None

    def fetch(self, refs: Sequence[str], *, register: bool = True) -> dict[str, TrackedOrder]:
        """See `Carrier.fetch`: by id one by one, by code in batches, unknown codes registered."""
        found = {
            ref: order
            for ref in dict.fromkeys(refs)
            if self.asks_alone(ref) and (order := self._by_id(ref.strip())) is not None
        }
        codes = [ref for ref in refs if not self.asks_alone(ref)]
        return found | super().fetch(codes, register=register)

    def register(self, ref: str) -> TrackedOrder | None:
        """See `Carrier.register`; a tracker's id that is not there cannot be registered."""
        return None if self.asks_alone(ref) else super().register(ref)

    def check(self) -> str:
        list_at(self, self._http.get_json("/v2/trackers", [("page_size", "1")]), "trackers")
        return say("{carrier} answers and accepts the key.", carrier=self.label)

    def verify_webhook(self, raw: bytes, headers: Mapping[str, str], secret: str) -> bool:
        """See `Carrier.verify_webhook`; EasyPost signs with the secret in Unicode's NFKD form."""
        digest = hmac_sha256(unicodedata.normalize("NFKD", secret), raw).hex()
        return bool(secret) and same(f"hmac-sha256-hex={digest}", header(headers, SIGNATURE_HEADER))

    def read_webhook(self, raw: bytes) -> list[TrackedOrder]:
        """See `Carrier.read_webhook`: events about trackers; others (batches, refunds …) hold no orders."""
        body = read_body(self, raw)
        kind = at(body, "description")
        if not isinstance(kind, str) or not isinstance(at(body, "result"), Mapping):
            raise unreadable(EasyPostCarrier, say("a webhook that is no event"))
        if not kind.startswith("tracker."):
            return []
        return [self._named(read_tracker(at(body, "result")))]

    def _by_id(self, tracker_id: str) -> TrackedOrder | None:
        return self._one(f"/v2/trackers/{quote(tracker_id, safe='')}", read_tracker)

    def _ask(self, parcels: Mapping[str, ParcelRef]) -> dict[str, TrackedOrder]:
        codes = dict.fromkeys(parcel.number for parcel in parcels.values())
        params = [("tracking_codes[]", code) for code in codes] + [("page_size", str(PAGE_SIZE))]
        orders = [order for item in self._pages(params) if (order := read_tracker(item)) is not None]
        return match(parcels, orders)

    def _pages(self, params: list[tuple[str, str]]) -> Iterable[object]:
        before: list[tuple[str, str]] = []
        for _ in range(MOST_PAGES):
            answer = self._http.get_json("/v2/trackers", params + before)
            items = list_at(self, answer, "trackers")
            yield from items
            last = text_or_none(at(items[-1], "id")) if items else None
            if at(answer, "has_more") is not True or last is None:
                return
            before = [("before_id", last)]

    def _register(self, parcel: ParcelRef) -> TrackedOrder | None:
        tracker = {"tracking_code": parcel.number}
        if parcel.courier:
            tracker["carrier"] = CARRIER_NAMES.get(parcel.courier, parcel.courier)
        order = self._named(read_tracker(self._http.post_json("/v2/trackers", {"tracker": tracker})))
        # The carrier's name may come back in another spelling, but the code is the one that was sent.
        return order if parcel.number in (order.ref, *order.aliases) else None


def read_tracker(item: object) -> TrackedOrder | None:
    """One tracker; None when it has no tracking code."""
    code = text_or_none(at(item, "tracking_code"))
    if code is None:
        return None
    ref = named_parcel(code, text_or_none(at(item, "carrier")))
    events = history(at(item, "tracking_details"), _read_event)
    status, detail = at(item, "status"), at(item, "status_detail")
    raw_status = raw_words(status, detail)
    now = TrackingEvent(refined(STATUSES, DETAILS, status, detail), raw_status, None, {})
    now = replace(now, occurred_at=same_time(now, events))
    if at(item, "is_return") is True and now.status is ShipmentStatus.DELIVERED:
        # A parcel that is itself a return was delivered to the supplier.
        now = TrackingEvent(ShipmentStatus.RETURNED, raw_status, now.occurred_at, {})
    believed = settle(now, events)
    others = {ref.number, text_or_none(at(item, "id"))} - {str(ref), None}
    return TrackedOrder(
        carrier=NAME,
        ref=str(ref),
        status=believed.status,
        raw_status=believed.raw_status,
        financeable=believed.status in FINANCEABLE,
        updated_at=believed.occurred_at,
        eta=instant(at(item, "est_delivery_date")),
        raw=as_object(item),
        events=events,
        signed_by=text_or_none(at(item, "signed_by")),
        from_city=_city(item, "origin"),
        to_city=_city(item, "destination"),
        near=near_time(events, at(item, "updated_at")),
        aliases=tuple(sorted(other for other in others if other)),
    )


def _city(item: object, end: str) -> str | None:
    """The city at one end of the way, as the place is told in parts or in one text, such as “CHARLESTON SC, 29401”."""
    told = text_or_none(at(item, "carrier_detail", f"{end}_tracking_location", "city"))
    place = _PLACE.fullmatch(text_or_none(at(item, "carrier_detail", f"{end}_location")) or "")
    return told or (place["before"] or place["city"] if place else None)


def _read_event(item: Mapping[str, object]) -> TrackingEvent:
    status, detail = item.get("status"), item.get("status_detail")
    return TrackingEvent(
        refined(STATUSES, DETAILS, status, detail),
        raw_words(status, detail),
        instant(item.get("datetime")),
        as_object(item),
    )


def _headers(key: str) -> dict[str, str]:
    # HTTP Basic with the key as the user and no password
    return {"Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}


SPEC = CarrierSpec(
    name=NAME,
    label=EasyPostCarrier.label,
    default_url="https://api.easypost.com",
    url_variable="EASYPOST_URL",
    key_variable="EASYPOST_API_KEY",
    webhook_secret_variable="EASYPOST_WEBHOOK_SECRET",  # noqa: S106 - the variable's name
    headers=_headers,
    make=lambda http, _: EasyPostCarrier(http),
)
