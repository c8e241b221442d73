"""Exposure on any day, from its movements, with the rows that make it up."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, ScalarSelect, Select, Subquery, cast, func, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from tusker.domain.credit.limits import Bound
from tusker.extensions import db
from tusker.models import (
    CreditLine,
    Customer,
    ExposureMovement,
    Invoice,
    LimitDay,
    PurchaserAccount,
    SupplierAccount,
)
from tusker.queries.columns import between_companies

_KEYS = {
    Bound.CREDIT_LINE: ExposureMovement.credit_line_id,
    Bound.SUPPLIER: ExposureMovement.supplier_id,
    Bound.PURCHASER: ExposureMovement.purchaser_id,
}

LOOKED_AT = 500
"""Movements among which the latest of an exposure are looked for."""


@dataclass(frozen=True, slots=True)
class ExposureRow:
    """A limit with what was used of it at the end of a day; minor units."""

    kind: Bound
    id: int
    name: str
    limit: int
    exposure: int

    @property
    def available(self) -> int:
        """limit − exposure; negative when more was used than the limit was."""
        return self.limit - self.exposure


@dataclass(frozen=True, slots=True)
class MovementRow:
    """One row of a derivation; `amount` in minor units, negative where exposure was freed."""

    booked_on: date
    invoice_id: int
    number: str
    cause: str
    amount: int


def exposure_table(
    kind: Bound,
    as_of: date,
    *,
    key: int | None = None,
    supplier_id: int | None = None,
    purchaser_id: int | None = None,
) -> list[ExposureRow]:
    """The limits of a kind with their exposures on a day, by name: all, the one with `key`, or those that a company
    may see.

    A company sees its own limit and those of its credit lines, never that of the company at the other end.
    """
    moved = ExposureMovement.booked_on > as_of
    if key is not None:
        moved &= _KEYS[kind] == key
    for own in between_companies(ExposureMovement, supplier_id, purchaser_id):
        moved &= own
    query = _limits(kind, as_of, moved)
    if key is not None:
        query = query.where(query.selected_columns[0] == key)
    if kind is Bound.CREDIT_LINE:
        query = query.where(*between_companies(CreditLine, supplier_id, purchaser_id))
    else:
        mine, others = supplier_id, purchaser_id
        if kind is Bound.PURCHASER:
            mine, others = others, mine
        if others is not None:
            return []
        if mine is not None:
            query = query.where(query.selected_columns[0] == mine)
    return [ExposureRow(kind, *row) for row in db.session.execute(query)]


def programme_limit_on(day: date) -> int | None:
    """What the programme limit was at the end of a day, in minor units; None before it was first kept."""
    return db.session.scalar(
        select(LimitDay.limit_amount)
        .where(LimitDay.kind == "programme", LimitDay.day <= day)
        .order_by(LimitDay.day.desc())
        .limit(1)
    )


def limit_changes(kind: str, key: int) -> list[tuple[date, int]]:
    """The days from which a limit, or the programme's with key 0, was so much; oldest first."""
    rows = db.session.execute(
        select(LimitDay.day, LimitDay.limit_amount)
        .where(LimitDay.kind == kind, LimitDay.key == key)
        .order_by(LimitDay.day)
    )
    return [(day, limit) for day, limit in rows]


def _limits(kind: Bound, as_of: date, moved: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """Id, name, limit and exposure at the end of a day of each limit of a kind. The exposure is what is used now
    without what `moved` since: for today nothing has to be summed."""
    since = (
        select(_KEYS[kind].label("key"), func.sum(ExposureMovement.amount).label("amount"))
        .where(moved)
        .group_by(_KEYS[kind])
        .subquery()
    )

    def used(counter: InstrumentedAttribute[int]) -> ColumnElement[int]:
        return cast(counter - func.coalesce(since.c.amount, 0), BigInteger)

    if kind is Bound.CREDIT_LINE:
        supplier, purchaser = aliased(Customer), aliased(Customer)
        name = supplier.name + " → " + purchaser.name
        return (
            select(CreditLine.id, name, _limit_on(kind, CreditLine.id, as_of), used(CreditLine.used_amount))
            .join(supplier, supplier.id == CreditLine.supplier_id)
            .join(purchaser, purchaser.id == CreditLine.purchaser_id)
            .outerjoin(since, since.c.key == CreditLine.id)
            .order_by(func.lower(supplier.name), func.lower(purchaser.name))
        )
    account = SupplierAccount if kind is Bound.SUPPLIER else PurchaserAccount
    company = account.customer_id
    return (
        select(company, Customer.name, _limit_on(kind, company, as_of), used(account.used_amount))
        .join(Customer, Customer.id == company)
        .outerjoin(since, since.c.key == company)
        .order_by(func.lower(Customer.name))
    )


def _limit_on(kind: Bound, key: InstrumentedAttribute[int], as_of: date) -> ScalarSelect[int]:
    """A limit by its last row until the end of a day; on days before its first row by that."""
    return (
        select(LimitDay.limit_amount)
        .where(LimitDay.kind == kind, LimitDay.key == key)
        .order_by((LimitDay.day <= as_of).desc(), func.abs(LimitDay.day - as_of))
        .limit(1)
        .scalar_subquery()
    )


@dataclass(frozen=True, slots=True)
class Latest:
    """The latest movements of an exposure, oldest first, after the sum `before` of those that are not among them."""

    rows: list[MovementRow]
    before: int


def derivation(kind: Bound, key: int, as_of: date) -> list[MovementRow]:
    """The movements that make up an exposure on a day, of invoices that still count on it; oldest first."""
    left = func.sum(ExposureMovement.amount).over(partition_by=ExposureMovement.invoice_id)
    moved = (
        select(ExposureMovement, left.label("left"))
        .where(_KEYS[kind] == key, ExposureMovement.booked_on <= as_of)
        .subquery()
    )
    rows = db.session.execute(_shown(moved).where(moved.c.left != 0).order_by(moved.c.booked_on, moved.c.id))
    return [MovementRow(*row) for row in rows]


def latest_movements(limit: ExposureRow, as_of: date, most: int) -> Latest:
    """The latest of them, at most so many. Only the last `LOOKED_AT` movements of the limit are looked at, so that one
    with a long past takes no longer."""
    last = (
        select(ExposureMovement)
        .where(_KEYS[limit.kind] == limit.id, ExposureMovement.booked_on <= as_of)
        .order_by(ExposureMovement.booked_on.desc(), ExposureMovement.id.desc())
        .limit(LOOKED_AT)
        .subquery()
    )
    of_invoice = aliased(ExposureMovement)
    left = (
        select(func.sum(of_invoice.amount))
        .where(of_invoice.invoice_id == last.c.invoice_id, of_invoice.booked_on <= as_of)
        .scalar_subquery()
    )
    # In the order of the subquery, so that no more of it is read than is shown.
    query = _shown(last).where(left != 0).order_by(last.c.booked_on.desc(), last.c.id.desc()).limit(most)
    rows = [MovementRow(*row) for row in db.session.execute(query)][::-1]
    return Latest(rows, limit.exposure - sum(row.amount for row in rows))


def _shown(moved: Subquery) -> Select[*tuple[Any, ...]]:
    """The columns of `MovementRow`; numbers one by one, for few of the invoices that there are."""
    number = select(Invoice.number).where(Invoice.id == moved.c.invoice_id).scalar_subquery()
    return select(moved.c.booked_on, moved.c.invoice_id, number, moved.c.cause, moved.c.amount)
