"""Texts as banks take them, and texts of banks as they can be kept."""

from __future__ import annotations

import re
import unicodedata

from anyascii import anyascii

from tusker.domain.banking import LONGEST_REFERENCE
from tusker.errors import InvalidInput

_NOT_TAKEN = re.compile(r"[^A-Za-z0-9/\-?:().,'+ ]")
_REFERENCE = re.compile(r"[A-Za-z0-9\-?:().,'+ ]+(/[A-Za-z0-9\-?:().,'+ ]+)*")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_CUT = "..."


def bank_text(text: str) -> str:
    """The text in the characters that all banks take (EPC217-08): letters of other scripts transliterated, & as +,
    everything else a blank; blanks collapsed."""
    latin = anyascii(unicodedata.normalize("NFKC", text)).replace("&", "+").replace("_", "-")
    return " ".join(_NOT_TAKEN.sub(" ", latin).split())


def bank_name(text: str, *, longest: int, field: str, whose: str) -> str:
    """A name as banks take it; raises `InvalidInput` when nothing is left of it or it is too long to be kept."""
    name = bank_text(text)
    if not any(character.isalnum() for character in name):
        raise InvalidInput(f"The name of {whose}, “{text[:40]}”, has no letter that banks take.", field=field)
    return shortened(name, longest=longest, field=field, whose=f"The name of {whose}")


def shortened(text: str, *, longest: int, field: str, whose: str) -> str:
    """The text cut between words, with `...` showing it: no word (it may be an invoice's number) is ever cut.
    Raises `InvalidInput` when its first word alone is too long."""
    if len(text) <= longest:
        return text
    room = longest - len(_CUT)
    head, blank, _ = text[: room + 1].rpartition(" ")
    if not blank or not head:
        raise InvalidInput(f"{whose} has a word of more than {room} characters: “{text[:40]}…”.", field=field)
    return head.rstrip() + _CUT


def checked_reference(text: str, *, field: str, what: str) -> str:
    """A reference that banks hand through unchanged, as it is; raises `InvalidInput` for any other.

    Neither cut nor transliterated: what comes back on statements must be what was sent.
    """
    if not text or text != text.strip():
        raise InvalidInput(f"{what} is empty or has blanks around it: “{text[:40]}”.", field=field)
    if len(text) > LONGEST_REFERENCE:
        raise InvalidInput(
            f"{what} “{text[:60]}” has {len(text)} characters; banks take {LONGEST_REFERENCE}.", field=field
        )
    if not _REFERENCE.fullmatch(text):
        raise InvalidInput(
            f"{what} “{text}” has a character that banks do not take, or a slash at an end or doubled.",
            field=field,
        )
    return text


def kept(text: str | None, longest: int) -> str:
    """A bank's text for keeping: control characters out, blanks collapsed, cut with an ellipsis."""
    if not text:
        return ""
    # nobody reads on after so many blanks, and a text may be as long as the whole file
    head = text.strip()[: longest * 8]
    cleaned = " ".join(_CONTROL.sub(" ", head).split())
    return cleaned if len(cleaned) <= longest else cleaned[: longest - 1] + "…"
