"""Changing a password, and setting a new one with a link from a mail."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.pages import token_in
from tests.support.people import sign_in, submit
from tests.support.values import PASSWORD
from tusker.extensions import db
from tusker.jobs.outbox import send_outbox
from tusker.models import Event, OutboxMessage, User
from tusker.services.context import Context
from tusker.services.people import passwords, users
from tusker.transactions import transaction

pytestmark = pytest.mark.usefixtures("limits_count")

NEW = "a new and longer sentence"


def change(browser: FlaskClient, current: str = PASSWORD, new: str = NEW, again: str = NEW) -> TestResponse:
    token = token_in(browser.get("/account").text)
    data = {"csrf_token": token, "current_password": current, "new_password": new, "again": again}
    return browser.post("/account/password", data=data)


def test_a_new_password_ends_the_other_sessions(pages_app: Flask, enter: Callable[..., FlaskClient]) -> None:
    here = enter(email="asha@example.com")
    there = pages_app.test_client()
    assert sign_in(there, "asha@example.com").status_code == 303
    assert change(here).status_code == 303
    assert here.get("/account").status_code == 200
    assert there.get("/account").status_code == 302
    assert sign_in(there, "asha@example.com", PASSWORD).status_code == 422
    assert sign_in(there, "asha@example.com", NEW).status_code == 303
    assert db.session.query(Event).filter_by(subject="user", kind="password_changed").count() == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"current": "not the password"}, "Wrong current password."),
        ({"new": "too short", "again": "too short"}, "at least 12 characters"),
        ({"again": "something else"}, "the two are not the same"),
        ({"new": "x" * 201, "again": "x" * 201}, "at most 200 characters"),
        ({"new": "a" * 12, "again": "a" * 12}, "too easy to guess"),
        ({"new": "asha@example.com", "again": "asha@example.com"}, "too easy to guess"),
        ({"new": "Welcome@12345", "again": "Welcome@12345"}, "too easy to guess"),
        ({"new": "Summer2026!!", "again": "Summer2026!!"}, "too easy to guess"),
        ({"new": "Tusker Finance 2026", "again": "Tusker Finance 2026"}, "too easy to guess"),
        ({"new": PASSWORD, "again": PASSWORD}, "the password that you have now"),
        ({"new": "", "again": ""}, "New password is required"),
    ],
)
def test_a_password_that_will_not_do_changes_nothing(
    enter: Callable[..., FlaskClient], changes: dict[str, str], words: str
) -> None:
    browser = enter(email="asha@example.com")
    before = db.session.query(User.password_hash).scalar()
    answer = change(browser, **changes)
    assert answer.status_code == 422
    assert words in answer.text
    db.session.rollback()
    assert db.session.query(User.password_hash).scalar() == before


def test_guessing_the_current_password_is_slowed_down(enter: Callable[..., FlaskClient]) -> None:
    browser = enter()
    for number in range(10):  # from wherever
        browser.environ_base["REMOTE_ADDR"] = f"198.51.100.{number}"
        assert change(browser, current="not the password").status_code == 422
    browser.environ_base["REMOTE_ADDR"] = "198.51.100.99"
    assert change(browser).status_code == 429
    assert change(enter()).status_code == 303  # a colleague behind the same address


def link_in(folder: Path) -> str:
    """The path of the reset link in the one mail of the folder."""
    (mail,) = folder.glob("*.eml")
    found = re.search(r"https?://[^/\s]+(/account/reset/\S+)", mail.read_text().replace("=\n", ""))
    assert found is not None
    return found[1]


@pytest.fixture
def mail_folder(pages_app: Flask) -> Path:
    """Where mails go, empty."""
    folder = Path(pages_app.config["MAIL_FOLDER"])
    for mail in folder.glob("*.eml"):
        mail.unlink()
    return folder


def asked_link(browser: FlaskClient, folder: Path, email: str = "asha@example.com") -> str:
    assert submit(browser, "/forgot", email=email).status_code == 303
    assert send_outbox() == 1
    return link_in(folder)


def test_a_link_sets_a_new_password_once(
    pages: FlaskClient, create_user: Callable[..., User], mail_folder: Path, enter: Callable[..., FlaskClient]
) -> None:
    old_session = enter(email="asha@example.com")
    link = asked_link(pages, mail_folder, "  Asha@example.com ")
    answer = submit(pages, link, new_password=NEW, again=NEW)
    assert answer.location == "/login"
    assert old_session.get("/account").status_code == 302
    assert sign_in(pages, "asha@example.com", NEW).status_code == 303
    assert pages.get(link).status_code == 410
    assert db.session.query(Event).filter_by(subject="user", kind="password_reset").count() == 1


def test_the_answer_is_the_same_for_everybody(
    pages: FlaskClient, create_user: Callable[..., User], mail_folder: Path
) -> None:
    create_user(email="asha@example.com")
    answers = []
    for email in ("asha@example.com", "nobody@example.com"):
        answer = submit(pages, "/forgot", email=email)
        page = pages.get("/login").text
        # A token holds the second in which it was made.
        answers.append((answer.status_code, answer.location, page.replace(token_in(page), "token")))
    assert len(set(answers)) == 1
    refused = submit(pages, "/forgot", email="not an address")
    assert refused.status_code == 422
    assert "The email is not a mail address." in refused.text
    assert db.session.query(OutboxMessage).count() == 2
    assert send_outbox() == 2
    assert len(list(mail_folder.glob("*.eml"))) == 1


def test_no_link_lies_in_the_outbox_or_the_log(
    pages: FlaskClient, create_user: Callable[..., User], mail_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    create_user(email="asha@example.com")
    with caplog.at_level("DEBUG"):
        link = asked_link(pages, mail_folder)
    db.session.rollback()
    (row,) = db.session.query(OutboxMessage)
    assert row.context == {}
    assert link.rsplit("/", 1)[1] not in caplog.text


def test_asking_again_before_the_mail_is_sent_sends_one(
    pages: FlaskClient, create_user: Callable[..., User], mail_folder: Path
) -> None:
    create_user(email="asha@example.com")
    submit(pages, "/forgot", email="asha@example.com")
    submit(pages, "/forgot", email="asha@example.com")
    assert send_outbox() == 1


def test_a_link_dies_with_the_password(
    pages: FlaskClient, create_user: Callable[..., User], mail_folder: Path, ctx: Context
) -> None:
    user = create_user(email="asha@example.com")
    link = asked_link(pages, mail_folder)
    with transaction():
        passwords.change_password(ctx, user.id, NEW)
    assert pages.get(link).status_code == 410
    assert submit(pages, "/login", email="asha@example.com", password=NEW).status_code == 303


def test_a_link_dies_after_an_hour(
    pages: FlaskClient, create_user: Callable[..., User], mail_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_user(email="asha@example.com")
    link = asked_link(pages, mail_folder)
    later = time.time() + 3601
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: later)
    assert pages.get(link).status_code == 410


def test_a_link_made_elsewhere_is_nothing(
    pages: FlaskClient, create_user: Callable[..., User], mail_folder: Path
) -> None:
    create_user(email="asha@example.com")
    link = asked_link(pages, mail_folder)
    assert pages.get(link).status_code == 200
    assert pages.get(link[:-2] + ("A" if link[-2] != "A" else "B") + link[-1]).status_code == 410
    assert pages.get("/account/reset/x").status_code == 410


def test_a_deactivated_user_gets_no_link(
    pages: FlaskClient, create_user: Callable[..., User], mail_folder: Path, ctx: Context
) -> None:
    create_user()
    gone = create_user(email="asha@example.com")
    with transaction():
        users.deactivate_user(ctx, gone.id)
    submit(pages, "/forgot", email="asha@example.com")
    send_outbox()
    assert list(mail_folder.glob("*.eml")) == []


def test_a_wish_that_waited_too_long_is_forgotten(
    pages: FlaskClient, create_user: Callable[..., User], mail_folder: Path
) -> None:
    create_user(email="asha@example.com")
    submit(pages, "/forgot", email="asha@example.com")
    db.session.rollback()
    with transaction():
        row = db.session.query(OutboxMessage).one()
        row.created_at -= timedelta(hours=2)
    send_outbox()
    assert list(mail_folder.glob("*.eml")) == []
