"""New entries of a statement are stored together, as parked, while it is read what they name."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from sqlalchemy import text

from tusker.chunks import chunks
from tusker.domain.bank.banking import Entry
from tusker.domain.bank.narrations import named_in
from tusker.extensions import db
from tusker.messages import say
from tusker.models import EntryState, StatementEntry
from tusker.queries.bank.candidates import Line
from tusker.services.bank.overlap import Sorted
from tusker.services.bank.settling import CHUNK, NOTHING
from tusker.services.copying import copy_into, written

LOOKS_BOOKED = say("Looks like a movement that is booked already.")
_STORED = (
    *("id", "statement_id", "fingerprint", "direction", "amount", "instructed_amount", "booked_on"),
    *("value_date", "bank_reference", "entry_reference", "end_to_end_id", "batch_reference", "counterparty"),
    *("counterparty_account", "remittance", "return_reason", "state", "note"),
)
_IDS = text(
    "SELECT nextval(named.ids) FROM"
    " (SELECT pg_get_serial_sequence('statement_entries', 'id')::regclass AS ids OFFSET 0)"
    " AS named, generate_series(1, :count)"
)


def store_entries(statement_id: int, read: Sequence[Sorted]) -> tuple[list[int], list[Line]]:
    """Store those that are not there yet, in the bank's order; the ids of the new ones, and how matching reads those of
    which the bank writes no second amount. Nobody else sees them yet.

    The database takes each piece in a thread, while what it says is read and the next one is written.
    """
    added = [each for each in read if each.fate != "known"]
    ids = db.session.scalars(_IDS, {"count": len(added)}).all()
    new: list[int] = []
    lines: list[Line] = []
    connection: Any = db.session.connection().connection
    with ThreadPoolExecutor(1) as sender:
        sent: Future[None] | None = None
        for part in chunks([*zip(ids, added, strict=True)], CHUNK):
            rows = written(_row_of(entry_id, statement_id, each) for entry_id, each in part)
            if sent:
                # no more than two pieces are in memory
                sent.result()
            sent = sender.submit(copy_into, connection, StatementEntry, _STORED, rows)
            fresh = [(entry_id, each.entry) for entry_id, each in part if each.fate == "new"]
            new += [entry_id for entry_id, _ in fresh]
            lines += [_line_of(entry_id, entry) for entry_id, entry in fresh if entry.instructed is None]
        if sent:
            sent.result()
    return new, lines


def _line_of(entry_id: int, entry: Entry) -> Line:
    """A new entry as matching reads it."""
    return Line(
        entry_id,
        entry.direction,
        entry.amount,
        entry.amount,
        entry.value_date,
        entry.bank_reference,
        entry.end_to_end_id,
        entry.batch_reference,
        entry.counterparty,
        entry.counterparty_account,
        entry.remittance,
        entry.return_reason,
        named_in(f"{entry.bank_reference} {entry.remittance}"),
    )


_NEW = {direction: (EntryState.PARKED.value, note) for direction, note in NOTHING.items()}
"""How a new entry is stored: what says anything is opened again by `settle_entries`."""
_DOUBTFUL = (EntryState.IN_DOUBT.value, LOOKS_BOOKED)


def _row_of(entry_id: int, statement_id: int, each: Sorted) -> tuple[object, ...]:
    """The values of `_STORED`."""
    entry = each.entry
    return (
        *(entry_id, statement_id, entry.fingerprint, entry.direction, entry.amount),
        *(entry.instructed, entry.booked_on, entry.value_date),
        *(entry.bank_reference, entry.entry_reference, entry.end_to_end_id, entry.batch_reference),
        *(entry.counterparty, entry.counterparty_account, entry.remittance),
        entry.return_reason,
        *(_NEW[entry.direction] if each.fate == "new" else _DOUBTFUL),
    )
