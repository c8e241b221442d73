"""What banks keep out of receipts and payouts, booked as the lender's cost."""

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import aliased

from tusker.errors import Conflict, InvalidInput, NotFound
from tusker.extensions import db
from tusker.messages import say
from tusker.models import BankCharge, Payout, Receipt, ReceiptKind, StatementEntry
from tusker.queries.sums import sum_of
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.loans.contra import contra_of
from tusker.services.locks import lock_row, lock_rows
from tusker.services.reasons import optional_reason, reason_of


def record_charge_of_receipt(
    ctx: Context, receipt_id: int, *, amount: int, value_date: date, reason: str = ""
) -> BankCharge:
    """The bank kept a part of a receipt that stands; the amount in minor units.

    Raises `Conflict` when a statement says what the bank credited of it.
    """
    why = optional_reason(reason)
    receipt = lock_row(say("receipt"), Receipt, Receipt.id == receipt_id, Receipt.kind == ReceiptKind.PAYMENT)
    if db.session.scalar(select(StatementEntry.id).where(StatementEntry.receipt_id == receipt_id)):
        raise Conflict("The bank's statement says what it credited of this receipt.")
    undone = select(Receipt.id).where(
        Receipt.of_receipt_id == receipt_id, Receipt.kind == ReceiptKind.REVERSAL
    )
    if db.session.scalar(undone):
        raise Conflict("This receipt is undone.")
    check_charge(ctx, amount, receipt.amount - charged(receipt_id), value_date)
    return book_charge(ctx, receipt, amount, value_date, reason=why)


def record_charge_of_payout(
    ctx: Context, payout_id: int, *, amount: int, value_date: date, reason: str = ""
) -> BankCharge:
    """The bank took something for a payout, or out of one that came back; the amount in minor units."""
    why = optional_reason(reason)
    payout = lock_row(say("payout"), Payout, Payout.id == payout_id)
    check_charge(ctx, amount, payout.net, value_date)
    return book_charge(ctx, payout, amount, value_date, reason=why)


def book_charge(
    ctx: Context,
    payment: Receipt | Payout,
    amount: int,
    value_date: date,
    *,
    entry_id: int | None = None,
    reason: str = "",
) -> BankCharge:
    """Write a charge of a locked receipt or payout, and its event. `entry_id` is the statement's entry that says so."""
    charge = BankCharge(
        receipt_id=payment.id if isinstance(payment, Receipt) else None,
        payout_id=payment.id if isinstance(payment, Payout) else None,
        statement_entry_id=entry_id,
        amount=amount,
        value_date=value_date,
        booked_on=ctx.today,
        at=ctx.now,
        recorded_by=ctx.actor_id,
        reason=reason,
    )
    db.session.add(charge)
    _note(ctx, payment, "bank_charge", amount, reason)
    db.session.flush()
    return charge


def charge_in_entry(ctx: Context, payment: Receipt | Payout, entry: StatementEntry) -> None:
    """The charges inside a statement's entry that is of a locked receipt or payout, unless a person recorded the same
    before."""
    same = BankCharge.receipt_id if isinstance(payment, Receipt) else BankCharge.payout_id
    contra = aliased(BankCharge)
    undone = select(contra.id).where(contra.reverses_id == BankCharge.id)
    by_hand = lock_rows(
        BankCharge,
        same == payment.id,
        BankCharge.amount == entry.charges,
        BankCharge.statement_entry_id.is_(None),
        ~undone.exists(),
    )
    if by_hand:
        by_hand[0].statement_entry_id = entry.id
    elif entry.charges:
        book_charge(ctx, payment, entry.charges, entry.value_date, entry_id=entry.id)


def undo_charge(ctx: Context, charge_id: int, *, reason: str) -> BankCharge:
    """Undo a charge that a person recorded wrongly; returns its contra row.

    Raises `Conflict` for one inside a statement's entry, which stands as long as what that settled.
    """
    why = reason_of(reason)
    charge = lock_row(say("charge"), BankCharge, BankCharge.id == charge_id, BankCharge.reverses_id.is_(None))
    if charge.statement_entry_id is not None:
        raise Conflict("The bank booked it in a statement's entry; it is undone with its receipt.")
    if db.session.scalar(select(BankCharge.id).where(BankCharge.reverses_id == charge_id)):
        raise Conflict("This charge is undone already.")
    return _undo(ctx, charge, why)


def undo_charges_of(ctx: Context, receipt_id: int, why: str) -> None:
    """A locked receipt is undone: what the bank kept of it too, until it is recorded anew."""
    rows = lock_rows(BankCharge, BankCharge.receipt_id == receipt_id)
    undone = {row.reverses_id for row in rows}
    for row in rows:
        if row.reverses_id is None and row.id not in undone:
            _undo(ctx, row, why)


def _undo(ctx: Context, charge: BankCharge, why: str) -> BankCharge:
    contra = contra_of(ctx, charge, reason=why)
    db.session.add(contra)
    payment = (
        db.session.get(Receipt, charge.receipt_id)
        if charge.receipt_id is not None
        else db.session.get(Payout, charge.payout_id)
    )
    if payment is None:
        raise NotFound("This charge does not exist.")
    _note(ctx, payment, "bank_charge_undone", charge.amount, why)
    db.session.flush()
    return contra


def charged(receipt_id: int) -> int:
    """What banks kept of a receipt, in minor units."""
    return sum_of(BankCharge.amount, BankCharge.receipt_id == receipt_id)


def check_charge(ctx: Context, amount: int, payment: int, value_date: date, *, field: str = "amount") -> None:
    """Raise `InvalidInput` for a charge that is not less than its payment, or of a day to come."""
    if not 0 < amount < payment:
        raise InvalidInput("Bank charges must be more than zero and less than the payment.", field=field)
    if value_date > ctx.today:
        raise InvalidInput("The value date must not be in the future.", field="value_date")


def _note(ctx: Context, payment: Receipt | Payout, kind: str, amount: int, reason: str) -> None:
    if isinstance(payment, Receipt):
        subject, subject_id, name = "customer", payment.customer_id, payment.bank_reference
    else:
        subject, subject_id, name = "disbursal", payment.disbursal_id, payment.reference
    record_event(
        ctx, (subject, subject_id), kind, reason=f"{name}: {reason}" if reason else name, amount=amount
    )
