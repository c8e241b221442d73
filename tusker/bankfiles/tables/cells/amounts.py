"""Amounts as banks of different countries write them into tables."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Literal

from babel.numbers import get_currency_symbol

from tusker.bankfiles.movements import Contradiction, Skip, minor_units_of
from tusker.bankfiles.texts import kept
from tusker.domain.texts import latin_digits

Mark = Literal[".", ","]
"""The decimal mark."""

_SIGNS = re.compile(r"[−‐‑–—]")
_GAPS = re.compile("[\\s'’\u00a0\u202f]")
_SHAPE = {
    ".": re.compile(
        r"(?=\.?[0-9])([0-9]*|(?!0,[0-9]{3}$)[0-9]{1,3}(?:,[0-9]{2,3})*,[0-9]{3})(?:\.([0-9]*))?"
    ),
    ",": re.compile(
        r"(?=,?[0-9])([0-9]*|(?!0\.[0-9]{3}$)[0-9]{1,3}(?:\.[0-9]{2,3})*\.[0-9]{3})(?:,([0-9]*))?"
    ),
}
_EITHER = re.compile(r"0[.,][0-9]{3}")
"""Five hundred, or the half of one."""
_BARE = {mark: re.compile(rf"(-?)([0-9]{{1,15}})(?:[{mark}]([0-9]{{0,9}}))?") for mark in ".,"}
"""Figures without anything to take away, as nearly all are."""
_PLAIN = re.compile(r"-?[0-9][0-9,.]{0,40}")
_SIDE = re.compile(
    r"(.*[0-9)\s.,-])\(?(credit|debit|haben|soll|cr|dr|c|d|h|s)\.?\)?", re.IGNORECASE | re.DOTALL
)
_SIDE_BEFORE = re.compile(r"\(?(cr|dr)(?!c[^a-z])\.?\)?\s*(.*[0-9].*)", re.IGNORECASE | re.DOTALL)
"""A side before an amount; CRC is a currency."""
_NOTHING = frozenset({"", "-", "na", "n/a", "nil", "null", "none"})
_LONGEST = 60


def split_amount(text: str, currency: str) -> tuple[bool, str, str]:
    """Whether it is negative, the bare figure with its marks, and `CR`, `DR` or nothing for a side written with it."""
    text = latin_digits(text)
    if _PLAIN.fullmatch(text):
        return text[0] == "-", text.removeprefix("-"), ""
    if len(text) > _LONGEST:
        return False, "", ""
    bare = _SIGNS.sub("-", text.strip()).replace("/-", "")
    side = ""
    if found := _SIDE.fullmatch(bare):
        bare, side = found.group(1), "CR" if found.group(2)[0].lower() in "ch" else "DR"
    elif found := _SIDE_BEFORE.fullmatch(bare):
        bare, side = found.group(2), found.group(1).upper()
    bare, signs = _GAPS.sub("", bare), []
    for _ in range(2):
        # -₹5 and ₹-5
        for symbol in _symbols(currency):
            bare = bare.removeprefix(symbol).removesuffix(symbol)
        for sign in ("(", "-", "+"):
            if bare.startswith(sign) and (sign != "(" or bare.endswith(")")):
                bare = bare[1:-1] if sign == "(" else bare[1:]
                signs.append(sign)
                break
    if bare.endswith(("-", "+")):
        signs.append(bare[-1])
        bare = bare[:-1]
    if len(signs) > 1:
        return False, "", ""
    return signs not in ([], ["+"]), bare, side


@cache
def _symbols(currency: str) -> tuple[str, ...]:
    """The signs and codes that may stand beside amounts of this currency; another currency's sign makes an amount
    unreadable."""
    known = {currency, get_currency_symbol(currency, "en"), get_currency_symbol(currency, "en_IN")}
    more = ("Rs.", "Rs", "RS.", "RS") if currency == "INR" else ()
    return (*sorted(known, key=len, reverse=True), *more)


def votes_for_marks(texts: Iterable[str], currency: str, exponent: int) -> dict[Mark, int]:
    """How many amounts of a file can only be read with each decimal mark."""
    votes: dict[Mark, int] = {".": 0, ",": 0}
    for text in texts:
        _, bare, _ = split_amount(text, currency)
        fits = [mark for mark in votes if _fits(bare, mark, exponent)]
        if len(fits) == 1:
            votes[fits[0]] += 1
    return votes


def marks_of_either(texts: Iterable[str], currency: str, exponent: int) -> set[str]:
    """The marks in amounts that can be read with each decimal mark, as another amount: 12.500 in a currency of three
    decimals."""
    bare = (split_amount(text, currency)[1] for text in texts)
    both = (figure for figure in bare if _fits(figure, ".", exponent) and _fits(figure, ",", exponent))
    return {mark for figure in both for mark in ".," if mark in figure}


def decimal_mark(votes: Mapping[Mark, int], default: Mark) -> Mark:
    """The decimal mark of a file: the one that more of its amounts can only be read with."""
    if votes["."] == votes[","]:
        return default
    return "." if votes["."] > votes[","] else ","


def _fits(bare: str, mark: str, exponent: int) -> bool:
    found = _SHAPE[mark].fullmatch(bare)
    return found is not None and len(found.group(2) or "") <= max(exponent, 2)


def read_amount(text: str, mark: Mark, currency: str, exponent: int) -> tuple[int, str]:
    """Signed minor units, and the side written with the amount; raises `Skip` saying what is wrong."""
    if plain := _BARE[mark].fullmatch(text):
        amount = minor_units_of(plain[2], plain[3] or "", exponent, text)
        return -amount if plain[1] else amount, ""
    negative, bare, side = split_amount(text, currency)
    found = _SHAPE[mark].fullmatch(bare)
    if found is None and _EITHER.fullmatch(bare):
        raise Contradiction("its amount “{text}” may be thousands or a fraction", text=kept(text, 40))
    if found is None:
        raise Skip("its amount “{text}” is not a number", text=kept(text, 40))
    grouping = "," if mark == "." else "."
    whole, fraction = found.group(1).replace(grouping, ""), found.group(2) or ""
    amount = minor_units_of(whole, fraction, exponent, kept(text, 40))
    return -amount if negative else amount, side


def is_nothing(text: str) -> bool:
    """Whether a cell stands for no amount: empty, a dash, or a word for none."""
    if not text or text[0].isdigit():
        return not text
    bare = _SIGNS.sub("-", text.strip()).casefold()
    return bare in _NOTHING or not bare.strip("-")


def is_figure(text: str) -> bool:
    """Whether a cell holds a number in some spelling, whatever its currency."""
    return any(character.isdigit() for character in text) and not any(
        len(word) > 3 for word in re.findall(r"[^\W\d_]+", text)
    )
