"""Who does something, and when: handed to every use case."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Context:
    """The acting person or job and the time.

    `actor_id` is a user's id or None for jobs and commands, `actor` the name that events show, `now` an aware UTC
    instant, `today` the business date in the installation's time zone.
    """

    actor_id: int | None
    actor: str
    now: datetime
    today: date
