"""Second factors: at sign-in, before what moves money, added, removed and reset."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.pages import HTMX, words
from tests.support.people import kinds
from tests.support.threads import in_threads
from tests.support.values import PASSWORD
from tusker import clock
from tusker.errors import Conflict, InvalidInput, TooManyTries
from tusker.extensions import db
from tusker.models import (
    AccessEntry,
    AccessKind,
    Invoice,
    OutboxMessage,
    RecoveryCode,
    Role,
    SecondFactor,
    User,
)
from tusker.secrets.box import seal
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.people import factors
from tusker.services.people.access_log import Visitor, brake, log_access
from tusker.transactions import transaction

BEGAN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
At = Callable[[int], datetime]


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> At:
    """Move the clock to so many seconds after the start."""

    def move(seconds: int) -> datetime:
        now = BEGAN + timedelta(seconds=seconds)
        monkeypatch.setattr(clock, "now", lambda: now)
        return now

    move(0)
    return move


@pytest.fixture
def demanded(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "REQUIRE_SECOND_FACTOR", True)


class Phone:
    """Somebody's authenticator app."""

    def __init__(self, user: User) -> None:
        self.user, self.secret = user, pyotp.random_base32()
        self.codes = self.add()

    def add(self) -> list[str]:
        with transaction():
            return factors.add_app(
                _now(self.user), self.user.id, secret=self.secret, code=self.code(), name="Phone"
            )

    def code(self) -> str:
        return str(pyotp.TOTP(self.secret).at(clock.now()))


def _now(user: User) -> Context:
    return Context(actor_id=user.id, actor=user.name, now=clock.now(), today=clock.today())


def _password(app: Flask, user: User) -> tuple[FlaskClient, str]:
    browser = app.test_client()
    return browser, browser.post("/login", data={"email": user.email, "password": PASSWORD}).text


def test_a_password_alone_opens_nothing_once_there_is_an_app(
    app: Flask, create_user: Callable[..., User], at: At
) -> None:
    user = create_user()
    phone = Phone(user)
    at(30)
    browser, page = _password(app, user)
    assert "Confirm it is you" in page
    assert browser.get("/admin/").location == "/login/second?next=/admin/"
    assert browser.get("/account/factors/new").status_code == 302
    assert browser.post("/login/second", data={"code": "000000"}).status_code == 422
    before = browser.get_cookie("session-8000")
    assert before is not None
    assert browser.post("/login/second?next=/account", data={"code": phone.code()}).location == "/account"
    copy = app.test_client()
    copy.set_cookie("session-8000", before.value)  # taken before: it opens nothing now
    assert copy.get("/account").status_code == 302
    assert browser.get("/account").status_code == 200


def test_a_code_works_once_and_for_a_minute_and_a_half(
    app: Flask, create_user: Callable[..., User], at: At
) -> None:
    phone = Phone(create_user())
    with pytest.raises(InvalidInput, match="used before"), transaction():
        factors.check_code(_now(phone.user), phone.user.id, phone.code())
    at(60)
    of_60 = phone.code()
    for seconds, works in ((120, False), (90, True), (30, True), (0, False)):
        at(seconds)
        try:
            with transaction():
                factors.check_code(_now(phone.user), phone.user.id, of_60)
        except InvalidInput:
            assert not works
        else:
            assert works
            db.session.query(SecondFactor).update({"last_step": 0})
            db.session.commit()
    with pytest.raises(InvalidInput), transaction():
        factors.check_code(_now(phone.user), phone.user.id, "")


def test_guessing_codes_from_many_addresses_is_braked_and_told(
    app: Flask, create_user: Callable[..., User], at: At, mails: Callable[[], list[OutboxMessage]]
) -> None:
    """Also for who has the password: giving it anew, from anywhere, starts no new count of wrong codes."""
    phone = Phone(create_user())
    told = len(mails())

    def attempt(number: int, code: str) -> str:
        browser, origin = app.test_client(), {"REMOTE_ADDR": f"198.51.100.{number}"}
        for path, data in (
            ("/login", {"email": phone.user.email, "password": PASSWORD}),
            ("/login/second", {"code": code}),
        ):
            answer = browser.post(path, data=data, environ_overrides=origin)
        return "in" if answer.status_code == 303 else words(answer.text)

    at(60)
    assert all(factors.WRONG in attempt(number, "000000") for number in range(10))
    assert "Too many attempts for this account." in attempt(10, phone.code())
    [mail] = mails()[told:]
    assert (mail.template, mail.context["of_factor"]) == ("people/guessed", True)
    at(61)
    assert attempt(11, phone.code()) == "in"
    rows = db.session.query(AccessEntry.kind).filter(AccessEntry.kind.like("%slowed")).count()
    assert rows == 1


def test_guessing_at_the_door_brakes_nobody_who_is_in(
    app: Flask, create_user: Callable[..., User], at: At
) -> None:
    phone = Phone(create_user())
    at(30)
    browser, _ = _password(app, phone.user)
    browser.post("/login/second", data={"code": phone.code()})
    guesser, moved = Visitor("203.0.113.7", ""), Visitor("198.51.100.7", "")
    at(59)
    with transaction():
        for kind in [AccessKind.FAILED, AccessKind.FACTOR_FAILED] * 12:
            log_access(clock.now(), kind, guesser, email=phone.user.email)
    at(60)
    for kind in (AccessKind.FAILED, AccessKind.FACTOR_FAILED):
        with pytest.raises(TooManyTries):
            brake(clock.now(), phone.user.email, moved, kind)
    browser.environ_base["REMOTE_ADDR"] = moved.address
    assert browser.post("/account/confirm", data={"code": phone.code()}).status_code == 303
    new = "a new and longer sentence"
    changed = {"current_password": PASSWORD, "new_password": new, "again": new}
    assert browser.post("/account/password", data=changed).status_code == 303


def test_signing_out_ends_a_session_that_lacks_its_second_step(
    app: Flask, create_user: Callable[..., User], at: At
) -> None:
    phone = Phone(create_user())
    at(30)
    browser, _ = _password(app, phone.user)
    cookie, copy = browser.get_cookie("session-8000"), app.test_client()
    assert cookie is not None
    copy.set_cookie("session-8000", cookie.value)
    browser.post("/logout")
    assert copy.post("/login/second", data={"code": phone.code()}).location.startswith("/login")
    assert copy.get("/account").location.startswith("/login?")


def test_nobody_is_let_in_by_another_s_code(app: Flask, create_user: Callable[..., User], at: At) -> None:
    mine, other = Phone(create_user()), Phone(create_user())
    at(30)
    for code in (other.code(), other.codes[0]):
        with pytest.raises(InvalidInput), transaction():
            factors.check_code(_now(mine.user), mine.user.id, code)


def test_each_recovery_code_works_once_and_is_told_by_mail(
    app: Flask, create_user: Callable[..., User], mails: Callable[[], list[OutboxMessage]], at: At
) -> None:
    user = create_user()
    codes = Phone(user).codes
    assert len(set(codes)) == 10
    assert not any(code in row.code_hash for code in codes for row in db.session.query(RecoveryCode))
    for status in (303, 422):
        browser, _ = _password(app, user)
        typed = codes[0].upper().replace("-", " ")
        assert browser.post("/login/second", data={"code": typed}).status_code == status
    assert [mail.context["kind"] for mail in mails()] == ["second_factor_added", "recovery_code_used"]
    assert "9 recovery codes are left" not in words(browser.get("/account").text)
    assert kinds(user)[-1] == "recovery_code_used"


def test_of_many_who_show_one_code_at_once_one_is_in(
    app: Flask, create_user: Callable[..., User], at: At
) -> None:
    phone = Phone(create_user())
    at(60)
    user_id, name = phone.user.id, phone.user.name

    def show(code: str) -> bool:
        try:
            with transaction():
                factors.check_code(Context(user_id, name, clock.now(), clock.today()), user_id, code)
        except InvalidInput:
            return False
        return True

    for code in (phone.code(), phone.codes[0]):
        assert in_threads(app, [lambda code=code: show(code)] * 6).count(True) == 1


def test_what_a_version_before_left_is_taken_and_what_does_not_open_is_passed_over(
    create_user: Callable[..., User], at: At
) -> None:
    phone = Phone(create_user())
    with transaction():
        old = hashlib.sha256(b"0123456789").hexdigest()
        db.session.add(RecoveryCode(user_id=phone.user.id, code_hash=old, created_at=clock.now()))
        factor = db.session.query(SecondFactor).one()
        readable, factor.secret = factor.secret, seal("gone", "SECRET")
        db.session.add(
            SecondFactor(
                user_id=phone.user.id,
                kind="app",
                name="Again",
                secret=readable,
                last_step=0,
                created_at=clock.now(),
            )
        )
        record_event(_now(phone.user), phone.user, "second_factor_added")
    at(30)
    for code in (phone.code(), "01234-56789"):
        with transaction():
            factors.check_code(_now(phone.user), phone.user.id, code)
        with pytest.raises(InvalidInput), transaction():
            factors.check_code(_now(phone.user), phone.user.id, code)


def test_who_has_none_gives_the_password_before_adding_one_and_ending_sessions(
    app: Flask, create_user: Callable[..., User], at: At
) -> None:
    user = create_user()
    browser, _ = _password(app, user)
    elsewhere, _ = _password(app, user)
    at(299)
    assert browser.get("/account/factors/new").status_code == 200
    at(300)
    asked = browser.get("/account/factors/new")
    assert asked.location == "/account/confirm?next=/account/factors/new"
    assert 'autocomplete="current-password"' in browser.get(asked.location).text
    assert browser.post("/account/sessions/end").location == "/account/confirm"
    assert elsewhere.get("/account").status_code == 200
    wrong = browser.post("/account/confirm", data={"password": "not the password"})
    assert (wrong.status_code, "Wrong password." in wrong.text) == (422, True)
    log = db.session.query(AccessEntry).order_by(AccessEntry.id.desc()).first()
    assert (log.kind, log.user_id) == (AccessKind.FAILED, user.id)
    copied = app.test_client()
    copied.set_cookie("session-8000", browser.get_cookie("session-8000").value)
    right = browser.post(asked.location, data={"password": PASSWORD})
    assert (right.status_code, right.location) == (303, "/account/factors/new")
    assert copied.get("/account").status_code == 302
    at(599)
    assert browser.get("/account/factors/new").status_code == 200
    browser.post("/account/sessions/end")
    assert elsewhere.get("/account").status_code == 302


def test_a_second_factor_that_was_right_is_in_the_access_log(
    app: Flask, create_user: Callable[..., User], at: At
) -> None:
    phone = Phone(create_user())
    at(30)
    browser, _ = _password(app, phone.user)
    assert browser.post("/login/second", data={"code": phone.code()}).status_code == 303
    rows = db.session.query(AccessEntry).filter_by(user_id=phone.user.id).order_by(AccessEntry.id)
    assert [row.kind for row in rows] == [AccessKind.SIGNED_IN, AccessKind.FACTOR_SHOWN]


@pytest.mark.usefixtures("demanded")
def test_an_admin_without_one_can_only_add_it(app: Flask, create_user: Callable[..., User], at: At) -> None:
    user = create_user()
    browser, _ = _password(app, user)
    for path in ("/admin/", "/account", "/invoices/"):
        assert browser.get(path).location.startswith("/login/second")
    page = browser.get("/login/enrol?next=/admin/queue").text
    secret = "".join(re.findall(r"<code>([A-Z2-7 ]+)</code>", page)[0].split())
    wrong = browser.post("/login/enrol", data={"app-name": "Phone", "app-code": "000000"})
    assert wrong.status_code == 422
    assert secret in "".join(wrong.text.split())
    code = pyotp.TOTP(secret).at(clock.now())
    made = browser.post("/login/enrol?next=/admin/queue", data={"app-name": "Phone", "app-code": code})
    assert len(re.findall(r"<code>[0-9a-f]{5}-[0-9a-f]{5}</code>", made.text)) == 10
    assert 'href="/admin/queue"' in made.text
    assert browser.get("/admin/").status_code == 200
    assert _password(app, create_user(Role.AUDITOR))[0].get("/account").status_code == 200


@pytest.mark.usefixtures("demanded")
def test_the_only_one_of_an_admin_stays(app: Flask, create_user: Callable[..., User], at: At) -> None:
    user = create_user()
    Phone(user)
    [factor] = factors.factors_of(user.id)
    with pytest.raises(Conflict, match="only second factor"), transaction():
        factors.remove_factor(_now(user), user.id, factor.id)


def _in(app: Flask, phone: Phone) -> FlaskClient:
    browser, _ = _password(app, phone.user)
    assert browser.post("/login/second", data={"code": phone.code()}).status_code == 303
    return browser


def test_approving_asks_for_it_again_after_five_minutes_and_keeps_the_form(
    app: Flask,
    create_user: Callable[..., User],
    make_invoice: Callable[..., Invoice],
    at: At,
) -> None:
    make_invoice("bundled")
    phone = Phone(create_user())
    at(60)
    browser = _in(app, phone)
    at(60 + 299)
    assert "Confirm it is you" not in browser.post("/admin/disbursals/1/approve").text
    at(60 + 301)
    headers = {"Referer": "http://localhost/admin/disbursals/1"}
    asked = browser.post("/admin/disbursals/1/approve", data={"seen": "x"}, headers=headers)
    assert asked.status_code == 401
    kept = html.unescape(re.findall(r'name="kept" value="([^"]+)"', asked.text)[0])
    shown = browser.post("/account/confirm", data={"code": phone.code(), "kept": kept})
    assert 'action="/admin/disbursals/1/approve"' in shown.text
    assert "Confirm it is you" not in browser.post("/admin/disbursals/1/approve").text
    at(2000)
    htmx = {**HTMX, "HX-Current-URL": "http://localhost/admin/disbursals/1"}
    for path in ("approve", "release"):
        answer = browser.post(f"/admin/disbursals/1/{path}", headers=htmx)
        assert answer.headers["HX-Redirect"] == "/account/confirm?next=/admin/disbursals/1"
    assert browser.get("/account/factors/new").location == "/account/confirm?next=/account/factors/new"


def test_removing_the_last_one_takes_the_codes_along(
    app: Flask, create_user: Callable[..., User], at: At
) -> None:
    phone = Phone(create_user())
    at(60)
    browser = _in(app, phone)
    [factor] = factors.factors_of(phone.user.id)
    assert browser.post(f"/account/factors/{factor.id + 1}/remove").status_code == 404
    assert browser.post(f"/account/factors/{factor.id}/remove").status_code == 303
    assert (db.session.query(SecondFactor).count(), db.session.query(RecoveryCode).count()) == (0, 0)


def test_another_admin_resets_a_lost_one(
    app: Flask,
    create_user: Callable[..., User],
    login: Callable[..., FlaskClient],
    mails: Callable[[], list[OutboxMessage]],
    at: At,
) -> None:
    phone = Phone(create_user())
    at(60)
    browser = _in(app, phone)
    own = f"/admin/users/{phone.user.id}/reset-factor"
    assert browser.post(own, data={"reason": "Mine"}).status_code == 409
    other = login()
    assert (
        other.get("/admin/users").text.count("/reset-factor") == 2
    )  # hers alone, as address of page and of htmx
    assert other.post(own, data={"reason": " "}).status_code == 422
    assert other.post(own, data={"reason": "Phone lost"}).status_code == 303
    assert browser.get("/account").status_code == 302
    assert mails()[-1].context["kind"] == "second_factor_reset"
    assert "Confirm it is you" not in _password(app, phone.user)[1]
