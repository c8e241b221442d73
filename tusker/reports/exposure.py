"""Exposures as of any day, and the movements that make them up."""

from dataclasses import dataclass
from datetime import date

from flask import Response
from flask.typing import ResponseReturnValue

from tusker import clock
from tusker.currency import currency
from tusker.domain.credit.limits import Bound
from tusker.errors import NotFound
from tusker.messages import say
from tusker.queries.credit.exposure import (
    ExposureRow,
    MovementRow,
    derivation,
    exposure_table,
    latest_movements,
    limit_changes,
    programme_limit_on,
)
from tusker.queries.loans.history import Whose
from tusker.reports.blueprint import asked_day, bp, day_or_refuse, own
from tusker.web.access import allow, is_staff
from tusker.web.files.csvfile import csv_answer
from tusker.web.filters import status_label
from tusker.web.htmx import render
from tusker.web.plotting.book import BookHistory
from tusker.web.plotting.shapes import Plot

TITLES = {
    Bound.SUPPLIER: say("Limits of suppliers"),
    Bound.PURCHASER: say("Limits of purchasers"),
    Bound.CREDIT_LINE: say("Limits of credit lines"),
}
EXPOSURES = {
    Bound.SUPPLIER: say("Exposure of the supplier limit"),
    Bound.PURCHASER: say("Exposure of the purchaser limit"),
    Bound.CREDIT_LINE: say("Exposure of the credit line limit"),
}
SHOWN = 50
"""Limits of a kind on a page; the file has all."""
MOVEMENTS_SHOWN = 50
"""The latest movements of a limit on its page; the file has all."""
HEADER = ["as_of", "kind", "id", "name", "exposure", "limit", "currency"]
MOVEMENTS = ["as_of", "limit_of", "booked_on", "invoice_id", "invoice", "cause", "amount", "currency"]


@dataclass(frozen=True, slots=True)
class Table:
    """The limits of one kind that this person may see."""

    kind: Bound
    title: str
    rows: list[ExposureRow]

    @property
    def shown(self) -> list[ExposureRow]:
        """Those that a page shows: the ones used most where there are many."""
        if len(self.rows) <= SHOWN:
            return self.rows
        return sorted(self.rows, key=lambda row: -row.exposure)[:SHOWN]

    @property
    def exposure(self) -> int:
        return sum(row.exposure for row in self.rows)


@bp.get("/exposure")
@allow(costly=True)
def exposure() -> ResponseReturnValue:
    """The exposure of every limit at the end of a day, by kind."""
    form, day = asked_day()
    found = [Table(kind, TITLES[kind], exposure_table(kind, day, **own())) for kind in TITLES] if day else []
    return render(
        "reports/exposure.html",
        form=form,
        day=day,
        today=clock.today(),
        use_plot=_use_plot(day, found) if day else None,
        tables=[table for table in found if table.rows],
        programme=programme_limit_on(day) if day and is_staff() else None,
    )


def _use_plot(day: date, found: list[Table]) -> Plot:
    """What was used of the programme, or of the company's own limit."""
    mine = own()
    kind = Bound.PURCHASER if "purchaser_id" in mine else Bound.SUPPLIER
    used = next(table.exposure for table in found if table.kind is kind)
    past = BookHistory.of(day, Whose(**mine))
    if not mine:
        return past.use_of_limit(used, limit_changes("programme", 0), say("Use of the programme's limit"))
    title = (
        say("Use of the limit as purchaser")
        if kind is Bound.PURCHASER
        else say("Use of the limit as supplier")
    )
    return past.use_of_limit(used, limit_changes(kind, past.whose.key), title)


@bp.get("/exposure.csv")
@allow(costly=True)
def exposure_file() -> Response:
    """All limits with their exposures as CSV, amounts in major units."""
    # the rows are read while they are sent, when nobody is signed in any more
    day, money, mine = day_or_refuse(), currency(), own()
    rows = (
        [day, row.kind, row.id, row.name, money.major(row.exposure), money.major(row.limit), money.code]
        for kind in TITLES
        for row in exposure_table(kind, day, **mine)
    )
    return csv_answer(f"exposure-{day}.csv", HEADER, rows)


@bp.get("/exposure/<kind>/<int:key>")
@allow(costly=True)
def exposure_rows(kind: str, key: int) -> ResponseReturnValue:
    """The movements that make up the exposure of one limit."""
    bound = _bound(kind)
    form, day = asked_day()
    limit = _limit(bound, key, day or clock.today())
    return render(
        "reports/exposure_rows.html",
        form=form,
        day=day,
        kind=bound,
        about=EXPOSURES[bound],
        limit=limit,
        latest=latest_movements(limit, day, MOVEMENTS_SHOWN) if day else None,
    )


@bp.get("/exposure/<kind>/<int:key>.csv")
@allow(costly=True)
def exposure_rows_file(kind: str, key: int) -> Response:
    """The movements as CSV; they sum to the exposure, in major units."""
    bound, money = _bound(kind), currency()
    day = day_or_refuse()
    name = _limit(bound, key, day).name

    def about(row: MovementRow) -> list[object]:
        return [day, name, row.booked_on, row.invoice_id, row.number, status_label(row.cause)]

    rows = ([*about(row), money.major(row.amount), money.code] for row in derivation(bound, key, day))
    return csv_answer(f"exposure-{bound}-{key}-{day}.csv", MOVEMENTS, rows)


def _bound(kind: str) -> Bound:
    if kind not in list(Bound):
        raise NotFound("There is no such limit.")
    return Bound(kind)


def _limit(bound: Bound, key: int, day: date) -> ExposureRow:
    """The limit on a day; raises `NotFound` when it does not exist or may not be seen."""
    found = exposure_table(bound, day, key=key, **own()) if key < 2**31 else []
    if not found:
        raise NotFound("There is no such limit.")
    return found[0]
