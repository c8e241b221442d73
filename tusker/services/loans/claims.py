"""Claims on suppliers whose goods came back after the payout: made once, decided by an admin."""

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, select
from sqlalchemy.dialects.postgresql import insert

from tusker.currency import currency
from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.domain.record.attention import AttentionKind
from tusker.errors import Conflict, InvalidInput, existing
from tusker.extensions import db
from tusker.messages import say
from tusker.models import Claim, ClaimState, CreditNote, Invoice, Loan, Payout, PayoutState, Shipment
from tusker.models.loans.deductions import STANDING
from tusker.services.attention import WATCH_JOB, settle_items_of
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.loans.debts import owed_on
from tusker.services.locks import among, lock_invoice, lock_invoices, lock_loans, lock_row, lock_rows
from tusker.services.reasons import reason_of
from tusker.transactions import after_commit

UNDONE = say("its payout was undone")
REPAID = say("its loan was repaid")
NOT_CLAIMED = say("its deduction was undone, or lowers what is financed")
FOR_GOODS = Claim.credit_note_id.is_(None) & Claim.payable_id.is_(None) & Claim.payout_id.is_(None)


def claim_returned(ctx: Context, invoices: Sequence[Invoice]) -> None:
    """Open a claim in review for what is owed today on each of the locked disbursed invoices, whose goods came back.

    However often it is said, an invoice gets one: the database keeps it so.
    """
    by_id = {invoice.id: invoice for invoice in invoices}
    for loan in lock_loans(by_id).values():
        invoice = by_id[loan.invoice_id]
        owed = owed_on(loan, invoice, ctx.today)
        if owed > 0:
            _open_claim(ctx, invoice, owed)
    after_commit(WATCH_JOB)


def claim_if_returned(ctx: Context, invoice_ids: Collection[int]) -> None:
    """Of locked invoices that were just disbursed claim those whose goods came back while the bank was paying."""
    gone = db.session.scalars(
        select(Shipment.invoice_id).where(
            among(Shipment.invoice_id, invoice_ids), Shipment.status.in_(["returned", "cancelled"])
        )
    ).all()
    if gone:
        claim_returned(ctx, lock_invoices(gone))


def accept_claim(ctx: Context, claim_id: int, *, amount: int | None, reason: str) -> Claim:
    """Take a claim in review as it is, or for less; it is deducted from the supplier's next payouts.

    Never for more than is owed of the loan today, and not once nothing is.
    """
    why = reason_of(reason)
    claim = _lock_for_decision(claim_id)
    most = min(claim.amount, owed_today(ctx, claim.invoice_id))
    wanted = most if amount is None else amount
    if not 0 < wanted <= most:
        raise InvalidInput(
            "The amount must be more than zero and at most {most}.",
            most=currency().show(most),
            field="amount",
        )
    before = claim.amount
    claim.amount = claim.open_amount = wanted
    _decide(ctx, claim, ClaimState.ACCEPTED, why, claimed=before, accepted=wanted)
    return claim


def dismiss_claim(ctx: Context, claim_id: int, *, reason: str) -> Claim:
    """Give a claim in review up, with a reason."""
    why = reason_of(reason)
    claim = _lock_for_decision(claim_id)
    claim.open_amount = 0
    _decide(ctx, claim, ClaimState.DISMISSED, why, claimed=claim.amount)
    return claim


def owed_today(ctx: Context, invoice_id: int) -> int:
    """What can be asked for on a locked invoice's loan, also on one that was written off.

    Raises `Conflict` when that is nothing.
    """
    invoice = db.session.get_one(Invoice, invoice_id)
    loan = db.session.scalar(select(Loan).where(Loan.invoice_id == invoice_id, Loan.reversed_on.is_(None)))
    owed = owed_on(loan, invoice, ctx.today) if loan is not None else 0
    if owed <= 0:
        raise Conflict(
            "Nothing is owed on {invoice_number} any more, so nothing can be claimed.",
            invoice_number=invoice.number,
        )
    return owed


def end_return_claims(ctx: Context, invoices: Sequence[Invoice]) -> None:
    """The loans of locked invoices were repaid: what was claimed because their goods came back is not owed any more.

    What was netted already stays netted: it pays the loan, or is the supplier's credit, once its payout left.
    """
    if not invoices:
        return
    for claim in _lock_return_claims(invoices, Claim.open_amount > 0):
        end_claim(ctx, claim, REPAID)


def end_claim(ctx: Context, claim: Claim, why: str) -> None:
    """What of a locked claim is open is not owed any more; what was netted of it stays netted."""
    claimed = claim.amount
    if claim.open_amount == claim.amount:
        claim.open_amount = 0
        _decide(ctx, claim, ClaimState.DISMISSED, why, claimed=claimed)
    else:
        claim.amount -= claim.open_amount
        claim.open_amount = 0
        _decide(ctx, claim, ClaimState.ACCEPTED, why, claimed=claimed, accepted=claim.amount)


def end_claims_without_cause(ctx: Context, claims: Collection[Claim]) -> None:
    """Nettings were undone, so locked claims are open again: not those for goods whose loan was repaid or whose payout
    was undone meanwhile, for deductions that were undone or lower what is financed now, or for a payout that came
    back."""
    owing = Invoice.status.in_([InvoiceStatus.DISBURSED, InvoiceStatus.WRITTEN_OFF])
    rows = db.session.execute(
        select(Claim.id, CreditNote.id, Invoice.status)
        .join(Invoice, Invoice.id == Claim.invoice_id)
        .outerjoin(CreditNote, CreditNote.id == Claim.credit_note_id)
        .outerjoin(Payout, Payout.id == Claim.payout_id)
        .where(
            Claim.id.in_([claim.id for claim in claims]),
            FOR_GOODS & (~owing | (Claim.decision_reason == UNDONE))
            | (Payout.state == PayoutState.RETURNED)
            | CreditNote.state.not_in(STANDING)
            | CreditNote.before_payout,
        )
    ).all()
    by_id = {claim.id: claim for claim in claims}
    for claim_id, note_id, status in rows:
        if by_id[claim_id].open_amount:
            repaid = note_id is None and status == InvoiceStatus.REPAID
            end_claim(ctx, by_id[claim_id], REPAID if repaid else UNDONE if note_id is None else NOT_CLAIMED)


def claim_again(ctx: Context, claim: Claim, amount: int, reason: str) -> None:
    """A payout from which `amount` of a locked claim was kept back is made after all, but the claim ended with its
    loan meanwhile: so much of it stands again. Does nothing for other claims."""
    ended = claim.decision_reason in {REPAID, UNDONE}
    if not claim.is_for_goods or not ended or claim.open_amount >= amount:
        return
    netted = claim.amount - claim.open_amount if claim.state == ClaimState.ACCEPTED else 0
    claim.amount, claim.open_amount = netted + amount, amount
    _decide(ctx, claim, ClaimState.ACCEPTED, reason, accepted=claim.amount)


def drop_return_claims(ctx: Context, invoices: Sequence[Invoice]) -> None:
    """The payouts of locked invoices are undone: what was claimed because of them, and is not netted yet, is not owed.

    What was netted from another payout stays netted: it is the supplier's credit, once that payout left.
    """
    for claim in _lock_return_claims(invoices):
        end_claim(ctx, claim, UNDONE)


def _lock_return_claims(invoices: Sequence[Invoice], *more: ColumnElement[bool]) -> Sequence[Claim]:
    return lock_rows(
        Claim,
        Claim.invoice_id.in_([invoice.id for invoice in invoices]),
        FOR_GOODS,
        Claim.state != ClaimState.DISMISSED,
        *more,
    )


def _open_claim(ctx: Context, invoice: Invoice, owed: int) -> None:
    made = db.session.scalar(
        insert(Claim)
        .values(
            supplier_id=invoice.supplier_id,
            invoice_id=invoice.id,
            state=ClaimState.REVIEW,
            amount=owed,
            open_amount=owed,
            at=ctx.now,
            booked_on=ctx.today,
        )
        .on_conflict_do_nothing()
        .returning(Claim.id)
    )
    if made is not None:
        record_event(ctx, invoice, "claimed", reason=say("the goods came back after the payout"), amount=owed)


def add_claim(ctx: Context, supplier_id: int, invoice_id: int, amount: int, **cause: int) -> None:
    """Claim an amount from a supplier with nothing to decide; `cause` names the row that it is for."""
    amounts = {"amount": amount, "open_amount": amount}
    about = {"supplier_id": supplier_id, "invoice_id": invoice_id, **cause}
    db.session.add(Claim(**about, **amounts, at=ctx.now, booked_on=ctx.today))


def lock_claim(claim_id: int) -> Claim:
    invoice_id = existing(
        db.session.scalar(select(Claim.invoice_id).where(Claim.id == claim_id)), say("claim")
    )
    lock_invoice(invoice_id)
    return lock_row(say("claim"), Claim, Claim.id == claim_id)


def _lock_for_decision(claim_id: int) -> Claim:
    claim = lock_claim(claim_id)
    if claim.state != ClaimState.REVIEW:
        raise Conflict("This claim is {state} already.", state=claim.state)
    return claim


def _decide(ctx: Context, claim: Claim, state: ClaimState, why: str, **figures: int) -> None:
    before = claim.state
    claim.state, claim.decision_reason = state, why
    claim.decided_at, claim.decided_by = ctx.now, ctx.actor_id
    record_event(
        ctx,
        ("invoice", claim.invoice_id),
        f"claim_{state}",
        from_value=before,
        to_value=state,
        reason=why,
        **figures,
    )
    db.session.flush()
    if ctx.actor_id is not None:
        settle_items_of(
            ctx,
            AttentionKind.RETURNED_AFTER_PAYOUT,
            claim.invoice_id,
            say("claim {state}: {why}", state=ClaimState(state), why=why),
        )
    after_commit(WATCH_JOB)
