"""Working days: weekends, the nth weekday of a month, holidays."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

import config
from config import ConfigError
from tests.support.values import TERMS
from tusker.domain.terms import DueConvention
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
        ("CURRENCY", "XYZ"),
        ("CURRENCY", "inr"),
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


MAY_DAY = WorkingDays(
    frozenset({(5, None), (6, None)}), {date(2026, 4, 30): "Local day", date(2026, 5, 1): "May Day"}.get
)


@pytest.mark.parametrize(
    ("calendar", "last", "following", "modified"),
    [
        (INDIA, date(2026, 3, 10), date(2026, 3, 10), date(2026, 3, 10)),  # open
        (INDIA, date(2026, 3, 4), date(2026, 3, 6), date(2026, 3, 6)),  # two holidays inside the month
        (INDIA, date(2026, 5, 31), date(2026, 6, 1), date(2026, 5, 30)),  # a Sunday after a fifth Saturday
        (INDIA, date(2026, 2, 28), date(2026, 3, 2), date(2026, 2, 27)),  # a fourth Saturday
        (
            INDIA,
            date(2032, 2, 29),
            date(2032, 3, 1),
            date(2032, 2, 27),
        ),  # a leap Sunday after a fourth Saturday
        (MAY_DAY, date(2026, 4, 30), date(2026, 5, 4), date(2026, 4, 29)),  # holidays over the month's end
        (
            MAY_DAY,
            date(2026, 1, 31),
            date(2026, 2, 2),
            date(2026, 1, 30),
        ),  # a Saturday, the last of its month
        (MAY_DAY, date(2025, 8, 31), date(2025, 9, 1), date(2025, 8, 29)),  # a Sunday, the last of its month
    ],
)
def test_due_dates_by_each_convention(
    calendar: WorkingDays, last: date, following: date, modified: date
) -> None:
    for convention, due in (("none", last), ("following", following), ("modified_following", modified)):
        terms = replace(TERMS, due_convention=DueConvention(convention))
        assert calendar.due_date(last - timedelta(days=terms.tenor_days), terms) == due, convention


def test_a_due_date_never_moves_back_to_its_start() -> None:
    terms = replace(TERMS, tenor_days=1, due_convention=DueConvention.MODIFIED_FOLLOWING)
    assert MAY_DAY.due_date(date(2026, 4, 29), terms) == date(2026, 5, 4)


@given(st.dates(date(2020, 1, 1), date(2035, 1, 1)), st.integers(1, 400))
def test_modified_following_leaves_its_month_only_when_nothing_of_it_is_open(start: date, tenor: int) -> None:
    terms = replace(TERMS, tenor_days=tenor, due_convention=DueConvention.MODIFIED_FOLLOWING)
    last = start + timedelta(days=tenor)
    due = INDIA.due_date(start, terms)
    assert due > start
    assert INDIA.closed_on(due) is None
    after = INDIA.on_or_after(last)
    if after.month == last.month:
        assert due == after
    else:
        assert due.month == last.month or INDIA.on_or_before(last) <= start
