"""What suppliers owe the lender."""

from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tusker.domain.status import Status, Tone
from tusker.models.columns import Instant, Money, Numbered, no_two, one_of
from tusker.models.credit.invoice import Invoice


class ClaimState(Status):
    """Only an `accepted` claim is netted; one in `review` waits for an admin, who accepts or dismisses it."""

    REVIEW = "review", Tone.ORANGE
    ACCEPTED = "accepted", Tone.GREEN
    DISMISSED = "dismissed", Tone.GREY


class Claim(Numbered):
    """What a supplier owes the lender, to be netted from its next payout: for a credit note, for a payable that was
    paid although its receipt was undone, for a payout that left although its invoices were paid out again, or for goods
    that came back after the payout (then with none of them)."""

    __tablename__ = "claims"
    __table_args__ = (
        CheckConstraint("amount > 0 AND open_amount >= 0 AND open_amount <= amount", name="amounts_range"),
        one_of("state", ClaimState),
        CheckConstraint("state <> 'dismissed' OR open_amount = 0", name="dismissed_claims_nothing"),
        CheckConstraint(
            "(state <> 'review' OR decided_at IS NULL) AND (state <> 'dismissed' OR decided_at IS NOT NULL)"
            " AND (decided_at IS NULL) = (decision_reason IS NULL)",
            name="decision_complete",
        ),
        Index(
            "ix_claims_open",
            "supplier_id",
            "id",
            postgresql_where="open_amount > 0 AND state = 'accepted'",
        ),
        Index("ix_claims_review", "id", postgresql_where="state = 'review'"),
        no_two(
            "uq_claims_one_return",
            "invoice_id",
            where="credit_note_id IS NULL AND payable_id IS NULL AND payout_id IS NULL",
        ),
        CheckConstraint("num_nonnulls(credit_note_id, payable_id, payout_id) <= 1", name="one_cause"),
    )

    supplier_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoices.id"))
    credit_note_id: Mapped[int | None] = mapped_column(ForeignKey("credit_notes.id"), unique=True)
    payable_id: Mapped[int | None] = mapped_column(
        ForeignKey("payables.id", use_alter=True, name="fk_claims_payable_id"), unique=True
    )
    payout_id: Mapped[int | None] = mapped_column(
        ForeignKey("payouts.id", use_alter=True, name="fk_claims_payout_id"), unique=True
    )
    """The payout that was taken for rejected and left after all."""
    state: Mapped[ClaimState] = mapped_column(default=ClaimState.ACCEPTED, server_default=ClaimState.ACCEPTED)
    amount: Mapped[Money]
    open_amount: Mapped[Money]
    at: Mapped[Instant]
    booked_on: Mapped[date]
    decided_at: Mapped[Instant | None]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    decision_reason: Mapped[str | None] = mapped_column(String(500))

    @property
    def is_for_goods(self) -> bool:
        """Whether it is for goods that came back."""
        return self.credit_note_id is None and self.payable_id is None and self.payout_id is None

    invoice: Mapped[Invoice] = relationship(lazy="select")


class ClaimSettlement(Numbered):
    """The part of a claim that was netted from one payout. Contra rows are negative."""

    __tablename__ = "claim_settlements"
    __table_args__ = (CheckConstraint("amount <> 0", name="amount_not_zero"),)

    claim_id: Mapped[int] = mapped_column(ForeignKey("claims.id"), index=True)
    disbursal_id: Mapped[int] = mapped_column(ForeignKey("disbursals.id"), index=True)
    amount: Mapped[Money]
    booked_on: Mapped[date]
