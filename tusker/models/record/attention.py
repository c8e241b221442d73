"""What a person has to look at: one open item for each thing and kind of trouble."""

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from tusker.domain.record.attention import AttentionKind
from tusker.models.columns import Code, Instant, LongText, Numbered, one_of


class AttentionItem(Numbered):
    """Trouble of one invoice, delivery company or daily job, open until its cause is gone or a person settled it."""

    __tablename__ = "attention_items"
    __table_args__ = (
        one_of("kind", AttentionKind),
        CheckConstraint(
            "subject = 'invoice' AND subject_id IS NOT NULL AND carrier IS NULL"
            " OR subject = 'carrier' AND subject_id IS NULL AND carrier IS NOT NULL"
            " OR subject = 'daily_run' AND subject_id IS NOT NULL AND carrier IS NULL",
            name="subject_complete",
        ),
        CheckConstraint(
            "(resolved_at IS NULL) = (resolution IS NULL) AND (resolved_by IS NULL OR resolved_at IS NOT NULL)",
            name="resolution_complete",
        ),
        Index(
            "uq_attention_items_one_open",
            "kind",
            "subject",
            "subject_id",
            "carrier",
            unique=True,
            postgresql_where="resolved_at IS NULL",
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_attention_items_subject", "subject", "subject_id", "kind"),
        Index("ix_attention_items_unsent", "id", postgresql_where="mailed_at IS NULL"),
    )

    kind: Mapped[Code]
    subject: Mapped[Code]
    subject_id: Mapped[int | None] = mapped_column(BigInteger)
    carrier: Mapped[str | None] = mapped_column(String(40))
    cause_at: Mapped[Instant]
    """Since when its cause holds; what a person settled is not opened again for the same cause."""
    detail: Mapped[LongText]
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """Figures in minor units, and names."""
    opened_at: Mapped[Instant]
    mailed_at: Mapped[Instant | None]
    resolved_at: Mapped[Instant | None]
    resolved_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    """NULL where the cause went away by itself."""
    resolution: Mapped[str | None] = mapped_column(String(500))
