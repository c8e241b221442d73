"""Users made, acting and signing in."""

from __future__ import annotations

from dataclasses import replace

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.pages import token_in
from tests.support.values import PASSWORD
from tusker.extensions import db
from tusker.models import Event, Role, User
from tusker.services.context import Context
from tusker.services.people.users import create_user as create_user_service
from tusker.transactions import transaction

NEW_EMAIL = "new@example.com"


def acts(ctx: Context, user: User) -> Context:
    """A user acting at the fixed time."""
    return replace(ctx, actor_id=user.id, actor=user.name)


def make_user(ctx: Context, email: str = NEW_EMAIL, role: Role = Role.ADMIN) -> User:
    """Make a user with the tests' password."""
    with transaction():
        return create_user_service(ctx, email=email, name="Nila", role=role, password=PASSWORD)


def kinds(user: User) -> list[str]:
    """What happened to a user, oldest first."""
    rows = db.session.query(Event).filter_by(subject="user", subject_id=user.id).order_by(Event.id)
    return [event.kind for event in rows]


def submit(browser: FlaskClient, path: str, **data: str) -> TestResponse:
    token = token_in(browser.get(path).text)
    return browser.post(path, data={"csrf_token": token, **data})


def sign_in(browser: FlaskClient, email: str, password: str = PASSWORD, path: str = "/login") -> TestResponse:
    return submit(browser, path, email=email, password=password)
