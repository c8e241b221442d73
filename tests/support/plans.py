"""Plans that the database keeps: over few rows, planning a long read takes ten times as long as reading."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from weakref import WeakKeyDictionary

import psycopg2
from flask import Flask
from sqlalchemy import event

from tusker.extensions import db

_READ = re.compile(r"(\s|--.*\n)*(WITH|SELECT)\b")
_numbers = itertools.count(1)


@contextmanager
def planned_once(app: Flask, *, longer_than: int, given: bool = False) -> Iterator[None]:
    """Have the database keep its plans of reads that are longer than so many characters; with `given` also of those
    that take parameters. Each connection keeps its own. What listeners of the engine see stays as it is."""
    plans: WeakKeyDictionary[Any, dict[tuple[str, ...], str]] = WeakKeyDictionary()

    def run(cursor: Any, statement: str, parameters: Any, _context: object) -> bool | None:
        if len(statement) < longer_than or not _READ.match(statement) or (parameters and not given):
            return None
        types = _types_of(statement, parameters or {})
        if types is None or cursor.connection.autocommit:
            return None
        kept = plans.setdefault(cursor.connection, {})
        key = (statement, *types.values())
        if key not in kept:
            kept[key] = _prepare(cursor, f"planned_{next(_numbers)}", statement, types)
        if not kept[key]:
            return None
        arguments = ", ".join(f"%({name})s" for name in types)
        cursor.execute(f"EXECUTE {kept[key]}" + (f"({arguments})" if types else ""), parameters)
        return True

    with app.app_context():
        engine = db.engine
    event.listen(engine, "do_execute", run)
    try:
        yield
    finally:
        event.remove(engine, "do_execute", run)


def _types_of(statement: str, parameters: Mapping[str, Any]) -> dict[str, str] | None:
    """The types of the literals of the parameters, by name; None where there is one that is not known here."""
    found = {}
    for name, value in parameters.items():
        if f"%({name})s" in statement:
            kind = _type_of(value)
            if kind is None:
                return None
            found[name] = kind
    return found


def _type_of(value: object) -> str | None:
    """The type of the literal that psycopg2 writes; that of a text or of nothing is unknown until it is used."""
    if value is None or type(value) is str:
        return "unknown"
    if type(value) is int:
        return "integer" if abs(value) < 2**31 else "bigint" if abs(value) < 2**63 else "numeric"
    if isinstance(value, list) and value and all(type(each) is int for each in value):
        return "bigint[]" if any(abs(each) >= 2**31 for each in value) else "integer[]"
    if isinstance(value, datetime):
        return "timestamptz" if value.tzinfo else "timestamp"
    if isinstance(value, Decimal):
        return "numeric" if "." in str(value) else None
    return {bool: "boolean", date: "date"}.get(type(value))


def _prepare(cursor: Any, name: str, statement: str, types: Mapping[str, str]) -> str:
    """Have a statement planned; returns its name, none if the types of its parameters cannot be told."""
    if types:
        numbered = {parameter: f"${number}" for number, parameter in enumerate(types, 1)}
        words, values = f"PREPARE {name} ({', '.join(types.values())}) AS {statement % numbered}", None
    else:
        words, values = f"PREPARE {name} AS {statement}", {}
    cursor.execute("SAVEPOINT planning")
    try:
        cursor.execute(words, values)
    except psycopg2.ProgrammingError:
        cursor.execute("ROLLBACK TO SAVEPOINT planning")
        name = ""
    cursor.execute("RELEASE SAVEPOINT planning")
    return name
