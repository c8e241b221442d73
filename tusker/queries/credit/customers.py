"""Companies as lists and pages show them."""

from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVarTuple

from sqlalchemy import BigInteger, ColumnElement, NotNullable, Select, cast, func, or_, select
from sqlalchemy.orm import aliased, contains_eager, selectinload

from tusker.domain.credit.lifecycle import RESERVING
from tusker.domain.credit.limits import LimitUse
from tusker.errors import existing
from tusker.extensions import db
from tusker.messages import say
from tusker.models import (
    ApiToken,
    CreditLine,
    Customer,
    Invoice,
    InvoiceCount,
    PurchaserAccount,
    SupplierAccount,
    User,
)
from tusker.queries.columns import Rows
from tusker.queries.paging import NEWEST, Cursor, Sorts, rows_of_page
from tusker.queries.searching import has
from tusker.queries.sums import Totals, sum_of, totals_of

Columns = TypeVarTuple("Columns")
SORTS: Sorts = {
    "name": Customer.name,
    "supplier_used": func.coalesce(SupplierAccount.used_amount, -1),
    "purchaser_used": func.coalesce(PurchaserAccount.used_amount, -1),
}
"""Companies are some thousands at most: these need no index."""


@dataclass(frozen=True, slots=True)
class CustomerRow:
    """A company in a list; None for the side that it does not have. Limits in minor units."""

    id: int
    name: str
    reference: str | None
    email: str | None
    supplier: LimitUse | None
    purchaser: LimitUse | None
    open_invoices: int
    """Invoices that reserve credit, on either side."""
    lines: int

    @property
    def note(self) -> str:
        """Why nothing new is admitted on a side; empty where something is."""
        sells, buys = (use is not None and use.closed for use in (self.supplier, self.purchaser))
        if sells and buys:
            return say("as supplier and purchaser: on hold, or its limit not valid")
        if sells:
            return say("as supplier: on hold, or its limit not valid")
        return say("as purchaser: on hold, or its limit not valid") if buys else ""


def customers_page(
    today: date,
    *,
    search: str = "",
    side: str | None = None,
    cursor: Cursor = NEWEST,
    limit: int | None = None,
) -> list[CustomerRow]:
    """Companies whose name, reference or email contains `search`, the newest first or by one of `SORTS`, with
    their limits as of today.

    `side` is supplier or purchaser.
    """
    query = _matching(_customers(), search, side)
    return [_row(today, *row) for row in rows_of_page(query, Customer.id, cursor, limit, SORTS)]


def customers_totals(*, search: str = "", side: str | None = None) -> Totals:
    """How many companies `customers_page` lists in all, their limits and what is used of them."""
    query = select(Customer.id).outerjoin(SupplierAccount).outerjoin(PurchaserAccount)
    return totals_of(
        _matching(query, search, side),
        Customer.id,
        supplier_limit=SupplierAccount.limit_amount,
        supplier_used=SupplierAccount.used_amount,
        purchaser_limit=PurchaserAccount.limit_amount,
        purchaser_used=PurchaserAccount.used_amount,
    )


def customer_by_id(customer_id: int) -> Customer:
    """The company with its ids at delivery companies; raises `NotFound`."""
    return existing(
        db.session.scalar(
            select(Customer)
            .where(Customer.id == customer_id)
            .options(selectinload(Customer.carrier_identities))
            .execution_options(populate_existing=True)
        ),
        say("customer"),
    )


_HELD_SINCE = func.least(SupplierAccount.on_hold_since, PurchaserAccount.on_hold_since, Customer.held_since)


def customers_on_hold() -> Rows:
    """Companies for which nothing new is financed, and since when, those held longest first."""
    return db.session.execute(
        select(Customer.id, Customer.name, _HELD_SINCE.label("since"))
        .outerjoin(SupplierAccount, SupplierAccount.customer_id == Customer.id)
        .outerjoin(PurchaserAccount, PurchaserAccount.customer_id == Customer.id)
        .where(_HELD_SINCE.is_not(None))
        .order_by("since", func.lower(Customer.name))
    ).all()


def supplier_limits_total(*, without: int | None = None) -> int:
    """The sum of all supplier limits in minor units, except that of the company `without`."""
    others = [] if without is None else [SupplierAccount.customer_id != without]
    return sum_of(SupplierAccount.limit_amount, *others)


def supplier_choices() -> list[tuple[int, str]]:
    return _choices(SupplierAccount.customer_id)


def purchaser_choices() -> list[tuple[int, str]]:
    return _choices(PurchaserAccount.customer_id)


def lines_count_of(customer_id: int, side: str) -> int:
    """How many credit lines a company has as `supplier` or as `purchaser`."""
    column = CreditLine.supplier_id if side == "supplier" else CreditLine.purchaser_id
    query = select(func.count()).select_from(CreditLine).where(column == customer_id)
    return db.session.execute(query).scalar_one()


def recent_invoices(customer_id: int) -> Rows:
    """A company's latest requests on either side, the newest first."""
    supplier, purchaser = aliased(Customer), aliased(Customer)
    return db.session.execute(
        select(
            Invoice.id,
            Invoice.number,
            supplier.name.label("supplier"),
            purchaser.name.label("purchaser"),
            Invoice.principal,
            Invoice.status,
            Invoice.requested_at,
        )
        .join(supplier, supplier.id == Invoice.supplier_id)
        .join(purchaser, purchaser.id == Invoice.purchaser_id)
        .where(or_(Invoice.supplier_id == customer_id, Invoice.purchaser_id == customer_id))
        .order_by(Invoice.id.desc())
        .limit(10)
    ).all()


def users_of(customer_id: int) -> list[User]:
    """A company's users, active ones first, by name."""
    query = (
        select(User).where(User.customer_id == customer_id).order_by(User.active.desc(), User.name, User.id)
    )
    return list(db.session.scalars(query))


def tokens_of(customer_id: int) -> list[ApiToken]:
    """A company's API tokens, live ones first, then the newest."""
    query = (
        select(ApiToken)
        .where(ApiToken.customer_id == customer_id)
        .order_by(ApiToken.revoked_at.is_not(None), ApiToken.id.desc())
    )
    return list(db.session.scalars(query))


def _customers() -> Select[Customer, int, int]:
    """Companies with how many invoices and lines they have, read anew."""
    open_invoices = _open_count(InvoiceCount.supplier_id) + _open_count(InvoiceCount.purchaser_id)
    lines = _lines_count(CreditLine.supplier_id) + _lines_count(CreditLine.purchaser_id)
    return (
        select(Customer, open_invoices, lines)
        .outerjoin(Customer.supplier)
        .outerjoin(Customer.purchaser)
        .options(contains_eager(Customer.supplier), contains_eager(Customer.purchaser))
        .execution_options(populate_existing=True)
    )


def _open_count(column: Any) -> ColumnElement[int]:
    total = func.coalesce(func.sum(InvoiceCount.invoices), 0)
    kept = select(cast(total, BigInteger)).where(column == Customer.id, InvoiceCount.status.in_(RESERVING))
    return kept.correlate(Customer).scalar_subquery()


def _lines_count(column: Any) -> ColumnElement[int]:
    return select(func.count()).where(column == Customer.id).correlate(Customer).scalar_subquery()


def _matching(query: Select[*Columns], search: str, side: str | None) -> Select[*Columns]:
    if text := search.strip():
        query = query.where(has(text, Customer.name, Customer.reference, Customer.email))
    if side == "supplier":
        query = query.where(SupplierAccount.customer_id.is_not(None))
    elif side == "purchaser":
        query = query.where(PurchaserAccount.customer_id.is_not(None))
    return query


def _row(today: date, customer: Customer, open_invoices: int, lines: int) -> CustomerRow:
    supplier, purchaser = customer.supplier, customer.purchaser
    return CustomerRow(
        customer.id,
        customer.name,
        customer.reference,
        customer.email,
        supplier.use_on(today) if supplier else None,
        purchaser.use_on(today) if purchaser else None,
        open_invoices,
        lines,
    )


def _choices(column: Any) -> list[tuple[int, str]]:
    rows = db.session.execute(
        select(Customer.id, Customer.name).where(Customer.id == column).order_by(func.lower(Customer.name))
    )
    return [(row.id, row.name) for row in rows]


def holds_on(supplier_id: int, purchaser_id: int) -> list[tuple[str, date]]:
    """Which of the two companies of a line admits nothing new, by name, and since when; a company that is on hold for
    both reasons comes twice."""
    found = []
    for model, customer_id in ((SupplierAccount, supplier_id), (PurchaserAccount, purchaser_id)):
        for since in (model.on_hold_since, Customer.held_since):
            row = db.session.execute(
                select(Customer.name, NotNullable(since))
                .join(model, model.customer_id == Customer.id)
                .where(Customer.id == customer_id, since.is_not(None))
            ).first()
            if row is not None:
                found.append((row[0], row[1]))
    return found
