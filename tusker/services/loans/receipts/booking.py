"""Writing payments that came in, and what they pay: allocations, recoveries, and the loans that they close."""

from collections.abc import Sequence
from datetime import date

from tusker.currency import currency
from tusker.domain.credit.lifecycle import InvoiceEvent, InvoiceStatus, next_status
from tusker.domain.loans.allocation import Allocation as Split
from tusker.domain.loans.interest import AmountDue, parts_of
from tusker.extensions import db
from tusker.messages import say
from tusker.models import Adjustment, AdjustmentKind, Allocation, Invoice, Loan, Receipt
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.exposure import change_exposure
from tusker.services.loans.adjustments import adjust
from tusker.services.loans.claims import end_return_claims
from tusker.services.loans.contra import contra_of
from tusker.services.loans.debts import OpenDebt
from tusker.services.loans.overdue import REVIEW_JOB
from tusker.services.loans.payables import note_collected
from tusker.services.loans.receipts.short_payments import round_off, round_off_debt
from tusker.services.loans.reserve import release_reserves
from tusker.transactions import after_commit

Part = tuple[Receipt, Split, OpenDebt]
"""What of a receipt goes to which locked debt."""


def apply_parts(ctx: Context, parts: Sequence[Part], value_date: date) -> None:
    """Write the allocations of locked debts, close what is paid, free the principal parts, and owe the supplier what
    purchasers paid of the face value beyond the debt."""
    freed: list[tuple[Invoice, int]] = []
    closed: list[tuple[Receipt, Invoice]] = []
    for receipt, split, debt in parts:
        if debt.is_written_off:
            _recover(ctx, receipt, split, debt, value_date)
        if debt.loan.closed_on is not None:
            continue
        due = debt.due_on(value_date)
        paid = allocate_part(ctx, receipt, split, debt.loan, value_date)
        rounded = round_off_debt(ctx, receipt, paid, split, debt)
        _note_payment(ctx, debt, split, due, receipt.bank_reference, rounded)
        freed.append((debt.invoice, -split.principal - (rounded.principal if rounded else 0)))
        if debt.loan.closed_on is not None:
            closed.append((receipt, debt.invoice))
    db.session.flush()
    note_collected(ctx, parts, value_date)
    left_to_them = {
        debt.invoice.id: say("paid with {reference}", reference=receipt.bank_reference)
        for receipt, _, debt in parts
        if debt.loan.closed_on is not None and debt.loan.face_open is None and not debt.is_written_off
    }
    release_reserves(ctx, left_to_them)
    end_return_claims(ctx, [invoice for _, invoice in closed])
    change_exposure(ctx, "repaid", freed)
    round_off(ctx, parts)
    after_commit(REVIEW_JOB)


def allocate_part(ctx: Context, receipt: Receipt, split: Split, loan: Loan, value_date: date) -> Allocation:
    """Write the part of a receipt that pays a locked loan. Exposure, the loan's end and the event are the caller's."""
    row = Allocation(
        receipt_id=receipt.id,
        loan_id=split.loan_id,
        value_date=value_date,
        booked_on=ctx.today,
        **parts_of(split),
    )
    db.session.add(row)
    loan.open_principal -= split.principal
    return row


def undo_allocation(
    ctx: Context, allocation: Allocation, loan: Loan, *, laid_from_id: int | None = None
) -> None:
    """Write the contra row of a locked loan's allocation; what it paid is open again. `laid_from_id` names the row as
    the payment came, where it is only laid again. Nothing is flushed."""
    db.session.add(contra_of(ctx, allocation, laid_from_id=laid_from_id))
    loan.open_principal += allocation.principal


def _recover(ctx: Context, receipt: Receipt, split: Split, debt: OpenDebt, value_date: date) -> None:
    """Book money that came on a loan that was written off: as much of that is taken back as it pays, so that nothing
    is owed and no limit changes."""
    if split.total == 0:
        return
    day = debt.counts_from(value_date)
    paid = allocate_part(ctx, receipt, split, debt.loan, day)
    reason = say("paid with {reference}", reference=receipt.bank_reference)
    opposite = Split(split.loan_id, **parts_of(split, -1))
    adjust(ctx, debt.loan, AdjustmentKind.RECOVERY, opposite, day, reason, allocation=paid)
    record_event(
        ctx,
        debt.invoice,
        "recovered",
        from_value=debt.invoice.status,
        to_value=debt.invoice.status,
        reason=reason,
        amount=split.total,
    )


def _note_payment(
    ctx: Context,
    debt: OpenDebt,
    split: Split,
    due: AmountDue,
    reference: str,
    rounded: Adjustment | None,
) -> None:
    """Close the loan when nothing is left of it, and write the invoice's event."""
    invoice, before = debt.invoice, debt.invoice.status
    off = rounded.total if rounded else 0
    closes = split.total + off == due.total and debt.loan.open_principal == 0
    if closes:
        debt.loan.closed_on = ctx.today
        invoice.status = next_status(InvoiceStatus(before), InvoiceEvent.REPAID)
        invoice.closed_at = ctx.now
    record_event(
        ctx,
        invoice,
        "repaid" if closes else "part_repaid",
        from_value=before,
        to_value=invoice.status,
        reason=say(
            "payment reference {reference}, {amount} rounded off",
            reference=reference,
            amount=currency().show(off),
        )
        if off
        else say("payment reference {reference}", reference=reference),
        amount=split.total,
        **parts_of(split),
        rounded=off,
        freed=split.principal + (rounded.principal if rounded else 0),
    )
