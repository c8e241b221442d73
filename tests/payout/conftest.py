"""Two admins and a supplier; the commands."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from tests.support.bank_accounts import Run
from tests.support.people import acts
from tusker.extensions import db
from tusker.models import Customer, Role, User
from tusker.services.context import Context


@pytest.fixture
def supplier(make_supplier: Callable[..., Customer]) -> Customer:
    """A supplier without bank details."""
    return make_supplier("Asha Textiles", account=False)


@pytest.fixture
def maker(ctx: Context, create_user: Callable[..., User]) -> Context:
    """The admin who proposes."""
    return acts(ctx, create_user(Role.ADMIN, email="maker@example.com"))


@pytest.fixture
def checker(ctx: Context, create_user: Callable[..., User]) -> Context:
    """Another admin."""
    return acts(ctx, create_user(Role.ADMIN, email="checker@example.com"))


@pytest.fixture
def run(app: Flask) -> Run:
    """Run a command; its exit code and all that it said."""

    def invoke(*words: str) -> tuple[int, str]:
        result = app.test_cli_runner().invoke(args=list(words))
        db.session.expire_all()
        return result.exit_code, result.output

    return invoke


@pytest.fixture
def four_eyes(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation where another admin must approve."""
    monkeypatch.setitem(app.config, "REQUIRE_SECOND_ADMIN", True)
