"""Loans as debts: locked with their invoices, and what is owed on them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm.attributes import set_committed_value

from tusker.domain.interest import AmountDue, Debt, Paid, amount_due
from tusker.errors import InvalidInput, NotFound
from tusker.extensions import db
from tusker.models import Allocation, Invoice, Loan
from tusker.services.locks import lock_invoices, lock_rows


@dataclass(frozen=True, slots=True)
class OpenDebt:
    """A locked loan with its locked invoice and its debt as of all rows written so far."""

    loan: Loan
    invoice: Invoice
    debt: Debt

    @property
    def last_payment(self) -> date | None:
        """The latest value date of what was paid and not undone on it."""
        live = {}
        for allocation in self.loan.allocations:
            live[allocation.id] = allocation
            if allocation.reverses_id is not None:
                live.pop(allocation.reverses_id, None)
                live.pop(allocation.id)
        return max((a.value_date for a in live.values()), default=None)

    def due_on(self, day: date) -> AmountDue:
        """What is owed on a value date. Raises `InvalidInput` naming `value_date` for a day before the payout or
        before a payment that was recorded with a later value date."""
        if day < self.loan.start_date:
            raise InvalidInput(
                f"The value date must not be before the payout of {self.invoice.number}"
                f" ({self.loan.start_date:%d %b %Y}).",
                field="value_date",
            )
        last = self.last_payment
        if last is not None and day < last:
            raise InvalidInput(
                f"A payment on {self.invoice.number} with value date {last:%d %b %Y} is recorded already;"
                " undo it first to record an earlier one.",
                field="value_date",
            )
        return amount_due(self.debt, day)


def debt_of(loan: Loan, invoice: Invoice) -> Debt:
    """A loan with its frozen terms and what was paid on it, as the domain's value."""
    return Debt(
        principal=loan.principal,
        fee=loan.fee,
        start=loan.start_date,
        due=loan.due_date,
        terms=invoice.terms,
        paid=[Paid(a.value_date, a.penalty, a.fee, a.interest, a.principal) for a in loan.allocations],
        deducted=loan.deducted,
    )


def owed_by(customer_id: int, *, with_other_side: bool = False) -> list[int]:
    """Ids of the invoices whose open loans a company owes, oldest due first.

    A purchaser owes unless the debt has turned to the supplier by recourse; `with_other_side` adds the debts on
    which the company is the other party, since nothing keeps it from paying those too.
    """
    owes = or_(
        (Invoice.purchaser_id == customer_id) & Loan.recourse_on.is_(None),
        (Invoice.supplier_id == customer_id) & Loan.recourse_on.is_not(None),
    )
    if with_other_side:
        owes = or_(Invoice.purchaser_id == customer_id, Invoice.supplier_id == customer_id)
    return list(
        db.session.scalars(
            select(Invoice.id)
            .join(Loan, Loan.invoice_id == Invoice.id)
            .where(Loan.closed_on.is_(None), owes)
            .order_by(Loan.due_date, Loan.id)
        )
    )


def lock_debts(invoice_ids: Collection[int], *, all_of_them: bool = True) -> list[OpenDebt]:
    """Lock invoices, then their open loans, both by ascending id; answers oldest due first.

    An invoice without an open loan (any more) raises `NotFound`, or is left out if not `all_of_them` are needed:
    while this waited for a lock, another receipt may have paid it.
    """
    if not invoice_ids:
        return []
    invoices = {invoice.id: invoice for invoice in lock_invoices(invoice_ids)}
    loans = lock_rows(Loan, Loan.invoice_id.in_(invoices), Loan.closed_on.is_(None))
    if all_of_them and len(loans) != len(invoices):
        raise NotFound("Nothing is owed on this invoice.")
    _load_allocations(loans)
    debts = [
        OpenDebt(loan, invoices[loan.invoice_id], debt_of(loan, invoices[loan.invoice_id])) for loan in loans
    ]
    return sorted(debts, key=lambda debt: (debt.loan.due_date, debt.loan.id))


def _load_allocations(loans: Collection[Loan]) -> None:
    """Read all loans' allocations in one query rather than one each."""
    found: dict[int, list[Allocation]] = {loan.id: [] for loan in loans}
    rows = db.session.scalars(
        select(Allocation)
        .where(Allocation.loan_id.in_(found))
        .order_by(Allocation.id)
        .execution_options(populate_existing=True)
    )
    for row in rows:
        found[row.loan_id].append(row)
    for loan in loans:
        set_committed_value(loan, "allocations", found[loan.id])
