"""A due date that is moved: one rule for the interest of the days between, whatever the terms."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.domain.test_derivation import START, TERMS
from tusker.domain.loans.calculator import debt_from
from tusker.domain.loans.extensions import DueMove, after_moves, outside
from tusker.domain.loans.interest import Debt, Paid, amount_at_term, amount_due, overpaid_on
from tusker.domain.terms import DayCount, Terms
from tusker.domain.working_days import EVERY_DAY

MOVES = st.lists(
    st.builds(DueMove, st.integers(1, 400).map(lambda n: START + timedelta(days=n)), st.booleans()),
    max_size=5,
)


@st.composite
def fresh_debts(draw: st.DrawFn) -> Debt:
    return debt_from(draw(st.integers(10_000, 10**9)), draw(TERMS), START, EVERY_DAY)


def move(debt: Debt, *moves: DueMove) -> Debt:
    due, free = after_moves(debt.due, moves)
    return replace(debt, due=due, free=free)


def days(count: int) -> timedelta:
    return timedelta(days=count)


@given(fresh_debts(), MOVES)
def test_live_equals_term_on_the_new_due_date(debt: Debt, moves: list[DueMove]) -> None:
    moved = move(debt, *moves)
    assert moved.due == (moves[-1].due if moves else debt.due)
    assert amount_due(moved, moved.due) == amount_at_term(moved)
    assert amount_at_term(moved).penalty == amount_at_term(moved).days_past_due == 0


@given(fresh_debts(), st.integers(1, 200), st.integers(0, 500))
def test_with_interest_it_is_a_loan_that_had_the_due_date_from_the_start(
    debt: Debt, extra: int, after: int
) -> None:
    later, day = debt.due + days(extra), START + days(after)
    assert amount_due(move(debt, DueMove(later)), day) == amount_due(replace(debt, due=later), day)


@given(fresh_debts(), st.integers(1, 200), st.data())
def test_without_interest_the_old_term_figure_stands_until_the_new_due_date(
    debt: Debt, extra: int, data: st.DataObject
) -> None:
    moved = move(debt, DueMove(debt.due + days(extra), with_interest=False))
    day = debt.due + days(data.draw(st.integers(0, extra)))
    assert amount_due(moved, day).total == amount_at_term(debt).total
    after = moved.due + days(30)
    assert amount_due(moved, after).interest >= amount_at_term(debt).interest


@given(fresh_debts(), st.integers(1, 200), st.integers(0, 300))
def test_after_days_without_interest_it_goes_on_as_if_they_had_not_been(
    debt: Debt, extra: int, after: int
) -> None:
    assume(debt.terms.day_count is not DayCount.THIRTY_360)  # its months differ in what they count
    moved = move(debt, DueMove(debt.due + days(extra), with_interest=False))
    late, before = amount_due(moved, moved.due + days(after)), amount_due(debt, debt.due + days(after))
    assert (late.interest, late.penalty) == (before.interest, before.penalty)


@given(fresh_debts(), MOVES)
def test_moved_there_and_back_with_interest_it_is_as_it_was(debt: Debt, moves: list[DueMove]) -> None:
    paying = [replace(each, with_interest=True) for each in moves]
    assert move(debt, *paying, DueMove(debt.due)) == debt


@given(fresh_debts(), MOVES)
def test_no_days_are_left_out_twice_or_beyond_the_due_date(debt: Debt, moves: list[DueMove]) -> None:
    moved = move(debt, *moves)
    assert all(since < until <= moved.due for since, until in moved.free)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(moved.free))


@given(fresh_debts(), MOVES, st.integers(0, 500))
def test_what_is_owed_never_shrinks_by_itself(debt: Debt, moves: list[DueMove], after: int) -> None:
    moved, day = move(debt, *moves), START + days(after)
    assert amount_due(moved, day).total <= amount_due(moved, day + days(1)).total


SIMPLE = Terms(Decimal(1), Decimal("0.365"), 30, penal_rate=Decimal("0.365"))
"""A thousandth of the principal a day, for interest and for penalty."""


def test_days_left_out_are_not_counted_and_all_others_are() -> None:
    debt = debt_from(1_000_000, SIMPLE, START, EVERY_DAY)
    moved = move(debt, DueMove(START + days(40), with_interest=False))
    for day, interest, penalty in ((30, 30_000, 0), (35, 30_000, 0), (40, 30_000, 0), (45, 35_000, 5_000)):
        due = amount_due(moved, START + days(day))
        assert (due.interest, due.penalty) == (interest, penalty)
    back = move(
        debt,
        DueMove(START + days(40), with_interest=False),
        DueMove(START + days(35)),
        DueMove(START + days(50)),
    )
    assert amount_due(back, START + days(50)).interest == 45_000


def test_penalty_that_was_paid_is_more_than_arises_after_the_move() -> None:
    debt = debt_from(1_000_000, SIMPLE, START, EVERY_DAY)
    paid = replace(debt, paid=[Paid(START + days(33), penalty=3_000)])
    assert overpaid_on(move(paid, DueMove(START + days(40))), paid) == START + days(33)
    assert overpaid_on(move(paid, DueMove(START + days(30))), paid) is None
    interest = replace(debt, paid=[Paid(START + days(33), interest=31_000)])
    free = move(interest, DueMove(START + days(40), with_interest=False))
    assert overpaid_on(free, interest) == START + days(33)
    assert overpaid_on(move(interest, DueMove(START + days(40))), interest) is None


@pytest.mark.parametrize(
    ("spans", "left"),
    [
        ([], [(0, 30)]),
        ([(5, 8)], [(0, 5), (8, 30)]),
        ([(0, 3), (3, 5)], [(5, 30)]),
        ([(25, 40)], [(0, 25)]),
        ([(30, 40)], [(0, 30)]),
        ([(0, 40)], []),
    ],
)
def test_outside(spans: list[tuple[int, int]], left: list[tuple[int, int]]) -> None:
    def at(span: tuple[int, int]) -> tuple[date, date]:
        return START + days(span[0]), START + days(span[1])

    assert list(outside(START, START + days(30), [at(s) for s in spans])) == [at(s) for s in left]
