"""Bundling delivered invoices, and what becomes of the bundle."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

from sqlalchemy import func, select, text

from tusker.currency import currency
from tusker.domain.lifecycle import InvoiceEvent, InvoiceStatus, next_status
from tusker.errors import Conflict, Duplicate, InvalidInput, NotFound
from tusker.extensions import db
from tusker.models import Disbursal, DisbursalLine, DisbursalStatus, Invoice, LineState
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.locks import Turn, lock_disbursal, lock_invoices, take_turn
from tusker.services.outbox import admin_addresses, queue_mail
from tusker.services.payouts import mail_payouts, make_loans, payouts_for, settle_claims


def bundle_daily(ctx: Context) -> Disbursal | None:
    """Bundle all financeable invoices of the business day; run again on that day it answers the same disbursal.

    None when there is nothing to finance.
    """
    take_turn(Turn.DAILY_BUNDLE)
    existing: Disbursal | None = db.session.scalar(
        select(Disbursal).where(
            Disbursal.business_date == ctx.today,
            Disbursal.origin == "daily",
            Disbursal.status.not_in([DisbursalStatus.DROPPED, DisbursalStatus.REVERSED]),
        )
    )
    if existing is not None:
        return existing
    # Locked at once: what somebody bundles by hand meanwhile is left out, and if that was all, there is nothing to do.
    ids = db.session.scalars(
        select(Invoice.id)
        .where(Invoice.status == InvoiceStatus.FINANCEABLE)
        .order_by(Invoice.id)
        .with_for_update(key_share=True)
    ).all()
    return _bundle(ctx, ids, "daily") if ids else None


def bundle_selection(ctx: Context, invoice_ids: Collection[int]) -> Disbursal:
    """Bundle the chosen invoices; raises `Conflict` when one of them is not financeable (any more)."""
    if not invoice_ids:
        raise InvalidInput("Choose at least one invoice.", field="invoice_ids")
    return _bundle(ctx, invoice_ids, "manual")


_ADD_LINES = text(
    """
    INSERT INTO disbursal_lines (disbursal_id, invoice_id, principal, state)
    SELECT :disbursal_id, id, principal, 'included' FROM invoices WHERE id = ANY(:ids) ORDER BY id
    """
)
_MOVE_ALL = text("UPDATE invoices SET status = :status WHERE id = ANY(:ids)")
_RECORD_ALL = text(
    """
    INSERT INTO events (at, actor_id, actor, subject, subject_id, kind, from_value, to_value, reason)
    SELECT :now, :actor_id, :actor, 'invoice', id, :kind, :before, :after, :reason
    FROM unnest(CAST(:ids AS bigint[])) AS i (id) ORDER BY id
    """
)


def _bundle(ctx: Context, invoice_ids: Collection[int], origin: str) -> Disbursal:
    """Lock the invoices, then move them all with three set-based writes."""
    rows = db.session.execute(
        select(Invoice.id, Invoice.status, Invoice.number)
        .where(Invoice.id.in_(invoice_ids))
        .order_by(Invoice.id)
        .with_for_update(key_share=True)
    ).all()
    if len(rows) != len(set(invoice_ids)):
        raise NotFound("One of the chosen invoices does not exist.")
    if origin == "daily":
        # Someone may have bundled one by hand while this waited for its lock.
        rows = [row for row in rows if row.status == InvoiceStatus.FINANCEABLE]
    moved_on = [row.number for row in rows if row.status != InvoiceStatus.FINANCEABLE]
    if moved_on or not rows:
        listed = ", ".join(moved_on[:5])
        raise Conflict(
            f"No longer waiting to be financed: {listed}. Look at the queue again.", numbers=moved_on
        )
    ids = [row.id for row in rows]
    disbursal = _new_disbursal(ctx, origin)
    after = next_status(InvoiceStatus.FINANCEABLE, InvoiceEvent.BUNDLED)
    db.session.execute(_ADD_LINES, {"disbursal_id": disbursal.id, "ids": ids})
    _move_all(ctx, ids, InvoiceStatus.FINANCEABLE, after, "bundled", disbursal.reference)
    total = sum_of_lines(disbursal.id)
    record_event(
        ctx, "disbursal", disbursal.id, "bundled", to_value=disbursal.status, invoices=len(ids), total=total
    )
    queue_mail(
        ctx,
        "disbursal_ready",
        admin_addresses(),
        reference=disbursal.reference,
        disbursal_id=disbursal.id,
        invoices=len(ids),
        total=currency().show(total),
    )
    db.session.flush()
    return disbursal


def _new_disbursal(ctx: Context, origin: str) -> Disbursal:
    new_id = db.session.scalar(text("SELECT nextval(pg_get_serial_sequence('disbursals', 'id'))"))
    disbursal = Disbursal(
        id=new_id,
        reference=f"D-{ctx.today:%Y%m%d}-{new_id}",
        business_date=ctx.today,
        origin=origin,
        status=DisbursalStatus.OPEN,
        created_at=ctx.now,
        created_by=ctx.actor_id,
    )
    db.session.add(disbursal)
    db.session.flush()
    return disbursal


def _move_all(
    ctx: Context, ids: list[int], before: InvoiceStatus, after: InvoiceStatus, kind: str, reason: str
) -> None:
    """Change the status of locked invoices and write one event row each."""
    db.session.execute(_MOVE_ALL, {"status": after, "ids": ids})
    db.session.execute(
        _RECORD_ALL,
        {
            "now": ctx.now,
            "actor_id": ctx.actor_id,
            "actor": ctx.actor,
            "kind": kind,
            "before": before,
            "after": after,
            "reason": reason[:500],
            "ids": ids,
        },
    )
    db.session.expire_all()


def sum_of_lines(disbursal_id: int) -> int:
    """Principal of the lines that are not removed, in minor units."""
    total = db.session.scalar(
        select(func.coalesce(func.sum(DisbursalLine.principal), 0)).where(
            DisbursalLine.disbursal_id == disbursal_id, DisbursalLine.state != LineState.REMOVED
        )
    )
    return int(total or 0)


def take_out(ctx: Context, disbursal_id: int, invoice_id: int, *, reason: str) -> Disbursal:
    """Put one invoice of an open disbursal back into the queue. The last one taken out drops the disbursal."""
    disbursal = _lock_open(disbursal_id)
    _remove(ctx, disbursal, [invoice_id], reason)
    if sum_of_lines(disbursal_id) == 0:
        _close(ctx, disbursal, DisbursalStatus.DROPPED, "the last invoice was taken out")
    return disbursal


def drop(ctx: Context, disbursal_id: int, *, reason: str) -> Disbursal:
    """Give an open disbursal up; all its invoices go back into the queue."""
    disbursal = _lock_open(disbursal_id)
    ids = db.session.scalars(
        select(DisbursalLine.invoice_id).where(
            DisbursalLine.disbursal_id == disbursal_id, DisbursalLine.state == LineState.INCLUDED
        )
    ).all()
    _remove(ctx, disbursal, ids, reason)
    _close(ctx, disbursal, DisbursalStatus.DROPPED, reason.strip())
    return disbursal


def _remove(ctx: Context, disbursal: Disbursal, invoice_ids: Collection[int], reason: str) -> None:
    if not reason.strip():
        raise InvalidInput("Say why.", field="reason")
    ids = [invoice.id for invoice in lock_invoices(invoice_ids)]
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
        line.state, line.reason = LineState.REMOVED, reason.strip()
    db.session.flush()
    after = next_status(InvoiceStatus.BUNDLED, InvoiceEvent.UNBUNDLED)
    _move_all(ctx, ids, InvoiceStatus.BUNDLED, after, "unbundled", f"{disbursal.reference}: {reason.strip()}")


def _lock_open(disbursal_id: int) -> Disbursal:
    disbursal = lock_disbursal(disbursal_id)
    if disbursal.status != DisbursalStatus.OPEN:
        raise Conflict(f"Disbursal {disbursal.reference} is {disbursal.status} already.")
    return disbursal


def _close(ctx: Context, disbursal: Disbursal, status: DisbursalStatus, reason: str) -> None:
    before = disbursal.status
    disbursal.status, disbursal.closed_at, disbursal.closed_by = status, ctx.now, ctx.actor_id
    record_event(
        ctx, "disbursal", disbursal.id, str(status), from_value=before, to_value=status, reason=reason
    )
    db.session.flush()


def confirm(
    ctx: Context,
    disbursal_id: int,
    *,
    bank_reference: str,
    value_date: date,
    loan_references: Mapping[int, str] | None = None,
) -> Disbursal:
    """The money of an open disbursal was released: store its bank reference and make a loan of each invoice.

    `value_date` is the day the money left, the start of every loan. `loan_references` gives loan ids of the
    lender's own by invoice id; those not given are made here.
    """
    reference = bank_reference.strip()
    if not reference or len(reference) > 60:
        raise InvalidInput("The bank reference must have 1 to 60 characters.", field="bank_reference")
    disbursal = _lock_open(disbursal_id)
    if value_date > ctx.today:
        raise InvalidInput("The value date must not be in the future.", field="value_date")
    if value_date < disbursal.business_date:
        raise InvalidInput(
            f"The value date must not be before the disbursal was made ({disbursal.business_date:%d %b %Y}).",
            field="value_date",
        )
    if db.session.scalar(select(Disbursal.id).where(Disbursal.bank_reference == reference)):
        raise Duplicate("This bank reference belongs to another disbursal.", field="bank_reference")
    ids = db.session.scalars(
        select(DisbursalLine.invoice_id).where(
            DisbursalLine.disbursal_id == disbursal_id, DisbursalLine.state == LineState.INCLUDED
        )
    ).all()
    invoices = lock_invoices(ids)
    disbursal.bank_reference, disbursal.value_date = reference, value_date
    _close(ctx, disbursal, DisbursalStatus.CONFIRMED, f"bank reference {reference}")
    payouts = payouts_for(invoices, value_date)
    loans = make_loans(ctx, disbursal, invoices, value_date, loan_references or {})
    settle_claims(ctx, disbursal, payouts)
    mail_payouts(ctx, disbursal, payouts)
    for line in disbursal.lines:
        if line.state == LineState.INCLUDED:
            line.state = LineState.PAID
    db.session.flush()
    after = next_status(InvoiceStatus.BUNDLED, InvoiceEvent.RELEASED)
    _move_all(
        ctx,
        [loan.invoice_id for loan in loans],
        InvoiceStatus.BUNDLED,
        after,
        "disbursed",
        disbursal.reference,
    )
    return disbursal
