"""The breaker, the rate limit and the pauses of a delivery company, as rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tusker.domain.couriers.health import (
    FAILURES_TO_OPEN,
    LONGEST_PAUSE,
    OPEN_FOR,
    PROBE_LEASE,
    Health,
    Rate,
    after_answer,
    after_failure,
    after_refusal,
    may_grant,
    take,
    take_for_a_person,
)

NOW = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)
FAST = Rate(100)


def failed(times: int, health: Health | None = None) -> Health:
    result = health or Health()
    for _ in range(times):
        result = after_failure(result, NOW)
    return result


def test_the_fifth_failure_in_a_row_opens_and_an_answer_between_starts_anew() -> None:
    assert failed(FAILURES_TO_OPEN - 1).blocked_until(NOW) is None
    assert failed(FAILURES_TO_OPEN).blocked_until(NOW) == NOW + OPEN_FOR
    assert failed(FAILURES_TO_OPEN - 1, after_answer(failed(4))).blocked_until(NOW) is None


def test_an_open_breaker_lets_one_probe_at_a_time() -> None:
    open_ = failed(FAILURES_TO_OPEN)
    later = NOW + OPEN_FOR
    assert may_grant(open_, FAST, later - timedelta(seconds=1)) == 0
    assert may_grant(open_, FAST, later) == 1
    probing = take(open_, FAST, later, 1)
    assert may_grant(probing, FAST, later + timedelta(seconds=5)) == 0
    assert may_grant(probing, FAST, later + PROBE_LEASE) == 1, "the probe of a process that died"
    assert may_grant(after_answer(probing), FAST, later + timedelta(seconds=5)) == FAST.burst
    again = after_failure(probing, later)
    assert again.blocked_until(later) == later + OPEN_FOR
    assert again.failing_since == NOW


@pytest.mark.parametrize(
    ("asked", "kept"),
    [(timedelta(seconds=20), timedelta(seconds=20)), (timedelta(days=30), LONGEST_PAUSE)],
)
def test_a_pause_that_is_asked_for_is_kept_even_when_somebody_is_answered(
    asked: timedelta, kept: timedelta
) -> None:
    paused = after_answer(after_failure(Health(), NOW, asked))
    assert may_grant(paused, FAST, NOW + kept - timedelta(milliseconds=1)) == 0
    assert may_grant(paused, FAST, NOW + kept) > 0


@given(
    per_second=st.sampled_from([0.5, 1, 2, 3, 5, 6, 8.3, 100]),
    steps=st.lists(st.tuples(st.integers(0, 700), st.integers(1, 8)), min_size=1, max_size=60),
)
def test_no_second_holds_more_questions_than_agreed(per_second: float, steps: list[tuple[int, int]]) -> None:
    rate, health, now = Rate(per_second), Health(), NOW
    asked: list[datetime] = []
    for wait, wanted in steps:
        now += timedelta(milliseconds=wait)
        granted = min(wanted, may_grant(health, rate, now))
        health = take(health, rate, now, granted)
        asked += [now] * granted
    for first in asked:
        within = [at for at in asked if first <= at < first + timedelta(seconds=1)]
        assert len(within) <= max(1, per_second)


@given(per_second=st.sampled_from([0.5, 1, 5, 100]))
def test_after_a_rest_there_is_always_something_to_grant(per_second: float) -> None:
    rate = Rate(per_second)
    spent = take(Health(), rate, NOW, rate.burst)
    assert may_grant(spent, rate, NOW) == 0
    assert may_grant(spent, rate, NOW + rate.interval) == 1
    assert may_grant(spent, rate, NOW + rate.burst * rate.interval) == rate.burst


def test_people_go_first_but_do_not_starve_polling_for_long() -> None:
    rate, health = Rate(5), Health()
    for _ in range(1000):
        health = take_for_a_person(health, rate, NOW)
    assert may_grant(health, rate, NOW + timedelta(seconds=1)) == 0
    assert may_grant(health, rate, NOW + timedelta(seconds=3)) > 0


def test_a_refused_key_fails_without_a_breaker() -> None:
    refused = after_refusal(after_refusal(failed(FAILURES_TO_OPEN), NOW), NOW + OPEN_FOR)
    assert (refused.failures, refused.failing_since) == (FAILURES_TO_OPEN + 2, NOW)
    assert may_grant(refused, FAST, NOW) == FAST.burst
    assert after_answer(refused) == Health()


@given(ahead=st.timedeltas(timedelta(hours=2), timedelta(days=400)))
def test_what_a_clock_that_was_ahead_has_written_is_not_believed(ahead: timedelta) -> None:
    then = NOW + ahead
    skewed = take(after_failure(failed(FAILURES_TO_OPEN), then, LONGEST_PAUSE), FAST, then, 1)
    assert may_grant(skewed, FAST, then) == 0
    assert skewed.blocked_until(NOW) is None
    assert may_grant(skewed, FAST, NOW) == 1
    busy = take(Health(), FAST, then, FAST.burst)
    assert may_grant(busy, FAST, NOW) == FAST.burst
    assert may_grant(take(busy, FAST, NOW, FAST.burst), FAST, NOW) == 0
    assert after_failure(skewed, NOW).blocked_until(NOW) == NOW + OPEN_FOR
