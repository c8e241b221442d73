"""The plots of the book or of one company: outstanding, cash by week, yield by month, use of limits.

All are made of one row a day (`tusker.queries.loans.history`); their last figures are those that the page shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from urllib.parse import urlencode

from flask import url_for

from tusker.catalogues import month_words
from tusker.currency import currency
from tusker.messages import say, speaker
from tusker.queries.loans.history import BOOK, Due, Flow, Whose, due_by_day, history
from tusker.web.plotting import shapes
from tusker.web.plotting.shapes import Column, Plot, Series

WEEKS_BACK, WEEKS_AHEAD, MONTHS = 26, 8, 12
CASH_WEEKS = 12
"""Whole past weeks of the plot of cash."""
WEEK = timedelta(days=7)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class BookHistory:
    """A year's flows up to a day, of the book or of one company, from which its plots are made."""

    today: date
    flows: Mapping[date, Flow]
    whose: Whose = BOOK

    @cached_property
    def due(self) -> Mapping[date, Due]:
        """What is due by day, past ones included."""
        return due_by_day(self.today, self.whose)

    def due_between(self, first: date, last: date, *, to_pay: bool = False) -> int:
        """What is due on some days, in minor units; `to_pay` counts what purchasers have to pay."""
        found = sum((one for day, one in self.due.items() if first <= day <= last), Due())
        return found.purchaser_term if to_pay else found.term

    @classmethod
    def of(cls, today: date, whose: Whose = BOOK) -> BookHistory:
        """The last twelve months, and at least the weeks that are plotted."""
        since = min(_months(today, MONTHS)[0], today - (WEEKS_BACK + 1) * WEEK)
        return cls(today, history(since, today, whose), whose)

    def between(self, first: date, last: date) -> Flow:
        """The flows of some days, both included."""
        return sum((flow for day, flow in self.flows.items() if first <= day <= last), Flow())

    def outstanding(self, principal_now: int) -> Plot:
        """Open principal at the end of each week, and now."""
        days = _week_ends(self.today)
        after = [self.between(day + DAY, self.today).outstanding for day in days]
        columns = [
            Column(
                label, speaker.get().day(day), (principal_now - grown,), self._url("ageing_loans", as_of=day)
            )
            for day, grown, label in zip(days, after, _labels(days), strict=True)
        ]
        series = [Series(say("Outstanding"), say("outstanding"), "main")]
        return _lines(say("Outstanding principal"), say("End of"), series, columns)

    def use_of_limit(self, used_now: int, limits: Sequence[tuple[date, int]], title: str) -> Plot:
        """What was used of a limit at the end of each week, beside the limit of that day; `limits` are its changes."""
        days = _week_ends(self.today)
        columns = [
            Column(
                label,
                speaker.get().day(day),
                (used_now - self.between(day + DAY, self.today).exposure, _limit_on(limits, day)),
                url_for("reports.exposure", as_of=day.isoformat()),
            )
            for day, label in zip(days, _labels(days), strict=True)
        ]
        return _lines(
            title,
            say("End of"),
            [Series(say("Used"), say("used"), "main"), Series(say("Limit"), say("limit"), "limit")],
            columns,
        )

    def cash(self, *, to_pay: bool = False) -> Plot:
        """What was paid out and came back by week, and what is due in the weeks to come; `to_pay` counts what
        purchasers have to pay."""
        monday = _monday(self.today)
        columns = []
        starts = [monday + number * WEEK for number in range(-CASH_WEEKS, WEEKS_AHEAD + 1)]
        for start, label in zip(starts, _labels(starts), strict=True):
            end = start + 6 * DAY
            flow = self.between(start, end)
            values = (
                flow.repaid,
                self.due_between(max(start, self.today), end, to_pay=to_pay),
                flow.paid_out,
            )
            words = say("Week of {day}", day=start)
            columns.append(Column(label, words, values, self._period(start, end)))
        repaid, expected = (
            ((say("Debt repaid"), say("debt repaid")), (say("To pay"), say("to pay")))
            if to_pay
            else ((say("Repaid"), say("repaid")), (say("Expected"), say("expected")))
        )
        series = [
            Series(*repaid, "in"),
            Series(*expected, "expected"),
            Series(say("Paid out"), say("paid out"), "out", below=True),
        ]
        return _bars(say("Cash by week"), say("Week"), series, columns)

    def results(self) -> Plot:
        """Interest, fees and penalty that came in by month, and the principal that was lost."""
        columns = []
        for number, first in enumerate(_months(self.today, MONTHS)):
            last = _next_month(first) - DAY
            flow = self.between(first, last)
            words = month_words(first, "MMMM y")
            label = month_words(first, "MMM") if number % 2 else ""
            columns.append(Column(label, words, (flow.earned, flow.lost), self._period(first, last)))
        series = [
            Series(say("Earned"), say("earned"), "in"),
            Series(say("Lost"), say("lost"), "lost", below=True),
        ]
        return _bars(say("Yield and losses by month"), say("Month"), series, columns)

    def _period(self, first: date, last: date) -> str:
        return self._url("period", **{"from": first, "to": last})

    def _url(self, page: str, **days: date) -> str:
        company = {"supplier": self.whose.supplier_id, "purchaser": self.whose.purchaser_id}
        arguments = {name: day.isoformat() for name, day in days.items()}
        arguments |= {name: str(key) for name, key in company.items() if key is not None}
        return f"{url_for(f'reports.{page}')}?{urlencode(arguments)}"


def _limit_on(limits: Sequence[tuple[date, int]], day: date) -> int | None:
    """The last of the changes up to a day; before the first one that."""
    until = [limit for since, limit in limits if since <= day]
    return until[-1] if until else limits[0][1] if limits else None


def _lines(title: str, head: str, series: Iterable[Series], columns: Iterable[Column]) -> Plot:
    money = currency()
    return shapes.lines(title, head, series, columns, show=money.show, short=money.short)


def _bars(title: str, head: str, series: Iterable[Series], columns: Iterable[Column]) -> Plot:
    money = currency()
    return shapes.bars(title, head, series, columns, show=money.show, short=money.short)


def _monday(day: date) -> date:
    return day - day.weekday() * DAY


def _week_ends(today: date) -> list[date]:
    """The last Sundays, and today."""
    sunday = _monday(today) - DAY
    return [*(sunday - number * WEEK for number in range(WEEKS_BACK - 1, -1, -1)), today]


def _months(today: date, count: int) -> list[date]:
    """The first days of the last months, this one the last."""
    months = [today.year * 12 + today.month - 1 - number for number in range(count - 1, -1, -1)]
    return [date(month // 12, month % 12 + 1, 1) for month in months]


def _next_month(first: date) -> date:
    return (first + 31 * DAY).replace(day=1)


def _labels(days: Sequence[date]) -> list[str]:
    """A month's name below the first of its days."""
    months = [(day.year, day.month) for day in days]
    return [
        month_words(day, "MMM") if number and months[number - 1] != months[number] else ""
        for number, day in enumerate(days)
    ]
