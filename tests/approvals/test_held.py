"""A disbursal with a held purchaser is cannot be approved or released by one person, and rules are loosened by two."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.bank_accounts import Run
from tests.support.values import TODAY
from tusker.domain.credit.risk import RuleKind
from tusker.errors import Conflict, NotAllowed, OnHold
from tusker.extensions import db
from tusker.models import CreditLine, HoldRelease, Invoice, Proposal, RiskRule
from tusker.services.approvals.deciding import accept
from tusker.services.context import Context
from tusker.services.credit.customers.holds import hold_customer
from tusker.services.credit.risk.rules import RuleData, add_rule, change_rule, end_rule, set_group
from tusker.services.payout.disbursals.bundling import bundle_selection
from tusker.services.payout.held import holds_of, release_hold
from tusker.services.payout.release.approval import approve
from tusker.services.payout.release.releasing import release
from tusker.transactions import transaction


def test_a_held_purchaser_is_paid_for_by_two_people_only(
    maker: Context, checker: Context, line: CreditLine, make_invoice: Callable[..., Invoice], run: Run
) -> None:
    invoice = make_invoice("financeable", line=line)
    with transaction():
        made = bundle_selection(maker, [invoice.id])
        hold_customer(maker, line.purchaser_id, reason="rumours")
    with transaction():
        asked = release_hold(maker, invoice.id, reason="paid by wire")
    assert isinstance(asked, Proposal)
    assert holds_of(maker, [invoice.id])
    for who in (maker, checker):
        with pytest.raises((OnHold, NotAllowed)), transaction():
            approve(who, made.id, second_admin=True)
    with pytest.raises(NotAllowed), transaction():
        accept(maker, asked.id)
    said = run("release-hold", invoice.number, "--reason", "x", "--as", "maker@example.com")
    assert "waits for another admin already" in said[1]
    with transaction():
        accept(checker, asked.id)
    kept = db.session.query(HoldRelease).one()
    assert (kept.made_by, kept.accepted_by, kept.second_admin) == (maker.actor_id, checker.actor_id, True)
    assert kept.holds == ["purchaser_held"]
    with transaction():
        approve(checker, made.id, second_admin=True)
        release(maker, made.id, execution_date=TODAY, second_admin=True)


def test_what_holds_it_now_is_what_was_seen(
    maker: Context, checker: Context, line: CreditLine, make_invoice: Callable[..., Invoice]
) -> None:
    invoice = make_invoice("financeable", line=line)
    with transaction():
        hold_customer(maker, line.purchaser_id, reason="rumours")
        asked = release_hold(maker, invoice.id, reason="paid by wire")
    assert isinstance(asked, Proposal)
    with transaction():
        hold_customer(maker, line.supplier_id, reason="more rumours")
    with pytest.raises(Conflict, match="Things have changed"), transaction():
        accept(checker, asked.id)
    assert len(holds_of(maker, [invoice.id])[invoice.id]) == 2


def test_rules_are_tightened_by_one_and_loosened_by_two(maker: Context, checker: Context) -> None:
    with transaction():
        rule = add_rule(maker, RuleData(RuleKind.TENOR, 60), reason="short ones")
    with transaction():
        tighter = change_rule(maker, rule.id, 30, reason="shorter ones")
    assert isinstance(tighter, RiskRule)
    rule_id = tighter.id
    with transaction():
        looser = change_rule(maker, rule_id, 90, reason="longer ones")
    with transaction():
        ended = end_rule(maker, rule_id, reason="no need")
    assert isinstance(looser, Proposal)
    assert isinstance(ended, Proposal)
    assert db.session.query(RiskRule).filter_by(ended_at=None).one().value == 30
    assert {row["what"]: (row["from"], row["to"]) for row in looser.changes} == {
        "rule_ended": ("Tenor: 30 days", None),
        "rule_made": (None, "Tenor: 90 days"),
    }
    with transaction():
        accept(checker, looser.id)
    standing = db.session.query(RiskRule).filter_by(ended_at=None).one()
    assert (standing.value, standing.made_by) == (90, maker.actor_id)
    assert [row.value for row in db.session.query(RiskRule).order_by(RiskRule.id)] == [60, 30, 90]


def test_a_company_leaves_its_group_by_two(maker: Context, checker: Context, line: CreditLine) -> None:
    with transaction():
        assert not isinstance(set_group(maker, line.purchaser_id, "Ganga Group"), Proposal)
    with transaction():
        made = set_group(maker, line.purchaser_id, "")
    assert isinstance(made, Proposal)
    assert line.purchaser.customer.group_name == "Ganga Group"
