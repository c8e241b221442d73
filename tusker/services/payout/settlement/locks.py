"""Payouts locked with everything that settling or undoing them may change, in the one lock order."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_, select

from tusker.errors import Conflict, existing
from tusker.extensions import db
from tusker.messages import say
from tusker.models import (
    Allocation,
    Claim,
    ClaimSettlement,
    Disbursal,
    DisbursalLine,
    Invoice,
    LineState,
    Loan,
    Payable,
    PayableLine,
    Payout,
    PayoutState,
    Receipt,
)
from tusker.services.exposure import lock_counters
from tusker.services.locks import among, lock_disbursal, lock_ids, lock_rows


@dataclass(frozen=True, slots=True)
class LockedPayouts:
    """Locked rows by id. Locked too are the invoices that the payouts finance, that their claims are about and that
    receipts netted from them paid."""

    disbursals: Mapping[int, Disbursal]
    payouts: Mapping[int, Payout]


def lock_payouts(disbursals: Sequence[Disbursal], *which: ColumnElement[bool]) -> LockedPayouts:
    """Lock those payouts of locked disbursals that meet all conditions, then invoices, receipts, claims, payables and
    counters, each by ascending id.

    One use case after the other may then be applied to them: none takes another lock.
    """
    payouts = {payout.id: payout for payout in lock_rows(Payout, *which)}
    # Without claims nothing was netted, and no receipt came of it.
    netted = [payout.id for payout in payouts.values() if payout.claims]
    touched = touched_by(netted) if netted else set()
    financed = select(DisbursalLine.invoice_id).where(among(DisbursalLine.payout_id, payouts))
    chosen = Invoice.id.in_(financed)
    lock_ids(Invoice, or_(chosen, among(Invoice.id, touched)) if touched else chosen)
    if netted:
        lock_ids(Receipt, among(Receipt.netted_payout_id, netted))
    lock_ids(Claim, Claim.supplier_id.in_({payout.supplier_id for payout in payouts.values()}))
    confirmed = [payout.id for payout in payouts.values() if payout.state == PayoutState.CONFIRMED]
    paid_out = set(invoices_of(confirmed))
    if paid_out or any(payout.payables for payout in payouts.values()):
        passed_on = select(PayableLine.payable_id).where(among(PayableLine.payout_id, payouts))
        about = select(Payable.id).where(among(Payable.invoice_id, paid_out))
        lock_ids(Payable, among(Payable.id, [*db.session.scalars(passed_on), *db.session.scalars(about)]))
    # Paying or undoing what was netted, and undoing a payout, changes exposures.
    lock_counters(paid_out | touched)
    return LockedPayouts({disbursal.id: disbursal for disbursal in disbursals}, payouts)


def invoices_of(payout_ids: Collection[int], *states: LineState) -> Sequence[int]:
    """Ids of the invoices that payouts finance or financed, ascending; of lines in one of the states if any are
    given."""
    if not payout_ids:
        return []
    query = select(DisbursalLine.invoice_id).where(among(DisbursalLine.payout_id, payout_ids))
    if states:
        query = query.where(DisbursalLine.state.in_(states))
    return db.session.scalars(query.order_by(DisbursalLine.invoice_id)).all()


def lock_payout(payout_id: int, state: PayoutState) -> Payout:
    """One payout, its disbursal locked first; raises `NotFound`, or `Conflict` unless it is in `state`."""
    disbursal_id = existing(
        db.session.scalar(select(Payout.disbursal_id).where(Payout.id == payout_id)), say("payout")
    )
    locked = lock_payouts([lock_disbursal(disbursal_id)], Payout.id == payout_id)
    payout = locked.payouts[payout_id]
    if payout.state != state:
        raise Conflict(
            "Payout {reference} is {state} already.", reference=payout.reference, state=payout.state
        )
    return payout


def touched_by(payout_ids: Collection[int]) -> set[int]:
    """Ids of the invoices that payouts' claims are about and that receipts netted from them paid."""
    claimed = (
        select(Claim.invoice_id)
        .join(ClaimSettlement, ClaimSettlement.claim_id == Claim.id)
        .join(
            Payout,
            (Payout.disbursal_id == ClaimSettlement.disbursal_id) & (Payout.supplier_id == Claim.supplier_id),
        )
        .where(among(Payout.id, payout_ids))
    )
    paid = (
        select(Loan.invoice_id)
        .join(Allocation)
        .join(Receipt)
        .where(among(Receipt.netted_payout_id, payout_ids))
    )
    return set(db.session.scalars(claimed.union(paid)))
