"""A database of its own that a test takes to any revision."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import flask_migrate
import pytest
from flask import Flask
from sqlalchemy import create_engine, text

from tests.stack.running import new_database
from tools.local.servers import LocalServers
from tusker.app import create_app
from tusker.extensions import db


@dataclass
class Schema:
    """A database at some revision."""

    app: Flask

    def upgrade(self, revision: str = "head") -> None:
        """Bring it there by the migrations."""
        with self.app.app_context():
            flask_migrate.upgrade(revision=revision)

    def downgrade(self, revision: str) -> None:
        """Take it back."""
        with self.app.app_context():
            flask_migrate.downgrade(revision=revision)

    def run(self, *statements: str) -> None:
        """Statements in one transaction, past foreign keys: rows need no more than what a test is about."""
        with self.app.app_context(), db.engine.begin() as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            for statement in statements:
                connection.execute(text(statement))

    def rows(self, question: str) -> list[tuple[Any, ...]]:
        """What a question answers."""
        with self.app.app_context(), db.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(question))]


@pytest.fixture
def schema(servers: LocalServers, test_config: dict[str, Any]) -> Iterator[Schema]:
    """An empty database."""
    name = f"tusker_migrations_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    url = new_database(test_config["SQLALCHEMY_DATABASE_URI"], name)
    app = create_app({**test_config, "SQLALCHEMY_DATABASE_URI": url})
    yield Schema(app)
    with app.app_context():
        db.engine.dispose()
    server = create_engine(test_config["SQLALCHEMY_DATABASE_URI"], isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()
