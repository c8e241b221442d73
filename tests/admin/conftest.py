"""What the tests of the staff's pages share: the clock stands still on the factories' day."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from tests.conftest import NOW
from tusker import clock
from tusker.extensions import db

HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def one() -> Callable[..., Any]:
    """The one value of an SQL statement, read afresh."""

    def read(sql: str, **values: object) -> Any:
        db.session.rollback()
        return db.session.execute(text(sql), values).scalar()

    return read
