"""The queue of invoices to be financed, and the disbursals made of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Date, Select, cast, func, literal, or_, select, text, tuple_
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import aliased

from tusker.domain.lifecycle import InvoiceStatus
from tusker.extensions import db
from tusker.models import (
    Customer,
    Disbursal,
    DisbursalLine,
    DisbursalStatus,
    Invoice,
    LineState,
    Loan,
    Payout,
    PayoutState,
    Shipment,
)

OPEN = (DisbursalStatus.DRAFT, DisbursalStatus.APPROVED, DisbursalStatus.RELEASED)
"""Disbursals that wait for an approval, the release or the bank."""

LOST = frozenset({"returned", "cancelled"})
"""Statuses of a shipment whose goods the purchaser does not have, or not any more."""

_supplier = aliased(Customer)
_purchaser = aliased(Customer)


class QueueOrder(StrEnum):
    """How the queue is put in order; by company it is grouped, too."""

    WAITING = "waiting"
    SUPPLIER = "supplier"
    PURCHASER = "purchaser"


@dataclass(frozen=True, slots=True)
class QueueRow:
    """An invoice that waits to be financed; money in minor units, `days` since it was delivered.

    `remaining` counts the rows from this page's first one to the end of the queue.
    """

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
    remaining: int
    failure: str | None
    """Why its last payout was not made, or came back; None when it was in none."""


@dataclass(frozen=True, slots=True)
class QueueSum:
    """Invoices of the queue and their principal in minor units."""

    count: int
    principal: int


@dataclass(frozen=True, slots=True)
class DisbursalRow:
    """A disbursal with what is in it; principal in minor units, without the invoices taken out."""

    id: int
    reference: str
    business_date: date
    origin: str
    status: str
    bank_reference: str | None
    value_date: date | None
    execution_date: date | None
    created_at: datetime
    approved_at: datetime | None
    approved_digest: str | None
    released_at: datetime | None
    closed_at: datetime | None
    maker_ids: Sequence[int]
    approved_by: int | None
    released_by: int | None
    invoices: int
    suppliers: int
    taken_out: int
    principal: int
    payouts: int
    payouts_open: int
    payouts_confirmed: int
    payouts_failed: int
    payouts_answered: int
    """Of those that need a transfer, how many the bank has answered for."""

    @property
    def in_part(self) -> bool:
        """Whether the bank made some of its payouts only."""
        return self.payouts_failed > 0 and self.payouts_confirmed > 0


@dataclass(frozen=True, slots=True)
class LineRow:
    """An invoice in a disbursal; principal in minor units. The loan is there once the payout is confirmed."""

    invoice_id: int
    number: str
    supplier_id: int
    supplier: str
    supplier_reference: str | None
    purchaser_id: int
    purchaser: str
    principal: int
    state: str
    reason: str | None
    payout_id: int | None
    instructed_before: str | None
    """Earlier payouts that it was in, with what became of them."""
    invoice_status: str
    shipment_status: str
    loan: str | None
    start_date: date | None
    due_date: date | None

    @property
    def out(self) -> bool:
        """Whether it was taken out before the release; what the bank rejected or gave back had been in it."""
        return self.state == LineState.REMOVED and self.payout_id is None

    @property
    def may_come_back(self) -> bool:
        """Whether it was taken out and still waits to be financed."""
        return self.out and self.invoice_status == InvoiceStatus.FINANCEABLE

    @property
    def shipment_lost(self) -> bool:
        """Whether the goods came back or were cancelled after the delivery."""
        return self.shipment_status in LOST


@dataclass(frozen=True, slots=True)
class SupplierSum:
    """A supplier's part of a disbursal: all its lines, and how many of them were taken out before the release."""

    id: int
    name: str
    lines: int
    taken_out: int
    last_id: int
    """The invoice of its last line, by number."""


def queue_page(
    order: QueueOrder, *, today: date, zone: str, search: str = "", after: int | None = None, limit: int
) -> list[QueueRow]:
    """Financeable invoices in an order; `after` is the id of the last row shown (it may have left the queue).

    `zone` is the name of the time zone in which days are counted.
    """
    key = _order_key(order)
    delivered_on = cast(func.timezone(zone, Invoice.financeable_at), Date)
    query = _queue(
        search,
        Invoice.id,
        Invoice.number,
        Invoice.supplier_id,
        _supplier.name.label("supplier"),
        Invoice.purchaser_id,
        _purchaser.name.label("purchaser"),
        Invoice.amount,
        Invoice.principal,
        Invoice.financeable_at,
        (literal(today, Date) - delivered_on).label("days"),
        func.count().over().label("remaining"),
        _last_failure().label("failure"),
    )
    if after is not None:
        last = db.session.execute(
            select(key, Invoice.id)
            .join(_supplier, _supplier.id == Invoice.supplier_id)
            .join(_purchaser, _purchaser.id == Invoice.purchaser_id)
            .where(Invoice.id == after)
        ).first()
        if last is not None:
            query = query.where(tuple_(key, Invoice.id) > tuple_(*(literal(value) for value in last)))
    rows = db.session.execute(query.order_by(key, Invoice.id).limit(limit)).mappings()
    return [QueueRow(**row) for row in rows]


def queue_total(search: str = "") -> QueueSum:
    """Size of the whole queue, or of what `search` finds in it."""
    row = db.session.execute(_queue(search, func.count(), _principal_sum())).one()
    return QueueSum(*row)


def queue_groups(order: QueueOrder, search: str = "") -> dict[int, QueueSum]:
    """Size of each company's part of the queue, by customer id; empty when the order is not by company."""
    if order is QueueOrder.WAITING:
        return {}
    company = Invoice.supplier_id if order is QueueOrder.SUPPLIER else Invoice.purchaser_id
    rows = db.session.execute(_queue(search, company, func.count(), _principal_sum()).group_by(company))
    return {company_id: QueueSum(count, principal) for company_id, count, principal in rows}


def financeable_ids() -> list[int]:
    """Ids of all invoices that wait to be financed."""
    return list(db.session.scalars(select(Invoice.id).where(Invoice.status == InvoiceStatus.FINANCEABLE)))


def _order_key(order: QueueOrder) -> Any:
    return {
        QueueOrder.WAITING: Invoice.financeable_at,
        QueueOrder.SUPPLIER: _supplier.name,
        QueueOrder.PURCHASER: _purchaser.name,
    }[order]


def _principal_sum() -> ColumnElement[int]:
    return func.coalesce(func.sum(Invoice.principal), 0).cast(db.BigInteger)


def _queue(search: str, *columns: Any) -> Select[Any]:
    query = (
        select(*columns)
        .select_from(Invoice)
        .join(_supplier, _supplier.id == Invoice.supplier_id)
        .join(_purchaser, _purchaser.id == Invoice.purchaser_id)
        .where(Invoice.status == InvoiceStatus.FINANCEABLE)
    )
    words = search.strip()
    if words:
        names = (Invoice.number, _supplier.name, _purchaser.name)
        query = query.where(or_(*(name.icontains(words, autoescape=True) for name in names)))
    return query


def disbursals_page(
    *,
    status: str | None = None,
    search: str = "",
    before: int | None = None,
    after: int | None = None,
    limit: int,
) -> list[DisbursalRow]:
    """A page of disbursals, newest first; `before` or `after` is the id at the edge of the page next to it."""
    query = _disbursals()
    if status:
        query = query.where(Disbursal.status == status)
    if words := search.strip():
        names = (Disbursal.reference, Disbursal.bank_reference)
        query = query.where(or_(*(name.icontains(words, autoescape=True) for name in names)))
    if after is not None:
        newer = _disbursal_rows(query.where(Disbursal.id > after).order_by(Disbursal.id).limit(limit))
        return list(reversed(newer))
    if before is not None:
        query = query.where(Disbursal.id < before)
    return _disbursal_rows(query.order_by(Disbursal.id.desc()).limit(limit))


def open_disbursals() -> list[DisbursalRow]:
    """The disbursals for which somebody has to do something, oldest first."""
    return _disbursal_rows(_disbursals().where(Disbursal.status.in_(OPEN)).order_by(Disbursal.id))


def disbursal_row(disbursal_id: int) -> DisbursalRow | None:
    """One disbursal with its sums."""
    rows = _disbursal_rows(_disbursals().where(Disbursal.id == disbursal_id))
    return rows[0] if rows else None


def daily_disbursal(day: date) -> DisbursalRow | None:
    """The disbursal that the daily run of a business day made, unless it was dropped."""
    rows = _disbursal_rows(
        _disbursals().where(
            Disbursal.business_date == day,
            Disbursal.origin == "daily",
            Disbursal.status.not_in([DisbursalStatus.DROPPED, DisbursalStatus.REVERSED]),
        )
    )
    return rows[0] if rows else None


def _disbursals() -> Select[Any]:
    # Lines of a payout that failed are removed too, but were released: their payouts tell.
    live = or_(DisbursalLine.state != LineState.REMOVED, DisbursalLine.payout_id.is_not(None))
    sums = (
        select(
            func.count().filter(live).label("invoices"),
            func.count(Invoice.supplier_id.distinct()).filter(live).label("suppliers"),
            func.count().filter(~live).label("taken_out"),
            func.coalesce(func.sum(DisbursalLine.principal).filter(live), 0)
            .cast(db.BigInteger)
            .label("principal"),
        )
        .select_from(DisbursalLine)
        .join(Invoice, Invoice.id == DisbursalLine.invoice_id)
        .where(DisbursalLine.disbursal_id == Disbursal.id)
        .lateral("sums")
    )
    states = (
        select(
            func.count().label("payouts"),
            func.count().filter(Payout.state == PayoutState.INSTRUCTED).label("payouts_open"),
            func.count().filter(Payout.state == PayoutState.CONFIRMED).label("payouts_confirmed"),
            func.count()
            .filter(Payout.state.in_([PayoutState.REJECTED, PayoutState.RETURNED]))
            .label("payouts_failed"),
            func.count()
            .filter(Payout.net > 0, Payout.state != PayoutState.INSTRUCTED)
            .label("payouts_answered"),
        )
        .where(Payout.disbursal_id == Disbursal.id)
        .lateral("states")
    )
    return (
        select(
            Disbursal.id,
            Disbursal.reference,
            Disbursal.business_date,
            Disbursal.origin,
            Disbursal.status,
            Disbursal.bank_reference,
            Disbursal.value_date,
            Disbursal.execution_date,
            Disbursal.created_at,
            Disbursal.approved_at,
            Disbursal.approved_digest,
            Disbursal.released_at,
            Disbursal.closed_at,
            Disbursal.maker_ids,
            Disbursal.approved_by,
            Disbursal.released_by,
            *sums.c,
            *states.c,
        )
        .select_from(Disbursal)
        .join(sums, literal(True))
        .join(states, literal(True))
    )


def _disbursal_rows(query: Select[Any]) -> list[DisbursalRow]:
    return [DisbursalRow(**row) for row in db.session.execute(query).mappings()]


def _instructed_before() -> Any:
    """As text: “P-1-7 rejected: AC04 closed account”, for each earlier payout of the line's invoice."""
    earlier = aliased(DisbursalLine)
    why = func.coalesce(literal(": ") + Payout.reason, literal(""))
    words = func.string_agg(Payout.reference + literal(" ") + Payout.state + why, literal(", "))
    return (
        select(words)
        .join(earlier, earlier.payout_id == Payout.id)
        .where(
            earlier.invoice_id == DisbursalLine.invoice_id,
            earlier.disbursal_id < DisbursalLine.disbursal_id,
        )
        .correlate(DisbursalLine)
        .scalar_subquery()
    )


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


def supplier_sums(disbursal_id: int) -> list[SupplierSum]:
    """The suppliers of a disbursal by name, also those of which everything was taken out."""
    out = (DisbursalLine.state == LineState.REMOVED) & DisbursalLine.payout_id.is_(None)
    by_number = aggregate_order_by(Invoice.id, Invoice.number.desc(), Invoice.id.desc())
    query = (
        select(
            _supplier.id,
            _supplier.name,
            func.count().label("lines"),
            func.count().filter(out).label("taken_out"),
            func.array_agg(by_number)[1].label("last_id"),
        )
        .select_from(DisbursalLine)
        .join(Invoice, Invoice.id == DisbursalLine.invoice_id)
        .join(_supplier, _supplier.id == Invoice.supplier_id)
        .where(DisbursalLine.disbursal_id == disbursal_id)
        .group_by(_supplier.id)
        .order_by(_supplier.name, _supplier.id)
    )
    return [SupplierSum(**row) for row in db.session.execute(query).mappings()]


def covered_lines(disbursal_id: int) -> list[tuple[int, int, int]]:
    """Of every line that is to be paid: invoice id, principal in minor units, supplier id."""
    query = (
        select(DisbursalLine.invoice_id, DisbursalLine.principal, Invoice.supplier_id)
        .join(Invoice, Invoice.id == DisbursalLine.invoice_id)
        .where(DisbursalLine.disbursal_id == disbursal_id, DisbursalLine.state == LineState.INCLUDED)
    )
    return [
        (invoice_id, principal, supplier) for invoice_id, principal, supplier in db.session.execute(query)
    ]


def lost_numbers(disbursal_id: int) -> list[str]:
    """Numbers of the invoices in it whose goods came back or were cancelled after the delivery."""
    query = (
        select(Invoice.number)
        .join(DisbursalLine, DisbursalLine.invoice_id == Invoice.id)
        .join(Shipment, Shipment.invoice_id == Invoice.id)
        .where(
            DisbursalLine.disbursal_id == disbursal_id,
            DisbursalLine.state != LineState.REMOVED,
            Shipment.status.in_(LOST),
        )
        .order_by(Invoice.number)
    )
    return list(db.session.scalars(query))


# A box that was shown counts as it was ticked, every other line as it is saved.
_TICKED = text(
    """
    SELECT l.invoice_id FROM disbursal_lines l JOIN invoices i ON i.id = l.invoice_id
    WHERE l.disbursal_id = :disbursal_id AND CASE
        WHEN :all_shown OR l.invoice_id = ANY(CAST(:shown AS bigint[])) THEN
            l.invoice_id = ANY(CAST(:chosen AS bigint[]))
            AND (l.state <> 'removed' OR l.payout_id IS NOT NULL OR i.status = 'financeable')
        ELSE l.state <> 'removed' END
    """
)


def ticked_lines(
    disbursal_id: int, chosen: Collection[int], shown: Collection[int] | None = None
) -> set[int]:
    """The invoices that a disbursal holds with the boxes as they were ticked: `chosen` of those `shown` (None: all)."""
    values = {
        "disbursal_id": disbursal_id,
        "all_shown": shown is None,
        "shown": list(shown or ()),
        "chosen": list(chosen),
    }
    return set(db.session.scalars(_TICKED, values))


def disbursal_lines(
    disbursal_id: int,
    *,
    supplier_id: int | None = None,
    after: int | None = None,
    ids: Collection[int] | None = None,
    limit: int | None = None,
) -> list[LineRow]:
    """The invoices of a disbursal by supplier and number, with those taken out: all, a supplier's, or `ids`.

    `after` is the invoice of the last line shown of that supplier.
    """
    query = _lines(disbursal_id).limit(limit)
    if supplier_id is not None:
        query = query.where(Invoice.supplier_id == supplier_id)
    if after is not None:
        last = select(Invoice.number).where(Invoice.id == after).scalar_subquery()
        query = query.where(tuple_(Invoice.number, Invoice.id) > tuple_(last, literal(after)))
    if ids is not None:
        query = query.where(DisbursalLine.invoice_id.in_(ids))
    return [LineRow(**row) for row in db.session.execute(query).mappings()]


def _lines(disbursal_id: int) -> Select[Any]:
    return (
        select(
            DisbursalLine.invoice_id,
            Invoice.number,
            Invoice.supplier_id,
            _supplier.name.label("supplier"),
            _supplier.reference.label("supplier_reference"),
            Invoice.purchaser_id,
            _purchaser.name.label("purchaser"),
            DisbursalLine.principal,
            DisbursalLine.state,
            DisbursalLine.reason,
            DisbursalLine.payout_id,
            _instructed_before().label("instructed_before"),
            Invoice.status.label("invoice_status"),
            Shipment.status.label("shipment_status"),
            Loan.reference.label("loan"),
            Loan.start_date,
            Loan.due_date,
        )
        .join(Invoice, Invoice.id == DisbursalLine.invoice_id)
        .join(_supplier, _supplier.id == Invoice.supplier_id)
        .join(_purchaser, _purchaser.id == Invoice.purchaser_id)
        .join(Shipment, Shipment.invoice_id == Invoice.id)
        .outerjoin(Loan, (Loan.invoice_id == Invoice.id) & (Loan.disbursal_id == DisbursalLine.disbursal_id))
        .where(DisbursalLine.disbursal_id == disbursal_id)
        .order_by(_supplier.name, Invoice.supplier_id, Invoice.number, Invoice.id)
    )
