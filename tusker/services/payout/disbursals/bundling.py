"""Bundling financeable invoices into the draft of a disbursal: the day's, or those that a person chose."""

from collections.abc import Collection
from datetime import date

from sqlalchemy import select, text

from tusker.currency import currency
from tusker.domain.credit.lifecycle import InvoiceEvent, InvoiceStatus, next_status
from tusker.errors import Conflict, InvalidInput, NotFound
from tusker.extensions import db
from tusker.models import Disbursal, DisbursalLine, DisbursalStatus, Invoice
from tusker.queries.payout.shown import everything_free, shown_waiting
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.locks import AdvisoryLock, forget, lock_ids, take_lock
from tusker.services.outbox import admin_addresses, queue_mail
from tusker.services.payout.held import Held, check_not_held, holds_of
from tusker.services.payout.payable_lines import payables_wait, take_payables
from tusker.services.seen import Seen, check_seen


def bundle_daily(ctx: Context, day: date | None = None, *, seen: Seen = None) -> Disbursal | None:
    """Bundle all financeable invoices into a business day's disbursal, today's unless a missed one is caught up; those
    on hold stay in the queue.

    Run again for that day it returns the same disbursal. None when there is nothing to finance. Raises `Changed` unless
    what it takes is what was `seen`.
    """
    day = day or ctx.today
    take_lock(AdvisoryLock.DAILY_BUNDLE)
    if (existing := _daily_of(day)) is not None:
        return existing
    # What somebody bundles by hand while this waits for its locks is left out.
    ids, held = _lock_free(ctx)
    _check_everything_seen(seen, held)
    return _bundle(ctx, ids, "daily", day) if ids or payables_wait() else None


def bundle_waiting(ctx: Context, *, seen: Seen = None) -> Disbursal | None:
    """Bundle all financeable invoices but those on hold into today's disbursal, or into a further one where it
    exists; None when there is nothing. Raises `Changed` unless they are what was `seen`."""
    take_lock(AdvisoryLock.DAILY_BUNDLE)
    ids, held = _lock_free(ctx)
    if not ids:
        return None
    _check_everything_seen(seen, held)
    return _bundle(ctx, ids, "daily" if _daily_of(ctx.today) is None else "manual", ctx.today)


def _check_everything_seen(seen: Seen, held: Held) -> None:
    if seen is not None:
        check_seen(seen, [everything_free(held)[1]], whole=False)


def _lock_free(ctx: Context) -> tuple[list[int], Held]:
    """The invoices that may be bundled, locked, and those that are on hold."""
    waiting = lock_ids(Invoice, Invoice.status == InvoiceStatus.FINANCEABLE)
    held = holds_of(ctx, waiting)
    return [invoice_id for invoice_id in waiting if invoice_id not in held], held


def _daily_of(day: date) -> Disbursal | None:
    return db.session.scalar(
        select(Disbursal).where(
            Disbursal.business_date == day,
            Disbursal.origin == "daily",
            Disbursal.status.not_in([DisbursalStatus.DROPPED, DisbursalStatus.REVERSED]),
        )
    )


def bundle_selection(ctx: Context, invoice_ids: Collection[int], *, seen: Seen = None) -> Disbursal:
    """Bundle the chosen invoices; raises `Conflict` when one of them is not financeable (any more), `Changed` unless
    they are as they were `seen`, `OnHold` when one may not be paid out."""
    if not invoice_ids:
        raise InvalidInput("Choose at least one invoice.", field="invoice_ids")
    lock_financeable(invoice_ids)
    check_not_held(ctx, invoice_ids)
    check_seen(seen, list(shown_waiting(invoice_ids).values()), whole=False)
    return _bundle(ctx, sorted(set(invoice_ids)), "manual", ctx.today)


_LOCK_CHOSEN = text(
    "SELECT id, status, number FROM invoices WHERE id = ANY(:ids) ORDER BY id FOR NO KEY UPDATE"
)


def lock_financeable(invoice_ids: Collection[int]) -> None:
    rows = db.session.execute(_LOCK_CHOSEN, {"ids": list(invoice_ids)}).all()
    if len(rows) != len(set(invoice_ids)):
        raise NotFound("One of the chosen invoices does not exist.")
    moved_on = [row.number for row in rows if row.status != InvoiceStatus.FINANCEABLE]
    if moved_on:
        listed = ", ".join(moved_on[:5])
        raise Conflict(
            "No longer waiting to be financed: {listed}. Check the queue again.",
            listed=listed,
            numbers=moved_on,
        )


# The lines, the invoices' new status and one event row each: one statement, whatever the number of invoices.
_BUNDLE = text(
    """
    WITH moved AS (
        UPDATE invoices SET status = :after WHERE id = ANY(:ids) RETURNING id, principal
    ), lines AS (
        INSERT INTO disbursal_lines (disbursal_id, invoice_id, principal, state)
        SELECT :disbursal_id, id, principal, 'included' FROM moved ORDER BY id
        ON CONFLICT (disbursal_id, invoice_id) DO UPDATE
            SET state = 'included', reason = NULL, principal = EXCLUDED.principal
    ), noted AS (
        INSERT INTO events (at, actor_id, actor, subject, subject_id, kind, from_value, to_value, reason)
        SELECT :now, :actor_id, :actor, 'invoice', id, :kind, :before, :after, :reason FROM moved ORDER BY id
    )
    SELECT count(*) AS invoices, COALESCE(sum(principal), 0)::bigint AS total FROM moved
    """
)


def put_in(ctx: Context, disbursal: Disbursal, ids: Collection[int], kind: str) -> tuple[int, int]:
    """Move locked financeable invoices into a draft; returns how many and their principal in minor units."""
    db.session.flush()
    before = InvoiceStatus.FINANCEABLE
    row = db.session.execute(
        _BUNDLE,
        {
            "ids": list(ids),
            "disbursal_id": disbursal.id,
            "now": ctx.now,
            "actor_id": ctx.actor_id,
            "actor": ctx.actor,
            "kind": kind,
            "before": before,
            "after": next_status(before, InvoiceEvent.BUNDLED),
            "reason": disbursal.reference,
        },
    ).one()
    forget(Invoice, DisbursalLine)
    db.session.expire(disbursal, ["invoices", "taken_out", "principal"])
    return int(row.invoices), int(row.total)


def _bundle(ctx: Context, ids: Collection[int], origin: str, day: date) -> Disbursal:
    disbursal = _new_disbursal(ctx, origin, day)
    invoices, total = put_in(ctx, disbursal, ids, "bundled") if ids else (0, 0)
    passed_on = take_payables(disbursal)
    record_event(
        ctx,
        disbursal,
        "bundled",
        to_value=disbursal.status,
        invoices=invoices,
        total=total,
        payables=passed_on,
    )
    queue_mail(
        ctx,
        "payout/disbursal_ready",
        admin_addresses(),
        reference=disbursal.reference,
        disbursal_id=disbursal.id,
        invoices=invoices,
        total=currency().show(total + passed_on),
    )
    db.session.flush()
    return disbursal


def _new_disbursal(ctx: Context, origin: str, day: date) -> Disbursal:
    new_id = db.session.scalar(text("SELECT nextval(pg_get_serial_sequence('disbursals', 'id'))"))
    disbursal = Disbursal(
        id=new_id,
        reference=f"D-{day:%Y%m%d}-{new_id}",
        business_date=day,
        origin=origin,
        status=DisbursalStatus.DRAFT,
        maker_ids=[] if ctx.actor_id is None else [ctx.actor_id],
        created_at=ctx.now,
        created_by=ctx.actor_id,
    )
    db.session.add(disbursal)
    db.session.flush()
    return disbursal
