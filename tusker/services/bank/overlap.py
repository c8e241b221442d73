"""Which movements of a new statement are stored already, by reference or by how the statements lie to each other."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from sqlalchemy import select

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


class Sorted(NamedTuple):
    """A movement under the fingerprint it is or shall be stored with."""

    entry: Entry
    fate: Literal["known", "doubtful", "new"]


@dataclass(frozen=True, slots=True)
class _Stored:
    fingerprint: str
    state: str
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
    return sorted_out


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
    rows = db.session.execute(
        select(StatementEntry.fingerprint, StatementEntry.state, StatementEntry.statement_id).where(
            StatementEntry.booked_on.in_({entry.booked_on for entry in entries}),
            among(StatementEntry.amount, {entry.amount for entry in entries}),
        )
    ).all()
    theirs = select(BankStatement).where(among(BankStatement.id, {row.statement_id for row in rows}))
    spans = {statement.id: _span(statement) for statement in db.session.scalars(theirs)}
    return {
        fingerprint: _Stored(fingerprint, state, spans[statement_id])
        for fingerprint, state, statement_id in rows
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
