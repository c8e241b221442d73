"""Finding words in columns by their trigram indexes."""

import re
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, CompoundSelect, Select, func, literal, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from tusker.extensions import db

FEW = 1_000
"""Ids that go from one statement into the next at no cost that is seen."""


def has(words: str, *columns: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    """Whether one of the columns contains the words, in whatever case."""
    escaped = re.sub(r"([%_/])", r"/\1", words)
    return or_(*(column.ilike(f"%{escaped}%", escape="/") for column in columns))


def few(ids: Select[int] | CompoundSelect[int], most: int = FEW) -> Select[int] | None:
    """What a query of ids finds, as rows that others look among, so that it is searched for once; None where that is
    more than so many."""
    found = db.session.scalars(ids.limit(most + 1)).all()
    return (
        select(func.unnest(literal(list(found), ARRAY(BigInteger))).label("id"))
        if len(found) <= most
        else None
    )
