"""The one place that reads the clock; everything else is given the time."""

from datetime import UTC, date, datetime

from flask import current_app


def now() -> datetime:
    """This instant in UTC."""
    return datetime.now(UTC)


def today() -> date:
    """The business date: today in the installation's time zone."""
    return now().astimezone(current_app.config["TIMEZONE"]).date()
