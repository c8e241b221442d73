"""The SQL that migrations run from whole files: functions by version, and steps of one migration.

A file is never changed once a release has run it: a function that changes gets a file with the next version.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

_SQL = Path(__file__).parent / "sql"


def set_function(name: str, version: int) -> None:
    """Make a function what its file of this version says, in place of any other version.

    An upgrade names the new version, its downgrade the one before.
    """
    op.execute((_SQL / "functions" / f"{name}_v{version}.sql").read_text())


def run_step(name: str) -> None:
    """Run what one migration does with rows, or what stops it."""
    op.execute((_SQL / "steps" / f"{name}.sql").read_text())
