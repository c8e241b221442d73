"""From rows and the services' values to the models of `/api/v1`; no database access."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from tusker import models
from tusker.api import invoice_schemas, schemas
from tusker.currency import currency
from tusker.domain.financeable import Condition, Grounds, PurchaserAnswer
from tusker.domain.interest import AmountDue
from tusker.domain.lifecycle import InvoiceStatus
from tusker.domain.limits import Bound, LimitUse, LineState
from tusker.domain.limits import Refusal as DomainRefusal
from tusker.domain.shipments import ShipmentStatus
from tusker.domain.terms import Terms as DomainTerms
from tusker.queries.api import CompanyInvoice
from tusker.queries.credit.credit_lines import LineRow
from tusker.queries.credit.waiting import WaitingRow
from tusker.queries.loans.expected import Plan
from tusker.queries.loans.loan_rows import LoanRow
from tusker.queries.record.events import CompanyEvent, for_company
from tusker.services.credit.requesting.financing import Decision
from tusker.services.credit.requesting.offers import Quote
from tusker.services.credit.standing import why_closed


def money(minor: int) -> schemas.Money:
    """Minor units in both spellings."""
    configured = currency()
    return schemas.Money(minor=minor, value=configured.plain(minor), currency=configured.code)


def rate(fraction: Decimal) -> str:
    """A fraction as decimal text without trailing zeros and without an exponent: 0.180000 → 0.18."""
    text = f"{fraction:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def terms(found: DomainTerms) -> schemas.Terms:
    """Terms with their rates as text."""
    return schemas.Terms(
        advance_rate=rate(found.advance_rate),
        apr=rate(found.apr),
        tenor_days=found.tenor_days,
        day_count=found.day_count,
        interest_method=found.interest_method,
        fee_flat=money(found.fee_flat),
        fee_rate=rate(found.fee_rate),
        fee_min=money(found.fee_min),
        fee_max=None if found.fee_max is None else money(found.fee_max),
        interest_timing=found.interest_timing,
        grace_days=found.grace_days,
        penal_rate=rate(found.penal_rate),
        recourse_days=found.recourse_days,
        due_convention=found.due_convention,
        collection=found.collection,
    )


def limit(use: LimitUse, *, own: bool = True) -> schemas.Limit:
    """A limit; of another company's own only what is left."""
    return schemas.Limit(
        limit=money(use.limit) if own else None,
        used=money(use.used) if own else None,
        waiting=money(use.waiting) if own else None,
        available=money(use.available),
    )


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
    rows = [
        schemas.Repayment(
            due_on=row.due_date, debtor=row.debtor, amount=None if row.amount is None else money(row.amount)
        )
        for row in found.repayments
    ]
    return schemas.Plan(repayments=rows, fits_on=found.fits_on)


def waiting(
    found: models.WaitingRequest, place: WaitingRow | None, expected: Plan | None
) -> invoice_schemas.Waiting:
    """A place on the waiting list; `place` is what it waits for while it does."""
    return invoice_schemas.Waiting(
        invoice_id=found.invoice_id,
        number=found.invoice.number,
        state=found.state,
        principal=money(found.principal),
        agreed_at_term=money(found.agreed_at_term),
        place=place.place if place else None,
        lacks=lacks(place.refusal) if place else [],
        plan=plan(expected),
        asked_at=found.asked_at,
        expires_at=found.expires_at,
        ended_at=found.ended_at,
        reason=found.words,
        admitted_invoice_id=found.admitted_id,
    )


def quote(found: Quote) -> schemas.Quote:
    """A quote, which only the supplier gets."""
    return schemas.Quote(
        order_ref=found.order_ref,
        carrier=found.carrier,
        number=found.number,
        shipment_status=found.shipment_status,
        purchaser=schemas.Company(id=found.purchaser_id, name=found.purchaser_name),
        credit_line_id=found.credit_line_id,
        terms_version=found.terms_version,
        terms=terms(found.terms),
        amount=money(found.amount),
        principal=money(found.principal),
        interest=money(found.interest),
        fee=money(found.fee),
        cost=money(found.cost),
        payout=money(found.payout),
        due_at_term=money(found.due_at_term),
        due_on=found.due_on,
        limits=limits_for_supplier(found.limits.in_order(), found.available),
        refusal=refusal(found.refusal),
        lacks=lacks(found.refusal),
        plan=plan(found.plan),
        largest=money(found.largest),
        rules=[
            schemas.Rule(kind=rule.kind, title=rule.title, bound=rule.bound, room=rule.room, holds=rule.holds)
            for rule in found.rules.lines
        ],
    )


def credit_line(found: models.CreditLine, row: LineRow, company_id: int, today: date) -> schemas.CreditLine:
    """A credit line as one of its two companies sees it."""
    as_supplier = found.supplier_id == company_id
    uses = row.limits.in_order()
    return schemas.CreditLine(
        id=found.id,
        side="supplier" if as_supplier else "purchaser",
        supplier=schemas.Company(id=found.supplier_id, name=found.supplier.customer.name),
        purchaser=schemas.Company(id=found.purchaser_id, name=found.purchaser.customer.name),
        status="active" if found.status == models.LineStatus.ACTIVE else "suspended",
        open=row.state is LineState.ACTIVE,
        closed_because=why_closed([row], today, seen_by=company_id).get(row.id),
        valid_from=found.valid_from,
        valid_to=found.valid_to,
        terms_version=found.terms_version,
        terms=terms(found.terms),
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
    return invoice_schemas.Invoice(
        id=row.id,
        number=row.number,
        side="supplier" if as_supplier else "purchaser",
        status=InvoiceStatus(row.status),
        supplier=schemas.Company(id=row.supplier_id, name=found.supplier),
        purchaser=schemas.Company(id=row.purchaser_id, name=found.purchaser),
        credit_line_id=row.credit_line_id,
        invoice_date=row.invoice_date,
        amount=money(row.amount),
        principal=money(row.principal),
        terms=terms(row.terms),
        requested_at=row.requested_at,
        financeable_at=row.financeable_at,
        closed_at=row.closed_at,
        refusal=refusal(refused),
        lacks=lacks(refused),
        plan=plan(expected) if as_supplier else None,
        waits_for=list(missing),
        answer=answer(row),
        shipment=None if found.shipment is None else shipment(found.shipment),
        loan=None if loan_row is None else loan(loan_row),
        events=None if events is None else [event(e) for e in for_company(events, as_supplier=as_supplier)],
    )


def decided(found: Decision, now: datetime, missing: Sequence[Condition]) -> invoice_schemas.Invoice:
    """A request that was decided just now, as its supplier sees it: what `invoice` makes of its rows."""
    asked, refused = found.quote, found.refusal
    return invoice_schemas.Invoice(
        id=found.invoice_id,
        number=asked.number,
        side="supplier",
        status=InvoiceStatus.REJECTED if refused else InvoiceStatus.APPROVED,
        supplier=schemas.Company(id=asked.supplier_id, name=asked.supplier_name),
        purchaser=schemas.Company(id=asked.purchaser_id, name=asked.purchaser_name),
        credit_line_id=asked.credit_line_id,
        invoice_date=asked.invoice_date,
        amount=money(asked.amount),
        principal=money(asked.principal),
        terms=terms(asked.terms),
        requested_at=now,
        financeable_at=None,
        closed_at=now if refused else None,
        refusal=refusal(refused),
        lacks=lacks(refused),
        plan=plan(asked.plan) if refused else None,
        waits_for=list(missing),
        answer=None,
        shipment=None
        if refused
        else invoice_schemas.Shipment(
            carrier=asked.carrier,
            order_ref=asked.order_ref,
            status=ShipmentStatus.PENDING,
            eta=None,
            checked_at=None,
        ),
        loan=None,
        events=None,
    )


def answer(row: models.Invoice) -> invoice_schemas.Answer | None:
    """What the purchaser said, or None."""
    if row.purchaser_answer is None or row.answered_at is None:
        return None
    return invoice_schemas.Answer(
        answer=PurchaserAnswer(row.purchaser_answer),
        at=row.answered_at,
        amount=None if row.answered_amount is None else money(row.answered_amount),
        grounds=None if row.answer_grounds is None else Grounds(row.answer_grounds),
        reason=row.answer_reason,
        settled=row.overruled_at is not None,
    )


def shipment(row: models.Shipment) -> invoice_schemas.Shipment:
    """Where the goods are."""
    return invoice_schemas.Shipment(
        carrier=row.carrier,
        order_ref=row.order_ref,
        status=ShipmentStatus(row.status),
        eta=row.eta,
        checked_at=row.last_polled_at,
    )


def loan(row: LoanRow) -> invoice_schemas.Loan:
    """A loan with what is owed live and at term."""
    return invoice_schemas.Loan(
        reference=row.reference,
        platform_reference=row.platform_reference,
        principal=money(row.principal),
        open_principal=money(row.open_principal),
        start_date=row.start_date,
        due_date=row.due_date,
        closed_on=row.closed_on,
        deducted=money(row.debt.deducted.total),
        recourse_on=row.recourse_on,
        live=owed(row.live),
        term=owed(row.term),
    )


def owed(due: AmountDue) -> invoice_schemas.Owed:
    """What is owed on a day, by component."""
    return invoice_schemas.Owed(
        as_of=due.as_of,
        principal=money(due.principal),
        interest=money(due.interest),
        fee=money(due.fee),
        penalty=money(due.penalty),
        total=money(due.total),
        days_past_due=due.days_past_due,
    )


def event(row: CompanyEvent) -> invoice_schemas.Event:
    """One change as a company may see it."""
    return invoice_schemas.Event(
        at=row.at, kind=row.kind, from_value=row.from_value, to_value=row.to_value, reason=row.reason
    )
