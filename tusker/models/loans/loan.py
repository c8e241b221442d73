"""The disbursed invoice as a debt, the money that came in, and its allocation.

Rows of money carry two dates: the value date, from which they count, and `booked_on`, the business day on which they
were written. What was owed as seen on a past day comes from the rows booked until then. Nothing is changed or
deleted to undo a row: a contra row with the opposite amounts refers to it.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, CheckConstraint, FetchedValue, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tusker.domain.loans.interest import Deduction
from tusker.models.columns import Code, DebtParts, Instant, Money, Numbered, no_two, one_of, searched
from tusker.models.credit.customer import Customer
from tusker.models.credit.invoice import Invoice
from tusker.models.payout.disbursal import Disbursal

if TYPE_CHECKING:
    from tusker.domain.loans.extensions import DueMove
    from tusker.models.loans.adjustment import Adjustment, Relief


class Loan(Numbered):
    """A debt on the terms frozen on its invoice. `open_principal` is the part that is not yet repaid."""

    __tablename__ = "loans"
    __table_args__ = (
        CheckConstraint("open_principal >= 0 AND open_principal <= principal", name="open_principal_range"),
        CheckConstraint("principal > 0 AND fee >= 0", name="amounts_positive"),
        CheckConstraint(
            "deducted_interest >= 0 AND deducted_fee >= 0 AND deducted_interest + deducted_fee < principal",
            name="deduction_range",
        ),
        CheckConstraint("due_date > start_date", name="dates_in_order"),
        CheckConstraint("btrim(platform_reference) <> ''", name="platform_reference_not_blank"),
        no_two("uq_loans_one_live", "invoice_id", where="reversed_on IS NULL"),
        Index("ix_loans_open_debtor", "debtor_id", "due_date", postgresql_where="closed_on IS NULL"),
        *(
            index
            for side in ("supplier", "purchaser")
            for index in (
                Index(
                    f"ix_loans_open_{side}",
                    *(f"{side}_id", "due_date", "id"),
                    postgresql_where="closed_on IS NULL",
                ),
                Index(
                    f"ix_loans_closed_{side}",
                    *(f"{side}_id", "closed_on", "id"),
                    postgresql_where="closed_on IS NOT NULL",
                ),
            )
        ),
        Index(
            "ix_loans_closed_face",
            "purchaser_id",
            postgresql_where="face_open <> 0 AND closed_on IS NOT NULL",
        ),
        Index("ix_loans_reversed_on", "reversed_on", postgresql_where="reversed_on IS NOT NULL"),
        Index("ix_loans_open_due", "due_date", "id", postgresql_where="closed_on IS NULL"),
        Index("ix_loans_principal_id", "principal", "id", postgresql_where="closed_on IS NULL"),
        *(searched("loans", name) for name in ("reference", "platform_reference")),
        Index(
            "ix_loans_to_collect",
            "invoice_id",
            postgresql_where="face_open > 0 AND closed_on IS NOT NULL AND reversed_on IS NULL",
        ),
    )

    reference: Mapped[str] = mapped_column(String(40), unique=True)
    """The loan id that people and the bank see."""
    platform_reference: Mapped[str | None] = mapped_column(String(60), index=True)
    """The lending platform's own loan id, where it gave one; it may be the same for several invoices."""
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoices.id"), index=True)
    disbursal_id: Mapped[int] = mapped_column(ForeignKey("disbursals.id"), index=True)
    principal: Mapped[Money]
    open_principal: Mapped[Money]
    fee: Mapped[Money]
    deducted_interest: Mapped[Money] = mapped_column(server_default="0")
    deducted_fee: Mapped[Money] = mapped_column(server_default="0")
    start_date: Mapped[date]
    due_date: Mapped[date]
    first_due_date: Mapped[date | None]
    """The due date that it began with, where it was moved since, by relief that may be undone."""
    booked_on: Mapped[date] = mapped_column(index=True)
    closed_on: Mapped[date | None] = mapped_column(index=True)
    """The business day on which nothing of it was open any more: repaid, written off or its payout undone."""
    written_off_on: Mapped[date | None]
    reversed_on: Mapped[date | None]
    """The business day on which its payout was undone."""
    recourse_on: Mapped[date | None]
    """Since when the supplier owes it in place of the purchaser."""
    debtor_id: Mapped[int] = mapped_column(BigInteger, server_default="0", server_onupdate=FetchedValue())
    """Who owes it; a trigger keeps this, and whose it is."""
    supplier_id: Mapped[int] = mapped_column(BigInteger, server_default="0", server_onupdate=FetchedValue())
    purchaser_id: Mapped[int] = mapped_column(BigInteger, server_default="0", server_onupdate=FetchedValue())
    face_open: Mapped[int | None] = mapped_column(BigInteger)
    """What the purchaser has still to pay of the invoice's value, where it pays the face value; NULL where it pays
    the debt. Negative where a credit note came after it had paid in full."""

    invoice: Mapped[Invoice] = relationship(lazy="select")
    disbursal: Mapped[Disbursal] = relationship(lazy="select")
    allocations: Mapped[list[Allocation]] = relationship(order_by="Allocation.id", lazy="select")
    adjustments: Mapped[list[Adjustment]] = relationship(order_by="Adjustment.id", lazy="select")
    reliefs: Mapped[list[Relief]] = relationship(order_by="Relief.id", lazy="select")

    @property
    def reductions(self) -> list[Allocation | Adjustment]:
        """What lowered the debt, contra rows included: what money paid, then what adjusted it."""
        return [*self.allocations, *self.adjustments]

    @property
    def standing(self) -> list[Allocation | Adjustment]:
        """Those of the reductions that are neither undone nor contra rows."""
        rows = self.reductions
        undone = {(type(row), row.reverses_id) for row in rows}
        return [row for row in rows if row.reverses_id is None and (type(row), row.id) not in undone]

    @property
    def moves(self) -> list[DueMove]:
        """How its due date was moved, without what was undone; asks the database only where it was moved once."""
        if self.first_due_date is None:
            return []
        return [row.move for row in self.reliefs if row.due_date is not None and row.stands]

    @property
    def given_up(self) -> list[Adjustment]:
        """The rows that stand of its write-off and of what came in since; none where it was not written off."""
        return [row for row in self.standing_adjustments if row.kind in ("write_off", "recovery")]

    @property
    def standing_adjustments(self) -> list[Adjustment]:
        """What changed it without money, without rows that were undone."""
        undone = {row.reverses_id for row in self.adjustments}
        return [row for row in self.adjustments if row.reverses_id is None and row.id not in undone]

    def change_face(self, by: int) -> None:
        """Change what the purchaser has still to pay of the invoice where it pays the face value; a debt has none."""
        if self.face_open is not None:
            self.face_open += by

    @property
    def deducted(self) -> Deduction:
        """What was kept back from the payout."""
        return Deduction(self.deducted_interest, self.deducted_fee)


class ReceiptKind(StrEnum):
    """Money that came in; its contra row; what was left of it paid back; or such a refund that came back."""

    PAYMENT = "payment"
    REVERSAL = "reversal"
    REFUND = "refund"
    RETURNED = "returned"


class Receipt(Numbered):
    """Money that came in from a customer, or that was netted from a payout to it. What is not allocated is the
    customer's credit; where a payment bounced after a part of it was paid back, that part is owed by the customer.

    A reversal or refund is a row of its own with a negative amount, `of_receipt_id` naming the payment it is about. A
    refund that came back has a contra row, positive, which names the refund too. A reference is used once for each
    payer, and is free again when its row was undone.
    """

    __tablename__ = "receipts"
    __table_args__ = (
        one_of("kind", ReceiptKind),
        CheckConstraint(
            "(kind IN ('payment', 'returned')) = (amount > 0) AND amount <> 0", name="amount_sign"
        ),
        CheckConstraint("(kind = 'payment') = (of_receipt_id IS NULL)", name="contra_names_payment"),
        CheckConstraint("(kind = 'returned') = (reverses_id IS NOT NULL)", name="return_names_refund"),
        CheckConstraint("reversed_on IS NULL OR kind IN ('payment', 'refund')", name="only_money_is_undone"),
        no_two(
            "uq_receipts_reference",
            "customer_id",
            "bank_reference",
            where="kind IN ('payment', 'refund') AND reversed_on IS NULL",
        ),
        searched("receipts", "bank_reference"),
        Index("ix_receipts_refunds", "of_receipt_id", postgresql_where="kind = 'refund'"),
        Index("ix_receipts_customer_id_id", "customer_id", "id"),
        Index("ix_receipts_value_date_id", "value_date", "id"),
        Index("ix_receipts_amount_id", "amount", "id"),
        Index("ix_receipts_kind_id", "kind", "id"),
        Index("ix_receipts_reversed", "id", postgresql_where="reversed_on IS NOT NULL"),
        no_two("uq_receipts_one_return", "reverses_id"),
        CheckConstraint("btrim(bank_reference) <> ''", name="reference_not_blank"),
        CheckConstraint("netted_payout_id IS NULL OR kind = 'payment'", name="netting_is_payment"),
        no_two("uq_receipts_one_reversal", "of_receipt_id", where="kind = 'reversal'"),
        no_two("uq_receipts_netted_payout_id", "netted_payout_id", where="undone_claim_id IS NULL"),
        no_two("uq_receipts_undone_claim", "netted_payout_id", "undone_claim_id"),
    )

    kind: Mapped[Code] = mapped_column(String(40), server_default="payment")
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    of_receipt_id: Mapped[int | None] = mapped_column(ForeignKey("receipts.id"), index=True)
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("receipts.id"))
    """The refund that came back."""
    reversed_on: Mapped[date | None]
    """The business day on which a payment was undone or a refund came back."""
    bank_reference: Mapped[str] = mapped_column(String(60), index=True)
    value_date: Mapped[date]
    booked_on: Mapped[date]
    amount: Mapped[Money]
    reason: Mapped[str] = mapped_column(String(500), server_default="")
    recorded_at: Mapped[Instant]
    recorded_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    netted_payout_id: Mapped[int | None] = mapped_column(
        ForeignKey("payouts.id", use_alter=True, name="fk_receipts_netted_payout_id")
    )
    """The payout that it was kept back from; NULL where the bank received it."""
    undone_claim_id: Mapped[int | None] = mapped_column(
        ForeignKey("claims.id", use_alter=True, name="fk_receipts_undone_claim_id")
    )
    """The claim of that payout whose credit note was undone since: so much is the supplier's credit."""

    customer: Mapped[Customer] = relationship(lazy="select")
    allocations: Mapped[list[Allocation]] = relationship(order_by="Allocation.id", lazy="select")
    contras: Mapped[list[Receipt]] = relationship(
        foreign_keys=[of_receipt_id], order_by="Receipt.id", lazy="select"
    )

    @property
    def payment_id(self) -> int:
        """The payment that it is, or that it is about."""
        return self.of_receipt_id or self.id


class Allocation(DebtParts, Numbered):
    """The part of a receipt that paid one loan, by component; `reverses_id` marks a contra row.

    Interest is negative where interest deducted at payout was given back for an early repayment.
    """

    __tablename__ = "allocations"
    __table_args__ = (
        CheckConstraint(
            "reverses_id IS NOT NULL OR penalty >= 0 AND fee >= 0 AND principal >= 0"
            " AND penalty + fee + interest + principal >= 0",
            name="amounts_positive",
        ),
        no_two("uq_allocations_one_reversal", "reverses_id"),
        Index("ix_allocations_booked_on", "booked_on", postgresql_using="brin"),
    )

    receipt_id: Mapped[int] = mapped_column(ForeignKey("receipts.id"), index=True)
    loan_id: Mapped[int] = mapped_column(ForeignKey("loans.id"), index=True)
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("allocations.id"))
    laid_from_id: Mapped[int | None] = mapped_column(ForeignKey("allocations.id"))
    """The row as the payment came, in those that lay it again because the due date was moved and in the contra rows of
    what they replace."""

    receipt: Mapped[Receipt] = relationship(back_populates="allocations", lazy="joined", innerjoin=True)
    loan: Mapped[Loan] = relationship(back_populates="allocations", lazy="select")
