"""`flask activate-user`, `refuse-user`; `create-user` of the operator."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from tests.support.people import NEW_EMAIL, kinds
from tests.support.values import PASSWORD
from tusker.extensions import db
from tusker.models import User

pytestmark = pytest.mark.usefixtures("four_eyes")

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(app: Flask) -> Run:
    """Run a command; its exit code and all that it said."""

    def invoke(*words: str) -> tuple[int, str]:
        result = app.test_cli_runner().invoke(args=list(words))
        db.session.rollback()
        db.session.expire_all()
        return result.exit_code, result.output

    return invoke


def as_admin(email: str, password: str = PASSWORD) -> tuple[str, ...]:
    return ("--as", email, "--password", password)


@pytest.mark.usefixtures("maker", "checker")
def test_another_admin_activates_under_their_own_password(run: Run, waiting: User) -> None:
    for who, said in (
        (as_admin("maker@example.com"), "another admin must activate"),
        (as_admin("checker@example.com", "not mine"), "password: The password is not right."),
        (as_admin(NEW_EMAIL), "as: No active admin"),
    ):
        code, output = run("activate-user", NEW_EMAIL, *who)
        assert (code, said in output) == (1, True), output
        assert not waiting.active
    assert run("activate-user", "New@example.com", *as_admin("checker@example.com")) == (
        0,
        "new@example.com works as an admin now.\n",
    )
    assert waiting.active
    assert waiting.activation_decider is not None
    assert waiting.activation_decider.email == "checker@example.com"


def test_the_operator_activates_alone(run: Run, waiting: User) -> None:
    """Where only the maker is active, nobody else could."""
    assert run("activate-user", NEW_EMAIL)[0] == 0
    assert waiting.active
    assert kinds(waiting)[-1] == "admin_activated"
    code, output = run("activate-user", NEW_EMAIL)
    assert (code, "is active already" in output) == (1, True)
    assert "No user has this address" in run("activate-user", "nobody@example.com")[1]


@pytest.mark.usefixtures("checker")
def test_an_admin_refuses(run: Run, waiting: User) -> None:
    code, output = run("refuse-user", NEW_EMAIL, "--reason", "Unknown", "--as", "checker@example.com")
    assert (code, output) == (0, "new@example.com stays inactive.\n")
    assert (waiting.active, waiting.activation_refusal) == (False, "Unknown")


def test_an_admin_of_the_operator_works_at_once(app: Flask, run: Run) -> None:
    words = ("create-user", NEW_EMAIL, "--name", "Nila", "--role", "admin", "--password", PASSWORD)
    assert run(*words)[0] == 0
    entered = app.test_client().post("/login", data={"email": NEW_EMAIL, "password": PASSWORD})
    assert entered.status_code == 303
