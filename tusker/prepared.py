"""Statements that the database plans once a connection and not each time: those of requests by machines, of which many
come a second and whose planning, and the way to the driver, would take longer than what they do."""

from __future__ import annotations

import re
import time
from collections import namedtuple
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

import psycopg2
from flask import current_app
from sqlalchemy import ClauseElement, Connection
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.exc import DBAPIError

_PARAMETER = re.compile(r"%\((\w+)\)s")
_ROWS: Any = namedtuple


WATCHERS: list[Callable[[float], None]] = []
"""Who is told how long each of these statements took."""


class Prepared:
    """A statement, a constant of its module."""

    def __init__(self, statement: ClauseElement) -> None:
        compiled = statement.compile(dialect=PGDialect_psycopg2())  # type: ignore[no-untyped-call]
        self._sql = str(compiled)
        self._constants = {name: value for name, value in compiled.params.items() if value is not None}
        self._names = list(dict.fromkeys(_PARAMETER.findall(self._sql)))
        # by what it says: behind a pooler, a name can only ever stand for this very statement
        self._row: Any = None
        self._name = f"tusker_{sha256(self._sql.encode()).hexdigest()[:24]}"

    def rows(self, connection: Connection, values: Mapping[str, object]) -> list[Any]:
        """Run it on a connection; its rows, with the columns as attributes."""
        driver: Any = connection.connection.dbapi_connection
        cursor = driver.cursor()
        began = time.perf_counter()
        try:
            cursor.execute(self._text(connection, cursor), {**self._constants, **values})
            for watch in WATCHERS:
                watch(time.perf_counter() - began)
            if cursor.description is None:
                return []
            if self._row is None:
                # its columns are always the same; psycopg2's own cursor of such rows would look them up each time
                self._row = _ROWS("Row", [column.name for column in cursor.description])
            return [*map(self._row._make, cursor.fetchall())]
        except psycopg2.Error as error:
            if driver.closed:
                connection.invalidate(error)
            raise DBAPIError.instance(self._sql, None, error, psycopg2.Error) from error
        finally:
            cursor.close()

    def _text(self, connection: Connection, cursor: Any) -> str:
        """What is run: the name under which this connection has it planned, or the statement itself where a pooler
        gives each transaction another connection."""
        if not current_app.config["PREPARE_STATEMENTS"]:
            return self._sql
        known: dict[Prepared, str] = connection.info.setdefault("prepared", {})
        if self not in known:
            numbered = _PARAMETER.sub(lambda found: f"${self._names.index(found[1]) + 1}", self._sql)
            cursor.execute(f"PREPARE {self._name} AS {numbered.replace('%%', '%')}")
            given = ", ".join(f"%({each})s" for each in self._names)
            known[self] = f"EXECUTE {self._name} ({given})" if self._names else f"EXECUTE {self._name}"
        return known[self]
