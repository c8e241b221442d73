"""Sums over rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, ColumnExpressionArgument, Select, cast, func, select

from tusker.extensions import db

MOST_SUMMED = 10_000
"""Rows of a list that are added up while somebody waits; totals of more come from kept sums, or are left out."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Of all rows of a list, on whatever page: how many they are, None for more than are counted, and the sums of some
    of its columns in minor units."""

    count: int | None
    sums: Mapping[str, int] = field(default_factory=dict)


def totals_of(query: Select[*tuple[Any, ...]], key: ColumnElement[int] | Any, **columns: Any) -> Totals:
    """The totals of what a query finds, its columns by the names of a list's; no more than `MOST_SUMMED` rows are
    read."""
    named = [column.label(name) for name, column in columns.items()]
    few = (
        query.with_only_columns(key.label("key"), *named)
        .order_by(key.desc())
        .limit(MOST_SUMMED + 1)
        .subquery()
    )
    added = (cast(func.coalesce(func.sum(few.c[name]), 0), BigInteger) for name in columns)
    count, *sums = db.session.execute(select(func.count(), *added).select_from(few)).one()
    return Totals(None) if count > MOST_SUMMED else Totals(count, dict(zip(columns, sums, strict=True)))


def sum_of(amount: ColumnExpressionArgument[int], *where: ColumnElement[bool]) -> int:
    """The sum of a column over the rows for which all conditions hold; 0 over none."""
    return int(db.session.scalars(select(func.coalesce(func.sum(amount), 0)).where(*where)).one())
