"""What a disbursal pays to each supplier: principal less what is deducted and less claims."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import BigInteger, cast, func, select

from tusker.domain.interest import Deduction, deduction_at_payout
from tusker.extensions import db
from tusker.models import (
    Claim,
    ClaimSettlement,
    DisbursalLine,
    DisbursalStatus,
    Invoice,
    LineState,
    Loan,
)


@dataclass(slots=True)
class SupplierPayout:
    """What one supplier gets, in minor units. `deductions` are by invoice id."""

    principal: int = 0
    interest: int = 0
    fee: int = 0
    claims: int = 0
    deductions: dict[int, Deduction] = field(default_factory=dict)

    @property
    def before_claims(self) -> int:
        """Principal less what is deducted."""
        return self.principal - self.interest - self.fee

    @property
    def net(self) -> int:
        """The amount to transfer."""
        return self.before_claims - self.claims

    def add(self, invoice_id: int, principal: int, deducted: Deduction) -> None:
        """Count one invoice in."""
        self.deductions[invoice_id] = deducted
        self.principal += principal
        self.interest += deducted.interest
        self.fee += deducted.fee


def payouts_of(disbursal_id: int, status: str, start: date) -> dict[int, SupplierPayout]:
    """Payouts by supplier id: what was paid, or of an open disbursal what would be if it were released on `start`.

    Of an undone disbursal: what had been paid. A dropped one pays nothing.
    """
    if status == DisbursalStatus.OPEN:
        return _to_be_paid(disbursal_id, start)
    return _paid(disbursal_id)


def _to_be_paid(disbursal_id: int, start: date) -> dict[int, SupplierPayout]:
    found: dict[int, SupplierPayout] = {}
    invoices = db.session.scalars(
        select(Invoice)
        .join(DisbursalLine, DisbursalLine.invoice_id == Invoice.id)
        .where(DisbursalLine.disbursal_id == disbursal_id, DisbursalLine.state == LineState.INCLUDED)
    )
    for invoice in invoices:
        deducted = deduction_at_payout(invoice.principal, invoice.terms, start)
        found.setdefault(invoice.supplier_id, SupplierPayout()).add(invoice.id, invoice.principal, deducted)
    claims = db.session.execute(
        select(Claim.supplier_id, cast(func.sum(Claim.open_amount), BigInteger))
        .where(Claim.supplier_id.in_(found), Claim.open_amount > 0)
        .group_by(Claim.supplier_id)
    )
    for supplier_id, amount in claims:
        found[supplier_id].claims = max(0, min(amount, found[supplier_id].before_claims))
    return found


def _paid(disbursal_id: int) -> dict[int, SupplierPayout]:
    found: dict[int, SupplierPayout] = {}
    loans = db.session.execute(
        select(
            Invoice.supplier_id, Loan.invoice_id, Loan.principal, Loan.deducted_interest, Loan.deducted_fee
        )
        .join(Invoice, Invoice.id == Loan.invoice_id)
        .where(Loan.disbursal_id == disbursal_id)
    )
    for supplier_id, invoice_id, principal, interest, fee in loans:
        found.setdefault(supplier_id, SupplierPayout()).add(invoice_id, principal, Deduction(interest, fee))
    # Contra rows of an undone payout are negative; what had been netted is the positive rows.
    claims = db.session.execute(
        select(Claim.supplier_id, cast(func.sum(ClaimSettlement.amount), BigInteger))
        .join(Claim, Claim.id == ClaimSettlement.claim_id)
        .where(ClaimSettlement.disbursal_id == disbursal_id, ClaimSettlement.amount > 0)
        .group_by(Claim.supplier_id)
    )
    for supplier_id, amount in claims:
        found[supplier_id].claims = amount
    return found
