"""Movements of exposure, which are never changed."""

from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

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
