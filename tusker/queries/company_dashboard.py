"""What a supplier or a purchaser sees first: its limits and the money that was paid out to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import NotNullable, func, select
from sqlalchemy.orm import InstrumentedAttribute

from tusker.domain.limits import LimitUse
from tusker.extensions import db
from tusker.models import (
    CreditLine,
    Customer,
    Disbursal,
    DisbursalLine,
    DisbursalStatus,
    Invoice,
    LineState,
    PurchaserAccount,
    SupplierAccount,
)


@dataclass(frozen=True, slots=True)
class LineUse:
    """A credit line with the company at its other end."""

    line_id: int
    partner: str
    status: str
    valid_from: date
    valid_to: date | None
    use: LimitUse


@dataclass(frozen=True, slots=True)
class PaidOut:
    """A confirmed disbursal as one supplier sees it: only its own invoices count; principal in minor units."""

    disbursal_id: int
    reference: str
    bank_reference: str
    value_date: date
    invoices: int
    principal: int


def limit_of_supplier(customer_id: int) -> LimitUse | None:
    """The company's own limit as supplier; None when it is not one."""
    account = db.session.get(SupplierAccount, customer_id, populate_existing=True)
    return LimitUse(account.limit_amount, account.used_amount) if account else None


def limit_of_purchaser(customer_id: int) -> LimitUse | None:
    """The company's own limit as purchaser; None when it is not one."""
    account = db.session.get(PurchaserAccount, customer_id, populate_existing=True)
    return LimitUse(account.limit_amount, account.used_amount) if account else None


def lines_of_supplier(supplier_id: int) -> list[LineUse]:
    """The supplier's credit lines by the purchaser's name."""
    return _lines(CreditLine.supplier_id, supplier_id, CreditLine.purchaser_id)


def lines_of_purchaser(purchaser_id: int) -> list[LineUse]:
    """The purchaser's credit lines by the supplier's name."""
    return _lines(CreditLine.purchaser_id, purchaser_id, CreditLine.supplier_id)


def _lines(own: InstrumentedAttribute[int], own_id: int, other: InstrumentedAttribute[int]) -> list[LineUse]:
    rows = db.session.execute(
        select(
            CreditLine.id,
            Customer.name,
            CreditLine.status,
            CreditLine.valid_from,
            CreditLine.valid_to,
            CreditLine.limit_amount,
            CreditLine.used_amount,
        )
        .join(Customer, Customer.id == other)
        .where(own == own_id)
        .order_by(func.lower(Customer.name))
    )
    return [LineUse(*row[:5], LimitUse(row[5], row[6])) for row in rows]


def recent_payouts(supplier_id: int, *, limit: int) -> list[PaidOut]:
    """The last disbursals that held invoices of this supplier, the newest first."""
    rows = db.session.execute(
        select(
            Disbursal.id,
            Disbursal.reference,
            NotNullable(Disbursal.bank_reference),
            NotNullable(Disbursal.value_date),
            func.count(),
            func.sum(DisbursalLine.principal),
        )
        .join(DisbursalLine, DisbursalLine.disbursal_id == Disbursal.id)
        .join(Invoice, Invoice.id == DisbursalLine.invoice_id)
        .where(
            Invoice.supplier_id == supplier_id,
            DisbursalLine.state == LineState.PAID,
            Disbursal.status == DisbursalStatus.CONFIRMED,
        )
        .group_by(Disbursal.id)
        .order_by(Disbursal.value_date.desc(), Disbursal.id.desc())
        .limit(limit)
    )
    return [PaidOut(*row[:5], int(row[5])) for row in rows]
