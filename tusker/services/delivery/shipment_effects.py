"""What the news of a shipment, and the other conditions of financing, do to an invoice: the one place where the
delivery company moves money's way."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tusker.domain.credit.lifecycle import InvoiceEvent, InvoiceStatus
from tusker.domain.delivery.financeable import Condition, waits_for
from tusker.domain.delivery.shipments import ShipmentStatus
from tusker.domain.record.attention import AttentionKind
from tusker.extensions import db
from tusker.messages import say
from tusker.models import Invoice, Shipment
from tusker.queries.delivery.conditions import unready_ids
from tusker.services.attention import WATCH_JOB, open_invoice_item
from tusker.services.context import Context
from tusker.services.delivery.conditions import Judge, Pair, allowed, lock_pairs
from tusker.services.exposure import change_exposure
from tusker.services.loans.claims import claim_returned
from tusker.services.moves import move_invoice, write_changed
from tusker.transactions import after_commit

GONE = frozenset({ShipmentStatus.CANCELLED, ShipmentStatus.RETURNED})
"""The goods are not, or not any more, with the purchaser."""
DECIDED_BY_ADMIN = frozenset({Condition.NUMBER, Condition.PARCEL, Condition.VALUE})
"""Open conditions that an admin looks at, and may accept as they are."""
_CANCELLABLE = frozenset({InvoiceStatus.APPROVED, InvoiceStatus.FINANCEABLE})


@dataclass(frozen=True, slots=True)
class Effect:
    """What was done: whether the invoice moved, and the principal whose reservation the caller has to free.

    `claims` says that the invoice is paid out and its goods came back: the caller claims it.
    """

    moved: bool = False
    freed: int = 0
    claims: bool = False


NOTHING = Effect()


def apply_shipment_status(
    ctx: Context,
    invoice: Invoice,
    shipment: Shipment,
    judge: Judge,
    *,
    was_delivered: bool = False,
    reason: str = "",
) -> Effect:
    """Let a shipment and the other conditions act on its invoice; the caller holds both rows' locks.

    With all conditions an approved invoice becomes financeable; without one of them a financeable one is held. Goods
    that are gone end an invoice that is not bundled yet. One in a disbursal is left to `funding.control.settle`,
    which takes the disbursal's lock first. Freed reservations and claims are the caller's, for all invoices of a
    batch at once: the counters have a lock order.
    """
    status = InvoiceStatus(invoice.status)
    if shipment.status in GONE:
        return _lose(ctx, invoice, shipment, was_delivered=was_delivered)
    missing = judge.open_for(invoice, shipment)
    if missing and (status is InvoiceStatus.BUNDLED or not DECIDED_BY_ADMIN.isdisjoint(missing)):
        after_commit(WATCH_JOB)
    if status is InvoiceStatus.APPROVED and not missing:
        why = reason or say("The delivery company reported the delivery")
        move_invoice(ctx, invoice, InvoiceEvent.DELIVERED, reason=why[:500])
        invoice.financeable_at = ctx.now
        return Effect(moved=True)
    if status is InvoiceStatus.FINANCEABLE and missing:
        why = say("waits for {missing}", missing=waits_for(missing))
        move_invoice(ctx, invoice, InvoiceEvent.HELD, reason=why[:500])
        invoice.financeable_at = None
        return Effect(moved=True)
    return NOTHING


def _lose(ctx: Context, invoice: Invoice, shipment: Shipment, *, was_delivered: bool) -> Effect:
    """The goods came back or never left."""
    status = InvoiceStatus(invoice.status)
    said = say("The delivery company reported the shipment as {status}", status=shipment.status)
    if status is InvoiceStatus.BUNDLED:
        after_commit(WATCH_JOB)
        return NOTHING
    if status in {InvoiceStatus.DISBURSED, InvoiceStatus.WRITTEN_OFF}:
        return Effect(claims=True)
    if status not in _CANCELLABLE:
        return NOTHING
    move_invoice(ctx, invoice, InvoiceEvent.CANCELLED, reason=said, freed=invoice.principal)
    if was_delivered or status is InvoiceStatus.FINANCEABLE:
        open_invoice_item(
            ctx,
            AttentionKind.RETURNED_BEFORE_PAYOUT,
            invoice.id,
            say(
                "The delivery company reported the shipment as {status} after the delivery. The request "
                "was taken back and its amount is free again.",
                status=shipment.status,
            ),
            principal=invoice.principal,
        )
        after_commit(WATCH_JOB)
    return Effect(moved=True, freed=invoice.principal)


def settle_ids(ctx: Context, invoice_ids: Sequence[int]) -> list[int]:
    """Lock invoices that are in no disbursal and let their conditions act on them; returns which moved."""
    return settle_locked(ctx, lock_pairs(invoice_ids))


def settle_waiting(ctx: Context, invoice_ids: Collection[int]) -> None:
    """Locked invoices wait to be financed again: let the conditions act on those that do not meet all of them."""
    db.session.flush()
    if unready := unready_ids(allowed(), invoice_ids):
        settle_ids(ctx, unready)


def settle_locked(ctx: Context, pairs: Sequence[Pair], *, reason: str = "") -> list[int]:
    """`settle_ids` for locked invoices; `reason` says which condition came last, if not the delivery."""
    judge = Judge(pairs)
    effects = []
    for invoice, shipment in pairs:
        effect = apply_shipment_status(ctx, invoice, shipment, judge, was_delivered=True, reason=reason)
        if effect.moved and shipment.status in GONE:
            shipment.next_poll_at = None
        effects.append((invoice, effect))
    finish_effects(ctx, effects)
    return [invoice.id for invoice, effect in effects if effect.moved]


def finish_effects(ctx: Context, effects: Sequence[tuple[Invoice, Effect]]) -> None:
    """Write, claim and free what the effects on a batch of locked invoices leave to do, in the lock order."""
    write_changed([invoice for invoice, effect in effects if effect.moved])
    db.session.flush()
    claimed = [invoice for invoice, effect in effects if effect.claims]
    if claimed:
        claim_returned(ctx, claimed)
    change_exposure(
        ctx, "cancelled", [(invoice, -effect.freed) for invoice, effect in effects if effect.freed]
    )
