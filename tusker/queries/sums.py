"""Sums over rows."""

from __future__ import annotations

from sqlalchemy import ColumnElement, ColumnExpressionArgument, func, select

from tusker.extensions import db


def sum_of(amount: ColumnExpressionArgument[int], *where: ColumnElement[bool]) -> int:
    """The sum of a column over the rows for which all conditions hold; 0 over none."""
    return int(db.session.scalars(select(func.coalesce(func.sum(amount), 0)).where(*where)).one())
