"""Events written around the application, and which of them are sealed."""

from __future__ import annotations

from sqlalchemy import Connection, text

from tests.support.values import NOW
from tusker.extensions import db

INSERT = text(
    "INSERT INTO events (at, actor, subject, subject_id, kind) VALUES (:at, 'test', 'customer', 1, 'late') RETURNING id"
)


def insert_event(connection: Connection) -> int:
    """Write an event in the connection's transaction and leave it uncommitted; returns its id."""
    return int(connection.scalar(INSERT, {"at": NOW}))


def sealed_ids() -> list[int]:
    """The sealed events' ids in the chain's order."""
    db.session.rollback()
    return list(db.session.scalars(text("SELECT event_id FROM event_seals ORDER BY seq")))
