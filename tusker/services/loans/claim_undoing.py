"""Taking back what was decided on a claim for goods that came back, also once payouts were netted by it."""

from tusker.domain.loans.allocation import allocate_to_loan
from tusker.errors import Conflict
from tusker.extensions import db
from tusker.models import (
    Allocation,
    Claim,
    ClaimSettlement,
    ClaimState,
    Invoice,
    Loan,
    PayoutState,
    Receipt,
    ReserveKind,
)
from tusker.services.attention import WATCH_JOB
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.exposure import change_exposure
from tusker.services.loans.claims import end_claim, lock_claim
from tusker.services.loans.debts import load_reductions, lock_debts_on, owed_on
from tusker.services.loans.netted import netted_from, netted_with
from tusker.services.loans.overdue import REVIEW_JOB
from tusker.services.loans.receipt_rows import note_freed
from tusker.services.loans.receipts.booking import apply_parts
from tusker.services.loans.receipts.undoing import reverse_allocation
from tusker.services.loans.reserve import move_reserve
from tusker.services.loans.write_off import give_up_rest
from tusker.services.locks import lock_loans, lock_rows
from tusker.services.reasons import reason_of
from tusker.transactions import after_commit


def reopen_claim(ctx: Context, claim_id: int, *, reason: str) -> Claim:
    """Take back what was decided on a claim for goods that came back: it waits for a decision again, for what is owed
    today. Where a part of it was netted already, the open rest is given up instead; taken back once more, what was
    netted is the supplier's credit, and the loan owes it again.

    Raises `Conflict` while the bank has not answered for a payout that was netted by it.
    """
    why = reason_of(reason)
    claim = lock_claim(claim_id)
    if not claim.is_for_goods:
        raise Conflict("This claim depends on what it was made for; undo that instead.")
    if claim.state == ClaimState.REVIEW:
        raise Conflict("This claim waits for a decision already.")
    if claim.state == ClaimState.ACCEPTED and 0 < claim.open_amount < claim.amount:
        end_claim(ctx, claim, why)
        return claim
    before = claim.state
    invoice = db.session.get_one(Invoice, claim.invoice_id)
    loan = next(iter(lock_loans([invoice.id]).values()), None)
    _give_back(ctx, claim, invoice, loan, why)
    owed = 0
    if loan is not None:
        load_reductions([loan])
        owed = owed_on(loan, invoice, ctx.today)
    if owed <= 0 and before == ClaimState.DISMISSED:
        raise Conflict(
            "Nothing is owed on {invoice_number} any more, so nothing can be claimed.",
            invoice_number=invoice.number,
        )
    claim.state = ClaimState.REVIEW if owed > 0 else ClaimState.DISMISSED
    claim.amount, claim.open_amount = (owed, owed) if owed > 0 else (claim.amount, 0)
    claim.decision_reason = None if owed > 0 else why
    claim.decided_at, claim.decided_by = (None, None) if owed > 0 else (ctx.now, ctx.actor_id)
    record_event(
        ctx,
        ("invoice", claim.invoice_id),
        "claim_reopened",
        from_value=before,
        to_value=claim.state,
        reason=why,
        amount=owed,
    )
    db.session.flush()
    after_commit(WATCH_JOB)
    return claim


def _give_back(ctx: Context, claim: Claim, invoice: Invoice, loan: Loan | None, why: str) -> None:
    """What payouts that left were netted by for a locked claim is the supplier's credit, whatever it paid."""
    beside = {netted.payout.id: netted.beside_goods for netted in netted_with(claim)}
    for payout, netted in netted_from(claim):
        if payout.state != PayoutState.CONFIRMED:
            raise Conflict(
                "The bank has not answered for {reference} yet, which is netted by this claim.",
                reference=payout.reference,
            )
        db.session.add(
            ClaimSettlement(
                claim_id=claim.id, disbursal_id=payout.disbursal_id, amount=-netted, booked_on=ctx.today
            )
        )
        received = Receipt.netted_payout_id == payout.id
        standing = Receipt.reversed_on.is_(None) & Receipt.undone_claim_id.is_(None)
        for receipt in lock_rows(Receipt, received, standing):
            if loan is not None:
                _free(ctx, receipt, invoice, loan, netted, beside[payout.id], why)
    db.session.flush()


def _free(
    ctx: Context, receipt: Receipt, invoice: Invoice, loan: Loan, amount: int, beside: int, why: str
) -> None:
    """Of what a netted receipt paid of a locked loan, take `amount` back: it is the supplier's credit. What was netted
    `beside` it, for other causes of the same invoice, pays the loan again, all of it where the loan lacks so much."""
    load_reductions([loan])
    rows = [row for row in loan.standing if isinstance(row, Allocation) and row.receipt_id == receipt.id]
    paid = sum(row.total for row in rows)
    taken = sum(reverse_allocation(ctx, row, loan, {invoice.id: invoice}, why) for row in rows)
    if loan.face_open is not None:
        principal = sum(row.principal for row in rows)
        move_reserve(ctx, invoice.id, ReserveKind.HELD, -principal, why, receipt.id)
    db.session.flush()
    if loan.written_off_on is not None:
        give_up_rest(ctx, invoice, loan, why)
    change_exposure(ctx, "reversed", [(invoice, taken)])
    left = max(paid - amount, min(paid, beside))
    if left > 0:
        [debt] = lock_debts_on([invoice], closed_too=True)
        day = max(receipt.value_date, debt.loan.start_date, debt.last_payment or receipt.value_date)
        apply_parts(ctx, [(receipt, allocate_to_loan(loan.id, left, debt.due_on(day)), debt)], day)
    if rows:
        note_freed(ctx, receipt, invoice.number, paid - left, why)
    after_commit(REVIEW_JOB)
