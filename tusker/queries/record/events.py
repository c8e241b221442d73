"""The record of changes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text

from tusker.extensions import db
from tusker.models import Event
from tusker.queries.paging import NEWEST, Cursor, on_page, rows_of_page
from tusker.queries.searching import has

LOOKED_AT = 30_000
"""Events in which a search looks at a time."""

_LENDERS = frozenset(
    {
        "value_accepted",
        "delivery_accepted",
        "told_apart",
        "hold_released",
        "document_verified",
        "document_unverified",
        "document_valid_again",
        "platform_loan_id",
        "proposed",
        "proposal_accepted",
        "proposal_refused",
        "proposal_withdrawn",
        "classified",
    }
    | {
        f"{kind}_{state}"
        for kind in ("waiver", "extension")
        for state in ("proposed", "refused", "withdrawn")
    }
)
_SUPPLIERS = frozenset(
    {"waiting_list", "claimed", "claim_accepted", "claim_dismissed", "claim_reopened", "credit_note"}
)
_UNEXPLAINED = frozenset({"dispute_overruled"})


@dataclass(frozen=True, slots=True)
class CompanyEvent:
    """An event of an invoice as its companies may see it: without the name of the lender's person who did it."""

    at: datetime
    kind: str
    from_value: str | None
    to_value: str | None
    reason: str
    actor: str = ""


def for_company(events: Iterable[Event], *, as_supplier: bool) -> list[CompanyEvent]:
    """An invoice's events as a company sees them; claims, and why a limit refused, are shown to the supplier only."""
    hidden = _LENDERS if as_supplier else _LENDERS | _SUPPLIERS
    silent = _UNEXPLAINED if as_supplier else _UNEXPLAINED | {"requested"}
    return [
        CompanyEvent(
            event.at,
            event.kind,
            event.from_value,
            event.to_value,
            "" if event.kind in silent else event.reason,
        )
        for event in events
        if event.kind not in hidden
    ]


def events_of(subject: str, subject_id: int) -> list[Event]:
    """Everything that happened to one thing, oldest first."""
    query = select(Event).where(Event.subject == subject, Event.subject_id == subject_id).order_by(Event.id)
    return list(db.session.scalars(query))


def events_page(
    *,
    subject: str | None = None,
    kind: str | None = None,
    actor: str | None = None,
    search: str | None = None,
    cursor: Cursor = NEWEST,
    limit: int,
) -> tuple[list[Event], int | None]:
    """A page of events, the newest first or the oldest.

    Words, people and subjects are looked for in the next events of the kind only, so that a search takes no longer
    in a larger record: the second value is the id up to which was looked, None where nothing lies beyond it.
    """
    query = select(Event)
    end = None
    if kind:
        query = query.where(Event.kind == kind)
    if subject or actor or search:
        read = on_page(query.with_only_columns(Event.id), Event.id, cursor, LOOKED_AT).subquery()
        last = func.min(read.c.id) if cursor.reads_down else func.max(read.c.id)
        count, found = db.session.execute(select(func.count(), last).select_from(read)).one()
        if count == LOOKED_AT:
            end = found
            query = query.where(Event.id >= end if cursor.reads_down else Event.id <= end)
    if subject:
        query = query.where(Event.subject == subject)
    if actor:
        query = query.where(has(actor, Event.actor))
    if search:
        query = query.where(has(search, Event.reason, Event.to_value, Event.from_value))
    return [event for (event,) in rows_of_page(query, Event.id, cursor, limit)], end


def known_kinds() -> list[str]:
    """The kinds of event there are, for a filter."""
    return list(db.session.scalars(_KINDS))


# From kind to kind along the index: DISTINCT would read every event there ever was.
_KINDS = text(
    """
    WITH RECURSIVE kinds AS (
        (SELECT kind FROM events ORDER BY kind LIMIT 1)
        UNION ALL
        SELECT (SELECT kind FROM events WHERE kind > k.kind ORDER BY kind LIMIT 1) FROM kinds k WHERE k.kind IS NOT NULL
    )
    SELECT kind FROM kinds WHERE kind IS NOT NULL
    """
)
