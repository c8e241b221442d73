"""The waiting list: refused requests that are admitted by themselves when their amount is free, in order of asking.

What waits counts as used for whoever asks later, on each of the three limits. So nobody takes what an earlier request
needs, and nobody is held up by one that leaves enough.
"""

from collections.abc import Sequence
from datetime import timedelta

from flask import current_app
from sqlalchemy import ColumnElement, select, update
from sqlalchemy.exc import IntegrityError

from tusker.carriers.registry import MANUAL, get_carriers
from tusker.currency import currency
from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.domain.delivery.shipments import DocumentKind, TrackedOrder
from tusker.domain.loans.calculator import calculate
from tusker.errors import Conflict, Duplicate, FinancingRefused, NotFound, TermsChanged
from tusker.extensions import db
from tusker.messages import say
from tusker.models import CreditLine, Invoice, Role, Shipment, ShipmentDocument, WaitingRequest, WaitingState
from tusker.queries.credit.credit_lines import limits_of
from tusker.queries.credit.waiting import waiting_of
from tusker.services.context import Context
from tusker.services.credit.admission import Outcome, admit
from tusker.services.credit.requesting.financing import admission_request, raise_unless_admitted
from tusker.services.credit.requesting.offers import Quote, check_rules
from tusker.services.credit.requesting.parcels import Entered
from tusker.services.credit.requesting.quoting import Wanted, quote_one
from tusker.services.credit.requesting.subject import RequestSubject, quote_fetched, subject_of
from tusker.services.credit.shipment_guard import check_free, check_not_waiting
from tusker.services.events import record_event
from tusker.services.exposure import change_waiting
from tusker.services.locks import lock_row, lock_rows
from tusker.services.outbox import company_addresses, queue_mail
from tusker.services.reasons import reason_of
from tusker.working_days import working_days

MAILS = {
    WaitingState.ADMITTED: "credit/waiting_admitted",
    WaitingState.ASKED_AGAIN: "credit/waiting_asked_again",
}


def leave_waiting(ctx: Context, invoice_id: int, *, supplier_id: int | None = None) -> WaitingRequest:
    """Leave a refused request on the waiting list, on the terms that it was refused on.

    `supplier_id` scopes it to that company's own. Raises `NotFound`, `Conflict` for what cannot wait, `TermsChanged`
    when the line's terms are others by now, and `FinancingRefused` for more than a whole limit, which is never free.
    """
    refused = db.session.get(Invoice, invoice_id, populate_existing=True)
    if refused is None or supplier_id not in {None, refused.supplier_id}:
        raise NotFound("This invoice does not exist.")
    if refused.status != InvoiceStatus.REJECTED:
        raise Conflict("Only a refused request can wait.")
    if waiting_of(invoice_id) is not None:
        raise Conflict("This request was on the waiting list already. Request it again.")
    asked = db.session.scalar(select(Shipment).where(Shipment.invoice_id == invoice_id))
    if asked is None or not may_wait(asked.carrier):
        raise Conflict("Its delivery is no longer tracked. Request it again.")
    _check_line(refused)
    check_free(refused.supplier_id, refused.number, asked.carrier, asked.order_ref)
    check_not_waiting(refused.supplier_id, refused.number, asked.carrier, asked.order_ref)
    # The limits are locked before the row has an id: the order of ids is the order of asking.
    change_waiting([(refused, refused.principal)])
    request = WaitingRequest(
        invoice_id=refused.id,
        credit_line_id=refused.credit_line_id,
        supplier_id=refused.supplier_id,
        purchaser_id=refused.purchaser_id,
        number_strict=refused.number_strict,
        carrier=asked.carrier,
        order_ref=asked.order_ref,
        principal=refused.principal,
        agreed_at_term=calculate(refused.principal, refused.terms, ctx.today, working_days()).at_term.total,
        asked_at=ctx.now,
        expires_at=ctx.now + timedelta(days=current_app.config["WAITING_DAYS"]),
    )
    try:
        with db.session.begin_nested():
            db.session.add(request)
    except IntegrityError:
        # Two left the same waiting at the same moment; the database keeps one.
        raise Duplicate(
            "Financing of “{refused_number}” was just put on the waiting list.",
            refused_number=refused.number,
            field="order_ref",
        ) from None
    record_event(ctx, refused, "waiting_list", to_value=request.state, principal=request.principal)
    return request


def may_wait(carrier: str) -> bool:
    """Whether requests of a delivery company, or those whose goods none tracks, can be admitted later."""
    return carrier == MANUAL or carrier in get_carriers()


def _check_line(refused: Invoice) -> None:
    """Raise unless the line still has the terms of a refused request, and no limit is smaller than it."""
    line = db.session.get_one(CreditLine, refused.credit_line_id, populate_existing=True)
    if line.terms != refused.terms:
        raise TermsChanged("The terms of this credit line have changed. Request it again.")
    if any(use.limit < refused.principal for _, use in limits_of(line).in_order()):
        raise FinancingRefused(
            "{principal} is more than a whole limit, so it could never be approved.",
            principal=currency().show(refused.principal),
        )


def cancel_waiting(
    ctx: Context, invoice_id: int, *, reason: str, supplier_id: int | None = None
) -> WaitingRequest:
    """Take a refused request off the waiting list; `supplier_id` scopes it to that company's own.

    Raises `NotFound`, and `Conflict` when it does not wait any more.
    """
    why = reason_of(reason)
    request = lock_row(
        say("request on the waiting list"), WaitingRequest, WaitingRequest.invoice_id == invoice_id
    )
    if supplier_id not in {None, request.supplier_id}:
        raise NotFound("This request on the waiting list does not exist.")
    if request.state != WaitingState.WAITING:
        raise Conflict("This request is no longer on the waiting list.")
    _end(ctx, [request], WaitingState.CANCELLED, why, mail=supplier_id is None)
    return request


def expire_waiting(ctx: Context) -> int:
    """Take off the list what waited for too long, and tell its suppliers; returns how many."""
    due = _lock(WaitingRequest.expires_at <= ctx.now)
    _end(ctx, due, WaitingState.EXPIRED, say("its time on the waiting list is over"))
    return len(due)


def drop_waiting(ctx: Context, waiting_id: int, *, reason: str) -> None:
    """Take off the list what cannot be financed any more, and tell its supplier; nothing when it does not wait."""
    _end(ctx, _lock(WaitingRequest.id == waiting_id), WaitingState.CANCELLED, reason)


def subject_waiting(waiting_id: int) -> RequestSubject | None:
    """What a waiting request asks for, to ask the delivery company again; None when there is none to ask, or it does
    not wait any more."""
    request = db.session.get(WaitingRequest, waiting_id, populate_existing=True)
    if request is None or request.state != WaitingState.WAITING:
        return None
    refused, carrier = request.invoice, get_carriers().get(request.carrier)
    if carrier is None:
        return None
    if carrier.declares_orders:
        return subject_of(request.supplier_id, carrier, request.order_ref)
    return subject_of(
        request.supplier_id,
        carrier,
        request.order_ref,
        credit_line_id=request.credit_line_id,
        number=refused.number,
        amount=refused.amount,
        invoice_date=refused.invoice_date,
    )


def admit_waiting(ctx: Context, waiting_id: int, asked: tuple[RequestSubject, TrackedOrder] | None) -> bool:
    """Admit a waiting request by the one admission function, with what the delivery company has just answered; None
    where none tracks its goods.

    False when it does not fit yet, was asked again because other figures would hold now, or somebody else has it.
    Raises what `request_financing` raises, for what rules it out now.
    """
    for request in _lock(WaitingRequest.id == waiting_id):
        if asked is not None:
            subject, order = asked
            quote = quote_fetched(ctx, request.supplier_id, order, subject.entered)
        elif request.carrier == MANUAL:
            quote = _quote_untracked(ctx, request)
        else:
            return False
        if changed := _changed(quote, request):
            _end(ctx, [request], WaitingState.ASKED_AGAIN, changed)
            return False
        check_rules(ctx, quote)
        [admission] = admit(ctx, [admission_request(quote, request.invoice.source, request.id)])
        if admission.outcome is Outcome.WAITING:
            return False
        raise_unless_admitted(admission, quote)
        if admission.outcome is not Outcome.APPROVED or admission.invoice_id is None:
            raise Duplicate(
                "Financing of “{quote_number}” was requested otherwise.",
                quote_number=quote.number,
                problem="duplicate",
            )
        request.admitted_id = admission.invoice_id
        _close(ctx, request, WaitingState.ADMITTED, say("its amount is free"), mail=True)
        _move_documents(ctx, request, admission.invoice_id)
        return True
    return False


def _move_documents(ctx: Context, request: WaitingRequest, admitted_id: int) -> None:
    """What was sent in with the refused request belongs to the invoice that it became, marks included."""
    of = {
        invoice_id: select(Shipment.id).where(Shipment.invoice_id == invoice_id).scalar_subquery()
        for invoice_id in (request.invoice_id, admitted_id)
    }
    names = db.session.scalars(
        update(ShipmentDocument)
        .where(
            ShipmentDocument.shipment_id == of[request.invoice_id],
            ShipmentDocument.kind == DocumentKind.INVOICE,
        )
        .values(shipment_id=of[admitted_id])
        .returning(ShipmentDocument.file_name)
        .execution_options(synchronize_session=False)
    ).all()
    for name in names:
        record_event(
            ctx,
            ("invoice", admitted_id),
            "document_followed",
            reason=name or "",
            refused_id=request.invoice_id,
        )


def _quote_untracked(ctx: Context, request: WaitingRequest) -> Quote:
    """The quote for goods that no delivery company tracks, by what was asked for."""
    refused = request.invoice
    entered = Entered(refused.credit_line_id, refused.number, refused.amount, refused.invoice_date)
    return quote_one(ctx, request.supplier_id, Wanted(MANUAL, request.order_ref, None, entered))


def _lock(*conditions: ColumnElement[bool]) -> Sequence[WaitingRequest]:
    """The waiting requests that meet the conditions, locked; those that somebody else has are left to them."""
    waits = WaitingRequest.state == WaitingState.WAITING
    return lock_rows(WaitingRequest, waits, *conditions, skip_locked=True)


def _changed(quote: Quote, request: WaitingRequest) -> str:
    """What is not as agreed, as words; empty when all is."""
    refused, show = request.invoice, currency().show
    if (quote.credit_line_id, quote.amount) != (request.credit_line_id, refused.amount):
        return say(
            "the order is worth {amount} to {purchaser} now",
            amount=show(quote.amount),
            purchaser=quote.purchaser_name,
        )
    if quote.terms != refused.terms:
        return say("the terms of the credit line have changed")
    if quote.costs.at_term.total > request.agreed_at_term:
        return say("{amount} would be owed at the end of the term", amount=show(quote.costs.at_term.total))
    return ""


def _end(
    ctx: Context, requests: Sequence[WaitingRequest], state: WaitingState, words: str, *, mail: bool = True
) -> None:
    """Take locked requests off the list and free what they held."""
    if not requests:
        return
    change_waiting([(request, -request.principal) for request in requests])
    for request in requests:
        _close(ctx, request, state, words, mail=mail)


def _close(ctx: Context, request: WaitingRequest, state: WaitingState, words: str, *, mail: bool) -> None:
    request.state, request.ended_at, request.words = state, ctx.now, words
    db.session.flush()
    record_event(
        ctx,
        ("invoice", request.invoice_id),
        "waiting_list",
        from_value=WaitingState.WAITING,
        to_value=state,
        reason=words,
        admitted_id=request.admitted_id,
    )
    if mail:
        queue_mail(
            ctx,
            MAILS.get(state, "credit/waiting_ended"),
            company_addresses(request.supplier_id, Role.SUPPLIER),
            number=request.invoice.number,
            purchaser=request.invoice.purchaser.name,
            principal=currency().show(request.principal),
            invoice_id=request.admitted_id or request.invoice_id,
            words=words,
        )
