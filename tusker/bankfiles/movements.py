"""What every reader of statements shares: amounts, fingerprints, the check of the balances."""

import codecs
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

from tusker.bankfiles.texts import kept
from tusker.domain.bank.banking import Direction, Entry, Statement, numbered
from tusker.domain.bank.narrations import read_narration
from tusker.domain.money import MAX_AMOUNT, to_major
from tusker.errors import TuskerError, UnreadableFile
from tusker.messages import joined, say

FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2100, 1, 1)
"""Days outside of these come from a two-digit year or a wrong format."""
MAX_NOTES = 200
MAX_STATEMENTS, MAX_MOVEMENTS = 1_000, 50_000
"""Of one file."""

LONGEST = {"reference": 60, "party": 200, "reason": 300, "remittance": 2000}
"""Characters that are kept of a bank's texts."""

_DECIMAL = re.compile(r"\+?(?=\.?[0-9])([0-9]{0,20})(?:\.([0-9]{0,20}))?")
_COUNT = re.compile(r"[0-9]{1,6}")
_ROUNDED = re.compile(r"[0-9](?:\.[0-9]+)?E\+[0-9]{2}")
"""A long number as a spreadsheet shortens it: 6.12346E+11 may be any of very many."""
_NO_REFERENCE = frozenset({"NONREF", "NOTPROVIDED", "NOT PROVIDED", "NONE", "NA", "N/A", "NIL", "NULL"})


class Raw(NamedTuple):
    """A movement as read, before it has a fingerprint.

    `identity` is what tells it from others in its own file: the bank's unique reference, or all that is known about
    it.
    """

    direction: Direction
    amount: int
    booked_on: date
    value_date: date
    bank_reference: str = ""
    end_to_end_id: str = ""
    batch_reference: str = ""
    counterparty: str = ""
    counterparty_account: str = ""
    remittance: str = ""
    return_reason: str | None = None
    identity: tuple[str, ...] = ()
    instructed: int | None = None
    entry_reference: str = ""


class Skip(TuskerError):
    """A part of a statement that cannot be read; the text says why. It never leaves `bankfiles`."""


class Contradiction(Skip):
    """A movement whose sign, column and words do not go together, or whose words are not known: the file needs a
    person."""


def in_other_currency(stated: str, currency: str) -> Skip:
    """The error for an amount that is not in the account's currency."""
    return Skip("its amount is in {stated}, not {currency}", stated=kept(stated, 10), currency=currency)


def minor_units(text: str, exponent: int) -> int:
    """A decimal number in major units, with a dot, in minor units; raises `Skip` saying what is wrong with it."""
    cleaned = text.strip()
    found = _DECIMAL.fullmatch(cleaned)
    if found is None:
        if cleaned.startswith("-"):
            raise Contradiction("its amount “{text}” is negative", text=kept(cleaned, 40))
        raise Skip("its amount “{text}” is not a number", text=kept(cleaned, 40))
    whole, fraction = found.group(1), found.group(2) or ""
    return minor_units_of(whole, fraction, exponent, cleaned)


def minor_units_of(whole: str, fraction: str, exponent: int, written: str) -> int:
    """The same of the digits before and behind the mark."""
    if len(fraction) > exponent and len(fraction.rstrip("0")) > exponent:
        raise Skip("its amount {text} is finer than {n} decimals", text=written, n=exponent)
    amount = int((whole + fraction[:exponent].ljust(exponent, "0")) or "0")
    if amount > MAX_AMOUNT:
        raise Skip("its amount {text} is too large", text=written)
    return amount


def given(reference: str | None) -> str:
    """A reference; empty where the bank wrote a word for “none”, and where a spreadsheet rounded it."""
    if not reference:
        return ""
    cleaned = kept(reference, LONGEST["reference"])
    if "E+" in cleaned and _ROUNDED.fullmatch(cleaned):
        return ""
    return "" if cleaned.upper() in _NO_REFERENCE or not cleaned.strip("-–0 ") else cleaned


def is_count(reference: str) -> bool:
    """Whether a reference only counts the entries of a statement, so that the next statement has it again."""
    return _COUNT.fullmatch(reference) is not None


def sane_day(day: date) -> date:
    """The day; raises `Skip` when no statement can have it."""
    if not FIRST_DAY <= day <= LAST_DAY:
        raise Skip("its date {day} is out of range", day=day.isoformat())
    return day


def finished(raws: Sequence[Raw], account: str) -> tuple[Entry, ...]:
    """The movements of one statement with their fingerprints.

    Movements of one day that share everything that could tell them apart are numbered in the order in which the bank
    lists them, so that two of them stay two and the same two in an overlapping statement are known again.
    """
    seen: Counter[str] = Counter()
    entries = []
    whose = "".join(account.split()).upper()
    for raw in raws:
        parts = [" ".join(part.casefold().split()) if part else "" for part in raw.identity]
        key = "\x1f".join([whose, raw.booked_on.isoformat(), raw.direction, str(raw.amount), *parts])
        seen[key] += 1
        # the first part of an identity is the bank's reference
        referenced = bool(raw.identity and raw.identity[0])
        entries.append(_entry(raw, numbered(key, seen[key]), "" if referenced else key))
    return tuple(entries)


def _entry(raw: Raw, fingerprint: str, likeness: str) -> Entry:
    told = read_narration(raw.remittance)
    # of a payer's account a few digits are not enough to know them by
    told_account = told.account if raw.direction == "debit" or told.account.isdecimal() else ""
    return Entry(
        direction=raw.direction,
        amount=raw.amount,
        booked_on=raw.booked_on,
        value_date=raw.value_date,
        bank_reference=raw.bank_reference or told.reference,
        end_to_end_id=raw.end_to_end_id,
        batch_reference=raw.batch_reference,
        counterparty=raw.counterparty or told.party,
        counterparty_account=raw.counterparty_account or told_account,
        remittance=raw.remittance,
        return_reason=raw.return_reason,
        instructed=raw.instructed,
        entry_reference=raw.entry_reference,
        fingerprint=fingerprint,
        likeness=likeness,
    )


def balance_note(
    opening: int | None, closing: int | None, entries: Iterable[Entry], exponent: int
) -> str | None:
    """A sentence when the opening balance and the entries do not add up to the closing balance."""
    if opening is None or closing is None:
        return None
    moved = sum(entry.signed for entry in entries)
    if opening + moved == closing:
        return None
    start, change, wanted, told = (
        f"{to_major(amount, exponent):.{exponent}f}" for amount in (opening, moved, opening + moved, closing)
    )
    return say(
        "The balances do not add up: opening {start} and entries of {change} make {sum}, but the closing "
        "balance is {told}.",
        start=start,
        change=change,
        sum=wanted,
        told=told,
    )


def sums_note(came_in: str | None, left: str | None, booked: Sequence[Raw], exponent: int) -> str:
    """A sentence when what the bank sums up as come in or left is not the sum of what it booked in that
    direction."""
    both: tuple[tuple[Direction, str | None], ...] = (("credit", came_in), ("debit", left))
    for direction, told in both:
        try:
            wanted = minor_units(told, exponent) if told else None
        except Skip:
            continue
        found = sum(raw.amount for raw in booked if raw.direction == direction)
        if wanted not in {None, found}:
            if direction == "credit":
                return say("It says that its credits are {told} in all, but they are not.", told=told)
            return say("It says that its debits are {told} in all, but they are not.", told=told)
    return ""


def twice(listed: Iterable[tuple[Raw, ...]]) -> str:
    """A sentence when two entries share the bank's reference and all else, so that one may be listed twice; an entry is
    one movement or a batch of several."""
    seen: set[tuple[Raw, ...]] = set()
    for raws in listed:
        if raws in seen and raws[0].identity[0]:
            return say(
                "A movement with the reference “{reference}” is in it twice, with one day and amount.",
                reference=raws[0].identity[0],
            )
        seen.add(raws)
    return ""


def decoded(data: bytes) -> str:
    """The text of a file in whichever encoding a bank writes, which other formats than tables do not name; without a
    last character that is cut."""
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if utf16 else ("utf-8-sig", "cp1252"):
        try:
            return codecs.getincrementaldecoder(encoding)().decode(data)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def limited(notes: Sequence[str]) -> tuple[str, ...]:
    """The notes; of a very long list only the beginning and the number of the rest."""
    if len(notes) <= MAX_NOTES:
        return tuple(notes)
    return (*notes[:MAX_NOTES], say("… and {n} more.", n=len(notes) - MAX_NOTES))


def refuse_too_many(statements: int, movements: int) -> None:
    """Raise for a file that holds more than one is read with."""
    if statements > MAX_STATEMENTS or movements > MAX_MOVEMENTS:
        raise UnreadableFile(
            "The file has more than {max_statements} statements or {max_movements} movements; ask the bank "
            "for smaller files.",
            max_statements=f"{MAX_STATEMENTS:,}",
            max_movements=f"{MAX_MOVEMENTS:,}",
        )


def refuse_if_nothing_was_read(statements: Iterable[Statement], unread: Sequence[str]) -> None:
    """Raise for a file that gave only failures: it is refused as a whole rather than kept as an empty statement."""
    if unread and not any(statement.entries for statement in statements):
        more = [say("And {n} more.", n=len(unread) - 3)] if len(unread) > 3 else []
        why = joined([*unread[:3], *more], " ")
        raise UnreadableFile("Nothing in the file could be read. {why}", why=why)
