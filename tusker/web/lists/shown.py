"""A list as a request asks for it and its template shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from flask import Response, current_app, request, url_for
from werkzeug.datastructures import MultiDict

from tusker.models import SavedView
from tusker.queries.sums import Totals
from tusker.web.forms.form import FilterForm
from tusker.web.lists.columns import TYPES, Column, Order
from tusker.web.paging import KeysetPage

if TYPE_CHECKING:
    from tusker.web.lists.listing import ListOf

PLACES = ("before", "after")


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
        return {"view": "all"} if any(view.opens for view in self.views) else {}

    @property
    def url_of_all(self) -> str:
        """The list without anything chosen."""
        return url_for(self.of.endpoint, **self.opens_bare)

    def url_of_view(self, view: SavedView) -> str:
        return self.of.address(view.query)

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
        return self.url(**{name: request.args[name] for name in PLACES if name in request.args})

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
        return self.url(sort=str(Order(column.key, TYPES.get(column.kind, str) is not str)))


def kept_choice(answer: Response, shown: Shown) -> Response:
    """A page that was asked for by POST, which carries chosen rows along, and the address that it has without them."""
    if request.method == "POST" and (answer.status_code < 400 or shown.form.errors):
        answer.headers["HX-Push-Url"] = shown.here
    return answer
