"""Mails about due dates."""

from datetime import date

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tusker.models.columns import Numbered


class Reminder(Numbered):
    """A mail about a due date, sent once for each due date of a loan and distance from it in days."""

    __tablename__ = "reminders"
    __table_args__ = (UniqueConstraint("loan_id", "due_date", "days_past_due"),)

    loan_id: Mapped[int] = mapped_column(ForeignKey("loans.id"))
    due_date: Mapped[date]
    days_past_due: Mapped[int]
    """Negative before the due date."""
    sent_on: Mapped[date]
