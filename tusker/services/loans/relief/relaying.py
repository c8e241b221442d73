"""Laying anew what was paid on a loan and waived of it, after its due date was moved or that was undone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from tusker.currency import currency
from tusker.domain.loans.allocation import Allocation as Split
from tusker.domain.loans.interest import Debt, overpaid_on
from tusker.domain.loans.relaying import Laid, lay_anew
from tusker.extensions import db
from tusker.messages import say
from tusker.models import Adjustment, AdjustmentKind, Allocation, Invoice, Loan, Receipt, Relief, ReliefKind
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.exposure import change_exposure
from tusker.services.loans.adjustments import adjust, undo_adjustments
from tusker.services.loans.debts import debt_of, load_reductions
from tusker.services.loans.payables import note_laid_anew
from tusker.services.loans.receipt_rows import note_freed
from tusker.services.loans.receipts.booking import allocate_part, undo_allocation
from tusker.services.loans.receipts.recording import usable_credit
from tusker.services.locks import lock_rows

Cause = TypeVar("Cause", Allocation, Relief)


@dataclass(frozen=True, slots=True)
class _Piece(Generic[Cause]):
    """A payment as it came or a waiver as it was granted, as it stands now, and the row that carries that."""

    of: Cause
    came: Laid
    stands: Laid
    row: Allocation | Adjustment | None

    def is_as(self, made: Laid) -> bool:
        """Whether it stands as it is to be laid."""
        return (self.stands.split, self.stands.rounded) == (made.split, made.rounded)


Pieces = Sequence[_Piece[Allocation] | _Piece[Relief]]


def lay_loan_anew(ctx: Context, loan: Loan, invoice: Invoice, before: Debt, why: str) -> None:
    """The due date of a locked loan, whose rows are read, was moved, or moved back: where more was paid or waived than
    arises by it, and where that was so by the date before, payments are laid as if this date had stood when they came,
    and of waivers counts what arises.

    What a payment leaves is its payer's credit, or of the face value the supplier's; what it needs again comes from
    there, as far as a credit was not used meanwhile. `before` is the debt as it stood.
    """
    debt = debt_of(loan, invoice)
    pieces: Pieces = sorted(
        (*_payments(loan), *_waivers(loan)),
        key=lambda piece: (piece.came.value_date, not piece.came.waived, piece.of.id),
    )
    if overpaid_on(debt, before) is None and all(piece.is_as(piece.came) for piece in pieces):
        return
    laid = lay_anew(debt, _as_far_as_there(pieces, loan, invoice))
    changed = [(piece, made) for piece, made in zip(pieces, laid, strict=True) if not piece.is_as(made)]
    was_open = loan.open_principal
    # All of them are taken back before any is written again, so that never more is paid than was lent.
    for piece, _ in changed:
        if isinstance(piece.row, Allocation):
            with_it = [row for row in loan.standing_adjustments if row.allocation_id == piece.row.id]
            undo_adjustments(ctx, loan, with_it, why)
            undo_allocation(ctx, piece.row, loan, laid_from_id=piece.of.id)
        elif piece.row is not None:
            undo_adjustments(ctx, loan, [piece.row], why)
    db.session.flush()
    for piece, made in changed:
        if isinstance(piece.of, Relief):
            _count(ctx, loan, invoice, piece.of, made, why)
        else:
            _lay(ctx, loan, invoice, piece.of, piece.stands.split, made, why)
    db.session.flush()
    load_reductions([loan])
    change_exposure(ctx, "laid_anew", [(invoice, loan.open_principal - was_open)])


def _payments(loan: Loan) -> Iterator[_Piece[Allocation]]:
    """What was paid and not undone, also where nothing of it is left on the loan now because it was laid again."""
    rows = {row.laid_from_id or row.id: row for row in loan.allocations if row.reverses_id is None}
    contras = {row.reverses_id: row for row in loan.allocations if row.reverses_id is not None}
    for came in loan.allocations:
        if came.id in rows:
            row, contra = rows[came.id], contras.get(rows[came.id].id)
            if contra is None:
                yield _Piece(came, _paid_by(loan, came, came), _paid_by(loan, row, came), row)
            elif contra.laid_from_id is not None:
                yield _Piece(came, _paid_by(loan, came, came), _paid_by(loan, None, came), None)


def _paid_by(loan: Loan, row: Allocation | None, came: Allocation) -> Laid:
    """What a row pays with what was rounded off with it; nothing where there is none of a payment that `came`."""
    if row is None:
        return Laid(came.value_date, _nothing(loan))
    rounding = [
        each
        for each in loan.adjustments
        if (each.allocation_id, each.kind, each.reverses_id) == (row.id, AdjustmentKind.ROUNDING, None)
    ]
    return Laid(row.value_date, _split(loan, row), rounded=_split(loan, rounding[0]) if rounding else None)


def _waivers(loan: Loan) -> Iterator[_Piece[Relief]]:
    standing = {row.id: row for row in loan.standing_adjustments}
    for relief in loan.reliefs:
        if relief.kind == ReliefKind.WAIVER and relief.stands and relief.value_date is not None:
            row = standing.get(relief.adjustment_id or 0)
            granted = Split(loan.id, relief.penalty, relief.fee, relief.interest, 0)
            counts = _nothing(loan) if row is None else _split(loan, row)
            day = relief.value_date
            yield _Piece(relief, Laid(day, granted, waived=True), Laid(day, counts, waived=True), row)


def _nothing(loan: Loan) -> Split:
    return Split(loan.id, 0, 0, 0, 0)


def _split(loan: Loan, row: Allocation | Adjustment) -> Split:
    return Split(loan.id, row.penalty, row.fee, row.interest, row.principal)


def _as_far_as_there(pieces: Pieces, loan: Loan, invoice: Invoice) -> Iterator[Laid]:
    """The pieces as they came. Of a payment that is laid on less now no more can be laid again than its payer has left
    of it as credit; what it left of the face value is the supplier's and always comes back."""
    short = {
        piece.of.receipt_id
        for piece in pieces
        if isinstance(piece.of, Allocation) and piece.stands.split.total < piece.came.split.total
    }
    left = {
        receipt.id: max(0, usable_credit(receipt)) for receipt in lock_rows(Receipt, Receipt.id.in_(short))
    }
    for piece in pieces:
        lacking = piece.came.split.total - piece.stands.split.total
        if isinstance(piece.of, Relief) or lacking <= 0 or _is_of_face(loan, invoice, piece.of.receipt):
            yield piece.came
        else:
            more = min(lacking, left[piece.of.receipt_id])
            left[piece.of.receipt_id] -= more
            yield replace(piece.came, most=piece.stands.split.total + more)


def _is_of_face(loan: Loan, invoice: Invoice, receipt: Receipt) -> bool:
    return loan.face_open is not None and receipt.customer_id == invoice.purchaser_id


def _lay(
    ctx: Context, loan: Loan, invoice: Invoice, came: Allocation, was: Split, made: Laid, why: str
) -> None:
    receipt, left = came.receipt, was.total - made.split.total
    if made.split.total:
        again = allocate_part(ctx, receipt, made.split, loan, came.value_date)
        again.laid_from_id = came.id
        if made.rounded is not None:
            kind, reason = (
                AdjustmentKind.ROUNDING,
                say("paid with {reference}", reference=receipt.bank_reference),
            )
            adjust(ctx, loan, kind, made.rounded, came.value_date, reason, allocation=again)
    if loan.face_open is not None:
        note_laid_anew(ctx, receipt, invoice, was, made.split, came.value_date, why)
    elif left > 0:
        note_freed(ctx, receipt, invoice.number, left, why)
    record_event(
        ctx,
        invoice,
        "payment_laid_anew",
        from_value=invoice.status,
        to_value=invoice.status,
        reason=f"{receipt.bank_reference}: {why}",
        amount=made.split.total,
        left=left,
    )


def _count(ctx: Context, loan: Loan, invoice: Invoice, relief: Relief, made: Laid, why: str) -> None:
    """Of a waiver counts another part from now on."""
    before, relief.gives_up = relief.gives_up, made.split.total
    if made.split.total:
        relief.adjustment = adjust(
            ctx, loan, AdjustmentKind.WAIVER, made.split, made.value_date, relief.reason
        )
    record_event(
        ctx,
        invoice,
        "waiver_reduced" if relief.gives_up < before else "waiver_restored",
        from_value=currency().show(before),
        to_value=currency().show(relief.gives_up),
        reason=why,
        amount=relief.gives_up,
    )
