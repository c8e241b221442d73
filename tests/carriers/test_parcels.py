"""What the parcel carriers share: a detail only casts doubt, and nobody guesses between parcels."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tusker.carriers.parcels import (
    CONTRADICTS_DELIVERY,
    FINANCEABLE,
    instant,
    named_parcel,
    raw_words,
    refine,
    same_time,
)
from tusker.domain.delivery.shipments import ShipmentStatus, Told, TrackingEvent


@pytest.mark.parametrize("word", ShipmentStatus)
@pytest.mark.parametrize("detail", [None, *ShipmentStatus])
def test_a_detail_never_makes_a_delivery_nor_helps_a_status(
    word: ShipmentStatus, detail: ShipmentStatus | None
) -> None:
    result = refine(word, detail)
    if word is not ShipmentStatus.DELIVERED:
        assert result is not ShipmentStatus.DELIVERED
    elif detail in CONTRADICTS_DELIVERY:
        assert result is detail
    else:
        assert result is ShipmentStatus.DELIVERED
    if word not in FINANCEABLE:
        assert result is word


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-01T10:00:00Z", datetime(2024, 1, 1, 10, tzinfo=UTC)),
        ("2024-01-01T10:00:00+05:30", datetime(2024, 1, 1, 4, 30, tzinfo=UTC)),
        ("2024-01-01T10:00:00.123", datetime(2024, 1, 1, 10, 0, 0, 123000, tzinfo=UTC)),
        ("2024-01-01", datetime(2024, 1, 1, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("2024-02-30", None),
        ("", None),
        ("soon", None),
        (1704103200, None),
        (None, None),
    ],
)
def test_times(text: object, expected: datetime | None) -> None:
    assert instant(text) == expected


def test_a_stored_reference_fits_its_column() -> None:
    assert str(named_parcel("ab12345678", "USPS")) == "usps/AB12345678"
    assert str(named_parcel("A" * 45, "international-seur")) == "A" * 45


def test_no_two_raw_values_look_alike() -> None:
    values = ["null", None, "", '""', "true", True, "1", 1, "a b", "a", ["a"], {"a": 1}, "a/b"]
    assert len({raw_words(value) for value in values}) == len(values)
    assert raw_words("x" * 500, "y") == "x" * 120
    assert "\0" not in raw_words("a\0b", "\ud800")


def test_a_delivery_without_a_scan_is_not_of_the_time_of_an_earlier_mistake() -> None:
    first, second = (datetime(2026, 11, day, 10, tzinfo=UTC) for day in (1, 2))
    mistake = TrackingEvent(ShipmentStatus.DELIVERED, "delivered/null", first, {})
    underway = TrackingEvent(ShipmentStatus.IN_TRANSIT, "in_transit/null", second, {})
    now = TrackingEvent(ShipmentStatus.DELIVERED, "delivered/arrived_at_destination", None, {})
    assert same_time(now, (mistake,)) == first
    told = Told().hear(mistake.status, first).hear(underway.status, second)
    assert told.hear(now.status, same_time(now, (mistake, underway))).shown is ShipmentStatus.DELIVERED
