"""Laying anew what was paid on a loan and waived of it, after its due date was moved."""

from __future__ import annotations

from tusker.domain.allocation import Allocation as Split
from tusker.domain.interest import Debt, overpaid_on
from tusker.domain.relaying import Laid, lay_anew
from tusker.extensions import db
from tusker.models import Adjustment, AdjustmentKind, Allocation, Invoice, Loan, Relief, ReliefState
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.exposure import change_exposure
from tusker.services.loans.adjustments import adjust, undo_adjustments
from tusker.services.loans.debts import debt_of, load_reductions
from tusker.services.loans.payables import note_laid_anew
from tusker.services.loans.receipts.booking import allocate_part, undo_allocation
from tusker.services.loans.relief.effects import note_relief
from tusker.services.locks import lock_row

Row = Allocation | Adjustment


def lay_loan_anew(ctx: Context, loan: Loan, invoice: Invoice, before: Debt, why: str) -> None:
    """The due date of a locked loan, whose rows are read, was moved: where more was paid or waived than arises by it,
    payments are laid again as if it had been so when they came, and waivers are reduced.

    What a payment leaves then is its payer's credit; of the face value it is the supplier's. `before` is the debt as it
    stood.
    """
    debt = debt_of(loan, invoice)
    if overpaid_on(debt, before) is None:
        return
    rounded = {row.allocation_id: row for row in loan.standing_adjustments if row.allocation_id is not None}
    rows: list[Row] = sorted(
        (row for row in loan.standing if row not in rounded.values()),
        key=lambda row: (row.value_date, isinstance(row, Allocation), row.id),
    )
    laid = [_laid(row, rounded.get(row.id) if isinstance(row, Allocation) else None) for row in rows]
    changed = [
        (row, was, made)
        for row, was, made in zip(rows, laid, lay_anew(debt, laid), strict=True)
        if was != made
    ]
    was_open = loan.open_principal
    # All of them are taken back before any is written again, so that never more is paid than was lent.
    for row, was, made in changed:
        if isinstance(row, Adjustment):
            undo_adjustments(ctx, loan, [row], why)
            continue
        if was.rounded is not None:
            undo_adjustments(ctx, loan, [rounded[row.id]], why)
        if was.split != made.split:
            undo_allocation(ctx, row, loan)
    db.session.flush()
    for row, was, made in changed:
        if isinstance(row, Adjustment):
            _reduce(ctx, loan, invoice, row, made, why)
        elif was.split != made.split:
            _lay(ctx, loan, invoice, row, made, why)
    db.session.flush()
    load_reductions([loan])
    change_exposure(ctx, "laid_anew", [(invoice, loan.open_principal - was_open)])


def _laid(row: Row, rounded: Adjustment | None) -> Laid:
    return Laid(
        row.value_date,
        _split(row),
        rounded=None if rounded is None else _split(rounded),
        waived=isinstance(row, Adjustment),
    )


def _split(row: Row) -> Split:
    return Split(row.loan_id, row.penalty, row.fee, row.interest, row.principal)


def _lay(ctx: Context, loan: Loan, invoice: Invoice, row: Allocation, made: Laid, why: str) -> None:
    receipt, left = row.receipt, row.total - made.split.total
    if made.split.total:
        again = allocate_part(ctx, receipt, made.split, loan, row.value_date)
        if made.rounded is not None:
            kind, reason = AdjustmentKind.ROUNDING, f"paid with {receipt.bank_reference}"
            adjust(ctx, loan, kind, made.rounded, row.value_date, reason, allocation=again)
    if loan.face_open is not None:
        note_laid_anew(ctx, receipt, invoice, _split(row), made.split, row.value_date)
    elif left:
        record_event(
            ctx,
            "customer",
            receipt.customer_id,
            "payment_freed",
            to_value=invoice.number,
            reason=f"{receipt.bank_reference}: {why}",
            amount=left,
        )
    record_event(
        ctx,
        "invoice",
        invoice.id,
        "payment_laid_anew",
        from_value=invoice.status,
        to_value=invoice.status,
        reason=f"{receipt.bank_reference}: {why}",
        amount=made.split.total,
        left=left,
    )


def _reduce(ctx: Context, loan: Loan, invoice: Invoice, row: Adjustment, made: Laid, why: str) -> None:
    relief = lock_row("waiver", Relief, Relief.adjustment_id == row.id)
    relief.state, relief.undone_on, relief.decision_reason = ReliefState.UNDONE, ctx.today, why
    note_relief(ctx, relief, ReliefState.UNDONE, why, invoice_id=invoice.id)
    if not made.split.total:
        return
    again = adjust(ctx, loan, AdjustmentKind.WAIVER, made.split, row.value_date, relief.reason)
    db.session.flush()
    reduced = Relief(
        loan_id=loan.id,
        kind=relief.kind,
        state=ReliefState.ACCEPTED,
        penalty=made.split.penalty,
        fee=made.split.fee,
        interest=made.split.interest,
        value_date=row.value_date,
        gives_up=made.split.total,
        reason=relief.reason,
        second_admin=relief.second_admin,
        proposed_at=relief.proposed_at,
        proposed_by=relief.proposed_by,
        decided_at=ctx.now,
        decided_by=ctx.actor_id,
        booked_on=ctx.today,
        adjustment_id=again.id,
    )
    db.session.add(reduced)
    note_relief(ctx, reduced, ReliefState.ACCEPTED, why, invoice_id=invoice.id)
