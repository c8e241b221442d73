"""The page "To approve" and the commands."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from tests.support.bank_accounts import Run
from tests.support.pages import HTMX, words
from tests.support.values import PASSWORD
from tusker.extensions import db
from tusker.models import CreditLine, Proposal, ProposalState, Role, User
from tusker.services.context import Context

Login = Callable[..., FlaskClient]


@pytest.fixture
def line(make_line: Callable[..., CreditLine]) -> CreditLine:
    return make_line(limit=1_000_00)


@pytest.fixture
def proposed(run: Run, maker: Context, line: CreditLine) -> int:
    """The id of a proposal to raise a line's limit."""
    seller, buyer = line.supplier.customer.name, line.purchaser.customer.name
    options = ("--line-with", buyer, "--limit", "2000", "--as", "maker@example.com", "--why", "more trade")
    code, said = run("set-limit", seller, *options)
    made_id = db.session.query(Proposal.id).scalar()
    assert (code, f"flask approve {made_id}" in said) == (0, True)
    return int(made_id)


def of(ctx: Context) -> User:
    return db.session.get_one(User, ctx.actor_id)


def test_one_proposes_another_accepts_on_the_page(
    login: Login, maker: Context, checker: Context, line: CreditLine, proposed: int
) -> None:
    own, other = login(user=of(maker)), login(user=of(checker))
    accept = f"/admin/approvals/{proposed}/accept"
    page = own.get("/admin/approvals").text
    assert accept not in page
    assert "Withdraw" in page
    page = words(other.get("/admin/approvals").text)
    assert "Limit changed ₹1,000.00 ₹2,000.00" in page
    assert "Mala proposed this" in page
    assert "more trade" in page
    assert "To approve 1" in page
    assert "A change awaits another admin" in words(other.get(f"/customers/lines/{line.id}").text)
    assert own.post(accept).status_code == 403
    fragment = other.post(accept, headers=HTMX)
    assert fragment.text.lstrip().startswith('<div id="approvals">')
    db.session.expire_all()
    assert line.limit_amount == 2_000_00
    decided = words(other.get("/admin/approvals?state=decided").text)
    assert "Accepted" in decided
    assert "Chand" in decided


def test_a_refusal_needs_a_reason(login: Login, checker: Context, proposed: int, line: CreditLine) -> None:
    browser = login(user=of(checker))
    assert browser.post(f"/admin/approvals/{proposed}/refuse", data={"reason": " "}).status_code == 422
    browser.post(f"/admin/approvals/{proposed}/refuse", data={"reason": "too much"})
    db.session.expire_all()
    assert (db.session.get_one(Proposal, proposed).state, line.limit_amount) == (
        ProposalState.REFUSED,
        1_000_00,
    )
    auditor = login(Role.AUDITOR)
    assert "too much" in auditor.get("/admin/approvals?state=decided").text
    assert auditor.post(f"/admin/approvals/{proposed}/accept").status_code == 403


def test_commands_list_and_decide(run: Run, checker: Context, proposed: int, line: CreditLine) -> None:
    _, said = run("proposals")
    assert "limit changed: ₹1,000.00 → ₹2,000.00\tMala\tmore trade" in said
    decide = ("approve", str(proposed), "--password", PASSWORD, "--as")
    assert run(*decide, "maker@example.com")[0] == 1
    assert line.limit_amount == 1_000_00
    assert run(*decide, "checker@example.com")[0] == 0
    assert line.limit_amount == 2_000_00
    assert run("refuse", str(proposed), "--reason", "x", "--as", "checker@example.com")[0] == 1
