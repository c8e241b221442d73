"""From rows and the services' values to the models of `/api/v1`; no database access."""

from collections.abc import Sequence
from datetime import date, datetime

from tusker import models
from tusker.api import schemas
from tusker.api.credit import invoice_schemas
from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.domain.credit.limits import Bound, LimitUse, LineState
from tusker.domain.credit.limits import Refusal as DomainRefusal
from tusker.domain.delivery.financeable import Condition
from tusker.domain.delivery.shipments import ShipmentStatus
from tusker.queries.api import CompanyInvoice
from tusker.queries.credit.credit_lines import LineRow
from tusker.queries.credit.waiting import WaitingRow
from tusker.queries.loans.expected import Plan
from tusker.queries.loans.loan_rows import LoanRow
from tusker.queries.record.events import for_company
from tusker.services.credit.requesting.financing import Decision
from tusker.services.credit.requesting.offers import Quote
from tusker.services.credit.standing import why_closed


def money(minor: int) -> schemas.Money:
    """Minor units in both spellings."""
    return schemas.Money.model_validate(minor)


def limit(use: LimitUse, *, own: bool = True) -> schemas.Limit:
    """A limit; of another company's own only what is left."""
    return schemas.Limit.of(use) if own else schemas.Limit.of(use, limit=None, used=None, waiting=None)


def limits_for_supplier(found: Sequence[tuple[Bound, LimitUse]], available: int) -> schemas.Limits:
    """All three limits, the purchaser's own without its size."""
    uses = dict(found)
    return schemas.Limits(
        credit_line=limit(uses[Bound.CREDIT_LINE]),
        supplier=limit(uses[Bound.SUPPLIER]),
        purchaser=limit(uses[Bound.PURCHASER], own=False),
        available=money(available),
    )


def limits_for_purchaser(row: LineRow) -> schemas.Limits:
    """The limits that a purchaser sees: the line's and its own, without what the supplier's own leaves."""
    uses = dict(row.limits.in_order())
    line, own = uses[Bound.CREDIT_LINE], uses[Bound.PURCHASER]
    return schemas.Limits(
        credit_line=limit(line),
        supplier=None,
        purchaser=limit(own),
        available=money(
            row.leeway.within(min(line.available, own.available)) if row.state is LineState.ACTIVE else 0
        ),
    )


def refusal(found: DomainRefusal | None) -> schemas.Refusal | None:
    """The limit that did not hold, or None."""
    return None if found is None else lacks(found)[0]


def lacks(found: DomainRefusal | None) -> list[schemas.Refusal]:
    """All limits that did not hold."""
    rows = found.lacks if found else ()
    return [schemas.Refusal(bound=bound, lacking=money(lacking)) for bound, lacking in rows]


def plan(found: Plan | None) -> schemas.Plan | None:
    """Which repayments make room, or None."""
    if found is None:
        return None
    rows = [schemas.Repayment.of(row, due_on=row.due_date) for row in found.repayments]
    return schemas.Plan(repayments=rows, fits_on=found.fits_on)


def waiting(
    found: models.WaitingRequest, place: WaitingRow | None, expected: Plan | None
) -> invoice_schemas.Waiting:
    """A place on the waiting list; `place` is what it waits for while it does."""
    return invoice_schemas.Waiting.of(
        found,
        number=found.invoice.number,
        place=place.place if place else None,
        lacks=lacks(place.refusal) if place else [],
        plan=plan(expected),
        reason=found.words,
        admitted_invoice_id=found.admitted_id,
    )


def quote(found: Quote) -> schemas.Quote:
    """A quote, which only the supplier gets."""
    costs = {name: getattr(found.costs, name) for name in ("interest", "fee", "cost", "payout", "due_on")}
    return schemas.Quote.of(
        found,
        **costs,
        due_at_term=found.costs.at_term.total,
        purchaser=schemas.Company(id=found.purchaser_id, name=found.purchaser_name),
        limits=limits_for_supplier(found.limits.in_order(), found.available),
        refusal=refusal(found.refusal),
        lacks=lacks(found.refusal),
        plan=plan(found.plan),
        rules=found.rules.lines,
    )


def credit_line(found: models.CreditLine, row: LineRow, company_id: int, today: date) -> schemas.CreditLine:
    """A credit line as one of its two companies sees it."""
    as_supplier = found.supplier_id == company_id
    uses = row.limits.in_order()
    return schemas.CreditLine.of(
        found,
        side="supplier" if as_supplier else "purchaser",
        supplier=schemas.Company(id=found.supplier_id, name=found.supplier.customer.name),
        purchaser=schemas.Company(id=found.purchaser_id, name=found.purchaser.customer.name),
        status=str(found.status),
        open=row.state is LineState.ACTIVE,
        closed_because=why_closed([row], today, seen_by=company_id).get(row.id),
        limits=limits_for_supplier(uses, row.available) if as_supplier else limits_for_purchaser(row),
    )


def invoice(
    found: CompanyInvoice,
    company_id: int,
    loan_row: LoanRow | None,
    missing: Sequence[Condition],
    events: Sequence[models.Event] | None = None,
    expected: Plan | None = None,
) -> invoice_schemas.Invoice:
    """An invoice as one of its two companies sees it; `events` None leaves the timeline out, `expected` is what makes
    room for a refused one.

    `missing` are the conditions of financing that do not hold.
    """
    row = found.invoice
    as_supplier = row.supplier_id == company_id
    refused = row.refusal if as_supplier else None
    return invoice_schemas.Invoice.of(
        row,
        side="supplier" if as_supplier else "purchaser",
        supplier=schemas.Company(id=row.supplier_id, name=found.supplier),
        purchaser=schemas.Company(id=row.purchaser_id, name=found.purchaser),
        refusal=refusal(refused),
        lacks=lacks(refused),
        plan=plan(expected) if as_supplier else None,
        waits_for=missing,
        answer=answer(row),
        shipment=None if found.shipment is None else shipment(found.shipment),
        loan=None if loan_row is None else loan(loan_row),
        events=None if events is None else for_company(events, as_supplier=as_supplier),
    )


def decided(found: Decision, now: datetime, missing: Sequence[Condition]) -> invoice_schemas.Invoice:
    """A request that was decided just now, as its supplier sees it: what `invoice` makes of its rows."""
    asked, refused = found.quote, found.refusal
    shipped = None
    if not refused:
        shipped = invoice_schemas.Shipment(
            carrier=asked.carrier,
            order_ref=asked.order_ref,
            status=ShipmentStatus.PENDING,
            eta=None,
            checked_at=None,
        )
    return invoice_schemas.Invoice.of(
        asked,
        id=found.invoice_id,
        side="supplier",
        status=InvoiceStatus.REJECTED if refused else InvoiceStatus.APPROVED,
        supplier=schemas.Company(id=asked.supplier_id, name=asked.supplier_name),
        purchaser=schemas.Company(id=asked.purchaser_id, name=asked.purchaser_name),
        requested_at=now,
        financeable_at=None,
        closed_at=now if refused else None,
        refusal=refusal(refused),
        lacks=lacks(refused),
        plan=plan(asked.plan) if refused else None,
        waits_for=missing,
        answer=None,
        shipment=shipped,
        loan=None,
        events=None,
    )


def answer(row: models.Invoice) -> invoice_schemas.Answer | None:
    """What the purchaser said, or None."""
    if row.purchaser_answer is None or row.answered_at is None:
        return None
    return invoice_schemas.Answer.of(
        row,
        answer=row.purchaser_answer,
        at=row.answered_at,
        amount=row.answered_amount,
        grounds=row.answer_grounds,
        reason=row.answer_reason,
        settled=row.overruled_at is not None,
    )


def shipment(row: models.Shipment) -> invoice_schemas.Shipment:
    """Where the goods are."""
    return invoice_schemas.Shipment.of(row, checked_at=row.last_polled_at)


def loan(row: LoanRow) -> invoice_schemas.Loan:
    """A loan with what is owed live and at term."""
    return invoice_schemas.Loan.of(row, deducted=row.debt.deducted.total)
