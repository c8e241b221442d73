"""The polling table: how long until an order is asked for again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tusker.domain.shipments import FINAL, POLL_WEIGHTS, ShipmentStatus, next_poll_after

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
