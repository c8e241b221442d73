"""The rule of admission and the spreading of receipts, as pure functions."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tests.support.values import TERMS
from tusker.domain.credit.limits import Bound, LimitUse, ThreeLimits
from tusker.domain.loans.allocation import Collectable, allocate
from tusker.domain.loans.interest import AmountDue

uses = st.builds(LimitUse, limit=st.integers(0, 1000), used=st.integers(0, 1500))
owed = st.builds(
    AmountDue,
    as_of=st.just(date(2026, 1, 1)),
    principal=st.integers(0, 500),
    interest=st.integers(0, 500),
    fee=st.integers(0, 500),
    penalty=st.integers(0, 500),
    days_past_due=st.just(0),
)


@given(uses, uses, uses, st.integers(1, 2000))
def test_what_is_available_is_admitted_and_nothing_more(
    line: LimitUse, supplier: LimitUse, purchaser: LimitUse, principal: int
) -> None:
    limits = ThreeLimits(line, supplier, purchaser)
    refusal = limits.check(principal)
    assert (refusal is None) == (principal <= limits.available)
    if refusal is not None:
        lacking = {b: principal - use.headroom for b, use in limits.in_order() if principal > use.headroom}
        assert dict(refusal.lacks) == lacking
        assert refusal.at_once(principal) == limits.available
        use = dict(limits.in_order())[refusal.bound]
        assert refusal.lacking == use.used + principal - use.limit > 0


def test_the_first_limit_in_lock_order_is_the_one_named() -> None:
    none = LimitUse(0, 0)
    refusal = ThreeLimits(LimitUse(100, 0), none, none).check(50)
    assert refusal is not None
    assert refusal.bound is Bound.SUPPLIER


@given(st.integers(0, 10**9), st.decimals("0.000001", 1, places=6))
def test_the_largest_invoice_is_exact(principal: int, rate: Decimal) -> None:
    terms = replace(TERMS, advance_rate=rate)
    value = terms.largest_within(principal)
    assert terms.principal_of(value) <= principal < terms.principal_of(value + 1)


def test_a_limit_lowered_below_its_use_leaves_nothing_and_never_less() -> None:
    assert LimitUse(limit=100, used=250).available == 0


@given(st.integers(0, 10_000), st.lists(owed, max_size=6))
def test_every_unit_of_a_receipt_is_allocated_or_left_over(amount: int, dues: list[AmountDue]) -> None:
    allocations, left = allocate(amount, [Collectable(n, due) for n, due in enumerate(dues)])
    assert sum(a.total for a in allocations) + left == amount
    assert all(a.total > 0 for a in allocations)
    if left:
        assert sum(a.total for a in allocations) == sum(due.total for due in dues)


@given(st.integers(1, 10_000), owed)
def test_penalty_then_fee_then_interest_then_principal(amount: int, due: AmountDue) -> None:
    allocations, _ = allocate(amount, [Collectable(1, due)])
    paid = allocations[0] if allocations else None
    if paid is None:
        assert due.total == 0
        return
    if paid.principal:
        assert (paid.penalty, paid.fee, paid.interest) == (due.penalty, due.fee, due.interest)
    if paid.interest:
        assert (paid.penalty, paid.fee) == (due.penalty, due.fee)
    if paid.fee:
        assert paid.penalty == due.penalty
