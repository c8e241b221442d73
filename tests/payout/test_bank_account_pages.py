"""Bank details on pages: who sees and does what."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from tests.support.bank_accounts import NEW, OLD, WHOLE, typed
from tests.support.pages import HTMX, button_values, words
from tusker.extensions import db
from tusker.models import BankAccount, Customer, Role, User
from tusker.services.context import Context
from tusker.services.payout.bank_accounts import propose_account, set_account_directly
from tusker.transactions import transaction

Login = Callable[..., FlaskClient]
APPROVE = "/customers/bank-details/{}/approve"
REFUSE = "/customers/bank-details/{}/refuse"


@pytest.fixture
def proposed(maker: Context, supplier: Customer) -> int:
    """A proposal of the maker's to a supplier that has an account."""
    with transaction():
        set_account_directly(maker, supplier.id, OLD)
    with transaction():
        return propose_account(maker, supplier.id, NEW).id


def state(account_id: int) -> str:
    db.session.expire_all()
    return db.session.get_one(BankAccount, account_id).state


def of(ctx: Context) -> User:
    return db.session.get_one(User, ctx.actor_id)


@pytest.mark.usefixtures("four_eyes")
def test_one_proposes_another_approves(
    login: Login, supplier: Customer, maker: Context, checker: Context
) -> None:
    first, second = login(user=of(maker)), login(user=of(checker))
    page = f"/customers/{supplier.id}"
    answer = first.post(f"{page}/bank-details", data=typed())
    assert (answer.status_code, answer.location) == (303, f"{page}#bank-details")
    account_id = db.session.query(BankAccount).one().id
    own, other = first.get(page).text, second.get(page).text
    assert APPROVE.format(account_id) not in own
    assert "another admin must approve it" in words(own)
    assert "Withdraw proposal" in own
    assert APPROVE.format(account_id) in other
    assert "Refuse proposal" in other
    assert first.post(APPROVE.format(account_id)).status_code == 403
    assert state(account_id) == "proposed"
    fragment = second.post(APPROVE.format(account_id), headers=HTMX)
    assert fragment.text.lstrip().startswith('<section class="card" id="bank-details">')
    assert "approved by" not in words(fragment.text), "both are called the same here"
    assert state(account_id) == "active"
    assert second.post(APPROVE.format(account_id)).status_code == 409


def test_without_four_eyes_the_proposer_approves(login: Login, maker: Context, proposed: int) -> None:
    browser = login(user=of(maker))
    assert browser.post(APPROVE.format(proposed)).status_code == 303
    assert state(proposed) == "active"


def test_errors_stand_at_their_fields_and_what_was_typed_is_kept(login: Login, supplier: Customer) -> None:
    browser = login()
    wrong = typed(iban="DE89 3704 0044 0532 0130 01")
    for headers in ({}, HTMX):
        answer = browser.post(f"/customers/{supplier.id}/bank-details", data=wrong, headers=headers)
        assert answer.status_code == 422
        assert "check digits do not fit" in answer.text
        assert 'id="iban-error"' in answer.text
        assert button_values(answer.text, "iban") == ["DE89 3704 0044 0532 0130 01"]
    both = browser.post(f"/customers/{supplier.id}/bank-details", data=typed(account_number="123"))
    assert 'id="account_number-error"' in both.text
    assert db.session.query(BankAccount).count() == 0


def test_a_refusal_needs_a_reason(login: Login, supplier: Customer, proposed: int) -> None:
    browser = login()
    answer = browser.post(REFUSE.format(proposed), data={"reason": " "}, headers=HTMX)
    assert (answer.status_code, "Reason is required" in answer.text) == (422, True)
    assert browser.post(REFUSE.format(proposed), data={"reason": "Not theirs"}).status_code == 303
    assert state(proposed) == "refused"
    page = words(browser.get(f"/customers/{supplier.id}").text)
    assert "Not theirs" in page
    assert "Propose a change" in page


def test_a_second_proposal_is_told_that_one_waits(login: Login, supplier: Customer, proposed: int) -> None:
    answer = login().post(f"/customers/{supplier.id}/bank-details", data=typed(holder="Another"))
    assert answer.status_code == 409
    assert "wait for a decision already" in answer.text


def test_an_auditor_sees_all_and_does_nothing(login: Login, supplier: Customer, proposed: int) -> None:
    browser = login(Role.AUDITOR)
    for url in (f"/customers/{supplier.id}", f"/customers/{supplier.id}/bank-details"):
        page = browser.get(url).text
        assert all(number in page for number in (WHOLE[0], WHOLE[2])), "staff compare whole numbers"
        assert "/approve" not in page
        assert "/refuse" not in page
        assert 'name="iban"' not in page
    assert browser.post(f"/customers/{supplier.id}/bank-details", data=typed()).status_code == 403
    assert browser.post(APPROVE.format(proposed)).status_code == 403
    assert browser.post(REFUSE.format(proposed), data={"reason": "No"}).status_code == 403


def test_a_supplier_sees_its_own_masked_and_others_nothing(
    login: Login,
    supplier: Customer,
    proposed: int,
    make_supplier: Callable[..., Customer],
    make_purchaser: Callable[..., Customer],
) -> None:
    mine = login(Role.SUPPLIER, customer=supplier)
    page = mine.get("/customers/own/bank-details").text
    assert not [number for number in WHOLE if number in page]
    assert "•••• 5678" in page
    assert "•••• 3000" in page
    theirs = (
        login(Role.SUPPLIER, customer=make_supplier(account=False)).get("/customers/own/bank-details").text
    )
    assert "5678" not in theirs
    assert "No account yet" in theirs
    for url in (f"/customers/{supplier.id}/bank-details", "/customers/bank-details"):
        assert mine.get(url).status_code == 403
    assert mine.post(APPROVE.format(proposed)).status_code == 403
    buyer = login(Role.PURCHASER, customer=make_purchaser())
    assert buyer.get("/customers/own/bank-details").status_code == 403


@pytest.mark.usefixtures("four_eyes", "proposed")
def test_what_waits_is_listed_and_marked_for_who_may_decide(
    login: Login, maker: Context, checker: Context
) -> None:
    other = login(user=of(checker)).get("/customers/bank-details").text
    assert "Compare and decide" in other
    own = words(login(user=of(maker)).get("/customers/bank-details").text)
    assert "Compare and decide" not in own
    assert "Asha Textiles" in own


@pytest.mark.usefixtures("proposed")
def test_the_dashboard_says_that_bank_details_wait(login: Login) -> None:
    page = login().get("/admin/").text
    assert "1 supplier with new bank details to approve" in words(page)
    assert "/customers/bank-details" in page


def test_only_suppliers_have_the_page(login: Login, make_purchaser: Callable[..., Customer]) -> None:
    buyer = make_purchaser()
    browser = login()
    assert browser.get(f"/customers/{buyer.id}/bank-details").status_code == 404
    assert "Bank details" not in browser.get(f"/customers/{buyer.id}").text
    assert browser.post(f"/customers/{buyer.id}/bank-details", data=typed()).status_code == 409
    assert browser.post(APPROVE.format(99)).status_code == 404
