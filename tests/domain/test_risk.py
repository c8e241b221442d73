"""The rules of risk: verdicts, room left, and which of several rules counts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tusker.domain.credit.risk import WHOLE, Facts, Rule, RuleKind, Scope, judge, share_room

FACTS = Facts(
    amount=1_000,
    tenor_days=60,
    invoice_age=10,
    days_past_due=5,
    purchaser_open=250,
    group_open=400,
    book=1_000,
    at_least=0,
    first_deal=True,
)
amounts = st.integers(0, 10**12)
shares = st.integers(0, WHOLE - 1)
rules = st.builds(Rule, st.sampled_from(RuleKind), st.integers(0, WHOLE))


@pytest.mark.parametrize(
    ("kind", "value", "holds", "room"),
    [
        (RuleKind.SHARE, 2_500, True, 0),
        (RuleKind.SHARE, 2_499, False, -1),
        # 250 + 333 of 1,000 + 333 is 43.7 %
        (RuleKind.SHARE, 4_375, True, 333),
        (RuleKind.SHARE, WHOLE, True, None),
        (RuleKind.GROUP_SHARE, 3_999, False, -1),
        (RuleKind.GROUP_SHARE, 4_000, True, 0),
        (RuleKind.MIN_INVOICE, 1_000, True, 0),
        (RuleKind.MIN_INVOICE, 1_001, False, -1),
        (RuleKind.MAX_INVOICE, 1_000, True, 0),
        (RuleKind.MAX_INVOICE, 999, False, -1),
        (RuleKind.INVOICE_AGE, 10, True, 0),
        (RuleKind.INVOICE_AGE, 9, False, -1),
        (RuleKind.TENOR, 60, True, 0),
        (RuleKind.TENOR, 59, False, -1),
        (RuleKind.DAYS_PAST_DUE, 5, True, 0),
        (RuleKind.DAYS_PAST_DUE, 4, False, -1),
        (RuleKind.FIRST_DEAL, 1, False, None),
    ],
)
def test_each_kind_holds_up_to_its_bound(kind: RuleKind, value: int, holds: bool, room: int | None) -> None:
    [verdict] = judge(FACTS, [Rule(kind, value)])
    assert (verdict.holds, verdict.room) == (holds, room)


def test_an_unknown_day_is_no_grounds_and_a_later_deal_is_free() -> None:
    unknown = replace(FACTS, invoice_age=None, first_deal=False)
    found = judge(unknown, [Rule(RuleKind.INVOICE_AGE, 0), Rule(RuleKind.FIRST_DEAL, 1)])
    assert [(verdict.holds, verdict.room) for verdict in found] == [(True, None), (True, None)]


@given(shares, amounts, amounts, amounts)
def test_the_room_of_a_share_is_the_most_that_fits(share: int, part: int, others: int, least: int) -> None:
    book = part + others

    def fits(more: int) -> bool:
        return WHOLE * (part + more) <= share * max(least, book + more)

    room = share_room(share, part, book, least)
    assert room is not None
    assert (room >= 0) == fits(0)
    if room >= 0:
        assert fits(room)
        assert not fits(room + 1)


@given(st.lists(rules, max_size=12))
def test_the_tightest_of_each_kind_counts(given_rules: list[Rule]) -> None:
    found = {verdict.rule.kind: verdict for verdict in judge(FACTS, given_rules)}
    assert set(found) == {rule.kind for rule in given_rules}
    for rule in given_rules:
        [alone] = judge(FACTS, [rule])
        # What one rule refuses is refused with any others beside it.
        assert alone.holds or not found[rule.kind].holds
        if alone.room is not None and found[rule.kind].room is not None:
            assert found[rule.kind].room <= alone.room


@given(rules, st.integers(1, 9), st.integers(1, 9), st.integers(1, 9))
def test_a_rule_is_for_its_own_only(rule: Rule, supplier: int, purchaser: int, line: int) -> None:
    assert rule.is_for(supplier, purchaser, line)
    for scope, key in ((Scope.SUPPLIER, supplier), (Scope.PURCHASER, purchaser), (Scope.CREDIT_LINE, line)):
        assert replace(rule, scope=scope, key=key).is_for(supplier, purchaser, line)
        assert not replace(rule, scope=scope, key=key + 10).is_for(supplier, purchaser, line)
