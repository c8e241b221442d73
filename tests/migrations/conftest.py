"""A database of its own that a test takes to any revision."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from tests.support.running import new_database
from tests.support.schema import Schema
from tools.local.servers import LocalServers
from tusker.app import create_app
from tusker.extensions import db


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
