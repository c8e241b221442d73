"""Money that the lender holds for a supplier, and the disbursals that pay it."""

from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tusker.models.columns import Instant, Money, Numbered, no_two, one_of
from tusker.models.credit.invoice import Invoice
from tusker.models.loans.loan import Receipt
from tusker.models.payout.disbursal import Disbursal, LineState, Payout


class Payable(Numbered):
    """The part of a purchaser's payment of an invoice beyond the debt: it is the supplier's and is paid with the next
    disbursal.

    A contra row is negative and names what it undoes. `open_amount` is the part that was neither paid nor undone.
    """

    __tablename__ = "payables"
    __table_args__ = (
        CheckConstraint("(reverses_id IS NULL) = (amount > 0) AND amount <> 0", name="amount_sign"),
        CheckConstraint("open_amount >= 0 AND open_amount <= greatest(amount, 0)", name="open_amount_range"),
        no_two("uq_payables_one_reversal", "reverses_id"),
        Index("ix_payables_open", "supplier_id", "id", postgresql_where="open_amount > 0"),
    )

    supplier_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoices.id"), index=True)
    receipt_id: Mapped[int] = mapped_column(ForeignKey("receipts.id"), index=True)
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("payables.id"))
    amount: Mapped[Money]
    open_amount: Mapped[Money]
    value_date: Mapped[date]
    booked_on: Mapped[date]
    at: Mapped[Instant]

    invoice: Mapped[Invoice] = relationship(lazy="select")
    receipt: Mapped[Receipt] = relationship(lazy="select")


class PayableLine(Numbered):
    """A payable's place in a disbursal. It is in at most one live disbursal."""

    __tablename__ = "payable_lines"
    __table_args__ = (
        one_of("state", LineState),
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("(state = 'removed') = (reason IS NOT NULL)", name="removal_has_reason"),
        CheckConstraint("state <> 'paid' OR payout_id IS NOT NULL", name="paid_by_a_payout"),
        UniqueConstraint("disbursal_id", "payable_id"),
        no_two("uq_payable_lines_one_live", "payable_id", where="state <> 'removed'"),
    )

    disbursal_id: Mapped[int] = mapped_column(ForeignKey("disbursals.id"))
    payable_id: Mapped[int] = mapped_column(ForeignKey("payables.id"))
    amount: Mapped[Money]
    state: Mapped[LineState]
    reason: Mapped[str | None] = mapped_column(String(500))
    payout_id: Mapped[int | None] = mapped_column(ForeignKey("payouts.id"), index=True)
    """The credit transfer that pays it, from the release on."""
    booked_on: Mapped[date | None]
    """The business day on which the bank confirmed that it left."""

    disbursal: Mapped[Disbursal] = relationship(lazy="select")
    payable: Mapped[Payable] = relationship(lazy="select")
    payout: Mapped[Payout | None] = relationship(lazy="select")
