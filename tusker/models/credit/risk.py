"""Risk rules with their history, and the invoices whose hold an admin released."""

from datetime import date

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from tusker.domain.credit.risk import Rule, RuleKind, Scope
from tusker.models.columns import Instant, Numbered, one_of


class RiskRule(Numbered):
    """A bound for everything, or for one supplier, purchaser or credit line. A row is never changed but for its end:
    another bound is another row."""

    __tablename__ = "risk_rules"
    __table_args__ = (
        one_of("scope", Scope),
        one_of("kind", RuleKind),
        CheckConstraint("(scope = 'installation') = (scope_id IS NULL)", name="scope_complete"),
        CheckConstraint(
            "value >= 0 AND (kind NOT IN ('share', 'group_share') OR value <= 10000)", name="value_range"
        ),
        CheckConstraint("valid_to >= valid_from", name="valid_dates_in_order"),
        CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="end_complete"),
        Index("ix_risk_rules_standing", "id", postgresql_where="ended_at IS NULL"),
    )

    scope: Mapped[Scope]
    scope_id: Mapped[int | None] = mapped_column(BigInteger)
    """The company or credit line that it is for."""
    kind: Mapped[RuleKind]
    value: Mapped[int] = mapped_column(BigInteger)
    """In the unit of its kind, see `RuleKind`."""
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    reason: Mapped[str] = mapped_column(String(500))
    made_at: Mapped[Instant]
    made_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    ended_at: Mapped[Instant | None]
    """When an admin ended it, or replaced it by another bound."""
    ended_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    end_reason: Mapped[str | None] = mapped_column(String(500))

    @property
    def rule(self) -> Rule:
        return Rule(RuleKind(self.kind), self.value, Scope(self.scope), self.scope_id)


class HoldRelease(Numbered):
    """That an invoice is paid out although certain holds stand against it."""

    __tablename__ = "hold_releases"
    __table_args__ = (
        CheckConstraint("cardinality(holds) > 0", name="holds_named"),
        CheckConstraint(
            "NOT second_admin OR made_by IS NOT NULL AND accepted_by IS NOT NULL AND made_by <> accepted_by",
            name="maker_is_not_approver",
        ),
    )

    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoices.id"), index=True)
    holds: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """The holds that it is released from, by their keys; one that comes later counts."""
    reason: Mapped[str] = mapped_column(String(500))
    second_admin: Mapped[bool]
    """Whether the installation asked for a second person when this was accepted."""
    made_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    accepted_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    at: Mapped[Instant]
