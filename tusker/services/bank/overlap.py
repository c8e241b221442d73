"""Which movements of a new statement are stored already, by reference or by how the statements lie to each other."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Literal, NamedTuple

from sqlalchemy import func, select

from tusker.domain.accounts import same_number
from tusker.domain.bank.banking import Entry, numbered
from tusker.domain.bank.overlap import Held, Relation, Span, relation, sort_out
from tusker.extensions import db
from tusker.models import BankStatement, EntryState, StatementEntry
from tusker.services.bank.advices import told_before
from tusker.services.locks import among

_STANDING: dict[str, Literal["waiting", "copy"]] = {
    EntryState.IN_DOUBT: "waiting",
    EntryState.DUPLICATE: "copy",
}
_MOVE = ("direction", "amount", "booked_on")
_WORDS = ("remittance", "bank_reference", "counterparty", "counterparty_account", "end_to_end_id")
_move: attrgetter[tuple[Any, ...]] = attrgetter(*_MOVE)
_words: attrgetter[tuple[str, ...]] = attrgetter(*_WORDS)


class Sorted(NamedTuple):
    """A movement under the fingerprint it is or shall be stored with."""

    entry: Entry
    fate: Literal["known", "doubtful", "new"]


@dataclass(frozen=True, slots=True)
class _Stored:
    id: int
    fingerprint: str
    state: str
    move: tuple[Any, ...]
    words: tuple[str, ...]
    statement: BankStatement
    span: Span


def sort_entries(statement: BankStatement, entries: Sequence[Entry]) -> list[Sorted]:
    """Say for each movement of a statement whether it is stored already. The caller holds the import lock."""
    stored = _stored_like(entries)
    referenced = {
        entry.fingerprint for entry in entries if not entry.likeness and entry.fingerprint in stored
    }
    advised = told_before(
        statement, [entry for entry in entries if entry.fingerprint not in referenced], referenced
    )
    counts = Counter(
        entry.likeness for entry in entries if entry.likeness and entry.fingerprint not in advised.known
    )
    waiting: dict[str, list[Sorted]] = {}
    sorted_out = []
    for entry in entries:
        if known := advised.known.get(entry.fingerprint):
            sorted_out.append(Sorted(entry._replace(fingerprint=known), "known"))
            continue
        fate = Sorted(entry, "known" if entry.fingerprint in referenced else "new")
        if entry.likeness:
            if entry.likeness not in waiting:
                # they are numbered without a gap
                prints = (numbered(entry.likeness, number) for number in itertools.count(1))
                alike = [stored[each] for each in itertools.takewhile(stored.__contains__, prints)]
                fates = _fates(statement, entry, counts[entry.likeness], alike, set(advised.known.values()))
                waiting[entry.likeness] = fates[::-1]
            fate = waiting[entry.likeness].pop()
            fate = Sorted(entry._replace(fingerprint=fate.entry.fingerprint), fate.fate)
        if fate.fate == "new" and entry.fingerprint in advised.doubtful:
            fate = fate._replace(fate="doubtful")
        sorted_out.append(fate)
    cut = _perhaps_cut(statement, sorted_out, stored.values())
    return [each._replace(fate="doubtful") if each.entry.fingerprint in cut else each for each in sorted_out]


def _perhaps_cut(statement: BankStatement, read: Sequence[Sorted], stored: Collection[_Stored]) -> set[str]:
    """The fingerprints of new movements that may be stored ones: of the row in which a file was cut, only a part is
    left of what tells its movement from others."""
    new: defaultdict[tuple[Any, ...], list[Entry]] = defaultdict(list)
    for each in read:
        if each.fate == "new":
            new[_move(each.entry)].append(each.entry)
    listed = {each.entry.fingerprint for each in read}
    span = _span(statement)
    others = [
        row
        for row in stored
        if row.move in new
        and row.fingerprint not in listed
        and row.state != EntryState.DUPLICATE
        and relation(span, row.span, row.move[-1]) is not Relation.APART
        and same_number(row.statement.account, statement.account)
    ]
    if not others:
        return set()
    theirs = among(StatementEntry.statement_id, {row.statement.id for row in others})
    ends = select(func.max(StatementEntry.id)).where(theirs).group_by(StatementEntry.statement_id)
    last = {*db.session.scalars(ends)}
    cut: set[str] = set()
    for row in others:
        if row.id in last:
            alike = new[row.move]
            wholes = [each for each in alike if _is_part(row.words, _words(each))]
            # where a file contradicts itself, what is left may have been read as something else
            cut |= {each.fingerprint for each in wholes or (alike if row.statement.doubt else ())}
    end, fate = read[-1]
    told = [row.words for row in others if row.move == _move(end)]
    if fate == "new" and any(statement.doubt or _is_part(_words(end), words) for words in told):
        cut.add(end.fingerprint)
    return cut


def _is_part(part: tuple[str, ...], whole: tuple[str, ...]) -> bool:
    """Whether the words of a row may be what a cut left of another's."""
    text, *others = part
    # what was read in the text tells no more than that
    told = [(other, its) for other, its in zip(others, whole[1:], strict=True) if other not in text]
    return part != whole and whole[0].startswith(text) and all(its.startswith(other) for other, its in told)


def _fates(
    statement: BankStatement, entry: Entry, count: int, alike: Sequence[_Stored], paired: Collection[str]
) -> list[Sorted]:
    """What becomes of each of the movements that look like this one; `paired` are stored ones that others are."""
    span = _span(statement)
    stored = [row for row in alike if row.fingerprint not in paired]
    lies = [relation(span, row.span, entry.booked_on) for row in stored]
    held = [Held(lie, _STANDING.get(row.state, "sure")) for lie, row in zip(lies, stored, strict=True)]
    verdicts = sort_out(count, held)
    known = [row.fingerprint for lie, row in zip(lies, stored, strict=True) if lie is Relation.WITHIN]
    made = [numbered(entry.likeness, len(alike) + place) for place in range(1, count - verdicts.known + 1)]
    doubtful, new = made[: verdicts.doubtful], made[verdicts.doubtful :]
    return [
        *(Sorted(entry._replace(fingerprint=found), "known") for found in known[: verdicts.known]),
        *(Sorted(entry._replace(fingerprint=found), "doubtful") for found in doubtful),
        *(Sorted(entry._replace(fingerprint=found), "new") for found in new),
    ]


def free_prints(entries: Sequence[Entry], used: Collection[str]) -> Callable[[Entry], str]:
    """Gives movements of a statement fingerprints that are neither stored nor `used`, their own where they can be, so
    that a later statement finds them."""
    taken = {*_stored_like(entries), *used}
    numbers: defaultdict[str, Iterator[int]] = defaultdict(lambda: itertools.count(1))

    def free(entry: Entry) -> str:
        if not entry.likeness and entry.fingerprint not in taken:
            return entry.fingerprint
        name = entry.likeness or entry.fingerprint
        return next(made for number in numbers[name] if (made := numbered(name, number)) not in taken)

    return free


def _stored_like(entries: Sequence[Entry]) -> dict[str, _Stored]:
    """The stored movements of the same days and amounts by fingerprint; those that may be the same are among them."""
    told = ("id", "fingerprint", "state", "statement_id", *_MOVE, *_WORDS)
    rows = db.session.execute(
        select(*(getattr(StatementEntry, name) for name in told)).where(
            StatementEntry.booked_on.in_({entry.booked_on for entry in entries}),
            among(StatementEntry.amount, {entry.amount for entry in entries}),
        )
    ).all()
    theirs = select(BankStatement).where(among(BankStatement.id, {row.statement_id for row in rows}))
    of = {statement.id: (statement, _span(statement)) for statement in db.session.scalars(theirs)}
    return {
        row.fingerprint: _Stored(
            row.id, row.fingerprint, row.state, _move(row), _words(row), *of[row.statement_id]
        )
        for row in rows
    }


def _span(statement: BankStatement) -> Span:
    return Span(
        statement.digest,
        statement.reference,
        statement.opened_on,
        statement.closed_on,
        statement.opening_balance,
        statement.closing_balance,
        statement.starts_at,
        statement.ends_at,
    )
