"""What changes a debt without money: written off, recovered after that, waived, rounded off."""

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tusker.domain.status import Worded
from tusker.messages import say
from tusker.models.columns import Code, DebtParts, Instant, Numbered, no_two, one_of
from tusker.models.loans.loan import Allocation, Loan


class AdjustmentKind(Worded):
    """`write_off` gives up all that was owed on its day; `recovery` takes back as much of that as an allocation then
    paid; `waiver` gives a part up while the loan stands; `rounding` what is too little to be asked for."""

    WRITE_OFF = "write_off", say("written off")
    RECOVERY = "recovery", say("recovered")
    WAIVER = "waiver", say("waived")
    ROUNDING = "rounding", say("rounded off")


class Adjustment(DebtParts, Numbered):
    """A row that lowers what is owed on a loan from its value date on, by component in minor units, as a payment does.

    A contra row has the opposite amounts and names what it undoes; a recovery is negative and names the allocation
    that it balances, so that money that comes after a write-off leaves the debt at nothing. Rounding names the
    allocation that left so little, and is undone with it.
    """

    __tablename__ = "adjustments"
    __table_args__ = (
        one_of("kind", AdjustmentKind),
        CheckConstraint(
            "(kind IN ('recovery', 'rounding')) = (allocation_id IS NOT NULL)", name="recovery_of_allocation"
        ),
        CheckConstraint(
            "reverses_id IS NOT NULL OR kind IN ('write_off', 'recovery', 'rounding')"
            " OR (penalty >= 0 AND fee >= 0 AND interest >= 0 AND principal >= 0)",
            name="amounts_positive",
        ),
        CheckConstraint("penalty <> 0 OR fee <> 0 OR interest <> 0 OR principal <> 0", name="not_empty"),
        no_two("uq_adjustments_one_reversal", "reverses_id"),
        Index("ix_adjustments_booked_on", "booked_on", postgresql_using="brin"),
        no_two("uq_adjustments_one_recovery", "allocation_id", where="reverses_id IS NULL"),
    )

    loan_id: Mapped[int] = mapped_column(ForeignKey("loans.id"), index=True)
    kind: Mapped[Code]
    allocation_id: Mapped[int | None] = mapped_column(ForeignKey("allocations.id"))
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("adjustments.id"))
    reason: Mapped[str] = mapped_column(String(500))
    recorded_at: Mapped[Instant]
    recorded_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))

    loan: Mapped[Loan] = relationship(back_populates="adjustments", lazy="select")
    allocation: Mapped[Allocation | None] = relationship(lazy="select")

    @property
    def words(self) -> str:
        """What it did."""
        words = AdjustmentKind(self.kind).words
        return words if self.reverses_id is None else say("{what}, undone", what=words)
