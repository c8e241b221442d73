"""A second app with pages made for these tests, with CSRF protection and rate limits switched on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Blueprint, Flask
from flask.testing import FlaskClient

from tests.support.client import Browser
from tests.support.pages import token_in
from tests.support.values import PASSWORD
from tusker.app import create_app
from tusker.errors import Conflict, InvalidInput, NotFound, TuskerError
from tusker.models import Role, User
from tusker.web.access import allow, by_token, current_company_id, public
from tusker.web.errors import answer_errors_under
from tusker.web.htmx import done, render


def _raising(error: Exception) -> Callable[[], Any]:
    def view() -> Any:
        raise error

    return view


def _problem(error: Exception) -> Any:
    return {"problem": type(error).__name__}, error.http_status if isinstance(
        error, TuskerError
    ) else error.code


ALERT = {"title": "Title", "message": "Words", "status": 422}
VIEWS: list[tuple[str, Any, Callable[[], Any]]] = [
    ("public", public, lambda: "seen"),
    ("token", by_token, lambda: "seen"),
    ("anybody", allow(), lambda: "seen"),
    ("admin", allow(Role.ADMIN), lambda: "seen"),
    ("company", allow(), lambda: str(current_company_id())),
    ("conflict", allow(), _raising(Conflict("It was <b>bundled</b> in the meantime."))),
    ("refused", allow(), _raising(InvalidInput("The amount is too large.", field="amount"))),
    ("broken", allow(), _raising(RuntimeError("secret inside"))),
    ("api/missing", by_token, _raising(NotFound("This invoice does not exist."))),
    ("api/broken", by_token, _raising(RuntimeError("secret inside"))),
    ("both", allow(), lambda: render("errors/error.html", "errors/_alert.html", **ALERT)),
    ("misspelled", allow(), lambda: render("errors/error.html", "errors/_alarm.html", **ALERT)),
    ("done", allow(), lambda: done("It <is> done.", to="/t/public")),
    ("row", allow(), lambda: done("It <is> done.", to="/t/public", partial="errors/_alert.html", **ALERT)),
]


@pytest.fixture(scope="session")
def pages_app(test_config: dict[str, Any], session_app: Flask) -> Flask:
    """The whole app plus a few pages below /t/."""
    made = create_app(
        {
            **test_config,
            "WTF_CSRF_ENABLED": True,
            "RATELIMIT_ENABLED": True,
            "TESTING": False,
            "PROPAGATE_EXCEPTIONS": False,
        }
    )
    made.test_client_class = Browser
    room = Blueprint("t", __name__, url_prefix="/t")
    for path, mark, view in VIEWS:
        room.add_url_rule(f"/{path}", path.replace("/", "_"), mark(_own(view)), methods=["GET", "POST"])
    room.add_url_rule("/unmarked", "unmarked", lambda: "seen")
    made.register_blueprint(room)
    answer_errors_under(made, "/t/api/", _problem)
    return made


def _own(view: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: view()


@pytest.fixture
def pages(pages_app: Flask, app: Flask) -> FlaskClient:
    """A browser on that app, not signed in."""
    return pages_app.test_client()


@pytest.fixture
def enter(pages_app: Flask, app: Flask, create_user: Callable[..., User]) -> Callable[..., FlaskClient]:
    """A browser on that app, signed in as a new user of a role through the real form."""

    def sign_in(role: Role = Role.ADMIN, **user: Any) -> FlaskClient:
        browser = pages_app.test_client()
        email = create_user(role, **user).email
        token = token_in(browser.get("/login").text)
        answer = browser.post("/login", data={"email": email, "password": PASSWORD, "csrf_token": token})
        assert answer.status_code == 303, answer.text
        return browser

    return sign_in
