"""The list of users and the dashboard say who waits and who must do what; forms work without JavaScript."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from tests.support import counting
from tests.support.pages import HTMX
from tests.support.people import NEW_EMAIL, acts, make_user
from tests.support.values import PASSWORD
from tusker.extensions import db
from tusker.models import OutboxMessage, Role, User
from tusker.services.context import Context
from tusker.transactions import transaction

pytestmark = pytest.mark.usefixtures("four_eyes")

FORM = {"name": "Nila", "email": NEW_EMAIL, "role": "admin"}


def fresh(user: User) -> User:
    db.session.rollback()
    db.session.refresh(user)
    return user


def enter(app: Flask, email: str) -> int:
    return app.test_client().post("/login", data={"email": email, "password": PASSWORD}).status_code


def test_from_the_form_to_the_first_sign_in(
    login: Callable[..., FlaskClient], maker: User, checker: User, mails: Callable[[], list[OutboxMessage]]
) -> None:
    asking, deciding = login(user=maker), login(user=checker)
    assert "once another admin has activated" in asking.get("/admin/users/new").text
    made = asking.post("/admin/users/new", data=FORM, follow_redirects=True)
    assert "new@example.com waits for activation by another admin" in made.text
    assert {m.template for m in mails()} == {"people/admin_made"}
    user = db.session.query(User).filter_by(email=NEW_EMAIL).one()
    path = f"/admin/users/{user.id}"
    own = asking.get("/admin/users?state=waiting").text
    assert 'data-status="waits_for_activation"' in own
    assert "another admin must activate it" in own
    assert f"{path}/activate" not in own
    assert asking.post(f"{path}/activate").status_code == 403
    theirs = deciding.get("/admin/users?state=waiting").text
    assert "then activate or refuse it" in theirs
    assert f'action="{path}/activate"' in theirs
    done = deciding.post(f"{path}/activate")
    assert (done.status_code, done.headers["Location"]) == (303, "/admin/users")
    assert fresh(user).active
    assert {m.template for m in mails() if m.recipient == NEW_EMAIL} == {
        "people/admin_activated",
        "people/password_reset",
    }
    assert deciding.post(f"{path}/activate").status_code == 409


def test_nobody_signs_in_while_waiting(app: Flask, waiting: User) -> None:
    assert enter(app, waiting.email) == 422
    assert enter(app, "maker@example.com") == 303


def test_an_open_session_of_somebody_who_waits_ends(login: Callable[..., FlaskClient], checker: User) -> None:
    """Even where the session itself would be the right one still."""
    browser = login(user=checker)
    with transaction():
        db.session.execute(text("UPDATE users SET active = false WHERE id = :id"), {"id": checker.id})
    assert browser.get("/admin/").status_code == 302


def test_refused_with_a_reason_which_stands_in_the_list(
    login: Callable[..., FlaskClient], checker: User, waiting: User
) -> None:
    browser, path = login(user=checker), f"/admin/users/{waiting.id}/refuse"
    assert browser.post(path, data={"reason": " "}).status_code == 422
    row = browser.post(path, data={"reason": "Nobody <knows> them"}, headers=HTMX)
    assert row.text.lstrip().startswith(f'<tr id="user-{waiting.id}">')
    assert 'data-status="inactive"' in row.text
    assert "Refused by Test admin: “Nobody &lt;knows&gt; them”" in row.text
    assert not fresh(waiting).active
    again = browser.post(f"/admin/users/{waiting.id}/reactivate", follow_redirects=True)
    assert "waits for activation by another admin" in again.text
    assert fresh(waiting).activation_asked_by == checker.id


@pytest.mark.parametrize("action", ["activate", "refuse"])
def test_others_than_admins_decide_nothing(
    login: Callable[..., FlaskClient], client: FlaskClient, checker: User, waiting: User, action: str
) -> None:
    auditor, path = login(Role.AUDITOR), f"/admin/users/{waiting.id}/{action}"
    assert auditor.post(path, data={"reason": "No"}).status_code == 403
    assert client.post(path, data={"reason": "No"}).status_code == 302
    page = auditor.get("/admin/users").text
    assert "another admin must activate it" in page
    assert path not in page
    assert fresh(waiting).waits_for_activation


@pytest.mark.usefixtures("waiting")
def test_the_only_admin_is_sent_to_the_operator(login: Callable[..., FlaskClient], maker: User) -> None:
    page = login(user=maker).get("/admin/users").text
    assert "<code>flask activate-user new@example.com</code>" in page


@pytest.mark.usefixtures("waiting")
def test_the_dashboard_tells_all_staff(login: Callable[..., FlaskClient], checker: User) -> None:
    for browser, label in ((login(user=checker), "Decide"), (login(Role.AUDITOR), "Look")):
        page = browser.get("/admin/").text
        todo = page[page.index('id="todo"') :]
        assert "1 admin waits for activation" in todo
        assert f'href="/admin/users?state=waiting">{label}</a>' in todo


def test_the_list_asks_as_often_for_many_who_wait(
    login: Callable[..., FlaskClient], ctx: Context, maker: User, waiting: User
) -> None:
    browser = login(user=maker)

    def asked() -> int:
        with counting.statements() as seen:
            browser.get("/admin/users?state=waiting", headers=HTMX)
        return len(seen)

    few = asked()
    for number in range(5):
        make_user(acts(ctx, maker), f"n{number}@example.com")
    assert asked() == few
