"""Rows of money that came in, made and written; what they pay is booked in `receipts`."""

from collections.abc import Sequence
from datetime import date

from tusker.extensions import db
from tusker.models import Receipt, ReceiptKind
from tusker.services.context import Context
from tusker.services.events import record_event

NETTED_FROM = "netted from "
"""How the references of receipts begin that no bank received; the payout's reference follows."""


def new_receipt(
    ctx: Context,
    customer_id: int,
    amount: int,
    reference: str,
    value_date: date,
    *,
    kind: ReceiptKind = ReceiptKind.PAYMENT,
    reason: str = "",
    of: Receipt | None = None,
) -> Receipt:
    """A payment of a customer, not stored yet; or of another kind, a row that is about the payment `of`."""
    return Receipt(
        kind=kind,
        customer_id=customer_id,
        of_receipt_id=None if of is None else of.payment_id,
        bank_reference=reference,
        value_date=value_date,
        booked_on=ctx.today,
        amount=amount,
        reason=reason,
        recorded_at=ctx.now,
        recorded_by=ctx.actor_id,
    )


def store_receipts(ctx: Context, receipts: Sequence[Receipt]) -> None:
    """Write payments and their events."""
    db.session.add_all(receipts)
    db.session.flush()
    for receipt in receipts:
        record_event(
            ctx,
            ("customer", receipt.customer_id),
            "receipt",
            to_value=receipt.bank_reference,
            amount=receipt.amount,
        )


def note_freed(ctx: Context, receipt: Receipt, number: str, amount: int, why: str) -> None:
    """Write the event that what a receipt paid of the invoice with this number is its payer's credit."""
    reason = f"{receipt.bank_reference}: {why}"[:500]
    about = ("customer", receipt.customer_id)
    record_event(ctx, about, "payment_freed", to_value=number, reason=reason, amount=amount)
