"""The migration leaves the users who exist as they are, and the database as the models say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import flask_migrate
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from sqlalchemy import create_engine, make_url, text

from tusker.app import create_app
from tusker.extensions import db


@pytest.fixture
def before(test_config: dict[str, Any]) -> Iterator[Flask]:
    """The app over a database of its own as it was before the migration, with an admin at work and one shut out."""
    url = make_url(test_config["SQLALCHEMY_DATABASE_URI"])
    name = f"{url.database}_migrating"
    server = create_engine(url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(text(f"CREATE DATABASE {name}"))
    own = {"SQLALCHEMY_DATABASE_URI": url.set(database=name).render_as_string(hide_password=False)}
    app = create_app({**test_config, **own})
    with app.app_context():
        flask_migrate.upgrade(revision="0006")
        with db.engine.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO users (email, name, role, password_hash, active, created_at) VALUES"
                    " ('a@example.com', 'A', 'admin', 'x', true, now()),"
                    " ('b@example.com', 'B', 'admin', 'x', false, now())"
                )
            )
        yield app
        db.session.remove()
        db.engine.dispose()
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


def users() -> list[tuple[Any, ...]]:
    with db.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text("SELECT email, active FROM users ORDER BY id"))]


@pytest.mark.usefixtures("before")
def test_up_and_down_users_stay_as_they_are() -> None:
    as_before = users()
    flask_migrate.upgrade()
    assert users() == as_before == [("a@example.com", True), ("b@example.com", False)]
    with db.engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), db.metadata)
    assert [change for change in found if "users" in repr(change)] == []
    flask_migrate.downgrade(revision="0006")
    assert users() == as_before
    flask_migrate.upgrade()


@pytest.mark.usefixtures("before")
def test_on_the_way_back_who_waits_stays_out() -> None:
    flask_migrate.upgrade(revision="0038")
    with db.engine.begin() as connection:
        connection.execute(
            text("UPDATE users SET activation_asked_at = now(), activation_asked_by = 1 WHERE id = 2")
        )
    flask_migrate.upgrade()
    with db.engine.connect() as connection:
        [moved] = connection.execute(text("SELECT kind, subject_id, state, proposed_by FROM proposals"))
    assert tuple(moved) == ("reactivate_user", 2, "open", 1)
    flask_migrate.downgrade(revision="0006")
    assert users() == [("a@example.com", True), ("b@example.com", False)]
