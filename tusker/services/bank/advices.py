"""Movements that an advice told of before the statement lists them, or after it: they are kept once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import or_, select

from tusker.domain.accounts import same_number
from tusker.domain.advices import MOST_DAYS, Told, batches, pair
from tusker.domain.banking import ADVICES, Entry, is_advice
from tusker.extensions import db
from tusker.models import BankStatement, EntryState, StatementEntry


@dataclass(frozen=True, slots=True)
class ToldBefore:
    """Which movements of a new statement are stored ones of an advice, or the other way round: those that are, by
    fingerprint with the stored one's, and those that may be."""

    known: Mapping[str, str]
    doubtful: Collection[str]


def told_before(statement: BankStatement, entries: Sequence[Entry], taken: Collection[str]) -> ToldBefore:
    """Find what an advice told of and a statement lists too, whichever came first; `taken` are stored ones that other
    movements of the statement are.

    A whole batch booking is known by its parts; the parts of a stored one wait for a person, for they say more.
    """
    stored = [told for told in _stored(statement, entries) if told.key not in taken] if entries else []
    if not stored:
        return ToldBefore({}, ())
    told = [_told(entry) for entry in entries]
    sure, maybe = pair(told, stored)
    by_parts = batches(stored)
    for each in told:
        group = by_parts.get((each.reference, each.amount))
        if group and each.key not in sure:
            sure[each.key] = group[0]
    wholes = {(each.reference, each.amount) for each in stored if each.reference}
    parts = {part.key for booking, group in batches(told).items() if booking in wholes for part in group}
    return ToldBefore({key: found.key for key, found in sure.items()}, maybe.keys() | parts)


def _told(entry: Entry | StatementEntry) -> Told:
    signed = entry.amount if entry.direction == "credit" else -entry.amount
    return Told(
        entry.fingerprint,
        signed,
        entry.booked_on,
        entry.value_date,
        entry.bank_reference,
        entry.end_to_end_id,
        entry.remittance,
        entry.entry_reference,
    )


def _stored(statement: BankStatement, entries: Sequence[Entry]) -> list[Told]:
    """What is stored of the same days that may be the same movements, of advices for a statement, else of both."""
    near = timedelta(MOST_DAYS)
    days = [entry.booked_on for entry in entries]
    references = {name for entry in entries for name in (entry.bank_reference, entry.entry_reference) if name}
    rows = db.session.execute(
        select(StatementEntry, BankStatement.account)
        .join(BankStatement, BankStatement.id == StatementEntry.statement_id)
        .where(
            StatementEntry.booked_on.between(min(days) - near, max(days) + near),
            StatementEntry.statement_id != statement.id,
            StatementEntry.state != EntryState.DUPLICATE,
            or_(
                StatementEntry.amount.in_({entry.amount for entry in entries}),
                StatementEntry.entry_reference.in_(references),
                StatementEntry.bank_reference.in_(references),
            ),
            *([] if is_advice(statement.format) else [or_(*map(BankStatement.format.startswith, ADVICES))]),
        )
        .order_by(StatementEntry.id)
    )
    return [_told(entry) for entry, account in rows if same_number(account, statement.account)]
