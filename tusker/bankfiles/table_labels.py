"""What a bank writes around its table: whose account it is of, and the balance before the first row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from stdnum import iban as ibans

from tusker.bankfiles.table_amounts import is_figure
from tusker.bankfiles.table_days import is_day
from tusker.bankfiles.texts import kept
from tusker.csv_tables import CsvRow
from tusker.domain.accounts import same_number
from tusker.errors import UnreadableFile

LEAST_SEEN = 4
"""Characters that must be visible of a masked number to tell whose account it is."""
_NUMBER_WORD = r"(?:numbers?|nos?\b|num\b|nr\b|#|nummer)"
_LABEL = re.compile(
    rf"(?:\b(?:account|a/?c|acct?|konto)[\s.]*{_NUMBER_WORD}|\biban\b)(?:\s*\([^)0-9]*\))?[\s.]*",
    re.IGNORECASE,
)
"""A label of an account's number. What follows it has to be read."""
_WEAK_LABEL = re.compile(
    r"^\s*(?:account|a/c|konto)\s*(?:id\s*)?[:\-–]?\s*|\b(?:account|a/c|konto)\s*[:\-–]?\s*(?=[0-9x*•]{5})",
    re.IGNORECASE,
)
"""Words that may stand before an account's number, or before anything else of it."""
_OTHERS = re.compile(
    r"\b(?:virtual|loan|linked|nominee|beneficiary|demat|customer|cust|crn|cif|card)[\s.]*$", re.I
)
"""Words before a label that make it another number's."""
_TITLE = re.compile(r"\s*(?:account|statement|details|transactions)", re.IGNORECASE)
_AROUND = " \t:=_-–'\""
"""What may stand between a label and its value, and around that."""
_PIECE = re.compile(r"[0-9A-Za-z*•#]+(?:[-/.][0-9A-Za-z*•#]+)*")
_MASK = re.compile(r"[*•#xX]")
OPENING = re.compile(
    r"opening\s+bal(?:ance)?\b|balance\s+b/?f\b|brought\s+forward|anfangssaldo", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Named:
    """The account that a file names: ours where it is one of `own`; `masked` when only a part of it was shown."""

    number: str
    masked: str = ""


def account_around(
    above: Sequence[CsvRow], below: Sequence[CsvRow], own: Sequence[str], currency: str
) -> Named | None:
    """The account named in the lines above and below a table; None when no label of one is there.

    Raises `UnreadableFile` when a label's value cannot be read, or when there are several accounts.
    """
    found = [*_numbers(above, currency), *_numbers(below, currency, only_at_start=True)]
    return the_one([resolved(number, own) for number in found], own)


def account_in(texts: Iterable[str], own: Sequence[str], currency: str) -> Named | None:
    """The account in the cells of a column for it; raises `UnreadableFile` as `account_around` does."""
    found = []
    for text in sorted(set(texts)):
        number = _number(text, currency)
        if number is None:
            raise _unreadable("own account", text)
        found.append(resolved(number, own))
    return the_one(found, own)


def the_one(accounts: Sequence[Named], own: Sequence[str]) -> Named | None:
    """The account that all of them are; raises `UnreadableFile` when they are several."""
    if not accounts:
        return None
    best = next((account for account in accounts if account.number in own), accounts[0])
    for account in accounts:
        if not _same_account(account.number, best.number):
            both = ", ".join(sorted({account.number, best.number}))
            raise UnreadableFile(f"The file is of several accounts ({both}); split it.")
    return best


def resolved(number: str, own: Sequence[str]) -> Named:
    """One of our accounts that a number is, whole or as far as a masked one is visible; else the number as it is."""
    masked = _is_masked(number)
    fitting = [mine for mine in own if (_fits(number, mine) if masked else same_number(number, mine))]
    if masked:
        return Named(fitting[0], number) if len(fitting) == 1 else Named(number, number)
    return Named(fitting[0] if fitting else number)


def opening_around(rows: Sequence[CsvRow]) -> str:
    """The opening balance written around a table, beside its label or below it; empty when there is none."""
    for place, row in enumerate(rows):
        for at, cell in enumerate(row.cells):
            if found := OPENING.search(cell):
                beside = next((text for text in row.cells[at + 1 :] if text.strip(" :-")), "")
                below = _cell(rows, place + 1, at)
                for text in (cell[found.end() :].strip(" :=-"), beside, below):
                    if is_figure(text) and not is_day(text):
                        return text
    return ""


def _cell(rows: Sequence[CsvRow], place: int, at: int) -> str:
    return rows[place].cells[at] if place < len(rows) and at < len(rows[place].cells) else ""


def _numbers(rows: Sequence[CsvRow], currency: str, *, only_at_start: bool = False) -> Iterator[str]:
    for place, row in enumerate(rows):
        for at, cell in enumerate(row.cells):
            found = _LABEL.search(cell)
            if found is None:
                number = _loosely(cell, row.cells[at + 1 :], currency)
            elif _OTHERS.search(cell[: found.start()]) or (only_at_start and found.start()):
                continue
            else:
                number = _labelled(
                    cell,
                    found,
                    row.cells[at + 1 :],
                    _cell(rows, place + 1, at),
                    currency,
                    strict=not only_at_start,
                )
            if number:
                yield number


def _loosely(cell: str, right: Sequence[str], currency: str) -> str | None:
    """The number behind a word such as account, where one stands there."""
    beside = next((text for text in right if text.strip(" :-")), "")
    tried = (_number(cell[found.end() :] or beside, currency) for found in _WEAK_LABEL.finditer(cell))
    return next(filter(None, tried), None)


def _labelled(
    cell: str, found: re.Match[str], right: Sequence[str], below: str, currency: str, *, strict: bool
) -> str | None:
    """The number that a label names; None for a sentence that speaks of account numbers."""
    rest = cell[found.end() :]
    value = rest.lstrip(_AROUND)
    if not value:
        beside = next((text for text in right if text.strip(_AROUND)), "")
        number = _number(beside, currency) or _number(below, currency)
        if number is None:
            raise _unreadable(cell, beside or below)
        return number
    number = _number(value, currency)
    titled = strict and (found.start() == 0 or _TITLE.match(cell))
    if number is None and (titled or rest[0] in ":=-–" or _MASK.match(value) or value[0].isdigit()):
        raise _unreadable(cell, value)
    return number


def _unreadable(label: str, value: str) -> UnreadableFile:
    return UnreadableFile(
        f"The file names its account as “{kept(label, 40)}”, but “{kept(value, 40)}” cannot be read as a number of one;"
        " nothing was imported."
    )


def _number(text: str, currency: str) -> str | None:
    """The number at the beginning of a text, without what banks write behind it: currency, holder, product."""
    bare = text.strip(_AROUND).upper()
    if found := _iban(bare):
        return found
    pieces: list[str] = []
    end = 0
    for piece in _PIECE.finditer(bare):
        apart = bare[end : piece.start()].strip() or (not pieces and piece.start())
        if apart or not _is_part(piece.group(), first=not pieces):
            break
        pieces.append(piece.group())
        end = piece.end()
    number = _joined(pieces)
    _check_currency(bare[end:], currency, text)
    seen = sum(character.isdigit() for character in number)
    return number if seen >= (LEAST_SEEN if _is_masked(number) else 5) else None


def _is_part(piece: str, *, first: bool) -> bool:
    """Whether a piece belongs to the number; behind a blank only more digits do."""
    if is_day(piece) or re.fullmatch(r"[0-9]+\.[0-9]{1,2}", piece):
        return False
    if not first:
        return all(character.isdigit() or _MASK.match(character) for character in piece)
    return any(character.isdigit() or _MASK.match(character) for character in piece)


def _joined(pieces: Sequence[str]) -> str:
    """The pieces as one number: without signs, and without words before or behind it (SB-0001, 0001/INR)."""
    parts = [part for piece in pieces for part in re.split(r"[-/.]", piece)]
    while parts and parts[-1].isalpha() and not _is_masked(parts[-1]):
        parts.pop()
    while parts and parts[0].isalpha() and not _is_masked(parts[0]):
        parts.pop(0)
    return "".join(parts)


def _check_currency(behind: str, currency: str, text: str) -> None:
    found = re.match(r"\s*\(\s*([A-Z]{3})\s*\)", behind)
    if found and found[1] != currency:
        raise UnreadableFile(
            f"The file is of an account in {found[1]} (“{kept(text, 40)}”), not in {currency}."
        )


def _iban(bare: str) -> str | None:
    """The IBAN that a text begins with."""
    if not re.match(r"[A-Z]{2}\s?[0-9]{2}", bare):
        return None
    pieces = bare.split()
    for count in range(min(len(pieces), 10), 0, -1):
        tried = "".join(pieces[:count]).strip(",.;:")
        if ibans.is_valid(tried):
            return tried
    return None


def _is_masked(number: str) -> bool:
    return bool(re.fullmatch(r"[0-9]*[X*•#]+[0-9X*•#]*", number.upper()))


def _fits(masked: str, mine: str) -> bool:
    """Whether what is visible of a masked number stands so in ours: from its end, and from its beginning."""
    ours = re.sub(r"\W", "", mine).upper()
    head, tail = re.match(r"[0-9]*", masked)[0], re.search(r"[0-9]*$", masked)[0]  # type: ignore[index]
    if len(head) + len(tail) < LEAST_SEEN or len(head) + len(tail) > len(ours):
        return False
    return ours.endswith(tail) and ours.startswith(head)


def _same_account(one: str, other: str) -> bool:
    """Whether two numbers are one account; an IBAN ends with the number of its account."""
    left, right = (re.sub(r"\W", "", text).upper().lstrip("0") for text in (one, other))
    return left == right or any(
        len(short) >= 6 and long[:2].isalpha() and long.endswith(short)
        for short, long in ((left, right), (right, left))
    )
