"""What the tests of the record share: events, and hands that reach past the triggers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import Connection, text

from tests.support.database import OWNER
from tusker.extensions import db
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.transactions import transaction


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
                record_event(ctx, ("customer", number), kind, to_value="₹", principal=8_000_00, rate="0.18")

    return write


@pytest.fixture
def tamper(app: Flask) -> Callable[..., None]:
    """Change the record as a superuser who switches triggers and foreign keys off."""

    def run(sql: str, **values: Any) -> None:
        db.session.rollback()
        with db.engine.begin() as connection:
            connection.execute(OWNER)
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            assert connection.execute(text(sql), values).rowcount, "nothing was tampered with"

    return run


@pytest.fixture
def other(app: Flask) -> Iterator[Connection]:
    """A second connection with a transaction of its own."""
    with db.engine.connect() as connection:
        yield connection
