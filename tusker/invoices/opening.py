"""Reading all that belongs to one invoice, as far as the person may see it."""

from collections.abc import Sequence

from flask_login import current_user

from tusker import clock
from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.domain.delivery.financeable import Wishes
from tusker.domain.delivery.shipments import DocumentKind
from tusker.domain.loans.calculator import calculate
from tusker.domain.terms import Collection
from tusker.invoices.forms import DisputeForm
from tusker.invoices.invoice_file import InvoiceFile
from tusker.models import Event, Invoice, ReliefKind, Role, Shipment, ShipmentDocument
from tusker.queries.attention import items_of_invoice
from tusker.queries.columns import Rows
from tusker.queries.credit.invoices import disbursal_of, invoice_in, shipment_of
from tusker.queries.credit.waiting import WaitingRow, waiting_of, waiting_rows
from tusker.queries.loans.classes import class_history
from tusker.queries.loans.invoice_money import claims_of, credit_notes_of, reserve_of
from tusker.queries.loans.loans import loan_of_invoice
from tusker.queries.loans.receipts.allocations import adjustments_of, allocations_of
from tusker.queries.loans.reliefs import reliefs_of
from tusker.queries.payout.payables import payables_of
from tusker.queries.record.events import CompanyEvent, events_of, for_company
from tusker.services.credit.expected import plan_now, plan_on_line, plan_words
from tusker.services.delivery.conditions import Judge
from tusker.web.access import is_staff, my_scope
from tusker.web.forms.form import ReasonForm
from tusker.working_days import working_days


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
    may_still = refused and not (waiting and waiting.admitted_id)
    place = next(iter(waiting_rows(today, invoice_id=invoice.id)), None) if waiting else None
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
        dispute_documents=_of_dispute(invoice, asked),
        documents=[d for d in reversed(asked.documents) if d.kind == DocumentKind.INVOICE] if asked else [],
        waiting=waiting if current_user.role != Role.PURCHASER else None,
        place=place,
        room=_room_for(invoice, place) if may_still and current_user.role != Role.PURCHASER else "",
        form=form or ReasonForm(),
        dispute=dispute or DisputeForm(formdata=None),
    )


def _room_for(invoice: Invoice, place: WaitingRow | None) -> str:
    """Which repayments make room for a refused request, at its place where it waits."""
    seen_by, line = None if is_staff() else invoice.supplier_id, invoice.credit_line
    if place is None:
        return plan_words(plan_now(line, invoice.principal, seen_by=seen_by), clock.today())
    if place.refusal is None:
        return ""
    return plan_words(plan_on_line(line, place.refusal, seen_by=seen_by), clock.today())


def _reliefs_shown(invoice: Invoice) -> Rows:
    """All, but no charges to a purchaser that pays the face value."""
    found = reliefs_of(invoice.id)
    if is_staff():
        return found
    no_charges = current_user.role == Role.PURCHASER and invoice.collection == Collection.INVOICE
    return [row for row in found if not (no_charges and row.kind == ReliefKind.WAIVER)]


def _of_dispute(invoice: Invoice, asked: Shipment | None) -> list[ShipmentDocument]:
    """What came with the dispute that was made last."""
    sent_in = asked.documents if asked else []
    return [d for d in sent_in if d.kind == DocumentKind.DISPUTE and d.sent_at == invoice.answered_at]
