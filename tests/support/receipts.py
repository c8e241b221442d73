"""Money received, and what it leaves in the books."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from tests.support.values import TERMS
from tusker.extensions import db
from tusker.models import (
    Allocation,
    Claim,
    CreditNote,
    Event,
    Invoice,
    Receipt,
    ReserveMovement,
)
from tusker.queries.record.proof import prove
from tusker.services.context import Context
from tusker.services.loans.receipts.recording import (
    record_receipt,
)
from tusker.transactions import transaction


def written() -> tuple[int, ...]:
    """How many rows of money there are: what was refused leaves them as they were."""
    db.session.rollback()
    tables = (Receipt, Allocation, CreditNote, Claim, ReserveMovement, Event)
    return tuple(db.session.query(table).count() for table in tables)


def exposure() -> int:
    """What is used of the limits, which must be proved."""
    db.session.rollback()
    proof = prove()
    assert proof.holds, (proof.differences, proof.mismatches)
    (used,) = {row.used for row in proof.accounts}
    return used


LATE = replace(TERMS, tenor_days=30, grace_days=5, penal_rate=Decimal("0.365"), fee_flat=1_000)
"""8,000.00 lent for 30 days at 18 %: 118.36 of interest; late by 10 days: 80.00 of penalty."""


def used() -> set[int]:
    proof = prove()
    assert proof.holds, (proof.differences, proof.mismatches)
    return {row.used for row in proof.accounts}


def receive(ctx: Context, invoice: Invoice, amount: int, reference: str = "R-1", **given: Any) -> Receipt:
    with transaction():
        return record_receipt(
            ctx,
            invoice.purchaser_id,
            amount=amount,
            bank_reference=reference,
            value_date=given.pop("value_date", ctx.today),
            **given,
        )
