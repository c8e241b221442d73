"""Movements of exposure, which are never changed, and what limits were at the end of past days."""

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from tusker.extensions import Base
from tusker.models.columns import Code, Instant, Money, Numbered


class ExposureMovement(Numbered):
    """One change of an invoice's exposure, on all three limits at once. The counters are the sums of these rows."""

    __tablename__ = "exposure_movements"
    __table_args__ = (
        CheckConstraint("amount <> 0", name="amount_not_zero"),
        Index("ix_exposure_movements_booked_on", "booked_on", postgresql_using="brin"),
        Index("ix_exposure_movements_line_booked", "credit_line_id", "booked_on"),
        Index("ix_exposure_movements_supplier_booked", "supplier_id", "booked_on"),
        Index("ix_exposure_movements_purchaser_booked", "purchaser_id", "booked_on"),
    )

    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoices.id"), index=True)
    credit_line_id: Mapped[int] = mapped_column(ForeignKey("credit_lines.id"))
    supplier_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    purchaser_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    amount: Mapped[Money]
    cause: Mapped[Code]
    at: Mapped[Instant]
    booked_on: Mapped[date]


class LimitDay(Base):
    """A limit from a business day on, until the next row of the same limit."""

    __tablename__ = "limit_days"
    __table_args__ = (
        CheckConstraint("kind IN ('credit_line', 'supplier', 'purchaser', 'programme')", name="kind_known"),
        CheckConstraint("limit_amount >= 0", name="limit_not_negative"),
    )

    kind: Mapped[Code] = mapped_column(primary_key=True)
    """`credit_line`, `supplier` and `purchaser` as in `domain.limits.Bound`, or `programme`."""
    key: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    """The id of the credit line or company; 0 for the programme."""
    day: Mapped[date] = mapped_column(primary_key=True)
    limit_amount: Mapped[Money]
