"""What purchasers that pay the face value paid beyond their debts: the supplier's, owed until a disbursal pays it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import aliased

from tusker.domain.loans.allocation import Allocation as Split
from tusker.extensions import db
from tusker.messages import say
from tusker.models import Invoice, LineState, Loan, Payable, PayableLine, Receipt, ReserveKind
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.loans.claims import add_claim
from tusker.services.loans.contra import contra_of
from tusker.services.loans.debts import OpenDebt
from tusker.services.loans.reserve import (
    consumed_by,
    move_reserve,
    reserve_left,
    reserves_left,
    undo_reserve_of,
)
from tusker.services.locks import lock_rows


def note_collected(ctx: Context, parts: Sequence[tuple[Receipt, Split, OpenDebt]], value_date: date) -> None:
    """Parts of receipts were written: where the purchaser pays the face value, what it paid comes off that, charges
    come out of the reserve, and the rest becomes payable to the supplier."""
    collected = [part for part in parts if part[2].loan.face_open is not None]
    left = reserves_left([debt.invoice.id for _, _, debt in collected])
    for receipt, split, debt in collected:
        loan, invoice = debt.loan, debt.invoice
        if receipt.customer_id != invoice.purchaser_id:
            # The supplier paid its own debt: so much more of what the purchaser will pay is the supplier's.
            move_reserve(ctx, invoice.id, ReserveKind.HELD, split.principal, _why(receipt), receipt.id)
            left[invoice.id] = left.get(invoice.id, 0) + split.principal
            continue
        loan.change_face(-split.laid)
        charges = min(split.total - split.principal, left.get(invoice.id, 0))
        move_reserve(ctx, invoice.id, ReserveKind.CONSUMED, charges, _why(receipt), receipt.id)
        move_reserve(ctx, invoice.id, ReserveKind.RELEASED, split.rest, _why(receipt), receipt.id)
        left[invoice.id] = left.get(invoice.id, 0) - charges - split.rest
        if split.rest:
            _owe(ctx, receipt, invoice, split.rest, value_date)
    db.session.flush()


def note_laid_anew(
    ctx: Context, receipt: Receipt, invoice: Invoice, was: Split, made: Split, value_date: date, why: str
) -> None:
    """What a receipt paid of a debt was laid again where the purchaser pays the face value: what it does not pay any
    more is the supplier's, what it pays again was not, and the reserve bears the charges that it pays now."""
    if receipt.customer_id != invoice.purchaser_id:
        move_reserve(
            ctx, invoice.id, ReserveKind.HELD, made.principal - was.principal, _why(receipt), receipt.id
        )
        return
    left = was.total - made.total
    move_reserve(ctx, invoice.id, ReserveKind.RELEASED, left, _why(receipt), receipt.id)
    more = (made.total - made.principal) - (was.total - was.principal)
    borne = (
        min(more, reserve_left(invoice.id)) if more > 0 else max(more, -consumed_by(receipt.id, invoice.id))
    )
    move_reserve(ctx, invoice.id, ReserveKind.CONSUMED, borne, _why(receipt), receipt.id)
    if left < 0:
        left += _take_back(ctx, receipt, invoice, -left, why)
    if left:
        _owe(ctx, receipt, invoice, left, value_date)
    db.session.flush()


def _take_back(ctx: Context, receipt: Receipt, invoice: Invoice, amount: int, why: str) -> int:
    """Undo the latest of what a receipt left to the supplier of an invoice, until it is at least `amount`; returns how
    much that is."""
    taken = 0
    payables = _lock_standing((Payable.receipt_id == receipt.id) & (Payable.invoice_id == invoice.id))
    for payable in reversed(payables):
        if taken >= amount:
            break
        taken += payable.amount
        _undo_payable(ctx, payable, invoice, why)
    return taken


def _why(receipt: Receipt) -> str:
    return say("paid with {reference}", reference=receipt.bank_reference)


def _owe(ctx: Context, receipt: Receipt, invoice: Invoice, amount: int, value_date: date) -> None:
    db.session.add(
        Payable(
            supplier_id=invoice.supplier_id,
            invoice_id=invoice.id,
            receipt_id=receipt.id,
            amount=amount,
            open_amount=amount,
            value_date=value_date,
            booked_on=ctx.today,
            at=ctx.now,
        )
    )
    record_event(
        ctx,
        invoice,
        "payable",
        reason=say("paid beyond the debt with {reference}", reference=receipt.bank_reference),
        amount=amount,
        supplier_id=invoice.supplier_id,
    )


def invoices_collected_with(receipt_id: int) -> set[int]:
    """Ids of the invoices of which a receipt paid a part beyond the debt."""
    return set(db.session.scalars(select(Payable.invoice_id).where(Payable.receipt_id == receipt_id)))


def undo_payables_of(ctx: Context, invoices: Mapping[int, Invoice], why: str) -> None:
    """The payouts of locked invoices did not arrive: what their purchasers paid beyond the debts is their credit. What
    was passed on already, or is on its way, the supplier owes."""
    for payable in _lock_standing(Payable.invoice_id.in_(invoices)):
        _undo_payable(ctx, payable, invoices[payable.invoice_id], why)
    db.session.flush()


def undo_collected(
    ctx: Context,
    receipt: Receipt,
    undone: Mapping[int, int],
    invoices: Mapping[int, Invoice],
    loans: Iterable[Loan],
    why: str,
) -> None:
    """A locked receipt is undone: the face value is to be paid again, the reserve stands as before it, and what was to
    be passed on is not owed. What was passed on already, or is on its way, the supplier owes.

    `undone` is what is taken back of debts, in minor units by loan id. Invoices and their loans are locked.
    """
    faces = [loan for loan in loans if loan.face_open is not None]
    if not faces:
        return
    by_invoice: Counter[int] = Counter()
    for payable in _lock_standing(Payable.receipt_id == receipt.id):
        by_invoice[payable.invoice_id] += payable.amount
        _undo_payable(ctx, payable, invoices[payable.invoice_id], why)
    undo_reserve_of(ctx, receipt.id, why)
    for loan in faces:
        laid = by_invoice[loan.invoice_id] + undone.get(loan.id, 0)
        if receipt.customer_id == invoices[loan.invoice_id].purchaser_id:
            loan.change_face(laid)
    db.session.flush()


def _lock_standing(condition: ColumnElement[bool]) -> Sequence[Payable]:
    """The payables that meet a condition and were not undone, locked."""
    contra = aliased(Payable)
    undone = select(contra.id).where(contra.reverses_id == Payable.id)
    return lock_rows(Payable, condition, Payable.reverses_id.is_(None), ~undone.exists())


def _undo_payable(ctx: Context, payable: Payable, invoice: Invoice, why: str) -> None:
    lines = lock_rows(
        PayableLine, PayableLine.payable_id == payable.id, PayableLine.state != LineState.REMOVED
    )
    for line in lines:
        if line.payout_id is None:
            line.state = LineState.REMOVED
            line.reason = say("what it passes on was undone: {why}", why=why)[:500]
    on_its_way = [line for line in lines if line.state != LineState.REMOVED]
    if on_its_way:
        add_claim(ctx, payable.supplier_id, invoice.id, payable.amount, payable_id=payable.id)
    else:
        payable.open_amount = 0
    db.session.add(contra_of(ctx, payable, open_amount=0))
    record_event(
        ctx,
        invoice,
        "payable_claimed" if on_its_way else "payable_undone",
        reason=why,
        amount=payable.amount,
        supplier_id=payable.supplier_id,
    )
