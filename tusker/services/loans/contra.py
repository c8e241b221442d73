"""Rows of money that undo others: nothing is changed or deleted."""

from typing import TypeVar

from sqlalchemy import inspect

from tusker.extensions import Base
from tusker.services.context import Context

Row = TypeVar("Row", bound=Base)
_OPPOSITE = ("amount", "penalty", "fee", "interest", "principal", "reserve_consumed", "claimed")


def contra_of(ctx: Context, row: Row, **other: object) -> Row:
    """The row that undoes another, not stored yet: the same with opposite amounts, written today, but for what is
    `other`."""
    columns = {part.key: getattr(row, part.key) for part in inspect(type(row)).column_attrs}
    del columns["id"]
    written = {"booked_on": ctx.today, "at": ctx.now, "recorded_at": ctx.now, "recorded_by": ctx.actor_id}
    columns |= {name: -columns[name] for name in _OPPOSITE if name in columns}
    columns |= {name: value for name, value in written.items() if name in columns}
    return type(row)(**columns | {"reverses_id": row.id} | other)  # type: ignore[attr-defined]
