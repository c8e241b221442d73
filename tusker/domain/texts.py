"""What people and banks write, made comparable: numbers as whole words in a text, names of companies."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

_RUN = re.compile(r"[^\W\d_]+|\d+")
_LEGAL_FORMS = frozenset(
    (  # noqa: SIM905 - a list of words reads better as words
        "ab ag as bv co company corp corporation gmbh inc incorporated kg kgaa limited llc llp ltd mbh nv oy oyj"
        " plc private pte pty pvt sa sarl sas se spa srl the und and m s"
    ).split()
)
LEAST_LETTERS, LEAST_DIGITS = 3, 5
"""A number with letters needs as many characters in all, one of digits alone as many digits, to stand for itself in a
text: 2026 or 7 could be anything."""


@dataclass(frozen=True, slots=True)
class Token:
    """A run of letters or of digits and where it stands in the text."""

    word: str
    start: int
    end: int


def plain(text: str) -> str:
    """The text without case, accents and width."""
    apart = unicodedata.normalize("NFKD", text).casefold()
    return "".join(c for c in apart if not unicodedata.combining(c))


def tokens(text: str) -> list[Token]:
    """The runs of letters and of digits in a text, which is taken as `plain` gives it."""
    return [Token(found.group(), found.start(), found.end()) for found in _RUN.finditer(plain(text))]


def number_words(number: str) -> tuple[str, ...]:
    """A number such as INV-7 as its runs ("inv", "7"), so that inv 7 and INV7 are the same; empty for one that says
    too little to be looked for in a text."""
    words = tuple(token.word for token in tokens(number))
    text = "".join(words)
    if not any(character.isdigit() for character in text):
        return ()
    return words if len(text) >= (LEAST_DIGITS if text.isdigit() else LEAST_LETTERS) else ()


def names_in(
    found: Sequence[Token], known: Collection[tuple[str, ...]], text: str, *, longest: int = 12
) -> Iterator[tuple[str, ...]]:
    """Those of the `known` numbers that stand in a text as a whole; one inside of a longer one does not count."""
    written = plain(text)
    spans = [
        (start, end)
        for start in range(len(found))
        for end in range(start + 1, min(len(found), start + longest) + 1)
        if tuple(token.word for token in found[start:end]) in known
        and _is_whole(written, found[start].start, found[end - 1].end)
    ]
    for start, end in spans:
        if not any(s <= start and end <= e and (s, e) != (start, end) for s, e in spans):
            yield tuple(token.word for token in found[start:end])


def _is_whole(text: str, start: int, end: int) -> bool:
    """Whether what stands between these places does not go on on either side.

    A hyphen or an underscore joins (INV-1-2 is not INV-1), a slash or a dot only to a digit behind it: texts of banks
    are lists with slashes.
    """
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    if before[-1:].isalnum() or after[:1].isalnum():
        return False
    if before[-1:] in {"-", "_"} and before[:1].isalnum() and len(before) == 2:
        return False
    if before[-1:] in {"/", "."} and before[:1].isdigit() and text[start].isdigit() and len(before) == 2:
        return False
    if after[:1] in {"-", "_"} and after[1:].isalnum():
        return False
    return not (after[:1] in {"/", "."} and after[1:].isdigit())


def name_words(name: str) -> tuple[str, ...]:
    """A company's name as its words without punctuation and legal forms; all of them when nothing else is left."""
    words = re.findall(r"[^\W_]+", plain(name).replace("'", "").replace("’", ""))
    kept = tuple(word for word in words if word not in _LEGAL_FORMS)
    return kept or tuple(words)
