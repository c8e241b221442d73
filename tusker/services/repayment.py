"""Money that came back, and debts that will not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
from tusker.services.locks import lock_invoice, lock_invoices, lock_loan_of, lock_loans_of


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
    return repay_all_in_full(ctx, {invoice_id: bank_reference}, value_date=value_date)[0]


def repay_all_in_full(ctx: Context, references: Mapping[int, str], *, value_date: date) -> list[Receipt]:
    """`repay_in_full` for payments of one day, given as bank references by invoice id: all of them or, with the
    first error, none. Returns the receipts by ascending invoice id."""
    cleaned = {invoice_id: _clean_reference(reference) for invoice_id, reference in references.items()}
    if len(set(cleaned.values())) != len(cleaned):
        raise Duplicate("Each payment reference may be used once only.", field="bank_reference")
    invoices = lock_invoices(cleaned)
    for invoice in invoices:
        next_status(InvoiceStatus(invoice.status), InvoiceEvent.REPAID)
    loans = lock_loans_of(invoices)
    _check_value_date(ctx, loans.values(), value_date)
    if db.session.scalar(select(Receipt.id).where(Receipt.bank_reference.in_(cleaned.values())).limit(1)):
        raise Duplicate("This payment reference was recorded already.", field="bank_reference")
    dues = {invoice.id: amount_due(debt_of(loans[invoice.id], invoice), value_date) for invoice in invoices}
    receipts = [
        _new_receipt(ctx, invoice, dues[invoice.id].total, cleaned[invoice.id], value_date)
        for invoice in invoices
    ]
    db.session.flush()
    freed = [
        (invoice, -_close(ctx, invoice, loans[invoice.id], receipt, dues[invoice.id]))
        for invoice, receipt in zip(invoices, receipts, strict=True)
    ]
    db.session.flush()
    change_exposure(freed)
    return receipts


def _clean_reference(bank_reference: str) -> str:
    reference = bank_reference.strip()
    if not reference or len(reference) > 60:
        raise InvalidInput("The payment reference must have 1 to 60 characters.", field="bank_reference")
    return reference


def _check_value_date(ctx: Context, loans: Iterable[Loan], value_date: date) -> None:
    if value_date > ctx.today:
        raise InvalidInput("The value date must not be in the future.", field="value_date")
    for loan in loans:
        if value_date < loan.start_date:
            raise InvalidInput(
                f"The value date must not be before the payout ({loan.start_date:%d %b %Y}).",
                field="value_date",
            )


def _new_receipt(ctx: Context, invoice: Invoice, amount: int, reference: str, value_date: date) -> Receipt:
    receipt = Receipt(
        customer_id=invoice.purchaser_id,
        bank_reference=reference,
        value_date=value_date,
        amount=amount,
        recorded_at=ctx.now,
        recorded_by=ctx.actor_id,
    )
    db.session.add(receipt)
    return receipt


def _close(ctx: Context, invoice: Invoice, loan: Loan, receipt: Receipt, due: AmountDue) -> int:
    """Allocate the whole receipt to the loan and close it; returns the principal that it frees."""
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
    before, freed = invoice.status, loan.open_principal
    loan.open_principal, loan.closed_on = 0, receipt.value_date
    invoice.status, invoice.closed_at = next_status(InvoiceStatus(before), InvoiceEvent.REPAID), ctx.now
    record_event(
        ctx,
        "invoice",
        invoice.id,
        "repaid",
        from_value=before,
        to_value=invoice.status,
        reason=f"payment reference {receipt.bank_reference}",
        amount=due.total,
        principal=due.principal,
        interest=due.interest,
        fee=due.fee,
        penalty=due.penalty,
        freed=freed,
    )
    return freed


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
