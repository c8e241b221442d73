"""Movements that another message of the bank told of before: an advice, or a statement in another format. They are
kept once."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Row, or_, select

from tusker.domain.accounts import same_number
from tusker.domain.bank.advices import MOST_DAYS, Told, batches, pair
from tusker.domain.bank.banking import Entry, is_advice, kind_of
from tusker.extensions import db
from tusker.models import BankStatement, EntryState, StatementEntry
from tusker.services.locks import among


@dataclass(frozen=True, slots=True)
class ToldBefore:
    """Which movements of a new statement are stored ones of an advice, or the other way round: those that are, by
    fingerprint with the stored one's, and those that may be."""

    known: Mapping[str, str]
    doubtful: Collection[str]


def told_before(statement: BankStatement, entries: Sequence[Entry], taken: Collection[str]) -> ToldBefore:
    """Find what an advice or a statement in another format told of and this one lists too, whichever came first;
    `taken` are stored ones that other movements of the statement are.

    A whole batch booking is known by its parts; the parts of a stored one wait for a person, for they say more. Where
    balances and movements of two formats agree, all are the same; where only the balances do, none is new for sure.
    """
    others = _messages(statement, entries) if entries else {}
    stored = [(told, of) for told, of in _stored(others, entries) if told.key not in taken]
    if not stored:
        return ToldBefore({}, ())
    new = [_told(entry, statement) for entry in entries]
    rows = [told for told, _ in stored]
    sure, maybe = pair(new, rows)
    by_parts = batches(rows)
    for each in new:
        group = by_parts.get((each.reference, each.amount))
        if group and each.key not in sure:
            sure[each.key] = group[0]
    wholes = {(each.reference, each.amount) for each in rows if each.reference}
    doubtful = {part.key for booking, group in batches(new).items() if booking in wholes for part in group}
    for other in others.values():
        same_ends = _ends(other) == _ends(statement) and None not in _ends(other)
        held = [told for told, of in stored if of == other.id]
        if (
            not same_ends
            or is_advice(other.format)
            or is_advice(statement.format)
            or _days(held) != _days(new)
        ):
            continue
        if _moves(held) == _moves(new):
            sure |= {key: found for key, found in maybe.items() if found in held}
        doubtful |= {each.key for each in new}
    return ToldBefore(
        {key: found.key for key, found in sure.items()}, (maybe.keys() | doubtful) - sure.keys()
    )


def _ends(statement: BankStatement) -> tuple[int | None, int | None]:
    return statement.opening_balance, statement.closing_balance


def _days(told: Sequence[Told]) -> tuple[date, ...]:
    return tuple(sorted({each.booked_on for each in told}))


def _moves(told: Sequence[Told]) -> Counter[tuple[date, int]]:
    return Counter((each.booked_on, each.amount) for each in told)


_TOLD = (
    *(StatementEntry.statement_id, StatementEntry.direction, StatementEntry.amount),
    *(StatementEntry.fingerprint, StatementEntry.booked_on, StatementEntry.value_date),
    *(StatementEntry.bank_reference, StatementEntry.end_to_end_id, StatementEntry.remittance),
    StatementEntry.entry_reference,
)
"""What is read of stored movements, without the weight of a row of the model."""


def _told(entry: Entry | Row[*tuple[Any, ...]], statement: BankStatement) -> Told:
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
        is_advice(statement.format),
    )


def _is_of_another_kind(one: BankStatement, other: BankStatement) -> bool:
    """Whether two statements are of other formats, or tables with other heads."""
    of_tables = kind_of(one.format, "") == kind_of(other.format, "")
    if of_tables and not (one.layout and other.layout):
        return False
    return kind_of(one.format, one.layout) != kind_of(other.format, other.layout)


def _messages(statement: BankStatement, entries: Sequence[Entry]) -> dict[int, BankStatement]:
    """The earlier messages about the same account and days of another kind than the statement, by id; for an advice
    those of all kinds."""
    near = timedelta(MOST_DAYS)
    days = [entry.booked_on for entry in entries]
    found = db.session.scalars(
        select(BankStatement).where(
            BankStatement.id != statement.id,
            BankStatement.opened_on.is_(None) | (BankStatement.opened_on <= max(days) + near),
            BankStatement.closed_on.is_(None) | (BankStatement.closed_on >= min(days) - near),
        )
    )
    advice = is_advice(statement.format)
    return {
        other.id: other
        for other in found
        if (advice or is_advice(other.format) or _is_of_another_kind(other, statement))
        and same_number(other.account, statement.account)
    }


def _stored(messages: Mapping[int, BankStatement], entries: Sequence[Entry]) -> Iterator[tuple[Told, int]]:
    """What is stored of these messages that may be the same movements, each with its message."""
    if not messages:
        return
    near = timedelta(MOST_DAYS)
    days = [entry.booked_on for entry in entries]
    references = {name for entry in entries for name in (entry.bank_reference, entry.entry_reference) if name}
    rows = db.session.execute(
        select(*_TOLD)
        .where(
            among(StatementEntry.statement_id, messages.keys()),
            StatementEntry.booked_on.between(min(days) - near, max(days) + near),
            StatementEntry.state != EntryState.DUPLICATE,
            or_(
                among(StatementEntry.amount, {entry.amount for entry in entries}),
                among(StatementEntry.entry_reference, references),
                among(StatementEntry.bank_reference, references),
            ),
        )
        .order_by(StatementEntry.id)
    )
    for row in rows:
        yield _told(row, messages[row.statement_id]), row.statement_id
