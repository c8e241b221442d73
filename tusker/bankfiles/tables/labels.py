"""What a bank writes around its table: whose account it is of, and the balance before the first row."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from babel.core import Locale
from babel.numbers import is_currency
from stdnum import iban as ibans

from tusker.bankfiles.tables.amounts import is_figure
from tusker.bankfiles.tables.apart import OPENING
from tusker.bankfiles.tables.days import is_day
from tusker.bankfiles.texts import kept
from tusker.csv_tables import CsvRow
from tusker.errors import UnreadableFile
from tusker.messages import say

LEAST_OF_PART = 8
"""Digits of a number that stand together in the IBAN of its account."""
LEAST_SEEN = 4
"""Characters that must be visible of a masked number to tell whose account it is."""
_NUMBER_WORD = r"(?:numbers?|nos?\b|num\b|nr\b|#|nummer)"
_LABEL = re.compile(
    rf"(?:\b(?:account|a/?c|acct?|konto)[\s._-]*{_NUMBER_WORD}|\biban\b|खाता\s*(?:संख्या|सं|नंबर|क्रमांक))"
    r"(?:\s*\([^)0-9]*\))?[\s.]*(?:(?:is|are)\b)?",
    re.IGNORECASE,
)
"""A label of an account's number. What follows it has to be read."""
_WEAK_LABEL = re.compile(
    r"^\s*(?:account|a/c|konto)\s*(?:id\s*)?[:\-–]?\s*"
    r"|\b(?:account|a/c|konto|compte|cuenta|conto|rekening|खाता)\s*[:\-–]?\s*(?=[a-z]{0,4}[0-9x*•]{5})",
    re.IGNORECASE,
)
"""Words that may stand before an account's number, or before anything else of it."""
_OTHERS = re.compile(r"\b(?:virtual|loan|linked|nominee|beneficiary|demat)[\s._-]*$", re.IGNORECASE)
"""Words before a label that make it another number's, where there is a plain one."""
_ENDING = re.compile(
    r"\b(?:account|acct|a/c|card)\b[^0-9]{0,30}?(?:ending|ends|\.{2,}|…)\s*(?:in|with)?[\s:.-]*([0-9]{4,6})\b",
    re.IGNORECASE,
)
"""The end of an account's number, in words or behind dots."""
_MASKED = re.compile(r"[0-9]{0,6}[xX*•]{2,}[0-9]{4,}")
_END_OF = re.compile(r"(?:.*[xX*•.]{2,}[\s-]*)?([0-9]{4})")
_LONE = re.compile(
    r"(?<![0-9A-Za-z])(?:[A-Z]{0,3}[0-9]{11,18}|[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30})(?![0-9A-Za-z])"
)
_CODES = re.compile(r"\s*(?:\(\s*([A-Z]{3})\s*\)|([A-Z]{3})$)")
_CURRENCY = re.compile(
    r"\s*(?:(?:account\s+)?(?:currency|ccy)(?:\s+code)?|(?:all\s+)?(?:amounts|figures)\s+(?:are\s+)?(?:shown\s+)?in)\b"
    r"\s*[:\-–]?\s*",
    re.IGNORECASE,
)
_UNITS = re.compile(
    r"\b(?:amounts?|figures|values|rs|inr|rupees)\b[^0-9,;]{0,25}?\bin\b"
    r"(?:[^0-9,;]{0,10}?['’]?\b(lakhs?|lacs?|crores?|thousands?|millions?|mn|000s?)|\s+(paise|paisa|cents))\b",
    re.IGNORECASE,
)
"""A line that says that the amounts are of another unit than the currency's; in Rs. and Paise says that of none."""
_TITLE = re.compile(r"\s*(?:account|statement|details|transactions)", re.IGNORECASE)
_AROUND = " \t:=_-–'\""
"""What may stand between a label and its value, and around that."""
_SORT_CODE = re.compile(r"^[0-9]{2}-[0-9]{2}-[0-9]{2}\s+(?=[0-9]{8,})")
_PIECE = re.compile(r"[0-9A-Za-z*•#]+(?:[-/.][0-9A-Za-z*•#]+)*")
_AMOUNT = re.compile(r"(?:0|[1-9][0-9]*)\.[0-9]{1,2}")
"""An amount behind a number; 00103914.40 is a part of one."""
_MASK = re.compile(r"[*•#xX]")


@dataclass(frozen=True, slots=True)
class Named:
    """The account that a file names: ours where it is one of `own`; `masked` when only a part of it was shown."""

    number: str
    masked: str = ""


def account_around(
    above: Sequence[CsvRow], below: Sequence[CsvRow], own: Sequence[str], currency: str
) -> Named | None:
    """The account named in the lines above and below a table; None when no label of one is there.

    Raises `UnreadableFile` when a label's value cannot be read, when there are several accounts, or when the account is
    in another currency.
    """
    _check_stated_currency(above, currency)
    found = [*_numbers(above, currency), *_numbers(below, currency, only_at_start=True)]
    plain = [number for number, other in found if not other] or [number for number, _ in found]
    return the_one([resolved(number, own) for number in plain], own)


def lone_number(above: Sequence[CsvRow], below: Sequence[CsvRow], own: Sequence[str]) -> Named | None:
    """What may be an account's number above a table without a label of one, or in a sentence of accounts below it; ours
    where one of ours stands there."""
    cells = [cell for row in above for cell in row.cells]
    cells += [cell for row in below for cell in row.cells if _LABEL.search(cell)]
    found = [resolved(text, own) for cell in cells for text in _lone_in(cell)]
    return next((named for named in found if named.number in own), found[0] if found else None)


def _lone_in(cell: str) -> list[str]:
    return [cell] if _MASKED.fullmatch(cell) else _LONE.findall(cell)


def strange_number(
    above: Sequence[CsvRow], pages: Sequence[Sequence[CsvRow]], own: Sequence[str]
) -> str | None:
    """What may be another account's number above a further part of a table: it stands neither above the whole, nor
    beside one of ours."""
    known = {text for row in above for cell in row.cells for text in _lone_in(cell)}
    for page in pages:
        numbers = [text for row in page for cell in row.cells for text in _lone_in(cell)]
        if numbers and not any(resolved(text, own).number in own for text in numbers):
            return next((text for text in numbers if text not in known), None)
    return None


def account_in(texts: Iterable[str], own: Sequence[str], currency: str) -> Named | None:
    """The account in the cells of a column for it; raises `UnreadableFile` as `account_around` does."""
    found = []
    for text in sorted(set(texts)):
        number = _number(text, currency) or _end_of(text)
        if number is None:
            raise _unreadable("own account", text)
        found.append(resolved(number, own))
    return the_one(found, own)


def _end_of(text: str) -> str | None:
    """The end of a number, alone or behind a mask (Checking xx2333), as a masked one."""
    found = _END_OF.fullmatch(text)
    return f"XXXX{found[1]}" if found else None


def the_one(accounts: Sequence[Named], own: Sequence[str]) -> Named | None:
    """The account that all of them are; raises `UnreadableFile` when they are several."""
    if not accounts:
        return None
    best = next((account for account in accounts if account.number in own), accounts[0])
    for account in accounts:
        if not _same_account(account.number, best.number):
            both = ", ".join(sorted({account.number, best.number}))
            raise UnreadableFile(say("The file is of several accounts ({both}); split it.", both=both))
    return best


def resolved(number: str, own: Sequence[str]) -> Named:
    """One of our accounts that a number is, whole or as far as a masked one is visible; else the number as it is."""
    masked = _is_masked(number)
    # a bank may write the kind of the account before it: CA0001, SB-0001
    told = {_bare(number), _bare(number.lstrip(string.ascii_letters))}
    fitting = [mine for mine in own if (_fits(number, mine) if masked else _bare(mine) in told)]
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


def _numbers(
    rows: Sequence[CsvRow], currency: str, *, only_at_start: bool = False
) -> Iterator[tuple[str, bool]]:
    """The numbers behind labels, each with whether its label is of another kind of account."""
    for place, row in enumerate(rows):
        for at, cell in enumerate(row.cells):
            right, below = row.cells[at + 1 :], _cell(rows, place + 1, at)
            if ending := _ENDING.search(cell):
                yield f"XXXX{ending[1]}", False
                continue
            found = _LABEL.search(cell)
            other = found is not None and bool(_OTHERS.search(cell[: found.start()]))
            if found is None:
                number = _loosely(cell, right, currency)
            elif only_at_start and found.start():
                continue
            elif other:
                number = _number(cell[found.end() :] or next(filter(None, right), ""), currency)
            else:
                number = _labelled(cell, found, right, below, currency, strict=not only_at_start)
            if number:
                yield number, other


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
    if number is None and (alone := _LONE.search(value)):
        number = alone.group()
    titled = strict and (found.start() == 0 or _TITLE.match(cell))
    if number is None and (titled or rest[0] in ":=-–" or _MASK.match(value) or value[0].isdigit()):
        raise _unreadable(cell, value)
    return number


def _unreadable(label: str, value: str) -> UnreadableFile:
    return UnreadableFile(
        say(
            "The file names its account as “{label}”, but “{value}” cannot be read as a number of "
            "one; nothing was imported.",
            label=kept(label, 40),
            value=kept(value, 40),
        )
    )


def _number(text: str, currency: str) -> str | None:
    """The number at the beginning of a text, without what banks write behind it: currency, holder, product."""
    bare = _SORT_CODE.sub("", text.strip(_AROUND).upper())
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
    if (not piece.isdigit() and is_day(piece)) or _AMOUNT.fullmatch(piece):
        return False
    if not first:
        bare = piece.replace(".", "") if piece.startswith("00") else piece
        return all(character.isdigit() or _MASK.match(character) for character in bare)
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
    found = _CODES.match(behind)
    code = (found[1] or found[2]) if found else currency
    if code != currency and is_currency(code):
        raise UnreadableFile(
            say(
                "The file is of an account in {code} (“{text}”), not in {currency}.",
                code=code,
                text=kept(text, 40),
                currency=currency,
            )
        )


def _check_stated_currency(rows: Sequence[CsvRow], currency: str) -> None:
    """A line such as Currency : USD states what the whole file is in, and one such as (Rs. in lakhs) its unit."""
    for place, row in enumerate(rows):
        for at, cell in enumerate(row.cells):
            if unit := _UNITS.search(cell):
                raise UnreadableFile(
                    say(
                        "The file says that its amounts are in {unit} (“{text}”), so they are not exact.",
                        unit=unit[1] or unit[2],
                        text=kept(cell, 40),
                    )
                )
            if found := _CURRENCY.match(cell):
                beside = next((text for text in row.cells[at + 1 :] if text.strip(_AROUND)), "")
                for text in (cell[found.end() :] or beside, _cell(rows, place + 1, at)):
                    told = text.strip(f"{_AROUND}.()")
                    code = _currencies().get(told.casefold(), told.upper())
                    if len(code) == 3 and code != currency and is_currency(code):
                        raise UnreadableFile(
                            say(
                                "The file is of an account in {code}, not in {currency}.",
                                code=code,
                                currency=currency,
                            )
                        )


@cache
def _currencies() -> dict[str, str]:
    """The codes of currencies by their names in English, one and several of them: US dollars."""
    names = Locale("en").currencies
    return {name.casefold() + more: code for code, name in names.items() for more in ("", "s")}


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


def _bare(number: str) -> str:
    bare = re.sub(r"\W", "", number).upper()
    return bare.lstrip("0") if bare.isdecimal() else bare


def _same_account(one: str, other: str) -> bool:
    """Whether two numbers are one account; an IBAN ends with the number of its account, or holds its parts in order:
    0234-00103914.40 is CH62 00234 23410391440G."""
    left, right = _bare(one), _bare(other)
    return left == right or any(
        len(short) >= 6 and long[:2].isalpha() and (long.endswith(short) or _holds(long, short))
        for short, long in ((left, right), (right, left))
    )


def _holds(iban: str, number: str) -> bool:
    """Whether an IBAN holds a number of digits, whole or as a short part and a long one between zeros."""
    parts = [part for part in re.split("0{2,}", number.lstrip("0")) if part]
    in_order = re.search(".*?".join(map(re.escape, parts)), iban[4:])
    return number.isdecimal() and max(map(len, parts)) >= LEAST_OF_PART and in_order is not None
