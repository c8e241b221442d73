"""The columns of lists: what each holds, how pages and files show it, and what a list is sorted by."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from flask import current_app
from flask_login import current_user

from tusker.currency import currency
from tusker.models import Role
from tusker.web.filters import status_label


class Kind(StrEnum):
    """What a column holds; money in minor units."""

    TEXT = "text"
    NAME = "name"
    """A text that is cut off where the page is narrow."""
    STATUS = "status"
    MONEY = "money"
    NUMBER = "number"
    RATE = "rate"
    DAY = "day"
    MOMENT = "moment"


FIGURES = frozenset({Kind.MONEY, Kind.NUMBER, Kind.RATE})
TYPES: Mapping[Kind, type[int | date | datetime | str]] = {
    Kind.MONEY: int,
    Kind.NUMBER: int,
    Kind.DAY: date,
    Kind.MOMENT: datetime,
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its key in addresses and heads of CSV, its head on pages, and what it holds of a row.

    `value` is the row's attribute of that key unless given. A column with `sorts` needs a sort of its key in the
    query, which sorts by `place` where that is not what it holds. Those not `shown` are there to be chosen; so is it
    for users of the role `not_for`. `file` is what files have in place of the page's words.
    """

    key: str
    head: str
    kind: Kind = Kind.TEXT
    value: Callable[[Any], Any] | None = None
    sorts: bool = False
    shown: bool = True
    not_for: Role | None = None
    in_files: bool = True
    place: Callable[[Any], Any] | None = None
    file: Callable[[Any], Any] | None = None

    def of(self, row: Any) -> Any:
        return self.value(row) if self.value else getattr(row, self.key)

    def in_file(self, row: Any) -> object:
        """The same as files have it: amounts in major units, moments in the installation's time, statuses in words."""
        value = self.file(row) if self.file else self.of(row)
        if value is None:
            return None
        if self.kind is Kind.MONEY:
            return currency().major(value)
        if self.kind is Kind.MOMENT:
            return value.astimezone(current_app.config["TIMEZONE"]).replace(microsecond=0)
        return status_label(value) if self.kind is Kind.STATUS else value

    @property
    def usual(self) -> bool:
        """Whether it is shown to the signed-in user before anything is chosen."""
        return self.shown and (self.not_for is None or self.not_for != current_user.role)

    @property
    def classes(self) -> str:
        if self.kind in FIGURES:
            return "text-end"
        return {Kind.NAME: "tk-cut", Kind.TEXT: ""}.get(self.kind, "tk-tight")


@dataclass(frozen=True, slots=True)
class Order:
    """The column by which a list is sorted, and whether the largest stands first."""

    by: str
    descending: bool

    def __str__(self) -> str:
        return f"-{self.by}" if self.descending else self.by
