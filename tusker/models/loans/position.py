"""Sums that are kept so that pages of the whole book need not read all of it: what is owed on each open loan on the
business day, by credit line, by due date and by who owes it, what happened on past days, and how many invoices have a
status.

All of it follows from loans and invoices and can be built anew at any time. What is owed is that of `amount_due`, in
minor units.
"""

from datetime import date
from decimal import Decimal

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, Index, Numeric
from sqlalchemy.orm import Mapped, mapped_column

from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.domain.loans.ageing import Bucket
from tusker.extensions import Base
from tusker.models.columns import Code, Money, Numbered, no_two, one_of


class PositionDay(Base):
    """A business day whose positions are kept: today, and tomorrow so that they are there at midnight."""

    __tablename__ = "position_days"

    day: Mapped[date] = mapped_column(primary_key=True)
    built_to: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    """Up to which loan id its positions were built the first time."""
    ready: Mapped[bool] = mapped_column(default=False, server_default="false")
    shares: Mapped[list[Decimal]] = mapped_column(ARRAY(Numeric), default=list, server_default="{}")
    """The fractions of debts that are provided for, by which debtors are summed."""


class LoanChange(Numbered):
    """A loan whose kept positions are out of date. Triggers write these in the transaction of the change."""

    __tablename__ = "loan_changes"

    loan_id: Mapped[int] = mapped_column(ForeignKey("loans.id"))


class Alike:
    """By what loans are summed."""

    bucket: Mapped[Code]
    """Of what is owed to the lender."""
    purchaser_bucket: Mapped[Code]
    """Of what the purchaser has to pay."""
    overdue: Mapped[bool]
    due_today: Mapped[bool]
    in_book: Mapped[bool]
    """False where the debt is paid and the purchaser has still to pay a part of the face value."""


class Figures:
    """What is summed."""

    principal: Mapped[Money]
    live: Mapped[Money]
    term: Mapped[Money]
    purchaser_owes: Mapped[Money]
    purchaser_term: Mapped[Money]


class LoanPosition(Alike, Figures, Base):
    """One loan on one day."""

    __tablename__ = "loan_positions"
    __table_args__ = (
        one_of("bucket", Bucket),
        one_of("purchaser_bucket", Bucket),
        Index("ix_loan_positions_no_debtor", "day", postgresql_where="debtor_id = 0"),
    )

    day: Mapped[date] = mapped_column(ForeignKey("position_days.day"), primary_key=True)
    loan_id: Mapped[int] = mapped_column(ForeignKey("loans.id"), primary_key=True, index=True)
    credit_line_id: Mapped[int] = mapped_column(ForeignKey("credit_lines.id"))
    due_date: Mapped[date]
    debtor_id: Mapped[int] = mapped_column(BigInteger, server_default="0")


class BookPosition(Alike, Figures, Base):
    """The loans of one credit line that are alike, summed."""

    __tablename__ = "book_positions"

    day: Mapped[date] = mapped_column(ForeignKey("position_days.day"), primary_key=True)
    credit_line_id: Mapped[int] = mapped_column(ForeignKey("credit_lines.id"), primary_key=True)
    bucket: Mapped[Code] = mapped_column(primary_key=True)
    purchaser_bucket: Mapped[Code] = mapped_column(primary_key=True)
    overdue: Mapped[bool] = mapped_column(primary_key=True)
    due_today: Mapped[bool] = mapped_column(primary_key=True)
    in_book: Mapped[bool] = mapped_column(primary_key=True)
    loans: Mapped[int]


class InvoiceCount(Numbered):
    """How many invoices of two companies have a status, and their principal: the sum of its rows. Triggers add rows for
    what changed; a worker merges them into one."""

    __tablename__ = "invoice_counts"
    __table_args__ = (
        no_two("uq_invoice_counts_merged", "supplier_id", "purchaser_id", "status", where="merged"),
        Index("ix_invoice_counts_unmerged", "id", postgresql_where="NOT merged"),
    )

    supplier_id: Mapped[int] = mapped_column(BigInteger, index=True)
    purchaser_id: Mapped[int] = mapped_column(BigInteger, index=True)
    status: Mapped[InvoiceStatus]
    invoices: Mapped[int] = mapped_column(BigInteger)
    principal: Mapped[Money]
    merged: Mapped[bool] = mapped_column(default=False, server_default="false")


class Flows:
    """What happened on a day, in minor units; what was undone on it counts against."""

    lent: Mapped[Money]
    """Principal of the loans that began."""
    paid_out: Mapped[Money]
    """The same less what was deducted at the payout."""
    repaid: Mapped[Money]
    """What came in on loans."""
    principal_repaid: Mapped[Money]
    earned: Mapped[Money]
    """Interest, fees and penalty: what came in, and what was deducted at the payout."""
    lost: Mapped[Money]
    """Principal that was given up, less what of it came in later."""
    exposure: Mapped[Money]
    """By how much the limits' use grew."""
    deliveries: Mapped[int] = mapped_column(BigInteger)
    """Loans that began whose delivery is known."""
    delivery_hours: Mapped[int] = mapped_column(BigInteger)
    """From their requests to their deliveries, summed."""
    payment_days: Mapped[int] = mapped_column(BigInteger)
    """From the payout to the payment, weighted with the principal that came back."""


class DaySum(Flows, Base):
    """The flows of a past day: of the whole book (key 0), a supplier or a purchaser. A day on which nothing happened
    has no row, but the last one that was summed has one of the book."""

    __tablename__ = "day_sums"
    __table_args__ = (CheckConstraint("kind IN ('book', 'supplier', 'purchaser')", name="kind_known"),)

    kind: Mapped[Code] = mapped_column(primary_key=True)
    key: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)


class DueSum(Base):
    """The kept positions of a day by due date: of the whole book (key 0), a supplier or a purchaser."""

    __tablename__ = "due_sums"
    __table_args__ = (CheckConstraint("kind IN ('book', 'supplier', 'purchaser')", name="kind_known"),)

    day: Mapped[date] = mapped_column(ForeignKey("position_days.day", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[Code] = mapped_column(primary_key=True)
    key: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    due_date: Mapped[date] = mapped_column(primary_key=True)
    loans: Mapped[int]
    term: Mapped[Money]
    purchaser_term: Mapped[Money]


class DebtorSum(Base):
    """The kept positions of a day on which something is owed, by who owes it, with what is provided for each at one of
    the day's shares."""

    __tablename__ = "debtor_sums"

    day: Mapped[date] = mapped_column(ForeignKey("position_days.day", ondelete="CASCADE"), primary_key=True)
    share: Mapped[Decimal] = mapped_column(Numeric, primary_key=True)
    debtor_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    loans: Mapped[int]
    principal: Mapped[Money]
    live: Mapped[Money]
    provision: Mapped[Money]
