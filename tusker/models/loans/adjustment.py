"""What changes a debt without money, written off, recovered after that, waived or rounded off; and relief."""

from datetime import date
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tusker.domain.loans.extensions import DueMove
from tusker.domain.status import Status, Tone, Worded
from tusker.messages import say
from tusker.models.columns import Code, DebtParts, Instant, Money, Numbered, no_two, one_of
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


class ReliefKind(StrEnum):
    """Charges given up in part or whole, or a due date moved to another day."""

    WAIVER = "waiver"
    EXTENSION = "extension"


class ReliefState(Status):
    """It counts until it is undone."""

    ACCEPTED = "accepted", Tone.GREEN
    UNDONE = "undone", Tone.GREY


class Relief(Numbered):
    """What an admin grants on a loan, in minor units: parts of its charges as of a value date, or another due date.

    A waiver has its adjustment, which carries the money: what of the waived parts arises by the due date that stands.
    That is undone where nothing of them does. An extension counts from `booked_on` until it is undone; only the latest
    of a loan can be, so that those that stand lead from the first due date to the present one.
    """

    __tablename__ = "reliefs"
    __table_args__ = (
        one_of("kind", ReliefKind),
        one_of("state", ReliefState),
        CheckConstraint(
            "CASE kind WHEN 'waiver' THEN penalty >= 0 AND fee >= 0 AND interest >= 0 AND penalty + fee + interest > 0"
            " AND value_date IS NOT NULL AND due_date IS NULL AND due_before IS NULL"
            " ELSE penalty = 0 AND fee = 0 AND interest = 0 AND value_date IS NULL AND due_date IS NOT NULL"
            " AND due_before IS NOT NULL AND due_date <> due_before END",
            name="what_it_grants",
        ),
        CheckConstraint("gives_up >= 0", name="gives_up_not_negative"),
        CheckConstraint("(state = 'undone') = (undone_on IS NOT NULL)", name="undone_complete"),
        CheckConstraint("(adjustment_id IS NOT NULL) = (kind = 'waiver')", name="waiver_has_row"),
        CheckConstraint(
            "NOT second_admin OR decided_by IS NOT NULL AND proposed_by IS NOT NULL AND decided_by <> proposed_by",
            name="maker_is_not_approver",
        ),
        no_two("uq_reliefs_adjustment_id", "adjustment_id"),
        Index("ix_reliefs_loan_id", "loan_id", "id"),
    )

    loan_id: Mapped[int] = mapped_column(ForeignKey("loans.id"))
    kind: Mapped[Code]
    state: Mapped[ReliefState]
    penalty: Mapped[Money] = mapped_column(default=0)
    fee: Mapped[Money] = mapped_column(default=0)
    interest: Mapped[Money] = mapped_column(default=0)
    value_date: Mapped[date | None]
    due_before: Mapped[date | None]
    due_date: Mapped[date | None]
    with_interest: Mapped[bool] = mapped_column(default=True)
    """Whether interest is charged for the days by which the due date is moved."""
    gives_up: Mapped[Money]
    """What the lender gives up by it: what counts of what it waives, or by how much less is owed on the new due
    date."""
    reason: Mapped[str] = mapped_column(String(500))
    second_admin: Mapped[bool] = mapped_column(default=False)
    """Whether another admin than who proposed it accepted it."""
    proposed_at: Mapped[Instant]
    proposed_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[Instant]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    booked_on: Mapped[date]
    """The business day from which it counts."""
    adjustment_id: Mapped[int | None] = mapped_column(ForeignKey("adjustments.id"))
    undone_on: Mapped[date | None]
    decision_reason: Mapped[str] = mapped_column(String(500), default="")
    """Why it was undone."""

    loan: Mapped[Loan] = relationship(back_populates="reliefs", lazy="select")
    adjustment: Mapped[Adjustment | None] = relationship(lazy="select")

    @property
    def move(self) -> DueMove:
        """An extension as the domain's value; raises LookupError for a waiver."""
        if self.due_date is None:
            raise LookupError("a waiver moves no due date")
        return DueMove(self.due_date, self.with_interest)

    @property
    def stands(self) -> bool:
        return self.state == ReliefState.ACCEPTED
