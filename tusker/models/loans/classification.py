"""What the days past due of a loan bring: the state of loans and customers at the end of each day, and mails."""

from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tusker.domain.loans.classification import AssetClass
from tusker.models.columns import Instant, Numbered, one_of


class Classification(Numbered):
    """The state of a borrower, or of one of its loans, from the end of a day on; the next row says until when."""

    __tablename__ = "classifications"
    __table_args__ = (
        one_of("state", AssetClass),
        CheckConstraint("days_past_due >= 0", name="days_not_negative"),
        CheckConstraint(
            "(state IN ('substandard', 'doubtful')) = (npa_since IS NOT NULL) AND npa_since <= day",
            name="npa_since_complete",
        ),
        Index(
            "uq_classifications_one_a_day",
            "customer_id",
            "loan_id",
            "day",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_classifications_loan_id_day", "loan_id", "day"),
    )

    day: Mapped[date]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    """Who owed it."""
    loan_id: Mapped[int | None] = mapped_column(ForeignKey("loans.id"))
    """NULL where it is the borrower's own."""
    state: Mapped[AssetClass]
    days_past_due: Mapped[int]
    npa_since: Mapped[date | None]
    recorded_at: Mapped[Instant]


class Reminder(Numbered):
    """A mail about a due date, sent once for each due date of a loan and distance from it in days."""

    __tablename__ = "reminders"
    __table_args__ = (UniqueConstraint("loan_id", "due_date", "days_past_due"),)

    loan_id: Mapped[int] = mapped_column(ForeignKey("loans.id"))
    due_date: Mapped[date]
    days_past_due: Mapped[int]
    """Negative before the due date."""
    sent_on: Mapped[date]
