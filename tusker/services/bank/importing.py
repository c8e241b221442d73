"""A bank statement comes in: kept once, its debits confirm payouts, its credits wait to be accepted as receipts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import current_app
from sqlalchemy import func, insert, select

from tusker.domain.banking import Statement, StatementFile
from tusker.domain.matching import Verdict
from tusker.errors import Conflict, NotFound
from tusker.extensions import db
from tusker.models import (
    BankCharge,
    BankStatement,
    EntryDirection,
    EntryState,
    Receipt,
    ReceiptKind,
    StatementEntry,
)
from tusker.queries.bank.candidates import judge_entries
from tusker.services.bank.overlap import Sorted, sort_entries
from tusker.services.bank.payout_matches import NO_PAYOUT, settle_payouts
from tusker.services.bank_entries import decide, lock_entries
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.locks import AdvisoryLock, lock_rows, take_lock

NO_LOAN = "No open loan fits it."
LOOKS_BOOKED = "Looks like a movement that is booked already."
THE_SAME = "The same movement as one that was booked before."


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
    def _failures(self) -> str:
        if not self.failed:
            return ""
        return (
            f" ({self.failed} {'payout was' if self.failed == 1 else 'payouts were'} not paid or came back)"
        )

    @property
    def words(self) -> str:
        """What happened, as a sentence."""
        if self.repeated:
            return "This file was imported before; nothing was added."
        known = f", {self.known} known already" if self.known else ""
        known += f", {self.doubtful} that may be known already" if self.doubtful else ""
        parts = [
            f"{count} {what}"
            for count, what in (
                (self.settled, f"settled{self._failures}"),
                (self.sure, "ready to accept"),
                (self.to_look_at, "to look at"),
                (self.parked, "parked"),
            )
            if count
        ]
        return f"{self.new} entries{known}{': ' if parts else ''}{', '.join(parts)}."


def import_statement(ctx: Context, file: StatementFile, *, digest: str, file_name: str) -> ImportResult:
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
    entries: list[StatementEntry] = []
    read: list[list[Sorted]] = []
    for position, statement in enumerate(file.statements, 1):
        made = _store_statement(ctx, file.format, statement, digest, position, file_name)
        statement_ids.append(made.id)
        read.append(sort_entries(made, statement.entries))
        entries += _store_entries(made.id, read[-1])
        _note_import(ctx, made, read[-1])
    counts = _settle(ctx, entries)
    fates = [each.fate for part in read for each in part]
    return ImportResult(
        statement_ids,
        repeated=False,
        new=len(entries),
        known=fates.count("known"),
        doubtful=fates.count("doubtful"),
        prints=[[each.entry.fingerprint for each in part] for part in read],
        **counts,
    )


def take_as_new(ctx: Context, entry_id: int) -> StatementEntry:
    """A person says that an entry which looks like a booked one is another: it is matched like any new one."""
    take_lock(AdvisoryLock.STATEMENT_IMPORT)
    entry = _in_doubt(entry_id)
    decide(ctx, entry, EntryState.OPEN)
    _settle(ctx, [entry])
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
        raise Conflict("Somebody has decided on this entry already.")
    return entry


def match_again(ctx: Context, statement_id: int) -> ImportResult:
    """Look once more at what of a statement is open, or parked by nobody: payouts and loans may have changed since."""
    take_lock(AdvisoryLock.STATEMENT_IMPORT)
    if db.session.get(BankStatement, statement_id) is None:
        raise NotFound("This statement does not exist.")
    entries = lock_rows(
        StatementEntry,
        StatementEntry.statement_id == statement_id,
        StatementEntry.state.in_([EntryState.OPEN, EntryState.PARKED]),
        StatementEntry.decided_at.is_(None),
    )
    counts = _settle(ctx, entries)
    record_event(
        ctx, "statement", statement_id, "looked_at_again", settled=counts["settled"], sure=counts["sure"]
    )
    return ImportResult([statement_id], repeated=False, new=len(entries), prints=(), **counts)


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


def _store_entries(statement_id: int, read: Sequence[Sorted]) -> Sequence[StatementEntry]:
    """Store those that are not there yet, in the bank's order; the new ones of them, locked."""
    rows = [
        {
            "statement_id": statement_id,
            "fingerprint": entry.fingerprint,
            "direction": str(entry.direction),
            "amount": entry.amount,
            "instructed_amount": entry.instructed,
            "booked_on": entry.booked_on,
            "value_date": entry.value_date,
            "bank_reference": entry.bank_reference,
            "entry_reference": entry.entry_reference,
            "end_to_end_id": entry.end_to_end_id,
            "batch_reference": entry.batch_reference,
            "counterparty": entry.counterparty,
            "counterparty_account": entry.counterparty_account,
            "remittance": entry.remittance,
            "return_reason": entry.return_reason,
            "state": EntryState.OPEN if each.fate == "new" else EntryState.IN_DOUBT,
            "note": "" if each.fate == "new" else LOOKS_BOOKED,
        }
        for each in read
        if each.fate != "known"
        for entry in [each.entry]
    ]
    if not rows:
        return []
    db.session.execute(insert(StatementEntry), rows)
    return lock_rows(
        StatementEntry, StatementEntry.statement_id == statement_id, StatementEntry.state == EntryState.OPEN
    )


def _note_import(ctx: Context, made: BankStatement, read: Sequence[Sorted]) -> None:
    fates = [each.fate for each in read]
    record_event(
        ctx,
        "statement",
        made.id,
        "statement_imported",
        to_value=made.reference or made.file_name,
        reason=made.file_name,
        entries=fates.count("new"),
        known=fates.count("known"),
        doubtful=fates.count("doubtful"),
        skipped=len(made.skipped),
    )


def _settle(ctx: Context, entries: Sequence[StatementEntry]) -> dict[str, int]:
    """Match open entries with payouts and receipts, judge the rest; the counts of an `ImportResult`."""
    for entry in entries:
        entry.note = ""
    settle_payouts(ctx, entries)
    _link_recorded(ctx, [entry for entry in entries if entry.state != EntryState.MATCHED])
    rest = [entry for entry in entries if entry.state != EntryState.MATCHED]
    judged = judge_entries(rest, ctx.today)
    failed = sum(e.state == EntryState.MATCHED and e.return_reason is not None for e in entries)
    counts = {"settled": len(entries) - len(rest), "failed": failed, "sure": 0, "to_look_at": 0, "parked": 0}
    for entry in rest:
        verdict = judged[entry.id].verdict if entry.id in judged else Verdict.NONE
        if not entry.note and verdict is Verdict.NONE and entry.return_reason is None:
            counts["parked"] += 1
            entry.state, entry.note = EntryState.PARKED, _nothing(entry)
        else:
            counts["sure" if verdict is Verdict.SURE and not entry.note else "to_look_at"] += 1
            entry.state, entry.note = EntryState.OPEN, entry.note or _unclear(entry)
    db.session.flush()
    return counts


def _nothing(entry: StatementEntry) -> str:
    return NO_LOAN if entry.direction == EntryDirection.CREDIT else NO_PAYOUT


def _unclear(entry: StatementEntry) -> str:
    return "" if entry.return_reason is None else f"Returned ({entry.return_reason}), but {NO_PAYOUT.lower()}"


def _link_recorded(ctx: Context, entries: Sequence[StatementEntry]) -> None:
    """Match credits that a person recorded by hand before: same reference, amount and value date."""
    references = {
        e.bank_reference
        for e in entries
        if e.bank_reference and e.direction == EntryDirection.CREDIT and e.return_reason is None
    }
    if not references:
        return
    linked = select(StatementEntry.receipt_id).where(StatementEntry.receipt_id.is_not(None))
    found = lock_rows(
        Receipt,
        Receipt.kind == ReceiptKind.PAYMENT,
        Receipt.reversed_on.is_(None),
        Receipt.bank_reference.in_(references),
        Receipt.id.not_in(linked),
        # one that is just being undone is not waited for
        skip_locked=True,
    )
    kept = {
        receipt_id: int(total)
        for receipt_id, total in db.session.execute(
            select(BankCharge.receipt_id, func.sum(BankCharge.amount))
            .where(BankCharge.receipt_id.in_([row.id for row in found]))
            .group_by(BankCharge.receipt_id)
        )
    }
    free: dict[object, list[int]] = {}
    for row in found:
        free.setdefault((row.bank_reference, row.amount - kept.get(row.id, 0), row.value_date), []).append(
            row.id
        )
    for entry in entries:
        key = (entry.bank_reference, entry.amount, entry.value_date)
        if entry.direction == EntryDirection.CREDIT and entry.return_reason is None and free.get(key):
            note = f"Receipt {entry.bank_reference}, recorded before"
            decide(ctx, entry, EntryState.MATCHED, note=note, receipt_id=free[key].pop(0))
