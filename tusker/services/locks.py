"""Row locks. One order everywhere: disbursals by id, payouts, invoices by id, loans by id, claims by id, then the
counters."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import IntEnum
from typing import TypeVar

from sqlalchemy import func, select

from tusker.errors import NotFound
from tusker.extensions import db
from tusker.models import CreditLine, Customer, Disbursal, Invoice, Loan, Role, User

Row = TypeVar("Row", Disbursal, CreditLine, Customer, User)


class AdvisoryLock(IntEnum):
    """Keys of advisory locks: use cases of which only one may run at a time."""

    PROGRAMME = 7101
    DAILY_BUNDLE = 7102
    SEALING = 7105
    STATEMENT_IMPORT = 7106
    ATTENTION = 7110


def take_lock(lock: AdvisoryLock) -> None:
    """Wait until no other transaction runs this use case; held until the transaction ends."""
    db.session.execute(select(func.pg_advisory_xact_lock(int(lock))))


def try_lock(lock: AdvisoryLock) -> bool:
    """The same without waiting: False when another transaction has the turn."""
    return bool(db.session.scalar(select(func.pg_try_advisory_xact_lock(int(lock)))))


def lock_invoice(invoice_id: int) -> Invoice:
    """The invoice, locked and fresh; raises `NotFound`."""
    return lock_invoices([invoice_id])[0]


def lock_invoices(invoice_ids: Collection[int]) -> Sequence[Invoice]:
    """The invoices by ascending id, locked and fresh; raises `NotFound` when one does not exist."""
    found = db.session.scalars(
        select(Invoice)
        .where(Invoice.id.in_(invoice_ids))
        .order_by(Invoice.id)
        .with_for_update(key_share=True, of=Invoice)
        .execution_options(populate_existing=True)
    ).all()
    if len(found) != len(set(invoice_ids)):
        raise NotFound("This invoice does not exist.")
    return found


def lock_loan_of(invoice: Invoice) -> Loan:
    """The loan of a locked invoice, locked and fresh; raises `NotFound` before the disbursal."""
    loan: Loan | None = db.session.scalar(
        select(Loan)
        .where(Loan.invoice_id == invoice.id, Loan.reversed_on.is_(None))
        .with_for_update(key_share=True, of=Loan)
        .execution_options(populate_existing=True)
    )
    if loan is None:
        raise NotFound("Nothing was disbursed for this invoice.")
    return loan


def lock_loans(invoice_ids: Sequence[int]) -> dict[int, Loan]:
    """The standing loans of locked invoices by id, locked and fresh."""
    loans = db.session.scalars(
        select(Loan)
        .where(Loan.invoice_id.in_(invoice_ids), Loan.reversed_on.is_(None))
        .order_by(Loan.id)
        .with_for_update(key_share=True, of=Loan)
        .execution_options(populate_existing=True)
    )
    return {loan.id: loan for loan in loans}


def lock_disbursal(disbursal_id: int) -> Disbursal:
    """The disbursal, locked and fresh; raises `NotFound`."""
    return _lock_one(Disbursal, disbursal_id, "This disbursal")


def lock_credit_line(line_id: int) -> CreditLine:
    """The credit line, locked and fresh; raises `NotFound`."""
    return _lock_one(CreditLine, line_id, "This credit line")


def lock_customer(customer_id: int) -> Customer:
    """The customer, locked and fresh; raises `NotFound`."""
    return _lock_one(Customer, customer_id, "This customer")


def lock_user(user_id: int) -> User:
    """The user, locked and fresh; raises `NotFound`. Where other admins matter they are locked first."""
    return _lock_one(User, user_id, "This user")


def _lock_one(model: type[Row], row_id: int, what: str) -> Row:
    found: Row | None = db.session.scalar(
        select(model)
        .where(model.id == row_id)
        .with_for_update(key_share=True, of=model)
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFound(f"{what} does not exist.")
    return found


def lock_active_admins() -> Sequence[User]:
    """All active admins by ascending id, locked and fresh: none of them is shut out or let in meanwhile."""
    return db.session.scalars(
        select(User)
        .where(User.role == Role.ADMIN, User.active)
        .order_by(User.id)
        .with_for_update(key_share=True, of=User)
        .execution_options(populate_existing=True)
    ).all()
