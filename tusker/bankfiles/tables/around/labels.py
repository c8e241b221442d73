"""What a bank writes around its table: whose account it is of, and the balance before the first row."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from babel.core import Locale
from babel.numbers import is_currency

from tusker.bankfiles.tables.around.account_numbers import (
    AROUND,
    MASK,
    Named,
    end_of,
    number_in,
    resolved,
    the_one,
)
from tusker.bankfiles.tables.around.apart import OPENING
from tusker.bankfiles.tables.cells.amounts import is_figure
from tusker.bankfiles.tables.cells.days import is_day
from tusker.bankfiles.texts import kept
from tusker.csv.tables import CsvRow
from tusker.errors import UnreadableFile

_NUMBER_WORD = r"(?:numbers?|nos?\b|num\b|nr\b|#|nummer)"
_LABEL = re.compile(
    rf"(?:\b(?:account|a/?c|acct?|konto)[\s._-]*{_NUMBER_WORD}|\biban\b|खाता\s*(?:संख्या|सं|नंबर|क्रमांक))"
    r"(?:\s*\([^)0-9]*\))?[\s.]*(?:(?:is|are)\b)?",
    re.IGNORECASE,
)
"""A label of an account's number. What follows it has to be read."""
_WEAK_LABEL = re.compile(
    r"^\s*(?:account|a/c|konto)\s*(?:id\s*)?[:\-–]?\s*"
    r"|\b(?:account|a/c|konto|compte|cuenta|conto|rekening|खाता)\s*+[:\-–]?+\s*+(?=[a-z]{0,4}[0-9x*•]{5})",
    re.IGNORECASE,
)
"""Words that may stand before an account's number, or before anything else of it."""
_OTHERS = re.compile(r"\b(?:virtual|loan|linked|nominee|beneficiary|demat)[\s._-]*$", re.IGNORECASE)
"""Words before a label that make it another number's, where there is a plain one."""
_ENDING = re.compile(
    r"\b(?:account|acct|a/c|card)\b[^0-9]{0,30}?(?:ending|ends|\.{2,}|…)\s*+(?:in|with)?[\s:.-]*+([0-9]{4,6})\b",
    re.IGNORECASE,
)
"""The end of an account's number, in words or behind dots."""
_MASKED = re.compile(r"[0-9]{0,6}[xX*•]{2,}[0-9]{4,}")
_LONE = re.compile(
    r"(?<![0-9A-Za-z])(?:[A-Z]{0,3}[0-9]{11,18}|[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30})(?![0-9A-Za-z])"
)
_NAMED = re.compile(
    r"\b(?:account|acct|a[/-]?c)\b[\s._:-]*+(?:no\b|number\b)?[\s._:-]*+"
    r"([0-9]{9,18}|[0-9]{4}(?:[ -][0-9]{4}){2,3}|[0-9]{0,6}[xX*•]{2,}[0-9]{4,6})(?![0-9])",
    re.IGNORECASE,
)
"""An account's number behind a word for it in a sheet's name, which may hold years and days as well."""
_MOMENT = re.compile(
    r"(?:20[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])|(?:0[1-9]|[12][0-9]|3[01])(?:0[1-9]|1[0-2])20[0-9]{2})"
    r"(?:[01][0-9]|2[0-3])[0-5][0-9](?:[0-5][0-9])?"
)
"""A day with a time, as files and sheets are named by it: 20260331120501."""
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
    found = [resolved(text, own) for cell in cells for text in lone_in(cell)]
    strange = (named for named in found if not _MOMENT.fullmatch(named.number))
    return next((named for named in found if named.number in own), next(strange, None))


def lone_in(cell: str) -> list[str]:
    """What may be numbers of accounts in a text without a label of one."""
    return [cell] if _MASKED.fullmatch(cell) else _LONE.findall(cell)


def cells_of_name(name: str) -> list[str]:
    """What a sheet's name tells of an account, as cells above its table; empty for a name of something else."""
    if lone := lone_in(name):
        return lone
    return ["a/c no", found[1]] if (found := _NAMED.search(name)) else []


def strange_number(
    above: Sequence[CsvRow], pages: Sequence[Sequence[CsvRow]], own: Sequence[str]
) -> str | None:
    """What may be another account's number above a further part of a table: it stands neither above the whole, nor
    beside one of ours."""
    known = {text for row in above for cell in row.cells for text in lone_in(cell)}
    for page in pages:
        numbers = [text for row in page for cell in row.cells for text in lone_in(cell)]
        if numbers and not any(resolved(text, own).number in own for text in numbers):
            return next((text for text in numbers if text not in known), None)
    return None


def account_in(texts: Iterable[str], own: Sequence[str], currency: str) -> Named | None:
    """The account in the cells of a column for it; raises `UnreadableFile` as `account_around` does."""
    found = []
    for text in sorted(set(texts)):
        number = number_in(text, currency) or end_of(text)
        if number is None:
            raise _unreadable("own account", text)
        found.append(resolved(number, own))
    return the_one(found, own)


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
                number = number_in(cell[found.end() :] or next(filter(None, right), ""), currency)
            else:
                number = _labelled(cell, found, right, below, currency, strict=not only_at_start)
            if number:
                yield number, other


def _loosely(cell: str, right: Sequence[str], currency: str) -> str | None:
    """The number behind a word such as account, where one stands there."""
    beside = next((text for text in right if text.strip(" :-")), "")
    tried = (number_in(cell[found.end() :] or beside, currency) for found in _WEAK_LABEL.finditer(cell))
    return next(filter(None, tried), None)


def _labelled(
    cell: str, found: re.Match[str], right: Sequence[str], below: str, currency: str, *, strict: bool
) -> str | None:
    """The number that a label names; None for a sentence that speaks of account numbers."""
    rest = cell[found.end() :]
    value = rest.lstrip(AROUND)
    if not value:
        beside = next((text for text in right if text.strip(AROUND)), "")
        number = number_in(beside, currency) or number_in(below, currency)
        if number is None:
            raise _unreadable(cell, beside or below)
        return number
    number = number_in(value, currency)
    if number is None and (alone := _LONE.search(value)):
        number = alone.group()
    titled = strict and (found.start() == 0 or _TITLE.match(cell))
    if number is None and (titled or rest[0] in ":=-–" or MASK.match(value) or value[0].isdigit()):
        raise _unreadable(cell, value)
    return number


def _unreadable(label: str, value: str) -> UnreadableFile:
    return UnreadableFile(
        "The file names its account as “{label}”, but “{value}” cannot be read as a number of "
        "one; nothing was imported.",
        label=kept(label, 40),
        value=kept(value, 40),
    )


def _check_stated_currency(rows: Sequence[CsvRow], currency: str) -> None:
    """A line such as Currency : USD states what the whole file is in, and one such as (Rs. in lakhs) its unit."""
    for place, row in enumerate(rows):
        for at, cell in enumerate(row.cells):
            if unit := _UNITS.search(cell):
                raise UnreadableFile(
                    "The file says that its amounts are in {unit} (“{text}”), so they are not exact.",
                    unit=unit[1] or unit[2],
                    text=kept(cell, 40),
                )
            if found := _CURRENCY.match(cell):
                beside = next((text for text in row.cells[at + 1 :] if text.strip(AROUND)), "")
                for text in (cell[found.end() :] or beside, _cell(rows, place + 1, at)):
                    told = text.strip(f"{AROUND}.()")
                    code = _currencies().get(told.casefold(), told.upper())
                    if len(code) == 3 and code != currency and is_currency(code):
                        raise UnreadableFile(
                            "The file is of an account in {code}, not in {currency}.",
                            code=code,
                            currency=currency,
                        )


@cache
def _currencies() -> dict[str, str]:
    """The codes of currencies by their names in English, one and several of them: US dollars."""
    names = Locale("en").currencies
    return {name.casefold() + more: code for code, name in names.items() for more in ("", "s")}
