"""Interest against QuantLib's day counters, and what is owed on a day."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
import QuantLib as ql
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.profiles import examples
from tusker.domain.loans.interest import (
    Debt,
    Paid,
    amount_at_term,
    amount_due,
    day_count_days,
    exact_interest,
)
from tusker.domain.money import round_minor
from tusker.domain.terms import DayCount, InterestMethod, Terms
from tusker.domain.working_days import EVERY_DAY
from tusker.errors import InvalidInput

days = st.dates(date(2000, 1, 1), date(2080, 12, 31))
principals = st.integers(1, 10**12)
rates = st.decimals(Decimal(0), Decimal(1), places=6)

COUNTERS = {
    DayCount.ACT_365F: ql.Actual365Fixed(),
    DayCount.ACT_360: ql.Actual360(),
    DayCount.THIRTY_360: ql.Thirty360(ql.Thirty360.BondBasis),
}
BASIS = {DayCount.ACT_365F: 365, DayCount.ACT_360: 360, DayCount.THIRTY_360: 360}


def terms(**changes: object) -> Terms:
    base: dict[str, object] = {"advance_rate": Decimal("0.8"), "apr": Decimal("0.18"), "tenor_days": 90}
    return Terms(**{**base, **changes})  # type: ignore[arg-type]


def half_even(value: Fraction) -> int:
    return round(value)  # Python rounds fractions half to even, exactly


@settings(max_examples=examples(2000))
@given(principals, rates, days, st.integers(0, 1500), st.sampled_from(DayCount))
def test_simple_interest_agrees_with_quantlib_to_the_minor_unit(
    principal: int, apr: Decimal, start: date, length: int, convention: DayCount
) -> None:
    end = start + timedelta(days=length)
    counted = COUNTERS[convention].dayCount(
        ql.Date(start.day, start.month, start.year), ql.Date(end.day, end.month, end.year)
    )
    assert day_count_days(start, end, convention) == counted
    expected = half_even(principal * Fraction(apr) * counted / BASIS[convention])
    assert (
        round_minor(exact_interest(principal, terms(apr=apr, day_count=convention), start, end)) == expected
    )


@settings(max_examples=examples(300))
@given(principals, rates, st.integers(0, 730))
def test_daily_compounding_is_the_pilots_formula(principal: int, apr: Decimal, length: int) -> None:
    start = date(2026, 1, 1)
    on = terms(apr=apr, interest_method=InterestMethod.DAILY_COMPOUND_360)
    exact = principal * (1 + Fraction(apr) / 360) ** length - principal
    got = exact_interest(principal, on, start, start + timedelta(days=length))
    assert abs(Fraction(got) - exact) < Fraction(1, 10**6)


some_terms = st.builds(
    terms,
    apr=rates,
    tenor_days=st.integers(1, 365),
    day_count=st.sampled_from(DayCount),
    interest_method=st.sampled_from(InterestMethod),
    fee_flat=st.integers(0, 10_000),
    fee_rate=st.decimals(Decimal(0), Decimal("0.1"), places=4),
    grace_days=st.integers(0, 30),
    penal_rate=rates,
)


def debt(principal: int, on: Terms, start: date = date(2026, 1, 15), paid: tuple[Paid, ...] = ()) -> Debt:
    return Debt(principal, on.fee_of(principal), start, EVERY_DAY.due_date(start, on), on, paid)


@given(principals, some_terms)
def test_live_equals_term_on_the_due_date(principal: int, on: Terms) -> None:
    owed = debt(principal, on)
    assert amount_due(owed, owed.due) == amount_at_term(owed)


@given(principals, some_terms, st.integers(0, 500))
def test_a_debt_never_shrinks_by_itself(principal: int, on: Terms, day: int) -> None:
    owed = debt(principal, on)
    today = owed.start + timedelta(days=day)
    assert amount_due(owed, today).total <= amount_due(owed, today + timedelta(days=1)).total


@given(principals, some_terms, st.integers(0, 500))
def test_paying_exactly_what_is_due_leaves_nothing_on_any_later_day(
    principal: int, on: Terms, day: int
) -> None:
    owed = debt(principal, on)
    when = owed.start + timedelta(days=day)
    due = amount_due(owed, when)
    settled = debt(principal, on, paid=(Paid(when, due.penalty, due.fee, due.interest, due.principal),))
    assert amount_due(settled, when).total == 0
    later = amount_due(settled, when + timedelta(days=400))
    assert later.total == later.days_past_due == 0


def test_penalty_starts_after_grace_and_then_counts_from_the_day_after_the_due_date() -> None:
    on = terms(apr=Decimal(0), tenor_days=30, grace_days=5, penal_rate=Decimal("0.365"))
    owed = debt(1_000_000, on)
    assert amount_due(owed, owed.due + timedelta(days=5)).penalty == 0
    assert amount_due(owed, owed.due + timedelta(days=6)).penalty == 6_000
    assert amount_due(owed, owed.due + timedelta(days=6)).days_past_due == 6


@pytest.mark.parametrize(
    ("start", "tenor", "convention", "day", "interest", "penalty"),
    [
        (date(2026, 1, 1), 30, DayCount.ACT_365F, date(2026, 1, 31), 118_36, 0),
        (
            date(2026, 1, 1),
            30,
            DayCount.ACT_365F,
            date(2026, 2, 1),
            122_30,
            8_00,
        ),  # a day late, over the month's end
        (date(2026, 1, 1), 30, DayCount.THIRTY_360, date(2026, 1, 31), 120_00, 0),
        (
            date(2026, 1, 1),
            30,
            DayCount.THIRTY_360,
            date(2026, 2, 1),
            120_00,
            8_00,
        ),  # the 31st is no day of its own
        (date(2028, 2, 1), 28, DayCount.ACT_365F, date(2028, 2, 29), 110_47, 0),  # due on the leap day
        (date(2028, 2, 1), 28, DayCount.ACT_365F, date(2028, 3, 1), 114_41, 8_00),
        (date(2028, 1, 31), 29, DayCount.THIRTY_360, date(2028, 2, 29), 116_00, 0),
        (date(2028, 1, 31), 29, DayCount.THIRTY_360, date(2028, 3, 1), 124_00, 8_00),
        (date(2027, 2, 1), 28, DayCount.ACT_360, date(2027, 3, 1), 112_00, 0),  # no leap year
    ],
)
def test_a_day_early_or_late_over_a_month_end(
    start: date, tenor: int, convention: DayCount, day: date, interest: int, penalty: int
) -> None:
    """8,000.00 at 18 % a year, 36.5 % of penal rate, no grace."""
    on = terms(tenor_days=tenor, day_count=convention, penal_rate=Decimal("0.365"))
    due = amount_due(Debt(8_000_00, 0, start, start + timedelta(days=tenor), on), day)
    assert (due.interest, due.penalty) == (interest, penalty)


def test_interest_runs_on_what_is_open_after_a_part_was_repaid() -> None:
    on = terms(apr=Decimal("0.365"), tenor_days=100)
    part = Paid(date(2026, 1, 25), interest=10_000, principal=400_000)
    due = amount_due(debt(1_000_000, on, paid=(part,)), date(2026, 2, 4))
    assert (due.principal, due.interest) == (600_000, 6_000)


def test_the_thirty_first_counts_as_the_thirtieth() -> None:
    assert day_count_days(date(2026, 1, 31), date(2026, 3, 31), DayCount.THIRTY_360) == 60
    assert day_count_days(date(2026, 1, 30), date(2026, 3, 31), DayCount.THIRTY_360) == 60
    assert day_count_days(date(2026, 1, 29), date(2026, 3, 31), DayCount.THIRTY_360) == 62


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("advance_rate", Decimal(0)),
        ("advance_rate", Decimal("1.01")),
        ("apr", Decimal("-0.01")),
        ("apr", Decimal("1.5")),
        ("tenor_days", 0),
        ("tenor_days", 731),
        ("fee_flat", -1),
        ("fee_rate", Decimal("0.21")),
        ("grace_days", -1),
        ("penal_rate", Decimal(2)),
    ],
)
def test_terms_out_of_bounds_name_their_field(field: str, value: object) -> None:
    with pytest.raises(InvalidInput) as refused:
        terms(**{field: value})
    assert refused.value.field == field
