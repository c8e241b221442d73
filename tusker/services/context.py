"""Who does something, and when: handed to every use case."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tusker.models import Event


@dataclass(frozen=True, slots=True)
class Context:
    """The acting person or job and the time.

    `actor_id` is a user's id or None for jobs and commands, `actor` the name that events show, `now` an aware UTC
    instant, `today` the business date in the installation's time zone.

    `why` is what the person says of an act that has no reason of its own; the other admin reads it. `events` collects
    the events of what is tried, or done because another admin accepted it; `proposed_by` is then who proposed it.
    `job` is the id of the worker's job that runs, which is the same when a job is done again; once it has a lease, this
    run's name in it (`services/leases.py`).
    """

    actor_id: int | None
    actor: str
    now: datetime
    today: date
    why: str = ""
    events: list[Event] | None = None
    proposed_by: int | None = None
    job: str | None = None
