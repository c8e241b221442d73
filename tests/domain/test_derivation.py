"""The parts of an accrual sum to what is owed, whatever was paid when."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tusker.domain.loans.calculator import calculate, debt_from, effective_apr, milestones
from tusker.domain.loans.interest import (
    Debt,
    Paid,
    accrual_derivation,
    amount_due,
    charges_accrued,
    day_count_days,
    exact_interest,
    year_days,
)
from tusker.domain.money import round_minor
from tusker.domain.terms import DayCount, InterestMethod, InterestTiming, Terms
from tusker.domain.working_days import EVERY_DAY

START = date(2026, 1, 31)
RATES = st.integers(0, 1000).map(lambda n: Decimal(n) / 1000)
TERMS = st.builds(
    Terms,
    advance_rate=st.just(Decimal(1)),
    apr=RATES,
    tenor_days=st.integers(1, 200),
    day_count=st.sampled_from(DayCount),
    interest_method=st.sampled_from(InterestMethod),
    interest_timing=st.sampled_from(InterestTiming),
    fee_flat=st.integers(0, 10_000),
    grace_days=st.integers(0, 20),
    penal_rate=RATES,
)


@st.composite
def debts(draw: st.DrawFn) -> Debt:
    """A debt with some repayments of its principal, in any order of days."""
    principal, terms = draw(st.integers(10_000, 10**9)), draw(TERMS)
    debt = debt_from(principal, terms, START, EVERY_DAY)
    paid, left = [], principal
    for days in draw(st.lists(st.integers(0, 300), max_size=4)):
        part = draw(st.integers(0, left))
        left -= part
        paid.append(Paid(START + timedelta(days=days), 1, 2, 3, part))
    return Debt(principal, debt.fee, START, debt.due, terms, paid, debt.deducted)


@given(debts(), st.integers(0, 400))
def test_the_parts_sum_to_the_balance(debt: Debt, days: int) -> None:
    as_of = START + timedelta(days=days)
    made = accrual_derivation(debt, as_of)
    due = amount_due(debt, as_of)
    assert made.charges == charges_accrued(debt, as_of)
    assert round_minor(sum((s.amount for s in made.interest), Decimal(0))) == made.charges.interest
    assert round_minor(sum((s.amount for s in made.penalty), Decimal(0))) == made.charges.penalty
    paid = [p for p in debt.paid if p.value_date <= as_of]
    spent = sum(p.penalty + p.fee + p.interest + p.principal for p in paid)
    assert debt.principal - debt.deducted.total + made.charges.total - spent == due.total


@given(debts(), st.integers(0, 400))
def test_stretches_follow_each_other_with_the_principal_open_in_them(debt: Debt, days: int) -> None:
    as_of = START + timedelta(days=days)
    made = accrual_derivation(debt, as_of)
    for stretches, start in ((made.interest, START), (made.penalty, debt.due)):
        for before, after in itertools.pairwise(stretches):
            assert before.until == after.since
            assert before.principal > after.principal
        if stretches:
            assert stretches[0].since == start
            assert stretches[-1].until == as_of
    for s in made.interest:
        open_then = debt.principal - sum(p.principal for p in debt.paid if p.value_date <= s.since)
        assert s.principal == open_then
        compound = debt.terms.interest_method is InterestMethod.DAILY_COMPOUND_360
        convention = DayCount.ACT_360 if compound else debt.terms.day_count
        assert (s.days, s.year) == (day_count_days(s.since, s.until, convention), year_days(convention))
        if not compound:
            assert s.amount * s.year == s.principal * s.rate * s.days or abs(
                s.amount - s.principal * s.rate * s.days / s.year
            ) < Decimal("1e-20")


def test_half_a_unit_is_exactly_half() -> None:
    """36.5 % a year is a tenth of a percent a day: 500 units earn exactly half a unit, which goes to the even 0."""
    terms = Terms(Decimal(1), Decimal("0.365"), 10)
    for principal, days in ((500, 1), (1500, 3), (100, 15)):
        exact = exact_interest(principal, terms, START, START + timedelta(days=days))
        assert exact == Decimal(principal * days) / 1000


def test_milestones_are_the_days_that_matter() -> None:
    terms = Terms(Decimal(1), Decimal("0.18"), 40, grace_days=3, penal_rate=Decimal("0.2"))
    debt = debt_from(100_000, terms, START, EVERY_DAY)
    extra = START + timedelta(days=17)
    days = [(row.as_of - START).days for row in milestones(debt, [extra, START - timedelta(days=1)])]
    assert days == [0, 10, 17, 20, 30, 40, 44, 70, 100, 130]
    assert [row for row in milestones(debt) if row.as_of == debt.due] == [amount_due(debt, debt.due)]
    assert calculate(100_000, terms, START, EVERY_DAY).at_term == amount_due(debt, debt.due)


def test_rates_beyond_all_measure_are_left_out() -> None:
    assert effective_apr(100, 10**8, 1) is None
    assert effective_apr(100, 110, 365) == Decimal("0.1")
