"""Statements that the database plans once a connection and not each time: those of requests by machines, of which many
come a second and whose planning, and the way to the driver, would take longer than what they do."""

import re
import time
from collections import Counter, namedtuple
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from hashlib import sha256
from typing import Any

import psycopg2
from flask import current_app
from sqlalchemy import ClauseElement, Connection, Engine, event
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.exc import DBAPIError

from tusker.extensions import db

_PARAMETER = re.compile(r"%\((\w+)\)s")
_HAS_A_PLAN = re.compile(r"(\s|--.*\n)*(WITH|SELECT|INSERT|UPDATE|DELETE)\b")
_ROWS: Any = namedtuple


@contextmanager
def standing_alone() -> Iterator[Connection]:
    """A connection on which each statement is a transaction by itself: for a look between transactions, which needs no
    begin and no end."""
    with db.engine.connect() as connection:
        # By SQLAlchemy's own isolation level the driver would tell the server each time, which takes a round trip.
        driver: Any = connection.connection.dbapi_connection
        driver.autocommit = True
        try:
            yield connection
        finally:
            if not driver.closed:
                driver.autocommit = False


WATCHERS: list[Callable[[float], None]] = []
"""Who is told how long each of these statements took."""


class Prepared:
    """A statement, a constant of its module."""

    def __init__(self, statement: ClauseElement) -> None:
        compiled = statement.compile(dialect=PGDialect_psycopg2())  # type: ignore[no-untyped-call]
        self._sql = str(compiled)
        self._constants = {name: value for name, value in compiled.params.items() if value is not None}
        self._names = _names(self._sql)
        self._row: Any = None

    def rows(self, connection: Connection, values: Mapping[str, object]) -> list[Any]:
        """Run it on a connection; its rows, with the columns as attributes."""
        driver: Any = connection.connection.dbapi_connection
        cursor = driver.cursor()
        began = time.perf_counter()
        try:
            self._run(connection, cursor, {**self._constants, **values})
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

    def alone(self, values: Mapping[str, object]) -> list[Any]:
        """Run it as a transaction by itself."""
        with standing_alone() as connection:
            return self.rows(connection, values)

    def _run(self, connection: Connection, cursor: Any, values: Mapping[str, object]) -> None:
        """By the name under which this connection has it planned, or, where a pooler gives each transaction another
        connection, by its text."""
        if current_app.config["PREPARE_STATEMENTS"]:
            cursor.execute(
                _by_name(cursor, connection.info, self._sql), [values[name] for name in self._names]
            )
        else:
            cursor.execute(self._sql, values)


@lru_cache(maxsize=1000)
def _names(sql: str) -> list[str]:
    """Its parameters, in the order in which they are numbered."""
    return list(dict.fromkeys(_PARAMETER.findall(sql)))


def _by_name(cursor: Any, of_connection: dict[Any, Any], sql: str) -> str:
    """What runs a statement by the name under which its connection has it planned; that is done where it has not."""
    known: dict[str, str] = of_connection.setdefault("prepared", {})
    if sql not in known:
        names = _names(sql)
        numbered = _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", sql)
        # by what it says: behind a pooler, a name can only ever stand for this very statement
        name = f"tusker_{sha256(sql.encode()).hexdigest()[:24]}"
        cursor.execute(f"PREPARE {name} AS {numbered.replace('%%', '%')}")
        given = ", ".join(["%s"] * len(names))
        known[sql] = f"EXECUTE {name} ({given})" if names else f"EXECUTE {name}"
    return known[sql]


def plan_once(engine: Engine) -> None:
    """Have an engine's connections keep the plan of everything that is run for the third time: for a command that does
    the same over and over, of which planning would take longer than running it. Not where a pooler gives each
    transaction another connection."""
    if not current_app.config["PREPARE_STATEMENTS"]:
        return
    times: Counter[str] = Counter()

    @event.listens_for(engine, "do_execute")
    def run(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
        times[statement] += 1
        if times[statement] < 3 or cursor.name or not _HAS_A_PLAN.match(statement):
            return False
        given = [parameters[name] for name in _names(statement)]
        cursor.execute(_by_name(cursor, context.root_connection.info, statement), given)
        return True
