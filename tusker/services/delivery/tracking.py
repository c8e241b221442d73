"""Recording tracking news from delivery companies: lock, re-check, transition, record."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, tuple_

from tusker.carriers.registry import MANUAL
from tusker.currency import currency
from tusker.domain.approval import Shown
from tusker.domain.credit.lifecycle import RESERVING, InvoiceStatus
from tusker.domain.delivery.shipments import ShipmentStatus, TrackedOrder, next_poll_after
from tusker.domain.texts import city_name
from tusker.errors import Conflict, IllegalTransition
from tusker.extensions import db
from tusker.messages import say
from tusker.models import CarrierState, Invoice, Shipment
from tusker.services.context import Context
from tusker.services.delivery.conditions import Judge
from tusker.services.delivery.shipment_effects import (
    NOTHING,
    Effect,
    apply_shipment_status,
    finish_effects,
    settle_locked,
)
from tusker.services.delivery.tracking_history import keep_documents, keep_events
from tusker.services.events import record_event
from tusker.services.locks import lock_invoice, lock_rows
from tusker.services.moves import write_changed
from tusker.services.proposals import needs_second
from tusker.services.reasons import reason_of
from tusker.services.seen import Seen, check_seen

_chance = random.SystemRandom().random


def record_tracking(
    ctx: Context,
    answers: Mapping[int, TrackedOrder | None],
    *,
    minimum_interval: timedelta,
    asked: bool = True,
) -> list[int]:
    """Store what the carrier said about shipments, and move their invoices.

    `answers` maps shipment ids to orders; None says that the carrier does not know the order (any more). Every
    raw event of its history is kept once. What is news (`domain.shipments.Told`) acts on the invoice through
    `apply_shipment_status`; asked twice, late or reordered, nothing moves twice or back. `asked` is false for
    what the carrier told by itself. Returns ids of invoices that moved.
    """
    locked = _lock_shipments(list(answers))
    told = {shipment_id: order and order.as_of(ctx.now) for shipment_id, order in answers.items()}
    heard = [(shipment, order) for shipment, _ in locked if (order := told[shipment.id]) is not None]
    judge = Judge([(invoice, shipment) for shipment, invoice in locked])
    effects: list[tuple[Invoice, Effect]] = []
    # All rows are locked and loaded: written together at the end, not one by one in front of each statement.
    with db.session.no_autoflush:
        for shipment, invoice in locked:
            known = shipment.status
            effect = _record_answer(ctx, judge, invoice, shipment, told[shipment.id], asked=asked)
            effects.append((invoice, effect))
            due = shipment.next_poll_at
            if asked or effect.moved or shipment.status != known or due is None:
                _set_next_poll(ctx, invoice, shipment, minimum_interval)
                if not asked and due is not None and shipment.next_poll_at is not None:
                    # Webhooks may come often: they must not postpone the next poll.
                    shipment.next_poll_at = min(due, shipment.next_poll_at)
        write_changed([shipment for shipment, _ in locked])
        keep_events(ctx, heard)
        keep_documents(heard)
    finish_effects(ctx, effects)
    return [invoice.id for invoice, effect in effects if effect.moved]


def record_poll_failure(
    ctx: Context,
    shipment_ids: Sequence[int],
    error: str,
    *,
    minimum_interval: timedelta,
    whole_carrier: bool = False,
) -> None:
    """No answer about these: ask again later, further apart with each failure in a row of their own.

    What fails the `whole_carrier` (no connection, a refused key) is not theirs, unless it has answered about others
    since they began to fail.
    """
    locked = _lock_shipments(shipment_ids)
    answered = _last_answers({shipment.carrier for shipment, _ in locked}) if whole_carrier else {}
    for shipment, invoice in locked:
        shipment.failing_since = shipment.failing_since or ctx.now
        last = answered.get(shipment.carrier)
        if not whole_carrier or (last is not None and last > shipment.failing_since):
            shipment.poll_failures += 1
        shipment.last_error = error[:500]
        _set_next_poll(ctx, invoice, shipment, minimum_interval, wanted=True)
    db.session.flush()


def _last_answers(carriers: Iterable[str]) -> Mapping[str, datetime | None]:
    """When each delivery company last answered anything."""
    states = select(CarrierState.carrier, CarrierState.last_success_at).where(
        CarrierState.carrier.in_(set(carriers))
    )
    return {row.carrier: row.last_success_at for row in db.session.execute(states)}


@dataclass(frozen=True, slots=True)
class Meant:
    """The shipments that orders are about: `certain` ones by id, and ids of those that `may_be` meant."""

    certain: Mapping[int, TrackedOrder]
    may_be: Sequence[int]


def shipments_of_orders(carrier: str, orders: Iterable[TrackedOrder]) -> Meant:
    """The shipments that orders of a carrier are about; a reference under an alias counts too.

    One that was stored as a bare number may be another courier's parcel than the one that is told of.
    """
    by_ref = {ref: order for order in orders for ref in (*order.aliases, order.ref)}
    rows = db.session.execute(
        select(Shipment.id, Shipment.order_ref)
        .join(Invoice, Invoice.id == Shipment.invoice_id)
        .where(
            tuple_(Shipment.carrier, Shipment.order_ref).in_([(carrier, ref) for ref in by_ref]),
            Invoice.status != InvoiceStatus.REJECTED,
        )
        .order_by(Shipment.id)
    ).all()
    bare = {row.id for row in rows if by_ref[row.order_ref].ref.endswith(f"/{row.order_ref}")}
    return Meant({row.id: by_ref[row.order_ref] for row in rows if row.id not in bare}, sorted(bare))


def shown_by_hand(invoice: Invoice) -> Shown:
    """An invoice whose delivery is reported by hand, as its page shows it."""
    show = currency().show
    owed = show(invoice.amount - invoice.credit_noted)
    return Shown(
        say("Delivery of {number}", number=invoice.number),
        say("{owed} to be paid, {principal} lent", owed=owed, principal=show(invoice.principal)),
    )


@needs_second(say("Report a delivery by hand"), "invoice")
def report_delivery(ctx: Context, invoice_id: int, *, reason: str, seen: Seen = None) -> Invoice:
    """An admin reports the delivery of an invoice that no delivery company tracks; the reason is the evidence.

    Raises `Changed` unless it is the invoice that was `seen`.
    """
    why = reason_of(reason)
    invoice = lock_invoice(invoice_id)
    shipment = db.session.scalars(select(Shipment).where(Shipment.invoice_id == invoice_id)).one()
    if shipment.carrier != MANUAL:
        raise Conflict("The delivery company reports this delivery; it cannot be entered by hand.")
    if invoice.status != InvoiceStatus.APPROVED or shipment.status == ShipmentStatus.DELIVERED:
        raise IllegalTransition("The delivery of this invoice cannot be reported (any more).")
    check_seen(seen, [shown_by_hand(invoice)], whole=False)
    known, shipment.status = shipment.status, ShipmentStatus.DELIVERED
    shipment.told_status = ShipmentStatus.DELIVERED
    shipment.status_changed_at, shipment.next_poll_at = ctx.now, None
    if not settle_locked(ctx, [(invoice, shipment)], reason=why):
        # Other conditions are open, but the evidence is still recorded.
        record_event(ctx, invoice, "shipment", from_value=known, to_value=shipment.status, reason=why)
    return invoice


def _lock_shipments(shipment_ids: Sequence[int]) -> list[tuple[Shipment, Invoice]]:
    """The shipments with their invoices, which are locked first, as the lock order has it."""
    chosen = Shipment.id.in_(shipment_ids)
    invoices = lock_rows(Invoice, Invoice.id.in_(select(Shipment.invoice_id).where(chosen)))
    by_id = {invoice.id: invoice for invoice in invoices}
    shipments = lock_rows(Shipment, chosen)
    return [(shipment, by_id[shipment.invoice_id]) for shipment in shipments]


def _record_answer(
    ctx: Context,
    judge: Judge,
    invoice: Invoice,
    shipment: Shipment,
    order: TrackedOrder | None,
    *,
    asked: bool,
) -> Effect:
    """Take one answer over into its locked shipment and let it act on the invoice."""
    if asked:
        shipment.last_polled_at = ctx.now
    if order is None:
        shipment.poll_failures += 1
        shipment.failing_since = shipment.failing_since or ctx.now
        shipment.last_error = say("The delivery company does not know this order.")
        return NOTHING
    shipment.poll_failures = 0
    shipment.failing_since = None
    shipment.last_error = None
    was_delivered = shipment.status == ShipmentStatus.DELIVERED
    revalued = _take_value(ctx, shipment, order) | _take_cities(shipment, order)
    if not _take_over(ctx, shipment, order, asked=asked) and not revalued:
        return NOTHING
    return apply_shipment_status(ctx, invoice, shipment, judge, was_delivered=was_delivered)


def _take_value(ctx: Context, shipment: Shipment, order: TrackedOrder) -> bool:
    """Keep another declared value than the known one, unless these are late news; whether it was another."""
    known_at = shipment.told.shown_at
    if order.declared_value is None or order.declared_value == shipment.declared_value:
        return False
    if known_at is not None and order.updated_at is not None and order.updated_at < known_at:
        return False
    shipment.declared_value, shipment.declared_at = order.declared_value, ctx.now
    return True


def _take_cities(shipment: Shipment, order: TrackedOrder) -> bool:
    """Keep the parcel's cities as far as they are told; whether one is another than the known."""
    before = shipment.way
    shipment.from_city = city_name(order.from_city or "")[:120] or shipment.from_city
    shipment.to_city = city_name(order.to_city or "")[:120] or shipment.to_city
    return shipment.way != before


def _take_over(ctx: Context, shipment: Shipment, order: TrackedOrder, *, asked: bool) -> bool:
    """Set the shipment to the order's status; False when nothing changed."""
    known = ShipmentStatus(shipment.status)
    told = shipment.told.hear(order.status, order.updated_at, asked=asked)
    shipment.told_status, shipment.told_at, shipment.unclear_at = told.status, told.at, told.unclear_at
    if told.shown == known:
        if order.status == known and order.updated_at == told.shown_at:
            shipment.raw_status, shipment.eta = order.raw_status, order.eta
            shipment.status_occurred_at = told.shown_at or order.near
        return False
    shipment.status, shipment.raw_status, shipment.eta = told.shown, order.raw_status, order.eta
    shipment.status_changed_at, shipment.status_occurred_at = ctx.now, told.shown_at or order.near
    record_event(
        ctx,
        ("invoice", shipment.invoice_id),
        "shipment",
        from_value=known,
        to_value=told.shown,
        reason=say("{carrier} said {raw_status}", carrier=shipment.carrier, raw_status=order.raw_status)[
            :500
        ],
        **({"signed_by": order.signed_by[:120]} if order.signed_by else {}),
    )
    return True


def _set_next_poll(
    ctx: Context, invoice: Invoice, shipment: Shipment, minimum_interval: timedelta, *, wanted: bool = False
) -> None:
    """Say when to ask next; never again for an invoice that does not stand any more, as one that was cancelled while
    its answer was underway. `wanted`: after a final status too, since the look at it failed."""
    if invoice.status not in RESERVING:
        shipment.next_poll_at = None
        return
    shipment.next_poll_at = next_poll_after(
        ShipmentStatus(shipment.status),
        shipment.poll_failures,
        ctx.now,
        minimum=minimum_interval,
        chance=_chance(),
        wanted=wanted,
    )
