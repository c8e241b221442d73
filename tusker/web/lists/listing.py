"""Lists: of each one description, from which come its page, order, choice of columns, saved views and files.

Everything that a person chose stands in the address: the fields of the list's form, `sort` (a column's key, with `-`
in front for the largest first) and `col`, once for each column. A list that is opened without any of it opens with the
view that the person saved for that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask import Blueprint, Response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.datastructures import MultiDict

from tusker import clock
from tusker.errors import InvalidInput, NotFound
from tusker.models import Role
from tusker.queries.paging import Cursor
from tusker.queries.people.saved_views import views_of
from tusker.queries.sums import Totals
from tusker.web.access import allow
from tusker.web.files.csvfile import csv_answer
from tusker.web.files.workbooks import workbook_answer
from tusker.web.forms.form import FilterForm
from tusker.web.htmx import current_path, render, wants_fragment
from tusker.web.lists.columns import TYPES, Column, Order
from tusker.web.lists.shown import PLACES, Shown, arguments
from tusker.web.paging import PAGE_SIZE, KeysetPage, Reading, keyset_page, place_in, text_of_place

ROWS_AT_ONCE = 1_000
"""Of a file: so many are read, written and forgotten at a time; first as many as a page has."""

LISTS: dict[str, ListOf] = {}
"""All lists, by name."""


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

    def address(self, query: str = "") -> str:
        """With what a view chooses; without it in a way that no view opens in its place."""
        return f"{url_for(self.endpoint)}?{query or 'view=all'}"

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
        """What the request asks for of the list, as templates take it; with a `page` that was cut already. Where the
        form is wrong no rows, and the answer is 422."""
        if form.errors:
            page = KeysetPage((), None, None)
        elif page is None:
            page = self.page(read) if read else KeysetPage((), None, None)
        return Shown(self, form, page, self._order(), totals, views_of(current_user.id, self.name))

    def file(self, ending: str, form: FilterForm, read: Reading[Any]) -> Response:
        """All rows in the order asked for, as CSV or as a workbook: with the columns that were chosen, or all.

        Raises `NotFound` for another ending, and `InvalidInput` where the form is wrong.
        """
        if ending not in {"csv", "xlsx"}:
            raise NotFound("Lists are files of CSV or XLSX.")
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
        kind = TYPES.get(self.column(order.by).kind, str)
        by_id = order.by == self.by_id
        places = {
            name: place_in(text, None if by_id else kind)
            for name in PLACES
            if (text := request.args.get(name))
        }
        if len(places) == 2:
            places.pop("after")
        return Cursor(**places, sort=None if by_id else order.by, descending=order.descending)

    def column(self, key: str) -> Column:
        return next(column for column in self.columns if column.key == key)

    def _place(self, row: Any, cursor: Cursor) -> Any:
        place = self.id_of(row)
        if cursor.sort is None:
            return place
        column = self.column(cursor.sort)
        return column.place(row) if column.place else column.of(row), place

    def page(self, read: Reading[Any], size: int | None = None) -> KeysetPage[Any]:
        cursor, size = self.cursor(), size or PAGE_SIZE
        rows = read(cursor=cursor, limit=size + 1)
        return keyset_page(rows, cursor, size=size, place=lambda row: text_of_place(self._place(row, cursor)))

    def _all(self, read: Reading[Any]) -> Iterator[Any]:
        cursor, limit = replace(self.cursor(), before=None, after=None), min(PAGE_SIZE, ROWS_AT_ONCE)
        while rows := read(cursor=cursor, limit=limit):
            yield from rows
            if len(rows) < limit:
                return
            cursor, limit = replace(cursor, before=self._place(rows[-1], cursor)), ROWS_AT_ONCE


def open_with_view() -> ResponseReturnValue | None:
    """Before a request: a list's bare address leads to the view that the person saved to open it with."""
    of = next((each for each in LISTS.values() if each.endpoint == request.endpoint), None)
    if of is None or request.args or wants_fragment():
        return None
    opens = next((view for view in views_of(current_user.id, of.name) if view.opens), None)
    return redirect(f"{url_for(of.endpoint)}?{opens.query}") if opens and opens.query else None


def _csv(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
