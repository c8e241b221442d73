"""What limits were at the end of past days."""

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tusker.extensions import Base
from tusker.models.columns import Code, Money


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
