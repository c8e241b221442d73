"""Which daily job was done for which business day, and what the proofs found."""

from datetime import date
from typing import Any

from sqlalchemy import CheckConstraint, Index, String, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from tusker.domain.record.daily import DailyJob
from tusker.models.columns import Code, Instant, Leased, Name, Numbered, one_of


class DailyRun(Leased, Numbered):
    """One daily job of one business day. A row without `done_at` is still to be done."""

    __tablename__ = "daily_runs"
    __table_args__ = (
        one_of("job", DailyJob),
        UniqueConstraint("job", "business_date"),
        CheckConstraint("attempts >= 0", name="attempts_not_negative"),
        Index("ix_daily_runs_open", "job", "business_date", postgresql_where="done_at IS NULL"),
    )

    job: Mapped[Code]
    business_date: Mapped[date]
    due_at: Mapped[Instant]
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    last_error: Mapped[str | None] = mapped_column(String(500))
    done_at: Mapped[Instant | None]


class ProofRun(Numbered):
    """What a proof of the whole book and its record of events found."""

    __tablename__ = "proof_runs"

    at: Mapped[Instant]
    actor: Mapped[Name]
    found: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """As `tusker.queries.record.proof_runs.Found` has it."""
