"""Ageing: what is outstanding by days past due, as of any day."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from tusker.currency import currency
from tusker.domain.loans.ageing import AgeingRow, Bucket
from tusker.errors import InvalidInput
from tusker.messages import say
from tusker.queries.loans.ageing import Ageing
from tusker.queries.loans.ageing import ageing as ageing_on
from tusker.reports.blueprint import asked_day, bp, day_or_refuse, own
from tusker.web.access import allow
from tusker.web.files.csvfile import csv_answer
from tusker.web.htmx import render

ROWS_SHOWN = 25
"""Companies or lines in a table of the page; the file has all."""
VIEWS = {"supplier": say("By supplier"), "purchaser": say("By purchaser"), "line": say("By credit line")}


@dataclass(frozen=True, slots=True)
class View:
    """One table of the page; `by` names it in addresses, and the argument that narrows the loans to a row."""

    by: str
    title: str
    rows: list[AgeingRow[tuple[int, str]]]

    @property
    def shown(self) -> list[AgeingRow[tuple[int, str]]]:
        """Those that a page shows, the largest."""
        return self.rows[:ROWS_SHOWN]

    @property
    def total(self) -> int:
        return sum(row.total for row in self.rows)


@bp.get("/ageing")
@allow(costly=True)
def ageing() -> ResponseReturnValue:
    """Totals by bucket, and the same debts by supplier, purchaser and credit line."""
    form, day = asked_day()
    found = _ageing(day) if day else None
    return render(
        "reports/ageing/ageing.html",
        form=form,
        ageing=found,
        views=views_of(found) if found else [],
        buckets=list(Bucket),
    )


def _ageing(day: date) -> Ageing:
    return ageing_on(day, **own())


def views_of(found: Ageing) -> list[View]:
    """The tables to show: for a company not the one of its own side, which would have a single row."""
    rows = {"supplier": found.by_supplier, "purchaser": found.by_purchaser, "line": found.by_line}
    mine = own()
    if mine:
        other = "purchaser" if "supplier_id" in mine else "supplier"
        rows = {other: rows[other]}
    return [View(by, VIEWS[by], rows[by]) for by in rows]


@bp.get("/ageing.csv")
@allow(costly=True)
def ageing_file() -> ResponseReturnValue:
    """A table of the ageing as CSV, `by` supplier, purchaser or line; amounts in major units. By loan, which it is
    unless told otherwise, it has moved to a list of its own."""
    day, by = day_or_refuse(), request.args.get("by", "loan")
    if by == "loan":
        asked = request.query_string.decode("latin-1")
        return redirect(f"{url_for('reports.ageing_loans_file', ending='csv')}?{asked}")
    if by not in VIEWS:
        raise InvalidInput("The ageing is by supplier, purchaser or line.", field="by")
    whole = _ageing(day)
    views = {"supplier": whole.by_supplier, "purchaser": whole.by_purchaser, "line": whole.by_line}
    header = ["as_of", by, *(bucket.replace("–", "-") for bucket in Bucket), "total", "currency"]
    return csv_answer(f"ageing-{by}-{day}.csv", header, _view_lines(views[by], whole))


def _view_lines(rows: list[AgeingRow[tuple[int, str]]], found: Ageing) -> Iterator[list[object]]:
    money = currency()
    amounts = [(row.key[1], row.amounts, row.total) for row in rows]
    for name, buckets, total in [*amounts, ("Total", found.totals, found.outstanding)]:
        yield [
            found.as_of,
            name,
            *(money.major(buckets[bucket]) for bucket in Bucket),
            money.major(total),
            money.code,
        ]
