"""What one company may read through `/api/v1`: the invoices and credit lines on either side of which it stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, or_, select, union_all
from sqlalchemy.orm import aliased

from tusker.domain.numbers import strict_form
from tusker.extensions import db
from tusker.models import CreditLine, Customer, Invoice, Loan, Shipment
from tusker.models.shipment import TRACKED
from tusker.queries.paging import NEWEST, Cursor, on_page, rows_of_page


@dataclass(frozen=True, slots=True)
class CompanyInvoice:
    """An invoice with the names on both sides and its shipment (None when it was refused)."""

    invoice: Invoice
    supplier: str
    purchaser: str
    shipment: Shipment | None


_supplier = aliased(Customer, flat=True)
_purchaser = aliased(Customer, flat=True)
_SIDES = (Invoice.supplier_id, Invoice.purchaser_id)


def company_invoices(
    company_id: int,
    *,
    status: str | None = None,
    number: str | None = None,
    loan: str | None = None,
    since: datetime | None = None,
    cursor: Cursor = NEWEST,
    limit: int,
) -> list[CompanyInvoice]:
    """A page of a company's invoices, the newest first."""
    # Each side by its own index; together with OR they would be read whole and sorted.
    pages = []
    for side in _SIDES:
        page = select(Invoice.id).where(side == company_id)
        if status is not None:
            page = page.where(Invoice.status == status)
        if number is not None:
            page = page.where(Invoice.number_strict == strict_form(number))
        if loan is not None:
            called = or_(Loan.reference == loan, Loan.platform_reference == loan)
            page = page.where(
                Invoice.id.in_(select(Loan.invoice_id).where(called, Loan.reversed_on.is_(None)))
            )
        if since is not None:
            page = page.where(Invoice.requested_at >= since)
        pages.append(on_page(page, Invoice.id, cursor, limit).subquery())
    ids = union_all(*(select(page.c.id) for page in pages))
    return _read(_invoices().where(Invoice.id.in_(ids)).order_by(Invoice.id.desc()).limit(limit))


def company_invoice(company_id: int, invoice_id: int) -> CompanyInvoice | None:
    """One invoice, if the company stands on either side of it."""
    found = _read(_invoices().where(Invoice.id == invoice_id, or_(*(side == company_id for side in _SIDES))))
    return found[0] if found else None


def company_lines(company_id: int, *, cursor: Cursor = NEWEST, limit: int) -> list[CreditLine]:
    """A page of a company's credit lines on either side, the newest first, with both companies loaded."""
    query = select(CreditLine).where(
        or_(CreditLine.supplier_id == company_id, CreditLine.purchaser_id == company_id)
    )
    return [line for (line,) in rows_of_page(query, CreditLine.id, cursor, limit)]


def _invoices() -> Select[Invoice, str, str, Shipment]:
    return (
        select(Invoice, _supplier.name, _purchaser.name, Shipment)
        .join(_supplier, _supplier.id == Invoice.supplier_id)
        .join(_purchaser, _purchaser.id == Invoice.purchaser_id)
        .outerjoin(Shipment, TRACKED)
        # Admission writes in SQL: what the session remembers of an invoice may be older than its row.
        .execution_options(populate_existing=True)
    )


def _read(query: Select[Invoice, str, str, Shipment]) -> list[CompanyInvoice]:
    return [CompanyInvoice(*row) for row in db.session.execute(query).unique()]
