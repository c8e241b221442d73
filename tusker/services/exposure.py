"""Freeing what admission took (or taking it again), in the same lock order: credit lines, suppliers, purchasers, each
by ascending id."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import select, text

from tusker.extensions import db
from tusker.models import ExposureMovement, Invoice, WaitingRequest
from tusker.services.context import Context
from tusker.services.locks import among
from tusker.transactions import after_commit

ADMIT_WAITING_JOB = "tusker.jobs.waiting.admit_waiting"
"""Nudged by whatever frees an amount or opens a line."""
_COUNTERS = (
    ("credit_lines", "id"),
    ("supplier_accounts", "customer_id"),
    ("purchaser_accounts", "customer_id"),
)
_OF_INVOICES = (Invoice.credit_line_id, Invoice.supplier_id, Invoice.purchaser_id)


def lock_counters(invoice_ids: Collection[int]) -> None:
    """Lock all counters of locked invoices at once, where more than one `change_exposure` follows: one after the other
    they would take a credit line after a purchaser."""
    if not invoice_ids:
        return
    for (table, key_column), column in zip(_COUNTERS, _OF_INVOICES, strict=True):
        keys = select(column).where(among(Invoice.id, invoice_ids)).distinct()
        _lock(table, key_column, sorted(db.session.scalars(keys)))


def _lock(table: str, key_column: str, ids: Sequence[int]) -> None:
    # Table and key names are the constants above.
    lock = f"SELECT 1 FROM {table} WHERE {key_column} = ANY(:ids) ORDER BY {key_column} FOR NO KEY UPDATE"  # noqa: S608
    db.session.execute(text(lock), {"ids": ids})


def note_movement(ctx: Context, cause: str, invoice: Invoice, amount: int) -> None:
    """The row of an amount that the database's functions took from, or that is freed on, all three limits."""
    db.session.add(
        ExposureMovement(
            invoice_id=invoice.id,
            credit_line_id=invoice.credit_line_id,
            supplier_id=invoice.supplier_id,
            purchaser_id=invoice.purchaser_id,
            amount=amount,
            cause=cause,
            at=ctx.now,
            booked_on=ctx.today,
        )
    )


def change_exposure(ctx: Context, cause: str, changes: Iterable[tuple[Invoice, int]]) -> None:
    """Add to (or with a negative amount, free from) all three counters of each invoice, in minor units.

    Each change leaves a movement row. The caller holds the invoices' row locks, which come before the counters in
    the lock order.
    """
    changed = [(invoice, amount) for invoice, amount in changes if amount]
    for invoice, amount in changed:
        note_movement(ctx, cause, invoice, amount)
    if any(amount < 0 for _, amount in changed):
        after_commit(ADMIT_WAITING_JOB)
    db.session.flush()
    _add("used_amount", changed)


def change_waiting(changes: Iterable[tuple[Invoice | WaitingRequest, int]]) -> None:
    """Add to (or with a negative amount, free from) what the waiting list holds of all three limits of each request.

    The limits stay locked. Freeing lets others in, so a job looks at the list after the commit.
    """
    _add("waiting_amount", changes)
    after_commit(ADMIT_WAITING_JOB)


def _add(column: str, changes: Iterable[tuple[Invoice | WaitingRequest, int]]) -> None:
    sums: tuple[Counter[int], Counter[int], Counter[int]] = (Counter(), Counter(), Counter())
    for about, amount in changes:
        keys = (about.credit_line_id, about.supplier_id, about.purchaser_id)
        for counter, key in zip(sums, keys, strict=True):
            counter[key] += amount
    for (table, key_column), counter in zip(_COUNTERS, sums, strict=True):
        ids = sorted(counter)
        if not ids:
            continue
        if len(ids) > 1:  # one is locked by its change
            _lock(table, key_column, ids)
        db.session.execute(
            text(
                f"UPDATE {table} SET {column} = {column} + c.amount"  # noqa: S608
                f" FROM unnest(CAST(:ids AS bigint[]), CAST(:amounts AS bigint[])) AS c (id, amount)"
                f" WHERE {table}.{key_column} = c.id"
            ),
            {"ids": ids, "amounts": [counter[i] for i in ids]},
        )
