"""What is in a disbursal: its lines, and their sums by supplier."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, func, literal, select, text, tuple_
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import aliased

from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.domain.delivery.shipments import ShipmentStatus
from tusker.domain.status import Status
from tusker.extensions import db
from tusker.models import (
    DisbursalLine,
    DisbursalStatus,
    Invoice,
    LineState,
    Loan,
    Payable,
    PayableLine,
    Payout,
    Shipment,
)
from tusker.queries.columns import PURCHASER, SUPPLIER

LOST = frozenset({"returned", "cancelled"})
"""Statuses of a shipment whose goods the purchaser does not have, or no longer has."""


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
    state: LineState
    reason: str | None
    payout_id: int | None
    instructed_before: str | None
    """Earlier payouts that it was in, with what became of them."""
    invoice_status: InvoiceStatus
    shipment_status: ShipmentStatus
    loan: str | None
    start_date: date | None
    due_date: date | None
    platform_reference: str | None

    @property
    def shown_state(self) -> Status:
        """The state as pages show it: a line whose loan was undone is more than taken out."""
        undone = self.state == LineState.REMOVED and self.loan is not None
        return DisbursalStatus.REVERSED if undone else self.state

    @property
    def out(self) -> bool:
        """Whether it was taken out before the release; lines of payouts that the bank rejected or returned were
        not."""
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
    last_id: int | None
    """The invoice of its last line, by number; None without lines."""


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


def supplier_sums(disbursal_id: int) -> list[SupplierSum]:
    """The suppliers of a disbursal by name, also those whose lines were all taken out, or who are only passed on what
    their purchasers paid."""
    out = (DisbursalLine.state == LineState.REMOVED) & DisbursalLine.payout_id.is_(None)
    by_number = aggregate_order_by(Invoice.id, Invoice.number.desc(), Invoice.id.desc())
    query = (
        select(
            SUPPLIER.id,
            SUPPLIER.name,
            func.count().label("lines"),
            func.count().filter(out).label("taken_out"),
            func.array_agg(by_number)[1].label("last_id"),
        )
        .select_from(DisbursalLine)
        .join(Invoice, Invoice.id == DisbursalLine.invoice_id)
        .join(SUPPLIER, SUPPLIER.id == Invoice.supplier_id)
        .where(DisbursalLine.disbursal_id == disbursal_id)
        .group_by(SUPPLIER.id)
        .order_by(SUPPLIER.name, SUPPLIER.id)
    )
    found = [SupplierSum(**row) for row in db.session.execute(query).mappings()]
    only_passed_on = (
        select(SUPPLIER.id, SUPPLIER.name)
        .join(Payable, Payable.supplier_id == SUPPLIER.id)
        .join(PayableLine, PayableLine.payable_id == Payable.id)
        .where(PayableLine.disbursal_id == disbursal_id, SUPPLIER.id.not_in([each.id for each in found]))
        .distinct()
    )
    found += [SupplierSum(row.id, row.name, 0, 0, None) for row in db.session.execute(only_passed_on)]
    return sorted(found, key=lambda each: (each.name, each.id))


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


def _lines(disbursal_id: int) -> Select[*tuple[Any, ...]]:
    return (
        select(
            DisbursalLine.invoice_id,
            Invoice.number,
            Invoice.supplier_id,
            SUPPLIER.name.label("supplier"),
            SUPPLIER.reference.label("supplier_reference"),
            Invoice.purchaser_id,
            PURCHASER.name.label("purchaser"),
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
            Loan.platform_reference,
        )
        .join(Invoice, Invoice.id == DisbursalLine.invoice_id)
        .join(SUPPLIER, SUPPLIER.id == Invoice.supplier_id)
        .join(PURCHASER, PURCHASER.id == Invoice.purchaser_id)
        .join(Shipment, Shipment.invoice_id == Invoice.id)
        .outerjoin(Loan, (Loan.invoice_id == Invoice.id) & (Loan.disbursal_id == DisbursalLine.disbursal_id))
        .where(DisbursalLine.disbursal_id == disbursal_id)
        .order_by(SUPPLIER.name, Invoice.supplier_id, Invoice.number, Invoice.id)
    )
