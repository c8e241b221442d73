"""Entries of bank statements: locked, decided on, opened again. What every use case about them shares."""

from collections.abc import Collection, Sequence
from datetime import date

from sqlalchemy import select

from tusker.domain.bank.judgements import Judgement
from tusker.errors import NotFound
from tusker.extensions import db
from tusker.messages import say
from tusker.models import EntryDirection, EntryState, Receipt, StatementEntry
from tusker.queries.bank.candidates import judge_entries, open_book
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.locks import among, lock_rows

LONGEST_NOTE = 500
LONGEST_BANK_REFERENCE = 60


def lock_entries(entry_ids: Collection[int]) -> Sequence[StatementEntry]:
    """The entries by ascending id, locked and fresh; raises `NotFound` when one does not exist."""
    found = lock_rows(StatementEntry, among(StatementEntry.id, entry_ids))
    if len(found) != len(set(entry_ids)):
        raise NotFound("This statement entry does not exist.")
    return found


def decide(
    ctx: Context,
    entry: StatementEntry,
    state: EntryState,
    *,
    note: str = "",
    receipt_id: int | None = None,
) -> None:
    """Set a locked entry's state and write its event. `note` says why, or what it settled."""
    before = entry.state
    entry.state, entry.note = state, note[:LONGEST_NOTE]
    entry.receipt_id = receipt_id
    is_open = state in {EntryState.OPEN, EntryState.IN_DOUBT}
    entry.decided_at = None if is_open else ctx.now
    entry.decided_by = None if is_open else ctx.actor_id
    kind = "entry_reopened" if is_open else f"entry_{state}"
    record_event(
        ctx,
        entry,
        kind,
        from_value=before,
        to_value=state,
        reason=note[:LONGEST_NOTE],
        amount=entry.amount,
        receipt_id=receipt_id,
    )


def own_reference(entry: StatementEntry) -> str:
    """The bank's reference of an entry, or one derived from its fingerprint where the bank gives none."""
    return entry.bank_reference or f"ST-{entry.fingerprint[:16]}"


def receipt_reference(entry: StatementEntry, customer_id: int) -> str:
    """The reference under which an entry becomes a receipt of a customer.

    The bank gives all parts of a batch the same one: the second of them from the same payer is `REF/2`.
    """
    name = own_reference(entry)
    taken = set(
        db.session.scalars(
            select(Receipt.bank_reference)
            .join(StatementEntry, StatementEntry.receipt_id == Receipt.id)
            .where(
                StatementEntry.bank_reference == entry.bank_reference,
                StatementEntry.id != entry.id,
                Receipt.customer_id == customer_id,
                Receipt.reversed_on.is_(None),
            )
        )
    )
    place, free = 1, name
    while free in taken:
        place += 1
        free = f"{name[: LONGEST_BANK_REFERENCE - 8]}/{place}"
    return free


def reopen_entry_of(ctx: Context, receipt_id: int, why: str) -> None:
    """A receipt was undone: the entry that became it waits for a decision again."""
    entry_id = db.session.scalar(select(StatementEntry.id).where(StatementEntry.receipt_id == receipt_id))
    if entry_id is not None:
        [entry] = lock_entries([entry_id])
        decide(ctx, entry, EntryState.OPEN, note=say("Its receipt was undone: {why}", why=why))
        if entry.loans_found is None:
            # a receipt recorded by hand settled it unread
            find_loans_of(entry, ctx.today)


def find_loans_of(entry: StatementEntry, today: date) -> None:
    """Look for the loans that an entry may pay in the whole book."""
    keep_found(entry, judge_entries([entry], today, open_book(today)).get(entry.id))


def keep_found(entry: StatementEntry, judged: Judgement | None) -> None:
    """Keep the loans that were considered for an entry, of which alone its page judges it."""
    if entry.direction == EntryDirection.CREDIT and entry.return_reason is None:
        entry.loans_found = sorted(judged.loans) if judged else []
