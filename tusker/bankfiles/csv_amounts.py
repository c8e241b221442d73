"""Amounts and days as banks of different countries write them into CSV."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from typing import Literal

from babel.numbers import get_currency_symbol

from tusker.bankfiles.movements import Skip, minor_units, sane_day
from tusker.bankfiles.texts import kept
from tusker.csv_tables import is_date_format
from tusker.errors import InvalidInput, UnreadableFile

Mark = Literal[".", ","]
"""What stands before the decimals."""

_SIGNS = re.compile(r"[−‐‑–—]")
_GAPS = re.compile("[\\s'’\u00a0\u202f]")
_SHAPE = {
    ".": re.compile(r"([0-9]+|[0-9]{1,3}(?:,[0-9]{2,3})*,[0-9]{3})(?:\.([0-9]*))?"),
    ",": re.compile(r"([0-9]+|[0-9]{1,3}(?:\.[0-9]{2,3})*\.[0-9]{3})(?:,([0-9]*))?"),
}
_SIDE = re.compile(r"(.*[0-9)\s.,-])\(?(credit|debit|cr|dr|c|d)\.?\)?", re.IGNORECASE | re.DOTALL)
_LONGEST = 60
_FORMATS = ("%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%d/%m/%y", "%d-%m-%y", "%d.%m.%y", "%d-%b-%Y", "%d %b %Y")
_MORE_FORMATS = (
    "%d-%b-%y",
    "%d %b %y",
    "%d/%b/%Y",
    "%d %B %Y",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%d%b%Y",
    "%b %d, %Y",
)
_MONTH_FIRST = re.compile(r"(0?[1-9]|1[0-2])[/.-](1[3-9]|2[0-9]|3[01])[/.-]([0-9]{4}|[0-9]{2})")


def split_amount(text: str, currency: str) -> tuple[bool, str, str]:
    """Whether it is negative, the bare figure with its marks, and `CR`, `DR` or nothing for a side written with it."""
    if len(text) > _LONGEST:
        return False, "", ""
    bare = _SIGNS.sub("-", text.strip())
    side = ""
    if found := _SIDE.fullmatch(bare):
        bare, side = found.group(1), found.group(2)[0].upper() + "R"
    bare = _GAPS.sub("", bare)
    for symbol in _symbols(currency):
        bare = bare.removeprefix(symbol).removesuffix(symbol)
    negative = False
    if bare.startswith("(") and bare.endswith(")"):
        negative, bare = True, bare[1:-1]
    if bare.startswith("-") or bare.endswith("-"):
        negative, bare = not negative, bare.strip("-")
    return negative, bare.removeprefix("+"), side


@cache
def _symbols(currency: str) -> tuple[str, ...]:
    """What stands for this currency beside its amounts; another currency's sign makes an amount unreadable."""
    known = {currency, get_currency_symbol(currency, "en"), get_currency_symbol(currency, "en_IN")}
    more = ("Rs.", "Rs", "RS.", "RS") if currency == "INR" else ()
    return (*sorted(known, key=len, reverse=True), *more)


def decimal_mark(texts: Iterable[str], currency: str, exponent: int, *, default: Mark) -> Mark:
    """Which mark the amounts of a file use: the one that more of them can only be read with."""
    votes = {".": 0, ",": 0}
    for text in texts:
        _, bare, _ = split_amount(text, currency)
        fits = [mark for mark in votes if _fits(bare, mark, exponent)]
        if len(fits) == 1:
            votes[fits[0]] += 1
    if votes["."] == votes[","]:
        return default
    return "." if votes["."] > votes[","] else ","


def _fits(bare: str, mark: str, exponent: int) -> bool:
    found = _SHAPE[mark].fullmatch(bare)
    return found is not None and len(found.group(2) or "") <= max(exponent, 2)


def read_amount(text: str, mark: Mark, currency: str, exponent: int) -> tuple[int, str]:
    """Signed minor units, and the side written with the amount; raises `Skip` saying what is wrong."""
    negative, bare, side = split_amount(text, currency)
    found = _SHAPE[mark].fullmatch(bare)
    if found is None:
        raise Skip(f"its amount “{kept(text, 40)}” is not a number")
    grouping = "," if mark == "." else "."
    amount = minor_units(found.group(1).replace(grouping, "") + "." + (found.group(2) or ""), exponent)
    return -amount if negative else amount, side


def check_date_format(pattern: str) -> None:
    """Raise `InvalidInput` naming the variable unless a day survives being written and read with the pattern."""
    if not is_date_format(pattern):
        raise InvalidInput(
            f"STATEMENT_DATE_FORMAT: “{kept(pattern, 40)}” is not a format with day, month and year,"
            " such as %d/%m/%Y.",
            field="STATEMENT_DATE_FORMAT",
        )


def check_day_first(texts: Iterable[str]) -> None:
    """Raise when a date can only be month first: then those that could be either would be read wrongly."""
    for text in texts:
        if _MONTH_FIRST.fullmatch(text.strip()):
            raise UnreadableFile(
                f"The date “{text.strip()}” is month first; set STATEMENT_DATE_FORMAT to %m/%d/%Y"
                " (or as the bank writes it)."
            )


@lru_cache(maxsize=1024)  # a statement has few days and many rows, and each of the formats takes its time
def read_day(text: str, pattern: str) -> date:
    """A day by the configured format, else ISO or day first; raises `Skip`."""
    cleaned = " ".join(text.split())
    for form in (pattern,) if pattern else (*_FORMATS, *_MORE_FORMATS):
        try:
            return sane_day(datetime.strptime(cleaned, form).replace(tzinfo=UTC).date())
        except ValueError:
            continue
    if not pattern:
        try:
            return sane_day(datetime.fromisoformat(cleaned).date())
        except ValueError:
            pass
    raise Skip(f"its date “{kept(text, 30)}” is not {'like ' + pattern if pattern else 'one'}")
