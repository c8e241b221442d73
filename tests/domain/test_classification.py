"""States by days past due, and the way back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tusker.domain.loans.classification import (
    NON_PERFORMING,
    AssetClass,
    Rules,
    Standing,
    classify,
    classify_loan,
    provision,
)

DAY = date(2026, 5, 31)
SHARES = [Decimal(part) for part in ("0.004", "0.004", "0.004", "0.004", "0.15", "1")]
RULES = Rules(1, 31, 61, 91, 365, dict(zip(AssetClass, SHARES, strict=True)))


@pytest.mark.parametrize(
    ("days", "state"),
    [
        (0, "standard"),
        (1, "sma_0"),
        (30, "sma_0"),
        (31, "sma_1"),
        (60, "sma_1"),
        (61, "sma_2"),
        (90, "sma_2"),
        (91, "substandard"),
        (455, "substandard"),
        (456, "doubtful"),
    ],
)
def test_the_edges_of_the_norms(days: int, state: str) -> None:
    found = classify(DAY, days, Standing(), RULES)
    assert found.state == state
    assert (found.npa_since is not None) is (found.state in NON_PERFORMING)


def test_the_clarifications_own_example_with_its_own_count() -> None:
    rules, due = replace(RULES, sma_1=30, sma_2=60, substandard=90), date(2021, 3, 31)
    for day, state in (
        (date(2021, 4, 30), "sma_1"),
        (date(2021, 5, 30), "sma_2"),
        (date(2021, 6, 29), "substandard"),
    ):
        assert classify(day, (day - due).days, Standing(), rules).state == state
        assert classify(day - timedelta(days=1), (day - due).days - 1, Standing(), rules).state != state


@given(st.lists(st.integers(0, 600), min_size=1, max_size=30))
def test_day_by_day(late: list[int]) -> None:
    """Whatever the days past due do: non-performing ends only when nothing is in arrears, and its day is kept."""
    standing = Standing()
    for n, days in enumerate(late):
        before, standing = standing, classify(DAY + timedelta(days=n), days, standing, RULES)
        assert (standing == Standing()) is (days == 0)
        if before.npa_since is not None and days:
            assert standing.npa_since == before.npa_since
            assert standing.state in NON_PERFORMING
        if standing.npa_since is None:
            assert days <= 90
        loan = classify_loan(DAY, min(days, 5), standing, RULES)
        assert loan == standing or (
            standing.npa_since is None and loan.state.severity <= standing.state.severity
        )


@given(a=st.integers(0, 600), b=st.integers(0, 600))
def test_more_days_are_never_better(a: int, b: int) -> None:
    fewer, more = sorted((a, b))
    states = [classify(DAY, days, Standing(), RULES).state for days in (fewer, more)]
    assert states[0].severity <= states[1].severity
    assert provision(8_000_00, states[0], RULES) <= provision(8_000_00, states[1], RULES)


def test_provisions_are_rounded_once_and_never_negative() -> None:
    assert provision(8_000_00, AssetClass.STANDARD, RULES) == 3_200
    assert provision(1_25, AssetClass.STANDARD, RULES) == 0
    assert provision(3_75, AssetClass.STANDARD, RULES) == 2
    assert provision(-5, AssetClass.DOUBTFUL, RULES) == 0
