"""Money that came back, and debts that will not."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select

from tusker.domain.allocation import allocate_to_loan
from tusker.domain.interest import AmountDue, Debt, Paid, amount_due
from tusker.domain.lifecycle import InvoiceEvent, InvoiceStatus, next_status
from tusker.errors import Duplicate, InvalidInput
from tusker.extensions import db
from tusker.models import Allocation, Invoice, Loan, Receipt
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.exposure import change_exposure
from tusker.services.locks import lock_invoice, lock_loan_of


def debt_of(loan: Loan, invoice: Invoice) -> Debt:
    """A loan with its frozen terms and what was paid on it, as the domain's value."""
    return Debt(
        principal=loan.principal,
        fee=loan.fee,
        start=loan.start_date,
        due=loan.due_date,
        terms=invoice.terms,
        paid=[
            Paid(a.receipt.value_date, a.penalty, a.fee, a.interest, a.principal) for a in loan.allocations
        ],
    )


def repay_in_full(ctx: Context, invoice_id: int, *, bank_reference: str, value_date: date) -> Receipt:
    """Record a receipt of exactly what is due on `value_date` and close the loan.

    The principal is free on all three limits at once. Raises `IllegalTransition` unless the invoice is disbursed,
    `InvalidInput` for a value date before the payout or in the future, `Duplicate` for a known bank reference.
    """
    reference = bank_reference.strip()
    if not reference or len(reference) > 60:
        raise InvalidInput("The payment reference must have 1 to 60 characters.", field="bank_reference")
    invoice = lock_invoice(invoice_id)
    before = invoice.status
    after = next_status(InvoiceStatus(before), InvoiceEvent.REPAID)
    loan = lock_loan_of(invoice)
    if value_date > ctx.today:
        raise InvalidInput("The value date must not be in the future.", field="value_date")
    if value_date < loan.start_date:
        raise InvalidInput(
            f"The value date must not be before the payout ({loan.start_date:%d %b %Y}).", field="value_date"
        )
    if db.session.scalar(select(Receipt.id).where(Receipt.bank_reference == reference)):
        raise Duplicate("This payment reference was recorded already.", field="bank_reference")
    due = amount_due(debt_of(loan, invoice), value_date)
    receipt = _receive(ctx, invoice, loan, due, reference, value_date)
    freed = loan.open_principal
    loan.open_principal, loan.closed_on = 0, value_date
    invoice.status, invoice.closed_at = after, ctx.now
    record_event(
        ctx,
        "invoice",
        invoice.id,
        "repaid",
        from_value=before,
        to_value=after,
        reason=f"payment reference {reference}",
        amount=due.total,
        principal=due.principal,
        interest=due.interest,
        fee=due.fee,
        penalty=due.penalty,
        freed=freed,
    )
    db.session.flush()
    change_exposure([(invoice, -freed)])
    return receipt


def _receive(
    ctx: Context, invoice: Invoice, loan: Loan, due: AmountDue, reference: str, value_date: date
) -> Receipt:
    receipt = Receipt(
        customer_id=invoice.purchaser_id,
        bank_reference=reference,
        value_date=value_date,
        amount=due.total,
        recorded_at=ctx.now,
        recorded_by=ctx.actor_id,
    )
    db.session.add(receipt)
    db.session.flush()
    part = allocate_to_loan(loan.id, due.total, due)
    db.session.add(
        Allocation(
            receipt_id=receipt.id,
            loan_id=loan.id,
            penalty=part.penalty,
            fee=part.fee,
            interest=part.interest,
            principal=part.principal,
        )
    )
    return receipt


def write_off(ctx: Context, invoice_id: int, *, reason: str) -> Invoice:
    """An admin gives a debt up, with a reason; its open principal is freed on all three limits."""
    if not reason.strip():
        raise InvalidInput("Say why the debt is written off.", field="reason")
    invoice = lock_invoice(invoice_id)
    before = invoice.status
    invoice.status = next_status(InvoiceStatus(before), InvoiceEvent.WRITTEN_OFF)
    loan = lock_loan_of(invoice)
    freed = loan.open_principal
    loan.open_principal, loan.closed_on = 0, ctx.today
    invoice.closed_at = ctx.now
    record_event(
        ctx,
        "invoice",
        invoice.id,
        "written_off",
        from_value=before,
        to_value=invoice.status,
        reason=reason.strip(),
        freed=freed,
    )
    db.session.flush()
    change_exposure([(invoice, -freed)])
    return invoice
