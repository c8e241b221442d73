"""The disbursed invoice as a debt, the money that came in, and its allocation."""

from __future__ import annotations

from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tusker.extensions import db
from tusker.models.columns import Id, Instant, Money
from tusker.models.customer import Customer
from tusker.models.disbursal import Disbursal
from tusker.models.invoice import Invoice


class Loan(db.Model):
    """A debt on the terms frozen on its invoice. `open_principal` is what of it is not yet repaid."""

    __tablename__ = "loans"
    __table_args__ = (
        CheckConstraint("open_principal >= 0 AND open_principal <= principal", name="open_principal_range"),
        CheckConstraint("principal > 0 AND fee >= 0", name="amounts_positive"),
        CheckConstraint("due_date > start_date", name="dates_in_order"),
        Index("ix_loans_open_due", "due_date", "id", postgresql_where="closed_on IS NULL"),
        Index("ix_loans_disbursal_id", "disbursal_id"),
    )

    id: Mapped[Id]
    reference: Mapped[str] = mapped_column(String(40), unique=True)
    """The loan id that people and the bank see."""
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoices.id"), unique=True)
    disbursal_id: Mapped[int] = mapped_column(ForeignKey("disbursals.id"))
    principal: Mapped[Money]
    open_principal: Mapped[Money]
    fee: Mapped[Money]
    start_date: Mapped[date]
    due_date: Mapped[date]
    closed_on: Mapped[date | None]

    invoice: Mapped[Invoice] = relationship(lazy="select")
    disbursal: Mapped[Disbursal] = relationship(lazy="select")
    allocations: Mapped[list[Allocation]] = relationship(order_by="Allocation.id", lazy="select")


class Receipt(db.Model):
    """Money that came in from a customer. What is not allocated is the customer's credit."""

    __tablename__ = "receipts"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("btrim(bank_reference) <> ''", name="reference_not_blank"),
        Index("ix_receipts_customer_id", "customer_id"),
    )

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    bank_reference: Mapped[str] = mapped_column(String(60), unique=True)
    value_date: Mapped[date]
    amount: Mapped[Money]
    recorded_at: Mapped[Instant]
    recorded_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))

    customer: Mapped[Customer] = relationship(lazy="select")
    allocations: Mapped[list[Allocation]] = relationship(order_by="Allocation.id", lazy="select")


class Allocation(db.Model):
    """The part of a receipt that paid one loan, by component."""

    __tablename__ = "allocations"
    __table_args__ = (
        CheckConstraint(
            "penalty >= 0 AND fee >= 0 AND interest >= 0 AND principal >= 0"
            " AND penalty + fee + interest + principal > 0",
            name="amounts_positive",
        ),
        Index("ix_allocations_loan_id", "loan_id"),
        Index("ix_allocations_receipt_id", "receipt_id"),
    )

    id: Mapped[Id]
    receipt_id: Mapped[int] = mapped_column(ForeignKey("receipts.id"))
    loan_id: Mapped[int] = mapped_column(ForeignKey("loans.id"))
    penalty: Mapped[Money]
    fee: Mapped[Money]
    interest: Mapped[Money]
    principal: Mapped[Money]

    receipt: Mapped[Receipt] = relationship(back_populates="allocations", lazy="joined", innerjoin=True)
    loan: Mapped[Loan] = relationship(back_populates="allocations", lazy="select")
