"""An installation where two admins are needed, and two of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from tests.support.bank_accounts import Run
from tests.support.people import acts
from tusker.extensions import db
from tusker.models import Role, User
from tusker.services.context import Context


@pytest.fixture
def four_eyes(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another admin is needed."""
    monkeypatch.setitem(app.config, "REQUIRE_SECOND_ADMIN", True)


@pytest.fixture
def maker(four_eyes: None, ctx: Context, create_user: Callable[..., User]) -> Context:
    """The admin who proposes."""
    return acts(ctx, create_user(Role.ADMIN, email="maker@example.com", name="Mala"))


@pytest.fixture
def checker(ctx: Context, create_user: Callable[..., User]) -> Context:
    """Another admin."""
    return acts(ctx, create_user(Role.ADMIN, email="checker@example.com", name="Chand"))


@pytest.fixture
def run(app: Flask) -> Run:
    """Run a command; its exit code and all that it said."""

    def invoke(*words: str) -> tuple[int, str]:
        result = app.test_cli_runner().invoke(args=list(words))
        db.session.expire_all()
        return result.exit_code, result.output

    return invoke
