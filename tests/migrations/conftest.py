"""A database of its own that a test takes to any revision."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from flask import Flask
from sqlalchemy import create_engine, make_url, text

from tests.support.running import new_database
from tests.support.schema import Schema
from tusker.app import create_app
from tusker.extensions import db

NAME = f"tusker_migrations_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"


@pytest.fixture(scope="session")
def schema_app(test_config: dict[str, Any]) -> Flask:
    """The app over that database."""
    url = make_url(test_config["SQLALCHEMY_DATABASE_URI"]).set(database=NAME)
    return create_app({**test_config, "SQLALCHEMY_DATABASE_URI": url.render_as_string(hide_password=False)})


@pytest.fixture
def schema(schema_app: Flask, test_config: dict[str, Any]) -> Iterator[Schema]:
    """An empty database."""
    new_database(test_config["SQLALCHEMY_DATABASE_URI"], NAME)
    with patch.dict(schema_app.config):
        yield Schema(schema_app)
    with schema_app.app_context():
        db.engine.dispose()
    server = create_engine(test_config["SQLALCHEMY_DATABASE_URI"], isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {NAME} WITH (FORCE)"))
    server.dispose()
