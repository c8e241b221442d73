"""Signing in and out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from tests.support.database import OWNER
from tests.support.pages import token_in
from tests.support.people import sign_in
from tests.support.values import PASSWORD
from tusker import clock
from tusker.auth.routes import FAILED
from tusker.extensions import db
from tusker.models import AccessEntry, OutboxMessage, Role, User
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.people import passwords, users
from tusker.services.people.access_log import Visitor
from tusker.transactions import transaction
from tusker.web.guards.visitors import network

HERE = Visitor("192.0.2.1", "test")

pytestmark = pytest.mark.usefixtures("limits_count")


def test_the_right_password_opens(pages: FlaskClient, create_user: Callable[..., User]) -> None:
    user = create_user(email="asha@example.com")
    answer = sign_in(pages, "  Asha@Example.com ")
    assert answer.status_code == 303
    assert "Test admin" in pages.get("/account").text
    db.session.refresh(user)
    assert user.last_login_at is not None


def test_every_failure_says_the_same(
    pages: FlaskClient, create_user: Callable[..., User], ctx: Context
) -> None:
    create_user(email="asha@example.com")
    gone = create_user(email="gone@example.com")
    with transaction():
        users.deactivate_user(ctx, gone.id)
    answers = []
    for email, password in [
        ("asha@example.com", "not the password"),
        ("nobody@example.com", PASSWORD),
        ("gone@example.com", PASSWORD),
        ("not an address", PASSWORD),
    ]:
        answer = sign_in(pages, email, password)
        assert answer.status_code == 422
        assert pages.get("/account").status_code == 302
        # A token holds the second in which it was made.
        text = answer.text.replace(email, "…").replace(token_in(answer.text), "token")
        answers.append(text)
        assert FAILED in text
    assert len(set(answers)) == 1


@pytest.mark.parametrize("state", ["unknown", "inactive", "wrong"])
def test_every_failure_costs_one_hash(
    app: Flask, create_user: Callable[..., User], ctx: Context, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    """Time tells nothing: an unknown address is checked against a hash, too."""
    create_user()  # an admin remains
    user = create_user(email="asha@example.com")
    if state == "inactive":
        with transaction():
            users.deactivate_user(ctx, user.id)
    passwords._hash_of_nobody()
    verified: list[str] = []
    verify = PasswordHasher.verify

    def counted(self: PasswordHasher, stored: str, password: str) -> bool:
        verified.append(stored)
        return verify(self, stored, password)

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    email = "nobody@example.com" if state == "unknown" else "asha@example.com"
    assert passwords.sign_in(ctx.now, email, "not the password", HERE) is None
    assert len(verified) == 1
    parameters = {stored.rsplit("$", 2)[0] for stored in (*verified, user.password_hash)}
    assert len(parameters) == 1


def test_a_missing_field_is_named(pages: FlaskClient) -> None:
    answer = sign_in(pages, "", "")
    assert answer.status_code == 422
    assert "Email is required." in answer.text
    assert "Password is required." in answer.text


def test_ten_failures_close_the_door_for_this_address_only(
    pages: FlaskClient, create_user: Callable[..., User]
) -> None:
    create_user(email="asha@example.com")
    create_user(email="ravi@example.com")
    for _ in range(10):
        assert sign_in(pages, "asha@example.com", "not the password").status_code == 422
    answer = sign_in(pages, "Asha@example.com ", PASSWORD)
    assert answer.status_code == 429
    assert "Too many requests" in answer.text
    assert 0 < int(answer.headers["Retry-After"]) <= 15 * 60 + 1
    assert sign_in(pages, "ravi@example.com").status_code == 303


def test_guessing_from_many_addresses_is_braked_and_told(
    pages_app: Flask,
    enter: Callable[..., FlaskClient],
    mails: Callable[[], list[OutboxMessage]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A cap per account; the owner gets in from where they were before, and unknown accounts are braked alike."""
    began = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: began)
    enter(email="asha@example.com")
    for email in ("asha@example.com", "nobody@example.com"):
        stranger = pages_app.test_client()

        def attempt(number: int, password: str = "not the password", email: str = email) -> int:
            token = token_in(stranger.get("/login").text)  # noqa: B023
            data = {"email": email, "password": password, "csrf_token": token}
            address = {"REMOTE_ADDR": f"198.51.100.{number}"}
            return stranger.post("/login", data=data, environ_overrides=address).status_code  # noqa: B023

        assert [attempt(number) for number in range(10)] == [422] * 10
        assert attempt(11) == 429
        for seconds, status in ((2, 422), (3, 429), (4, 422), (6, 429), (8, 422)):
            monkeypatch.setattr(clock, "now", lambda s=seconds: began + timedelta(seconds=s))
            assert attempt(12 + seconds) == status, seconds
        monkeypatch.setattr(clock, "now", lambda: began)
    monkeypatch.setattr(clock, "now", lambda: began + timedelta(seconds=9))
    assert sign_in(pages_app.test_client(), "asha@example.com").status_code == 303
    told = [(mail.template, mail.recipient) for mail in mails()]
    assert told == [("people/guessed", "asha@example.com")]


def test_the_door_is_logged_but_no_password(
    pages: FlaskClient, create_user: Callable[..., User], login: Callable[..., FlaskClient]
) -> None:
    create_user(Role.AUDITOR, email="asha@example.com")
    sign_in(pages, "asha@example.com", "wrong")
    sign_in(pages, "a secret typed there", "wrong")
    sign_in(pages, "asha@example.com")
    assert pages.get("/t/admin").status_code == 403
    token = token_in(pages.get("/account").text)
    pages.post("/logout", data={"csrf_token": token})
    rows = db.session.query(AccessEntry).order_by(AccessEntry.id).all()
    assert [(row.kind, row.email, row.detail) for row in rows] == [
        ("sign_in_failed", "asha@example.com", ""),
        ("sign_in_failed", None, ""),
        ("signed_in", "asha@example.com", ""),
        ("refused", "asha@example.com", "GET /t/admin"),
        ("signed_out", "asha@example.com", ""),
    ]
    page = login(Role.AUDITOR).get("/admin/access?email=asha@example.com").text
    assert page.count(">asha@example.com</td>") == 4
    assert "4 rows" in page
    assert "GET /t/admin" in page
    of_kind = login(Role.AUDITOR).get("/admin/access?kind=refused").text
    assert "GET /t/admin" in of_kind
    assert "<tfoot" not in of_kind  # the whole log may have to be read for them


def test_successes_do_not_count(
    pages_app: Flask, pages: FlaskClient, create_user: Callable[..., User]
) -> None:
    """Not as failures; but each costs a processor and memory, so there is an end of them as well."""
    create_user(email="asha@example.com")
    statuses = [sign_in(pages_app.test_client(), "asha@example.com").status_code for _ in range(61)]
    assert statuses == [303] * 60 + [429]


def test_signing_in_goes_back_to_the_page_asked_for(
    pages: FlaskClient, create_user: Callable[..., User]
) -> None:
    create_user(email="asha@example.com")
    assert sign_in(pages, "asha@example.com", path="/login?next=/account?a%3Db").location == "/account?a=b"


@pytest.mark.parametrize(
    "next_url",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/%0d%0aX: y",
        "\\\\evil.example",
        "javascript:1",
    ],
)
def test_signing_in_never_leaves_the_site(
    pages: FlaskClient, create_user: Callable[..., User], next_url: str
) -> None:
    create_user(email="asha@example.com")
    answer = sign_in(pages, "asha@example.com", path=f"/login?next={next_url}")
    assert answer.status_code == 303
    assert "evil" not in answer.location
    assert answer.location.startswith("/")
    assert answer.location.isprintable()


def test_nothing_of_the_visitor_s_session_survives(
    pages: FlaskClient, create_user: Callable[..., User]
) -> None:
    create_user(email="asha@example.com")
    with pages.session_transaction() as session:
        session["planted"] = "by somebody else"
    old_token = token_in(pages.get("/login").text)
    sign_in(pages, "asha@example.com")
    with pages.session_transaction() as session:
        assert "planted" not in session
    assert pages.post("/t/anybody", headers={"X-CSRFToken": old_token}).status_code == 400


def test_a_copied_cookie_dies_with_the_session(pages_app: Flask, enter: Callable[..., FlaskClient]) -> None:
    browser, copy = enter(), pages_app.test_client()
    cookie = browser.get_cookie("session-8000")
    assert cookie is not None
    copy.set_cookie("session-8000", cookie.value)
    assert copy.get("/account").status_code == 200
    browser.post("/logout", data={"csrf_token": token_in(browser.get("/account").text)})
    assert copy.get("/account").status_code == 302


def test_signing_out_ends_it(enter: Callable[..., FlaskClient]) -> None:
    browser = enter()
    assert browser.get("/logout").status_code == 405
    token = token_in(browser.get("/account").text)
    out = browser.post("/logout", data={"csrf_token": token})
    assert (out.location, out.headers["Clear-Site-Data"]) == ("/login", '"cache"')
    assert browser.get("/account").status_code == 302


def test_who_is_in_needs_no_second_sign_in(enter: Callable[..., FlaskClient]) -> None:
    answer = enter().get("/login")
    assert answer.status_code == 303
    assert answer.location != "/login"


def test_a_deactivated_user_is_out_at_once(
    enter: Callable[..., FlaskClient], ctx: Context, create_user: Callable[..., User]
) -> None:
    create_user()  # an admin remains
    browser = enter(Role.ADMIN, email="gone@example.com")
    assert browser.get("/account").status_code == 200
    with transaction():
        user = db.session.query(User).filter_by(email="gone@example.com").one()
        users.deactivate_user(ctx, user.id)
    assert browser.get("/account").status_code == 302
    with transaction():
        users.reactivate_user(ctx, user.id)
    assert browser.get("/account").status_code == 302  # the old session stays dead
    assert sign_in(browser, "gone@example.com").status_code == 303


def test_another_role_ends_what_is_open(enter: Callable[..., FlaskClient], ctx: Context) -> None:
    """No page and no command changes one; whoever does on the machine need not think of sessions."""
    browser = enter(Role.ADMIN, email="asha@example.com")
    assert browser.get("/account").status_code == 200
    user_id = db.session.query(User.id).filter_by(email="asha@example.com").scalar()
    with transaction():
        db.session.execute(OWNER)
        db.session.execute(text("UPDATE users SET role = 'auditor' WHERE id = :id"), {"id": user_id})
        record_event(ctx, ("user", user_id), "role_changed")
    assert browser.get("/account").status_code == 302


@pytest.mark.parametrize("key", ["", "1", "1:1", "x" * 43])
def test_made_up_session_keys_are_nobody(
    pages: FlaskClient, create_user: Callable[..., User], key: str
) -> None:
    create_user()
    with pages.session_transaction() as session:
        session["_user_id"] = key
    assert pages.get("/account").status_code == 302


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:ffff::9", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
    ],
)
def test_guesses_are_counted_by_network(session_app: Flask, address: str, counted: str) -> None:
    """Whoever has an IPv6 address has 2⁶⁴ of them."""
    with session_app.test_request_context(environ_base={"REMOTE_ADDR": address}):
        assert network() == counted
