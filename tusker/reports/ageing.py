"""Ageing: what is outstanding by days past due, as of any day, with the loans behind each figure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import islice

from flask import Response, request
from flask.typing import ResponseReturnValue

from tusker import clock
from tusker.currency import currency
from tusker.domain.loans.ageing import AgeingRow, Bucket, bucket_of
from tusker.errors import InvalidInput
from tusker.messages import Text, joined, say
from tusker.queries.loans.ageing import Ageing, Narrowed, loans_behind, sum_behind
from tusker.queries.loans.ageing import ageing as ageing_on
from tusker.queries.loans.loan_rows import LoanRow
from tusker.reports.blueprint import (
    asked_company,
    asked_day,
    asked_number,
    bp,
    day_or_refuse,
    own,
    pays,
)
from tusker.web.access import allow
from tusker.web.files.csvfile import Columns, csv_answer, csv_table
from tusker.web.htmx import render
from tusker.web.paging import PAGE_SIZE, decode_day_key, encode_day_key

ROWS_SHOWN = 25
"""Companies or lines in a table of the page; the file has all."""
_BUCKETS: Mapping[str, Text] = {
    Bucket.CURRENT: say("not past due"),
    Bucket.OVER_90: say("over 90 days past due"),
}
"""What is not called by its days."""
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
        status=200 if day else 422,
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


@bp.get("/ageing/loans")
@allow()
def ageing_loans() -> ResponseReturnValue:
    """The loans behind a figure of the ageing."""
    form, day = asked_day()
    wanted = _narrowed()
    after = decode_day_key(request.args.get("after"))
    most, today = PAGE_SIZE + 1, clock.today()
    found = loans_behind(day, wanted, today=today, after=after, at_a_time=most) if day else iter(())
    rows = list(islice(found, most))
    shown = rows[:PAGE_SIZE]
    count, total = sum_behind(day, wanted) if day else (0, 0)
    return render(
        "reports/ageing/ageing_loans.html",
        status=200 if day else 422,
        form=form,
        day=day,
        rows=shown,
        count=count,
        total=total,
        pays=pays(),
        about=_about(rows),
        following=encode_day_key(shown[-1].due_date, shown[-1].loan_id) if len(rows) > PAGE_SIZE else None,
    )


@bp.get("/ageing.csv")
@allow(costly=True)
def ageing_file() -> Response:
    """A table of the ageing as CSV, `by` supplier, purchaser, line or loan; amounts in major units."""
    day, by = day_or_refuse(), request.args.get("by", "loan")
    if by == "loan":
        rows = loans_behind(day, _narrowed(), today=clock.today())
        return csv_table(f"ageing-loans-{day}.csv", _loan_columns(day), rows)
    if by not in VIEWS:
        raise InvalidInput(say("The ageing is by supplier, purchaser, line or loan."), field="by")
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


def _loan_columns(day: date) -> Columns[LoanRow]:
    """One line a loan, amounts in major units."""
    money, as_purchaser = currency(), pays()
    return {
        "as_of": lambda row: day,
        "loan": lambda row: row.reference,
        "invoice": lambda row: row.number,
        "supplier": lambda row: row.supplier,
        "purchaser": lambda row: row.purchaser,
        "due_date": lambda row: row.due_date,
        "days_past_due": lambda row: row.days_late(as_purchaser=as_purchaser),
        "bucket": lambda row: bucket_of(row.days_late(as_purchaser=as_purchaser)).replace("–", "-"),
        "principal": lambda row: money.major(row.live.principal),
        "interest": lambda row: money.major(row.live.interest),
        "fee": lambda row: money.major(row.live.fee),
        "penalty": lambda row: money.major(row.live.penalty),
        "owed": lambda row: money.major(row.live.total),
        "currency": lambda row: money.code,
        "platform_loan_id": lambda row: row.platform_reference,
        "purchaser_pays": lambda row: money.major(row.purchaser_owes),
    }


def _narrowed() -> Narrowed:
    """The supplier, purchaser, line and bucket in the address, within what this person may see."""
    bucket = request.args.get("bucket")
    if bucket and bucket not in list(Bucket):
        raise InvalidInput(say("This is not a bucket of the ageing."), field="bucket")
    mine = own()
    return Narrowed(
        supplier_id=asked_company("supplier", mine.get("supplier_id")),
        purchaser_id=asked_company("purchaser", mine.get("purchaser_id")),
        line_id=asked_number("line"),
        bucket=Bucket(bucket) if bucket else None,
        as_purchaser=pays(),
    )


def _about(rows: list[LoanRow]) -> str:
    """What the list is narrowed to, in words."""
    words = []
    if rows and request.args.get("line"):
        words.append(f"{rows[0].supplier} → {rows[0].purchaser}")
    if rows and request.args.get("supplier"):
        words.append(rows[0].supplier)
    if rows and request.args.get("purchaser"):
        words.append(rows[0].purchaser)
    if bucket := request.args.get("bucket"):
        words.append(_BUCKETS.get(bucket) or say("{bucket} days past due", bucket=bucket))
    return joined(words) if words else say("all loans")
