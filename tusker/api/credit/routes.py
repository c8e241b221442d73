"""The views of `/api/v1`; they call the same services as the pages."""

from datetime import date

from flask import url_for
from pydantic import ValidationError

from tusker.api import inputs, schemas
from tusker.api.credit import invoice_schemas, serializers
from tusker.api.credit.requesting import Answer, Asked, Result, answer_all, known_ask, read_asked
from tusker.api.credit.shown import missing_for, room_for
from tusker.api.credit.subject import naming, read_subject
from tusker.api.endpoints import Operation, Reply
from tusker.api.problems import ApiError, described, refuse_invalid
from tusker.carriers.registry import get_carriers
from tusker.currency import currency
from tusker.errors import TuskerError, existing
from tusker.extensions import db
from tusker.messages import say
from tusker.models import Customer, PurchaserAccount, SupplierAccount
from tusker.queries import api as queries
from tusker.queries.credit.credit_lines import lines_by_id
from tusker.queries.loans.loans import loan_of_invoice, loans_of_invoices
from tusker.queries.paging import NEWEST, Cursor
from tusker.queries.record.events import events_of
from tusker.services.credit.requesting.subject import quote_subject
from tusker.services.people.tokens import Caller
from tusker.web.guards.costly import place_of

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


@Operation("GET", "/me", tag="Account", answer=schemas.Me, answers={200: "The token's company."})
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
            supplier_limit=_account_limit(company.supplier, caller.context().today),
            purchaser_limit=_account_limit(company.purchaser, caller.context().today),
        )
    )


@Operation(
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


@Operation(
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
    keyed=known_ask,
)
def request_invoice(*, caller: Caller, body: inputs.InvoiceRequest, key: str | None) -> Reply:
    """Request financing for an order or a parcel.

    Safe to repeat: each is financed once. A refusal by a limit is an answer, not an error: a stored invoice with the
    status `rejected`. A rejected or cancelled order may be requested again, which makes a new invoice; send an
    `Idempotency-Key` to be sure that a repetition of the same request is never taken for a new one. Answers that
    stored or found an invoice are kept under the key (header `Idempotency-Replayed: true` when they come again);
    problems are not.
    """
    asked = read_asked(caller.supplier_id(), body, key)
    [result] = answer_all(caller, [asked])
    if not isinstance(result, Answer):
        raise result
    headers = {"Location": url_for("api.invoice", invoice_id=result.invoice_id)}
    if result.replayed:
        headers["Idempotency-Replayed"] = "true"
    return Reply(result.body, result.status, headers)


@Operation(
    "POST",
    "/invoices/batch",
    tag="Financing",
    body=inputs.InvoiceBatch,
    answer=invoice_schemas.BatchAnswers,
    answers={200: "An answer for each item, in order, with a `status` of its own."},
    problems=("not_allowed",),
    largest_body=512 * 1024,
)
def request_invoices(*, caller: Caller, body: inputs.InvoiceBatch) -> Reply:
    """Request financing for many orders or parcels.

    Up to 500, each decided as if it had been requested by itself in this order, and answered by itself: one that
    cannot be taken, is refused or was requested before keeps none of the others. Each may have its own
    `idempotency_key`, which is the same as that of a request by itself. The batch counts as one call.
    """
    supplier_id = caller.supplier_id()
    read = [_read_item(supplier_id, item) for item in body.items]
    with place_of(f"token:{caller.token_id}"):
        decided = iter(answer_all(caller, [item for item in read if isinstance(item, Asked)]))
    results = [next(decided) if isinstance(item, Asked) else item for item in read]
    return Reply(f'{{"items":[{",".join(map(_item, results))}]}}')


def _read_item(supplier_id: int, item: inputs.BatchItem | ValidationError) -> Asked | TuskerError | ApiError:
    try:
        if isinstance(item, ValidationError):
            return refuse_invalid(item, where="item")
        return read_asked(supplier_id, item, item.idempotency_key)
    except (TuskerError, ApiError) as error:
        return error


def _item(result: Result) -> str:
    """The JSON of a `BatchAnswer`, around that of its invoice."""
    if isinstance(result, Answer):
        replayed = "true" if result.replayed else "false"
        return f'{{"status":{result.status},"replayed":{replayed},"invoice":{result.body},"problem":null}}'
    found = described(result)
    written = found.model_dump_json(exclude_none=True)
    return f'{{"status":{found.status},"replayed":false,"invoice":null,"problem":{written}}}'


@Operation(
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
    missing = missing_for(page)
    items = [
        serializers.invoice(row, caller.company_id, loans.get(row.invoice.id), missing[row.invoice.id])
        for row in page
    ]
    return Reply(invoice_schemas.InvoicePage(items=items, next_cursor=_next_cursor(items, len(rows))))


@Operation(
    "GET",
    "/invoices/<int:invoice_id>",
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
    found = existing(queries.company_invoice(caller.company_id, invoice_id), say("invoice"))
    events = events_of("invoice", invoice_id) if query.include == "events" else None
    loan = loan_of_invoice(invoice_id, caller.context().today)
    missing = missing_for([found])[invoice_id]
    room = room_for(found)
    return Reply(serializers.invoice(found, caller.company_id, loan, missing, events, room))


@Operation(
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


def _sides(caller: Caller) -> list[schemas.Side]:
    sides: list[schemas.Side] = []
    if caller.is_supplier:
        sides.append("supplier")
    if caller.is_purchaser:
        sides.append("purchaser")
    return sides


def _account_limit(account: SupplierAccount | PurchaserAccount | None, today: date) -> schemas.Limit | None:
    return None if account is None else serializers.limit(account.use_on(today))


def _cursor(given: str | None) -> Cursor:
    return NEWEST if given is None else Cursor(before=int(given))


def _next_cursor(items: list[invoice_schemas.Invoice] | list[schemas.CreditLine], found: int) -> str | None:
    return str(items[-1].id) if found > len(items) else None
