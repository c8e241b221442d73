"""The part of an invoice that was not advanced: held at the payout, released when the purchaser has paid."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import case, func, select, text

from tusker.extensions import db
from tusker.models import Invoice, ReserveKind, ReserveMovement
from tusker.queries.sums import sum_of
from tusker.services.context import Context


def reserve_left(invoice_id: int) -> int:
    """What of an invoice's reserve is held: neither released nor consumed, in minor units."""
    return reserves_left([invoice_id]).get(invoice_id, 0)


def reserves_left(invoice_ids: Collection[int]) -> dict[int, int]:
    """What is held of several invoices' reserves, in minor units by invoice id; those without movements are missing."""
    if not invoice_ids:
        return {}
    signed = case(
        (ReserveMovement.kind == ReserveKind.HELD, ReserveMovement.amount), else_=-ReserveMovement.amount
    )
    rows = db.session.execute(
        select(ReserveMovement.invoice_id, func.sum(signed))
        .where(ReserveMovement.invoice_id.in_(invoice_ids))
        .group_by(ReserveMovement.invoice_id)
    )
    return {invoice_id: int(total) for invoice_id, total in rows}


def consumed_by(receipt_id: int, invoice_id: int) -> int:
    """What of an invoice's reserve the charges took that a receipt paid, in minor units."""
    return sum_of(
        ReserveMovement.amount,
        ReserveMovement.invoice_id == invoice_id,
        ReserveMovement.receipt_id == receipt_id,
        ReserveMovement.kind == ReserveKind.CONSUMED,
    )


def move_reserve(
    ctx: Context, invoice_id: int, kind: ReserveKind, amount: int, reason: str, receipt_id: int | None = None
) -> None:
    """Write one movement; nothing for an amount of zero. One that follows from a receipt is undone with it."""
    if amount:
        db.session.add(
            ReserveMovement(
                invoice_id=invoice_id,
                kind=kind,
                amount=amount,
                at=ctx.now,
                booked_on=ctx.today,
                reason=reason[:500],
                receipt_id=receipt_id,
            )
        )


_RELEASE = text(
    """
    INSERT INTO reserve_movements (invoice_id, kind, amount, at, booked_on, reason)
    SELECT p.id, 'released', sum(CASE WHEN m.kind = 'held' THEN m.amount ELSE -m.amount END), :now, :today, p.reason
    FROM unnest(CAST(:ids AS bigint[]), CAST(:reasons AS text[])) AS p (id, reason)
    JOIN reserve_movements m ON m.invoice_id = p.id
    GROUP BY p.id, p.reason HAVING sum(CASE WHEN m.kind = 'held' THEN m.amount ELSE -m.amount END) <> 0
    """
)


def release_reserves(ctx: Context, reasons: Mapping[int, str]) -> None:
    """When debts are paid: what is left of the reserves is the supplier's. Reasons by invoice id."""
    if reasons:
        db.session.flush()
        told = [reason[:500] for reason in reasons.values()]
        db.session.execute(
            _RELEASE, {"ids": list(reasons), "reasons": told, "now": ctx.now, "today": ctx.today}
        )


def take_back_release(ctx: Context, invoice: Invoice, reason: str) -> None:
    """When a debt opens again: its released reserve counts as held again."""
    of_it = ReserveMovement.invoice_id == invoice.id
    released = sum_of(ReserveMovement.amount, of_it, ReserveMovement.kind == ReserveKind.RELEASED)
    move_reserve(ctx, invoice.id, ReserveKind.RELEASED, -released, reason)


_UNDO_RECEIPT = text(
    """
    INSERT INTO reserve_movements (invoice_id, kind, amount, at, booked_on, reason, receipt_id)
    SELECT invoice_id, kind, -sum(amount), :now, :today, :reason, receipt_id FROM reserve_movements
    WHERE receipt_id = :receipt_id GROUP BY invoice_id, kind, receipt_id HAVING sum(amount) <> 0
    """
)


def undo_reserve_of(ctx: Context, receipt_id: int, reason: str) -> None:
    """A receipt is undone: what it moved in reserves is moved back."""
    db.session.flush()
    db.session.execute(
        _UNDO_RECEIPT, {"receipt_id": receipt_id, "now": ctx.now, "today": ctx.today, "reason": reason[:500]}
    )


_UNDO_HOLDS = text(
    """
    INSERT INTO reserve_movements (invoice_id, kind, amount, at, booked_on, reason, receipt_id)
    SELECT invoice_id, kind, -sum(amount), :now, :today, :reason, receipt_id FROM reserve_movements
    WHERE invoice_id = ANY(:ids) GROUP BY invoice_id, kind, receipt_id HAVING sum(amount) <> 0
    """
)


def undo_holds(ctx: Context, invoice_ids: Sequence[int], reason: str) -> None:
    """When payouts are undone: nothing is held any more; what was consumed or released of it is undone with it."""
    db.session.flush()
    db.session.execute(
        _UNDO_HOLDS,
        {"ids": list(invoice_ids), "now": ctx.now, "today": ctx.today, "reason": reason[:500]},
    )
