"""Everything that the page of one invoice shows."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask_login import current_user

from tusker import clock
from tusker.carriers.registry import MANUAL, carrier_label, get_carriers
from tusker.domain.approval import Shown
from tusker.domain.credit.lifecycle import FINAL, RESERVING, InvoiceEvent, InvoiceStatus, next_status
from tusker.domain.delivery import shipments
from tusker.domain.delivery.financeable import Condition, PurchaserAnswer, Wishes, waits_for
from tusker.domain.delivery.shipments import ShipmentStatus
from tusker.domain.loans.calculator import Calculation
from tusker.errors import IllegalTransition
from tusker.invoices.forms import DisputeForm
from tusker.messages import Text, say
from tusker.models import (
    Adjustment,
    Allocation,
    CreditNote,
    Disbursal,
    Event,
    Invoice,
    Role,
    Shipment,
    ShipmentDocument,
    ShipmentEvent,
    WaitingRequest,
)
from tusker.queries.attention import AttentionRow
from tusker.queries.columns import Rows
from tusker.queries.credit.waiting import WaitingRow
from tusker.queries.loans.classes import ClassHistory
from tusker.queries.loans.invoice_money import ClaimRow, Reserve
from tusker.queries.loans.loan_rows import LoanRow
from tusker.queries.record.events import CompanyEvent
from tusker.services.credit.waiting import may_wait
from tusker.services.delivery.tracking import shown_by_hand
from tusker.services.loans.deductions.credit_notes import BEFORE_PAYOUT
from tusker.services.loans.deductions.recording import PAID_OUT
from tusker.services.payout.funding.control import shown_value
from tusker.services.payout.funding.purchaser_answers import shown_dispute
from tusker.web.access import is_staff
from tusker.web.filters import money_plain
from tusker.web.forms.form import ReasonForm


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
    reliefs: Rows
    events: Sequence[Event | CompanyEvent]
    signed_by: str | None
    """Who signed for the goods, as the delivery company reported."""
    reserve: Reserve
    credit_notes: list[CreditNote]
    claims: list[ClaimRow]
    payables: Rows
    missing: tuple[Condition, ...]
    wishes: Wishes
    attention: list[AttentionRow]
    asked: Shipment | None
    """The order or parcel that was asked for, of a refused request too."""
    documents: Sequence[ShipmentDocument]
    """What was sent in as its document, the newest first; the files themselves are not loaded."""
    dispute_documents: Sequence[ShipmentDocument]
    """What the purchaser's last dispute came with."""
    waiting: WaitingRequest | None
    """The place on the waiting list that a refused request has or had, or that led to this invoice."""
    place: WaitingRow | None
    """While it waits, what it waits for."""
    room: str
    """Of a refused request that waits or may: which repayments make room for it."""
    class_history: list[ClassHistory]
    form: ReasonForm = field(default_factory=ReasonForm)
    dispute: DisputeForm = field(default_factory=lambda: DisputeForm(formdata=None))

    @property
    def left_the_list(self) -> str:
        """Why the request left the waiting list."""
        return Text(self.waiting.words, None, {}) if self.waiting else ""

    @property
    def tracking_problem(self) -> str:
        """What went wrong when the delivery company was asked last; empty when nothing did."""
        return Text(self.shipment.last_error, None, {}) if self.shipment and self.shipment.last_error else ""

    @property
    def now(self) -> datetime:
        """This instant, for what is due by now."""
        return clock.now()

    @property
    def is_final(self) -> bool:
        return InvoiceStatus(self.invoice.status) in FINAL

    @property
    def may_send_document(self) -> bool:
        return (
            current_user.role in {Role.SUPPLIER, Role.ADMIN}
            and self.invoice.status != InvoiceStatus.CANCELLED
            and self.asked is not None
            and not self._was_admitted
        )

    @property
    def _was_admitted(self) -> bool:
        """Whether this refused request became an invoice from the waiting list."""
        kept = self.waiting
        return kept is not None and kept.invoice_id == self.invoice.id and kept.admitted_id is not None

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
        return self.shipment is not None and self.shipment.status == ShipmentStatus.DELIVERED

    @property
    def is_disputed(self) -> bool:
        return self.invoice.purchaser_answer == PurchaserAnswer.DISPUTED and self.invoice.overruled_at is None

    @property
    def dispute_shown(self) -> Shown:
        told = self.invoice
        return shown_dispute(told.number, told.answered_amount, told.answer_reason, told.answered_at)

    @property
    def value_shown(self) -> Shown:
        """The declared value as the page shows it, where it differs."""
        declared = (self.shipment and self.shipment.declared_value) or 0
        return shown_value(self.invoice.number, declared, self.invoice.amount)

    @property
    def shown_by_hand(self) -> Shown:
        return shown_by_hand(self.invoice)

    @property
    def may_dispute(self) -> bool:
        return (
            current_user.role == Role.PURCHASER
            and self.wishes.confirmation
            and InvoiceStatus(self.invoice.status) in RESERVING
            and not self.is_disputed
        )

    @property
    def may_confirm(self) -> bool:
        return (
            current_user.role == Role.PURCHASER
            and self.wishes.confirmation
            and InvoiceStatus(self.invoice.status) in RESERVING
            and self.is_delivered
            and self.invoice.purchaser_answer != PurchaserAnswer.CONFIRMED
        )

    @property
    def may_overrule(self) -> bool:
        return current_user.role == Role.ADMIN and self.is_disputed

    @property
    def may_cancel(self) -> bool:
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
        ended = {InvoiceStatus.REJECTED, InvoiceStatus.CANCELLED}
        mine = current_user.role in {Role.ADMIN, Role.SUPPLIER}
        return mine and self.invoice.status in ended and not self._was_admitted

    @property
    def may_wait(self) -> bool:
        return self._refused_to_me and self.asked is not None and may_wait(self.asked.carrier)

    @property
    def cannot_wait(self) -> str:
        """Why this person cannot leave it on the waiting list, where only the delivery company is in the way."""
        if not self._refused_to_me or self.may_wait:
            return ""
        return say("It cannot be put on the waiting list, because its delivery is no longer tracked.")

    @property
    def _refused_to_me(self) -> bool:
        return (
            current_user.role in {Role.ADMIN, Role.SUPPLIER}
            and self.invoice.status == InvoiceStatus.REJECTED
            and self.waiting is None
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
        return current_user.role == Role.ADMIN and self.invoice.status in BEFORE_PAYOUT | PAID_OUT

    @property
    def may_correct(self) -> bool:
        return current_user.role == Role.ADMIN and self.invoice.status in BEFORE_PAYOUT

    @property
    def may_deduct(self) -> bool:
        """Whether this person may record what the purchaser keeps back."""
        return current_user.role == Role.ADMIN and self.invoice.status in PAID_OUT

    @property
    def carrier_label(self) -> str:
        if self.shipment is None or self.shipment.carrier == MANUAL:
            return say("none, by hand")
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
