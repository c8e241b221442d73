"""Quotes: what financing an order would be worth and cost, before anything is requested."""

import hashlib
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from tusker.domain.credit.limits import Refusal, ThreeLimits
from tusker.domain.credit.risk import SHARES
from tusker.domain.delivery.financeable import Wishes
from tusker.domain.delivery.shipments import ShipmentStatus
from tusker.domain.loans.calculator import Calculation, calculate
from tusker.domain.terms import Terms
from tusker.errors import FinancingRefused
from tusker.queries.credit.credit_lines import LineRow
from tusker.queries.loans.expected import Plan
from tusker.services.context import Context
from tusker.services.credit.risk.judging import NOTHING_MET, RulesAtHand, RulesMet, refused_by_rules
from tusker.services.locks import AdvisoryLock, take_lock
from tusker.working_days import working_days

NO_WISHES = Wishes()


@dataclass(frozen=True)
class Quote:
    """What a supplier is shown before the request; money in minor units.

    `refusal` is set when a limit would not hold now.
    """

    today: date
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
    supplier_name: str
    purchaser_name: str
    amount: int
    principal: int
    limits: ThreeLimits
    refusal: Refusal | None
    plan: Plan | None
    """With a refusal, the repayments by which it fits, as its supplier may know them."""
    shipment_status: ShipmentStatus | None
    """None: the delivery company does not track the number yet."""
    rules: RulesMet = NOTHING_MET
    """What the rules of risk say of it."""
    waits: bool = False
    """Whether the same is on the waiting list."""
    alike: bool = False
    """Whether a live invoice on the line looks like it."""
    wishes: Wishes = NO_WISHES
    """What the credit line wants before the invoice is financed."""

    @cached_property
    def costs(self) -> Calculation:
        """What it costs, if it is paid out today and repaid on the due date."""
        return calculate(self.principal, self.terms, self.today, working_days())

    @property
    def largest(self) -> int:
        """The largest invoice whose principal the limits and rules leave now."""
        return self.terms.largest_within(self.available)

    @property
    def available(self) -> int:
        """The most principal that a request on this line is admitted for now, in minor units."""
        return self.rules.leeway.within(self.limits.available)

    def at_once(self, refusal: Refusal) -> int:
        """What could be financed at once instead of a request that was refused, in minor units."""
        return self.rules.leeway.within(refusal.at_once(self.principal))

    @property
    def figures(self) -> str:
        """A digest of what is financed (number, line, value), which a request sends back to agree to it."""
        text = f"{self.carrier}|{self.number}|{self.credit_line_id}|{self.amount}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def figures_on_line(
    ctx: Context,
    line: LineRow,
    amount: int,
    *,
    carrier: str,
    order_ref: str,
    number: str,
    shipment_status: ShipmentStatus | None,
    rules: RulesAtHand | None,
    invoice_date: date | None = None,
    field: str = "order_ref",
    waits: bool = False,
    alike: bool = False,
) -> Quote:
    """The figures for an amount on a given line, without the plan of a refusal; an amount that comes to nothing is
    refused, naming `field`."""
    terms = line.terms
    principal = terms.principal_of(amount)
    if principal < 1:
        raise FinancingRefused("The value is too small to be financed.", field=field, problem="no_value")
    return Quote(
        today=ctx.today,
        carrier=carrier,
        order_ref=order_ref,
        number=number,
        invoice_date=invoice_date,
        credit_line_id=line.id,
        terms_version=line.terms_version,
        terms=terms,
        supplier_id=line.supplier_id,
        purchaser_id=line.purchaser_id,
        supplier_name=line.supplier,
        purchaser_name=line.purchaser,
        amount=amount,
        principal=principal,
        limits=line.limits,
        refusal=line.limits.check(principal),
        plan=None,
        shipment_status=shipment_status,
        rules=rules.met(line.id, amount, principal, terms, invoice_date) if rules else NOTHING_MET,
        waits=waits,
        alike=alike,
        wishes=Wishes(line.documents_required, line.confirmation_required),
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
        at_hand = RulesAtHand(ctx.today, [quote.credit_line_id])
        rules = at_hand.met(
            quote.credit_line_id, quote.amount, quote.principal, quote.terms, quote.invoice_date
        )
    if broken := refused_by_rules(rules.lines):
        raise FinancingRefused(broken, field=field, problem="risk_rule")
