"""Debts that will not come back."""

from __future__ import annotations

from tusker.domain.lifecycle import InvoiceEvent, InvoiceStatus, next_status
from tusker.models import Invoice
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.exposure import change_exposure
from tusker.services.locks import lock_invoice, lock_loan_of
from tusker.services.reasons import reason_of


def write_off(ctx: Context, invoice_id: int, *, reason: str) -> Invoice:
    """An admin gives a debt up, with a reason; its open principal is freed on all three limits."""
    why = reason_of(reason)
    invoice = lock_invoice(invoice_id)
    before = invoice.status
    invoice.status = next_status(InvoiceStatus(before), InvoiceEvent.WRITTEN_OFF)
    loan = lock_loan_of(invoice)
    freed = loan.open_principal
    loan.open_principal = 0
    loan.closed_on = loan.written_off_on = ctx.today
    invoice.closed_at = ctx.now
    record_event(
        ctx,
        "invoice",
        invoice.id,
        "written_off",
        from_value=before,
        to_value=invoice.status,
        reason=why,
        freed=freed,
    )
    change_exposure(ctx, "written_off", [(invoice, -freed)])
    return invoice
