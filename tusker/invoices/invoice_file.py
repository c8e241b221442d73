"""Everything that the page of one invoice shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask_login import current_user

from tusker import clock
from tusker.carriers.registry import MANUAL, carrier_label, get_carriers
from tusker.domain import shipments
from tusker.domain.approval import Shown
from tusker.domain.calculator import Calculation, calculate
from tusker.domain.financeable import Condition, PurchaserAnswer, Wishes, waits_for
from tusker.domain.lifecycle import FINAL, RESERVING, InvoiceEvent, InvoiceStatus, next_status
from tusker.domain.shipments import ShipmentStatus
from tusker.domain.terms import Collection
from tusker.errors import IllegalTransition
from tusker.invoices.blueprint import my_scope
from tusker.invoices.forms import DisputeForm, ReasonForm
from tusker.models import (
    Adjustment,
    Allocation,
    CreditNote,
    Disbursal,
    Event,
    Invoice,
    ReliefKind,
    Role,
    Shipment,
    ShipmentEvent,
    WaitingRequest,
)
from tusker.queries.attention import AttentionRow, items_of_invoice
from tusker.queries.credit.invoices import (
    adjustments_of,
    allocations_of,
    disbursal_of,
    invoice_in,
    shipment_of,
)
from tusker.queries.credit.waiting import WaitingRow, waiting_of, waiting_rows
from tusker.queries.loans.classes import ClassHistory, class_history
from tusker.queries.loans.invoice_money import ClaimRow, Reserve, claims_of, credit_notes_of, reserve_of
from tusker.queries.loans.loan_rows import LoanRow
from tusker.queries.loans.loans import loan_of_invoice
from tusker.queries.loans.reliefs import ReliefRow, reliefs_of
from tusker.queries.payout.payables import PayableRow, payables_of
from tusker.queries.record.events import CompanyEvent, events_of, for_company
from tusker.services.credit.expected import plan_now, plan_words
from tusker.services.delivery.conditions import Judge
from tusker.services.loans.credit_notes import BEFORE_PAYOUT
from tusker.services.loans.deductions import PAID_OUT
from tusker.services.payout.purchaser_answers import shown_dispute
from tusker.web.access import is_staff
from tusker.web.filters import money_plain
from tusker.working_days import working_days


@dataclass(frozen=True, slots=True)
class InvoiceFile:
    """Everything a page shows of one invoice; `expected` is what it would cost if it were paid out today."""

    invoice: Invoice
    shipment: Shipment | None
    disbursal: Disbursal | None
    loan: LoanRow | None
    expected: Calculation
    allocations: list[Allocation]
    adjustments: Sequence[Adjustment]
    reliefs: Sequence[ReliefRow]
    events: Sequence[Event | CompanyEvent]
    signed_by: str | None
    """Who signed for the goods, as the delivery company reported."""
    reserve: Reserve
    credit_notes: list[CreditNote]
    claims: list[ClaimRow]
    payables: list[PayableRow]
    missing: tuple[Condition, ...]
    wishes: Wishes
    attention: list[AttentionRow]
    asked: Shipment | None
    """The order or parcel that was asked for, of a refused request too."""
    waiting: WaitingRequest | None
    """The place on the waiting list that a refused request has or had, or that led to this invoice."""
    place: WaitingRow | None
    """While it waits, what it waits for."""
    room: str
    """Of a refused request that does not wait: which repayments make room for it."""
    class_history: list[ClassHistory]
    form: ReasonForm = field(default_factory=ReasonForm)
    dispute: DisputeForm = field(default_factory=lambda: DisputeForm(formdata=None))

    @property
    def now(self) -> datetime:
        """This instant, for what is due by now."""
        return clock.now()

    @property
    def is_final(self) -> bool:
        """Whether nothing more can happen to it."""
        return InvoiceStatus(self.invoice.status) in FINAL

    @property
    def waits_for(self) -> str:
        """What keeps it from being financed besides the delivery; empty: nothing."""
        alike = Condition.NUMBER in self.missing
        if self.invoice.status != InvoiceStatus.APPROVED or (
            Condition.DELIVERY in self.missing and not alike
        ):
            return ""
        return waits_for(self.missing)

    @property
    def value_differs(self) -> bool:
        """Whether another value was declared to the delivery company while the invoice still waits for its payout."""
        return Condition.VALUE in self.missing and InvoiceStatus(self.invoice.status) in RESERVING

    @property
    def is_delivered(self) -> bool:
        """Whether the goods are with the purchaser."""
        return self.shipment is not None and self.shipment.status == ShipmentStatus.DELIVERED

    @property
    def is_disputed(self) -> bool:
        """Whether the purchaser's dispute stands."""
        return self.invoice.purchaser_answer == PurchaserAnswer.DISPUTED and self.invoice.overruled_at is None

    @property
    def dispute_shown(self) -> Shown:
        """The dispute as the page shows it."""
        told = self.invoice
        return shown_dispute(told.number, told.answered_amount, told.answer_reason, told.answered_at)

    @property
    def may_dispute(self) -> bool:
        """Whether this person may say that delivery or amount are wrong."""
        return (
            current_user.role == Role.PURCHASER
            and self.wishes.confirmation
            and InvoiceStatus(self.invoice.status) in RESERVING
            and not self.is_disputed
        )

    @property
    def may_confirm(self) -> bool:
        """Whether this person may say that delivery and amount are right."""
        return (
            current_user.role == Role.PURCHASER
            and self.wishes.confirmation
            and InvoiceStatus(self.invoice.status) in RESERVING
            and self.is_delivered
            and self.invoice.purchaser_answer != PurchaserAnswer.CONFIRMED
        )

    @property
    def may_overrule(self) -> bool:
        """Whether this person may settle the dispute."""
        return current_user.role == Role.ADMIN and self.is_disputed

    @property
    def may_cancel(self) -> bool:
        """Whether this person may take the request back now."""
        return current_user.role in {Role.ADMIN, Role.SUPPLIER} and _leads_on(
            self.invoice, InvoiceEvent.CANCELLED
        )

    @property
    def may_report_delivery(self) -> bool:
        """Whether this person reports the delivery, because no delivery company tracks it."""
        tracked = self.shipment is None or self.shipment.carrier != MANUAL
        return (
            current_user.role == Role.ADMIN
            and not tracked
            and _leads_on(self.invoice, InvoiceEvent.DELIVERED)
        )

    @property
    def may_settle(self) -> bool:
        """Whether this person may mark it as repaid or write it off."""
        return current_user.role == Role.ADMIN and _leads_on(self.invoice, InvoiceEvent.REPAID)

    @property
    def may_ask_again(self) -> bool:
        """Whether this person may request the same number anew."""
        return current_user.role in {Role.ADMIN, Role.SUPPLIER} and self.invoice.status in {
            InvoiceStatus.REJECTED,
            InvoiceStatus.CANCELLED,
        }

    @property
    def may_wait(self) -> bool:
        """Whether this person may leave it on the waiting list."""
        return (
            current_user.role in {Role.ADMIN, Role.SUPPLIER}
            and self.invoice.status == InvoiceStatus.REJECTED
            and self.waiting is None
            and self.asked is not None
            and self.asked.carrier in get_carriers()
        )

    @property
    def asked_before(self) -> dict[str, Any]:
        """What was requested, to fill the form in for another request."""
        supplier_id = self.invoice.supplier_id if is_staff() else None
        if self.invoice.invoice_date is None and not self.is_parcel:
            return {"order_ref": self.invoice.number, "supplier_id": supplier_id}
        return {
            "supplier_id": supplier_id,
            "carrier": self.asked.carrier if self.is_parcel and self.asked else None,
            "order_ref": self.asked.order_ref if self.asked else None,
            "number": self.invoice.number,
            "credit_line_id": self.invoice.credit_line_id,
            "amount": money_plain(self.invoice.amount),
            "invoice_date": self.invoice.invoice_date,
        }

    @property
    def shows_refusal(self) -> bool:
        """A purchaser is not told how much of its supplier's own limit is used."""
        return self.shows_reserve or self.invoice.refused_by != "supplier"

    @property
    def shows_reserve(self) -> bool:
        """The reserve and claims are between the supplier and the lender."""
        return bool(current_user.role != Role.PURCHASER)

    @property
    def may_note_credit(self) -> bool:
        """Whether this person may record a credit note now."""
        return current_user.role == Role.ADMIN and self.invoice.status in BEFORE_PAYOUT | PAID_OUT

    @property
    def may_deduct(self) -> bool:
        """Whether this person may record what the purchaser keeps back."""
        return current_user.role == Role.ADMIN and self.invoice.status in PAID_OUT

    @property
    def carrier_label(self) -> str:
        """The delivery company as people read it."""
        if self.shipment is None or self.shipment.carrier == MANUAL:
            return "none, by hand"
        return carrier_label(self.shipment.carrier)

    @property
    def is_parcel(self) -> bool:
        """Whether a parcel carrier follows it, by a tracking number."""
        known = get_carriers().get(self.asked.carrier) if self.asked else None
        return known is not None and not known.declares_orders

    @property
    def shipment_history(self) -> list[ShipmentEvent]:
        """All statuses that the delivery company reported, the newest first by its own times."""
        reported = self.shipment.events if self.shipment else []
        return sorted(
            reported, key=lambda event: (event.occurred_at or event.received_at, event.id), reverse=True
        )

    @property
    def shipment_moves(self) -> bool:
        """Whether the shipment's status may still change."""
        return (
            self.shipment is not None
            and not self.is_final
            and ShipmentStatus(self.shipment.status) not in shipments.FINAL
        )


def _leads_on(invoice: Invoice, event: InvoiceEvent) -> bool:
    try:
        next_status(InvoiceStatus(invoice.status), event)
    except IllegalTransition:
        return False
    return True


def open_file(
    invoice_id: int, form: ReasonForm | None = None, *, dispute: DisputeForm | None = None
) -> InvoiceFile:
    """Read the invoice and all that belongs to it; raises `NotFound` when this person may not see it."""
    invoice = invoice_in(my_scope(), invoice_id)
    today = clock.today()
    written = events_of("invoice", invoice.id)
    events: Sequence[Event | CompanyEvent] = (
        written if is_staff() else for_company(written, as_supplier=current_user.role == Role.SUPPLIER)
    )
    asked = shipment_of(invoice.id)
    refused = invoice.status == InvoiceStatus.REJECTED
    shipment = None if refused else asked
    waiting = waiting_of(invoice.id)
    judge = Judge([(invoice, shipment)]) if shipment else None
    loan = loan_of_invoice(invoice.id, today)
    return InvoiceFile(
        invoice=invoice,
        shipment=shipment,
        missing=judge.open_for(invoice, shipment) if judge and shipment else (),
        wishes=judge.wishes_of(invoice) if judge else Wishes(),
        attention=items_of_invoice(invoice.id) if is_staff() else [],
        disbursal=disbursal_of(invoice.id),
        loan=loan,
        expected=calculate(invoice.principal, invoice.terms, today, working_days()),
        allocations=list(allocations_of(invoice.id)),
        adjustments=adjustments_of(invoice.id),
        reliefs=_reliefs_shown(invoice),
        class_history=class_history(loan_id=loan.loan_id) if loan and is_staff() else [],
        events=events[::-1],
        signed_by=next((str(e.data["signed_by"]) for e in reversed(written) if "signed_by" in e.data), None),
        reserve=reserve_of(invoice.id),
        credit_notes=credit_notes_of(invoice.id),
        claims=claims_of(invoice.id),
        payables=payables_of(invoice.id) if invoice.collection == Collection.INVOICE else [],
        asked=asked,
        waiting=waiting if current_user.role != Role.PURCHASER else None,
        place=next(iter(waiting_rows(today, invoice_id=invoice.id)), None) if waiting else None,
        room=_room_for(invoice)
        if refused and waiting is None and current_user.role != Role.PURCHASER
        else "",
        form=form or ReasonForm(),
        dispute=dispute or DisputeForm(formdata=None),
    )


def _room_for(invoice: Invoice) -> str:
    """Which repayments make room for a refused request."""
    seen_by = None if is_staff() else invoice.supplier_id
    return plan_words(plan_now(invoice.credit_line, invoice.principal, seen_by=seen_by), clock.today())


def _reliefs_shown(invoice: Invoice) -> list[ReliefRow]:
    """All to staff; to a company what counts or counted, but no charges to a purchaser that pays the face value."""
    found = reliefs_of(invoice.id)
    if is_staff():
        return found
    no_charges = current_user.role == Role.PURCHASER and invoice.collection == Collection.INVOICE
    return [row for row in found if row.counted and not (no_charges and row.kind == ReliefKind.WAIVER)]
