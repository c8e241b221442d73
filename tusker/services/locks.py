"""Row locks. One order everywhere: disbursals, payouts, invoices, loans, reliefs, receipts, claims, payables, each by
id, then the counters."""

from collections.abc import Collection, Sequence
from enum import IntEnum, unique
from typing import Any, TypeVar

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    String,
    Text,
    func,
    inspect,
    literal,
    select,
    text,
)
from sqlalchemy.orm import InstrumentedAttribute

from tusker.errors import NotFound
from tusker.extensions import Base, db
from tusker.messages import say
from tusker.models import CreditLine, Customer, Disbursal, Invoice, Loan, Role, User
from tusker.prepared import Prepared

Row = TypeVar("Row", bound=Base)


@unique
class AdvisoryLock(IntEnum):
    """Keys of advisory locks: use cases of which only one may run at a time."""

    PROGRAMME = 7101
    DAILY_BUNDLE = 7102
    SEALING = 7105
    STATEMENT_IMPORT = 7106
    ATTENTION = 7110
    POSITIONS = 7111
    INVOICE_COUNTS = 7112
    BOOK = 7113
    CLASSIFICATION = 7114


_TAKE = Prepared(text("SELECT pg_advisory_xact_lock(:key)"))


def take_lock(lock: AdvisoryLock) -> None:
    """Wait until no other transaction runs this use case; held until the transaction ends."""
    _TAKE.rows(db.session.connection(), {"key": int(lock)})


def try_lock(lock: AdvisoryLock) -> bool:
    """Take the lock without waiting; False when another transaction holds it."""
    return bool(db.session.scalar(select(func.pg_try_advisory_xact_lock(int(lock)))))


def among(
    column: InstrumentedAttribute[Any], values: Collection[int] | Collection[str]
) -> ColumnElement[bool]:
    """Whether a column has one of any number of values, which go to the database as one array: as rows, of which it
    plans only the number. Of an array it would estimate each element."""
    kind = Text if isinstance(column.type, String) else BigInteger
    return column.in_(select(func.unnest(literal(list(values), ARRAY(kind)))))


def lock_rows(model: type[Row], *conditions: ColumnElement[bool], skip_locked: bool = False) -> Sequence[Row]:
    """The rows that meet all conditions by ascending id, locked and read anew.

    The lock lets others insert rows that refer to these. `skip_locked` leaves out rows that another transaction holds.
    """
    query = _locking(select(model), model, conditions, skip_locked=skip_locked)
    return db.session.scalars(query.execution_options(populate_existing=True)).unique().all()


def lock_ids(model: type[Base], *conditions: ColumnElement[bool]) -> Sequence[int]:
    """Lock rows as `lock_rows` does without loading them; returns their ids, ascending."""
    return db.session.scalars(_locking(select(_key(model)), model, conditions)).all()


def forget(*models: type[Base]) -> None:
    """Have loaded rows of tables read anew when they are next used: a statement changed them past the session."""
    for row in db.session.identity_map.values():
        if isinstance(row, models):
            db.session.expire(row)


def lock_row(what: str, model: type[Row], *conditions: ColumnElement[bool]) -> Row:
    """The one row that meets all conditions, locked and read anew; raises `NotFound` naming `what` it is."""
    found = lock_rows(model, *conditions)
    if not found:
        raise NotFound("This {what} does not exist.", what=what)
    return found[0]


def _locking(
    query: Select[Any],
    model: type[Base],
    conditions: Collection[ColumnElement[bool]],
    *,
    skip_locked: bool = False,
) -> Select[Any]:
    by_id = query.where(*conditions).order_by(_key(model))
    return by_id.with_for_update(key_share=True, of=model, skip_locked=skip_locked)


def _key(model: type[Base]) -> Any:
    [key] = inspect(model).primary_key
    return key


def lock_invoice(invoice_id: int) -> Invoice:
    """The invoice, locked and fresh; raises `NotFound`."""
    return lock_invoices([invoice_id])[0]


def lock_invoices(invoice_ids: Collection[int]) -> Sequence[Invoice]:
    """The invoices by ascending id, locked and fresh; raises `NotFound` when one does not exist."""
    found = lock_rows(Invoice, among(Invoice.id, invoice_ids))
    if len(found) != len(set(invoice_ids)):
        raise NotFound("This invoice does not exist.")
    return found


def lock_loan_of(invoice: Invoice) -> Loan:
    """The loan of a locked invoice, locked and fresh; raises `NotFound` before the disbursal."""
    loans = lock_loans([invoice.id])
    if not loans:
        raise NotFound("Nothing was disbursed for this invoice.")
    return next(iter(loans.values()))


def lock_loans(invoice_ids: Collection[int]) -> dict[int, Loan]:
    """The standing loans of locked invoices by id, locked and fresh."""
    loans = lock_rows(Loan, among(Loan.invoice_id, invoice_ids), Loan.reversed_on.is_(None))
    return {loan.id: loan for loan in loans}


def lock_disbursal(disbursal_id: int) -> Disbursal:
    """The disbursal, locked and fresh; raises `NotFound`."""
    return lock_row(say("disbursal"), Disbursal, Disbursal.id == disbursal_id)


def lock_credit_line(line_id: int) -> CreditLine:
    """The credit line, locked and fresh; raises `NotFound`."""
    return lock_row(say("credit line"), CreditLine, CreditLine.id == line_id)


def lock_customer(customer_id: int) -> Customer:
    """The customer, locked and fresh; raises `NotFound`."""
    return lock_row(say("customer"), Customer, Customer.id == customer_id)


def lock_user(user_id: int) -> User:
    """The user, locked and fresh; raises `NotFound`. Where other admins matter they are locked first."""
    return lock_row(say("user"), User, User.id == user_id)


def lock_active_admins() -> Sequence[User]:
    """All active admins by ascending id, locked and fresh: none of them is shut out or let in meanwhile."""
    return lock_rows(User, User.role == Role.ADMIN, User.active.is_(True))
