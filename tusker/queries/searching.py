"""Finding words in columns by their trigram indexes."""

import re
from typing import Any

from sqlalchemy import ColumnElement, or_
from sqlalchemy.orm import InstrumentedAttribute


def has(words: str, *columns: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    """Whether one of the columns contains the words, in whatever case."""
    escaped = re.sub(r"([%_/])", r"/\1", words)
    return or_(*(column.ilike(f"%{escaped}%", escape="/") for column in columns))
