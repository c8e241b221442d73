"""The working days of the installation's bank: weekends, public holidays, the market's and the installation's own."""

from __future__ import annotations

from datetime import date
from typing import Any

import holidays
from flask import Flask, current_app

from tusker.domain.working_days import WorkingDays

_EXTENSION = "tusker_working_days"


def init_app(app: Flask) -> None:
    """Make the calendar of the app's configuration."""
    config = app.config
    known: list[Any] = []
    if config["HOLIDAY_COUNTRY"]:
        country, _, subdivision = config["HOLIDAY_COUNTRY"].partition("-")
        known.append(holidays.country_holidays(country, subdiv=subdivision or None))
    if config["HOLIDAY_MARKET"]:
        known.append(holidays.financial_holidays(config["HOLIDAY_MARKET"]))
    own: dict[date, str] = config["EXTRA_HOLIDAYS"]

    def holiday_on(day: date) -> str | None:
        return own.get(day) or next((name for calendar in known if (name := calendar.get(day))), None)

    app.extensions[_EXTENSION] = WorkingDays(config["WEEKEND"], holiday_on)


def working_days() -> WorkingDays:
    calendar: WorkingDays = current_app.extensions[_EXTENSION]
    return calendar
