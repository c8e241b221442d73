"""The adapter for AfterShip's tracking API (2025-01; older bodies are read too).

A reference is `slug/number` with AfterShip's own slug for the courier (`fedex/1111111111111`), or a bare number.
What is stored is `slug/number`. AfterShip tracks a number only once it is registered. Checkpoints' times may lack an
offset, then they are the place's own; they count as UTC. No link to a proof of delivery is documented; who signed is.
"""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import replace

from tusker.carriers.base import CarrierRefused, CarrierUnavailable, list_at, unreadable
from tusker.carriers.parcel_carrier import ParcelCarrier
from tusker.carriers.parcels import (
    FINANCEABLE,
    ParcelRef,
    as_object,
    history,
    instant,
    lookup,
    match,
    named_parcel,
    near_time,
    raw_words,
    refine,
    same_time,
    settle,
)
from tusker.carriers.payload import at, text_or_none
from tusker.carriers.settings import CarrierSpec
from tusker.carriers.webhook import header, hmac_sha256, read_body, same
from tusker.domain.delivery.shipments import ShipmentStatus, TrackedOrder, TrackingEvent
from tusker.messages import say

NAME = "aftership"
BATCH_SIZE = 25
PAGE_SIZE = 100
MOST_PAGES = 5
EXAMPLE = "fedex/772857780801111"
SIGNATURE_HEADER = "aftership-hmac-sha256"

NOTHING_KNOWN = "Pending"
"""The tag of a registered number about which nothing is known: anybody can invent one."""

TAGS: Mapping[str, ShipmentStatus] = {
    NOTHING_KNOWN: ShipmentStatus.PENDING,
    "InfoReceived": ShipmentStatus.PENDING,
    "InTransit": ShipmentStatus.IN_TRANSIT,
    "OutForDelivery": ShipmentStatus.OUT_FOR_DELIVERY,
    "AttemptFail": ShipmentStatus.EXCEPTION,
    "Delivered": ShipmentStatus.DELIVERED,
    # waits at a counter for the purchaser: the last step before a delivery, not one yet
    "AvailableForPickup": ShipmentStatus.OUT_FOR_DELIVERY,
    "Exception": ShipmentStatus.EXCEPTION,
    "Expired": ShipmentStatus.EXCEPTION,
}

RETURN_SUBTAGS = frozenset({"Exception_010", "Exception_011"})
"""On its way back to the sender, and back there: the only subtags that change a tag's meaning."""

ACCEPTED_SUBTAG = "InTransit_002"
"""The acceptance scan: the courier has it."""


class AfterShipCarrier(ParcelCarrier):
    name = NAME
    label = "AfterShip"
    example = EXAMPLE
    unnamed = say("an answer without a tracking number")
    batch_size = BATCH_SIZE
    requests_per_second = 6.0

    def check(self) -> str:
        list_at(self, _data(self._http.get_json("/trackings", [("limit", "1")])), "trackings")
        return say("{carrier} answers and accepts the key.", carrier=self.label)

    def verify_webhook(self, raw: bytes, headers: Mapping[str, str], secret: str) -> bool:
        expected = base64.b64encode(hmac_sha256(secret, raw)).decode()
        return bool(secret) and same(expected, header(headers, SIGNATURE_HEADER))

    def read_webhook(self, raw: bytes) -> list[TrackedOrder]:
        """See `Carrier.read_webhook`: tracking updates; other events hold no orders."""
        body = read_body(self, raw)
        event = at(body, "event")
        if not isinstance(event, str):
            raise unreadable(AfterShipCarrier, say("a webhook that is no event"))
        if event != "tracking_update":
            return []
        return [self._named(read_tracking(at(body, "msg")))]

    def _ask(self, parcels: Mapping[str, ParcelRef]) -> dict[str, TrackedOrder]:
        numbers = ",".join(dict.fromkeys(parcel.number for parcel in parcels.values()))
        params = [("tracking_numbers", numbers), ("limit", str(PAGE_SIZE))]
        orders = [order for item in self._pages(params) if (order := read_tracking(item)) is not None]
        return match(parcels, orders)

    def _pages(self, params: list[tuple[str, str]]) -> Iterable[object]:
        cursor: list[tuple[str, str]] = []
        for _ in range(MOST_PAGES):
            data = _data(self._http.get_json("/trackings", params + cursor))
            yield from list_at(self, data, "trackings")
            following = text_or_none(at(data, "pagination", "next_cursor"))
            if at(data, "pagination", "has_next_page") is not True or following is None:
                return
            cursor = [("cursor", following)]

    def _register(self, parcel: ParcelRef) -> TrackedOrder | None:
        question = {"tracking_number": parcel.number}
        if parcel.courier:
            question["slug"] = parcel.courier
        data = _data(self._http.post_json("/trackings", question))
        inner = at(data, "tracking")
        order = self._named(read_tracking(inner if inner is not None else data))
        return order if str(parcel) in (order.ref, *order.aliases) else None


def read_tracking(item: object) -> TrackedOrder | None:
    """One tracking; None when it has no number."""
    number = text_or_none(at(item, "tracking_number"))
    if number is None:
        return None
    ref = named_parcel(number, text_or_none(at(item, "slug")))
    events = history(at(item, "checkpoints"), _read_event)
    tag, subtag = at(item, "tag"), at(item, "subtag")
    raw_status = raw_words(tag, subtag)
    status = read_status(tag, subtag)
    if at(item, "return_to_sender") is True and status is ShipmentStatus.DELIVERED:
        # Delivered to whom it came from.
        status = ShipmentStatus.RETURNED
    now = TrackingEvent(status, raw_status, None, {})
    believed = settle(replace(now, occurred_at=same_time(now, events)), events)
    return TrackedOrder(
        carrier=NAME,
        ref=str(ref),
        status=believed.status,
        raw_status=believed.raw_status,
        financeable=believed.status in FINANCEABLE and tag != NOTHING_KNOWN,
        updated_at=believed.occurred_at,
        eta=instant(at(item, "courier_estimated_delivery_date", "estimated_delivery_date"))
        or instant(at(item, "expected_delivery")),
        raw=as_object(item),
        events=events,
        signed_by=text_or_none(at(item, "signed_by")),
        from_city=text_or_none(at(item, "origin_city")),
        to_city=text_or_none(at(item, "destination_city")),
        near=instant(at(item, "shipment_delivery_date")) or near_time(events, at(item, "updated_at")),
        aliases=(ref.number,) if ref.courier else (),
    )


def _read_event(item: Mapping[str, object]) -> TrackingEvent:
    tag, subtag = item.get("tag"), item.get("subtag")
    return TrackingEvent(
        read_status(tag, subtag),
        raw_words(tag, subtag),
        instant(item.get("checkpoint_time")),
        as_object(item),
    )


def read_status(tag: object, subtag: object) -> ShipmentStatus:
    """Tusker's word for a tag and its subtag (`Tag_001`)."""
    word = lookup(TAGS, tag)
    if isinstance(subtag, str) and subtag in RETURN_SUBTAGS and word is not ShipmentStatus.UNKNOWN:
        return ShipmentStatus.RETURNED
    belongs = subtag is None or (isinstance(subtag, str) and subtag.startswith(f"{tag}_"))
    if word is ShipmentStatus.DELIVERED and not belongs:
        # A delivery whose subtag says something else is for a person to look at.
        return ShipmentStatus.UNKNOWN
    return refine(word, ShipmentStatus.PICKED_UP if subtag == ACCEPTED_SUBTAG else None)


def _data(answer: object) -> object:
    """What is in the envelope `{meta, data}`; its code counts like a status, since some come with HTTP 200."""
    code = at(answer, "meta", "code")
    if code in (401, 403):
        raise CarrierRefused(
            "The delivery company “{name}” does not accept our key. An admin must check it.",
            name=AfterShipCarrier.label,
            carrier=NAME,
        )
    if code == 429 or (type(code) is int and 500 <= code < 600):
        raise CarrierUnavailable(
            "The delivery company “{name}” cannot be reached at the moment. Try again in a minute.",
            name=AfterShipCarrier.label,
            carrier=NAME,
            reason=f"meta.code {code}",
        )
    if type(code) is not int or not 200 <= code < 300:
        raise unreadable(AfterShipCarrier, say("an answer that says it failed"))
    return at(answer, "data")


SPEC = CarrierSpec(
    name=NAME,
    label=AfterShipCarrier.label,
    default_url="https://api.aftership.com/tracking/2025-01",
    url_variable="AFTERSHIP_URL",
    key_variable="AFTERSHIP_API_KEY",
    webhook_secret_variable="AFTERSHIP_WEBHOOK_SECRET",  # noqa: S106 - the variable's name
    headers=lambda key: {"as-api-key": key},
    make=lambda http, _: AfterShipCarrier(http),
)
