"""What must happen after a commit, written in the same transaction."""

from typing import Any

from sqlalchemy import CheckConstraint, Dialect, Index, String, TypeDecorator
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from tusker.messages import packed, unpacked
from tusker.models.columns import Code, Instant, Numbered


class Sayable(TypeDecorator[Any]):
    """JSON whose texts are said in the recipient's language."""

    impl = JSONB
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return packed(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return unpacked(value)


class OutboxMessage(Numbered):
    """A mail to be sent by a job. `send_after` moves on with every failed attempt; NULL `sent_at` is still to do."""

    __tablename__ = "outbox"
    __table_args__ = (
        CheckConstraint("attempts >= 0", name="attempts_not_negative"),
        Index("ix_outbox_given_up", "id", postgresql_where="given_up_at IS NOT NULL"),
        Index("ix_outbox_due", "send_after", postgresql_where="sent_at IS NULL AND given_up_at IS NULL"),
    )

    template: Mapped[Code]
    recipient: Mapped[str] = mapped_column(String(254))
    context: Mapped[dict[str, Any]] = mapped_column(Sayable)
    created_at: Mapped[Instant]
    send_after: Mapped[Instant]
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    last_error: Mapped[str | None] = mapped_column(String(500))
    sent_at: Mapped[Instant | None]
    given_up_at: Mapped[Instant | None]
