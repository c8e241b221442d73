"""Dilution: the supplier takes a part of an invoice's value back."""

from collections.abc import Sequence

from sqlalchemy import select

from tusker.currency import currency
from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.errors import Conflict, InvalidInput
from tusker.extensions import db
from tusker.messages import say
from tusker.models import Claim, CreditNote, DeductionKind, Invoice
from tusker.services.attention import WATCH_JOB
from tusker.services.context import Context
from tusker.services.credit.requesting.financing import cancel_locked
from tusker.services.events import record_event
from tusker.services.exposure import change_exposure
from tusker.services.loans.claims import end_claim
from tusker.services.loans.deductions.recording import (
    PAID_OUT,
    KeptBack,
    bear,
    checked_number,
    new_note,
    note_event,
    noted,
)
from tusker.services.loans.netted import credit_what_was_netted
from tusker.services.locks import lock_invoice, lock_loan_of
from tusker.services.reasons import optional_reason
from tusker.transactions import after_commit

BEFORE_PAYOUT = {InvoiceStatus.APPROVED, InvoiceStatus.FINANCEABLE}


def record_credit_note(
    ctx: Context, invoice_id: int, *, number: str, amount: int, reason: str = ""
) -> CreditNote:
    """Record a credit note on an invoice; the amount in minor units.

    Before the payout it lowers the eligible value and with it the principal, which frees the difference on all three
    limits. After it the reserve bears what it can and the rest becomes a claim, netted from the supplier's next
    payout. Raises typed errors naming the field.
    """
    if amount <= 0:
        raise InvalidInput("The amount must be more than zero.", field="amount")
    why = optional_reason(reason)
    invoice = lock_invoice(invoice_id)
    cleaned = checked_number(invoice_id, number, required=True, what=say("credit note's number"))
    left = invoice.amount - noted(invoice_id)
    if amount > left:
        raise InvalidInput(
            "At most {left} of the invoice is left.", left=currency().show(left), field="amount"
        )
    note = new_note(ctx, KeptBack(invoice_id, DeductionKind.CREDIT_NOTE, amount, cleaned, why))
    db.session.add(note)
    if invoice.status in BEFORE_PAYOUT:
        _cut_principal(ctx, invoice, note)
    elif invoice.status in PAID_OUT:
        loan = lock_loan_of(invoice)
        loan.change_face(-note.amount)
        db.session.flush()
        bear(ctx, invoice, loan, note)
    else:
        raise Conflict(
            "The invoice is {value}; take it out of its disbursal first.",
            value=invoice.status.replace("_", " "),
        )
    note_event(ctx, invoice, note, "credit_note", "")
    db.session.flush()
    return note


def count_notes_as_early(ctx: Context, invoice_ids: Sequence[int], why: str) -> None:
    """After payouts were undone: notes that the reserve and claims had borne now lower what is eligible, as notes
    before a payout do, so that no more is lent again than the invoice is worth.

    The invoices wait to be financed, locked; their suppliers' claims are locked and their nettings from the payouts
    undone. What was netted from others is the supplier's credit. One that is worth nothing any more is cancelled.
    """
    late: dict[int, list[CreditNote]] = {}
    changed: set[int] = set()
    for note in db.session.scalars(
        select(CreditNote)
        .where(CreditNote.invoice_id.in_(invoice_ids), CreditNote.before_payout.is_(False))
        .order_by(CreditNote.id)
    ):
        note.before_payout = True
        changed.add(note.invoice_id)
        if note.stands:
            late.setdefault(note.invoice_id, []).append(note)
    for invoice_id in sorted(changed):
        _count_as_early(ctx, db.session.get_one(Invoice, invoice_id), late.get(invoice_id, []), why)


def _count_as_early(ctx: Context, invoice: Invoice, notes: Sequence[CreditNote], why: str) -> None:
    for claim in db.session.scalars(
        select(Claim).where(Claim.credit_note_id.in_([note.id for note in notes])).order_by(Claim.id)
    ):
        credit_what_was_netted(ctx, claim)
        end_claim(ctx, claim, why)
    for note in notes:
        note.reserve_consumed = note.claimed = 0
    total = noted(invoice.id)
    principal = invoice.terms.principal_of(invoice.amount - total) if invoice.amount > total else 0
    if principal < 1:
        cancel_locked(
            ctx, invoice, reason=say("credit notes leave nothing to finance after its payout was undone")
        )
        return
    cut = invoice.principal - principal
    added, invoice.credit_noted = total - invoice.credit_noted, total
    if not added and not cut:
        return
    if notes and cut > 0:
        notes[-1].principal_cut += cut
    invoice.principal = principal
    record_event(
        ctx,
        invoice,
        "credit_note",
        from_value=invoice.status,
        to_value=invoice.status,
        reason=say("its payout was undone: credit notes lower what is financed again"),
        amount=added,
        freed=cut,
    )
    db.session.flush()
    change_exposure(ctx, "credit_note", [(invoice, -cut)])


def _cut_principal(ctx: Context, invoice: Invoice, note: CreditNote) -> None:
    eligible = invoice.amount - invoice.credit_noted - note.amount
    principal = invoice.terms.principal_of(eligible) if eligible > 0 else 0
    if principal < 1:
        raise InvalidInput("Nothing would be left to finance; cancel the request instead.", field="amount")
    note.before_payout = True
    note.principal_cut = invoice.principal - principal
    invoice.credit_noted += note.amount
    invoice.principal = principal
    db.session.flush()
    change_exposure(ctx, "credit_note", [(invoice, -note.principal_cut)])
    # The declared value may agree with what is left now.
    after_commit(WATCH_JOB)
