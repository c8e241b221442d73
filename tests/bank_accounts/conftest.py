"""Two admins and a supplier; the commands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from flask import Flask

from tusker.domain.accounts import AccountNumber, parse_account
from tusker.extensions import db
from tusker.models import Customer, Role, User
from tusker.services.context import Context

OLD = parse_account("Asha Textiles", account_number="50100012345678", ifsc="HDFC0000123")
NEW = parse_account("Asha Textiles", iban="DE89370400440532013000", bic="COBADEFFXXX")
WHOLE = ("50100012345678", "DE89370400440532013000", "DE89 3704 0044 0532 0130 00")

Run = Callable[..., tuple[int, str]]


def typed(account: AccountNumber = NEW, **changes: str) -> dict[str, str]:
    """The form as a browser sends it."""
    names = ("holder", "iban", "account_number", "ifsc", "bic")
    return {name: getattr(account, name) or "" for name in names} | changes


def acts(ctx: Context, user: User) -> Context:
    """A user acting at the fixed time."""
    return replace(ctx, actor_id=user.id, actor=user.name)


@pytest.fixture
def make_supplier(make_supplier: Callable[..., Customer]) -> Callable[..., Customer]:
    """Suppliers here begin without bank details."""
    return partial(make_supplier, account=False)


@pytest.fixture
def supplier(make_supplier: Callable[..., Customer]) -> Customer:
    """A supplier without bank details."""
    return make_supplier("Asha Textiles")


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
