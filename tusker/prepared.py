"""Statements that the database plans once a connection and not each time: those of requests by machines, of which many
come a second and whose planning would take longer than what they do."""

from __future__ import annotations

import re
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Executable, event

Statement = TypeVar("Statement", bound=Executable)

_PARAMETER = re.compile(r"%\((\w+)\)s")


def prepared(statement: Statement) -> Statement:
    """Have a statement, a constant of its module, planned once a connection."""
    marked: Statement = statement.execution_options(prepared=True)
    return marked


@event.listens_for(Engine, "before_cursor_execute", retval=True)
def _execute_prepared(
    connection: Connection, cursor: Any, statement: str, parameters: Any, context: Any, _many: bool
) -> tuple[str, Any]:
    if context is None or not context.execution_options.get("prepared"):
        return statement, parameters
    known: dict[str, str] = connection.info.setdefault("prepared", {})
    if statement not in known:
        names = list(dict.fromkeys(_PARAMETER.findall(statement)))
        numbered = _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", statement).replace("%%", "%")
        name = f"prepared_{len(known)}"
        cursor.execute(f"PREPARE {name} AS {numbered}")
        given = ", ".join(f"%({each})s" for each in names)
        known[statement] = f"EXECUTE {name} ({given})" if names else f"EXECUTE {name}"
    return known[statement], parameters
