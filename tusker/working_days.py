"""The working days of the installation's bank: weekends, public holidays, the market's and the installation's own."""

import sys
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import holidays
from flask import Flask, current_app

from tusker.domain.working_days import WorkingDays

_EXTENSION = "tusker_working_days"

# These two import all of their 280 calendars, 10 MB a process, where one of them is asked for.
for _kind in ("countries", "financial"):
    _package = ModuleType(f"holidays.{_kind}")
    _package.__path__ = [str(Path(holidays.__file__).with_name(_kind))]
    sys.modules[_package.__name__] = _package
country_holidays, financial_holidays = holidays.country_holidays, holidays.financial_holidays


def init_app(app: Flask) -> None:
    """Make the calendar of the app's configuration."""
    config = app.config
    known: list[Any] = []
    if config["HOLIDAY_COUNTRY"]:
        country, _, subdivision = config["HOLIDAY_COUNTRY"].partition("-")
        known.append(country_holidays(country, subdiv=subdivision or None))
    if config["HOLIDAY_MARKET"]:
        known.append(financial_holidays(config["HOLIDAY_MARKET"]))
    own: dict[date, str] = config["EXTRA_HOLIDAYS"]

    def holiday_on(day: date) -> str | None:
        return own.get(day) or next((name for calendar in known if (name := calendar.get(day))), None)

    app.extensions[_EXTENSION] = WorkingDays(config["WEEKEND"], holiday_on)


def working_days() -> WorkingDays:
    calendar: WorkingDays = current_app.extensions[_EXTENSION]
    return calendar
