"""Days on which banks work, and what becomes of a date that falls on another."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from tusker.domain.terms import DueConvention, Terms

ONE_DAY = timedelta(days=1)

Weekend = frozenset[tuple[int, int | None]]
"""Weekdays (Monday is 0) on which banks are closed, each with None for always or n for the nth of a month only."""


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """The calendar of an installation's bank. `holiday_on` names the holiday of a day, None where there is none."""

    weekend: Weekend
    holiday_on: Callable[[date], str | None]

    def closed_on(self, day: date) -> str | None:
        """Why the bank does not work on a day: the holiday's name or the weekday's; None on a working day."""
        weekday, nth = day.weekday(), (day.day - 1) // 7 + 1
        if (weekday, None) in self.weekend or (weekday, nth) in self.weekend:
            return self.holiday_on(day) or f"{day:%A}"
        return self.holiday_on(day)

    def due_date(self, start: date, terms: Terms) -> date:
        """The last day of the tenor, moved by the terms' convention; never on or before the start."""
        return self.by_convention(start + timedelta(days=terms.tenor_days), terms, after=start)

    def by_convention(self, day: date, terms: Terms, *, after: date) -> date:
        """What the terms' convention makes of a due date; never a day on or before `after`."""
        if terms.due_convention is DueConvention.NONE:
            return day
        moved = self.on_or_after(day)
        if terms.due_convention is DueConvention.MODIFIED_FOLLOWING and moved.month != day.month:
            before = self.on_or_before(day)
            return before if before > after else moved
        return moved

    def on_or_before(self, day: date) -> date:
        """The day itself if the bank works on it, else the last working day before."""
        while self.closed_on(day) is not None:
            day -= ONE_DAY
        return day

    def on_or_after(self, day: date) -> date:
        """The day itself if the bank works on it, else the next working day."""
        while self.closed_on(day) is not None:
            day += ONE_DAY
        return day


EVERY_DAY = WorkingDays(frozenset(), lambda _day: None)
"""A calendar without closed days, for debts of which somebody gave the dates."""
