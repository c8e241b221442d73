"""Working days: weekends, the nth weekday of a month, holidays."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

import config
from config import ConfigError
from tusker.domain.working_days import WorkingDays

HOLIDAYS = {date(2026, 3, 4): "Holi", date(2026, 3, 5): "Day after Holi"}
INDIA = WorkingDays(frozenset({(6, None), (5, 2), (5, 4)}), HOLIDAYS.get)


@pytest.mark.parametrize(
    ("day", "closed"),
    [
        (date(2026, 3, 2), None),
        (date(2026, 3, 1), "Sunday"),
        (date(2026, 3, 4), "Holi"),
        (date(2026, 3, 7), None),  # the first Saturday
        (date(2026, 3, 14), "Saturday"),  # the second
        (date(2026, 3, 21), None),
        (date(2026, 3, 28), "Saturday"),
        (date(2026, 5, 30), None),  # a fifth one
    ],
)
def test_why_the_bank_is_closed(day: date, closed: str | None) -> None:
    assert INDIA.closed_on(day) == closed


@given(st.dates(date(2020, 1, 1), date(2035, 1, 1)))
def test_the_next_working_day_is_the_first_one(day: date) -> None:
    found = INDIA.on_or_after(day)
    assert INDIA.closed_on(found) is None
    assert all(INDIA.closed_on(day + timedelta(days=n)) for n in range((found - day).days))


def load(**changes: str) -> dict[str, object]:
    return config.load({"DATABASE_URL": "postgresql://nowhere/x", **changes})


def test_the_defaults_follow_locale_and_currency() -> None:
    india = load()
    assert (india["HOLIDAY_COUNTRY"], india["HOLIDAY_MARKET"]) == ("IN", "XNSE")
    assert (5, 2) in india["WEEKEND"]  # type: ignore[operator]
    germany = load(LOCALE="de_DE", CURRENCY="EUR")
    assert (germany["HOLIDAY_COUNTRY"], germany["HOLIDAY_MARKET"]) == ("DE", "XECB")
    assert germany["WEEKEND"] == {(5, None), (6, None)}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOLIDAY_COUNTRY", "ATLANTIS"),
        ("HOLIDAY_COUNTRY", "DE-XX"),
        ("HOLIDAY_MARKET", "NOWHERE"),
        ("EXTRA_HOLIDAYS", "20 March"),
        ("WEEKEND", "funday"),
        ("WEEKEND", "sat6"),
        ("WEEKEND", "mon,tue,wed,thu,fri,sat,sun"),
    ],
)
def test_what_cannot_be_is_named_at_the_start(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name):
        load(**{name: value})


def test_own_days_have_names() -> None:
    assert load(EXTRA_HOLIDAYS="2026-03-20 Ugadi, 2026-09-14")["EXTRA_HOLIDAYS"] == {
        date(2026, 3, 20): "Ugadi",
        date(2026, 9, 14): "Holiday",
    }
