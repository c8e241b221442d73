"""Pages of long lists by id: the newest first, and a page begins beside a row of the page next to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVarTuple

from sqlalchemy import ColumnElement, Row, Select
from sqlalchemy.orm import InstrumentedAttribute

from tusker.extensions import db

Columns = TypeVarTuple("Columns")


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page begins: rows with an id below `before` (older), or above `after` (newer), or at the newest."""

    before: int | None = None
    after: int | None = None


NEWEST = Cursor()


def rows_of_page(
    query: Select[*Columns],
    key: InstrumentedAttribute[int] | ColumnElement[int],
    cursor: Cursor = NEWEST,
    limit: int | None = None,
) -> Sequence[Row[*Columns]]:
    """The rows of a page, the newest first: at most `limit` rows of a query without an order, by its `key`.

    With `cursor.after` they are the rows nearest to it. The key must be unique, or rows would fall between pages.
    """
    rows = db.session.execute(on_page(query, key, cursor, limit)).all()
    return rows if cursor.after is None else rows[::-1]


def on_page(
    query: Select[*Columns],
    key: InstrumentedAttribute[int] | ColumnElement[int],
    cursor: Cursor,
    limit: int | None,
) -> Select[*Columns]:
    """The query of a page; it reads the rows in the order in which they lie farther from the cursor."""
    if cursor.after is not None:
        return query.where(key > cursor.after).order_by(key).limit(limit)
    if cursor.before is not None:
        query = query.where(key < cursor.before)
    return query.order_by(key.desc()).limit(limit)
