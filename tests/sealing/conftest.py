"""What the tests of the record share: events, and hands that reach past the triggers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import Connection, text

from tests.conftest import NOW
from tusker import clock
from tusker.extensions import db
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.transactions import transaction


@pytest.fixture(autouse=True)
def _stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def flask(app: Flask) -> Callable[..., Result]:
    """Run a flask command."""
    runner = app.test_cli_runner()
    return lambda *words: runner.invoke(args=[str(word) for word in words])


@pytest.fixture
def record(app: Flask, ctx: Context) -> Callable[..., None]:
    """Commit some events, of the kind given."""

    def write(count: int, kind: str = "changed") -> None:
        with transaction():
            for number in range(count):
                record_event(ctx, "customer", number, kind, to_value="₹", principal=8_000_00, rate="0.18")

    return write


@pytest.fixture
def tamper(app: Flask) -> Callable[..., None]:
    """Change the record as a superuser who switches triggers and foreign keys off."""

    def run(sql: str, **values: Any) -> None:
        db.session.rollback()
        with db.engine.begin() as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            assert connection.execute(text(sql), values).rowcount, "nothing was tampered with"

    return run


@pytest.fixture
def other(app: Flask) -> Iterator[Connection]:
    """A second connection with a transaction of its own."""
    with db.engine.connect() as connection:
        yield connection


INSERT = text(
    "INSERT INTO events (at, actor, subject, subject_id, kind) VALUES (:at, 'test', 'customer', 1, 'late') RETURNING id"
)


def insert_event(connection: Connection) -> int:
    """Write an event in the connection's transaction and leave it uncommitted; returns its id."""
    return int(connection.scalar(INSERT, {"at": NOW}))


def sealed_ids() -> list[int]:
    """The sealed events' ids in the chain's order."""
    db.session.rollback()
    return list(db.session.scalars(text("SELECT event_id FROM event_seals ORDER BY seq")))
