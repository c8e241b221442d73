"""Conditions of financing against invoices in disbursals, and everything that has to be looked at again in time."""

from datetime import datetime, timedelta

from sqlalchemy import select, text

from tusker.currency import currency
from tusker.domain.approval import Shown
from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.domain.delivery.financeable import Condition, waits_for
from tusker.errors import Conflict
from tusker.extensions import db
from tusker.messages import say, show_day
from tusker.models import Disbursal, DisbursalLine, DisbursalStatus, Invoice, LineState, Shipment
from tusker.queries.delivery.conditions import looks_like
from tusker.services.attention import WATCH_JOB
from tusker.services.context import Context
from tusker.services.delivery.conditions import Judge, lock_pairs
from tusker.services.delivery.shipment_effects import GONE, settle_locked
from tusker.services.events import record_event
from tusker.services.locks import lock_disbursal
from tusker.services.payout.disbursals.drafts import take_out_of_locked
from tusker.services.payout.release.approval import withdraw_from_locked
from tusker.services.proposals import needs_second
from tusker.services.reasons import reason_of
from tusker.services.seen import Seen, check_seen
from tusker.transactions import after_commit

WATCH_RETURNS = timedelta(days=30)
"""For so long after a delivery the delivery company is asked once a day whether the goods came back."""


def lock_with_disbursal(invoice_id: int) -> tuple[Disbursal | None, Invoice, Shipment]:
    """An invoice and its shipment, the disbursal it is in locked before; raises `NotFound`.

    The disbursal is None too where the invoice was bundled between the two locks.
    """
    disbursal_id = db.session.scalar(
        select(DisbursalLine.disbursal_id).where(
            DisbursalLine.invoice_id == invoice_id, DisbursalLine.state == LineState.INCLUDED
        )
    )
    disbursal = lock_disbursal(disbursal_id) if disbursal_id is not None else None
    pairs = lock_pairs([invoice_id])
    if not pairs:
        raise Conflict("Refused requests are not tracked.")
    return disbursal, *pairs[0]


def settle(ctx: Context, invoice_id: int, *, reason: str = "") -> None:
    """Let an invoice's conditions act on it wherever it stands."""
    disbursal, invoice, shipment = lock_with_disbursal(invoice_id)
    settle_held(ctx, disbursal, invoice, shipment, reason=reason)


def settle_held(
    ctx: Context, disbursal: Disbursal | None, invoice: Invoice, shipment: Shipment, *, reason: str = ""
) -> None:
    """`settle` for locked rows; `reason` says which condition came last, if not the delivery.

    An invoice with an open condition is taken out of a draft. When its goods are gone, the approval of its disbursal
    is withdrawn; any other open condition of an approved disbursal is left to a person, and the release refuses it.
    A released payout cannot be stopped here: it becomes an item of the attention queue.
    """
    db.session.flush()
    if invoice.status != InvoiceStatus.BUNDLED:
        settle_locked(ctx, [(invoice, shipment)], reason=reason)
        return
    missing = Judge([(invoice, shipment)]).open_for(invoice, shipment)
    if not missing or disbursal is None:
        after_commit(WATCH_JOB)
        return
    gone = shipment.status in GONE
    why = (
        say(
            "{carrier} reported the shipment of {number} as {status}",
            carrier=shipment.carrier,
            number=invoice.number,
            status=shipment.status,
        )
        if gone
        else say("{number} waits for {missing}", number=invoice.number, missing=waits_for(missing))
    )
    if disbursal.status == DisbursalStatus.APPROVED and gone:
        withdraw_from_locked(ctx, disbursal, why)
    if disbursal.status == DisbursalStatus.DRAFT:
        take_out_of_locked(ctx, disbursal, invoice.id, why)
    after_commit(WATCH_JOB)


def shown_value(number: str, declared: int, amount: int) -> Shown:
    """A declared value that differs from the invoice's, as pages show it."""
    show = currency().show
    return Shown(
        say("Declared value of {number}", number=number),
        say("{declared} declared, {amount} invoiced", declared=show(declared), amount=show(amount)),
    )


def shown_early(number: str, at: datetime) -> Shown:
    """A delivery from before the invoice, as pages show it."""
    return Shown(
        say("Delivery of {number}", number=number), f"{show_day(at)}, {at:%H:%M} UTC", (at.timestamp(),)
    )


def shown_alike(number: str, other_id: int) -> Shown:
    """Which invoice one looks like, as pages show it."""
    return Shown(say("Likeness of {number}", number=number), say("looks like #{other_id}", other_id=other_id))


def shown_way(number: str, way: str) -> Shown:
    """From where to where a parcel goes, as pages show it."""
    return Shown(say("Parcel of {number}", number=number), way)


@needs_second(say("Accept a parcel of other cities"), "invoice")
def accept_way(ctx: Context, invoice_id: int, *, reason: str, seen: Seen = None) -> None:
    """An admin accepts a parcel whose cities are not those of the two companies; others told later are judged again.

    Raises `Changed` unless they are what was `seen`.
    """
    why = reason_of(reason)
    disbursal, invoice, shipment = lock_with_disbursal(invoice_id)
    if not Judge([(invoice, shipment)]).is_elsewhere(invoice, shipment):
        raise Conflict("Its parcel does not contradict the cities of the two companies.")
    check_seen(seen, [shown_way(invoice.number, shipment.way)], whole=False)
    shipment.accepted_way = shipment.way
    record_event(ctx, invoice, "cities_accepted", to_value=shipment.way, reason=why)
    settle_held(ctx, disbursal, invoice, shipment, reason=say("cities accepted: {why}", why=why))
    after_commit(WATCH_JOB)


@needs_second(say("Accept a delivery from before the invoice"), "invoice")
def accept_delivery(ctx: Context, invoice_id: int, *, reason: str, seen: Seen = None) -> None:
    """An admin accepts a delivery from before the invoice; another one told later is judged again.

    Raises `Changed` unless it is the delivery that was `seen`.
    """
    why = reason_of(reason)
    disbursal, invoice, shipment = lock_with_disbursal(invoice_id)
    if not Judge([(invoice, shipment)]).is_too_early(invoice, shipment):
        raise Conflict("There is no delivery from before the invoice to accept.")
    if shipment.status_occurred_at is not None:
        check_seen(seen, [shown_early(invoice.number, shipment.status_occurred_at)], whole=False)
    shipment.accepted_delivery_at = shipment.status_occurred_at
    record_event(ctx, invoice, "delivery_accepted", reason=why)
    settle_held(ctx, disbursal, invoice, shipment, reason=say("delivery accepted: {why}", why=why))
    after_commit(WATCH_JOB)


@needs_second(say("Confirm an invoice as a different one"), "invoice")
def tell_apart(ctx: Context, invoice_id: int, *, reason: str, seen: Seen = None) -> None:
    """An admin says that an invoice is another one than those that it looks like; raises `Changed` unless it looks
    like what was `seen`."""
    why = reason_of(reason)
    disbursal, invoice, shipment = lock_with_disbursal(invoice_id)
    if Condition.NUMBER not in Judge([(invoice, shipment)]).open_for(invoice, shipment):
        raise Conflict("It does not look like another invoice.")
    check_seen(
        seen, [shown_alike(invoice.number, other_id) for other_id in looks_like(invoice_id)], whole=False
    )
    invoice.alike_accepted_at = ctx.now
    record_event(ctx, invoice, "told_apart", reason=why)
    settle_held(ctx, disbursal, invoice, shipment, reason=say("another invoice: {why}", why=why))
    after_commit(WATCH_JOB)


@needs_second(say("Accept another declared value"), "invoice")
def accept_value(ctx: Context, invoice_id: int, *, reason: str, seen: Seen = None) -> None:
    """An admin accepts the declared value; a different one reported later is judged again.

    Raises `Changed` unless it is what was `seen`.
    """
    why = reason_of(reason)
    disbursal, invoice, shipment = lock_with_disbursal(invoice_id)
    if shipment.declared_value is None or shipment.declared_value == shipment.accepted_value:
        raise Conflict("There is no difference to accept.")
    check_seen(seen, [shown_value(invoice.number, shipment.declared_value, invoice.amount)], whole=False)
    shipment.accepted_value = shipment.declared_value
    record_event(
        ctx,
        invoice,
        "value_accepted",
        from_value=currency().show(invoice.amount),
        to_value=currency().show(shipment.declared_value),
        reason=why,
        amount=invoice.amount,
        declared=shipment.declared_value,
    )
    settle_held(ctx, disbursal, invoice, shipment, reason=say("declared value accepted: {why}", why=why))
    after_commit(WATCH_JOB)


def ask_again(ctx: Context, invoice_id: int) -> None:
    """Have the delivery company asked about an invoice's shipment at once."""
    _, _, shipment = lock_with_disbursal(invoice_id)
    if shipment.carrier == "manual":
        raise Conflict("No delivery company follows this shipment.")
    shipment.next_poll_at = ctx.now
    db.session.flush()


_LOOK_AGAIN = text(
    """
    UPDATE shipments SET next_poll_at = :now WHERE id = ANY(ARRAY(
        SELECT h.id FROM shipments h JOIN invoices i ON i.id = h.invoice_id
        WHERE h.status_changed_at > :since AND h.status = 'delivered' AND h.carrier <> 'manual'
          AND h.next_poll_at IS NULL AND COALESCE(h.last_polled_at, h.status_changed_at) < :yesterday
          AND i.status IN ('approved', 'financeable', 'bundled', 'disbursed')
        ORDER BY h.id LIMIT 1000 FOR UPDATE OF h SKIP LOCKED
    ))
    """
)


def watch_for_returns(ctx: Context) -> None:
    """Have delivered shipments polled once a day, which is the only way to learn that goods came back."""
    values = {
        "now": ctx.now,
        "since": ctx.now - WATCH_RETURNS,
        "yesterday": ctx.now - timedelta(days=1),
    }
    db.session.execute(_LOOK_AGAIN, values)
