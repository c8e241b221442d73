"""Requesting financing for an order or parcel, and cancelling a request."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from tusker.carriers.registry import MANUAL
from tusker.currency import currency
from tusker.domain.credit.lifecycle import InvoiceEvent
from tusker.domain.credit.limits import Bound, Refusal
from tusker.domain.delivery.shipments import TrackedOrder
from tusker.errors import Duplicate, FinancingRefused, NotFound, TermsChanged, TuskerError
from tusker.extensions import db
from tusker.messages import joined, say
from tusker.models import Invoice, Role, Shipment
from tusker.queries.credit.credit_lines import line_by_id
from tusker.services.context import Context
from tusker.services.credit.admission import (
    Admission,
    AdmissionRequest,
    Kept,
    Outcome,
    admit,
    admit_at_once,
)
from tusker.services.credit.expected import plan_words
from tusker.services.credit.requesting.offers import Quote, check_rules
from tusker.services.credit.requesting.parcels import Entered
from tusker.services.credit.requesting.quoting import quotes, wanted_of, with_plan
from tusker.services.credit.shipment_guard import check_free, check_not_waiting
from tusker.services.credit.standing import check_line_open
from tusker.services.exposure import change_exposure
from tusker.services.locks import lock_invoice
from tusker.services.moves import move_invoice
from tusker.services.outbox import company_addresses, queue_mail
from tusker.services.reasons import reason_of
from tusker.transactions import let_go


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision on a request: approved, or rejected with the limit that bound.

    `replayed` says that the same request was approved before, at the same moment by somebody else.
    """

    invoice_id: int
    refusal: Refusal | None
    replayed: bool
    quote: Quote

    @property
    def approved(self) -> bool:
        """Whether all limits held."""
        return self.refusal is None


@dataclass(frozen=True, slots=True)
class Ask:
    """An order or parcel that `fetch_subject` returned, to be financed; `entered` holds the details of a parcel's
    invoice. `figures` and `terms_version` are those of the quote that was agreed to; None takes the present ones."""

    order: TrackedOrder
    entered: Entered | None = None
    figures: str | None = None
    terms_version: int | None = None

    @property
    def field(self) -> str:
        """The input that errors about the number name."""
        return "order_ref" if self.entered is None else "number"


def request_financing(
    ctx: Context,
    supplier_id: int,
    order: TrackedOrder,
    *,
    source: str,
    entered: Entered | None = None,
    figures: str | None = None,
    terms_version: int | None = None,
) -> Decision:
    """Admit one order or parcel, see `Ask`.

    Raises `FinancingRefused`, `Duplicate` or `TermsChanged`; a limit that does not hold is a rejected `Decision`.
    """
    ask = Ask(order, entered, figures, terms_version)
    [answer] = request_all(ctx, supplier_id, [ask], source=source)
    if isinstance(answer, TuskerError):
        raise answer
    return answer


def request_at_once(
    ctx: Context, supplier_id: int, ask: Ask, *, source: str, kept: Callable[[Quote], Kept]
) -> int | None:
    """Admit one order or parcel and keep its answer, in a transaction of one statement: the invoice's id. None where
    anything stands against it or rules of risk have to be asked, which `request_all` says. Raises `Overtaken`."""
    let_go()
    [quote] = quotes(ctx, supplier_id, [wanted_of(ask.order, ask.entered)], alone=True)
    if not isinstance(quote, Quote) or quote.refusal or quote.waits or quote.rules.lines:
        return None
    if ask.terms_version not in {None, quote.terms_version}:
        return None
    let_go()  # of what the rules were read with
    return admit_at_once(ctx, admission_request(quote, source), supplier_id, kept(quote))


def request_all(
    ctx: Context, supplier_id: int, asks: Sequence[Ask], *, source: str
) -> list[Decision | TuskerError]:
    """Admit a supplier's orders and parcels in order, by one admission: the decision, or what rules it out, of each.

    No two of them may have a number, order or parcel in common, and where requests are decided one by one
    (`asked_one_by_one`) there may be no more than one: what the first one gets, the second one is to be held against.
    """
    answers: list[Quote | Decision | TuskerError] = [
        *quotes(ctx, supplier_id, [wanted_of(ask.order, ask.entered) for ask in asks])
    ]
    ready: list[tuple[int, Quote]] = []
    for n, answer in enumerate(answers):
        if isinstance(answer, Quote):
            try:
                _check_agreed(ctx, answer, asks[n])
                ready.append((n, answer))
            except TuskerError as error:
                answers[n] = error
    admissions = admit(ctx, [admission_request(quote, source) for _, quote in ready])
    for (n, quote), admission in zip(ready, admissions, strict=True):
        try:
            answers[n] = _decided(ctx, asks[n], quote, admission)
        except TuskerError as error:
            answers[n] = error
    return [answer for answer in answers if not isinstance(answer, Quote)]


def _check_agreed(ctx: Context, quote: Quote, ask: Ask) -> None:
    """Raise unless a quote is the one agreed to, does not wait already, and the rules of risk allow it."""
    if ask.figures is not None and ask.figures != quote.figures:
        raise TermsChanged("The figures have changed since you saw them. Review them and submit again.")
    if ask.terms_version is not None and ask.terms_version != quote.terms_version:
        raise TermsChanged(
            "The terms of this credit line have changed. Review the new figures and submit again."
        )
    if quote.waits:
        check_not_waiting(quote.supplier_id, quote.number, quote.carrier, quote.order_ref, field=ask.field)
    check_rules(ctx, quote, field=ask.field)


def _decided(ctx: Context, ask: Ask, quote: Quote, admission: Admission) -> Decision:
    """The decision on an admission; raises the typed error of one that was not let in."""
    raise_unless_admitted(admission, quote, field=ask.field, today=ctx.today)
    if admission.invoice_id is None:
        raise RuntimeError(f"admission answered {admission.outcome} without an invoice")
    replayed = admission.outcome is Outcome.REPLAYED
    if replayed:
        _check_same_shipment(admission, quote, field=ask.field)
    if admission.refusal is not None:
        quote = with_plan(quote, admission.refusal)
        _mail_refusal(ctx, quote, admission.refusal)
    return Decision(admission.invoice_id, admission.refusal, replayed, quote)


def raise_unless_admitted(
    admission: Admission, quote: Quote, *, field: str = "order_ref", today: date | None = None
) -> None:
    """Raise the typed error of an outcome that is neither approval, refusal nor replay, naming `field`; with `today`
    in the words of the line's page."""
    if today is not None and admission.outcome in {Outcome.ON_HOLD, Outcome.LINE_CLOSED}:
        check_line_open(line_by_id(quote.credit_line_id, today), today, field=field)
    if admission.outcome in {Outcome.CONFLICT, Outcome.SHIPMENT_TAKEN, Outcome.WAITING}:
        check_free(quote.supplier_id, quote.number, quote.carrier, quote.order_ref, field=field)
        check_not_waiting(quote.supplier_id, quote.number, quote.carrier, quote.order_ref, field=field)
        # What stood in the way is gone already: it was cancelled at this moment.
        what, named = (
            (quote.order_ref, "order_ref")
            if admission.outcome is Outcome.SHIPMENT_TAKEN
            else (quote.number, field)
        )
        raise Duplicate(
            "Financing of “{what}” was just requested. Ask again.",
            what=what,
            field=named,
            problem="duplicate",
        )
    if admission.outcome is Outcome.TERMS_CHANGED:
        raise TermsChanged(
            "The terms of this credit line have just changed. Review the new figures and submit again."
        )
    if admission.outcome is Outcome.ON_HOLD:
        raise FinancingRefused(
            "Payments on this credit line are overdue for too long; nothing new is financed "
            "until they are made.",
            field=field,
            problem="on_hold",
        )
    if admission.outcome is Outcome.LINE_CLOSED:
        raise FinancingRefused("This credit line was just closed.", field=field, problem="line_closed")


def _check_same_shipment(admission: Admission, quote: Quote, *, field: str) -> None:
    """The same number and amount for another order or parcel is a duplicate number, not a repetition."""
    same = Shipment.carrier == quote.carrier, Shipment.order_ref == quote.order_ref
    known = select(Shipment.id).where(Shipment.invoice_id == admission.invoice_id, *same)
    if db.session.scalar(known) is None:
        raise Duplicate(
            "Financing of “{quote_number}” was requested already.",
            quote_number=quote.number,
            field=field,
            problem="duplicate",
            invoice_id=admission.invoice_id,
        )


def cancel_invoice(ctx: Context, invoice_id: int, *, reason: str, supplier_id: int | None = None) -> Invoice:
    """Cancel a request before it is bundled and free its reservation on all three limits.

    `supplier_id` scopes it to that company's own invoices. Raises `NotFound` or `IllegalTransition`.
    """
    why = reason_of(reason)
    invoice = lock_invoice(invoice_id)
    if supplier_id is not None and invoice.supplier_id != supplier_id:
        raise NotFound("This invoice does not exist.")
    cancel_locked(ctx, invoice, reason=why)
    return invoice


def cancel_locked(ctx: Context, invoice: Invoice, *, reason: str) -> None:
    """Cancel an invoice whose row lock the caller holds."""
    move_invoice(ctx, invoice, InvoiceEvent.CANCELLED, reason=reason, freed=invoice.principal)
    db.session.query(Shipment).filter_by(invoice_id=invoice.id).update({"next_poll_at": None})
    db.session.flush()
    change_exposure(ctx, "cancelled", [(invoice, -invoice.principal)])


def admission_request(quote: Quote, source: str, waiting_id: int | None = None) -> AdmissionRequest:
    """The figures of a quote as admission takes them; `waiting_id` is its place on the waiting list."""
    return AdmissionRequest(
        credit_line_id=quote.credit_line_id,
        terms_version=quote.terms_version,
        number=quote.number,
        amount=quote.amount,
        principal=quote.principal,
        source=source,
        carrier=quote.carrier,
        order_ref=quote.order_ref,
        poll=quote.carrier != MANUAL,
        invoice_date=quote.invoice_date,
        waiting_id=waiting_id,
    )


def _mail_refusal(ctx: Context, quote: Quote, refusal: Refusal) -> None:
    show = currency().show
    queue_mail(
        ctx,
        "credit/request_refused",
        company_addresses(quote.supplier_id, Role.SUPPLIER),
        number=quote.number,
        purchaser=quote.purchaser_name,
        principal=show(quote.principal),
        limits=joined(
            {
                Bound.CREDIT_LINE: say("the credit line limit by {amount}", amount=show(lacking)),
                Bound.SUPPLIER: say("the supplier limit by {amount}", amount=show(lacking)),
                Bound.PURCHASER: say("the purchaser limit by {amount}", amount=show(lacking)),
            }[bound]
            for bound, lacking in refusal.lacks
        ),
        at_once=show(quote.at_once(refusal)),
        expected=plan_words(quote.plan, ctx.today) if quote.plan else "",
    )
