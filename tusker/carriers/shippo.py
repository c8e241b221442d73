"""The adapter for Shippo's tracks.

A reference is `carrier/number` with Shippo's own token for the carrier (`usps/9205…`). One question a number; Shippo
asks the carrier by itself, so only a number that it answers with 404 is registered. Times are UTC. No link to a
proof of delivery is documented.
"""

from collections.abc import Mapping
from urllib.parse import quote

from tusker.carriers.base import list_at, unreadable
from tusker.carriers.parcel_carrier import ParcelCarrier
from tusker.carriers.parcels import (
    FINANCEABLE,
    ParcelRef,
    as_object,
    history,
    instant,
    near_time,
    raw_words,
    refined,
    settle,
)
from tusker.carriers.payload import at, text_or_none
from tusker.carriers.settings import CarrierSpec
from tusker.carriers.webhook import header, hmac_sha256, read_body, same
from tusker.domain.delivery.shipments import ShipmentStatus, TrackedOrder, TrackingEvent
from tusker.messages import say

NAME = "shippo"
EXAMPLE = "usps/9205590164917312751089"
SIGNATURE_HEADER = "Shippo-Auth-Signature"

STATUSES: Mapping[str, ShipmentStatus] = {
    "UNKNOWN": ShipmentStatus.UNKNOWN,
    "PRE_TRANSIT": ShipmentStatus.PENDING,
    "TRANSIT": ShipmentStatus.IN_TRANSIT,
    "DELIVERED": ShipmentStatus.DELIVERED,
    "RETURNED": ShipmentStatus.RETURNED,
    "FAILURE": ShipmentStatus.EXCEPTION,
}

SUBSTATUSES: Mapping[str, ShipmentStatus | None] = {
    "information_received": None,
    "address_issue": ShipmentStatus.EXCEPTION,
    "contact_carrier": ShipmentStatus.EXCEPTION,
    "delayed": None,
    "delivery_attempted": ShipmentStatus.EXCEPTION,
    "delivery_rescheduled": None,
    "delivery_scheduled": None,
    "location_inaccessible": ShipmentStatus.EXCEPTION,
    "notice_left": ShipmentStatus.EXCEPTION,
    "out_for_delivery": ShipmentStatus.OUT_FOR_DELIVERY,
    "package_accepted": ShipmentStatus.PICKED_UP,
    "package_arrived": None,
    "package_damaged": ShipmentStatus.EXCEPTION,
    "package_departed": None,
    "package_forwarded": None,
    "package_held": ShipmentStatus.EXCEPTION,
    "package_processed": None,
    "package_processing": None,
    # waits at a counter for the purchaser: the last step before a delivery, not one yet
    "pickup_available": ShipmentStatus.OUT_FOR_DELIVERY,
    "reschedule_delivery": ShipmentStatus.EXCEPTION,
    "delivered": None,
    "return_to_sender": ShipmentStatus.RETURNED,
    "package_unclaimed": ShipmentStatus.EXCEPTION,
    "package_undeliverable": ShipmentStatus.EXCEPTION,
    "package_disposed": ShipmentStatus.EXCEPTION,
    "package_lost": ShipmentStatus.EXCEPTION,
    "other": None,
}
"""What a substatus adds to a status (see `refine`); None: nothing."""


class ShippoCarrier(ParcelCarrier):
    name = NAME
    label = "Shippo"
    example = EXAMPLE
    unnamed = say("an answer without a carrier and a tracking number")
    courier_needed = True
    requests_per_second = 8.0  # 500 a minute with a live key

    def check(self) -> str:
        list_at(self, self._http.get_json("/carrier_accounts/", [("results", "1")]), "results")
        return say("{carrier} answers and accepts the key.", carrier=self.label)

    def verify_webhook(self, raw: bytes, headers: Mapping[str, str], secret: str) -> bool:
        """See `Carrier.verify_webhook`: `t=<seconds>,v1=<hex>` over `<seconds>.<body>`."""
        parts = dict(
            part.strip().partition("=")[::2] for part in header(headers, SIGNATURE_HEADER).split(",")
        )
        moment = parts.get("t", "")
        if not secret or not (moment.isascii() and moment.isdigit()):
            return False
        return same(hmac_sha256(secret, moment.encode() + b"." + raw).hex(), parts.get("v1", ""))

    def read_webhook(self, raw: bytes) -> list[TrackedOrder]:
        """See `Carrier.read_webhook`: track updates; other events hold no orders."""
        body = read_body(self, raw)
        event = at(body, "event")
        if not isinstance(event, str):
            raise unreadable(ShippoCarrier, say("a webhook that is no event"))
        if event != "track_updated":
            return []
        return [self._named(read_track(at(body, "data")))]

    def _ask(self, parcels: Mapping[str, ParcelRef]) -> dict[str, TrackedOrder]:
        found = {ref: self._track(parcel) for ref, parcel in parcels.items()}
        return {ref: order for ref, order in found.items() if order is not None}

    def _track(self, parcel: ParcelRef) -> TrackedOrder | None:
        path = f"/tracks/{quote(parcel.courier or '', safe='')}/{quote(parcel.number, safe='')}"
        order = self._one(path, read_track)
        if order is not None and order.ref != str(parcel):
            raise unreadable(ShippoCarrier, say("an answer about another number than was asked for"))
        return order

    def _register(self, parcel: ParcelRef) -> TrackedOrder | None:
        question = {"carrier": parcel.courier, "tracking_number": parcel.number}
        order = read_track(self._http.post_json("/tracks/", question))
        # An invalid carrier is answered with 201 and a list of errors in place of a track.
        return order if order is not None and order.ref == str(parcel) else None


def read_track(item: object) -> TrackedOrder | None:
    """One track; None when it does not name a carrier and a number."""
    courier, number = at(item, "carrier"), text_or_none(at(item, "tracking_number"))
    if not isinstance(courier, str) or not courier.strip() or number is None:
        return None
    events = history(at(item, "tracking_history"), _read_event)
    status = at(item, "tracking_status")
    if isinstance(status, Mapping):
        now = _read_event(status)
    else:  # null: registered, and nothing known yet
        now = TrackingEvent(ShipmentStatus.UNKNOWN, raw_words(status), None, {})
    believed = settle(now, events)
    return TrackedOrder(
        carrier=NAME,
        ref=str(ParcelRef(number.upper(), courier.strip().lower())),
        status=believed.status,
        raw_status=believed.raw_status,
        financeable=believed.status in FINANCEABLE,
        updated_at=believed.occurred_at,
        eta=instant(at(item, "eta")),
        raw=as_object(item),
        events=events,
        from_city=text_or_none(at(item, "address_from", "city")),
        to_city=text_or_none(at(item, "address_to", "city")),
        near=near_time(events, at(status, "object_updated")),
    )


def _read_event(item: Mapping[str, object]) -> TrackingEvent:
    status, substatus = item.get("status"), item.get("substatus")
    code = at(substatus, "code") if isinstance(substatus, Mapping) else substatus
    return TrackingEvent(
        refined(STATUSES, SUBSTATUSES, status, code),
        raw_words(status, code),
        instant(item.get("status_date")),
        as_object(item),
    )


SPEC = CarrierSpec(
    name=NAME,
    label=ShippoCarrier.label,
    default_url="https://api.goshippo.com",
    url_variable="SHIPPO_URL",
    key_variable="SHIPPO_API_KEY",
    webhook_secret_variable="SHIPPO_WEBHOOK_SECRET",  # noqa: S106 - the variable's name
    headers=lambda key: {"Authorization": f"ShippoToken {key}"},
    make=lambda http, _: ShippoCarrier(http),
)
