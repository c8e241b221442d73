"""Days in files of people: the pattern by which they are written, and reading them by it."""

import re
from datetime import UTC, date, datetime

from tusker.errors import InvalidInput

FIRST_DAY = date(2000, 1, 1)
_PROBE = datetime(2012, 11, 23, tzinfo=UTC)


def is_date_format(pattern: str) -> bool:
    """Whether a day survives being written and read with this `strptime` pattern."""
    try:
        return datetime.strptime(_PROBE.strftime(pattern), pattern).replace(tzinfo=UTC) == _PROBE
    except (ValueError, re.error):
        return False


def check_date_format(pattern: str) -> None:
    """Raise `InvalidInput` with the field `date_format` unless `is_date_format`."""
    if not is_date_format(pattern):
        raise InvalidInput(
            "“{format}” is not a date format with day, month and year, such as %d/%m/%Y.",
            format=pattern[:40],
            field="date_format",
        )


def read_date(text: str, pattern: str, *, field: str) -> date:
    """A date as written in a file, ISO when `pattern` is empty; raises `InvalidInput` naming `field`.

    Dates before 2000 are refused: they come from a two-digit year or a wrong format.
    """
    cleaned = text.strip()
    try:
        if pattern:
            found = datetime.strptime(cleaned, pattern).replace(tzinfo=UTC).date()
        else:
            found = date.fromisoformat(cleaned)
    except ValueError:
        wanted = pattern or "2026-03-31"
        raise InvalidInput(
            "“{text}” is not a date such as {example}.", text=cleaned[:40], example=wanted, field=field
        ) from None
    if found < FIRST_DAY:
        raise InvalidInput("The date {day} is before 2000.", day=found.isoformat(), field=field)
    return found
