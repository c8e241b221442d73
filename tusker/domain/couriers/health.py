"""When a delivery company may be asked: its breaker, its rate limit, and the pauses that it asks for.

Pure rules over the state that all processes share; `tusker.services.couriers.gate` keeps it in the database.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

FAILURES_TO_OPEN = 5
OPEN_FOR = timedelta(seconds=30)
PROBE_LEASE = timedelta(seconds=60)
"""How long the others wait for a probe; longer than any question takes."""
LONGEST_PAUSE = timedelta(hours=1)
"""The longest pause that a delivery company may ask for: a mistaken `Retry-After` must not stop tracking for a
month."""
LONGEST_DEBT = timedelta(seconds=2)
"""How far people's questions, which never wait, may overdraw the rate limit."""

LONGEST_SKEW = timedelta(seconds=30)
"""How far the clocks of two hosts may differ. A time further ahead than the rules allow was written by a wrong clock,
and is not believed: it would stop tracking until then."""


@dataclass(frozen=True, slots=True)
class Health:
    """How a delivery company is doing. All times are aware; see `tusker.models.CarrierState`."""

    failures: int = 0
    failing_since: datetime | None = None
    open_until: datetime | None = None
    probing_until: datetime | None = None
    paused_until: datetime | None = None
    spent_until: datetime | None = None

    @property
    def is_well(self) -> bool:
        return self.failures == 0 and self.open_until is None

    def blocked_until(self, now: datetime) -> datetime | None:
        """Until when nobody may ask, whatever the rate limit says; None when one may (perhaps only to probe)."""
        times = [believed(self.paused_until, now, LONGEST_PAUSE), believed(self.open_until, now, OPEN_FOR)]
        if self.open_until is not None:
            times.append(believed(self.probing_until, now, PROBE_LEASE))
        latest = max((time for time in times if time is not None), default=None)
        return latest if latest is not None and latest > now else None


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate limit: no second ever holds more than `per_second` questions."""

    per_second: float

    def __post_init__(self) -> None:
        if not 0 < self.per_second <= 10_000:
            raise ValueError("a rate limit must be more than zero and at most 10,000 questions a second")

    @property
    def burst(self) -> int:
        """How many may be asked at once after a rest."""
        return max(1, int(self.per_second / 4))

    @property
    def interval(self) -> timedelta:
        """The time that one question uses up. Burst and steady flow together stay within `per_second` in any
        second."""
        steady = self.per_second - self.burst if self.per_second >= 2 else self.per_second / 2
        return timedelta(seconds=1 / steady)


def may_grant(health: Health, rate: Rate, now: datetime) -> int:
    """How many questions may be asked now: none while blocked, one to probe, else what the rate limit leaves."""
    if health.blocked_until(now) is not None:
        return 0
    spent = _spent_until(health, rate, now) - now
    left = max(0, int((rate.burst * rate.interval - spent) / rate.interval))
    return min(left, 1) if health.open_until is not None else left


def take(health: Health, rate: Rate, now: datetime, questions: int) -> Health:
    """The state after `questions` of those that `may_grant` allowed; with an open breaker the one is its probe."""
    if questions == 0:
        return health
    spent = _spent_until(health, rate, now) + questions * rate.interval
    probing = now + PROBE_LEASE if health.open_until is not None else None
    return replace(health, spent_until=spent, probing_until=probing)


def take_for_a_person(health: Health, rate: Rate, now: datetime) -> Health:
    """The state after a question that does not wait for the rate limit; polling waits longer in its place."""
    taken = take(health, rate, now, 1)
    return replace(taken, spent_until=min(taken.spent_until or now, most_spent(rate, now)))


def most_spent(rate: Rate, now: datetime) -> datetime:
    """Until when people's questions use up the rate limit at most."""
    return now + rate.burst * rate.interval + LONGEST_DEBT


def believed(until: datetime | None, now: datetime, longest: timedelta) -> datetime | None:
    """A time that a rule sets at most `longest` ahead, or None where it lies further ahead than that."""
    return until if until is not None and until <= now + longest + LONGEST_SKEW else None


def _spent_until(health: Health, rate: Rate, now: datetime) -> datetime:
    return max(believed(health.spent_until, now, most_spent(rate, now) - now) or now, now)


def after_answer(health: Health) -> Health:
    """The state after an answered question: the breaker is closed."""
    return replace(health, failures=0, failing_since=None, open_until=None, probing_until=None)


def after_failure(health: Health, now: datetime, retry_after: timedelta | None = None) -> Health:
    """The state after a failure of the delivery company: the fifth in a row opens the breaker, and so does a failed
    probe. `retry_after` is the pause that it asked for."""
    failures = health.failures + 1
    opens = health.open_until is not None or failures >= FAILURES_TO_OPEN
    pause = believed(health.paused_until, now, LONGEST_PAUSE)
    if retry_after is not None:
        asked = now + min(retry_after, LONGEST_PAUSE)
        pause = asked if pause is None else max(pause, asked)
    return replace(
        health,
        failures=failures,
        failing_since=health.failing_since or now,
        open_until=max(believed(health.open_until, now, OPEN_FOR) or now, now + OPEN_FOR) if opens else None,
        probing_until=None,
        paused_until=pause,
    )


def after_refusal(health: Health, now: datetime) -> Health:
    """The state after a refused key: nothing is learnt until an admin has corrected it, but the breaker is closed,
    since the delivery company answers."""
    return replace(
        after_answer(health), failures=health.failures + 1, failing_since=health.failing_since or now
    )


def give_back_probe(health: Health) -> Health:
    """The state after a probe that ended without asking: another may try."""
    return replace(health, probing_until=None)
