"""What `/api/v1` answers: quotes, credit lines, who one is, problems; invoices have a module of their own.

The OpenAPI document is made from these models.
"""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

from tusker.currency import currency
from tusker.domain.credit.limits import Bound
from tusker.domain.delivery.shipments import ShipmentStatus
from tusker.domain.terms import Collection, DayCount, DueConvention, InterestMethod, InterestTiming

Side = Literal["supplier", "purchaser"]


class Output(BaseModel):
    """Something that we answer."""

    model_config = ConfigDict(
        extra="forbid",
        from_attributes=True,
        use_attribute_docstrings=True,
        json_schema_serialization_defaults_required=True,
    )

    @classmethod
    def of(cls, row: object, **given: object) -> Self:
        """From a row or value of ours: what is not `given` is its attribute of the same name."""
        taken = {name: getattr(row, name) for name in cls.model_fields if name not in given}
        return cls.model_validate(taken | given)


class Money(Output):
    """An amount of money, exact in both spellings. Never a JSON number with a fraction."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"minor": 12500000, "value": "125000.00", "currency": "INR"}]}
    )

    minor: int
    """In the currency's smallest unit (paise, cents): the figure to calculate with."""
    value: str
    """In major units, as decimal text."""
    currency: str
    """ISO 4217 code. An installation has one currency."""

    @model_validator(mode="before")
    @classmethod
    def both_spellings(cls, value: object) -> object:
        """Minor units, as all of our rows have them, in both spellings."""
        if not isinstance(value, int):
            return value
        configured = currency()
        return {"minor": value, "value": configured.plain(value), "currency": configured.code}


class Company(Output):
    """A company."""

    id: int
    name: str


def rate_text(fraction: Decimal) -> str:
    """A fraction as decimal text without trailing zeros and without an exponent: 0.180000 → 0.18."""
    text = f"{fraction:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


Rate = Annotated[str, BeforeValidator(rate_text)]


class Terms(Output):
    """What is lent against an invoice and what it costs. Rates are fractions a year as decimal text (0.18 = 18 %)."""

    advance_rate: Rate
    apr: Rate
    tenor_days: int
    day_count: DayCount
    interest_method: InterestMethod
    fee_flat: Money
    fee_rate: Rate
    fee_min: Money
    """The least that flat and percentage fee together come to."""
    fee_max: Money | None
    """The most that they come to; null for no bound."""
    interest_timing: InterestTiming
    """`upfront`: interest and fee are deducted from the payout, and on the due date only the principal is owed."""
    grace_days: int
    penal_rate: Rate
    recourse_days: int | None
    """So many days past due the supplier owes the debt in place of the purchaser; null for without recourse."""
    due_convention: DueConvention
    """What becomes of a due date on which the bank is closed."""
    collection: Collection
    """`debt`: purchasers pay what is owed on the loan and the rest to the supplier directly. `invoice`: they pay the
    invoice's face value, of which the rest is passed on to the supplier."""


class Limit(Output):
    """A limit and what is left of it. Of another company's own limit only what is left is shown."""

    limit: Money | None
    used: Money | None
    waiting: Money | None
    """What requests on the waiting list hold of it."""
    available: Money
    """limit − used − waiting, never below zero."""


class Limits(Output):
    """The three limits that an invoice is held against."""

    credit_line: Limit
    supplier: Limit | None
    """null for purchasers."""
    purchaser: Limit
    available: Money
    """The largest principal that would be approved now: the smallest rest of the three limits, for purchasers
    of the two that they see; 0 on a line that is not open."""


class Refusal(Output):
    """A limit that did not hold."""

    bound: Bound
    lacking: Money
    """How much it lacked for this principal."""


class Repayment(Output):
    """Principal that is due on a day and frees limits once it is paid."""

    due_on: date
    debtor: str | None
    """null where the loan is between other companies."""
    amount: Money | None


class Plan(Output):
    """The repayments expected until a refused request fits, oldest first."""

    repayments: list[Repayment]
    fits_on: date | None
    """When the last of them is due; null when all of them together do not free enough."""


class Rule(Output):
    """A rule of risk, in words, with the room that it leaves."""

    kind: str
    title: str
    bound: str
    room: str
    holds: bool
    """A request is refused while one does not hold; a first deal waits for a person before its payout instead."""


class Quote(Output):
    """What financing an order would be worth and cost, if it were paid out today and repaid on the due date."""

    order_ref: str
    """The order's, or the parcel's in its one spelling."""
    carrier: str
    number: str
    """The invoice's number; of an order its own reference."""
    shipment_status: ShipmentStatus | None
    """null: the delivery company does not track this parcel yet; it begins to with the request."""
    purchaser: Company
    credit_line_id: int
    terms_version: int
    """Send it with the request to be sure of these terms."""
    terms: Terms
    amount: Money
    """The order's value as declared to the delivery company, or the amount that was sent."""
    principal: Money
    """advance rate × amount: what would be lent."""
    interest: Money
    fee: Money
    cost: Money
    """interest + fee"""
    payout: Money
    """What you would get: principal, less cost when the terms have it deducted."""
    due_at_term: Money
    """principal + cost, or principal alone when the cost was deducted from the payout"""
    due_on: date
    limits: Limits
    refusal: Refusal | None
    """The first limit that would not hold now."""
    lacks: list[Refusal]
    """All limits that would not hold now."""
    plan: Plan | None
    """With a `refusal`: which repayments make room, and when."""
    largest: Money
    """The largest amount whose principal the limits and rules leave now."""
    rules: list[Rule]
    """The rules of risk that it is held against besides the limits."""


class CreditLine(Output):
    """One supplier-purchaser relationship."""

    id: int
    side: Side
    supplier: Company
    purchaser: Company
    status: Literal["active", "suspended"]
    open: bool
    """Whether it admits new invoices now: active, within its dates, and neither company on hold."""
    closed_because: str | None
    """Why it admits nothing now and what clears it, as a sentence; null while it is open."""
    valid_from: date
    valid_to: date | None
    terms_version: int
    terms: Terms
    limits: Limits


class CreditLinePage(Output):
    """A page of credit lines, newest first."""

    items: list[CreditLine]
    next_cursor: str | None


class Token(Output):
    """The token of this request."""

    name: str
    prefix: str


class Me(Output):
    """Whose token this is, and what the installation is set to."""

    company: Company
    reference: str | None
    sides: list[Side]
    token: Token
    currency: str
    decimals: int
    """Decimals of the currency: 2 means that 100 minor units are one major unit."""
    carriers: list[str]
    parcel_carriers: list[str]
    """Those of `carriers` that track parcels by number; the others know orders."""
    business_date: date
    """Today in the lender's time zone; live amounts are as of this day."""
    supplier_limit: Limit | None
    purchaser_limit: Limit | None


class FieldError(Output):
    """What is wrong with one field."""

    field: str
    message: str


class Problem(Output):
    """A problem as RFC 9457 has it."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    type: str
    """`urn:tusker:problem:` and the problem's constant name."""
    title: str
    status: int
    detail: str
    """A sentence for people."""
    instance: str
    """`urn:tusker:request:` and the id of this request, which `X-Request-ID` carries too."""
    errors: list[FieldError] | None = None
    """Each field that cannot be taken."""
    invoice_id: int | None = None
    """With `duplicate`: the invoice that holds the number."""
