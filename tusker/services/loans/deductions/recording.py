"""What purchasers keep back of an invoice with a reason: tax at source, quality, quantity, bank charges, rounding.

It lowers what the purchaser has to pay. The reserve bears it as far as it is with the lender, which it is where
purchasers pay the face value; the rest is a claim on the supplier.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from flask import current_app
from sqlalchemy import func, select

from tusker.currency import currency
from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.domain.numbers import strict_form
from tusker.domain.texts import one_line
from tusker.errors import Conflict, Duplicate, InvalidInput, existing
from tusker.extensions import db
from tusker.messages import Text, say
from tusker.models import Claim, CreditNote, DeductionKind, DeductionState, Invoice, Loan, ReserveKind
from tusker.models.loans.deductions import DISPUTABLE, STANDING
from tusker.queries.sums import sum_of
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.loans.claims import add_claim
from tusker.services.loans.debts import owed_on
from tusker.services.loans.reserve import move_reserve, reserve_left
from tusker.services.locks import lock_invoice, lock_loan_of, lock_row
from tusker.services.reasons import optional_reason

PAID_OUT = frozenset({InvoiceStatus.DISBURSED, InvoiceStatus.REPAID, InvoiceStatus.WRITTEN_OFF})


@dataclass(frozen=True, slots=True)
class KeptBack:
    """What a purchaser keeps back of an invoice, in minor units. `number` is of the paper that proves it; quality and
    quantity may be `disputed`."""

    invoice_id: int
    kind: DeductionKind
    amount: int
    number: str = ""
    reason: str = ""
    disputed: bool = False


def record_deduction(ctx: Context, kept: KeptBack) -> CreditNote:
    """Record by itself what the purchaser keeps back of an invoice that was paid out.

    Raises typed errors naming the field.
    """
    kept = replace(kept, reason=optional_reason(kept.reason))
    invoice = lock_invoice(kept.invoice_id)
    if invoice.status not in PAID_OUT:
        raise Conflict(
            "The invoice is {value}; nothing of it is to be paid, or kept back.",
            value=invoice.status.replace("_", " "),
        )
    return deduct(ctx, invoice, lock_loan_of(invoice), kept)


def deduct(
    ctx: Context, invoice: Invoice, loan: Loan, kept: KeptBack, receipt_id: int | None = None
) -> CreditNote:
    """`record_deduction` of a locked invoice and loan; `receipt_id` is the receipt that it came with."""
    kept = _checked(invoice, loan, kept, ctx.today)
    note = new_note(ctx, kept, receipt_id)
    db.session.add(note)
    loan.change_face(-note.amount)
    db.session.flush()
    bear(ctx, invoice, loan, note)
    note_event(ctx, invoice, note, "deduction", kept.reason)
    return note


def new_note(ctx: Context, kept: KeptBack, receipt_id: int | None = None) -> CreditNote:
    """A row without effects, not stored yet."""
    return CreditNote(
        invoice_id=kept.invoice_id,
        kind=kept.kind,
        state=DeductionState.DISPUTED if kept.disputed else DeductionState.ACCEPTED,
        number=kept.number,
        amount=kept.amount,
        principal_cut=0,
        reserve_consumed=0,
        claimed=0,
        at=ctx.now,
        booked_on=ctx.today,
        recorded_by=ctx.actor_id,
        reason=kept.reason,
        receipt_id=receipt_id,
    )


def note_event(ctx: Context, invoice: Invoice, note: CreditNote, kind: str, reason: str) -> None:
    """Write an event of the invoice about a deduction, with what it did."""
    record_event(
        ctx,
        invoice,
        kind,
        from_value=invoice.status,
        to_value=invoice.status,
        reason=f"{note.words}: {reason}" if reason else note.words,
        amount=note.amount,
        freed=note.principal_cut,
        reserve_consumed=note.reserve_consumed,
        claimed=note.claimed,
    )


def bear(ctx: Context, invoice: Invoice, loan: Loan, note: CreditNote) -> None:
    """After the payout: the reserve bears what it can of a stored note, and the rest is a claim on the supplier.

    Where purchasers pay the debt, the reserve is not with the lender: what they keep back of that is claimed wholly. Of
    what is disputed nothing is claimed before it is accepted, of rounding nothing ever.
    """
    from_debt = loan.face_open is None and note.kind != DeductionKind.CREDIT_NOTE
    left = note.amount - note.reserve_consumed - note.claimed
    consumed = 0 if from_debt else min(max(0, reserve_left(invoice.id)), left)
    move_reserve(ctx, invoice.id, ReserveKind.CONSUMED, consumed, note.words)
    note.reserve_consumed += consumed
    claimed = left - consumed
    if claimed and note.state == DeductionState.ACCEPTED and note.kind != DeductionKind.ROUNDING:
        note.claimed += claimed
        add_claim(ctx, invoice.supplier_id, invoice.id, claimed, credit_note_id=note.id)
    db.session.flush()


def settle_tax(ctx: Context, note_id: int, *, number: str, settled_on: date) -> CreditNote:
    """The certificate of tax at source came, or was wrong: its number and day."""
    invoice, note = lock_note(note_id)
    if note.kind != DeductionKind.TAX:
        raise Conflict("Only tax deducted at source is settled by a certificate.")
    if settled_on > ctx.today:
        raise InvalidInput("The day of the certificate must not be in the future.", field="settled_on")
    note.number = checked_number(invoice.id, number, required=True, besides=note.id)
    note.settled_on = settled_on
    note_event(ctx, invoice, note, "deduction_settled", say("certificate of {day}", day=settled_on))
    db.session.flush()
    return note


def accept_dispute(ctx: Context, note_id: int, *, number: str = "") -> CreditNote:
    """The supplier agrees with what was disputed: it bears it, as with a credit note of this number."""
    invoice, note = lock_note(note_id)
    if note.state != DeductionState.DISPUTED:
        raise Conflict("This deduction is {state} already.", state=note.state)
    if number.strip():
        note.number = checked_number(invoice.id, number, besides=note.id)
    note.state = DeductionState.ACCEPTED
    if invoice.status in PAID_OUT and not note.before_payout:
        bear(ctx, invoice, lock_loan_of(invoice), note)
    note_event(ctx, invoice, note, "deduction_accepted", "")
    db.session.flush()
    return note


def lock_note(note_id: int) -> tuple[Invoice, CreditNote]:
    """A deduction that stands, and its invoice, both locked; raises `NotFound`, or `Conflict` when it was undone."""
    invoice_id = existing(
        db.session.scalar(select(CreditNote.invoice_id).where(CreditNote.id == note_id)), say("deduction")
    )
    invoice = lock_invoice(invoice_id)
    note = lock_row(say("deduction"), CreditNote, CreditNote.id == note_id, CreditNote.reverses_id.is_(None))
    if not note.stands:
        raise Conflict("This deduction is {state} already.", state=note.state)
    return invoice, note


def checked_number(
    invoice_id: int, number: str, *, required: bool = False, besides: int = 0, what: str = "number"
) -> str:
    """The number of a paper, stripped; raises `InvalidInput` or `Duplicate` naming `number`."""
    cleaned = one_line(number)
    if len(cleaned) > 60 or (required and not cleaned):
        raise InvalidInput("The {what} must have 1 to 60 characters.", what=what, field="number")
    taken = select(CreditNote.number).where(
        CreditNote.invoice_id == invoice_id,
        CreditNote.number_strict == strict_form(cleaned),
        CreditNote.state.in_(STANDING),
        CreditNote.id != besides,
    )
    if cleaned and (printed := db.session.scalar(taken.limit(1))):
        raise Duplicate("“{printed}” of this invoice is recorded already.", printed=printed, field="number")
    return cleaned


def noted(invoice_id: int) -> int:
    """What of an invoice's value is not to be paid by its purchaser, in minor units."""
    return sum_of(CreditNote.amount, CreditNote.invoice_id == invoice_id)


def _checked(invoice: Invoice, loan: Loan, kept: KeptBack, today: date) -> KeptBack:
    if kept.kind == DeductionKind.CREDIT_NOTE:
        raise InvalidInput("A credit note is recorded as such.", field="kind")
    if kept.disputed and kept.kind not in DISPUTABLE:
        raise InvalidInput("Only quality and quantity can be disputed.", field="disputed")
    if kept.amount <= 0:
        raise InvalidInput("The amount must be more than zero.", field="amount")
    if loan.face_open is not None:
        most = max(0, loan.face_open)
    else:
        owed = owed_on(loan, invoice, today)
        most = max(0, owed - _kept_back_of_debt(invoice.id))
    most = min(most, invoice.amount - noted(invoice.id))
    if kept.kind == DeductionKind.ROUNDING:
        most = min(most, tolerance() if loan.face_open is not None else 0)
    if kept.amount > most:
        raise InvalidInput(_too_much(loan, kept, most), field="amount")
    return replace(kept, number=checked_number(invoice.id, kept.number), reason=optional_reason(kept.reason))


def _too_much(loan: Loan, kept: KeptBack, most: int) -> Text:
    amount = currency().show(most)
    if kept.kind == DeductionKind.ROUNDING:
        return say("At most {most} counts as rounding.", most=amount)
    if loan.face_open is not None:
        return say("At most {most} is left to pay of the invoice.", most=amount)
    return say("At most {most} is owed.", most=amount)


def tolerance() -> int:
    """What a payment may lack, in minor units, and is written off by itself."""
    return currency().minor(current_app.config["ROUNDING_TOLERANCE"])


def _kept_back_of_debt(invoice_id: int) -> int:
    """What was kept back of a debt before and is still open: disputed, or claimed and not netted yet."""
    open_claim = select(Claim.open_amount).where(Claim.credit_note_id == CreditNote.id).scalar_subquery()
    return sum_of(
        func.coalesce(open_claim, CreditNote.amount),
        CreditNote.invoice_id == invoice_id,
        CreditNote.kind != DeductionKind.CREDIT_NOTE,
        CreditNote.state.in_(STANDING),
        CreditNote.before_payout.is_(False),
    )


def by_invoice(kept: Sequence[KeptBack]) -> Mapping[int, int]:
    """What is kept back of each invoice, in minor units by its id."""
    sums: dict[int, int] = {}
    for each in kept:
        sums[each.invoice_id] = sums.get(each.invoice_id, 0) + each.amount
    return sums
