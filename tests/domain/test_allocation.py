"""Spreading money over debts: which split of a person may be stored, and how an amount is laid by itself."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tusker.domain.loans.allocation import (
    Allocation,
    Collectable,
    allocate,
    allocate_to_loan,
    check_allocation,
    lay_against_invoice,
)
from tusker.domain.loans.interest import AmountDue

DAY = date(2026, 3, 2)


def due(principal: int, interest: int = 0, fee: int = 0, penalty: int = 0) -> AmountDue:
    return AmountDue(DAY, principal, interest, fee, penalty, 0)


def split(principal: int, interest: int = 0, fee: int = 0, penalty: int = 0, rest: int = 0) -> Allocation:
    return Allocation(1, penalty, fee, interest, principal, rest)


OWED = due(100, 20, 5, 3)
# deducted at the payout and not earned yet: 95 pay it all
ADVANCE = due(100, -5)


@pytest.mark.parametrize(
    ("owed", "wanted", "problem"),
    [
        (OWED, split(100, 20, 5, 3), None),
        (OWED, split(1), None),
        (OWED, split(100), None),
        (OWED, split(0, 20, 5), None),
        (OWED, split(100, 20, 5, 3, rest=50), None),
        (OWED, split(0, rest=50), None),
        (OWED, split(0), "Nothing is allocated."),
        (OWED, split(-1, 20), "The principal must not be negative."),
        (OWED, split(100, 20, 5, -3), "The penalty must not be negative."),
        (OWED, split(101), "The principal is more than what is owed of it."),
        (OWED, split(0, 0, 6), "The fee is more than what is owed of it."),
        (due(0), split(0), "Nothing is allocated."),
        (ADVANCE, split(100, -5), None),
        (ADVANCE, split(94), None),
        (ADVANCE, split(95), "It is all that is owed or more"),
        (ADVANCE, split(96), "It is all that is owed or more"),
        (ADVANCE, split(95, -5), "The interest must not be negative."),
        (ADVANCE, split(95, 1), "The interest is more than what is owed of it."),
    ],
)
def test_a_persons_own_split(owed: AmountDue, wanted: Allocation, problem: str | None) -> None:
    said = check_allocation(wanted, owed)
    assert said is None if problem is None else said is not None and said.startswith(problem)


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (0, split(0)),
        (3, split(0, 0, 0, 3)),
        (7, split(0, 0, 4, 3)),
        (9, split(0, 1, 5, 3)),
        (127, split(99, 20, 5, 3)),
        (128, split(100, 20, 5, 3)),
        (500, split(100, 20, 5, 3)),
    ],
)
def test_penalty_comes_first_and_principal_last(amount: int, expected: Allocation) -> None:
    assert allocate_to_loan(1, amount, OWED) == expected


def test_interest_not_earned_is_given_back_with_the_last_of_the_principal() -> None:
    assert allocate_to_loan(1, 94, ADVANCE) == split(94)
    assert allocate_to_loan(1, 95, ADVANCE) == split(100, -5)


@given(
    amount=st.integers(0, 400),
    owed=st.builds(due, *(st.integers(0, 60) for _ in range(4))),
    face_open=st.integers(-20, 300),
)
def test_what_is_laid_against_an_invoice(amount: int, owed: AmountDue, face_open: int) -> None:
    laid = lay_against_invoice(1, amount, owed, face_open)
    assert laid.laid == min(amount, max(0, face_open))
    assert laid.rest == max(0, laid.laid - owed.total)


@given(
    amount=st.integers(0, 400),
    loans=st.lists(
        st.builds(
            Collectable,
            st.integers(1, 9),
            st.builds(due, *(st.integers(0, 60) for _ in range(4))),
            st.none() | st.integers(-20, 300),
            st.integers(0, 40),
        ),
        max_size=4,
        unique_by=lambda loan: loan.loan_id,
    ),
)
def test_money_goes_to_the_first_until_it_is_used_up(amount: int, loans: list[Collectable]) -> None:
    """Each loan gets all it can take before the next gets anything, and nothing is lost or made."""
    found, left = allocate(amount, loans)
    by_loan = {part.loan_id: part.laid for part in found}
    assert sum(by_loan.values()) + left == amount
    assert 0 not in by_loan.values()
    for loan in loans:
        most = loan.due.total - loan.kept_back if loan.face_open is None else loan.face_open
        expected = min(amount, max(0, most))
        assert by_loan.get(loan.loan_id, 0) == expected
        amount -= expected
