"""A payout that was taken for rejected left after all: it is confirmed, or, where its invoices went another way
meanwhile, its money is claimed from the supplier, which has it twice."""

from collections.abc import Collection
from datetime import date

from sqlalchemy import func, select

from tusker.currency import currency
from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.errors import Conflict
from tusker.extensions import db
from tusker.messages import say
from tusker.models import (
    Claim,
    DisbursalLine,
    DisbursalStatus,
    EntryDirection,
    EntryState,
    Invoice,
    Payable,
    PayableLine,
    Payout,
    PayoutState,
    StatementEntry,
)
from tusker.services.bank_entries import decide
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.loans.claims import UNDONE, add_claim, end_claim
from tusker.services.loans.netted import credit_netted, netted_from
from tusker.services.locks import forget, lock_rows
from tusker.services.payout.settlement.confirming import (
    book_charges,
    check_value_date,
    checked_reference,
    close_if_settled,
    confirm_payouts,
    settle_payout,
)
from tusker.services.payout.settlement.locks import lock_payout
from tusker.services.payout.settlement.rejection import reinstate_locked, stand_again
from tusker.services.reasons import reason_of


def pay_after_all(
    ctx: Context, payout_id: int, *, bank_reference: str, value_date: date, reason: str, charges: int = 0
) -> Payout:
    """The bank made a payout that was taken for rejected, and took `charges` for it besides.

    Where its invoices still wait as they were instructed it is confirmed, and they are loans. Where they do not, both
    payments are facts: all of this one is a claim on the supplier, netted from its next payouts. Raises `Conflict`
    unless the payout is rejected.
    """
    why = reason_of(reason)
    payout = lock_payout(payout_id, PayoutState.REJECTED)
    try:
        with db.session.begin_nested():
            reinstate_locked(ctx, payout, why)
    except Conflict:
        # What statements had set on many rows is to be read anew; the session undid the rest.
        forget(Invoice, DisbursalLine)
        _claim_back(ctx, payout, bank_reference, value_date, why)
    else:
        confirm_payouts(ctx, payout.disbursal, [payout], bank_reference=bank_reference, value_date=value_date)
    book_charges(ctx, payout, charges, value_date)
    _close_entry(ctx, payout, payout.net + charges)
    return payout


def words_of(payout: Payout) -> str:
    """What became of a payout that was paid after all, as a sentence."""
    if db.session.scalar(select(Claim.id).where(Claim.payout_id == payout.id)) is None:
        return say("Payout {reference} is confirmed. Its invoices are loans now.", reference=payout.reference)
    return say(
        "Payout {reference} is confirmed. Its invoices went another way meanwhile: {amount} are claimed "
        "from the supplier.",
        reference=payout.reference,
        amount=currency().show(payout.net),
    )


def _claim_back(ctx: Context, payout: Payout, bank_reference: str, value_date: date, why: str) -> None:
    disbursal = payout.disbursal
    reference = checked_reference(disbursal, bank_reference)
    check_value_date(ctx, disbursal, value_date)
    settle_payout(ctx, payout, PayoutState.CONFIRMED, None)
    payout.bank_reference, payout.value_date = reference, value_date
    disbursal.bank_reference = disbursal.bank_reference or reference
    disbursal.value_date = max(filter(None, [disbursal.value_date, value_date]))
    db.session.flush()
    invoice_id = _invoice_of(payout)
    add_claim(ctx, payout.supplier_id, invoice_id, payout.net, payout_id=payout.id)
    record_event(
        ctx,
        ("invoice", invoice_id),
        "claimed",
        reason=say("{reference} was paid after all: {why}", reference=payout.reference, why=why)[:500],
        amount=payout.net,
    )
    if disbursal.status != DisbursalStatus.CONFIRMED:
        stand_again(disbursal)
        close_if_settled(ctx, disbursal)


def _invoice_of(payout: Payout) -> int:
    """The invoice on which the claim stands: of those that it was to finance the first that went another way, else the
    first of which it was to pass something on."""
    first = (
        select(Invoice.id)
        .join(DisbursalLine, DisbursalLine.invoice_id == Invoice.id)
        .where(DisbursalLine.payout_id == payout.id)
        .order_by(Invoice.status == InvoiceStatus.FINANCEABLE, Invoice.id)
        .limit(1)
    )
    if (found := db.session.scalar(first)) is not None:
        return int(found)
    passed = select(func.min(Payable.invoice_id)).join(PayableLine).where(PayableLine.payout_id == payout.id)
    return db.session.scalars(passed).one()


def _close_entry(ctx: Context, payout: Payout, booked: int) -> None:
    """Close the entry of a statement that told of it and was left to a person."""
    for entry in lock_rows(
        StatementEntry,
        StatementEntry.direction == EntryDirection.DEBIT,
        StatementEntry.state.in_([EntryState.OPEN, EntryState.PARKED]),
        StatementEntry.amount == booked,
        StatementEntry.note.startswith(f"{payout.reference} is rejected already", autoescape=True)
        | (StatementEntry.end_to_end_id == payout.reference),
        # one that somebody is just deciding on is not waited for: locks are taken in the other order there
        skip_locked=True,
    )[:1]:
        payout.statement_entry_id = entry.id
        decide(
            ctx,
            entry,
            EntryState.MATCHED,
            note=say("{reference}, paid after all", reference=payout.reference),
        )
    db.session.flush()


def drop_claims_of(ctx: Context, payouts: Collection[Payout]) -> None:
    """Locked payouts came back: what was claimed because they were paid twice is not owed. What other payouts that left
    were netted by for it is the supplier's credit."""
    for claim in lock_rows(Claim, Claim.payout_id.in_([payout.id for payout in payouts])):
        for payout, amount in netted_from(claim):
            if payout.state == PayoutState.CONFIRMED:
                credit_netted(ctx, claim, payout, amount)
        end_claim(ctx, claim, UNDONE)
