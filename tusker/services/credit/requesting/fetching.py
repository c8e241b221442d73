"""Asking delivery companies about orders and parcels that are to be financed, through their gates."""

from collections.abc import Sequence

from tusker.carriers.base import Carrier, CarrierError
from tusker.domain.delivery.shipments import TrackedOrder
from tusker.errors import FinancingRefused, InvalidInput, TuskerError
from tusker.services.couriers.gate import asking
from tusker.services.credit.requesting.quoting import unknown_order
from tusker.transactions import let_go


def fetch_order(carrier: Carrier, order_ref: str) -> TrackedOrder:
    """Ask the delivery company for one order. HTTP: rolls the open transaction back first.

    Raises `InvalidInput` for a reference that cannot be one, `FinancingRefused` for an unknown order, and the
    carrier's own errors when it does not answer.
    """
    [answer] = fetch_each(carrier, [order_ref.strip()])
    if isinstance(answer, TuskerError):
        raise answer
    return answer


def ask_for(carrier: Carrier, refs: Sequence[str]) -> list[TrackedOrder | None]:
    """Ask one question about references, of which none is registered; None for each that is not known. HTTP and
    errors as in `fetch_order`."""
    let_go()
    with asking(carrier):
        known = carrier.fetch(refs, register=False)
    return [known.get(ref) for ref in refs]


def fetch_each(carrier: Carrier, refs: Sequence[str]) -> list[TrackedOrder | TuskerError]:
    """Ask about any number of references of a delivery company: what it told, or the error of each, in order.

    Parcels that it does not track yet are registered. Of many it is asked in as few questions as it takes; what it
    refuses as a whole is asked again one by one, and once it is down the rest is not asked for.
    """
    answers: dict[str, TrackedOrder | TuskerError] = {}
    down: CarrierError | None = None
    different = list(dict.fromkeys(refs))
    for start in range(0, len(different), carrier.batch_size):
        few = different[start : start + carrier.batch_size]
        told = [down] * len(few) if down is not None else _fetch_few(carrier, few)
        answers.update(zip(few, told, strict=True))
        last = told[-1]
        down = last if isinstance(last, CarrierError) and last.carrier_is_down else None
    return [answers[ref] for ref in refs]


def _fetch_few(carrier: Carrier, refs: Sequence[str]) -> list[TrackedOrder | TuskerError]:
    """One question's worth of them."""
    try:
        found = _in_capitals(carrier, refs, ask_for(carrier, [_checked(ref) for ref in refs]))
    except TuskerError as error:
        if len(refs) == 1 or (isinstance(error, CarrierError) and error.carrier_is_down):
            return [error] * len(refs)
        return [answer for ref in refs for answer in _fetch_few(carrier, [ref])]
    return [_known(carrier, ref, order) for ref, order in zip(refs, found, strict=True)]


def _in_capitals(
    carrier: Carrier, refs: Sequence[str], found: list[TrackedOrder | None]
) -> list[TrackedOrder | None]:
    """What was found, and orders that are known only as their references in capitals: people type them in any case."""
    missing = {ref: ref.upper() for ref, order in zip(refs, found, strict=True) if order is None}
    again = list(dict.fromkeys(upper for ref, upper in missing.items() if upper != ref))
    if not carrier.declares_orders or not again:
        return found
    told = dict(zip(again, ask_for(carrier, again), strict=True))
    return [order or told.get(missing.get(ref, "")) for ref, order in zip(refs, found, strict=True)]


def _known(carrier: Carrier, ref: str, order: TrackedOrder | None) -> TrackedOrder | TuskerError:
    """What the delivery company told, or of a parcel tells once it is registered; else the error."""
    try:
        if order is None and carrier.registers:
            with asking(carrier):
                order = carrier.register(ref)
    except TuskerError as error:
        return error
    if order is not None:
        return order
    if carrier.declares_orders:
        return unknown_order(ref)
    return FinancingRefused(
        "{carrier_label} knows no parcel “{ref}”. Check the tracking number and its courier.",
        carrier_label=carrier.label,
        ref=ref,
        field="order_ref",
        problem="unknown_order",
    )


def _checked(ref: str) -> str:
    if not ref or len(ref) > 60:
        raise InvalidInput("The order reference must have 1 to 60 characters.", field="order_ref")
    return ref
