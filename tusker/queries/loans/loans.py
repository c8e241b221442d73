"""What is owed, today or as it was seen on a past day. Every figure comes from `tusker.domain.interest.amount_due`.

A past day's figures come from the rows booked until then: what was recorded or undone later is not in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select, tuple_
from sqlalchemy.orm import aliased

from tusker.domain.interest import AmountDue, Debt, Paid, amount_at_term, amount_due
from tusker.domain.lifecycle import InvoiceStatus
from tusker.extensions import db
from tusker.models import Allocation, Customer, Invoice, Loan


@dataclass(frozen=True, slots=True)
class LoanRow:
    """A loan with what is owed on it live and at the end of its term; money in minor units."""

    loan_id: int
    reference: str
    invoice_id: int
    number: str
    supplier_id: int
    supplier: str
    purchaser_id: int
    purchaser: str
    principal: int
    open_principal: int
    start_date: date
    due_date: date
    booked_on: date
    closed_on: date | None
    ended_on: date | None
    """When it was written off or its payout undone: from then on nothing is owed."""
    recourse_on: date | None
    credit_line_id: int
    debt: Debt
    live: AmountDue
    term: AmountDue

    @property
    def closed_as(self) -> InvoiceStatus:
        """How a loan that is closed ended."""
        return InvoiceStatus.REPAID if self.ended_on is None else InvoiceStatus.WRITTEN_OFF

    @property
    def debtor_id(self) -> int:
        """Who owes it: the purchaser, or by recourse the supplier."""
        return self.purchaser_id if self.recourse_on is None else self.supplier_id


@dataclass(frozen=True, slots=True)
class LoanTotals:
    """Sums over open loans, in minor units."""

    count: int
    principal: int
    live: int
    term: int
    overdue_count: int
    overdue_live: int
    due_today_count: int
    due_today: int


_supplier = aliased(Customer)
_purchaser = aliased(Customer)


def open_loans(
    as_of: date,
    *,
    supplier_id: int | None = None,
    purchaser_id: int | None = None,
    search: str = "",
    due_until: date | None = None,
    after: tuple[date, int] | None = None,
    limit: int | None = None,
) -> list[LoanRow]:
    """Open loans, oldest due first. `after` is the (due date, loan id) of the last row of the page before."""
    query = _loans().where(*_owed_on(as_of)).order_by(Loan.due_date, Loan.id)
    if supplier_id is not None:
        query = query.where(Invoice.supplier_id == supplier_id)
    if purchaser_id is not None:
        query = query.where(Invoice.purchaser_id == purchaser_id)
    if due_until is not None:
        query = query.where(Loan.due_date <= due_until)
    if after is not None:
        query = query.where(tuple_(Loan.due_date, Loan.id) > after)
    if search.strip():
        query = query.where(_matches(search.strip()))
    return _rows(query.limit(limit), as_of)


def all_loans(
    as_of: date, *, supplier_id: int | None = None, purchaser_id: int | None = None
) -> list[LoanRow]:
    """All loans that were paid out until a day, closed and undone ones too, as seen on that day."""
    query = _loans().where(Loan.booked_on <= as_of).order_by(Loan.due_date, Loan.id)
    if supplier_id is not None:
        query = query.where(Invoice.supplier_id == supplier_id)
    if purchaser_id is not None:
        query = query.where(Invoice.purchaser_id == purchaser_id)
    return _rows(query, as_of)


def loan_of_invoice(invoice_id: int, as_of: date) -> LoanRow | None:
    """The loan of an invoice, open or closed; None before the disbursal and after it was undone."""
    rows = _rows(_loans().where(Invoice.id == invoice_id, *_paid_out_by(as_of)), as_of)
    return rows[0] if rows else None


def loans_of_invoices(invoice_ids: Iterable[int], as_of: date) -> dict[int, LoanRow]:
    """The loans of some invoices, by invoice id."""
    return {
        row.invoice_id: row
        for row in _rows(_loans().where(Invoice.id.in_(list(invoice_ids)), *_paid_out_by(as_of)), as_of)
    }


def loan_totals(
    as_of: date, *, supplier_id: int | None = None, purchaser_id: int | None = None
) -> LoanTotals:
    """What is owed over all open loans, of one company if given."""
    return totals_of(open_loans(as_of, supplier_id=supplier_id, purchaser_id=purchaser_id), as_of)


def totals_of(rows: Sequence[LoanRow], as_of: date) -> LoanTotals:
    """The same of loans that were read already."""
    overdue = [row for row in rows if row.due_date < as_of]
    due_today = [row for row in rows if row.due_date == as_of]
    return LoanTotals(
        count=len(rows),
        principal=sum(row.open_principal for row in rows),
        live=sum(row.live.total for row in rows),
        term=sum(row.term.total for row in rows),
        overdue_count=len(overdue),
        overdue_live=sum(row.live.total for row in overdue),
        due_today_count=len(due_today),
        due_today=sum(row.live.total for row in due_today),
    )


def _loans() -> Select[*tuple[Any, ...]]:
    return (
        select(Loan, Invoice, _supplier.name, _purchaser.name)
        .join(Invoice, Invoice.id == Loan.invoice_id)
        .join(_supplier, _supplier.id == Invoice.supplier_id)
        .join(_purchaser, _purchaser.id == Invoice.purchaser_id)
    )


def _paid_out_by(as_of: date) -> tuple[ColumnElement[bool], ...]:
    """Loans whose payout was booked by a day and not undone by then."""
    return (Loan.booked_on <= as_of, or_(Loan.reversed_on.is_(None), Loan.reversed_on > as_of))


def _owed_on(as_of: date) -> tuple[ColumnElement[bool], ...]:
    """Loans that were open at the end of a day. One that was closed and opened again is open since its payout as
    far as this filter goes; its allocations tell the rest."""
    still_open = or_(Loan.closed_on.is_(None), Loan.closed_on > as_of)
    return (*_paid_out_by(as_of), still_open)


def _matches(words: str) -> Any:
    columns = (Invoice.number, Loan.reference, _supplier.name, _purchaser.name)
    return or_(*(column.icontains(words, autoescape=True) for column in columns))


def _rows(query: Select[*tuple[Any, ...]], as_of: date) -> list[LoanRow]:
    found = db.session.execute(query).unique().all()
    paid = _paid_by_loan([loan.id for loan, *_ in found], as_of)
    return [
        _row(loan, invoice, supplier, purchaser, paid.get(loan.id, []), as_of)
        for loan, invoice, supplier, purchaser in found
    ]


def _paid_by_loan(loan_ids: Sequence[int], as_of: date) -> dict[int, list[Paid]]:
    paid: dict[int, list[Paid]] = {}
    if not loan_ids:
        return paid
    rows = db.session.execute(
        select(
            Allocation.loan_id,
            Allocation.value_date,
            Allocation.penalty,
            Allocation.fee,
            Allocation.interest,
            Allocation.principal,
        )
        .where(Allocation.loan_id.in_(loan_ids), Allocation.booked_on <= as_of)
        .order_by(Allocation.value_date, Allocation.id)
    )
    for loan_id, value_date, penalty, fee, interest, principal in rows:
        paid.setdefault(loan_id, []).append(Paid(value_date, penalty, fee, interest, principal))
    return paid


def _row(
    loan: Loan, invoice: Invoice, supplier: str, purchaser: str, paid: Sequence[Paid], as_of: date
) -> LoanRow:
    debt = Debt(loan.principal, loan.fee, loan.start_date, loan.due_date, invoice.terms, paid, loan.deducted)
    live = amount_due(debt, as_of)
    ended_on = loan.written_off_on or loan.reversed_on
    if ended_on is not None and ended_on <= as_of:
        live = AmountDue(as_of, 0, 0, 0, 0, 0)
    return LoanRow(
        loan_id=loan.id,
        reference=loan.reference,
        invoice_id=invoice.id,
        number=invoice.number,
        supplier_id=invoice.supplier_id,
        supplier=supplier,
        purchaser_id=invoice.purchaser_id,
        purchaser=purchaser,
        principal=loan.principal,
        open_principal=live.principal,
        start_date=loan.start_date,
        due_date=loan.due_date,
        booked_on=loan.booked_on,
        closed_on=loan.closed_on,
        ended_on=ended_on if ended_on and ended_on <= as_of else None,
        recourse_on=loan.recourse_on if loan.recourse_on and loan.recourse_on <= as_of else None,
        credit_line_id=invoice.credit_line_id,
        debt=debt,
        live=live,
        term=amount_at_term(debt),
    )
