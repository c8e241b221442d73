"""Payables on their way out: each is a line of the next disbursal, paid with its supplier's payout."""

from collections.abc import Collection, Iterable

from sqlalchemy import ColumnElement, select, text

from tusker.errors import Conflict, NotFound
from tusker.extensions import db
from tusker.messages import say
from tusker.models import Customer, Disbursal, LineState, Payable, PayableLine, Payout
from tusker.queries.sums import sum_of
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.locks import lock_rows

# Every open payable that is in no live disbursal, but those of suppliers that an admin has on hold; one that was taken
# out of this one before comes back.
_TAKE = text(
    """
    WITH free AS (
        SELECT p.id, p.open_amount FROM payables p
        WHERE p.open_amount > 0
          AND NOT EXISTS (SELECT 1 FROM payable_lines l WHERE l.payable_id = p.id AND l.state <> 'removed')
          AND NOT EXISTS (SELECT 1 FROM customers c WHERE c.id = p.supplier_id AND c.held_since IS NOT NULL)
        ORDER BY p.id FOR NO KEY UPDATE OF p
    )
    INSERT INTO payable_lines (disbursal_id, payable_id, amount, state)
    SELECT :disbursal_id, id, open_amount, 'included' FROM free ORDER BY id
    RETURNING amount
    """
)


def payables_wait() -> bool:
    """Whether a payable is open that no live disbursal has, of a supplier that no admin has on hold."""
    live = select(PayableLine.id).where(
        PayableLine.payable_id == Payable.id, PayableLine.state != LineState.REMOVED
    )
    held = select(Customer.id).where(Customer.id == Payable.supplier_id, Customer.held_since.is_not(None))
    waiting = select(Payable.id).where(Payable.open_amount > 0, ~live.exists(), ~held.exists()).limit(1)
    return db.session.scalar(waiting) is not None


def take_payables(disbursal: Disbursal) -> int:
    """Put every payable that waits into a new draft; returns their sum in minor units."""
    db.session.flush()
    return sum(db.session.scalars(_TAKE, {"disbursal_id": disbursal.id}))


def payable_lines(*conditions: ColumnElement[bool]) -> list[tuple[Payable, PayableLine]]:
    """The payables of the lines that meet all conditions, with the lines, by payable. Payables are locked first."""
    chosen = db.session.scalars(select(PayableLine.payable_id).where(*conditions)).all()
    if not chosen:
        return []
    payables = lock_rows(Payable, Payable.id.in_(chosen))
    lines = {line.payable_id: line for line in lock_rows(PayableLine, *conditions)}
    return [(payable, lines[payable.id]) for payable in payables if payable.id in lines]


def _lines_of(
    payouts: Collection[Payout], *conditions: ColumnElement[bool]
) -> list[tuple[Payable, PayableLine]]:
    """The same of the lines of payouts; nothing is asked where none of them passes something on."""
    passing = [payout.id for payout in payouts if payout.payables]
    return payable_lines(PayableLine.payout_id.in_(passing), *conditions) if passing else []


def included_payables(disbursal_id: int) -> list[tuple[Payable, PayableLine]]:
    """What a disbursal is to pass on."""
    return payable_lines(PayableLine.disbursal_id == disbursal_id, PayableLine.state == LineState.INCLUDED)


def payables_left(disbursal_id: int) -> int:
    """The sum of a disbursal's payables that are not removed, in minor units."""
    not_removed = PayableLine.state != LineState.REMOVED
    return sum_of(PayableLine.amount, PayableLine.disbursal_id == disbursal_id, not_removed)


def remove_payables(lines: Iterable[tuple[Payable, PayableLine]], reason: str) -> None:
    """Take locked lines out of their disbursal: their payables wait for the next one."""
    for payable, line in lines:
        if line.state == LineState.PAID:
            payable.open_amount += line.amount
        line.state, line.reason, line.booked_on = LineState.REMOVED, reason[:500], None
    db.session.flush()


def pay_payables(ctx: Context, payouts: Collection[Payout]) -> None:
    """Locked payouts left: what they were to pass on is paid."""
    for payable, line in _lines_of(payouts, PayableLine.state == LineState.INCLUDED):
        line.state, line.booked_on = LineState.PAID, ctx.today
        payable.open_amount -= line.amount
        record_event(
            ctx,
            ("invoice", payable.invoice_id),
            "passed_on",
            reason=say("with disbursal {disbursal_id}", disbursal_id=line.disbursal_id),
            amount=line.amount,
            supplier_id=payable.supplier_id,
        )
    db.session.flush()


def fail_payables(payouts: Collection[Payout], why: str) -> None:
    """Locked payouts were not made, or came back: what they passed on waits for the next disbursal."""
    remove_payables(_lines_of(payouts, PayableLine.state != LineState.REMOVED), why)


def reinstate_payables(payout: Payout) -> None:
    """A locked payout is made after all: what it was to pass on is in it again. Raises `Conflict` when some of that
    went another way meanwhile."""
    for payable, line in _lines_of([payout]):
        elsewhere = select(PayableLine.id).where(
            PayableLine.payable_id == payable.id, PayableLine.state != LineState.REMOVED
        )
        if payable.open_amount != line.amount or db.session.scalar(elsewhere.limit(1)) is not None:
            raise Conflict(
                "What {reference} was to pass on has changed since; if the money left anyway, mark it as "
                "paid after all.",
                reference=payout.reference,
            )
        line.state, line.reason = LineState.INCLUDED, None
    db.session.flush()


def take_out_payable(ctx: Context, disbursal_id: int, payable_id: int, *, reason: str) -> PayableLine:
    """Hold one payable back from a locked draft; it waits for the next disbursal."""
    found = payable_lines(
        PayableLine.disbursal_id == disbursal_id,
        PayableLine.payable_id == payable_id,
        PayableLine.state == LineState.INCLUDED,
    )
    if not found:
        raise NotFound("This is not in the disbursal any more.")
    remove_payables(found, reason)
    payable, line = found[0]
    record_event(ctx, ("invoice", payable.invoice_id), "held_back", reason=reason, amount=line.amount)
    return line
