"""The queue of delivered invoices that wait to be financed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Date, Select, cast, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute

from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.extensions import db
from tusker.models import DisbursalLine, Invoice, InvoiceCount, Payout
from tusker.queries.columns import PURCHASER, SUPPLIER, Rows
from tusker.queries.paging import Cursor, Sorts, rows_of_page
from tusker.queries.searching import has

SORTS: Sorts = {
    "financeable_at": Invoice.financeable_at,
    "supplier": SUPPLIER.name,
    "purchaser": PURCHASER.name,
    "amount": Invoice.amount,
    "principal": Invoice.principal,
}
WAITING_LONGEST = Cursor(sort="financeable_at", descending=False)


@dataclass(frozen=True, slots=True)
class QueueRow:
    """An invoice that waits to be financed; money in minor units, `days` since it was delivered."""

    id: int
    number: str
    supplier_id: int
    supplier: str
    purchaser_id: int
    purchaser: str
    amount: int
    principal: int
    financeable_at: datetime
    days: int
    failure: str | None
    """Why its last payout was not made, or came back; None when it was in none."""


@dataclass(frozen=True, slots=True)
class QueueSum:
    """Invoices of the queue and their principal in minor units."""

    count: int
    principal: int


def financeable_ids() -> Sequence[int]:
    """All that waits to be financed, held or not."""
    waiting = select(Invoice.id).where(Invoice.status == InvoiceStatus.FINANCEABLE)
    return db.session.scalars(waiting.order_by(Invoice.id)).all()


def queue_page(
    *, today: date, zone: str, search: str = "", cursor: Cursor = WAITING_LONGEST, limit: int
) -> list[QueueRow]:
    """Financeable invoices, those that wait longest first or by one of `SORTS`.

    `zone` is the name of the time zone in which days are counted.
    """
    delivered_on = cast(func.timezone(zone, Invoice.financeable_at), Date)
    query = _queue(
        search,
        Invoice.id,
        Invoice.number,
        Invoice.supplier_id,
        SUPPLIER.name.label("supplier"),
        Invoice.purchaser_id,
        PURCHASER.name.label("purchaser"),
        Invoice.amount,
        Invoice.principal,
        Invoice.financeable_at,
        (literal(today, Date) - delivered_on).label("days"),
        _last_failure().label("failure"),
    )
    return [QueueRow(**row._mapping) for row in rows_of_page(query, Invoice.id, cursor, limit, SORTS)]


def queue_total(search: str = "") -> QueueSum:
    """Size of the whole queue, or of what `search` finds in it."""
    return QueueSum(*db.session.execute(_sums(search)).one())


def waiting_of(invoice_ids: Collection[int]) -> Rows:
    """These invoices of the queue or of a disbursal with their companies, by id."""
    supplier, purchaser = SUPPLIER.name.label("supplier"), PURCHASER.name.label("purchaser")
    return db.session.execute(
        select(Invoice.id, Invoice.number, supplier, purchaser, Invoice.principal)
        .join(SUPPLIER, SUPPLIER.id == Invoice.supplier_id)
        .join(PURCHASER, PURCHASER.id == Invoice.purchaser_id)
        .where(Invoice.id.in_(invoice_ids))
        .order_by(Invoice.id)
    ).all()


def queue_groups(sort: str, search: str = "") -> dict[int, QueueSum]:
    """Size of each company's part of the queue, by customer id; empty where it is not sorted by a company."""
    if sort not in {"supplier", "purchaser"}:
        return {}
    rows = db.session.execute(_sums(search, f"{sort}_id"))
    return {company_id: QueueSum(count, principal) for company_id, count, principal in rows}


def _sums(search: str, *by: str) -> Select[*tuple[Any, ...]]:
    """The size of the queue by some of its columns: what is not searched for is kept."""
    if search.strip():
        companies = [getattr(Invoice, column) for column in by]
        return _queue(search, *companies, func.count(), _sum(Invoice.principal)).group_by(*companies)
    companies = [getattr(InvoiceCount, column) for column in by]
    kept = select(*companies, _sum(InvoiceCount.invoices), _sum(InvoiceCount.principal))
    return kept.where(InvoiceCount.status == InvoiceStatus.FINANCEABLE).group_by(*companies)


def _sum(column: InstrumentedAttribute[int]) -> ColumnElement[int]:
    return func.coalesce(func.sum(column), 0).cast(db.BigInteger)


def _queue(search: str, *columns: Any) -> Select[*tuple[Any, ...]]:
    query = (
        select(*columns)
        .select_from(Invoice)
        .join(SUPPLIER, SUPPLIER.id == Invoice.supplier_id)
        .join(PURCHASER, PURCHASER.id == Invoice.purchaser_id)
        .where(Invoice.status == InvoiceStatus.FINANCEABLE)
    )
    if words := search.strip():
        query = query.where(has(words, Invoice.number, SUPPLIER.name, PURCHASER.name))
    return query


def _last_failure() -> Any:
    """As text: “P-1-7 rejected: AC04 closed account”, for the last payout of an invoice that waits again."""
    return (
        select(Payout.reference + literal(" ") + Payout.state + literal(": ") + Payout.reason)
        .join(DisbursalLine, DisbursalLine.payout_id == Payout.id)
        .where(DisbursalLine.invoice_id == Invoice.id, Payout.reason.is_not(None))
        .order_by(DisbursalLine.id.desc())
        .limit(1)
        .correlate(Invoice)
        .scalar_subquery()
    )
