"""An installation where two admins are needed, and two of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask

from tests.conftest import NOW, PASSWORD
from tusker import clock
from tusker.extensions import db
from tusker.models import Event, Role, User
from tusker.services.context import Context
from tusker.services.people.users import create_user as create_user_service
from tusker.transactions import transaction

NEW = "new@example.com"


@pytest.fixture(autouse=True)
def four_eyes(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another admin is needed, and the clock stands still."""
    monkeypatch.setitem(app.config, "REQUIRE_SECOND_ADMIN", True)
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def maker(create_user: Callable[..., User]) -> User:
    """The admin who makes another one."""
    return create_user(Role.ADMIN, email="maker@example.com")


@pytest.fixture
def checker(create_user: Callable[..., User]) -> User:
    """Another admin."""
    return create_user(Role.ADMIN, email="checker@example.com")


def acts(ctx: Context, user: User) -> Context:
    """A user acting at the fixed time."""
    return replace(ctx, actor_id=user.id, actor=user.name)


def make(ctx: Context, email: str = NEW, role: Role = Role.ADMIN) -> User:
    """Make a user with the tests' password."""
    with transaction():
        return create_user_service(ctx, email=email, name="Nila", role=role, password=PASSWORD)


@pytest.fixture
def waiting(ctx: Context, maker: User) -> User:
    """An admin whom the maker made and nobody has activated."""
    return make(acts(ctx, maker))


def kinds(user: User) -> list[str]:
    """What happened to a user, oldest first."""
    rows = db.session.query(Event).filter_by(subject="user", subject_id=user.id).order_by(Event.id)
    return [event.kind for event in rows]
