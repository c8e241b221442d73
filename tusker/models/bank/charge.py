"""What banks keep out of payments: the lender's cost."""

from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from tusker.models.columns import Instant, Money, Numbered, no_two


class BankCharge(Numbered):
    """What a bank kept out of a receipt, or took with a payout or out of one that came back.

    It changes neither what the payer paid nor what the supplier was paid. A contra row is negative and names what it
    undoes.
    """

    __tablename__ = "bank_charges"
    __table_args__ = (
        CheckConstraint("(receipt_id IS NULL) <> (payout_id IS NULL)", name="of_one_payment"),
        CheckConstraint("(reverses_id IS NULL) = (amount > 0) AND amount <> 0", name="amount_sign"),
        no_two("uq_bank_charges_one_reversal", "reverses_id"),
        Index("ix_bank_charges_booked_on", "booked_on", "id"),
    )

    receipt_id: Mapped[int | None] = mapped_column(ForeignKey("receipts.id"), index=True)
    payout_id: Mapped[int | None] = mapped_column(ForeignKey("payouts.id"), index=True)
    statement_entry_id: Mapped[int | None] = mapped_column(ForeignKey("statement_entries.id"))
    """The statement's entry that it is a part of; NULL when a person recorded it."""
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("bank_charges.id"))
    amount: Mapped[Money]
    value_date: Mapped[date]
    booked_on: Mapped[date]
    at: Mapped[Instant]
    recorded_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    reason: Mapped[str] = mapped_column(String(500))
