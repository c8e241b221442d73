"""Lists: of each one description, from which come its page, order, choice of columns, saved views and files.

Everything that a person chose stands in the address: the fields of the list's form, `sort` (a column's key, with `-`
in front for the largest first) and `col`, once for each column. A list that is opened without any of it opens with the
view that the person saved for that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from flask import Blueprint, Response, current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.datastructures import MultiDict

from tusker import clock
from tusker.currency import currency
from tusker.errors import InvalidInput, NotFound
from tusker.messages import say
from tusker.models import Role, SavedView
from tusker.queries.paging import Cursor
from tusker.queries.people.saved_views import views_of
from tusker.queries.sums import Totals
from tusker.web.access import allow
from tusker.web.files.csvfile import csv_answer
from tusker.web.files.workbooks import workbook_answer
from tusker.web.filters import status_label
from tusker.web.forms.form import FilterForm
from tusker.web.htmx import current_path, render, wants_fragment
from tusker.web.paging import PAGE_SIZE, KeysetPage, Reading, keyset_page, place_in, text_of_place

ROWS_AT_ONCE = 1_000
"""Of a file: so many are read, written and forgotten at a time."""
EVERYTHING = "all"
"""`view=all` opens a list without the view that opens in its place."""


def arguments() -> MultiDict[str, str]:
    """What the address says of a list; of one whose rows are chosen, which is asked for by POST, also what its form
    says besides."""
    if request.method != "POST":
        return request.args
    found = MultiDict(request.args)
    for name, values in request.form.lists():
        if name not in request.args:
            found.setlist(name, values)
    return found


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
_PLACES = ("before", "after")
_TYPES: Mapping[Kind, type[int | date | datetime | str]] = {
    Kind.MONEY: int,
    Kind.NUMBER: int,
    Kind.DAY: date,
    Kind.MOMENT: datetime,
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its key in addresses and heads of CSV, its head on pages, and what it holds of a row.

    `value` is the row's attribute of that key unless given. A column with `sorts` needs a sort of its key in the
    query. Those not `shown` are there to be chosen; so is it for users of the role `not_for`.
    `empty` is what the query's sort has where it holds nothing, `file` what files have in place of the page's words.
    """

    key: str
    head: str
    kind: Kind = Kind.TEXT
    value: Callable[[Any], Any] | None = None
    sorts: bool = False
    shown: bool = True
    not_for: Role | None = None
    in_files: bool = True
    empty: Any = None
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


Form = Callable[[MultiDict[str, str]], FilterForm]
"""Reads the filters of a list from what was sent."""


@dataclass(frozen=True)
class ListOf:
    """One list. `name` is its part's id and stands in names of files; `order` is what it begins with, and `by_id` the
    column that sorts it by the rows' ids, `row` the word and attribute that a row on the page is called by. `tabs` are
    fields of its form that tabs set; a `wide` one has more columns than fit beside each other."""

    name: str
    title: str
    endpoint: str
    columns: Sequence[Column]
    order: str
    by_id: str = ""
    row: tuple[str, str] = ("row", "id")
    tabs: tuple[str, ...] = ()
    wide: bool = False
    id_of: Callable[[Any], int] = field(default=lambda row: int(row.id))

    def __post_init__(self) -> None:
        LISTS[self.name] = self

    @property
    def file_endpoint(self) -> str:
        return f"{self.endpoint}_file"

    def serve(
        self,
        bp: Blueprint,
        rule: str,
        page: str,
        *roles: Role,
        form: Form,
        query: Callable[..., Sequence[Any]],
        totals: Callable[..., Totals | None] | None = None,
        context: Callable[[Shown], Mapping[str, Any]] = lambda _: {},
    ) -> None:
        """Serve its page to these roles, and its files. `query` and `totals` are given what `form` asks for; `context`
        is what the page shows besides."""

        @bp.get(rule, endpoint=self.endpoint.partition(".")[2])
        @allow(*roles)
        def view() -> ResponseReturnValue:
            if to := self.opening():
                return redirect(to)
            sent = form(request.args)
            asked = sent.asked()
            shown = self.shown(sent, partial(query, **asked), totals(**asked) if totals else None)
            return render(page, list=shown, **context(shown))

        self.serve_files(bp, rule, *roles, form=form, query=query)

    def serve_files(
        self, bp: Blueprint, rule: str, *roles: Role, form: Form, query: Callable[..., Sequence[Any]]
    ) -> None:
        """Serve its files alone, below the address of its page."""

        @bp.get(f"{rule}.<ending>", endpoint=self.file_endpoint.partition(".")[2])
        @allow(*roles, costly=True)
        def view(ending: str) -> ResponseReturnValue:
            sent = form(request.args)
            return self.file(ending, sent, partial(query, **sent.asked()))

    def shown(
        self,
        form: FilterForm,
        read: Reading[Any] | None,
        totals: Totals | None = None,
        page: KeysetPage[Any] | None = None,
    ) -> Shown:
        """What the request asks for of the list, as templates take it; with a `page` that was cut already."""
        page = page or (self.page(read) if read else KeysetPage((), None, None))
        return Shown(self, form, page, self._order(), totals, views_of(current_user.id, self.name))

    def opening(self) -> str | None:
        """Where the list opens in place of its bare address: with the view that the person saved for that."""
        if request.args or wants_fragment():
            return None
        opens = [view for view in views_of(current_user.id, self.name) if view.opens]
        return f"{url_for(self.endpoint)}?{opens[0].query}" if opens and opens[0].query else None

    def file(self, ending: str, form: FilterForm, read: Reading[Any]) -> Response:
        """All rows in the order asked for, as CSV or as a workbook: with the columns that were chosen, or all.

        Raises `NotFound` for another ending, and `InvalidInput` where the form is wrong.
        """
        if ending not in {"csv", "xlsx"}:
            raise NotFound(say("Lists are files of CSV or XLSX."))
        if not form.validate():
            raise InvalidInput(form.problems)
        columns = [column for column in self.chosen() or self.columns if column.in_files]
        rows = ([column.in_file(row) for column in columns] for row in self._all(read))
        name = f"{self.name}-{clock.today()}.{ending}"
        if ending == "xlsx":
            return workbook_answer(name, [column.head for column in columns], rows)
        return csv_answer(name, [column.key for column in columns], ([_csv(c) for c in row] for row in rows))

    def chosen(self, named: Sequence[str] | None = None) -> list[Column]:
        """The columns that the address names, or those `named`; none where there are none such."""
        keys = arguments().getlist("col") if named is None else named
        return [column for column in self.columns if column.key in keys]

    def columns_there(self) -> list[Column]:
        """The columns on the page from which htmx asks for a row of it."""
        named = parse_qs(urlsplit(current_path() or "").query).get("col", [])
        return self.chosen(named) or [column for column in self.columns if column.usual]

    def _order(self) -> Order:
        sorting = {column.key for column in self.columns if column.sorts}
        asked = arguments().get("sort", "")
        text = asked if asked.removeprefix("-") in sorting else self.order
        return Order(text.removeprefix("-"), text.startswith("-"))

    def cursor(self) -> Cursor:
        """Where the page begins that the request asks for."""
        order = self._order()
        kind = _TYPES.get(self._column(order.by).kind, str)
        by_id = order.by == self.by_id
        places = {
            name: place_in(text, None if by_id else kind)
            for name in _PLACES
            if (text := request.args.get(name))
        }
        if len(places) == 2:
            places.pop("after")
        return Cursor(**places, sort=None if by_id else order.by, descending=order.descending)

    def _column(self, key: str) -> Column:
        return next(column for column in self.columns if column.key == key)

    def _place(self, row: Any, cursor: Cursor) -> Any:
        place = self.id_of(row)
        if cursor.sort is None:
            return place
        column = self._column(cursor.sort)
        value = column.of(row)
        return column.empty if value is None else value, place

    def page(self, read: Reading[Any], size: int | None = None) -> KeysetPage[Any]:
        cursor, size = self.cursor(), size or PAGE_SIZE
        rows = read(cursor=cursor, limit=size + 1)
        return keyset_page(rows, cursor, size=size, place=lambda row: text_of_place(self._place(row, cursor)))

    def _all(self, read: Reading[Any]) -> Iterator[Any]:
        cursor = replace(self.cursor(), before=None, after=None)
        while rows := read(cursor=cursor, limit=ROWS_AT_ONCE):
            yield from rows
            if len(rows) < ROWS_AT_ONCE:
                return
            cursor = replace(cursor, before=self._place(rows[-1], cursor))


def kept_choice(answer: Response, shown: Shown) -> Response:
    """A page that was asked for by POST, which carries chosen rows along, and the address that it has without them."""
    if request.method == "POST" and answer.status_code < 400:
        answer.headers["HX-Push-Url"] = shown.here
    return answer


LISTS: dict[str, ListOf] = {}
"""All lists, by name."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A list as its template shows it."""

    of: ListOf
    form: FilterForm
    page: KeysetPage[Any]
    order: Order
    totals: Totals | None
    views: Sequence[SavedView]

    @property
    def columns(self) -> list[Column]:
        return self.of.chosen() or [column for column in self.of.columns if column.usual]

    @property
    def wide(self) -> bool:
        """Whether it has more columns than fit beside each other."""
        return self.of.wide or len(self.columns) > sum(column.usual for column in self.of.columns)

    @property
    def newest_first(self) -> bool:
        """Whether it stands in the order in which its rows were made."""
        return self.order.by == self.of.by_id and self.order.descending

    @property
    def compact(self) -> bool:
        """Whether the person wants its rows close together."""
        return request.cookies.get(current_app.config["DENSITY_COOKIE"]) == "compact"

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What the address says of the list, but for the page: names and values."""
        names = {each.short_name for each in self.form} | {"sort", "col"}
        return [(name, value) for name, value in arguments().items(multi=True) if name in names and value]

    def without(self, *names: str) -> list[tuple[str, str]]:
        """The same but for some names, which a form sets itself."""
        return [(name, value) for name, value in self.kept if name not in names]

    @property
    def besides_fields(self) -> list[tuple[str, str]]:
        """What the filters carry on: all but the fields that stand among them."""
        return self.without(*(each.short_name for each in self.form if each.short_name not in self.of.tabs))

    @property
    def query(self) -> str:
        """What was chosen, as an address has it."""
        return urlencode(self.kept)

    @property
    def opens_bare(self) -> dict[str, Any]:
        """What an address says that chooses nothing, so that no view opens in its place."""
        return {"view": EVERYTHING} if any(view.opens for view in self.views) else {}

    @property
    def url_of_all(self) -> str:
        """The list without anything chosen."""
        return url_for(self.of.endpoint, **self.opens_bare)

    def url_of_view(self, view: SavedView) -> str:
        return f"{url_for(self.of.endpoint)}?{view.query or 'view=' + EVERYTHING}"

    @property
    def narrowed(self) -> bool:
        """Whether anything was searched for."""
        return any(each.data for each in self.form)

    @property
    def chosen(self) -> bool:
        """Whether anything was chosen that may leave out rows."""
        return self.narrowed or self.page.newer is not None or self.page.older is not None

    def url(self, endpoint: str | None = None, /, **changes: Any) -> str:
        """The list's address with some arguments changed, None for without; of its files by their endpoint."""
        arguments: dict[str, Any] = {}
        for name, value in self.kept:
            arguments.setdefault(name, []).append(value)
        arguments.update(changes)
        kept = {name: value for name, value in arguments.items() if value is not None}
        return url_for(endpoint or self.of.endpoint, **kept) if endpoint or kept else self.url_of_all

    @property
    def here(self) -> str:
        """The address of the page that is shown."""
        return self.url(**{name: request.args[name] for name in _PLACES if name in request.args})

    @property
    def url_without_filters(self) -> str:
        """The same order and columns for everything."""
        fields = (each.short_name for each in self.form if each.short_name not in self.of.tabs)
        return self.url(**dict.fromkeys(fields, ""))

    def sorted(self, column: Column) -> str | None:
        """How the list is sorted by a column, in the words of `aria-sort`; None where by another one."""
        if self.order.by != column.key:
            return None
        return "descending" if self.order.descending else "ascending"

    def sort_url(self, column: Column) -> str:
        """Where its head leads: the other way round, or figures and days from the largest on, names from the first."""
        if self.order.by == column.key:
            return self.url(sort=str(replace(self.order, descending=not self.order.descending)))
        return self.url(sort=str(Order(column.key, _TYPES.get(column.kind, str) is not str)))


def _csv(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
