"""The polling table: how long until an order is asked for again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tusker.domain.delivery.shipments import (
    FINAL,
    POLL_WEIGHTS,
    ShipmentStatus,
    Told,
    TrackedOrder,
    next_poll_after,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "minutes"),
    [
        ("out_for_delivery", 5),
        ("in_transit", 15),
        ("picked_up", 30),
        ("exception", 30),
        ("unknown", 30),
        ("pending", 60),
        ("delivered", None),
        ("returned", None),
        ("cancelled", None),
    ],
)
def test_interval_of_every_status(status: str, minutes: int | None) -> None:
    expected = None if minutes is None else NOW + timedelta(minutes=minutes)
    assert next_poll_after(ShipmentStatus(status), 0, NOW) == expected


def test_every_status_is_either_final_or_has_an_interval() -> None:
    assert set(POLL_WEIGHTS) | FINAL == set(ShipmentStatus)
    assert not set(POLL_WEIGHTS) & FINAL


@pytest.mark.parametrize(
    ("failures", "minutes"), [(1, 30), (2, 60), (3, 120), (5, 480), (6, 720), (7, 720), (10**6, 720)]
)
def test_failures_double_the_interval_up_to_twelve_hours(failures: int, minutes: int) -> None:
    assert next_poll_after(ShipmentStatus.IN_TRANSIT, failures, NOW) == NOW + timedelta(minutes=minutes)


@pytest.mark.parametrize("status", sorted(POLL_WEIGHTS))
def test_back_off_of_every_status_ends_at_the_same_longest_interval(status: ShipmentStatus) -> None:
    assert next_poll_after(status, 50, NOW) == NOW + timedelta(hours=12)


@pytest.mark.parametrize("status", sorted(FINAL))
def test_a_final_status_is_not_polled_even_after_failures(status: ShipmentStatus) -> None:
    assert next_poll_after(status, 3, NOW) is None
    assert next_poll_after(status, 0, NOW, wanted=True) == NOW + timedelta(hours=1)
    assert next_poll_after(status, 3, NOW, wanted=True) == NOW + timedelta(hours=8)


def test_a_demo_quickens_everything_in_proportion() -> None:
    second = timedelta(seconds=1)
    assert next_poll_after(ShipmentStatus.OUT_FOR_DELIVERY, 0, NOW, minimum=second) == NOW + second
    assert next_poll_after(ShipmentStatus.PENDING, 0, NOW, minimum=second) == NOW + 12 * second
    assert next_poll_after(ShipmentStatus.PENDING, 99, NOW, minimum=second) == NOW + 144 * second


@pytest.mark.parametrize(
    ("failures", "now", "minimum", "named"),
    [
        (-1, NOW, timedelta(minutes=5), "failures"),
        (0, NOW.replace(tzinfo=None), timedelta(minutes=5), "now"),
        (0, NOW, timedelta(0), "minimum"),
    ],
)
def test_senseless_arguments_are_named(failures: int, now: datetime, minimum: timedelta, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        next_poll_after(ShipmentStatus.PENDING, failures, now, minimum=minimum)


S = ShipmentStatus
EARLY, LATE = NOW - timedelta(hours=1), NOW


@pytest.mark.parametrize(
    ("known", "known_at", "heard", "heard_at", "news"),
    [
        (S.IN_TRANSIT, EARLY, S.DELIVERED, LATE, True),
        (S.DELIVERED, LATE, S.IN_TRANSIT, EARLY, False),  # reordered
        (S.OUT_FOR_DELIVERY, LATE, S.IN_TRANSIT, EARLY, False),
        (S.DELIVERED, EARLY, S.RETURNED, LATE, True),  # delivered, then sent back
        (S.DELIVERED, EARLY, S.IN_TRANSIT, LATE, True),  # taken back
        (S.RETURNED, LATE, S.DELIVERED, EARLY, False),
        (S.DELIVERED, LATE, S.DELIVERED, LATE, False),
        (S.DELIVERED, EARLY, S.UNKNOWN, LATE, False),  # a delivery that is known stays
        (S.IN_TRANSIT, EARLY, S.UNKNOWN, LATE, True),  # shown, needing a look
        (S.IN_TRANSIT, EARLY, S.UNKNOWN, None, True),
        (S.UNKNOWN, LATE, S.DELIVERED, EARLY, True),
        (S.UNKNOWN, LATE, S.IN_TRANSIT, EARLY, False),
        (S.UNKNOWN, LATE, S.IN_TRANSIT, LATE, True),  # the fault is over
        (S.IN_TRANSIT, LATE, S.DELIVERED, LATE, True),
        (S.DELIVERED, LATE, S.IN_TRANSIT, LATE, False),
        (S.IN_TRANSIT, None, S.PICKED_UP, None, True),  # no times: what was heard last
        (S.DELIVERED, None, S.IN_TRANSIT, None, False),
        (S.DELIVERED, EARLY, S.PENDING, None, False),
        (S.DELIVERED, None, S.RETURNED, LATE, True),
        (S.PENDING, None, S.DELIVERED, None, True),
        (S.DELIVERED, None, S.EXCEPTION, EARLY, True),  # which was first nobody knows: no money goes out
        (S.DELIVERED, None, S.CANCELLED, EARLY, True),
        (S.CANCELLED, LATE, S.DELIVERED, None, False),
        (S.EXCEPTION, EARLY, S.DELIVERED, None, True),  # asked, the vendor says that it is so now
    ],
)
def test_what_is_news(
    known: S, known_at: datetime | None, heard: S, heard_at: datetime | None, news: bool
) -> None:
    before = Told().hear(known, known_at)
    assert (before.hear(heard, heard_at).shown is not before.shown) is news


def test_a_delivery_told_unasked_and_without_a_time_does_not_end_trouble() -> None:
    trouble = Told().hear(S.EXCEPTION, EARLY)
    assert trouble.hear(S.DELIVERED, None, asked=False).shown is S.EXCEPTION
    assert trouble.hear(S.DELIVERED, LATE, asked=False).shown is S.DELIVERED
    assert Told().hear(S.OUT_FOR_DELIVERY, EARLY).hear(S.DELIVERED, None, asked=False).shown is S.DELIVERED


def test_a_time_too_far_ahead_is_none() -> None:
    at = NOW + timedelta(hours=14)
    order = TrackedOrder("x", "1", S.IN_TRANSIT, "x", True, updated_at=at, near=at)
    assert order.as_of(NOW) == order
    assert order.as_of(NOW - timedelta(days=1)) == replace(order, updated_at=None, near=None)


def test_what_was_sent_back_is_delivered_to_its_sender_only() -> None:
    for told in (Told().hear(S.RETURNED, EARLY), Told().hear(S.RETURNED, None)):
        assert told.hear(S.IN_TRANSIT, NOW).hear(S.DELIVERED, NOW + timedelta(days=1)).shown is S.RETURNED
    assert Told().hear(S.DELIVERED, NOW).hear(S.RETURNED, EARLY).shown is S.RETURNED


def test_a_delivery_that_was_taken_back_is_not_told_again_over_something_unclear() -> None:
    told = Told().hear(S.DELIVERED, EARLY).hear(S.IN_TRANSIT, NOW).hear(S.UNKNOWN, NOW + timedelta(hours=1))
    assert told.shown is S.UNKNOWN
    assert told.hear(S.DELIVERED, EARLY).shown is S.UNKNOWN


@pytest.mark.parametrize(
    ("unclear_at", "clear_at", "shown", "shown_at"),
    [
        (None, NOW, S.IN_TRANSIT, NOW),  # nothing to compare: what is clear ends the doubt
        (NOW, None, S.IN_TRANSIT, None),
        (None, None, S.IN_TRANSIT, None),
        (NOW, NOW, S.IN_TRANSIT, NOW),
        (NOW, NOW + timedelta(hours=1), S.IN_TRANSIT, NOW + timedelta(hours=1)),
        (NOW, NOW - timedelta(hours=1), S.UNKNOWN, NOW),  # told before the doubt arose
    ],
)
def test_something_clear_after_something_unclear(
    unclear_at: datetime | None, clear_at: datetime | None, shown: S, shown_at: datetime | None
) -> None:
    unclear = Told().hear(S.PICKED_UP, EARLY).hear(S.UNKNOWN, unclear_at)
    assert (unclear.unclear, unclear.unclear_at, unclear.shown) == (True, unclear_at, S.UNKNOWN)
    told = unclear.hear(S.IN_TRANSIT, clear_at)
    assert (told.shown, told.shown_at) == (shown, shown_at)
    doubted = unclear_at is not None and clear_at is not None
    assert (told.unclear, told.unclear_at) == (doubted, unclear_at if doubted else None)


def test_what_was_always_clear_is_not_in_doubt() -> None:
    told = Told().hear(S.PICKED_UP, EARLY).hear(S.IN_TRANSIT, NOW)
    assert (told.unclear, told.unclear_at, told.shown, told.shown_at) == (False, None, S.IN_TRANSIT, NOW)


@given(
    told=st.lists(st.sampled_from(list(S)), min_size=1, max_size=7),
    chance=st.randoms(use_true_random=False),
)
def test_in_whichever_order_news_comes_it_ends_alike(told: list[S], chance: Random) -> None:
    def end(news: list[tuple[S, datetime]]) -> Told:
        known = Told()
        for heard, heard_at in news:
            known = known.hear(heard, heard_at)
        return known

    in_order = [(status, NOW + timedelta(minutes=n // 2)) for n, status in enumerate(told)]
    shuffled = in_order * 2  # replays too
    chance.shuffle(shuffled)
    assert end(shuffled) == end(in_order)


@given(chance=st.floats(0, 1, exclude_max=True))
def test_chance_only_lengthens_an_interval_and_by_little(chance: float) -> None:
    plain = next_poll_after(S.IN_TRANSIT, 2, NOW)
    spread = next_poll_after(S.IN_TRANSIT, 2, NOW, chance=chance)
    assert plain is not None
    assert spread is not None
    assert plain - NOW <= spread - NOW <= (plain - NOW) * 1.2


@pytest.mark.parametrize("chance", [-0.01, 1])
def test_chance_is_a_share_below_one(chance: float) -> None:
    with pytest.raises(ValueError, match="chance must be from 0 up to 1"):
        next_poll_after(S.IN_TRANSIT, 0, NOW, chance=chance)
