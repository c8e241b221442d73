"""The record of changes."""

from __future__ import annotations

from sqlalchemy import or_, select

from tusker.extensions import db
from tusker.models import Event


def events_of(subject: str, subject_id: int) -> list[Event]:
    """Everything that happened to one thing, oldest first."""
    return list(
        db.session.scalars(
            select(Event).where(Event.subject == subject, Event.subject_id == subject_id).order_by(Event.id)
        )
    )


def events_page(
    *,
    subject: str | None = None,
    kind: str | None = None,
    actor: str | None = None,
    search: str | None = None,
    before: int | None = None,
    after: int | None = None,
    limit: int,
) -> list[Event]:
    """A page of events, newest first; `before` or `after` is the id at the edge of the page next to it."""
    query = select(Event)
    if subject:
        query = query.where(Event.subject == subject)
    if kind:
        query = query.where(Event.kind == kind)
    if actor:
        query = query.where(Event.actor.icontains(actor, autoescape=True))
    if search:
        query = query.where(
            or_(
                Event.reason.icontains(search, autoescape=True),
                Event.to_value.icontains(search, autoescape=True),
                Event.from_value.icontains(search, autoescape=True),
            )
        )
    if after is not None:
        newer = db.session.scalars(query.where(Event.id > after).order_by(Event.id).limit(limit)).all()
        return list(reversed(newer))
    if before is not None:
        query = query.where(Event.id < before)
    return list(db.session.scalars(query.order_by(Event.id.desc()).limit(limit)))


def known_kinds() -> list[str]:
    """The kinds of event there are, for a filter."""
    return list(db.session.scalars(select(Event.kind).distinct().order_by(Event.kind)))
