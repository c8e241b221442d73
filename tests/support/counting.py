"""Counting what a page asks of the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from tusker.extensions import db


@contextmanager
def statements() -> Iterator[list[str]]:
    """The statements sent to the database meanwhile.

    Left out is the look at the carriers' settings, which a process makes every few seconds and not with each page.
    """
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "carrier_settings" not in statement:
            sent.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
