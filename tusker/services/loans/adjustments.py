"""What changes a debt without money: rows that lower what is owed as payments do, and their contra rows."""

from collections.abc import Iterable
from datetime import date

from tusker.domain.loans.allocation import Allocation as Split
from tusker.domain.loans.interest import AmountDue, parts_of
from tusker.extensions import db
from tusker.models import Adjustment, AdjustmentKind, Allocation, Loan
from tusker.services.context import Context
from tusker.services.loans.contra import contra_of


def adjust(
    ctx: Context,
    loan: Loan,
    kind: AdjustmentKind,
    parts: Split | AmountDue,
    value_date: date,
    reason: str,
    *,
    allocation: Allocation | None = None,
) -> Adjustment:
    """Lower what is owed on a locked loan by some parts, and its open principal by theirs; a recovery names the
    allocation that it balances.

    Exposure, the loan's end and the event are the caller's. Nothing is flushed.
    """
    row = Adjustment(
        loan_id=loan.id,
        kind=kind,
        allocation=allocation,
        value_date=value_date,
        booked_on=ctx.today,
        **parts_of(parts),
        reason=reason,
        recorded_at=ctx.now,
        recorded_by=ctx.actor_id,
    )
    loan.open_principal -= parts.principal
    db.session.add(row)
    return row


def undo_adjustments(ctx: Context, loan: Loan, rows: Iterable[Adjustment], reason: str) -> int:
    """Write the contra rows of adjustments of a locked loan; returns the principal that is open again, in minor units.

    Exposure, the loan's status and the event are the caller's. Nothing is flushed.
    """
    opened = 0
    for row in rows:
        opened += row.principal
        db.session.add(contra_of(ctx, row, reason=reason))
    loan.open_principal += opened
    return opened
