"""The append-only record: who, when, what from, what to, why."""

from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from tusker.extensions import Base
from tusker.models.columns import Code, Instant, Numbered


class Event(Numbered):
    """One change of a status, a limit or a setting. A trigger refuses to change or delete a row."""

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_subject", "subject", "subject_id", "id"),
        Index("ix_events_kind_id", "kind", "id"),
    )

    at: Mapped[Instant]
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    actor: Mapped[str] = mapped_column(String(120))
    """The actor in words: a user's name, or the job or command that did it."""
    subject: Mapped[Code]
    """What it is about: invoice, customer, credit_line, disbursal, loan, user, carrier."""
    subject_id: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[Code]
    from_value: Mapped[str | None] = mapped_column(String(200))
    to_value: Mapped[str | None] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(String(500), default="", server_default="")
    data: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default=text("'{}'"))
    """Figures of the change by name; money in minor units."""


class EventSeal(Base):
    """A link of the hash chain over committed events, in the order in which they were sealed. Never changed or deleted.

    `hash` is SHA-256 over the link before it and the event's row (see `tusker.domain.record.chain`).
    """

    __tablename__ = "event_seals"

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """1, 2, 3 … without gaps."""
    event_id: Mapped[int] = mapped_column(ForeignKey("events.id"), unique=True)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    sealed_at: Mapped[Instant]


class SealCheckpoint(Numbered):
    """Up to which link the chain was found whole, so that a day's proof goes on from there. Signed with a key that is
    not in the database (see `tusker.domain.record.chain.Checkpoint`)."""

    __tablename__ = "seal_checkpoints"

    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    walked_at: Mapped[Instant]
    """When all links were walked last."""
    signature: Mapped[bytes] = mapped_column(LargeBinary(32))
