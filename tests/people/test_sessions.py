"""Sessions end by time and from elsewhere, and what was being typed survives."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.pages import HTMX, token_in
from tests.support.people import sign_in
from tests.support.values import PASSWORD
from tusker import clock
from tusker.models import Role, User

BEGAN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HERE = {"Referer": "http://localhost/account", "Origin": "http://localhost"}
TYPED = {"reason": "It came <back>", "amount": "1200.50", "password": "never kept"}
At = Callable[[timedelta], None]


@pytest.fixture
def after(pages_app: Flask, monkeypatch: pytest.MonkeyPatch) -> At:
    """Move the clock to so long after the start, under the usual limits on sessions."""
    monkeypatch.setitem(pages_app.config, "SESSION_IDLE_MINUTES", 30)
    monkeypatch.setitem(pages_app.config, "SESSION_HOURS", 12)

    def move(gone: timedelta) -> None:
        monkeypatch.setattr(clock, "now", lambda: BEGAN + gone)

    move(timedelta())
    return move


def test_a_session_ends_half_an_hour_after_the_last_page(
    after: At, enter: Callable[..., FlaskClient]
) -> None:
    browser = enter()
    for minute in (29, 58, 87):
        after(timedelta(minutes=minute))
        assert browser.get("/account").status_code == 200
    after(timedelta(minutes=87 + 32))
    assert browser.get("/account").location == "/login?next=/account"
    assert "Your session has ended." in browser.get("/login").text


@pytest.mark.parametrize(("minutes", "of_idle"), [(0, True), (11 * 60 + 45, False)])
def test_without_javascript_a_page_is_left_as_soon_as_its_session_is_over(
    after: At, enter: Callable[..., FlaskClient], minutes: int, of_idle: bool
) -> None:
    """Not before, which would keep it alive; and not where something is typed: that is sent late and kept."""
    browser = enter(Role.ADMIN)
    for step in range(0, minutes + 1, 15):
        after(timedelta(minutes=step))
        page = browser.get("/admin/access?email=a%40b").text
    [(seconds, to)] = re.findall(
        r'<noscript><meta http-equiv="refresh" content="(\d+); url=([^"]+)"></noscript>', page
    )
    assert int(seconds) == (31 if of_idle else 15) * 60 + 5
    assert "refresh" not in browser.get("/admin/users/new").text
    after(timedelta(minutes=minutes, seconds=int(seconds)))
    left = browser.get(html.unescape(to))
    assert (left.status_code, "Sign in" in left.text) == (200, True)
    assert "next=/admin/access?email%3Da%2540b" in left.text


def test_a_page_that_only_polls_keeps_nobody_signed_in(after: At, enter: Callable[..., FlaskClient]) -> None:
    browser = enter()
    after(timedelta(minutes=29))
    assert browser.get("/account", headers={**HTMX, "Polls": "true"}).status_code == 200
    after(timedelta(minutes=32))
    assert browser.get("/account", headers=HTMX).status_code == 401


def test_nobody_stays_longer_than_twelve_hours(after: At, enter: Callable[..., FlaskClient]) -> None:
    browser = enter()
    for step in range(1, 36):
        after(timedelta(minutes=20 * step))
        assert browser.get("/account").status_code == 200
    after(timedelta(hours=12))
    assert browser.get("/account").status_code == 302


def test_one_signs_out_elsewhere(
    pages_app: Flask, pages: FlaskClient, create_user: Callable[..., User]
) -> None:
    email = create_user().email
    browsers = [pages_app.test_client() for _ in range(3)]
    for browser in browsers:
        sign_in(browser, email)
    here, second, third = browsers
    page = here.get("/account").text
    ends = re.findall(r'action="(/account/sessions/[0-9]+/end)"', page)
    assert len(ends) == 2
    here.post(ends[0], data={"csrf_token": token_in(page)})
    assert sorted(browser.get("/account").status_code for browser in (second, third)) == [200, 302]
    here.post("/account/sessions/end", data={"csrf_token": token_in(page)})
    assert [browser.get("/account").status_code for browser in browsers] == [200, 302, 302]


def test_nobody_ends_somebody_else_s_session(
    pages_app: Flask, pages: FlaskClient, create_user: Callable[..., User]
) -> None:
    mine, other = pages_app.test_client(), pages_app.test_client()
    sign_in(mine, create_user().email)
    sign_in(other, create_user().email)
    token = token_in(mine.get("/account").text)
    for number in (1, 2, 3):
        mine.post(f"/account/sessions/{number}/end", data={"csrf_token": token})
    assert other.get("/account").status_code == 200


def test_a_form_sent_after_the_end_is_kept_over_the_sign_in(
    after: At, pages: FlaskClient, create_user: Callable[..., User]
) -> None:
    email = create_user().email
    sign_in(pages, email)
    token = token_in(pages.get("/account").text)
    after(timedelta(hours=1))
    asked = pages.post("/t/admin?x=1", data={**TYPED, "csrf_token": token}, headers=HERE)
    assert asked.status_code == 401
    assert "never kept" not in asked.text
    kept = html.unescape(re.findall(r'name="kept" value="([^"]+)"', asked.text)[0])
    answer = pages.post(
        "/login",
        data={"email": email, "password": PASSWORD, "kept": kept, "csrf_token": token_in(asked.text)},
    )
    assert 'action="/t/admin?x=1"' in answer.text
    assert re.findall(r'<textarea name="(.*?)" hidden>\n(.*?)</textarea>', answer.text) == [
        ("reason", "It came &lt;back&gt;"),
        ("amount", "1200.50"),
    ]
    assert "Not kept, to be entered again: Password." in answer.text
    assert pages.post("/t/admin", data={"csrf_token": token_in(answer.text)}).text == "seen"


def test_nobody_is_shown_what_another_typed(
    after: At, pages: FlaskClient, create_user: Callable[..., User]
) -> None:
    sign_in(pages, create_user().email)
    token = token_in(pages.get("/account").text)
    after(timedelta(hours=1))
    asked = pages.post("/t/admin", data={**TYPED, "csrf_token": token}, headers=HERE)
    kept = html.unescape(re.findall(r'name="kept" value="([^"]+)"', asked.text)[0])
    data = {
        "email": create_user(Role.AUDITOR).email,
        "password": PASSWORD,
        "kept": kept,
        "csrf_token": token_in(asked.text),
    }
    assert pages.post("/login", data=data).status_code == 303


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_another_site_s_form_is_not_kept(
    pages: FlaskClient, create_user: Callable[..., User], origin: str
) -> None:
    create_user()
    headers = {"Referer": "http://localhost/account", "Origin": origin}
    assert pages.post("/t/admin", data=TYPED, headers=headers).status_code in {302, 400}
    assert "kept" not in pages.get("/login").text


def test_a_form_with_an_old_token_is_shown_to_be_sent_again(enter: Callable[..., FlaskClient]) -> None:
    browser = enter()
    answer = browser.post("/t/admin", data={**TYPED, "csrf_token": "of before"}, headers=HERE)
    assert answer.status_code == 400
    assert "1200.50" in answer.text
    assert browser.post("/t/admin", data={"csrf_token": token_in(answer.text)}).text == "seen"


def test_htmx_is_given_the_new_token(enter: Callable[..., FlaskClient]) -> None:
    browser = enter()
    answer = browser.post("/t/admin", data={"csrf_token": "of before"}, headers={**HERE, **HTMX})
    assert answer.status_code == 400
    token = answer.headers["HX-Trigger"].split('"')[3]
    assert browser.post("/t/admin", data={"csrf_token": token}).text == "seen"


def test_a_sign_in_page_that_was_open_overnight_is_shown_anew(
    pages: FlaskClient, create_user: Callable[..., User]
) -> None:
    """Its own form is not one to be kept and sent later."""
    email = create_user().email
    headers = {"Referer": "http://localhost/login?next=/account", "Origin": "http://localhost"}
    late = pages.post(
        "/login", data={"email": email, "password": PASSWORD, "csrf_token": "old"}, headers=headers
    )
    assert (late.status_code, late.location) == (303, "/login?next=/account")
    shown = pages.get(late.location).text
    assert "This page was open too long." in shown
    assert "kept" not in shown
    assert sign_in(pages, email, path=late.location).location == "/account"


def test_the_way_back_to_a_page_never_leaves_the_site(pages: FlaskClient) -> None:
    """There may be an address of ours, not found, that a browser would take for another site's."""
    for path in ("/login", "/theme"):
        back = pages.post(path, headers={"Referer": "http://localhost//evil.example/"})
        assert (back.status_code, back.location) == (303, "/login")


def test_a_poll_with_an_old_cookie_signs_nobody_out(
    after: At, pages_app: Flask, create_user: Callable[..., User]
) -> None:
    """It left before the new sign-in and is answered after it: its answer must not take the new cookie away."""
    email, browser = create_user().email, pages_app.test_client()
    sign_in(browser, email)
    old = dict(browser._cookies or {})
    after(timedelta(hours=1))
    sign_in(browser, email)
    new = dict(browser._cookies or {})
    # 286 is htmx's word for not asking any more
    for headers, status in (({**HTMX, "Polls": "true"}, 286), (HTMX, 401)):
        browser._cookies = dict(old)
        late = browser.get("/invoices/badges", headers=headers)
        assert (late.status_code, late.headers.getlist("Set-Cookie")) == (status, [])
    browser._cookies = new
    assert browser.get("/account").status_code == 200


def test_a_person_sees_where_they_are_signed_in_and_is_warned_before_the_end(
    after: At, enter: Callable[..., FlaskClient]
) -> None:
    browser = enter()
    for step in range(1, 25):
        after(timedelta(minutes=29 * step))
        page = browser.get("/account", headers={"User-Agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0"}).text
    assert "127.0.0.1" in page
    found = re.search(r'data-idle-seconds="\d+" data-left-seconds="(\d+)"', page)
    assert found is not None
    assert int(found[1]) == 12 * 3600 - 24 * 29 * 60
