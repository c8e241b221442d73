"""What receipts paid, loan by loan, and the loans that an allocation may name."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import aliased

from tusker.extensions import db
from tusker.models import Adjustment, AdjustmentKind, Allocation, Invoice, Loan, Receipt
from tusker.queries.columns import PURCHASER, SUPPLIER, columns_of


@dataclass(frozen=True, slots=True)
class AllocationRow:
    """The part of a receipt that paid one loan, or the contra row of such a part; money in minor units."""

    id: int
    reverses_id: int | None
    loan_id: int
    loan: str
    invoice_id: int
    number: str
    supplier: str
    purchaser: str
    value_date: date
    booked_on: date
    penalty: int
    fee: int
    interest: int
    principal: int
    undone: bool
    recovery: bool
    """Whether it came on a loan that was written off, which stands."""

    @property
    def total(self) -> int:
        return self.penalty + self.fee + self.interest + self.principal


@dataclass(frozen=True, slots=True)
class LoanFace:
    """What a list says of a loan besides its figures."""

    loan_id: int
    reference: str
    supplier: str
    purchaser: str


def receipt_allocations(receipt_id: int) -> list[AllocationRow]:
    """What a payment paid, with the contra rows, as they were written."""
    contra, taken_back = aliased(Allocation), aliased(Adjustment)
    rows = db.session.execute(
        select(
            *columns_of(Allocation, AllocationRow),
            Loan.reference.label("loan"),
            Invoice.id.label("invoice_id"),
            Invoice.number,
            SUPPLIER.name.label("supplier"),
            PURCHASER.name.label("purchaser"),
            select(contra.id).where(contra.reverses_id == Allocation.id).exists().label("undone"),
            select(Adjustment.id)
            .where(
                Adjustment.allocation_id == Allocation.id,
                Adjustment.kind == AdjustmentKind.RECOVERY,
                Adjustment.reverses_id.is_(None),
                ~select(taken_back.id).where(taken_back.reverses_id == Adjustment.id).exists(),
            )
            .exists()
            .label("recovery"),
        )
        .join(Loan, Loan.id == Allocation.loan_id)
        .join(Invoice, Invoice.id == Loan.invoice_id)
        .join(SUPPLIER, SUPPLIER.id == Invoice.supplier_id)
        .join(PURCHASER, PURCHASER.id == Invoice.purchaser_id)
        .where(Allocation.receipt_id == receipt_id)
        .order_by(Allocation.id)
    )
    return [AllocationRow(**row) for row in rows.mappings()]


def loan_faces(loan_ids: Collection[int]) -> dict[int, LoanFace]:
    """Reference and companies of some loans, by loan id."""
    rows = db.session.execute(
        select(Loan.id, Loan.reference, SUPPLIER.name, PURCHASER.name)
        .join(Invoice, Invoice.id == Loan.invoice_id)
        .join(SUPPLIER, SUPPLIER.id == Invoice.supplier_id)
        .join(PURCHASER, PURCHASER.id == Invoice.purchaser_id)
        .where(Loan.id.in_(loan_ids))
    )
    return {row[0]: LoanFace(*row) for row in rows}


def allocations_of(invoice_id: int) -> Sequence[Allocation]:
    """What was paid on the invoice's loan, each with its receipt, the oldest first."""
    return db.session.scalars(
        select(Allocation)
        .join(Loan, Loan.id == Allocation.loan_id)
        .join(Receipt, Receipt.id == Allocation.receipt_id)
        .where(Loan.invoice_id == invoice_id)
        .order_by(Receipt.value_date, Allocation.id)
    ).all()


def adjustments_of(invoice_id: int) -> Sequence[Adjustment]:
    """What changed what is owed on the invoice's loan without money, the oldest first."""
    return db.session.scalars(
        select(Adjustment)
        .join(Loan, Loan.id == Adjustment.loan_id)
        .where(Loan.invoice_id == invoice_id)
        .order_by(Adjustment.id)
    ).all()
