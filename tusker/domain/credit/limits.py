"""The rule of credit admission. The database function `admit_invoices` applies the same rule under locks;
a property test holds the two together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from tusker.domain.status import Status, Tone
from tusker.messages import say


class Bound(StrEnum):
    """The three limits, in the one order in which they are locked and checked everywhere."""

    CREDIT_LINE = "credit_line"
    SUPPLIER = "supplier"
    PURCHASER = "purchaser"


@dataclass(frozen=True, slots=True)
class LimitUse:
    """A limit and what is used of it, in minor units. A limit may be lower than what is used.

    `waiting` is what requests on the waiting list hold of it: nobody who asks later can have it.
    """

    limit: int
    used: int
    waiting: int = 0
    closed: bool = False
    """Whether it admits nothing whatever it leaves, because its company is on hold or it is not valid."""

    @property
    def left(self) -> int:
        """limit − used − waiting, negative when the limit was lowered or more waits than is left."""
        return self.limit - self.used - self.waiting

    @property
    def available(self) -> int:
        """What may still be admitted, never below zero, and nothing while it is closed."""
        return 0 if self.closed else max(0, self.left)

    @property
    def headroom(self) -> int:
        """limit − used, negative when the limit was lowered below what is used."""
        return self.limit - self.used


@dataclass(frozen=True, slots=True)
class Refusal:
    """Which limit bound first and how much it lacked, in minor units; and `besides` those after it that lacked too."""

    bound: Bound
    lacking: int
    besides: tuple[tuple[Bound, int], ...] = ()

    @property
    def lacks(self) -> tuple[tuple[Bound, int], ...]:
        """Every limit that lacked, in lock order, and by how much."""
        return ((self.bound, self.lacking), *self.besides)

    def at_once(self, principal: int) -> int:
        """What could have been financed at once of the `principal` asked for."""
        return max(0, principal - max(lacking for _, lacking in self.lacks))


def refusal_of(bound: str, lacking: int, supplier: int | None, purchaser: int | None) -> Refusal:
    """A refusal as it is stored: the first limit, and what supplier's and purchaser's lacked besides."""
    others = ((Bound.SUPPLIER, supplier), (Bound.PURCHASER, purchaser))
    return Refusal(Bound(bound), lacking, tuple((which, amount) for which, amount in others if amount))


@dataclass(frozen=True, slots=True)
class ThreeLimits:
    """The limits one invoice is held against."""

    credit_line: LimitUse
    supplier: LimitUse
    purchaser: LimitUse

    def in_order(self) -> tuple[tuple[Bound, LimitUse], ...]:
        """The limits in lock order."""
        return (
            (Bound.CREDIT_LINE, self.credit_line),
            (Bound.SUPPLIER, self.supplier),
            (Bound.PURCHASER, self.purchaser),
        )

    @property
    def available(self) -> int:
        """min over the three of (limit − exposure − what waits), never below zero."""
        return min(use.available for _, use in self.in_order())

    def check(self, principal: int) -> Refusal | None:
        """None when `principal` fits on all three limits, else the first that binds and what it and the others lack."""
        lacks = [(b, principal - use.left) for b, use in self.in_order() if principal > use.left]
        return Refusal(*lacks[0], tuple(lacks[1:])) if lacks else None


class LineState(Status):
    """The state of a credit line on a day; only an active line admits new requests."""

    ACTIVE = "active", Tone.GREEN
    SUSPENDED = "suspended", Tone.ORANGE
    NOT_YET_VALID = "not_yet_valid", Tone.GREY
    EXPIRED = "expired", Tone.GREY
    ON_HOLD = "on_hold", Tone.RED


SIDE_SAID = {"supplier": say("supplier"), "purchaser": say("purchaser")}
"""What a company is said to be, within a sentence."""
REFUSED_BY = (
    say("limit of the supplier"),
    say("limit of the purchaser"),
    say("limit of the credit line"),
    say("limit of the programme"),
)
"""What admission writes as the reason of a refusal."""


@dataclass(frozen=True, slots=True)
class Validity:
    """The days on which a limit admits something new, both inclusive; None for no beginning or no end."""

    first: date | None = None
    last: date | None = None

    @property
    def words(self) -> str:
        """Such as “2026-01-01 – open”."""
        return f"{self.first or 'open'} – {self.last or 'open'}"

    def reaches_beyond(self, other: Validity) -> bool:
        """Whether it has a day that the other does not have."""
        earlier = (self.first or date.min) < (other.first or date.min)
        return earlier or (self.last or date.max) > (other.last or date.max)

    def state_on(self, day: date) -> LineState:
        if self.first is not None and day < self.first:
            return LineState.NOT_YET_VALID
        return LineState.EXPIRED if self.last is not None and day > self.last else LineState.ACTIVE

    def holds_on(self, day: date) -> bool:
        """Whether it is a day on which something new is admitted."""
        return self.state_on(day) is LineState.ACTIVE


def line_state(status: str, validities: Iterable[Validity], today: date, *, held: bool = False) -> LineState:
    """The state of a line on a day, in the order in which admission asks.

    `validities` are those of the line and of its companies' limits; `held`: one of its companies is on hold.
    """
    if status != LineState.ACTIVE:
        return LineState.SUSPENDED
    states = {validity.state_on(today) for validity in validities}
    for state in (LineState.NOT_YET_VALID, LineState.EXPIRED):
        if state in states:
            return state
    return LineState.ON_HOLD if held else LineState.ACTIVE


def available_now(limits: ThreeLimits, state: LineState) -> int:
    """The most principal that a new request on a line is admitted for now, in minor units."""
    return limits.available if state is LineState.ACTIVE else 0
