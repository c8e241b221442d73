"""Lists of invoices for pages, files and commands, and everything about one of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, TypeVarTuple

from sqlalchemy import CompoundSelect, Select, func, select, union, union_all
from sqlalchemy.orm import joinedload, selectinload

from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.errors import existing
from tusker.extensions import db
from tusker.messages import say
from tusker.models import (
    Customer,
    Disbursal,
    DisbursalLine,
    Invoice,
    InvoiceCount,
    LineState,
    Loan,
    Shipment,
)
from tusker.models.delivery.shipment import TRACKED
from tusker.queries.columns import PURCHASER, SUPPLIER, between_companies, columns_of
from tusker.queries.paging import NEWEST, Cursor, Sorts, on_page, rows_of_page
from tusker.queries.searching import few, has
from tusker.queries.sums import MOST_SUMMED

STATUS_ORDER = (
    InvoiceStatus.APPROVED,
    InvoiceStatus.FINANCEABLE,
    InvoiceStatus.BUNDLED,
    InvoiceStatus.DISBURSED,
    InvoiceStatus.REPAID,
    InvoiceStatus.REJECTED,
    InvoiceStatus.CANCELLED,
    InvoiceStatus.WRITTEN_OFF,
)
"""The order in which statuses are shown: the usual way first, then the ways out."""

SORTS: Sorts = {"number": Invoice.number, "value": Invoice.amount}
Columns = TypeVarTuple("Columns")


@dataclass(frozen=True, slots=True)
class Scope:
    """The companies whose invoices may be seen; both None means all."""

    supplier_id: int | None = None
    purchaser_id: int | None = None


@dataclass(frozen=True, slots=True)
class InvoiceFilter:
    """What a list is narrowed to. `since` and `until` are aware instants of the request: since <= t < until."""

    scope: Scope = Scope()
    supplier_id: int | None = None
    purchaser_id: int | None = None
    status: str | None = None
    search: str = ""
    since: datetime | None = None
    until: datetime | None = None
    found: Select[int] | None = None
    """What `search` finds of whatever status, where that is little: see `searched`."""


EVERYTHING = InvoiceFilter()


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """An invoice as lists and files show it; money in minor units."""

    id: int
    number: str
    supplier_id: int
    supplier: str
    purchaser_id: int
    purchaser: str
    amount: int
    principal: int
    status: str
    refused_by: str | None
    lacking: int | None
    requested_at: datetime
    carrier: str | None
    shipment_status: str | None
    disbursal: str | None
    loan: str | None
    start_date: date | None
    due_date: date | None
    platform_reference: str | None

    @property
    def now(self) -> StatusNow:
        """What a badge shows of it."""
        return StatusNow(self.id, self.status, self.shipment_status)


@dataclass(frozen=True, slots=True)
class StatusCount:
    """How many invoices have a status, and their principal in minor units."""

    count: int = 0
    principal: int = 0


@dataclass(frozen=True, slots=True)
class StatusNow:
    """What a badge shows of one invoice."""

    id: int
    status: str
    shipment_status: str | None

    @property
    def mark(self) -> str:
        """The same as a text that changes with the status."""
        return f"{self.id}.{self.status}.{self.shipment_status or ''}"


def list_invoices(wanted: InvoiceFilter, *, cursor: Cursor = NEWEST, limit: int) -> list[InvoiceRow]:
    """A page of invoices, the newest first or by one of `SORTS`."""
    words, others = wanted.search.strip(), replace(wanted, search="", found=None)
    # The first ones that each kind of name finds: of words that find half the book no more is read. They are chosen
    # before anything is joined to them, by an index of what the list is narrowed to.
    kinds = [select(Invoice.id)]
    if wanted.found is not None:
        kinds = [kinds[0].where(Invoice.id.in_(wanted.found))]
    elif words:
        kinds = _kinds(words, others)
    firsts = (on_page(_narrowed(kind, others), Invoice.id, cursor, limit, SORTS) for kind in kinds)
    ids = union(*(select(first.subquery().c.id) for first in firsts))
    rows = _rows(others).where(Invoice.id.in_(ids))
    return [InvoiceRow(**row._mapping) for row in rows_of_page(rows, Invoice.id, cursor, limit, SORTS)]


def searched(wanted: InvoiceFilter) -> InvoiceFilter:
    """The same with what the words find, where that is little, so that they are looked for once."""
    return replace(wanted, found=few(_of_words(wanted))) if wanted.search.strip() else wanted


def found_by_status(wanted: InvoiceFilter) -> dict[InvoiceStatus, StatusCount] | None:
    """The same as `count_by_status`; None where words find more than a page may count."""
    if not wanted.search.strip():
        return count_by_status(wanted)
    ids = _of_words(wanted).limit(MOST_SUMMED + 1) if wanted.found is None else wanted.found
    found = ids.cte("found")
    size = select(func.count()).select_from(found).scalar_subquery()
    rows = db.session.execute(
        select(Invoice.status, func.count(), func.sum(Invoice.principal), size)
        .where(Invoice.id.in_(select(found.c.id)))
        .group_by(Invoice.status)
    ).all()
    if rows and rows[0][-1] > MOST_SUMMED:
        return None
    return _counts(rows)


def _of_words(wanted: InvoiceFilter) -> CompoundSelect[int]:
    """The ids that they find, of whatever status."""
    words, others = wanted.search.strip(), replace(wanted, search="", status=None)
    return union_all(*(_narrowed(kind, others) for kind in _kinds(words, others)))


def count_by_status(wanted: InvoiceFilter = EVERYTHING) -> dict[InvoiceStatus, StatusCount]:
    """Counts for every status in `STATUS_ORDER`, zeros too. The filter's own status does not count: tabs show all of
    them. Words are for `found_by_status`."""
    if replace(wanted, status=None, scope=Scope(), supplier_id=None, purchaser_id=None) == EVERYTHING:
        kept = _scope_conditions(wanted.scope, InvoiceCount)
        kept += _scope_conditions(Scope(wanted.supplier_id, wanted.purchaser_id), InvoiceCount)
        statement = select(
            InvoiceCount.status, func.sum(InvoiceCount.invoices), func.sum(InvoiceCount.principal)
        )
        statement = statement.where(*kept).group_by(InvoiceCount.status)
    else:
        statement = select(Invoice.status, func.count(), func.sum(Invoice.principal)).group_by(Invoice.status)
        statement = _narrowed(statement.select_from(Invoice), replace(wanted, status=None))
    return _counts(db.session.execute(statement))


def _counts(rows: Iterable[Any]) -> dict[InvoiceStatus, StatusCount]:
    found = {status: StatusCount(int(count), int(total)) for status, count, total, *_ in rows}
    return {status: found.get(status, StatusCount()) for status in STATUS_ORDER}


def statuses_of(invoice_ids: Collection[int], scope: Scope) -> list[StatusNow]:
    """The present statuses of those of the invoices that may be seen."""
    statement = (
        select(Invoice.id, Invoice.status, Shipment.status)
        .outerjoin(Shipment, TRACKED)
        .where(Invoice.id.in_(invoice_ids), *_scope_conditions(scope))
    )
    return [StatusNow(*row) for row in db.session.execute(statement)]


def invoice_in(scope: Scope, invoice_id: int) -> Invoice:
    """The invoice with its two companies; raises `NotFound` when it does not exist or may not be seen."""
    return existing(
        db.session.scalar(
            select(Invoice)
            .options(joinedload(Invoice.supplier), joinedload(Invoice.purchaser))
            .where(Invoice.id == invoice_id, *_scope_conditions(scope))
            .execution_options(populate_existing=True)
        ),
        say("invoice"),
    )


def shipment_of(invoice_id: int) -> Shipment | None:
    """The shipment with its events and documents; of a refused request only what was asked for."""
    return db.session.scalar(
        select(Shipment)
        .options(selectinload(Shipment.events), selectinload(Shipment.documents))
        .where(Shipment.invoice_id == invoice_id)
        .execution_options(populate_existing=True)
    )


def disbursal_of(invoice_id: int) -> Disbursal | None:
    """The disbursal that the invoice is in now, or was paid with."""
    return db.session.scalar(
        select(Disbursal)
        .join(DisbursalLine, DisbursalLine.disbursal_id == Disbursal.id)
        .where(DisbursalLine.invoice_id == invoice_id, DisbursalLine.state != LineState.REMOVED)
    )


def _rows(wanted: InvoiceFilter) -> Select[*tuple[Any, ...]]:
    statement: Select[*tuple[Any, ...]] = select(
        *columns_of(Invoice, InvoiceRow),
        SUPPLIER.name.label("supplier"),
        PURCHASER.name.label("purchaser"),
        Shipment.carrier,
        Shipment.status.label("shipment_status"),
        Disbursal.reference.label("disbursal"),
        Loan.reference.label("loan"),
        Loan.start_date,
        Loan.due_date,
        Loan.platform_reference,
    )
    # An invoice has at most one live line and one loan, so none doubles.
    joined = (
        statement.select_from(Invoice)
        .join(SUPPLIER, SUPPLIER.id == Invoice.supplier_id)
        .join(PURCHASER, PURCHASER.id == Invoice.purchaser_id)
        .outerjoin(
            DisbursalLine,
            (DisbursalLine.invoice_id == Invoice.id) & (DisbursalLine.state != LineState.REMOVED),
        )
        .outerjoin(Disbursal, Disbursal.id == DisbursalLine.disbursal_id)
        .outerjoin(Loan, (Loan.invoice_id == Invoice.id) & Loan.reversed_on.is_(None))
        .outerjoin(Shipment, TRACKED)
    )
    return _narrowed(joined, wanted)


def _narrowed(statement: Select[*Columns], wanted: InvoiceFilter) -> Select[*Columns]:
    """By all but the words, which find their invoices beforehand."""
    conditions = _scope_conditions(wanted.scope)
    conditions += _scope_conditions(Scope(wanted.supplier_id, wanted.purchaser_id))
    if wanted.status:
        conditions.append(Invoice.status == wanted.status)
    if wanted.since is not None:
        conditions.append(Invoice.requested_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(Invoice.requested_at < wanted.until)
    return statement.where(*conditions)


def _kinds(words: str, wanted: InvoiceFilter) -> list[Select[int]]:
    """The ids of invoices that a search finds, by each kind of name. Companies and disbursals are found first, so that
    the database knows how many invoices they have; a company's invoices are each asked for their disbursal."""
    companies = db.session.scalars(select(Customer.id).where(has(words, Customer.name))).all()
    disbursals = db.session.scalars(
        select(Disbursal.id).where(has(words, Disbursal.reference, Disbursal.bank_reference))
    ).all()
    ids = select(Invoice.id)
    kinds = [
        ids.where(has(words, Invoice.number)),
        ids.join(Loan, Loan.invoice_id == Invoice.id).where(
            has(words, Loan.reference, Loan.platform_reference), Loan.reversed_on.is_(None)
        ),
    ]
    if companies:
        kinds += [ids.where(side.in_(companies)) for side in (Invoice.supplier_id, Invoice.purchaser_id)]
    if disbursals:
        live = (DisbursalLine.invoice_id == Invoice.id) & (DisbursalLine.state != LineState.REMOVED)
        disbursal = select(DisbursalLine.disbursal_id).where(live).scalar_subquery()
        of_company = wanted.scope != Scope() or wanted.supplier_id or wanted.purchaser_id
        kinds.append(
            ids.where(disbursal.in_(disbursals))
            if of_company
            else ids.join(DisbursalLine, live).where(DisbursalLine.disbursal_id.in_(disbursals))
        )
    return kinds


def invoices_named(words: str) -> CompoundSelect[int]:
    """The ids of invoices whose number, companies or loan a search finds, each kind of name by an index of its own."""
    companies = select(Customer.id).where(has(words, Customer.name)).scalar_subquery()
    loans = has(words, Loan.reference, Loan.platform_reference)
    return union(
        select(Invoice.id).where(has(words, Invoice.number)),
        select(Invoice.id).where(Invoice.supplier_id.in_(companies)),
        select(Invoice.id).where(Invoice.purchaser_id.in_(companies)),
        select(Loan.invoice_id).where(loans, Loan.reversed_on.is_(None)),
    )


def _scope_conditions(scope: Scope, of: type[Invoice] | type[InvoiceCount] = Invoice) -> list[Any]:
    return between_companies(of, scope.supplier_id, scope.purchaser_id)
