"""A day's bundle of delivered invoices, released outside Tusker."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tusker.extensions import db
from tusker.models.columns import Code, Id, Instant, Money, one_of
from tusker.models.invoice import Invoice


class DisbursalStatus(StrEnum):
    """Open until the money was released (confirmed) or the bundle was given up (dropped); a confirmed one may be
    undone (reversed)."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    DROPPED = "dropped"
    REVERSED = "reversed"


class LineState(StrEnum):
    """`included` awaits release, `paid` was released, `removed` went back to the queue with a reason."""

    INCLUDED = "included"
    PAID = "paid"
    REMOVED = "removed"


class Disbursal(db.Model):
    """One bundle. At most one that stands (not dropped or undone) comes from the daily job for each business day."""

    __tablename__ = "disbursals"
    __table_args__ = (
        one_of("status", DisbursalStatus),
        CheckConstraint("origin IN ('daily', 'manual')", name="origin_known"),
        CheckConstraint(
            "(status IN ('confirmed', 'reversed')) = (bank_reference IS NOT NULL AND value_date IS NOT NULL)",
            name="confirmation_complete",
        ),
        Index(
            "uq_disbursals_one_daily",
            "business_date",
            unique=True,
            postgresql_where="origin = 'daily' AND status NOT IN ('dropped', 'reversed')",
        ),
        Index("ix_disbursals_status_id", "status", "id"),
    )

    id: Mapped[Id]
    reference: Mapped[str] = mapped_column(String(40), unique=True)
    """The disbursal id that people and the bank see."""
    business_date: Mapped[date]
    origin: Mapped[Code]
    status: Mapped[Code]
    bank_reference: Mapped[str | None] = mapped_column(String(60), unique=True)
    value_date: Mapped[date | None]
    created_at: Mapped[Instant]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    closed_at: Mapped[Instant | None]
    closed_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))

    lines: Mapped[list[DisbursalLine]] = relationship(order_by="DisbursalLine.id", lazy="select")


class DisbursalLine(db.Model):
    """An invoice's place in a disbursal. An invoice is in at most one live disbursal."""

    __tablename__ = "disbursal_lines"
    __table_args__ = (
        one_of("state", LineState),
        CheckConstraint("principal > 0", name="principal_positive"),
        CheckConstraint("(state = 'removed') = (reason IS NOT NULL)", name="removal_has_reason"),
        UniqueConstraint("disbursal_id", "invoice_id"),
        Index(
            "uq_disbursal_lines_one_live",
            "invoice_id",
            unique=True,
            postgresql_where="state <> 'removed'",
        ),
    )

    id: Mapped[Id]
    disbursal_id: Mapped[int] = mapped_column(ForeignKey("disbursals.id"))
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoices.id"))
    principal: Mapped[Money]
    state: Mapped[Code]
    reason: Mapped[str | None] = mapped_column(String(500))

    disbursal: Mapped[Disbursal] = relationship(back_populates="lines", lazy="select")
    invoice: Mapped[Invoice] = relationship(lazy="select")
