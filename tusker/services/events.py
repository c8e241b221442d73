"""The append-only event table's one writer for everything but admission, which writes its own row in SQL."""

from __future__ import annotations

from tusker.extensions import db
from tusker.models import Event
from tusker.services.context import Context


def record_event(
    ctx: Context,
    subject: str,
    subject_id: int,
    kind: str,
    *,
    from_value: object = None,
    to_value: object = None,
    reason: str = "",
    **data: object,
) -> Event:
    """Add one event row to the current transaction. Figures in `data` are minor units; values must be JSON-able.

    `asks_second` among it says that an admin may do this alone only where no second one is asked for
    (`services.proposals`).
    """
    if data.get("asks_second") is False:
        del data["asks_second"]
    event = Event(
        at=ctx.now,
        actor_id=ctx.actor_id,
        actor=ctx.actor,
        subject=subject,
        subject_id=subject_id,
        kind=kind,
        from_value=None if from_value is None else str(from_value)[:200],
        to_value=None if to_value is None else str(to_value)[:200],
        reason=reason,
        data=data,
    )
    db.session.add(event)
    if ctx.events is not None:
        ctx.events.append(event)
    return event
