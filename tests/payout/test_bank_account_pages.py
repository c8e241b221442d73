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


@pytest.fixture
def proposed(maker: Context, supplier: Customer) -> int:
    """A proposal of the maker's to a supplier that has an account."""
    with transaction():
        set_account_directly(maker, supplier.id, OLD)
    with transaction():
        return propose_account(maker, supplier.id, NEW).id


def of(ctx: Context) -> User:
    return db.session.get_one(User, ctx.actor_id)


@pytest.mark.usefixtures("four_eyes")
def test_one_proposes_another_accepts(
    login: Login, supplier: Customer, maker: Context, checker: Context
) -> None:
    first, second = login(user=of(maker)), login(user=of(checker))
    page = f"/customers/{supplier.id}"
    answer = first.post(f"{page}/bank-details", data=typed())
    assert (answer.status_code, answer.location) == (303, f"{page}#bank-details")
    assert "call them on a number that you know" in words(second.get(page).text)
    assert WHOLE[2] in second.get("/admin/approvals").text, "who accepts compares whole numbers"
    assert db.session.query(BankAccount).count() == 0
    assert second.post("/admin/approvals/1/accept").status_code == 303
    assert db.session.query(BankAccount).one().account == NEW


def test_without_four_eyes_it_counts_at_once(login: Login, supplier: Customer) -> None:
    assert login().post(f"/customers/{supplier.id}/bank-details", data=typed()).status_code == 303
    assert db.session.query(BankAccount).one().account == NEW


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


def test_an_auditor_sees_all_and_does_nothing(login: Login, supplier: Customer, proposed: int) -> None:
    browser = login(Role.AUDITOR)
    for url in (f"/customers/{supplier.id}", f"/customers/{supplier.id}/bank-details"):
        page = browser.get(url).text
        assert all(number in page for number in (WHOLE[0], WHOLE[2])), "staff compare whole numbers"
        assert "/approve" not in page
        assert "/refuse" not in page
        assert 'name="iban"' not in page
    assert browser.post(f"/customers/{supplier.id}/bank-details", data=typed()).status_code == 403


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
    assert mine.get(f"/customers/{supplier.id}/bank-details").status_code == 403
    buyer = login(Role.PURCHASER, customer=make_purchaser())
    assert buyer.get("/customers/own/bank-details").status_code == 403


def test_only_suppliers_have_the_page(login: Login, make_purchaser: Callable[..., Customer]) -> None:
    buyer = make_purchaser()
    browser = login()
    assert browser.get(f"/customers/{buyer.id}/bank-details").status_code == 404
    assert "Bank details" not in browser.get(f"/customers/{buyer.id}").text
    assert browser.post(f"/customers/{buyer.id}/bank-details", data=typed()).status_code == 409
