"""The views of `/api/v1`; they call the same services as the pages."""

from __future__ import annotations

from collections.abc import Sequence

from flask import url_for

from tusker.api import inputs, invoice_schemas, schemas, serializers
from tusker.api.auth import Caller
from tusker.api.endpoints import Reply, operation
from tusker.api.subject import fields_sent, naming, read_subject
from tusker.carriers.registry import get_carriers
from tusker.currency import currency
from tusker.domain.financeable import Condition
from tusker.domain.lifecycle import InvoiceStatus
from tusker.domain.shipments import TrackedOrder
from tusker.errors import Conflict, Duplicate, InvalidInput, existing
from tusker.extensions import db
from tusker.models import Customer, PurchaserAccount, SupplierAccount
from tusker.queries import api as queries
from tusker.queries.credit.credit_lines import lines_by_id
from tusker.queries.loans.expected import Plan
from tusker.queries.loans.loans import loan_of_invoice, loans_of_invoices
from tusker.queries.paging import NEWEST, Cursor
from tusker.queries.record.events import events_of
from tusker.services.context import Context
from tusker.services.credit.expected import plan_now
from tusker.services.credit.requesting.financing import request_financing
from tusker.services.credit.requesting.subject import (
    RequestSubject,
    fetch_subject,
    live_invoice_of,
    quote_subject,
)
from tusker.services.delivery.conditions import Judge
from tusker.services.idempotency import KeptAnswer, claim_key, hash_input, keep_answer, kept_answer
from tusker.transactions import transaction
from tusker.web.paging import decode_key, encode_key

_ORDER_PROBLEMS = (
    "unknown_order",
    "cancelled_order",
    "not_placed",
    "no_value",
    "no_credit_line",
    "line_closed",
    "unknown_carrier",
    "duplicate",
    "carrier_error",
    "carrier_unavailable",
)
_LARGEST_ID = 2**63 - 1


@operation("GET", "/me", tag="Account", answer=schemas.Me, answers={200: "The token's company."})
def me(*, caller: Caller) -> Reply:
    """Whose token this is.

    The company with its own limits, the installation's currency and the delivery companies it knows.
    """
    company = db.session.get_one(Customer, caller.company_id)
    return Reply(
        schemas.Me(
            company=schemas.Company(id=caller.company_id, name=caller.company_name),
            reference=caller.reference,
            sides=_sides(caller),
            token=schemas.Token(name=caller.token_name, prefix=caller.token_prefix),
            currency=currency().code,
            decimals=currency().exponent,
            carriers=sorted(get_carriers()),
            parcel_carriers=sorted(
                name for name, known in get_carriers().items() if not known.declares_orders
            ),
            business_date=caller.context().today,
            supplier_limit=_account_limit(company.supplier),
            purchaser_limit=_account_limit(company.purchaser),
        )
    )


@operation(
    "POST",
    "/quotes",
    tag="Financing",
    body=inputs.QuoteRequest,
    answer=schemas.Quote,
    answers={200: "The figures. With `refusal` set, a request would be rejected now."},
    problems=("not_allowed", *_ORDER_PROBLEMS),
)
def quote(*, caller: Caller, body: inputs.QuoteRequest) -> Reply:
    """What financing an order or a parcel would be worth and cost.

    Asks the delivery company and shows value, principal, cost and what is left of each of the three limits. Nothing is
    requested and nothing is stored; a tracking number is not registered at the delivery company.
    """
    subject = read_subject(caller.supplier_id(), body)
    with naming(subject.carrier):
        return Reply(serializers.quote(quote_subject(caller.context(), subject)))


@operation(
    "POST",
    "/invoices",
    tag="Financing",
    body=inputs.InvoiceRequest,
    answer=invoice_schemas.Invoice,
    answers={
        201: "Decided: `status` is `approved`, or `rejected` with the `refusal` that says which limit lacked how much.",
        200: "This was requested before and is neither rejected nor cancelled: that invoice as it stands now.",
    },
    problems=("not_allowed", "terms_changed", "conflict", "idempotency_key_reused", *_ORDER_PROBLEMS),
    keyed=True,
)
def request_invoice(*, caller: Caller, body: inputs.InvoiceRequest, key: str | None) -> Reply:
    """Request financing for an order or a parcel.

    Safe to repeat: each is financed once. A refusal by a limit is an answer, not an error: a stored invoice with the
    status `rejected`. A rejected or cancelled order may be requested again, which makes a new invoice; send an
    `Idempotency-Key` to be sure that a repetition of the same request is never taken for a new one. Answers that
    stored or found an invoice are kept under the key (header `Idempotency-Replayed: true` when they come again);
    problems are not.
    """
    supplier_id = caller.supplier_id()
    subject = read_subject(supplier_id, body)
    asked = hash_input("POST /invoices", fields_sent(body, subject.carrier))
    # A repetition gets the stored answer before the delivery company is asked, so also while it is down.
    with transaction():
        if key is not None and (kept := kept_answer(supplier_id, key, asked)) is not None:
            return _kept(kept)
    ctx = caller.context()
    with naming(subject.carrier):
        order = _fetch_unless_known(ctx, subject)
        with transaction():
            if key is not None and (kept := claim_key(ctx, supplier_id, key, asked)) is not None:
                return _kept(kept)
            reply = _decide(ctx, subject, order, body.terms_version)
            if key is not None:
                keep_answer(supplier_id, key, KeptAnswer(reply.status, dict(reply.body)))
    return reply


@operation(
    "GET",
    "/invoices",
    tag="Invoices",
    query=inputs.InvoiceQuery,
    answer=invoice_schemas.InvoicePage,
    answers={200: "A page, newest first."},
)
def invoices(*, caller: Caller, query: inputs.InvoiceQuery) -> Reply:
    """List your invoices.

    Those in which your company is supplier or purchaser, newest first. Give `next_cursor` as `cursor` for the next
    page; keep the filters the same.
    """
    rows = queries.company_invoices(
        caller.company_id,
        status=query.status,
        number=query.number,
        loan=query.loan,
        since=query.since,
        cursor=_cursor(query.cursor),
        limit=query.limit + 1,
    )
    page = rows[: query.limit]
    loans = loans_of_invoices([row.invoice.id for row in page], caller.context().today)
    missing = _missing(page)
    items = [
        serializers.invoice(row, caller.company_id, loans.get(row.invoice.id), missing[row.invoice.id])
        for row in page
    ]
    return Reply(invoice_schemas.InvoicePage(items=items, next_cursor=_next_cursor(items, len(rows))))


@operation(
    "GET",
    f"/invoices/<int(max={_LARGEST_ID}):invoice_id>",
    tag="Invoices",
    query=inputs.OneInvoiceQuery,
    answer=invoice_schemas.Invoice,
    answers={200: "The invoice."},
    problems=("not_found",),
)
def invoice(*, caller: Caller, query: inputs.OneInvoiceQuery, invoice_id: int) -> Reply:
    """One invoice.

    With its shipment and, from the payout on, its loan with what is owed today and at the end of the term.
    """
    found = existing(queries.company_invoice(caller.company_id, invoice_id), "invoice")
    events = events_of("invoice", invoice_id) if query.include == "events" else None
    loan = loan_of_invoice(invoice_id, caller.context().today)
    missing = _missing([found])[invoice_id]
    room = _room_for(found)
    return Reply(serializers.invoice(found, caller.company_id, loan, missing, events, room))


@operation(
    "GET",
    "/credit-lines",
    tag="Account",
    query=inputs.PageQuery,
    answer=schemas.CreditLinePage,
    answers={200: "A page, newest first."},
)
def credit_lines(*, caller: Caller, query: inputs.PageQuery) -> Reply:
    """List your credit lines with what is left of each limit.

    Another company's own limit shows only what is left of it; a supplier's is not shown to its purchasers.
    """
    rows = queries.company_lines(caller.company_id, cursor=_cursor(query.cursor), limit=query.limit + 1)
    today = caller.context().today
    shown = rows[: query.limit]
    known = lines_by_id([row.id for row in shown], today)
    items = [serializers.credit_line(row, known[row.id], caller.company_id, today) for row in shown]
    return Reply(schemas.CreditLinePage(items=items, next_cursor=_next_cursor(items, len(rows))))


def _fetch_unless_known(ctx: Context, subject: RequestSubject) -> TrackedOrder | None:
    """The order or parcel at the delivery company; None when it was requested already, perhaps a moment ago."""
    if live_invoice_of(subject) is not None:
        return None
    try:
        return fetch_subject(ctx, subject)
    except Duplicate:
        if live_invoice_of(subject) is None:
            raise
        return None


def _decide(
    ctx: Context, subject: RequestSubject, order: TrackedOrder | None, terms_version: int | None
) -> Reply:
    """Admit the order, or find the invoice that it has; `order` is None when one was found before."""
    created = False
    if order is None:
        invoice_id = live_invoice_of(subject)
    else:
        try:
            decision = request_financing(
                ctx,
                subject.supplier_id,
                order,
                source="api",
                entered=subject.entered,
                terms_version=terms_version,
            )
        except Duplicate:
            # The same order is a repetition; the same number of anything else is a duplicate.
            invoice_id = live_invoice_of(subject)
            if invoice_id is None:
                raise
        else:
            invoice_id, created = decision.invoice_id, not decision.replayed
    found = None if invoice_id is None else queries.company_invoice(subject.supplier_id, invoice_id)
    if found is None:
        raise Conflict("The invoice of this order was cancelled at this moment. Ask again.")
    loan = loan_of_invoice(found.invoice.id, ctx.today)
    missing = _missing([found])[found.invoice.id]
    shown = serializers.invoice(found, subject.supplier_id, loan, missing, expected=_room_for(found))
    return Reply(shown.model_dump(mode="json"), 201 if created else 200, _location(found.invoice.id))


def _room_for(found: queries.CompanyInvoice) -> Plan | None:
    """Which repayments make room for a refused request, as its supplier may know them."""
    row = found.invoice
    if row.status != InvoiceStatus.REJECTED:
        return None
    return plan_now(row.credit_line, row.principal, seen_by=row.supplier_id)


def _missing(rows: Sequence[queries.CompanyInvoice]) -> dict[int, Sequence[Condition]]:
    """The conditions that keep approved invoices from being financed, by id: two queries for all of them."""
    approved = [
        (row.invoice, row.shipment)
        for row in rows
        if row.shipment is not None and row.invoice.status == InvoiceStatus.APPROVED
    ]
    judge = Judge(approved) if approved else None
    found = {invoice.id: judge.open_for(invoice, shipment) for invoice, shipment in approved} if judge else {}
    return {row.invoice.id: found.get(row.invoice.id, ()) for row in rows}


def _kept(answer: KeptAnswer) -> Reply:
    headers = {**_location(answer.body["id"]), "Idempotency-Replayed": "true"}
    return Reply(answer.body, answer.status, headers)


def _location(invoice_id: int) -> dict[str, str]:
    return {"Location": url_for("api.invoice", invoice_id=invoice_id)}


def _sides(caller: Caller) -> list[schemas.Side]:
    sides: list[schemas.Side] = []
    if caller.is_supplier:
        sides.append("supplier")
    if caller.is_purchaser:
        sides.append("purchaser")
    return sides


def _account_limit(account: SupplierAccount | PurchaserAccount | None) -> schemas.Limit | None:
    return None if account is None else serializers.limit(account.use)


def _cursor(given: str | None) -> Cursor:
    if given is None:
        return NEWEST
    try:
        return Cursor(before=decode_key(given))
    except InvalidInput:
        raise InvalidInput("cursor is not one that a page of this list gave.", field="cursor") from None


def _next_cursor(items: list[invoice_schemas.Invoice] | list[schemas.CreditLine], found: int) -> str | None:
    return encode_key(items[-1].id) if found > len(items) else None
