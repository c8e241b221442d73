"""An installation where two admins are needed, and two of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from tests.support.people import acts, make_user
from tusker.extensions import limiter
from tusker.models import Role, User
from tusker.services.context import Context


@pytest.fixture
def four_eyes(app: Flask, stopped_clock: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another admin is needed, and the clock stands still."""
    monkeypatch.setitem(app.config, "REQUIRE_SECOND_ADMIN", True)


@pytest.fixture
def maker(create_user: Callable[..., User]) -> User:
    """The admin who makes another one."""
    return create_user(Role.ADMIN, email="maker@example.com")


@pytest.fixture
def checker(create_user: Callable[..., User]) -> User:
    """Another admin."""
    return create_user(Role.ADMIN, email="checker@example.com")


@pytest.fixture
def waiting(four_eyes: None, ctx: Context, maker: User) -> User:
    """An admin whom the maker made and nobody has activated."""
    return make_user(acts(ctx, maker))


@pytest.fixture
def limits_count() -> Iterator[None]:
    """The limiter is one object for all apps of a process: whichever app was made last decides, so say it here."""
    before, limiter.enabled = limiter.enabled, True
    yield
    limiter.enabled = before
