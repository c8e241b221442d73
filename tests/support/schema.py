"""A database that tests take to any revision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import flask_migrate
from alembic.config import Config
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import text

from tusker.extensions import db

_load = ScriptDirectory.from_config
_loaded: dict[str | None, ScriptDirectory] = {}


def _revisions(config: Config) -> ScriptDirectory:
    """All revisions, which Alembic would else load anew at each step."""
    folder = config.get_main_option("script_location")
    return _loaded.get(folder) or _loaded.setdefault(folder, _load(config))


@dataclass
class Schema:
    """A database at some revision."""

    app: Flask

    def upgrade(self, revision: str = "head") -> None:
        """Bring it there by the migrations."""
        with self.app.app_context(), patch.object(ScriptDirectory, "from_config", _revisions):
            flask_migrate.upgrade(revision=revision)

    def downgrade(self, revision: str) -> None:
        """Take it back."""
        with self.app.app_context(), patch.object(ScriptDirectory, "from_config", _revisions):
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
