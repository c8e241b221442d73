"""What entries of a statement say: of payouts, of receipts recorded by hand, of loans that they may pay."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import case, func, select, update

from tusker.chunks import chunks
from tusker.domain.bank.judgements import Verdict, paid_surely, rivals
from tusker.domain.bank.matching import Book
from tusker.extensions import db
from tusker.messages import say
from tusker.models import BankCharge, EntryDirection, EntryState, Receipt, ReceiptKind, StatementEntry
from tusker.queries.bank.candidates import Line, credits_of, judge_entries, lines_of, open_book
from tusker.services.bank.payout_evidence import about_payouts
from tusker.services.bank.payout_matches import NO_PAYOUT, settle_payouts
from tusker.services.bank_entries import decide, keep_found, lock_entries
from tusker.services.context import Context
from tusker.services.locks import among, lock_rows

NOTHING = {"credit": say("No open loan matches."), "debit": NO_PAYOUT}
"""What is noted of an entry that fits nothing, by its direction."""
CHUNK = 5_000
"""Entries that are in memory at once."""
Progress = Callable[[int, int], None]
"""Is told how much was done of how much."""


@dataclass(slots=True)
class _Tally:
    """The counts of an `ImportResult`, and the loans that each sure credit pays."""

    counts: Counter[str] = field(
        default_factory=lambda: Counter(settled=0, failed=0, sure=0, to_look_at=0, parked=0)
    )
    paid: dict[int, tuple[int, ...]] = field(default_factory=dict)


def settle_entries(
    ctx: Context,
    entry_ids: Sequence[int],
    progress: Progress | None = None,
    *,
    fresh: Sequence[Line] | None = None,
) -> dict[str, int]:
    """Match locked open entries with payouts and receipts, judge the rest; the counts of an `ImportResult`.

    First what is about payouts, since those that are confirmed become loans that credits may pay. Only entries that say
    anything are loaded; the others are parked together. `fresh` are the entries that were just stored as parked; of
    those that are not among them the bank writes two amounts, which a person has to look at.
    """
    tally, done = _Tally(), 0
    lines = lines_of(entry_ids) if fresh is None else fresh
    silent = set(entry_ids) - {line.id for line in lines}
    rest = {*_of_credits(silent)}
    about_loans = [line for line in lines if line.direction == EntryDirection.CREDIT and not line.returned]
    about_payouts = [line for line in lines if line.direction != EntryDirection.CREDIT or line.returned]
    for part_lines, more in ((about_payouts, silent - rest), (about_loans, rest)):
        if not part_lines and not more:
            continue
        book = open_book(ctx.today) if part_lines is about_loans else None
        for part in chunks(part_lines, CHUNK) if part_lines else [[]]:
            told = telling(part, book) | more
            nothing = [line.id for line in part if line.id not in told]
            if fresh is None:
                _park(nothing)
            tally.counts["parked"] += len(nothing)
            _settle(ctx, _opened(told), tally, book)
            done += len(part) + len(more)
            more = set()
            if progress:
                progress(done, len(entry_ids))
    doubtful = len(rivals(tally.paid))
    tally.counts["sure"] -= doubtful
    tally.counts["to_look_at"] += doubtful
    return dict(tally.counts)


def _of_credits(entry_ids: Collection[int]) -> Sequence[int]:
    """Those of some entries that are money which came in and no return."""
    is_credit = (StatementEntry.direction == EntryDirection.CREDIT) & StatementEntry.return_reason.is_(None)
    return db.session.scalars(
        select(StatementEntry.id).where(among(StatementEntry.id, entry_ids), is_credit)
    ).all()


def _settle(ctx: Context, entries: Sequence[StatementEntry], tally: _Tally, book: Book | None) -> None:
    """Settle some entries and write what became of them."""
    settle_payouts(ctx, entries)
    # what was set on the entries is written once, when all is known of them
    with db.session.no_autoflush:
        _link_recorded(ctx, [entry for entry in entries if entry.state != EntryState.MATCHED])
        rest = [entry for entry in entries if entry.state != EntryState.MATCHED]
        judged = judge_entries(rest, ctx.today, book)
    for entry in rest:
        verdict = judged[entry.id].verdict if entry.id in judged else Verdict.NONE
        if not entry.note and verdict is Verdict.NONE and entry.return_reason is None:
            entry.state, entry.note = EntryState.PARKED, NOTHING[entry.direction]
            tally.counts["parked"] += 1
            continue
        sure = verdict is Verdict.SURE and not entry.note
        tally.counts["sure" if sure else "to_look_at"] += 1
        if sure:
            tally.paid[entry.id] = paid_surely(judged[entry.id])
        entry.note = entry.note or _unclear(entry)
        keep_found(entry, judged.get(entry.id))
    tally.counts["settled"] += len(entries) - len(rest)
    matched = [entry for entry in entries if entry.state == EntryState.MATCHED]
    tally.counts["failed"] += sum(entry.return_reason is not None for entry in matched)
    db.session.flush()


def open_credits() -> Sequence[int]:
    """The money that came in and waits for a decision, by id."""
    return db.session.scalars(
        select(StatementEntry.id)
        .where(
            StatementEntry.state == EntryState.OPEN,
            StatementEntry.direction == EntryDirection.CREDIT,
            StatementEntry.return_reason.is_(None),
        )
        .order_by(StatementEntry.id)
    ).all()


def find_loans(today: date, book: Book, entry_ids: Sequence[int]) -> None:
    """Look for the loans of open credits anew: some may have begun, or be named by another number, since then."""
    entries = lock_rows(
        StatementEntry,
        among(StatementEntry.id, entry_ids),
        StatementEntry.state == EntryState.OPEN,
        skip_locked=True,
    )
    judged = judge_entries(entries, today, book)
    for entry in entries:
        keep_found(entry, judged.get(entry.id))
    db.session.flush()


def _opened(entry_ids: Collection[int]) -> Sequence[StatementEntry]:
    """Entries that may mean something, locked, as if nobody had looked at them yet; written once they are settled."""
    entries = lock_entries(entry_ids)
    for entry in entries:
        entry.state, entry.note = EntryState.OPEN, ""
    return entries


def _park(entry_ids: Collection[int]) -> None:
    """Park entries that mean nothing and are not loaded."""
    if entry_ids:
        db.session.execute(
            update(StatementEntry)
            .where(among(StatementEntry.id, entry_ids), StatementEntry.state != EntryState.PARKED)
            .values(state=EntryState.PARKED, note=case(NOTHING, value=StatementEntry.direction))
            .execution_options(synchronize_session=False)
        )


def _unclear(entry: StatementEntry) -> str:
    return (
        ""
        if entry.return_reason is None
        else say("Returned ({reason}), but no payout fits it.", reason=entry.return_reason)
    )


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
        among(Receipt.bank_reference, references),
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
            note = say("Receipt {reference}, recorded before", reference=entry.bank_reference)
            decide(ctx, entry, EntryState.MATCHED, note=note, receipt_id=free[key].pop(0))
    if found:
        # whose account one came from is known for the others
        db.session.flush()


def telling(lines: Sequence[Line], book: Book | None) -> set[int]:
    """The entries, by id, that may be about a payout, a receipt recorded by hand or an open loan of the book, and
    returns, which a person has to look at whatever they say.

    Without a book, for debits and returns, no loan is looked for."""
    found = {line.id for line in lines if line.return_reason is not None}
    found |= about_payouts(lines) | _recorded(lines)
    if book:
        judged = book.judge_each(credits_of([line for line in lines if line.id not in found]))
        found |= {key for key, judgement in judged.items() if judgement.verdict is not Verdict.NONE}
    return found


def _recorded(lines: Collection[Line]) -> set[int]:
    """Those with the reference of a receipt that stands."""
    references = {line.bank_reference for line in lines} - {""}
    known = set(
        db.session.scalars(
            select(Receipt.bank_reference).where(
                among(Receipt.bank_reference, references), Receipt.reversed_on.is_(None)
            )
        )
    )
    return {line.id for line in lines if line.bank_reference in known}
