"""Freeing what admission took (or taking it again), in the same lock order: credit lines, suppliers, purchasers, each
by ascending id."""

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import select, text

from tusker.extensions import db
from tusker.models import Invoice, WaitingRequest
from tusker.prepared import Prepared
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

_CHANGES = """
    WITH changes AS (
        SELECT * FROM unnest(CAST(:invoices AS bigint[]), CAST(:lines AS bigint[]), CAST(:suppliers AS bigint[]),
            CAST(:purchasers AS bigint[]), CAST(:amounts AS bigint[]))
            AS c (invoice_id, credit_line_id, supplier_id, purchaser_id, amount)
    )"""
_MOVEMENTS = """, noted AS (
        INSERT INTO exposure_movements
            (invoice_id, credit_line_id, supplier_id, purchaser_id, amount, cause, at, booked_on)
        SELECT invoice_id, credit_line_id, supplier_id, purchaser_id, amount, :cause, CAST(:now AS timestamptz),
            CAST(:today AS date)
        FROM changes
    )"""


def _counting(column: str) -> str:
    """SQL that adds the changes to a column of all counters, one table after the other: each first counts the rows that
    were changed in the one before. No row is locked and changed in one statement: what was locked in its newest version
    would be changed from the one that the statement sees, and two of them wait for each other on the way."""
    parts, before = "", "changes"
    for (table, key), of_invoice in zip(_COUNTERS, _OF_INVOICES, strict=True):
        parts += f""", {table}_counted AS (
        UPDATE {table} t SET {column} = t.{column} + c.amount FROM (
            SELECT {of_invoice.key} AS id, sum(amount)::bigint AS amount FROM changes GROUP BY 1
        ) c WHERE t.{key} = c.id AND (SELECT count(*) FROM {before}) > 0 RETURNING 1
    )"""  # noqa: S608 (constants)
        before = f"{table}_counted"
    return f"{parts} SELECT count(*) FROM {before}"  # noqa: S608 (constants)


_EXPOSURE = Prepared(text(_CHANGES + _MOVEMENTS + _counting("used_amount")))
_MOVED = Prepared(text(f"{_CHANGES}{_MOVEMENTS} SELECT count(*) FROM changes"))  # noqa: S608 (constants)
_WAITING = Prepared(text(_CHANGES + _counting("waiting_amount")))


def lock_counters(invoice_ids: Collection[int]) -> None:
    """Lock all counters of locked invoices at once, where more than one `change_exposure` follows: one after the other
    they would take a credit line after a purchaser."""
    if invoice_ids:
        wanted = among(Invoice.id, invoice_ids)
        _lock(db.session.scalars(select(column).where(wanted).distinct()) for column in _OF_INVOICES)


def _lock(keys: Iterable[Iterable[int]]) -> None:
    for (table, key_column), ids in zip(_COUNTERS, keys, strict=True):
        # Table and key names are the constants above.
        lock = f"SELECT 1 FROM {table} WHERE {key_column} = ANY(:ids) ORDER BY {key_column} FOR NO KEY UPDATE"  # noqa: S608
        db.session.execute(text(lock), {"ids": sorted(ids)})


def note_movement(ctx: Context, cause: str, invoice: Invoice, amount: int) -> None:
    """The row of an amount that the database's functions took from all three limits."""
    _run(_MOVED, [(invoice, amount)], {"cause": cause, "now": ctx.now, "today": ctx.today})


def change_exposure(ctx: Context, cause: str, changes: Iterable[tuple[Invoice, int]]) -> None:
    """Add to (or with a negative amount, free from) all three counters of each invoice, in minor units.

    Each change leaves a movement row. The caller holds the invoices' row locks, which come before the counters in
    the lock order.
    """
    changed = [(invoice, amount) for invoice, amount in changes if amount]
    if any(amount < 0 for _, amount in changed):
        after_commit(ADMIT_WAITING_JOB)
    _run(_EXPOSURE, changed, {"cause": cause, "now": ctx.now, "today": ctx.today})


def change_waiting(changes: Iterable[tuple[Invoice | WaitingRequest, int]]) -> None:
    """Add to (or with a negative amount, free from) what the waiting list holds of all three limits of each request.

    The limits stay locked. Freeing lets others in, so a job looks at the list after the commit.
    """
    _run(_WAITING, changes, {})
    after_commit(ADMIT_WAITING_JOB)


def _run(
    statement: Prepared,
    changes: Iterable[tuple[Invoice | WaitingRequest, int]],
    noted: Mapping[str, object],
) -> None:
    db.session.flush()
    rows = [(of.id, of.credit_line_id, of.supplier_id, of.purchaser_id, amount) for of, amount in changes]
    if rows:
        names = ("invoices", "lines", "suppliers", "purchasers", "amounts")
        columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
        counters = [set(columns[name]) for name in names[1:4]]
        if max(map(len, counters)) > 1:  # one is locked by its change
            _lock(counters)
        statement.rows(db.session.connection(), {**columns, **noted})
