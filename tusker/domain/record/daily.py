"""The jobs that run once for each business day, and the days for which they are due."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tusker.domain.status import Worded
from tusker.messages import say


class DailyJob(Worded):
    """The daily jobs, in the order in which they run on a day."""

    SERVICING = "servicing", say("Classification, reminders, recourse and holds")
    HOUSEKEEPING = "housekeeping", say("Clean-up")
    PROOF = "proof", say("Proof")
    BUNDLE = "bundle", say("Daily disbursal")
    STATEMENTS = "statements", say("Monthly statements by mail")


def due_at(day: date, at: tuple[int, int], zone: ZoneInfo) -> datetime:
    """The instant at which a day's job is due; `at` is the hour and minute in the installation's time zone."""
    return datetime.combine(day, time(*at), zone)


def days_due(last: date, now: datetime, at: tuple[int, int], zone: ZoneInfo) -> list[date]:
    """The days after `last` whose job is due by now, in order."""
    today = now.astimezone(zone).date()
    days = [last + timedelta(days=n) for n in range(1, (today - last).days + 1)]
    return [day for day in days if due_at(day, at, zone) <= now]
