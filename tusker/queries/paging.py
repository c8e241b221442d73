"""Pages of long lists: a page begins beside a row of the page next to it, in the order of one column and then by id."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVarTuple

from sqlalchemy import ColumnElement, Row, Select, literal, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from tusker.extensions import db

Columns = TypeVarTuple("Columns")
Sorts = Mapping[str, InstrumentedAttribute[Any] | ColumnElement[Any]]
"""What a list may be sorted by, by name; never NULL, and each with an index on tables that grow."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page begins: the rows that follow `before` in the list (older ones, where the newest stand first), or
    those in front of `after`, or its first ones.

    A row's place is its id; of a list that is sorted by `sort`, a name of the query's `Sorts`, its value there and id.
    """

    before: Any = None
    after: Any = None
    sort: str | None = None
    descending: bool = True

    @property
    def reads_down(self) -> bool:
        """Whether the rows are read from the largest on."""
        return self.descending is (self.after is None)


NEWEST = Cursor()


def rows_of_page(
    query: Select[*Columns],
    key: InstrumentedAttribute[int] | ColumnElement[int],
    cursor: Cursor = NEWEST,
    limit: int | None = None,
    sorts: Sorts | None = None,
) -> Sequence[Row[*Columns]]:
    """The rows of a page in the list's order: at most `limit` rows of a query without an order, by its `key`.

    With `cursor.after` they are the rows nearest to it. The key must be unique, or rows would fall between pages.
    """
    rows = db.session.execute(on_page(query, key, cursor, limit, sorts)).all()
    return rows if cursor.after is None else rows[::-1]


def on_page(
    query: Select[*Columns],
    key: InstrumentedAttribute[int] | ColumnElement[int],
    cursor: Cursor,
    limit: int | None,
    sorts: Sorts | None = None,
) -> Select[*Columns]:
    """The query of a page; it reads rows beginning at the cursor."""
    place = cursor.before if cursor.after is None else cursor.after
    columns: tuple[Any, ...] = (key,)
    at: Any = key
    if cursor.sort is not None:
        columns = ((sorts or {})[cursor.sort], key)
        at = tuple_(*columns)
        if place is not None:
            place = tuple_(
                *(literal(value, column.type) for value, column in zip(place, columns, strict=True))
            )
    if place is not None:
        query = query.where(at < place if cursor.reads_down else at > place)
    return query.order_by(*(c.desc() if cursor.reads_down else c for c in columns)).limit(limit)
