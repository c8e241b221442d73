"""The page of one invoice and its parts that keep themselves up to date."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from flask import make_response, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from tusker import clock
from tusker.carriers.registry import MANUAL
from tusker.domain import shipments
from tusker.domain.interest import AmountDue, Debt, amount_at_term, due_date
from tusker.domain.lifecycle import FINAL, InvoiceEvent, InvoiceStatus, next_status
from tusker.domain.shipments import ShipmentStatus
from tusker.errors import IllegalTransition
from tusker.invoices.blueprint import bp, my_scope
from tusker.invoices.forms import ReasonForm
from tusker.models import Allocation, Disbursal, Event, Invoice, Role, Shipment
from tusker.queries.events import events_of
from tusker.queries.invoices import allocations_of, disbursal_of, invoice_in, shipment_of
from tusker.queries.loans import LoanRow, loan_of_invoice
from tusker.web.access import allow
from tusker.web.htmx import render, wants_fragment

PAGE, PARTIAL, SHIPMENT = "invoices/show.html", "invoices/_invoice.html", "invoices/_shipment.html"


@dataclass(frozen=True, slots=True)
class InvoiceFile:
    """Everything a page shows of one invoice; `expected` is owed at term if it were paid out today."""

    invoice: Invoice
    shipment: Shipment | None
    disbursal: Disbursal | None
    loan: LoanRow | None
    expected: AmountDue
    allocations: list[Allocation]
    events: list[Event]
    form: ReasonForm = field(default_factory=ReasonForm)

    @property
    def now(self) -> datetime:
        """This instant, for what is due by now."""
        return clock.now()

    @property
    def is_final(self) -> bool:
        """Whether nothing more can happen to it."""
        return InvoiceStatus(self.invoice.status) in FINAL

    @property
    def may_cancel(self) -> bool:
        """Whether this person may take the request back now."""
        return current_user.role in {Role.ADMIN, Role.SUPPLIER} and _leads_on(
            self.invoice, InvoiceEvent.CANCELLED
        )

    @property
    def may_report_delivery(self) -> bool:
        """Whether this person has to say that the goods arrived, because nobody tracks them."""
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
    def shows_refusal(self) -> bool:
        """A purchaser is not told how much of its supplier's own limit is used."""
        return current_user.role != Role.PURCHASER or self.invoice.refused_by != "supplier"

    @property
    def shipment_moves(self) -> bool:
        """Whether news of the shipment are still to come."""
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


def open_file(invoice_id: int, form: ReasonForm | None = None) -> InvoiceFile:
    """Read the invoice and all that belongs to it; raises `NotFound` when this person may not see it."""
    invoice = invoice_in(my_scope(), invoice_id)
    today = clock.today()
    terms, principal = invoice.terms, invoice.principal
    expected = amount_at_term(Debt(principal, terms.fee_of(principal), today, due_date(today, terms), terms))
    events = events_of("invoice", invoice.id)
    return InvoiceFile(
        invoice=invoice,
        shipment=shipment_of(invoice.id),
        disbursal=disbursal_of(invoice.id),
        loan=loan_of_invoice(invoice.id, today),
        expected=expected,
        allocations=list(allocations_of(invoice.id)),
        events=events[::-1],
        form=form or ReasonForm(),
    )


@bp.get("/<int:invoice_id>")
@allow()
def show(invoice_id: int) -> ResponseReturnValue:
    """The whole page. With `seen`, the status that is shown already, htmx gets it only when it changed."""
    seen = request.args.get("seen")
    if wants_fragment() and seen and invoice_in(my_scope(), invoice_id).status == seen:
        return make_response("", 204)
    return render(PAGE, PARTIAL, file=open_file(invoice_id))


@bp.get("/<int:invoice_id>/shipment")
@allow()
def shipment(invoice_id: int) -> ResponseReturnValue:
    """The shipment's card alone, asked for again until the shipment is at a final status."""
    return render(PAGE, SHIPMENT, file=open_file(invoice_id))
