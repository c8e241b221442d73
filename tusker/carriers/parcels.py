"""What the adapters of parcel carriers share: references, times, histories, and which status counts."""

import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from tusker.carriers.base import CarrierRejected
from tusker.carriers.payload import json_safe
from tusker.domain.delivery.shipments import CONTRADICTS_DELIVERY, ShipmentStatus, TrackedOrder, TrackingEvent
from tusker.domain.numbers import strict_form
from tusker.errors import InvalidInput
from tusker.messages import say

log = logging.getLogger(__name__)

RAW_STATUS_LENGTH = 120
REFERENCE_LENGTH = 60

FINANCEABLE = frozenset(
    {
        ShipmentStatus.PENDING,
        ShipmentStatus.PICKED_UP,
        ShipmentStatus.IN_TRANSIT,
        ShipmentStatus.OUT_FOR_DELIVERY,
        ShipmentStatus.DELIVERED,
    }
)
"""Statuses in which a parcel's invoice may be requested: not in trouble, not on its way back, not unknown."""

_PLAIN_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_COURIER = re.compile(r"[a-z0-9][a-z0-9_-]{0,29}")
_NUMBER = re.compile(r"[A-Z0-9][A-Z0-9._-]{4,44}")
_COURIERS = "references"
_JSON_WORDS = frozenset({"null", "true", "false"})


@dataclass(frozen=True, slots=True)
class ParcelRef:
    """A tracking number, and its courier where that is known. Its text is what is stored."""

    number: str
    courier: str | None = None

    def __str__(self) -> str:
        return f"{self.courier}/{self.number}" if self.courier else self.number


def parse_parcel(text: str, *, example: str, courier_needed: bool = False) -> ParcelRef:
    """Read `courier/number` or a bare number as people type it: any case and width, with blanks, dashes of any kind and
    what nobody sees.

    Raises `InvalidInput` naming `order_ref`, with the example.
    """
    courier, slash, number = strict_form(text).rpartition("/")
    ref = ParcelRef(number.replace(" ", "").upper(), courier.strip() or None)
    fits = _NUMBER.fullmatch(ref.number) and len(str(ref)) <= REFERENCE_LENGTH
    named = _COURIER.fullmatch(ref.courier) if ref.courier else not slash and not courier_needed
    if not fits or not named:
        raise InvalidInput(
            say(
                "The reference must be the courier and the tracking number, such as {example}.",
                example=example,
            )
            if courier_needed
            else say("The reference must be the tracking number, such as {example}.", example=example),
            field="order_ref",
        )
    return ref


def named_parcel(number: str, courier: str | None) -> ParcelRef:
    """A parcel in the spelling that is stored; a courier's name that would not fit is left out."""
    ref = ParcelRef(number.upper(), courier.lower() if courier else None)
    return ref if len(str(ref)) <= REFERENCE_LENGTH else ParcelRef(ref.number)


def raw_words(word: object, detail: object = None) -> str:
    """A vendor's words as they were written: `in_transit/arrived_at_facility`.

    Plain words stand bare, everything else (null, an empty text, a number) as JSON text, so that no two values
    look alike.
    """
    values = (word,) if detail is None else (word, detail)
    return "/".join(_raw_word(value) for value in values)[:RAW_STATUS_LENGTH]


def _raw_word(value: object) -> str:
    if isinstance(value, str) and _PLAIN_WORD.fullmatch(value) and value not in _JSON_WORDS:
        return value
    return json.dumps(json_safe(value), ensure_ascii=False)


def lookup(words: Mapping[str, ShipmentStatus], value: object) -> ShipmentStatus:
    """Tusker's word for a vendor's; unknown for anything that is not exactly a listed text."""
    return words.get(value, ShipmentStatus.UNKNOWN) if isinstance(value, str) else ShipmentStatus.UNKNOWN


def refined(
    words: Mapping[str, ShipmentStatus],
    details: Mapping[str, ShipmentStatus | None],
    value: object,
    detail: object,
) -> ShipmentStatus:
    """Tusker's word for a vendor's and for its detail; see `refine`."""
    return refine(lookup(words, value), details.get(detail) if isinstance(detail, str) else None)


def instant(value: object) -> datetime | None:
    """An ISO 8601 time, aware in UTC; None for anything else.

    A time without an offset counts as UTC: the vendors document such times as local ones without naming the place, so
    they may be up to half a day off. Money never depends on them; the order of events may, within one parcel, where
    all are equally off.
    """
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def as_object(value: object) -> dict[str, object]:
    """A JSON object as it is stored; empty for anything else."""
    safe = json_safe(value)
    return safe if isinstance(safe, dict) else {}


def history(
    items: object, read: Callable[[Mapping[str, object]], TrackingEvent]
) -> tuple[TrackingEvent, ...]:
    """Every event of a list, oldest first. One without a time stays behind the one before it in the list."""
    events = [read(item) for item in (items if isinstance(items, list) else []) if isinstance(item, Mapping)]
    latest = datetime.min.replace(tzinfo=UTC)
    keyed = []
    for event in events:
        latest = event.occurred_at or latest
        keyed.append((latest, event))
    return tuple(event for _, event in sorted(keyed, key=lambda pair: pair[0]))


def refine(word: ShipmentStatus, detail: ShipmentStatus | None) -> ShipmentStatus:
    """A status refined by its detail (None: the detail adds nothing).

    In transit a detail says where the parcel is. Before and after that it can only cast doubt; it never makes a
    delivery.
    """
    if detail is None or detail is ShipmentStatus.DELIVERED:
        return word
    if word is ShipmentStatus.IN_TRANSIT:
        return detail
    doubtful = word in (ShipmentStatus.PENDING, ShipmentStatus.OUT_FOR_DELIVERY, ShipmentStatus.DELIVERED)
    return detail if doubtful and detail in CONTRADICTS_DELIVERY else word


def settle(current: TrackingEvent, events: Sequence[TrackingEvent]) -> TrackingEvent:
    """The status that counts: the vendor's current one, unless its own history contradicts a delivery.

    A delivery counts only while nothing later in the history says cancelled or exception, and nothing at all
    returned: otherwise that event counts. A parcel that was sent back is delivered in the end too, to its sender. The
    other way round nothing in the history makes a delivery that the vendor has not concluded.
    """
    if current.status is not ShipmentStatus.DELIVERED:
        return current
    sent_back = [event for event in events if event.status is ShipmentStatus.RETURNED]
    if sent_back:
        return sent_back[-1]
    delivered = [n for n, event in enumerate(events) if event.status is ShipmentStatus.DELIVERED]
    since = current.occurred_at
    for event in reversed(events[delivered[-1] + 1 :] if delivered else events):
        is_later = since is None or event.occurred_at is None or event.occurred_at >= since
        if event.status in CONTRADICTS_DELIVERY and is_later:
            return event
    return current


def same_time(now: TrackingEvent, events: Sequence[TrackingEvent]) -> datetime | None:
    """When the current status began: the time of the last event in the same words, or of a delivery in other words
    after which nothing happened; None without one.

    The time at which the vendor wrote its record does not say it: scans are uploaded late, and many vendors give
    local times. Compared with each other, the two clocks would make current reports late.
    """
    timed = [event for event in reversed(events) if event.occurred_at]
    found = [event for event in timed if event.raw_status == now.raw_status]
    if now.status is ShipmentStatus.DELIVERED:
        last = [event for event in timed if event.occurred_at == timed[0].occurred_at]
        found = found or [event for event in last if event.status is ShipmentStatus.DELIVERED]
    return found[0].occurred_at if found else None


def near_time(events: Sequence[TrackingEvent], written: object) -> datetime | None:
    """A time about that of a status without one: of the last scan, or else at which the vendor wrote its record."""
    return next((event.occurred_at for event in reversed(events) if event.occurred_at), instant(written))


def choose(orders: Iterable[TrackedOrder], age: Callable[[TrackedOrder], datetime | None]) -> TrackedOrder:
    """The parcel that counts when a vendor holds several for one reference.

    Of one courier's several registrations the latest counts. Where that cannot be told, or several couriers have this
    number, nobody can say which parcel is meant: the status is unknown and nothing is financeable.
    """
    found = list(orders)
    ages = [age(order) for order in found]
    known = [moment for moment in ages if moment is not None]
    couriers = {order.ref for order in found}
    if len(found) == 1:
        return found[0]
    if len(couriers) == 1 and len(known) == len(found) and ages.count(max(known)) == 1:
        return found[ages.index(max(known))]
    log.warning("carrier %s: reference %r means several parcels", found[0].carrier, found[0].ref)
    return replace(
        found[0],
        status=ShipmentStatus.UNKNOWN,
        raw_status=" / ".join(order.raw_status for order in found)[:RAW_STATUS_LENGTH],
        financeable=False,
        raw={"duplicates": [dict(order.raw) for order in found], _COURIERS: sorted(couriers)},
        events=(),
        signed_by=None,
    )


def is_ambiguous(order: TrackedOrder) -> bool:
    """Whether several couriers have this number: `ref` is then only one of the parcels that may be meant."""
    couriers = order.raw.get(_COURIERS)
    return "duplicates" in order.raw and isinstance(couriers, list) and len(couriers) > 1


def unless_rejected(carrier: str, ref: str, ask: Callable[[], TrackedOrder | None]) -> TrackedOrder | None:
    """The result of `ask`; None where the vendor does not accept this reference. Every other failure is raised."""
    try:
        return ask()
    except CarrierRejected as error:
        log.info("carrier %s: %s was not registered: %s", carrier, ref, error.message)
        return None


def match(parcels: Mapping[str, ParcelRef], orders: Sequence[TrackedOrder]) -> dict[str, TrackedOrder]:
    """The orders by the reference that asks for them; what was not asked for is left out."""
    found = {}
    for ref, parcel in parcels.items():
        mine = [order for order in orders if str(parcel) in (order.ref, *order.aliases)]
        if mine:
            found[ref] = choose(mine, lambda order: instant(order.raw.get("created_at")))
    return found
