"""What people and banks write, made comparable: numbers as whole words in a text, names of companies."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

_UNSEEN = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_DEVANAGARI = str.maketrans("०१२३४५६७८९", "0123456789")
_BLANKS = re.compile(r"[^\S\r\n]")
_RUN = re.compile(r"[^\W\d_]+|\d+")
_ASCII_RUN = re.compile(r"[a-z]+|[0-9]+")
"""The same in a lower-case text of ASCII, in half the time."""
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


def is_id(text: str) -> bool:
    """Whether a text is the id of a row: up to 18 ASCII digits, which the database's type certainly holds."""
    return text.isascii() and text.isdecimal() and len(text) <= 18


def latin_digits(text: str) -> str:
    """The text with 0 to 9 for the digits of Devanagari."""
    return text if text.isascii() else text.translate(_DEVANAGARI)


def day_of(text: str) -> date:
    """A day such as 2026-03-31, in either digits; raises ValueError."""
    return date.fromisoformat(latin_digits(text.strip()))


def one_line(text: str) -> str:
    """What was typed or pasted as one line: every kind of blank is a blank, and what has no width at all is gone.

    Joiners stay, which some scripts are written with.
    """
    return _BLANKS.sub(" ", _UNSEEN.sub("", text)).strip()


def city_name(text: str) -> str:
    """A city in one spelling, such as “New Delhi” of “NEW DELHI” and “new-delhi”; empty for a text that names none."""
    apart = unicodedata.normalize("NFKD", one_line(text))
    bare = unicodedata.normalize("NFKC", "".join(c for c in apart if not "\u0300" <= c <= "\u036f"))
    words = "".join(
        c if c.isalnum() or unicodedata.category(c).startswith("M") else " " for c in bare
    ).split()
    return " ".join(words).title()


def plain(text: str) -> str:
    """The text without case, accents and width."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text).casefold()
    return "".join(c for c in apart if not unicodedata.combining(c))


def tokens(text: str) -> list[Token]:
    """The runs of letters and of digits in a text, which is taken as `plain` gives it."""
    return [Token(found.group(), found.start(), found.end()) for found in _RUN.finditer(plain(text))]


def number_words(number: str) -> tuple[str, ...]:
    """A number such as INV-7 as its runs ("inv", "7"), so that inv 7 and INV7 are the same; empty for one that says
    too little to be looked for in a text."""
    words = tuple(_RUN.findall(plain(number)))
    text = "".join(words)
    if not any(character.isdigit() for character in text):
        return ()
    return words if len(text) >= (LEAST_DIGITS if text.isdigit() else LEAST_LETTERS) else ()


class Numbers:
    """Numbers as `number_words` gives them, to be looked for in any number of texts."""

    def __init__(self, known: Iterable[tuple[str, ...]]) -> None:
        self._known = frozenset(known)
        self._lengths: dict[str, set[int]] = {}
        for words in self._known:
            self._lengths.setdefault(words[0], set()).add(len(words))

    def named_in(self, text: str) -> list[tuple[str, ...]]:
        """Those that stand in a text as a whole; one inside of a longer one does not count."""
        if not text:
            return []
        written = plain(text)
        words = tuple((_ASCII_RUN if written.isascii() else _RUN).findall(written))
        if self._lengths.keys().isdisjoint(words):
            return []
        spans = [
            (start, start + length)
            for start, word in enumerate(words)
            for length in self._lengths.get(word, ())
            if words[start : start + length] in self._known
        ]
        if not spans:
            return []
        found = tokens(text)
        spans = [span for span in spans if _is_whole(written, found[span[0]].start, found[span[1] - 1].end)]
        return [
            words[start:end]
            for start, end in spans
            if not any(s <= start and end <= e and (s, e) != (start, end) for s, e in spans)
        ]


_JOINTS = frozenset("-_/.")
_GOES_ON = re.compile(r"[-_/.](\d|[^\W\d_]{1,2}(?![^\W_]))")
"""Behind a number: more digits, or a suffix of one or two letters."""


def _is_whole(text: str, start: int, end: int) -> bool:
    """Whether the number between these places does not go on behind (INV-1-2, INV-1/B) and did not begin before
    (12-2026-7).

    Banks join their texts with hyphens and slashes, so a word beside one (NEFT-INV-7-ACME) is another word.
    """
    before, after = text[max(0, start - 2) : start], text[end : end + 1]
    if before[-1:].isalnum() or after.isalnum():
        return False
    if len(before) == 2 and before[1] in _JOINTS and before[0].isdigit() and text[start].isdigit():
        return False
    return not _GOES_ON.match(text, end)


def name_words(name: str) -> tuple[str, ...]:
    """A company's name as its words without punctuation and legal forms; all of them when nothing else is left."""
    words = re.findall(r"[^\W_]+", plain(name).replace("'", "").replace("’", ""))
    kept = tuple(word for word in words if word not in _LEGAL_FORMS)
    return kept or tuple(words)


def without_cut_form(words: tuple[str, ...]) -> tuple[str, ...]:
    """A name's words without the beginning of a legal form at their end: banks cut "Acme Private Limited" anywhere."""
    if len(words) > 1 and any(form.startswith(words[-1]) for form in _LEGAL_FORMS):
        return words[:-1]
    return words
