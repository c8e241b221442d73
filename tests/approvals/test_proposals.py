"""A proposal counts once another admin accepted it, exactly as it was seen; the database keeps that too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.support.threads import in_threads
from tusker.errors import Conflict, NotAllowed
from tusker.extensions import db
from tusker.models import CreditLine, Event, OutboxMessage, Proposal, ProposalState, Role, User
from tusker.services.approvals.deciding import accept, refuse
from tusker.services.context import Context
from tusker.services.credit.customers.lines import LineData, change_credit_line
from tusker.services.people.users import deactivate_user
from tusker.services.record.outbox_sending import compose
from tusker.transactions import transaction


@pytest.fixture
def line(make_line: Callable[..., CreditLine]) -> CreditLine:
    return make_line(limit=1_000_00)


def data_of(line: CreditLine, **changes: Any) -> LineData:
    now = LineData(line.limit_amount, line.terms, line.valid_from, line.valid_to)
    return replace(now, **changes)


def propose(maker: Context, line: CreditLine, **changes: Any) -> Proposal:
    with transaction():
        made = change_credit_line(replace(maker, why="more trade"), line.id, data_of(line, **changes))
    assert isinstance(made, Proposal)
    return made


def kinds(line: CreditLine) -> list[str]:
    rows = db.session.query(Event).filter_by(subject="credit_line", subject_id=line.id).order_by(Event.id)
    return [event.kind for event in rows][1:]


def test_another_admin_accepts_what_was_seen(
    maker: Context, checker: Context, line: CreditLine, mails: Callable[[], list[OutboxMessage]]
) -> None:
    made = propose(maker, line, limit=2_000_00, valid_to=date(2027, 1, 31))
    assert line.limit_amount == 1_000_00
    assert made.changes[0] == {
        "subject": "credit_line",
        "what": "limit_changed",
        "from": "₹1,000.00",
        "to": "₹2,000.00",
    }
    [mail] = mails()
    assert mail.recipient == "checker@example.com"
    said = compose(checker, mail).get_content()
    assert "Limit changed: ₹1,000.00 → ₹2,000.00" in said
    assert "Reason: more trade" in said
    with transaction():
        accept(checker, made.id)
    assert (line.limit_amount, line.valid_to) == (2_000_00, date(2027, 1, 31))
    assert kinds(line) == ["proposed", "proposal_accepted", "limit_changed", "dates_changed"]
    done = db.session.query(Event).filter_by(kind="limit_changed").one()
    assert (done.actor, done.actor_id) == ("Chand, proposed by Mala", checker.actor_id)


def test_who_proposed_cannot_accept_and_nobody_nameless_can(
    ctx: Context, maker: Context, checker: Context, line: CreditLine
) -> None:
    made = propose(maker, line, limit=2_000_00)
    for who in (maker, ctx):
        with pytest.raises(NotAllowed), transaction():
            accept(who, made.id)
    with transaction():
        deactivate_user(ctx, checker.actor_id)
    with pytest.raises(NotAllowed), transaction():
        accept(checker, made.id)
    assert line.limit_amount == 1_000_00


def test_lowering_and_shortening_is_one_persons(maker: Context, line: CreditLine) -> None:
    with transaction():
        change_credit_line(maker, line.id, data_of(line, limit=500_00, valid_to=date(2026, 12, 31)))
    assert (line.limit_amount, line.valid_to) == (500_00, date(2026, 12, 31))


def test_what_changed_since_is_told_and_nothing_is_done(
    maker: Context, checker: Context, line: CreditLine
) -> None:
    made = propose(maker, line, limit=2_000_00)
    with transaction():
        change_credit_line(checker, line.id, data_of(line, limit=400_00))
    with pytest.raises(Conflict, match=r"from ₹400.00 to ₹2,000.00"), transaction():
        accept(checker, made.id)
    assert (line.limit_amount, made.state) == (400_00, ProposalState.OPEN)
    with transaction():
        refuse(maker, made.id, reason="out of date")
    assert made.state == ProposalState.WITHDRAWN
    propose(maker, line, limit=2_000_00)


def test_one_proposal_of_a_kind_waits_at_a_time(maker: Context, line: CreditLine) -> None:
    propose(maker, line, limit=2_000_00)
    with pytest.raises(Conflict, match="waits for another admin"), transaction():
        change_credit_line(maker, line.id, data_of(line, limit=3_000_00))


def test_a_refused_proposal_changes_nothing(maker: Context, checker: Context, line: CreditLine) -> None:
    made = propose(maker, line, limit=2_000_00)
    with transaction():
        refuse(checker, made.id, reason="no")
    with pytest.raises(Conflict, match="refused in the meantime"), transaction():
        accept(checker, made.id)
    assert (line.limit_amount, kinds(line)) == (1_000_00, ["proposed", "proposal_refused"])


def test_of_many_who_accept_at_once_one_does(
    app: Flask, maker: Context, create_user: Callable[..., User], ctx: Context, line: CreditLine
) -> None:
    made_id = propose(maker, line, limit=2_000_00).id
    others = [replace(ctx, actor_id=create_user(Role.ADMIN).id) for _ in range(4)]

    def decide(who: Context) -> bool:
        try:
            with transaction():
                accept(who, made_id)
        except Conflict:
            return False
        return True

    assert in_threads(app, [lambda who=who: decide(who) for who in others]).count(True) == 1
    assert db.session.query(Event).filter_by(kind="limit_changed").count() == 1


def test_without_a_second_admin_and_for_the_operator_it_counts_at_once(
    app: Flask, ctx: Context, maker: Context, line: CreditLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction():
        change_credit_line(ctx, line.id, data_of(line, limit=2_000_00))
    assert line.limit_amount == 2_000_00
    made = propose(maker, line, limit=3_000_00)
    monkeypatch.setitem(app.config, "REQUIRE_SECOND_ADMIN", False)
    with transaction():
        accept(maker, made.id)
    assert (line.limit_amount, made.second_admin) == (3_000_00, False)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE proposals SET payload = '{}'",
        "UPDATE proposals SET proposed_by = NULL",
        "DELETE FROM proposals",
        "UPDATE proposals SET state = 'accepted', decided_at = now(), decided_by = proposed_by",
        "UPDATE proposals SET state = 'accepted', decided_at = now()",
    ],
)
def test_the_database_keeps_what_was_proposed_and_by_whom(
    maker: Context, line: CreditLine, statement: str
) -> None:
    propose(maker, line, limit=2_000_00)
    with pytest.raises(DBAPIError), transaction():
        db.session.execute(text(statement))


def test_what_was_decided_is_not_decided_again(maker: Context, checker: Context, line: CreditLine) -> None:
    made = propose(maker, line, limit=2_000_00)
    with transaction():
        refuse(checker, made.id, reason="no")
    with pytest.raises(DBAPIError, match="decided once"), transaction():
        db.session.execute(text("UPDATE proposals SET state = 'open', decided_at = NULL"))
