"""What `/api/v1` answers about invoices, their loans, and requests that wait."""

from datetime import date

from pydantic import AwareDatetime

from tusker.api.schemas import Company, Money, Output, Plan, Problem, Refusal, Side, Terms
from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.domain.delivery.financeable import Condition, Grounds, PurchaserAnswer
from tusker.domain.delivery.shipments import ShipmentStatus
from tusker.domain.files import MediaType
from tusker.models import WaitingState


class Shipment(Output):
    """Where the goods are."""

    carrier: str
    order_ref: str
    status: ShipmentStatus
    eta: AwareDatetime | None
    checked_at: AwareDatetime | None
    """When the delivery company was last asked."""


class Owed(Output):
    """What is owed on a day, net of what was paid."""

    as_of: date
    principal: Money
    interest: Money
    fee: Money
    penalty: Money
    total: Money
    days_past_due: int


class Loan(Output):
    """The disbursed invoice as a debt."""

    reference: str
    platform_reference: str | None
    """The lending platform's own loan id; several loans may have the same."""
    principal: Money
    open_principal: Money
    start_date: date
    due_date: date
    closed_on: date | None
    deducted: Money
    """Interest and fee that were kept back from the payout."""
    recourse_on: date | None
    """Since when the supplier owes it in place of the purchaser."""
    live: Owed
    """What is to be paid today."""
    term: Owed
    """What is to be paid on the due date."""


class Event(Output):
    """One change in an invoice's life."""

    at: AwareDatetime
    kind: str
    from_value: str | None
    to_value: str | None
    reason: str


class Answer(Output):
    """What the purchaser says of a delivery and its amount."""

    answer: PurchaserAnswer
    at: AwareDatetime
    amount: Money | None
    """What the purchaser says it owes, where it does."""
    grounds: Grounds | None
    reason: str | None
    settled: bool
    """Whether a dispute was settled by the lender, so that it does not stop the financing any more."""


class Invoice(Output):
    """A request for financing and what became of it."""

    id: int
    number: str
    side: Side
    """Which side of it your company is on."""
    status: InvoiceStatus
    supplier: Company
    purchaser: Company
    credit_line_id: int
    invoice_date: date | None
    amount: Money
    principal: Money
    terms: Terms
    """As frozen at the request."""
    requested_at: AwareDatetime
    financeable_at: AwareDatetime | None
    closed_at: AwareDatetime | None
    refusal: Refusal | None
    """Of a rejected invoice: the limit that bound first. Shown to the supplier."""
    lacks: list[Refusal]
    """Of a rejected invoice: all limits that lacked. Shown to the supplier."""
    plan: Plan | None
    """Of a rejected invoice, asked for alone: which repayments make room for it; null when it fits now. Shown to the
    supplier. `POST /invoices/{invoice_id}/waiting` leaves it waiting for them."""
    waits_for: list[Condition]
    """Of an approved invoice: what has to be met before it is financed."""
    answer: Answer | None
    shipment: Shipment | None
    loan: Loan | None
    """From the payout on."""
    events: list[Event] | None
    """The timeline, oldest first, when asked for with `include=events`."""


class BatchAnswer(Output):
    """The answer to one request of a batch: what the request by itself would have been answered."""

    status: int
    """The HTTP status: 201, 200, or that of the problem."""
    replayed: bool
    """Whether the answer was kept under the item's key."""
    invoice: Invoice | None
    problem: Problem | None
    """Why there is none."""


class BatchAnswers(Output):
    """The answers to a batch, in the order of its items."""

    items: list[BatchAnswer]


class InvoicePage(Output):
    """A page of invoices, newest first."""

    items: list[Invoice]
    next_cursor: str | None
    """Give it as `cursor` for the next page; null on the last one."""


class Waiting(Output):
    """A refused request on the waiting list, and what became of it."""

    invoice_id: int
    """The rejected invoice."""
    number: str
    state: WaitingState
    principal: Money
    agreed_at_term: Money
    """It is approved with no more than this owed at the end of its term."""
    place: int | None
    """Among those that wait for the same supplier's or purchaser's limit; 1 is next. While it waits."""
    lacks: list[Refusal]
    """What has to come free on each limit, with what waits before it."""
    plan: Plan | None
    """Which repayments make room for it; null when its amount is free."""
    asked_at: AwareDatetime
    expires_at: AwareDatetime
    ended_at: AwareDatetime | None
    reason: str
    """Why it left the list."""
    admitted_invoice_id: int | None
    """The approved invoice that it became."""


class WaitingList(Output):
    """Your requests that wait, in the order of asking."""

    items: list[Waiting]


class Document(Output):
    """A document of an invoice that was sent in."""

    id: int
    name: str
    media_type: MediaType
    size: int
    """In bytes."""
    sha256: str
    sent_at: AwareDatetime
    not_valid: str | None
    """Why the lender found it not valid."""


class DocumentList(Output):
    """An invoice's documents, the newest first; older ones were replaced by it."""

    items: list[Document]
