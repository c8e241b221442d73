"""Drafts of disbursals: bundling delivered invoices, changing what is in a draft, giving it up."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from sqlalchemy import func, select, text

from tusker.currency import currency
from tusker.domain.lifecycle import InvoiceEvent, InvoiceStatus, next_status
from tusker.errors import Conflict, InvalidInput, NotFound
from tusker.extensions import db
from tusker.models import Disbursal, DisbursalLine, DisbursalStatus, Invoice, LineState
from tusker.queries.payout.shown import shown_everything, shown_waiting
from tusker.services.context import Context
from tusker.services.delivery.conditions import with_shipments
from tusker.services.delivery.shipment_effects import settle_locked
from tusker.services.events import record_event
from tusker.services.locks import AdvisoryLock, lock_disbursal, lock_ids, lock_invoices, take_lock
from tusker.services.moves import move_invoices
from tusker.services.outbox import admin_addresses, queue_mail
from tusker.services.payout.payable_lines import (
    included_payables,
    payables_left,
    payables_wait,
    remove_payables,
    take_out_payable,
    take_payables,
)
from tusker.services.reasons import reason_of
from tusker.services.seen import Seen, check_seen


def bundle_daily(ctx: Context, day: date | None = None) -> Disbursal | None:
    """Bundle all financeable invoices into a business day's disbursal, today's unless a missed one is caught up.

    Run again for that day it returns the same disbursal.

    None when there is nothing to finance.
    """
    day = day or ctx.today
    take_lock(AdvisoryLock.DAILY_BUNDLE)
    if (existing := _daily_of(day)) is not None:
        return existing
    # What somebody bundles by hand while this waits for its locks is left out.
    ids = lock_ids(Invoice, Invoice.status == InvoiceStatus.FINANCEABLE)
    return _bundle(ctx, ids, "daily", day) if ids or payables_wait() else None


def bundle_waiting(ctx: Context, *, seen: Seen = None) -> Disbursal | None:
    """Bundle all financeable invoices into today's disbursal, or into a further one where it exists; None when there
    is nothing. Raises `Changed` unless they are what was `seen`."""
    take_lock(AdvisoryLock.DAILY_BUNDLE)
    ids = lock_ids(Invoice, Invoice.status == InvoiceStatus.FINANCEABLE)
    if not ids:
        return None
    check_seen(seen, [shown_everything()], whole=False)
    return _bundle(ctx, ids, "daily" if _daily_of(ctx.today) is None else "manual", ctx.today)


def _daily_of(day: date) -> Disbursal | None:
    found: Disbursal | None = db.session.scalar(
        select(Disbursal).where(
            Disbursal.business_date == day,
            Disbursal.origin == "daily",
            Disbursal.status.not_in([DisbursalStatus.DROPPED, DisbursalStatus.REVERSED]),
        )
    )
    return found


def bundle_selection(ctx: Context, invoice_ids: Collection[int], *, seen: Seen = None) -> Disbursal:
    """Bundle the chosen invoices; raises `Conflict` when one of them is not financeable (any more), `Changed` unless
    they are as they were `seen`."""
    if not invoice_ids:
        raise InvalidInput("Choose at least one invoice.", field="invoice_ids")
    _lock_financeable(invoice_ids)
    check_seen(seen, list(shown_waiting(invoice_ids).values()), whole=False)
    return _bundle(ctx, sorted(set(invoice_ids)), "manual", ctx.today)


_LOCK_CHOSEN = text(
    "SELECT id, status, number FROM invoices WHERE id = ANY(:ids) ORDER BY id FOR NO KEY UPDATE"
)


def _lock_financeable(invoice_ids: Collection[int]) -> None:
    rows = db.session.execute(_LOCK_CHOSEN, {"ids": list(invoice_ids)}).all()
    if len(rows) != len(set(invoice_ids)):
        raise NotFound("One of the chosen invoices does not exist.")
    moved_on = [row.number for row in rows if row.status != InvoiceStatus.FINANCEABLE]
    if moved_on:
        listed = ", ".join(moved_on[:5])
        raise Conflict(
            f"No longer waiting to be financed: {listed}. Look at the queue again.", numbers=moved_on
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


def _put_in(ctx: Context, disbursal: Disbursal, ids: Collection[int], kind: str) -> tuple[int, int]:
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
    db.session.expire_all()
    return int(row.invoices), int(row.total)


def _bundle(ctx: Context, ids: Collection[int], origin: str, day: date) -> Disbursal:
    disbursal = _new_disbursal(ctx, origin, day)
    invoices, total = _put_in(ctx, disbursal, ids, "bundled") if ids else (0, 0)
    passed_on = take_payables(disbursal)
    record_event(
        ctx,
        "disbursal",
        disbursal.id,
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


def sum_of_lines(disbursal_id: int) -> int:
    """Principal of the lines that are not removed, in minor units."""
    total = db.session.scalars(
        select(func.coalesce(func.sum(DisbursalLine.principal), 0)).where(
            DisbursalLine.disbursal_id == disbursal_id, DisbursalLine.state != LineState.REMOVED
        )
    ).one()
    return int(total)


def take_out(ctx: Context, disbursal_id: int, invoice_id: int, *, reason: str) -> Disbursal:
    """Put one invoice of a draft back into the queue. The last one taken out drops the disbursal."""
    why = reason_of(reason)
    disbursal = lock_draft(disbursal_id)
    _note_maker(ctx, disbursal)
    take_out_of_locked(ctx, disbursal, invoice_id, why)
    return disbursal


def take_out_of_locked(ctx: Context, disbursal: Disbursal, invoice_id: int, why: str) -> None:
    """Take an invoice out of a locked draft because of a dispute or a return; nobody counts as its maker for that."""
    _remove(ctx, disbursal, [invoice_id], why)
    if sum_of_lines(disbursal.id) == 0 and payables_left(disbursal.id) == 0:
        close_disbursal(ctx, disbursal, DisbursalStatus.DROPPED, "the last invoice was taken out")


def choose_lines(
    ctx: Context,
    disbursal_id: int,
    invoice_ids: Collection[int],
    *,
    reason: str,
    shown: Collection[int] | None = None,
    without: int | None = None,
    with_all: int | None = None,
) -> Disbursal:
    """Make a draft hold exactly the chosen of its lines: what is not chosen is taken out, what was taken out and is
    chosen comes back. At least one must stay.

    With `shown` only those lines change, every other one stays as it is; then all of the supplier `without` is taken
    out, and all of the supplier `with_all` that still waits to be financed comes back.
    """
    disbursal = lock_draft(disbursal_id)
    rows = db.session.execute(
        select(DisbursalLine.invoice_id, DisbursalLine.state, Invoice.supplier_id, Invoice.status)
        .join(Invoice, Invoice.id == DisbursalLine.invoice_id)
        .where(DisbursalLine.disbursal_id == disbursal_id)
    ).all()
    states: dict[int, str] = {row.invoice_id: row.state for row in rows}
    chosen = set(invoice_ids)
    if not chosen <= set(states):
        raise InvalidInput("Only invoices of this disbursal can be chosen here.", field="invoice_ids")
    if shown is not None or without or with_all:
        shown = shown or ()
        included = {i for i, state in states.items() if state == LineState.INCLUDED}
        chosen = included - set(shown) | chosen & set(shown)
    chosen -= {row.invoice_id for row in rows if row.supplier_id == without}
    chosen |= {
        row.invoice_id
        for row in rows
        if row.supplier_id == with_all
        and (row.state == LineState.INCLUDED or row.status == InvoiceStatus.FINANCEABLE)
    }
    if not chosen:
        raise InvalidInput("Choose at least one invoice, or drop the disbursal.", field="invoice_ids")
    out = [i for i, state in states.items() if state == LineState.INCLUDED and i not in chosen]
    back = [i for i, state in states.items() if state == LineState.REMOVED and i in chosen]
    if not out and not back:
        return disbursal
    why = reason_of(reason) if out else ""
    # All invoices are locked in one go, by id, before either half is written.
    lock_invoices([*out, *back])
    _note_maker(ctx, disbursal)
    if out:
        _remove(ctx, disbursal, out, why)
    if back:
        _put_back(ctx, disbursal, back)
    return disbursal


def drop(ctx: Context, disbursal_id: int, *, reason: str) -> Disbursal:
    """Give up a disbursal that is not released; all its invoices go back into the queue."""
    why = reason_of(reason)
    disbursal = lock_disbursal(disbursal_id)
    if disbursal.status not in {DisbursalStatus.DRAFT, DisbursalStatus.APPROVED}:
        raise Conflict(f"Disbursal {disbursal.reference} is {disbursal.status} already.")
    ids = db.session.scalars(
        select(DisbursalLine.invoice_id).where(
            DisbursalLine.disbursal_id == disbursal_id, DisbursalLine.state == LineState.INCLUDED
        )
    ).all()
    if ids:
        _remove(ctx, disbursal, ids, why)
    remove_payables(included_payables(disbursal_id), why)
    close_disbursal(ctx, disbursal, DisbursalStatus.DROPPED, why)
    return disbursal


def hold_back(ctx: Context, disbursal_id: int, payable_id: int, *, reason: str) -> Disbursal:
    """Take what is to be passed on for one receipt out of a draft; the next disbursal has it again. The last line
    taken out drops the disbursal."""
    why = reason_of(reason)
    disbursal = lock_draft(disbursal_id)
    _note_maker(ctx, disbursal)
    take_out_payable(ctx, disbursal_id, payable_id, reason=why)
    if sum_of_lines(disbursal_id) == 0 and payables_left(disbursal_id) == 0:
        close_disbursal(ctx, disbursal, DisbursalStatus.DROPPED, "the last line was taken out")
    return disbursal


def lock_draft(disbursal_id: int) -> Disbursal:
    """The disbursal, locked; raises `Conflict` when it is no draft (any more)."""
    disbursal = lock_disbursal(disbursal_id)
    if disbursal.status == DisbursalStatus.APPROVED:
        raise Conflict(
            f"Disbursal {disbursal.reference} is approved; withdraw the approval before changing it."
        )
    if disbursal.status != DisbursalStatus.DRAFT:
        raise Conflict(f"Disbursal {disbursal.reference} is {disbursal.status} already.")
    return disbursal


def close_disbursal(ctx: Context, disbursal: Disbursal, status: DisbursalStatus, reason: str) -> None:
    """Set the last status of a locked disbursal."""
    disbursal.closed_at, disbursal.closed_by = ctx.now, ctx.actor_id
    set_disbursal_status(ctx, disbursal, status, str(status), reason)


def set_disbursal_status(
    ctx: Context, disbursal: Disbursal, status: DisbursalStatus, kind: str, reason: str = "", **data: object
) -> None:
    """Change the status of a locked disbursal and write its event row."""
    before = disbursal.status
    disbursal.status = status
    record_event(
        ctx,
        "disbursal",
        disbursal.id,
        kind,
        from_value=before,
        to_value=status,
        reason=reason[:500],
        **data,
    )
    db.session.flush()


def _put_back(ctx: Context, disbursal: Disbursal, ids: Collection[int]) -> None:
    lines = db.session.scalars(
        select(DisbursalLine).where(
            DisbursalLine.disbursal_id == disbursal.id,
            DisbursalLine.invoice_id.in_(ids),
            DisbursalLine.state == LineState.REMOVED,
        )
    ).all()
    if len(lines) != len(ids):
        raise Conflict("This invoice was not taken out of the disbursal.")
    _lock_financeable(ids)
    _put_in(ctx, disbursal, ids, "put_back")


def _remove(ctx: Context, disbursal: Disbursal, invoice_ids: Collection[int], why: str) -> None:
    invoices = lock_invoices(invoice_ids)
    ids = [invoice.id for invoice in invoices]
    lines = db.session.scalars(
        select(DisbursalLine).where(
            DisbursalLine.disbursal_id == disbursal.id,
            DisbursalLine.invoice_id.in_(ids),
            DisbursalLine.state == LineState.INCLUDED,
        )
    ).all()
    if len(lines) != len(ids):
        raise Conflict("This invoice is not in the disbursal any more.")
    for line in lines:
        line.state, line.reason = LineState.REMOVED, why
    move_invoices(
        ctx,
        ids,
        InvoiceStatus.BUNDLED,
        InvoiceEvent.UNBUNDLED,
        kind="unbundled",
        reason=f"{disbursal.reference}: {why}",
    )
    settle_locked(ctx, with_shipments(invoices))


def _note_maker(ctx: Context, disbursal: Disbursal) -> None:
    """Who changes what is in it has a hand in it, and may not approve it alone."""
    if ctx.actor_id is not None and ctx.actor_id not in disbursal.maker_ids:
        disbursal.maker_ids = [*disbursal.maker_ids, ctx.actor_id]
