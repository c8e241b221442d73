"""Texts in the form that banks accept, and texts of banks in the form that is kept."""

import csv
import re
import unicodedata
from collections.abc import Iterator

from anyascii import anyascii

from tusker.bankfiles.indic import romanised
from tusker.domain.bank.banking import LONGEST_REFERENCE
from tusker.errors import InvalidInput

_NOT_TAKEN = re.compile(r"[^A-Za-z0-9/\-?:().,'+ ]")
_REFERENCE = re.compile(r"[A-Za-z0-9\-?:().,'+ ]+(/[A-Za-z0-9\-?:().,'+ ]+)*")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_CUT = "..."
_PICTURES = frozenset({"So", "Sk"})
"""Categories of emoji and their shades, which would be spelt out (:rocket:)."""


def bank_text(text: str) -> str:
    """The text in the characters that all banks take (EPC217-08): letters of other scripts transliterated, & as +,
    everything else a blank, pictures too; blanks collapsed."""
    bare = "".join(
        " " if unicodedata.category(character) in _PICTURES else character
        for character in unicodedata.normalize("NFKC", text)
    )
    latin = anyascii(romanised(bare)).replace("&", "+").replace("_", "-")
    return " ".join(_NOT_TAKEN.sub(" ", latin).split())


def bank_name(text: str, *, longest: int, field: str, whose: str) -> str:
    """A name as banks take it, of a long one its first words: dots behind it would be part of the name. Raises
    `InvalidInput` when nothing is left of it or its first word is too long."""
    name = bank_text(text)
    if not any(character.isalnum() for character in name):
        raise InvalidInput(
            "The name of {whose}, “{text}”, has no letter that banks take.",
            whose=whose,
            text=text[:40],
            field=field,
        )
    if len(name) <= longest:
        return name
    head = name[: longest + 1].rpartition(" ")[0].rstrip()
    if not head:
        raise InvalidInput(
            "The name of {whose} has a word of more than {longest} characters: “{name}…”.",
            whose=whose,
            longest=longest,
            name=name[:40],
            field=field,
        )
    return head


def shortened(text: str, *, longest: int, field: str, whose: str) -> str:
    """The text cut between words, with `...` showing it: no word (it may be an invoice's number) is ever cut.
    Raises `InvalidInput` when its first word alone is too long."""
    if len(text) <= longest:
        return text
    room = longest - len(_CUT)
    head, blank, _ = text[: room + 1].rpartition(" ")
    if not blank or not head:
        raise InvalidInput(
            "{whose} has a word of more than {room} characters: “{text}…”.",
            whose=whose,
            room=room,
            text=text[:40],
            field=field,
        )
    return head.rstrip() + _CUT


def named_columns(text: str, variable: str) -> Iterator[tuple[str, str]]:
    """The columns of a variable such as `Txn Date=booked_on,"Chq./Ref.No.=bank_reference"`: head and what it holds. A
    part with a comma in it stands in double quotes. Raises `InvalidInput` naming the variable, and the part that is
    wrong."""
    for part in next(csv.reader([text], skipinitialspace=True), []):
        head, equals, held = (piece.strip() for piece in part.rpartition("="))
        if not equals or not head:
            raise InvalidInput(
                "{variable}: “{strip}” is not Header=field.",
                variable=variable,
                strip=part.strip()[:60],
                field=variable,
            )
        yield head, held


def checked_reference(text: str, *, field: str, what: str) -> str:
    """A reference that banks pass on unchanged; raises `InvalidInput` for any other.

    It is neither cut nor transliterated: what comes back on statements must be what was sent.
    """
    if not text or text != text.strip():
        raise InvalidInput(
            "{what} is empty or has blanks around it: “{text}”.", what=what, text=text[:40], field=field
        )
    if len(text) > LONGEST_REFERENCE:
        raise InvalidInput(
            "{what} “{text}” has {text_2} characters; banks take {longest_reference}.",
            what=what,
            text=text[:60],
            text_2=len(text),
            longest_reference=LONGEST_REFERENCE,
            field=field,
        )
    if not _REFERENCE.fullmatch(text):
        raise InvalidInput(
            "{what} “{text}” has a character that banks do not take, or a slash at an end or doubled.",
            what=what,
            text=text,
            field=field,
        )
    return text


def kept(text: str | None, longest: int) -> str:
    """A bank's text as it is kept: without control characters, blanks collapsed, cut with an ellipsis."""
    if not text:
        return ""
    if len(text) <= longest and text.isprintable() and "  " not in text:
        # nearly all are so, and a large file has very many of them
        return text.strip(" ")
    # a text may be as long as the whole file; what follows so many blanks is not needed
    head = text.strip()[: longest * 8]
    cleaned = " ".join(_CONTROL.sub(" ", head).split())
    return cleaned if len(cleaned) <= longest else cleaned[: longest - 1] + "…"
