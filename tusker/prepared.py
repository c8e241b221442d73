"""Statements that the database plans once a connection and not each time: those of requests by machines, of which many
come a second and whose planning, and the way to the driver, would take longer than what they do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import psycopg2
from psycopg2.extras import NamedTupleCursor
from sqlalchemy import ClauseElement, Connection
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.exc import DBAPIError

_PARAMETER = re.compile(r"%\((\w+)\)s")


class Prepared:
    """A statement, a constant of its module."""

    def __init__(self, statement: ClauseElement) -> None:
        compiled = statement.compile(dialect=PGDialect_psycopg2())  # type: ignore[no-untyped-call]
        self._sql = str(compiled)
        self._constants = {name: value for name, value in compiled.params.items() if value is not None}
        self._names = list(dict.fromkeys(_PARAMETER.findall(self._sql)))

    def rows(self, connection: Connection, values: Mapping[str, object]) -> list[Any]:
        """Run it on a connection; its rows, with the columns as attributes."""
        driver: Any = connection.connection.dbapi_connection
        known: dict[Prepared, str] = connection.info.setdefault("prepared", {})
        cursor = driver.cursor(cursor_factory=NamedTupleCursor)
        try:
            if self not in known:
                known[self] = self._prepare(cursor, f"prepared_{len(known)}")
            cursor.execute(known[self], {**self._constants, **values})
            return cursor.fetchall() if cursor.description is not None else []
        except psycopg2.Error as error:
            if driver.closed:
                connection.invalidate(error)
            raise DBAPIError.instance(self._sql, None, error, psycopg2.Error) from error
        finally:
            cursor.close()

    def _prepare(self, cursor: Any, name: str) -> str:
        """Have it planned under a name; how it is run from then on."""
        numbered = _PARAMETER.sub(lambda found: f"${self._names.index(found[1]) + 1}", self._sql)
        cursor.execute(f"PREPARE {name} AS {numbered.replace('%%', '%')}")
        given = ", ".join(f"%({each})s" for each in self._names)
        return f"EXECUTE {name} ({given})" if self._names else f"EXECUTE {name}"
