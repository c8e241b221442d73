"""Accounts' numbers as banks write them around a table: whole, in parts, behind a mask, as an IBAN."""

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass

from babel.numbers import is_currency
from stdnum import iban as ibans

from tusker.bankfiles.tables.cells.days import is_day
from tusker.bankfiles.texts import kept
from tusker.errors import UnreadableFile

LEAST_OF_PART = 8
"""Digits of a number that stand together in the IBAN of its account."""
LEAST_SEEN = 4
"""Characters that must be visible of a masked number to tell whose account it is."""
_END_OF = re.compile(r"(?:.*(?<=[xX*•.]{2})[\s-]*)?([0-9]{4})")
_CODES = re.compile(r"\s*(?:\(\s*([A-Z]{3})\s*\)|([A-Z]{3})$)")
AROUND = " \t:=_-–'\""
"""What may stand between a label and its value, and around that."""
_SORT_CODE = re.compile(r"^[0-9]{2}-[0-9]{2}-[0-9]{2}\s+(?=[0-9]{8,})")
_PIECE = re.compile(r"[0-9A-Za-z*•#]+(?:[-/.][0-9A-Za-z*•#]+)*")
_AMOUNT = re.compile(r"(?:0|[1-9][0-9]*)\.[0-9]{1,2}")
"""An amount behind a number; 00103914.40 is a part of one."""
MASK = re.compile(r"[*•#xX]")


@dataclass(frozen=True, slots=True)
class Named:
    """The account that a file names: ours where it is one of `own`; `masked` when only a part of it was shown."""

    number: str
    masked: str = ""


def the_one(accounts: Sequence[Named], own: Sequence[str]) -> Named | None:
    """The account that all of them are; raises `UnreadableFile` when they are several."""
    if not accounts:
        return None
    best = next((account for account in accounts if account.number in own), accounts[0])
    for account in accounts:
        if not _same_account(account.number, best.number):
            both = ", ".join(sorted({account.number, best.number}))
            raise UnreadableFile("The file is of several accounts ({both}); split it.", both=both)
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


def number_in(text: str, currency: str) -> str | None:
    """The number at the beginning of a text, without what banks write behind it: currency, holder, product."""
    bare = _SORT_CODE.sub("", text.strip(AROUND).upper())
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
        return all(character.isdigit() or MASK.match(character) for character in bare)
    return any(character.isdigit() or MASK.match(character) for character in piece)


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
            "The file is of an account in {code} (“{text}”), not in {currency}.",
            code=code,
            text=kept(text, 40),
            currency=currency,
        )


def end_of(text: str) -> str | None:
    """The end of a number, alone or behind a mask (Checking xx2333), as a masked one."""
    found = _END_OF.fullmatch(text)
    return f"XXXX{found[1]}" if found else None


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
    return bool(re.fullmatch(r"[0-9]*+[X*•#][0-9X*•#]*", number.upper()))


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
