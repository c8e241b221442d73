"""Drafts of disbursals: changing what is in one, giving it up."""

from collections.abc import Collection
from typing import Any, cast

from sqlalchemy import CursorResult, func, select, update

from tusker.domain.credit.lifecycle import InvoiceEvent, InvoiceStatus
from tusker.errors import Conflict, InvalidInput
from tusker.extensions import db
from tusker.messages import say
from tusker.models import Disbursal, DisbursalLine, DisbursalStatus, Invoice, LineState
from tusker.queries.sums import sum_of
from tusker.services.context import Context
from tusker.services.delivery.shipment_effects import settle_waiting
from tusker.services.events import record_event
from tusker.services.locks import among, forget, lock_disbursal, lock_ids
from tusker.services.moves import move_invoices
from tusker.services.payout.disbursals.bundling import lock_financeable, put_in
from tusker.services.payout.held import check_not_held
from tusker.services.payout.payable_lines import (
    included_payables,
    payables_left,
    remove_payables,
    take_out_payable,
)
from tusker.services.reasons import reason_of


def sum_of_lines(disbursal_id: int) -> int:
    """Principal of the lines that are not removed, in minor units."""
    not_removed = DisbursalLine.state != LineState.REMOVED
    return sum_of(DisbursalLine.principal, DisbursalLine.disbursal_id == disbursal_id, not_removed)


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
    _drop_if_empty(ctx, disbursal, say("the last invoice was taken out"))


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
        included = {row.invoice_id for row in rows if row.state == LineState.INCLUDED}
        chosen = included - {*(shown or ())} | chosen & {*(shown or ())}
        chosen = _with_suppliers(rows, chosen, without, with_all)
    if not chosen:
        raise InvalidInput("Choose at least one invoice, or drop the disbursal.", field="invoice_ids")
    out = [i for i, state in states.items() if state == LineState.INCLUDED and i not in chosen]
    back = [i for i, state in states.items() if state == LineState.REMOVED and i in chosen]
    if not out and not back:
        return disbursal
    why = reason_of(reason) if out else ""
    # All invoices are locked in one go, by id, before either half is written.
    lock_ids(Invoice, among(Invoice.id, [*out, *back]))
    _note_maker(ctx, disbursal)
    if out:
        _remove(ctx, disbursal, out, why)
    if back:
        _put_back(ctx, disbursal, back)
    return disbursal


def _with_suppliers(
    rows: Collection[Any], chosen: set[int], without: int | None, with_all: int | None
) -> set[int]:
    """The chosen lines without those of one supplier, and with all of another that can be financed."""
    out = {row.invoice_id for row in rows if row.supplier_id == without}
    return chosen - out | {
        row.invoice_id
        for row in rows
        if row.supplier_id == with_all
        and (row.state == LineState.INCLUDED or row.status == InvoiceStatus.FINANCEABLE)
    }


def drop(ctx: Context, disbursal_id: int, *, reason: str) -> Disbursal:
    """Give up a disbursal that is not released; all its invoices go back into the queue."""
    why = reason_of(reason)
    disbursal = lock_disbursal(disbursal_id)
    if disbursal.status not in {DisbursalStatus.DRAFT, DisbursalStatus.APPROVED}:
        raise is_already(disbursal)
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
    _drop_if_empty(ctx, disbursal, say("the last line was taken out"))
    return disbursal


def _drop_if_empty(ctx: Context, disbursal: Disbursal, why: str) -> None:
    if sum_of_lines(disbursal.id) == 0 and payables_left(disbursal.id) == 0:
        close_disbursal(ctx, disbursal, DisbursalStatus.DROPPED, why)


def is_already(disbursal: Disbursal) -> Conflict:
    """The error of what a disbursal is too far on for."""
    return Conflict(
        "Disbursal {reference} is {status} already.", reference=disbursal.reference, status=disbursal.status
    )


def lock_draft(disbursal_id: int) -> Disbursal:
    """The disbursal, locked; raises `Conflict` when it is no draft (any more)."""
    disbursal = lock_disbursal(disbursal_id)
    if disbursal.status == DisbursalStatus.APPROVED:
        raise Conflict(
            "Disbursal {reference} is approved; withdraw the approval before changing it.",
            reference=disbursal.reference,
        )
    if disbursal.status != DisbursalStatus.DRAFT:
        raise is_already(disbursal)
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
    record_event(ctx, disbursal, kind, from_value=before, to_value=status, reason=reason[:500], **data)
    db.session.flush()


def _put_back(ctx: Context, disbursal: Disbursal, ids: Collection[int]) -> None:
    taken_out = select(func.count()).where(
        DisbursalLine.disbursal_id == disbursal.id,
        among(DisbursalLine.invoice_id, ids),
        DisbursalLine.state == LineState.REMOVED,
    )
    if db.session.scalar(taken_out) != len(ids):
        raise Conflict("This invoice was not taken out of the disbursal.")
    lock_financeable(ids)
    check_not_held(ctx, ids)
    put_in(ctx, disbursal, ids, "put_back")


def _remove(ctx: Context, disbursal: Disbursal, invoice_ids: Collection[int], why: str) -> None:
    ids = lock_ids(Invoice, among(Invoice.id, invoice_ids))
    if remove_lines(disbursal.id, ids, why) != len(invoice_ids):
        raise Conflict("This invoice is not in the disbursal any more.")
    move_invoices(
        ctx,
        ids,
        InvoiceStatus.BUNDLED,
        InvoiceEvent.UNBUNDLED,
        kind="unbundled",
        reason=f"{disbursal.reference}: {why}",
    )
    settle_waiting(ctx, ids)


def remove_lines(disbursal_id: int, invoice_ids: Collection[int], why: str) -> int:
    """Take locked invoices out of a locked disbursal for a reason; returns how many lines that are not removed were
    theirs."""
    db.session.flush()
    removed = db.session.execute(
        update(DisbursalLine)
        .where(
            DisbursalLine.disbursal_id == disbursal_id,
            among(DisbursalLine.invoice_id, invoice_ids),
            DisbursalLine.state != LineState.REMOVED,
        )
        .values(state=LineState.REMOVED, reason=why[:500])
        .execution_options(synchronize_session=False)
    )
    forget(DisbursalLine)
    return cast(CursorResult[Any], removed).rowcount


def _note_maker(ctx: Context, disbursal: Disbursal) -> None:
    """Who changes what is in it has a hand in it, and may not approve it alone."""
    if ctx.actor_id is not None and ctx.actor_id not in disbursal.maker_ids:
        disbursal.maker_ids = [*disbursal.maker_ids, ctx.actor_id]
