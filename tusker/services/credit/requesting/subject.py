"""What financing is requested for: an order or a parcel. Page, endpoint and command leave the difference to this."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date

from tusker.carriers.base import Carrier
from tusker.domain.delivery.shipments import TrackedOrder
from tusker.errors import InvalidInput, TuskerError
from tusker.services.context import Context
from tusker.services.credit.requesting.fetching import ask_for, fetch_each, fetch_order
from tusker.services.credit.requesting.offers import Quote
from tusker.services.credit.requesting.parcels import Entered, says_itself
from tusker.services.credit.requesting.quoting import Wanted, quote_one, quote_order, quotes, wanted_of
from tusker.services.credit.shipment_guard import check_not_waiting


@dataclass(frozen=True, slots=True)
class RequestSubject:
    """An order or a parcel of a supplier; made by `subject_of`.

    `ref` is the order's reference, or the tracking number in its canonical spelling; `entered` is None for an order.
    """

    supplier_id: int
    carrier: Carrier
    ref: str
    entered: Entered | None

    @property
    def number(self) -> str:
        """The number that its invoice gets."""
        return self.ref if self.entered is None else self.entered.number


def details_needed(carrier: Carrier) -> tuple[str, ...]:
    """The fields of `Entered` that a request needs besides its reference: none where orders are declared."""
    return () if carrier.declares_orders else tuple(field.name for field in fields(Entered))


def subject_of(
    supplier_id: int,
    carrier: Carrier,
    ref: str,
    *,
    credit_line_id: int | None = None,
    number: str | None = None,
    amount: int | None = None,
    invoice_date: date | None = None,
) -> RequestSubject:
    """The subject of a request; details that were not given are None, the amount is in minor units.

    Raises `InvalidInput` for a malformed reference and unless exactly the `details_needed` are given.
    """
    if carrier.declares_orders:
        if (credit_line_id, number, amount, invoice_date) != (None, None, None, None):
            raise says_itself(carrier)
        return RequestSubject(supplier_id, carrier, ref.strip(), None)
    if credit_line_id is None or number is None or amount is None or invoice_date is None:
        raise InvalidInput(
            "{carrier_label} tracks parcels and knows nothing of their invoices: say which "
            "credit line, number, amount and date the invoice has.",
            carrier_label=carrier.label,
            field="carrier",
        )
    entered = Entered(credit_line_id, number, amount, invoice_date)
    return RequestSubject(supplier_id, carrier, carrier.parse_reference(ref), entered)


def quote_subject(ctx: Context, subject: RequestSubject) -> Quote:
    """Ask the delivery company and compute the figures; nothing is stored, and no parcel is registered.

    HTTP: rolls the open transaction back first. Raises what `quote_one` raises, and the carrier's own errors.
    """
    entered = subject.entered
    if entered is None:
        quote = quote_order(ctx, subject.supplier_id, fetch_order(subject.carrier, subject.ref))
    else:
        quote_one(ctx, subject.supplier_id, _unasked(subject))
        parcel = ask_for(subject.carrier, [subject.ref])[0]
        ref = parcel.ref if parcel else subject.ref
        quote = quote_one(ctx, subject.supplier_id, Wanted(subject.carrier.name, ref, parcel, entered))
    if quote.waits:
        check_not_waiting(subject.supplier_id, quote.number, quote.carrier, quote.order_ref)
    return quote


def fetch_subject(ctx: Context, subject: RequestSubject) -> TrackedOrder:
    """Ask the delivery company, for `request_financing` in a transaction that follows.

    A parcel that it does not track yet is registered, which may cost money. HTTP and errors as in `quote_subject`.
    """
    [answer] = fetch_subjects(ctx, [subject])
    if isinstance(answer, TuskerError):
        raise answer
    return answer


def quote_fetched(ctx: Context, supplier_id: int, order: TrackedOrder, entered: Entered | None) -> Quote:
    """The quote for an order or parcel that `fetch_subject` returned."""
    return quote_one(ctx, supplier_id, wanted_of(order, entered))


def fetch_subjects(ctx: Context, subjects: Sequence[RequestSubject]) -> list[TrackedOrder | TuskerError]:
    """As `fetch_subject` for any number of a supplier's requests: what the delivery companies told, or the error of
    each, in order.

    What a parcel's details rule out is not asked about.
    """
    answers: dict[int, TrackedOrder | TuskerError] = {}
    parcels = [n for n, subject in enumerate(subjects) if subject.entered is not None]
    if parcels:
        looked = quotes(ctx, subjects[parcels[0]].supplier_id, [_unasked(subjects[n]) for n in parcels])
        answers.update(
            (n, found) for n, found in zip(parcels, looked, strict=True) if isinstance(found, TuskerError)
        )
    by_carrier: dict[str, list[int]] = {}
    for n, subject in enumerate(subjects):
        if n not in answers:
            by_carrier.setdefault(subject.carrier.name, []).append(n)
    for asked in by_carrier.values():
        told = fetch_each(subjects[asked[0]].carrier, [subjects[n].ref for n in asked])
        answers.update(zip(asked, told, strict=True))
    return [answers[n] for n in range(len(subjects))]


def _unasked(subject: RequestSubject) -> Wanted:
    """A parcel before its delivery company was asked about it."""
    return Wanted(subject.carrier.name, subject.ref, None, subject.entered)
