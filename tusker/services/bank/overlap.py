"""Which movements of a new statement are stored already, by reference or by how the statements lie to each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import select

from tusker.domain.banking import Entry, numbered
from tusker.domain.overlap import Held, Relation, Span, relation, sort_out
from tusker.extensions import db
from tusker.models import BankStatement, EntryState, StatementEntry

_STANDING: dict[str, Literal["waiting", "copy"]] = {
    EntryState.IN_DOUBT: "waiting",
    EntryState.DUPLICATE: "copy",
}


@dataclass(frozen=True, slots=True)
class Sorted:
    """A movement under the fingerprint it is or shall be stored with."""

    entry: Entry
    fate: Literal["known", "doubtful", "new"]


@dataclass(frozen=True, slots=True)
class _Stored:
    fingerprint: str
    state: str
    span: Span


def sort_entries(statement: BankStatement, entries: Sequence[Entry]) -> list[Sorted]:
    """Tell for each movement of a statement, in its order, whether it is stored already. Call in the import's turn."""
    counts = Counter(entry.likeness for entry in entries if entry.likeness)
    stored = _stored_alike(counts)
    referenced = _stored_of([entry.fingerprint for entry in entries if not entry.likeness])
    waiting: dict[str, list[Sorted]] = {}
    sorted_out = []
    for entry in entries:
        if not entry.likeness:
            sorted_out.append(Sorted(entry, "known" if entry.fingerprint in referenced else "new"))
            continue
        if entry.likeness not in waiting:
            alike = stored[entry.likeness]
            waiting[entry.likeness] = _fates(statement, entry, counts[entry.likeness], alike)[::-1]
        fate = waiting[entry.likeness].pop()
        sorted_out.append(Sorted(replace(entry, fingerprint=fate.entry.fingerprint), fate.fate))
    return sorted_out


def _fates(statement: BankStatement, entry: Entry, count: int, stored: Sequence[_Stored]) -> list[Sorted]:
    """What becomes of each of the movements that look like this one."""
    span = _span(statement)
    lies = [relation(span, row.span, entry.booked_on) for row in stored]
    held = [Held(lie, _STANDING.get(row.state, "sure")) for lie, row in zip(lies, stored, strict=True)]
    verdicts = sort_out(count, held)
    known = [row.fingerprint for lie, row in zip(lies, stored, strict=True) if lie is Relation.WITHIN]
    made = [numbered(entry.likeness, len(stored) + place) for place in range(1, count - verdicts.known + 1)]
    doubtful, new = made[: verdicts.doubtful], made[verdicts.doubtful :]
    return [
        *(Sorted(replace(entry, fingerprint=found), "known") for found in known[: verdicts.known]),
        *(Sorted(replace(entry, fingerprint=found), "doubtful") for found in doubtful),
        *(Sorted(replace(entry, fingerprint=found), "new") for found in new),
    ]


def _stored_alike(counts: Counter[str]) -> dict[str, list[_Stored]]:
    """The stored movements by what they share. They are numbered without a gap, so one more than is there is asked
    for, and more only of those of which all were there."""
    found: dict[str, list[_Stored]] = {likeness: [] for likeness in counts}
    upto = {likeness: count + 1 for likeness, count in counts.items()}
    while upto:
        asked = {
            likeness: [numbered(likeness, n) for n in range(len(found[likeness]) + 1, end + 1)]
            for likeness, end in upto.items()
        }
        rows = _stored_of([fingerprint for prints in asked.values() for fingerprint in prints])
        for likeness, prints in asked.items():
            there = [rows[fingerprint] for fingerprint in prints if fingerprint in rows]
            found[likeness] += there
            upto[likeness] *= 2
            if len(there) < len(prints):
                del upto[likeness]
    return found


def _stored_of(fingerprints: Collection[str]) -> dict[str, _Stored]:
    if not fingerprints:
        return {}
    query = (
        select(StatementEntry.fingerprint, StatementEntry.state, BankStatement)
        .join(BankStatement, BankStatement.id == StatementEntry.statement_id)
        .where(StatementEntry.fingerprint.in_(fingerprints))
    )
    rows: Sequence[Any] = db.session.execute(query).all()
    return {row.fingerprint: _Stored(row.fingerprint, row.state, _span(row.BankStatement)) for row in rows}


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
