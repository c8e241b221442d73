"""Debts that will not come back."""

from __future__ import annotations

from tusker.domain.interest import amount_due
from tusker.domain.lifecycle import InvoiceEvent, InvoiceStatus, next_status
from tusker.models import AdjustmentKind, Invoice
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.exposure import change_exposure
from tusker.services.loans.adjustments import adjust
from tusker.services.loans.debts import lock_debts_on
from tusker.services.locks import lock_invoice
from tusker.services.reasons import reason_of


def write_off(ctx: Context, invoice_id: int, *, reason: str) -> Invoice:
    """An admin gives a debt up, with a reason: all that is owed on the day is written off, and its open principal freed
    on all three limits."""
    why = reason_of(reason)
    invoice = lock_invoice(invoice_id)
    before = invoice.status
    invoice.status = next_status(InvoiceStatus(before), InvoiceEvent.WRITTEN_OFF)
    [debt] = lock_debts_on([invoice])
    day = max(ctx.today, debt.last_payment or ctx.today)
    due, loan = amount_due(debt.debt, day), debt.loan
    adjust(ctx, loan, AdjustmentKind.WRITE_OFF, due, day, why)
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
        amount=due.total,
        freed=due.principal,
    )
    change_exposure(ctx, "written_off", [(invoice, -due.principal)])
    return invoice
