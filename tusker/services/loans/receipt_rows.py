"""Rows of money that came in, made and written; what they pay is booked in `receipts`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from tusker.extensions import db
from tusker.models import Receipt, ReceiptKind
from tusker.services.context import Context
from tusker.services.events import record_event

NETTED_FROM = "netted from "
"""How the references of receipts begin that no bank received; the payout's reference follows."""


def new_receipt(ctx: Context, customer_id: int, amount: int, reference: str, value_date: date) -> Receipt:
    """A payment of a customer, not stored yet."""
    return Receipt(
        kind=ReceiptKind.PAYMENT,
        customer_id=customer_id,
        bank_reference=reference,
        value_date=value_date,
        booked_on=ctx.today,
        amount=amount,
        reason="",
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
