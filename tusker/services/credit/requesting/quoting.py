"""The quotes of orders and parcels: what rules them out, in words, and the figures of the others."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tusker.domain.credit.limits import Refusal
from tusker.domain.delivery.shipments import ShipmentStatus, TrackedOrder
from tusker.errors import FinancingRefused, TuskerError
from tusker.messages import say
from tusker.queries.credit.credit_lines import LineRow
from tusker.queries.credit.requests import Asked, Standing, names_of, standings
from tusker.queries.loans.expected import repayment_plan
from tusker.services.context import Context
from tusker.services.credit.requesting.offers import Quote, figures_on_line
from tusker.services.credit.requesting.parcels import Entered, check_entered
from tusker.services.credit.risk.judging import RulesAtHand
from tusker.services.credit.shipment_guard import check_free
from tusker.services.credit.standing import check_line_open


@dataclass(frozen=True, slots=True)
class Wanted:
    """An order, or with `entered` a parcel, to be quoted. `ref` is canonical; a parcel's status is checked only where
    its delivery company has said it in `order`."""

    carrier: str
    ref: str
    order: TrackedOrder | None
    entered: Entered | None = None

    @property
    def number(self) -> str:
        """The number that its invoice gets."""
        return self.ref if self.entered is None else self.entered.number


def quoted(answer: Quote | TuskerError) -> Quote:
    """The quote; raises the error that rules it out."""
    if isinstance(answer, TuskerError):
        raise answer
    return answer


def wanted_of(order: TrackedOrder, entered: Entered | None) -> Wanted:
    """An order or parcel that a delivery company told of."""
    return Wanted(order.carrier, order.ref, order, entered)


def quotes(
    ctx: Context, supplier_id: int, wanted: Sequence[Wanted], *, alone: bool = False
) -> list[Quote | TuskerError]:
    """A supplier's quotes, or the errors that rule them out, in order; without the plans of refusals.

    One statement for any number of them; where there are rules of risk two more, and some for each that is ruled out.
    """
    found = standings(supplier_id, [_asked(each) for each in wanted], ctx.today, alone=alone)
    lines = {each.line.id for each in found if each.line is not None and each.ruled}
    rules = RulesAtHand(ctx.today, lines) if lines else None
    answers: list[Quote | TuskerError] = []
    for each, stands in zip(wanted, found, strict=True):
        try:
            answers.append(_quote(ctx, supplier_id, each, stands, rules))
        except TuskerError as error:
            answers.append(error)
    return answers


def quote_one(ctx: Context, supplier_id: int, wanted: Wanted) -> Quote:
    """One quote, with its plan; raises the typed error of what rules it out, naming the field."""
    quote = quoted(quotes(ctx, supplier_id, [wanted])[0])
    return quote if quote.refusal is None else with_plan(quote, quote.refusal)


def with_plan(quote: Quote, refusal: Refusal) -> Quote:
    """The quote with the repayments by which it fits after all, as its supplier may know them."""
    keys = (quote.credit_line_id, quote.supplier_id, quote.purchaser_id)
    return replace(quote, plan=repayment_plan(*keys, refusal.lacks, seen_by=quote.supplier_id))


def quote_order(ctx: Context, supplier_id: int, order: TrackedOrder) -> Quote:
    """The quote for an order of this supplier, see `quote_one`."""
    return quote_one(ctx, supplier_id, wanted_of(order, None))


def _asked(wanted: Wanted) -> Asked:
    names = names_of(wanted.ref, wanted.order.aliases if wanted.order else ())
    if wanted.entered is not None:
        line_id, amount = wanted.entered.credit_line_id, wanted.entered.amount
        return Asked(wanted.carrier, wanted.ref, names, wanted.number, line_id=line_id, amount=amount)
    if wanted.order is None:
        return Asked(wanted.carrier, wanted.ref, names, wanted.number)
    return Asked(
        wanted.carrier,
        wanted.ref,
        names,
        wanted.number,
        seller=wanted.order.supplier_external_id,
        place=wanted.order.purchaser_location_id,
        amount=wanted.order.declared_value,
    )


def _quote(
    ctx: Context, supplier_id: int, wanted: Wanted, stands: Standing, rules: RulesAtHand | None
) -> Quote:
    entered = wanted.entered
    amount = entered.amount if entered else _declared_value(wanted.order, wanted.ref, own=stands.own)
    line = _line(wanted, stands)
    check_line_open(line, ctx.today, field="credit_line_id" if entered else "order_ref")
    if entered is not None:
        check_entered(wanted.carrier, entered, wanted.order, ctx.today)
    if stands.taken:
        aliases = wanted.order.aliases if wanted.order else ()
        field = "number" if entered else "order_ref"
        check_free(supplier_id, wanted.number, wanted.carrier, wanted.ref, aliases, field=field)
    return figures_on_line(
        ctx,
        line,
        amount,
        carrier=wanted.carrier,
        order_ref=wanted.ref,
        number=wanted.number,
        shipment_status=wanted.order.status if wanted.order else None,
        rules=rules,
        invoice_date=entered.invoice_date if entered else None,
        field="amount" if entered else "order_ref",
        waits=stands.waits,
        alike=stands.alike,
    )


def _line(wanted: Wanted, stands: Standing) -> LineRow:
    """The line with the company at the order's destination, or the one that was chosen."""
    if stands.line is not None:
        return stands.line
    if wanted.entered is None:
        raise FinancingRefused(
            "You have no credit line with the purchaser of order “{ref}”. Ask us to set one up.",
            ref=wanted.ref,
            field="order_ref",
            problem="no_credit_line",
        )
    # The same words for a line of others, so that a supplier learns nothing about them.
    raise FinancingRefused(
        "You have no such credit line. Choose one of yours.", field="credit_line_id", problem="no_credit_line"
    )


def _declared_value(order: TrackedOrder | None, ref: str, *, own: bool) -> int:
    """The order's value in minor units, if it is this supplier's and in a state that may be financed."""
    if order is None or not own:
        # The same words for the orders of others, so that a supplier learns nothing about them.
        raise unknown_order(ref)
    if order.status in {ShipmentStatus.CANCELLED, ShipmentStatus.RETURNED}:
        status = say("cancelled") if order.status is ShipmentStatus.CANCELLED else say("returned")
        raise FinancingRefused(
            "Order “{ref}” was {status} at the delivery company and cannot be financed.",
            ref=ref,
            status=status,
            field="order_ref",
            problem="cancelled_order",
        )
    if not order.declared_value:
        raise FinancingRefused(
            "Order “{ref}” has no usable declared value.", ref=ref, field="order_ref", problem="no_value"
        )
    if not order.financeable:
        raise FinancingRefused(
            "Order “{ref}” is not placed yet or its status needs review; ask again once it is placed.",
            ref=ref,
            field="order_ref",
            problem="not_placed",
        )
    return order.declared_value


def unknown_order(ref: str) -> FinancingRefused:
    """The error for an order that the delivery company does not know, or knows as another supplier's."""
    return FinancingRefused(
        "The delivery company knows no order “{ref}” of yours. Check the reference.",
        ref=ref,
        field="order_ref",
        problem="unknown_order",
    )
