"""Dilution: the supplier takes a part of an invoice's value back."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select

from tusker.currency import currency
from tusker.domain.lifecycle import InvoiceStatus
from tusker.errors import Conflict, Duplicate, InvalidInput
from tusker.extensions import db
from tusker.models import Claim, ClaimSettlement, CreditNote, Invoice, ReserveKind
from tusker.services.attention import WATCH_JOB
from tusker.services.context import Context
from tusker.services.credit.financing import cancel_locked
from tusker.services.events import record_event
from tusker.services.exposure import change_exposure
from tusker.services.loans.reserve import move_reserve, reserve_left
from tusker.services.locks import lock_invoice, lock_loan_of
from tusker.services.reasons import optional_reason
from tusker.transactions import after_commit

BEFORE_PAYOUT = {InvoiceStatus.APPROVED, InvoiceStatus.FINANCEABLE}
AFTER_PAYOUT = {InvoiceStatus.DISBURSED, InvoiceStatus.REPAID}


def record_credit_note(
    ctx: Context, invoice_id: int, *, number: str, amount: int, reason: str = ""
) -> CreditNote:
    """Record a credit note on an invoice; the amount in minor units.

    Before the payout it lowers the eligible value and with it the principal, which frees the difference on all three
    limits. After it the reserve bears what it can and the rest becomes a claim, netted from the supplier's next
    payout. Raises typed errors naming the field.
    """
    cleaned = number.strip()
    if not cleaned or len(cleaned) > 60:
        raise InvalidInput("The credit note's number must have 1 to 60 characters.", field="number")
    if amount <= 0:
        raise InvalidInput("The amount must be more than zero.", field="amount")
    why = optional_reason(reason)
    invoice = lock_invoice(invoice_id)
    if db.session.scalar(
        select(CreditNote.id).where(CreditNote.invoice_id == invoice_id, CreditNote.number == cleaned)
    ):
        raise Duplicate(f"Credit note “{cleaned}” of this invoice is recorded already.", field="number")
    left = invoice.amount - _noted(invoice_id)
    if amount > left:
        raise InvalidInput(f"At most {currency().show(left)} of the invoice is left.", field="amount")
    note = CreditNote(
        invoice_id=invoice_id,
        number=cleaned,
        amount=amount,
        principal_cut=0,
        reserve_consumed=0,
        claimed=0,
        at=ctx.now,
        booked_on=ctx.today,
        recorded_by=ctx.actor_id,
        reason=why,
    )
    db.session.add(note)
    if invoice.status in BEFORE_PAYOUT:
        _cut_principal(ctx, invoice, note)
    elif invoice.status in AFTER_PAYOUT:
        _consume_and_claim(ctx, invoice, note)
    else:
        raise Conflict(
            f"The invoice is {invoice.status.replace('_', ' ')}; take it out of its disbursal first."
        )
    record_event(
        ctx,
        "invoice",
        invoice_id,
        "credit_note",
        from_value=invoice.status,
        to_value=invoice.status,
        reason=f"credit note {cleaned}",
        amount=amount,
        freed=note.principal_cut,
        reserve_consumed=note.reserve_consumed,
        claimed=note.claimed,
    )
    db.session.flush()
    return note


def count_notes_as_early(ctx: Context, invoice_ids: Sequence[int], disbursal_id: int) -> None:
    """After payouts were undone: credit notes that the reserve and claims had borne now lower what is eligible, as
    notes before a payout do, so that no more is lent again than the invoice is worth.

    The invoices wait to be financed, locked; their suppliers' claims are locked and their nettings from this disbursal
    undone. One that is worth nothing any more is cancelled. Raises `Conflict` when a claim was netted elsewhere.
    """
    notes: dict[int, list[CreditNote]] = {}
    for note in db.session.scalars(
        select(CreditNote)
        .where(
            CreditNote.invoice_id.in_(invoice_ids),
            (CreditNote.reserve_consumed > 0) | (CreditNote.claimed > 0),
        )
        .order_by(CreditNote.id)
    ):
        notes.setdefault(note.invoice_id, []).append(note)
    for invoice_id, late in notes.items():
        _count_as_early(ctx, db.session.get_one(Invoice, invoice_id), late, disbursal_id)


def _count_as_early(ctx: Context, invoice: Invoice, notes: Sequence[CreditNote], disbursal_id: int) -> None:
    for claim in db.session.scalars(
        select(Claim).where(Claim.credit_note_id.in_([note.id for note in notes])).order_by(Claim.id)
    ):
        if claim.open_amount != claim.amount:
            raise Conflict(
                f"A claim for a credit note on {invoice.number} was netted from another payout; undo that first."
            )
        db.session.add(
            ClaimSettlement(
                claim_id=claim.id, disbursal_id=disbursal_id, amount=claim.amount, booked_on=ctx.today
            )
        )
        claim.open_amount = 0
    total = sum(note.amount for note in notes)
    eligible = invoice.amount - invoice.credit_noted - total
    principal = invoice.terms.principal_of(eligible) if eligible > 0 else 0
    if principal < 1:
        cancel_locked(
            ctx, invoice, reason="credit notes leave nothing to finance after its payout was undone"
        )
        return
    cut = invoice.principal - principal
    for note in notes:
        note.reserve_consumed = note.claimed = 0
    notes[-1].principal_cut += cut
    invoice.credit_noted += total
    invoice.principal = principal
    record_event(
        ctx,
        "invoice",
        invoice.id,
        "credit_note",
        from_value=invoice.status,
        to_value=invoice.status,
        reason="its payout was undone: credit notes lower what is financed again",
        amount=total,
        freed=cut,
    )
    db.session.flush()
    change_exposure(ctx, "credit_note", [(invoice, -cut)])


def _noted(invoice_id: int) -> int:
    noted = select(func.coalesce(func.sum(CreditNote.amount), 0)).where(CreditNote.invoice_id == invoice_id)
    return int(db.session.scalars(noted).one())


def _cut_principal(ctx: Context, invoice: Invoice, note: CreditNote) -> None:
    eligible = invoice.amount - invoice.credit_noted - note.amount
    principal = invoice.terms.principal_of(eligible) if eligible > 0 else 0
    if principal < 1:
        raise InvalidInput("Nothing would be left to finance; cancel the request instead.", field="amount")
    note.principal_cut = invoice.principal - principal
    invoice.credit_noted += note.amount
    invoice.principal = principal
    db.session.flush()
    change_exposure(ctx, "credit_note", [(invoice, -note.principal_cut)])
    # The declared value may agree with what is left now.
    after_commit(WATCH_JOB)


def _consume_and_claim(ctx: Context, invoice: Invoice, note: CreditNote) -> None:
    loan = lock_loan_of(invoice)
    if loan.face_open is not None:
        loan.face_open -= note.amount
    note.reserve_consumed = min(reserve_left(invoice.id), note.amount)
    note.claimed = note.amount - note.reserve_consumed
    db.session.flush()
    move_reserve(ctx, invoice.id, ReserveKind.CONSUMED, note.reserve_consumed, f"credit note {note.number}")
    if note.claimed:
        db.session.add(
            Claim(
                supplier_id=invoice.supplier_id,
                invoice_id=invoice.id,
                credit_note_id=note.id,
                amount=note.claimed,
                open_amount=note.claimed,
                at=ctx.now,
                booked_on=ctx.today,
            )
        )
