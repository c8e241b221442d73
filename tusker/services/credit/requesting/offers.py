"""Quotes: what financing an order would be worth and cost, before anything is requested."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from tusker.carriers.base import Carrier
from tusker.domain.calculator import calculate
from tusker.domain.limits import Refusal, ThreeLimits
from tusker.domain.risk import SHARES
from tusker.domain.shipments import ShipmentStatus, TrackedOrder
from tusker.domain.terms import Terms
from tusker.errors import FinancingRefused, InvalidInput
from tusker.extensions import db
from tusker.models import CarrierIdentity, CreditLine
from tusker.queries.credit.credit_lines import limits_of
from tusker.queries.loans.expected import Plan
from tusker.services.context import Context
from tusker.services.couriers.gate import asking
from tusker.services.credit.expected import plan_on_line
from tusker.services.credit.risk.judging import NOTHING_MET, RulesMet, refused_by_rules, rules_met
from tusker.services.credit.shipment_guard import check_free
from tusker.services.credit.standing import check_line_open
from tusker.services.locks import AdvisoryLock, take_lock
from tusker.working_days import working_days


@dataclass(frozen=True, slots=True)
class Quote:
    """What a supplier is shown before the request; money in minor units.

    The cost assumes a payout today and repayment on the due date. `refusal` is set when a limit would not hold now.
    """

    carrier: str
    order_ref: str
    number: str
    """The invoice's; of an order its own reference."""
    invoice_date: date | None
    credit_line_id: int
    terms_version: int
    terms: Terms
    supplier_id: int
    purchaser_id: int
    purchaser_name: str
    amount: int
    principal: int
    interest: int
    fee: int
    payout: int
    due_on: date
    due_at_term: int
    limits: ThreeLimits
    refusal: Refusal | None
    plan: Plan | None
    """With a refusal, the repayments by which it fits, as its supplier may know them."""
    shipment_status: ShipmentStatus | None
    """None: the delivery company does not track the number yet."""
    rules: RulesMet = NOTHING_MET
    """What the rules of risk say of it."""

    @property
    def cost(self) -> int:
        """Interest to the end of the term plus fees."""
        return self.interest + self.fee

    @property
    def largest(self) -> int:
        """The largest invoice whose principal the limits and rules leave now."""
        return self.terms.largest_within(self.available)

    @property
    def available(self) -> int:
        """The most principal that a request on this line is admitted for now, in minor units."""
        return self.rules.leeway.within(self.limits.available)

    @property
    def figures(self) -> str:
        """A digest of what is financed (number, line, value), which a request sends back to agree to it."""
        text = f"{self.carrier}|{self.number}|{self.credit_line_id}|{self.amount}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def fetch_order(carrier: Carrier, order_ref: str) -> TrackedOrder:
    """Ask the delivery company for one order. HTTP: rolls the open transaction back first.

    Raises `InvalidInput` for a reference that cannot be one, `FinancingRefused` for an unknown order, and the
    carrier's own errors when it does not answer.
    """
    cleaned = order_ref.strip()
    if not cleaned or len(cleaned) > 60:
        raise InvalidInput("The order reference must have 1 to 60 characters.", field="order_ref")
    db.session.rollback()
    with asking(carrier):
        order = carrier.fetch([cleaned]).get(cleaned)
    if order is None:
        raise FinancingRefused(
            f"The delivery company knows no order “{cleaned}” of yours. Check the reference.",
            field="order_ref",
            problem="unknown_order",
        )
    return order


def quote_order(ctx: Context, supplier_id: int, order: TrackedOrder) -> Quote:
    """The quote for an order of this supplier; raises a typed error with its own message for what rules it out."""
    value = _declared_value(supplier_id, order)
    line = _line_for(supplier_id, order)
    check_line_open(line, ctx.today)
    check_free(supplier_id, order.ref, order.carrier, order.ref)
    return figures_on_line(
        ctx,
        line,
        value,
        carrier=order.carrier,
        order_ref=order.ref,
        number=order.ref,
        shipment_status=order.status,
    )


def figures_on_line(
    ctx: Context,
    line: CreditLine,
    amount: int,
    *,
    carrier: str,
    order_ref: str,
    number: str,
    shipment_status: ShipmentStatus | None,
    invoice_date: date | None = None,
    field: str = "order_ref",
) -> Quote:
    """The figures for an amount on a given line; an amount that comes to nothing is refused, naming `field`."""
    terms = line.terms
    principal = terms.principal_of(amount)
    if principal < 1:
        raise FinancingRefused("The value is too small to be financed.", field=field, problem="no_value")
    figures = calculate(principal, terms, ctx.today, working_days())
    limits = limits_of(line)
    refusal = limits.check(principal)
    return Quote(
        carrier=carrier,
        order_ref=order_ref,
        number=number,
        invoice_date=invoice_date,
        credit_line_id=line.id,
        terms_version=line.terms_version,
        terms=terms,
        supplier_id=line.supplier_id,
        purchaser_id=line.purchaser_id,
        purchaser_name=line.purchaser.customer.name,
        amount=amount,
        principal=principal,
        interest=figures.interest,
        fee=figures.fee,
        payout=figures.payout,
        due_on=figures.due_on,
        due_at_term=figures.at_term.total,
        limits=limits,
        refusal=refusal,
        plan=plan_on_line(line, refusal, seen_by=line.supplier_id) if refusal else None,
        shipment_status=shipment_status,
        rules=rules_met(
            line.id, ctx.today, amount=amount, principal=principal, terms=terms, invoice_date=invoice_date
        ),
    )


def check_rules(ctx: Context, quote: Quote, *, field: str = "order_ref") -> None:
    """Raise `FinancingRefused` in the words of the rules of risk that do not hold; a first deal waits for a person
    before its payout instead.

    Where shares of the book are bounded, requests come one after the other from here on, so that no two of them take
    the same room.
    """
    rules = quote.rules
    if any(rule.kind in SHARES for rule in rules.lines):
        take_lock(AdvisoryLock.BOOK)
        rules = rules_met(
            quote.credit_line_id,
            ctx.today,
            amount=quote.amount,
            principal=quote.principal,
            terms=quote.terms,
            invoice_date=quote.invoice_date,
        )
    if broken := refused_by_rules(rules.lines):
        raise FinancingRefused(broken, field=field, problem="risk_rule")


def _declared_value(supplier_id: int, order: TrackedOrder) -> int:
    """The order's value in minor units, if it is this supplier's and in a state that may be financed."""
    owner = db.session.scalar(
        select(CarrierIdentity.customer_id).where(
            CarrierIdentity.carrier == order.carrier,
            CarrierIdentity.side == "supplier",
            CarrierIdentity.external_id == order.supplier_external_id,
        )
    )
    if owner != supplier_id:
        # The same words as for an unknown order, so that a supplier learns nothing about the orders of others.
        raise FinancingRefused(
            f"The delivery company knows no order “{order.ref}” of yours. Check the reference.",
            field="order_ref",
            problem="unknown_order",
        )
    if order.status in {ShipmentStatus.CANCELLED, ShipmentStatus.RETURNED}:
        raise FinancingRefused(
            f"Order “{order.ref}” was {order.status} at the delivery company and cannot be financed.",
            field="order_ref",
            problem="cancelled_order",
        )
    if not order.declared_value:
        raise FinancingRefused(
            f"Order “{order.ref}” has no usable declared value.", field="order_ref", problem="no_value"
        )
    if not order.financeable:
        raise FinancingRefused(
            f"Order “{order.ref}” is not placed yet or its status needs review; ask again once it is placed.",
            field="order_ref",
            problem="not_placed",
        )
    return order.declared_value


def _line_for(supplier_id: int, order: TrackedOrder) -> CreditLine:
    """The line with the company at the order's destination."""
    line: CreditLine | None = db.session.scalar(
        select(CreditLine)
        .join(CarrierIdentity, CarrierIdentity.customer_id == CreditLine.purchaser_id)
        .where(
            CreditLine.supplier_id == supplier_id,
            CarrierIdentity.carrier == order.carrier,
            CarrierIdentity.side == "purchaser",
            CarrierIdentity.external_id == order.purchaser_location_id,
        )
        .execution_options(populate_existing=True)
    )
    if line is None:
        raise FinancingRefused(
            f"You have no credit line with the purchaser of order “{order.ref}”. Ask us to set one up.",
            field="order_ref",
            problem="no_credit_line",
        )
    return line
