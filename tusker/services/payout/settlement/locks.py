"""Payouts locked with everything that settling or undoing them may change, in the one lock order."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from tusker.errors import Conflict, existing
from tusker.extensions import db
from tusker.models import (
    Allocation,
    Claim,
    ClaimSettlement,
    Disbursal,
    DisbursalLine,
    Invoice,
    Loan,
    Payable,
    PayableLine,
    Payout,
    PayoutState,
    Receipt,
)
from tusker.services.exposure import lock_counters
from tusker.services.locks import lock_disbursal, lock_ids, lock_invoices, lock_rows


@dataclass(frozen=True, slots=True)
class LockedPayouts:
    """Locked rows by id. The invoices are those that the payouts finance, that their claims are about and that
    receipts netted from them paid."""

    disbursals: Mapping[int, Disbursal]
    payouts: Mapping[int, Payout]
    invoices: Mapping[int, Invoice]


def lock_payouts(disbursals: Sequence[Disbursal], payout_ids: Collection[int]) -> LockedPayouts:
    """Lock payouts of locked disbursals, then invoices, receipts, claims, payables and counters, each by ascending id.

    One use case after the other may then be applied to them: none takes another lock.
    """
    payouts = {payout.id: payout for payout in lock_rows(Payout, Payout.id.in_(payout_ids))}
    lines = db.session.execute(
        select(DisbursalLine.invoice_id, DisbursalLine.payout_id).where(
            DisbursalLine.payout_id.in_(payout_ids)
        )
    ).all()
    touched = touched_by(payout_ids)
    invoices = {
        invoice.id: invoice for invoice in lock_invoices({line.invoice_id for line in lines} | touched)
    }
    lock_ids(Receipt, Receipt.netted_payout_id.in_(payout_ids))
    lock_ids(Claim, Claim.supplier_id.in_({payout.supplier_id for payout in payouts.values()}))
    paid_out = {line.invoice_id for line in lines if payouts[line.payout_id].state == PayoutState.CONFIRMED}
    if paid_out or any(payout.payables for payout in payouts.values()):
        passed_on = select(PayableLine.payable_id).where(PayableLine.payout_id.in_(payout_ids))
        lock_ids(Payable, Payable.id.in_(passed_on) | Payable.invoice_id.in_(paid_out))
    # Paying or undoing what was netted, and undoing a payout, changes exposures.
    lock_counters([invoice for invoice in invoices.values() if invoice.id in paid_out | touched])
    return LockedPayouts({disbursal.id: disbursal for disbursal in disbursals}, payouts, invoices)


def lock_payout(payout_id: int, state: PayoutState) -> tuple[Payout, LockedPayouts]:
    """One payout, its disbursal locked first; raises `NotFound`, or `Conflict` unless it is in `state`."""
    disbursal_id = existing(
        db.session.scalar(select(Payout.disbursal_id).where(Payout.id == payout_id)), "payout"
    )
    locked = lock_payouts([lock_disbursal(disbursal_id)], [payout_id])
    payout = locked.payouts[payout_id]
    if payout.state != state:
        raise Conflict(f"Payout {payout.reference} is {payout.state} already.")
    return payout, locked


def touched_by(payout_ids: Collection[int]) -> set[int]:
    """Ids of the invoices that payouts' claims are about and that receipts netted from them paid."""
    claimed = (
        select(Claim.invoice_id)
        .join(ClaimSettlement, ClaimSettlement.claim_id == Claim.id)
        .join(
            Payout,
            (Payout.disbursal_id == ClaimSettlement.disbursal_id) & (Payout.supplier_id == Claim.supplier_id),
        )
        .where(Payout.id.in_(payout_ids))
    )
    paid = (
        select(Loan.invoice_id).join(Allocation).join(Receipt).where(Receipt.netted_payout_id.in_(payout_ids))
    )
    return set(db.session.scalars(claimed.union(paid)))
