"""What a database has already: `make run` need not wait for what is there."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg2

_REVISION = re.compile(r'^(down_)?revision\b[^"\n]*"([^"]+)"', re.M)


def heads(versions: Path) -> set[str]:
    """The revisions of a folder of migrations that none comes after."""
    found: tuple[set[str], set[str]] = set(), set()
    for file in versions.glob("*.py"):
        for down, revision in _REVISION.findall(file.read_text()):
            found[bool(down)].add(revision)
    return found[0] - found[1]


def is_up_to_date(database_url: str, versions: Path) -> bool:
    """Whether a database stands where the migrations end."""
    return _ask(database_url, "SELECT version_num FROM alembic_version") == heads(versions) != set()


def is_filled(database_url: str) -> bool:
    """Whether a database has customers."""
    return bool(_ask(database_url, "SELECT 1 FROM customers LIMIT 1"))


def _ask(database_url: str, query: str) -> set[str]:
    """The values that a query finds; none where the database, or its table, is missing."""
    try:
        connection = psycopg2.connect(database_url.replace("postgresql+psycopg2:", "postgresql:", 1))
    except psycopg2.OperationalError:
        return set()
    try:
        with connection.cursor() as cursor:
            cursor.execute(query)
            return {row[0] for row in cursor.fetchall()}
    except psycopg2.errors.UndefinedTable:
        return set()
    finally:
        connection.close()
