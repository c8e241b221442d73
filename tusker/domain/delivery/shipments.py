"""Shipments in Tusker's own words, whatever the delivery company calls them, and when to ask again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tusker.domain.status import Status, Tone, Worded
from tusker.messages import say


class ShipmentStatus(Status):
    """Where the goods are. `unknown` is anything a delivery company said that Tusker has no word for."""

    PENDING = "pending", Tone.GREY
    PICKED_UP = "picked_up", Tone.BLUE
    IN_TRANSIT = "in_transit", Tone.BLUE
    OUT_FOR_DELIVERY = "out_for_delivery", Tone.AZURE
    DELIVERED = "delivered", Tone.GREEN
    EXCEPTION = "exception", Tone.ORANGE
    RETURNED = "returned", Tone.RED
    CANCELLED = "cancelled", Tone.GREY
    UNKNOWN = "unknown", Tone.YELLOW


FINAL = frozenset({ShipmentStatus.DELIVERED, ShipmentStatus.RETURNED, ShipmentStatus.CANCELLED})
"""Statuses after which polling stops. A delivered order may still come back as returned before the payout,
but only an explicit look (a person's, or the one right before the release) can tell."""

CONTRADICTS_DELIVERY = frozenset(
    {ShipmentStatus.RETURNED, ShipmentStatus.CANCELLED, ShipmentStatus.EXCEPTION}
)
"""What may not have happened after a delivery that money is paid for."""

FURTHEST_AHEAD = timedelta(days=1)
"""How far a vendor's time may lie ahead: local times told as UTC are up to 14 hours off. What is further is no time."""


class DocumentKind(Worded):
    """What a document is."""

    SIGNED_INVOICE = "signed_invoice", say("signed invoice")
    PROOF_OF_DELIVERY = "proof_of_delivery", say("proof of delivery")
    INVOICE = "invoice", say("invoice document")
    """The invoice itself, sent in by its supplier or an admin."""
    DISPUTE = "dispute", say("document of the dispute")
    """What a purchaser's dispute rests on, sent in with it. All others are linked by the delivery company."""
    OTHER = "other", say("other document")


@dataclass(frozen=True, slots=True)
class Document:
    """A document that the delivery company links; `uri` is always http or https."""

    kind: DocumentKind
    uri: str


@dataclass(frozen=True, slots=True)
class TrackingEvent:
    """One thing that a delivery company says happened to a shipment.

    `status` and `raw_status` are as in `TrackedOrder`; `occurred_at` is aware, in UTC, None where the delivery
    company gave no time that can be read; `raw` is the event as it was written, safe to store as JSON.
    """

    status: ShipmentStatus
    raw_status: str
    occurred_at: datetime | None
    raw: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class TrackedOrder:
    """One order or parcel as its delivery company describes it now.

    `ref` is the reference in its one canonical spelling, under which it is stored, so that one parcel is not
    financed twice under two spellings; `aliases` are others under which it may have been stored before.
    `raw_status` is the status as it was written in the answer, at most 120 characters. `events` is the whole
    history, oldest first (for `tusker`, which tells none, its one current status).

    `financeable` says that the delivery company's status allows financing; it is never true for an unknown
    status. Where the carrier declares orders (`Carrier.declares_orders`) it also takes a declared value above
    zero. A parcel carrier knows neither value nor parties: `declared_value` and the ids stay None, and the
    amount and the parties come from whoever requests.

    `declared_value` is in minor units, None when it was missing, negative, not a number or finer than the minor
    unit. `near` is a time about that of the status, where `updated_at` is not known: nothing is ordered by it.
    `from_city` and `to_city` are the sender's and the receiver's as they were written, None where the carrier
    does not tell. Times are aware, in UTC. `raw` is safe to store as JSON; decimal numbers in it are text, because no
    float may touch money.
    """

    carrier: str
    ref: str
    status: ShipmentStatus
    raw_status: str
    financeable: bool
    supplier_external_id: str | None = None
    purchaser_location_id: str | None = None
    declared_value: int | None = None
    updated_at: datetime | None = None
    eta: datetime | None = None
    documents: tuple[Document, ...] = ()
    raw: Mapping[str, object] = field(default_factory=dict)
    events: tuple[TrackingEvent, ...] = ()
    signed_by: str | None = None
    aliases: tuple[str, ...] = ()
    from_city: str | None = None
    to_city: str | None = None
    near: datetime | None = None

    def as_of(self, now: datetime) -> TrackedOrder:
        """The same without times that lie too far ahead to be one: nothing could ever be later."""
        latest = now + FURTHEST_AHEAD
        updated_at, near = (at if at and at <= latest else None for at in (self.updated_at, self.near))
        if (updated_at, near) == (self.updated_at, self.near):
            return self
        return replace(self, updated_at=updated_at, near=near)


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """Someone in a delivery company's directory.

    `external_id` is what orders carry for a supplier, `location_id` what they carry for a purchaser.
    """

    external_id: str
    location_id: str | None
    name: str
    phone: str | None
    city: str | None


DEFAULT_MINIMUM_INTERVAL = timedelta(minutes=5)
"""The shortest time between two questions about one order in ordinary operation."""

POLL_WEIGHTS: Mapping[ShipmentStatus, int] = {
    ShipmentStatus.OUT_FOR_DELIVERY: 1,  # 5 minutes: the payout waits for the next answer
    ShipmentStatus.IN_TRANSIT: 3,  # 15 minutes
    ShipmentStatus.EXCEPTION: 6,  # 30 minutes: a person has to act first
    ShipmentStatus.PICKED_UP: 6,  # 30 minutes
    ShipmentStatus.UNKNOWN: 6,  # 30 minutes: may be a passing fault of the delivery company
    ShipmentStatus.PENDING: 12,  # 1 hour: nothing has left the shipper yet
}
"""Minimum intervals between two questions, by status; the times are those of the default minimum."""

LOOK_WEIGHT = 12
"""The same after a final status, where somebody wanted a look that failed: 1 hour."""

SPREAD = 0.2
"""How much of an interval chance may add to it."""

LONGEST_WEIGHT = 144
"""Back-off never exceeds this many minimum intervals: 12 hours at the default."""


def next_poll_after(
    status: ShipmentStatus,
    failures: int,
    now: datetime,
    *,
    minimum: timedelta = DEFAULT_MINIMUM_INTERVAL,
    chance: float = 0.0,
    wanted: bool = False,
) -> datetime | None:
    """When to ask for an order again, or None when nothing more is expected of it (see `FINAL`), unless a look at it
    is `wanted` all the same.

    The interval is the status's weight times `minimum`, doubled for each of `failures` (questions in a row
    that brought no answer for this order), at most `LONGEST_WEIGHT` times `minimum`. A demo passes a small
    `minimum` and everything quickens in proportion. `chance`, drawn from [0, 1), lengthens it by up to
    `SPREAD`, so that orders asked about together do not all come due in the same second again. `now` must be
    aware; `failures` must not be negative.
    """
    if now.tzinfo is None:
        raise ValueError("now must be an aware datetime")
    if failures < 0:
        raise ValueError("failures must not be negative")
    if minimum <= timedelta(0):
        raise ValueError("minimum must be longer than nothing")
    if not 0 <= chance < 1:
        raise ValueError("chance must be from 0 up to 1")
    if status in FINAL and not wanted:
        return None
    # The exponent is capped so that a year of failures does not build a huge integer.
    weight = POLL_WEIGHTS.get(status, LOOK_WEIGHT) << min(failures, LONGEST_WEIGHT.bit_length())
    return now + min(weight, LONGEST_WEIGHT) * minimum * (1 + SPREAD * chance)


def longest_wait(minimum: timedelta) -> timedelta:
    """The longest time between two questions about an order: one that is due later was set by a wrong clock."""
    return LONGEST_WEIGHT * minimum * (1 + SPREAD)


_WAY = (
    ShipmentStatus.PENDING,
    ShipmentStatus.PICKED_UP,
    ShipmentStatus.IN_TRANSIT,
    ShipmentStatus.EXCEPTION,
    ShipmentStatus.OUT_FOR_DELIVERY,
    ShipmentStatus.DELIVERED,
    ShipmentStatus.CANCELLED,
    ShipmentStatus.RETURNED,
)
"""How far along a status is; decides between two that the delivery company gives for the same moment."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a delivery company has told of a shipment: the latest status with a meaning, and whether it said something
    since that nobody understands. The times are its own; None where it gave none.

    One order decides, so that late, reordered and repeated news end alike: the later status stands, of the same moment
    the one further along the way. Where a time is missing, what was heard last stands, except that only trouble undoes
    a delivery, and only what was asked for makes one after trouble: what is told unasked may be old. A return stands
    over everything: what is scanned after it is the way back, and a delivery then is one to the sender.
    """

    status: ShipmentStatus = ShipmentStatus.PENDING
    at: datetime | None = None
    unclear: bool = False
    unclear_at: datetime | None = None

    @property
    def shown(self) -> ShipmentStatus:
        """The shipment's status: unknown, needing a look, when something unclear was told last; but what is unclear
        never takes a final status away."""
        if not self.unclear or self.status in FINAL:
            return self.status
        later = self.at is None or self.unclear_at is None or self.unclear_at > self.at
        return ShipmentStatus.UNKNOWN if later else self.status

    @property
    def shown_at(self) -> datetime | None:
        """The delivery company's time of the shown status."""
        return self.unclear_at if self.shown is ShipmentStatus.UNKNOWN else self.at

    def hear(self, heard: ShipmentStatus, at: datetime | None, *, asked: bool = True) -> Told:
        """What is known after one more piece of news; `asked` for what is so now, not told at some time."""
        if heard is ShipmentStatus.UNKNOWN:
            return replace(self, unclear=True, unclear_at=_latest(self.unclear_at, at))
        # Without a time to compare, hearing something clear ends the doubt.
        unclear = self.unclear and at is not None and self.unclear_at is not None
        told = replace(self, unclear=unclear, unclear_at=self.unclear_at if unclear else None)
        if heard == self.status:
            return replace(told, at=_latest(self.at, at))
        return replace(told, status=heard, at=at) if self._gives_way_to(heard, at, asked) else told

    def _gives_way_to(self, heard: ShipmentStatus, at: datetime | None, asked: bool) -> bool:
        if ShipmentStatus.RETURNED in (self.status, heard):
            return heard is ShipmentStatus.RETURNED
        further = _WAY.index(heard) > _WAY.index(self.status)
        if self.at is None or at is None:
            if self.status is ShipmentStatus.DELIVERED:
                return heard in CONTRADICTS_DELIVERY
            if self.status is ShipmentStatus.EXCEPTION and heard is ShipmentStatus.DELIVERED:
                return asked
            return self.status not in FINAL
        return at > self.at or (at == self.at and further)


def _latest(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(filter(None, (one, other)), default=None)
