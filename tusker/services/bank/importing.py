"""A bank statement comes in: kept once, its debits confirm payouts, its credits wait to be accepted as receipts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import exists, select

from tusker.domain.bank.advices import MOST_DAYS
from tusker.domain.bank.banking import Entry, Statement, StatementFile
from tusker.errors import Conflict, NotFound
from tusker.extensions import db
from tusker.messages import joined, say, say_n
from tusker.models import BankStatement, EntryState, Event, StatementEntry
from tusker.queries.bank.candidates import Line
from tusker.services.bank.overlap import Sorted, free_prints, sort_entries
from tusker.services.bank.settling import Progress, settle_entries
from tusker.services.bank.storing import store_entries
from tusker.services.bank_entries import decide, lock_entries
from tusker.services.context import Context
from tusker.services.events import Subject, record_event
from tusker.services.locks import AdvisoryLock, among, lock_ids, lock_rows, take_lock
from tusker.services.moves import write_changed

THE_SAME = say("The same movement as one that was booked before.")
TOLD_SOUNDLY = say("A later file that is sound lists the same movement; its entry counts.")


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import added. `statement_ids` are of the file's statements, of an earlier import when `repeated`.

    `new` entries were stored, `known` ones were there already, `doubtful` ones look like such and were put aside for a
    person. `settled` ones said something of payouts or were recorded by hand before; of them `failed` ones said that a
    payout was not made or came back. `sure` ones wait to be accepted, `to_look_at` ones for a choice, the rest is
    `parked`. `prints` are the fingerprints of the entries as stored, by statement.
    """

    statement_ids: Sequence[int]
    repeated: bool
    new: int = 0
    known: int = 0
    doubtful: int = 0
    settled: int = 0
    failed: int = 0
    sure: int = 0
    to_look_at: int = 0
    parked: int = 0
    prints: Sequence[Sequence[str]] = ()

    @property
    def words(self) -> str:
        if self.repeated:
            return say("This file was imported before; nothing was added.")
        failed = say_n(
            "{n} payout was not paid or came back", "{n} payouts were not paid or came back", self.failed
        )
        settled = say("{n} settled", n=self.settled)
        new = [
            (self.known, say("{n} known already", n=self.known)),
            (self.doubtful, say("{n} that may be known already", n=self.doubtful)),
        ]
        parts = [
            (
                self.settled,
                say("{settled} ({failed})", settled=settled, failed=failed) if self.failed else settled,
            ),
            (self.sure, say("{n} ready to accept", n=self.sure)),
            (self.to_look_at, say("{n} to look at", n=self.to_look_at)),
            (self.parked, say("{n} parked", n=self.parked)),
        ]
        heads = joined([say("{n} entries", n=self.new), *(words for count, words in new if count)])
        told = joined(words for count, words in parts if count)
        return say("{entries}: {parts}.", entries=heads, parts=told) if told else joined([heads, "."], "")


def import_statement(
    ctx: Context, file: StatementFile, *, digest: str, file_name: str, progress: Progress | None = None
) -> ImportResult:
    """Keep a file's statements and entries, and settle what they say of payouts.

    `digest` is the SHA-256 of the file. A file, or an entry of an overlapping statement, that is here already adds
    nothing. Credits are only judged: none becomes a receipt without `accept_entry`.
    """
    take_lock(AdvisoryLock.STATEMENT_IMPORT)
    earlier = db.session.scalars(
        select(BankStatement.id).where(BankStatement.digest == digest).order_by(BankStatement.position)
    ).all()
    if earlier:
        prints = [[entry.fingerprint for entry in statement.entries] for statement in file.statements]
        return ImportResult(earlier, repeated=True, prints=prints)
    statement_ids: list[int] = []
    new: list[int] = []
    lines: list[Line] = []
    read: list[list[Sorted]] = []
    for position, statement in enumerate(file.statements, 1):
        made = _store_statement(ctx, file.format, statement, digest, position, file_name)
        statement_ids.append(made.id)
        read.append(_take_over(ctx, made, statement.entries, sort_entries(made, statement.entries)))
        entry_ids, told = store_entries(made.id, read[-1])
        new += entry_ids
        lines += told
        _note_import(ctx, made, read[-1])
    counts = settle_entries(ctx, new, progress, fresh=lines)
    fates = [each.fate for part in read for each in part]
    return ImportResult(
        statement_ids,
        repeated=False,
        new=len(new),
        known=fates.count("known"),
        doubtful=fates.count("doubtful"),
        prints=[[each.entry.fingerprint for each in part] for part in read],
        **counts,
    )


def _take_over(
    ctx: Context, made: BankStatement, entries: Sequence[Entry], read: list[Sorted]
) -> list[Sorted]:
    """The entries of a sound statement take the place of those that a file which contradicts itself, such as one that
    was cut, told before, where these still wait and nobody ever decided on them."""
    known = {(each.entry.fingerprint, each.entry.amount) for each in read if each.fate == "known"}
    if made.doubt or not known:
        return read
    near, days = timedelta(MOST_DAYS), [entry.booked_on for entry in entries]
    still_wait = (
        StatementEntry.state.in_([EntryState.OPEN, EntryState.PARKED]),
        StatementEntry.decided_at.is_(None),
        StatementEntry.statement_id.in_(select(BankStatement.id).where(BankStatement.doubt != "")),
        ~exists().where(Event.subject == Subject.STATEMENT_ENTRY, Event.subject_id == StatementEntry.id),
    )
    # by their days: where many have just come, a planner that knows of few would hold each against each fingerprint
    found = db.session.execute(
        select(StatementEntry.id, StatementEntry.fingerprint, StatementEntry.amount).where(
            StatementEntry.booked_on.between(min(days) - near, max(days) + near), *still_wait
        )
    )
    ids = [row.id for row in found if (row.fingerprint, row.amount) in known]
    waiting = lock_rows(StatementEntry, among(StatementEntry.id, ids), *still_wait) if ids else []
    if not waiting:
        return read
    theirs = {(entry.fingerprint, entry.amount): entry for entry in waiting}
    free = free_prints(entries, {each.entry.fingerprint for each in read})
    taken = []
    for own, each in zip(entries, read, strict=True):
        if entry := theirs.pop((each.entry.fingerprint, each.entry.amount), None):
            decide(ctx, entry, EntryState.DUPLICATE, note=TOLD_SOUNDLY)
            each = Sorted(own._replace(fingerprint=free(own)), "new")
        taken.append(each)
    write_changed(waiting)
    return taken


def take_as_new(ctx: Context, entry_id: int) -> StatementEntry:
    """A person says that an entry which looks like a booked one is another: it is matched like any new one."""
    take_lock(AdvisoryLock.STATEMENT_IMPORT)
    entry = _in_doubt(entry_id)
    decide(ctx, entry, EntryState.OPEN)
    db.session.flush()
    settle_entries(ctx, [entry.id])
    return entry


def take_as_same(ctx: Context, entry_id: int) -> StatementEntry:
    """A person says that an entry which looks like a booked one is that one."""
    take_lock(AdvisoryLock.STATEMENT_IMPORT)
    entry = _in_doubt(entry_id)
    decide(ctx, entry, EntryState.DUPLICATE, note=THE_SAME)
    return entry


def _in_doubt(entry_id: int) -> StatementEntry:
    [entry] = lock_entries([entry_id])
    if entry.state != EntryState.IN_DOUBT:
        raise Conflict("Someone has already decided on this entry.")
    return entry


def match_again(ctx: Context, statement_id: int) -> ImportResult:
    """Look once more at what of a statement is open, or parked by nobody: payouts and loans may have changed since."""
    take_lock(AdvisoryLock.STATEMENT_IMPORT)
    if db.session.get(BankStatement, statement_id) is None:
        raise NotFound("This statement does not exist.")
    entry_ids = lock_ids(
        StatementEntry,
        StatementEntry.statement_id == statement_id,
        StatementEntry.state.in_([EntryState.OPEN, EntryState.PARKED]),
        StatementEntry.decided_at.is_(None),
    )
    counts = settle_entries(ctx, entry_ids)
    record_event(
        ctx, ("statement", statement_id), "looked_at_again", settled=counts["settled"], sure=counts["sure"]
    )
    return ImportResult([statement_id], repeated=False, new=len(entry_ids), prints=(), **counts)


def _store_statement(
    ctx: Context, format_: str, statement: Statement, digest: str, position: int, file_name: str
) -> BankStatement:
    made = BankStatement(
        digest=digest,
        position=position,
        format=format_[:40],
        file_name=file_name[:200],
        reference=statement.reference,
        account=statement.account,
        opened_on=statement.opened_on,
        closed_on=statement.closed_on,
        opening_balance=statement.opening_balance,
        closing_balance=statement.closing_balance,
        starts_at=_aware(statement.starts_at),
        ends_at=_aware(statement.ends_at),
        skipped=list(statement.skipped),
        doubt=statement.doubt,
        layout=statement.layout,
        imported_at=ctx.now,
        imported_by=ctx.actor_id,
        importer=ctx.actor[:120],
    )
    db.session.add(made)
    db.session.flush()
    return made


def _aware(moment: datetime | None) -> datetime | None:
    """A time without a zone is one of the installation's."""
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=current_app.config["TIMEZONE"])


def _note_import(ctx: Context, made: BankStatement, read: Sequence[Sorted]) -> None:
    fates = [each.fate for each in read]
    record_event(
        ctx,
        made,
        "statement_imported",
        to_value=made.reference or made.file_name,
        reason=made.file_name,
        entries=fates.count("new"),
        known=fates.count("known"),
        doubtful=fates.count("doubtful"),
        skipped=len(made.skipped),
    )
