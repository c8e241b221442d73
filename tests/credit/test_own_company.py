"""What a company's users see of it, and that they see nothing of others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.support.pages import HTMX, words
from tusker import clock
from tusker.extensions import db
from tusker.models import ApiToken, CreditLine, Customer, Role
from tusker.services.people.tokens import find_token

Login = Callable[..., FlaskClient]
Make = Callable[..., Customer]
MakeLine = Callable[..., CreditLine]
YEAR = {"scope": "request", "days": "365"}


def test_a_supplier_sees_its_own_lines_only(login: Login, make_line: MakeLine, make_purchaser: Make) -> None:
    mine = make_line(purchaser=make_purchaser("My buyer"))
    make_line(purchaser=make_purchaser("Their buyer"))
    page = login(Role.SUPPLIER, customer=mine.supplier.customer).get("/customers/own/lines").text
    assert "My buyer" in page
    assert "Their buyer" not in page


def test_a_purchaser_sees_its_lines_from_its_side(
    login: Login, make_line: MakeLine, make_supplier: Make
) -> None:
    mine = make_line(make_supplier("My seller"))
    make_line(make_supplier("Their seller"))
    page = login(Role.PURCHASER, customer=mine.purchaser.customer).get("/customers/own/lines").text
    assert "My seller" in page
    assert "Their seller" not in page


def test_a_company_with_both_sides_sees_the_side_of_the_user(
    login: Login, make_line: MakeLine, make_supplier: Make, make_purchaser: Make
) -> None:
    sells, buys = make_supplier("Sells to me"), make_purchaser("Buys from me")
    both = make_supplier("Both")
    admin = login()
    admin.post(
        f"/customers/{both.id}/edit",
        data={
            "name": "Both", "is_supplier": "y", "supplier_limit": "9", "is_purchaser": "y", "purchaser_limit": "9",
            "advance_rate": "80", "apr": "1", "tenor_days": "9", "day_count": "30/360",
            "interest_method": "simple", "interest_timing": "arrears", "due_convention": "none", "collection": "debt",
            "fee_flat": "0", "fee_rate": "0", "grace_days": "0", "penal_rate": "0",
        },
    )  # fmt: skip
    make_line(both, buys)
    make_line(sells, both)
    as_supplier = login(Role.SUPPLIER, customer=both).get("/customers/own/lines").text
    as_purchaser = login(Role.PURCHASER, customer=both).get("/customers/own/lines").text
    assert ("Buys from me" in as_supplier, "Sells to me" in as_supplier) == (True, False)
    assert ("Buys from me" in as_purchaser, "Sells to me" in as_purchaser) == (False, True)


def test_the_other_companys_limit_shows_only_as_what_it_leaves(
    login: Login, make_line: MakeLine, make_supplier: Make, make_purchaser: Make, ask: Callable[..., object]
) -> None:
    # 3,333 in all, of which another supplier uses 80 % of 1,000: 2,533 left
    purchaser = make_purchaser(limit=3_333_00)
    ask(make_line(purchaser=purchaser), 1_000_00)
    tight = make_line(make_supplier(limit=9_999_00), purchaser, limit=5_000_00)
    browser = login(Role.SUPPLIER, customer=tight.supplier.customer)
    page = words(browser.get("/customers/own/lines").text)
    assert "₹2,533.00" in page
    assert "The purchaser's limit" in page
    assert "3,333" not in page
    assert "₹800" not in page
    tight.limit_amount = 1_000_00
    db.session.commit()
    page = words(browser.get("/customers/own/lines").text)
    assert "₹1,000.00 left of ₹1,000.00" in page
    assert "2,533" not in page, "not shown while it does not bind"


def test_staff_has_no_own_pages_and_purchasers_no_tokens(login: Login, make_purchaser: Make) -> None:
    staff, buyer = login(Role.ADMIN), login(Role.PURCHASER, customer=make_purchaser())
    assert staff.get("/customers/own/lines").status_code == 403
    assert staff.get("/customers/own/tokens").status_code == 403
    assert buyer.get("/customers/own/tokens").status_code == 403
    assert buyer.post("/customers/own/tokens", data={"name": "x", **YEAR}).status_code == 403


def test_a_supplier_keeps_its_own_tokens(login: Login, make_supplier: Make) -> None:
    mine, browser = make_supplier(), None
    browser = login(Role.SUPPLIER, customer=mine)
    made = browser.post("/customers/own/tokens", data={"name": "ERP", **YEAR}, headers=HTMX).text
    secret = made.partition("data-secret>")[2].partition("<")[0]
    token = find_token(secret, clock.now())
    assert token is not None
    assert token.company_id == mine.id
    assert secret not in browser.get("/customers/own/tokens").text
    answer = browser.post(f"/customers/own/tokens/{token.token_id}/revoke")
    assert answer.headers["Location"] == "/customers/own/tokens"
    db.session.expire_all()
    assert find_token(secret, clock.now()) is None


def test_a_session_left_open_makes_no_token_that_outlives_it(
    login: Login, make_supplier: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, later = login(Role.SUPPLIER, customer=make_supplier()), clock.now() + timedelta(minutes=6)
    monkeypatch.setattr(clock, "now", lambda: later)
    asked = browser.post(
        "/customers/own/tokens",
        data={"name": "ERP", **YEAR},
        headers={"Referer": "http://localhost/customers/own/tokens"},
    )
    assert (asked.status_code, "current-password" in asked.text) == (401, True)
    assert db.session.query(ApiToken).count() == 0


def test_another_companys_token_is_not_seen_and_not_revoked(login: Login, make_supplier: Make) -> None:
    mine, theirs = make_supplier(), make_supplier()
    login(Role.SUPPLIER, customer=theirs).post(
        "/customers/own/tokens", data={"name": "Secret system", **YEAR}
    )
    token = db.session.scalars(select(ApiToken)).one()
    browser = login(Role.SUPPLIER, customer=mine)
    assert "Secret system" not in browser.get("/customers/own/tokens").text
    assert browser.post(f"/customers/own/tokens/{token.id}/revoke").status_code == 404
    db.session.expire_all()
    assert token.revoked_at is None


def test_a_token_without_a_name_is_refused_with_the_form(login: Login, make_supplier: Make) -> None:
    browser = login(Role.SUPPLIER, customer=make_supplier())
    answer = browser.post("/customers/own/tokens", data={"name": "N" * 300, **YEAR}, headers=HTMX)
    assert answer.status_code == 422
    assert "Name may have at most 120 characters" in answer.text
    assert answer.text.lstrip().startswith('<section class="card" id="tokens">')
