"""What is said in each language: the texts of `tusker/translations`, and days and counts as it writes them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path

from babel.dates import format_date
from babel.messages.mofile import read_mo
from babel.numbers import format_decimal
from flask import current_app
from flask_babel import force_locale, get_translations

from tusker.messages import ENGLISH, Text, joined, speaker

LOCALES = {"hi": "hi_IN"}
"""In which locale a language writes days; English takes the installation's, as all do for counts and amounts, which so
look the same in each language, in files and in mails."""


class Catalogue:
    """A language whose texts lie in `tusker/translations`; what is not there, and all English, is said in English."""

    def __init__(self, code: str) -> None:
        self.code = code
        with force_locale(code):
            self._found = get_translations()

    def template(self, msgid: str, plural: str | None = None, n: int = 1) -> str:
        return str(self._found.gettext(msgid) if plural is None else self._found.ngettext(msgid, plural, n))

    def day(self, day: date) -> str:
        return ENGLISH.day(day) if self.code == "en" else _day(day, LOCALES[self.code])


@cache
def catalogue(code: str) -> Catalogue:
    """The language of a code, which is loaded once."""
    return Catalogue(code)


@contextmanager
def speaking(code: str | None) -> Iterator[None]:
    """Say what is said inside in a language, or where that is None in the installation's: the mails of a job."""
    before = speaker.set(catalogue(code or current_app.config["LANGUAGE"]))
    try:
        yield
    finally:
        speaker.reset(before)


def retold(text: str) -> str:
    """What was stored in English, such as the reason of an event: where it is a sentence of ours, or several, a text
    that can be said in another language again; else, as what a person typed, as it is."""
    return text if isinstance(text, Text) or not text or language() == ENGLISH.code else _retold(text)


@lru_cache(maxsize=4_096)
def _retold(text: str, deep: int = 0) -> str:
    if deep == _DEEPEST or len(text) > _LONGEST:
        return text
    for literal, pattern, msgid, plural in _sentences():
        if literal in text and (found := pattern.fullmatch(text)):
            params: dict[str, object] = {
                name: _param(value, deep + 1) for name, value in found.groupdict().items()
            }
            if plural is None or (n := found.groupdict().get("n", "1")).isdecimal():
                return Text(msgid, plural, params if plural is None else {**params, "n": int(n)})
    for split, by in _PARTS:
        if len(parts := split.split(text)) > 1:
            again = [_retold(part, deep + 1) for part in parts]
            if any(isinstance(part, Text) for part in again):
                return joined(again, by)
    return text


def _param(value: str, deep: int) -> object:
    if _STORED_DAY.fullmatch(value):
        return datetime.strptime(value, "%d %b %Y").date()  # noqa: DTZ007
    return _retold(value, deep)


_STORED_DAY = re.compile(r"\d{1,2} [A-Z][a-z]{2} \d{4}")
_MO = Path(__file__).parent / "translations" / "hi" / "LC_MESSAGES" / "messages.mo"
_PLACE = re.compile(r"\{(\w+)\}")
_PARTS = [
    (re.compile(split), by)
    for split, by in (
        (r"(?<=[.!?])\s+", " "),
        *((by, by) for by in ("; ", ": ", ", ")),
        (r"(?<=^[A-Z]{2}[A-Z\d]{2}) ", " "),  # a bank's code with its words
    )
]
_LEAST = 10
"""How many letters a sentence has at least beside its parameters, so that it is known by them; a count is known by its
number."""
_DEEPEST, _LONGEST = 5, 2_000
"""How many sentences stand in each other, and how long a text is at most: what a person typed may look like both."""


@cache
def _sentences() -> list[tuple[str, re.Pattern[str], str, str | None]]:
    """The texts of the product, those that say most first: the longest of what stands between their parameters, their
    pattern, and the text, of one with a plural both."""
    with _MO.open("rb") as file:
        ids = [message.id for message in read_mo(file) if message.id]
    found = []
    for one, plural in ((text, None) if isinstance(text, str) else text for text in ids):
        for text in filter(None, (one, plural)):
            parts = _PLACE.split(text)
            counts = plural is not None and text.startswith("{n} ")
            enough = counts or sum(map(str.isalpha, "".join(parts[::2]))) >= _LEAST
            if enough and (len(parts) > 1 or " " in text):
                found.append((max(parts[::2], key=len), _pattern(parts), one, plural))
    return sorted(found, key=lambda sentence: -len(sentence[0]))


def _pattern(parts: list[str]) -> re.Pattern[str]:
    """Of a text that is split into what stands between its places and their names."""
    seen: set[str] = set()
    pattern = ""
    for number, part in enumerate(parts):
        if number % 2 == 0:
            pattern += re.escape(part)
        else:
            pattern += f"(?P={part})" if part in seen else f"(?P<{part}>.+?)"
            seen.add(part)
    return re.compile(pattern, re.S)


def language() -> str:
    """The code of the language that is spoken."""
    return speaker.get().code


def locale() -> str:
    """The locale in which days are written."""
    return LOCALES.get(language()) or str(current_app.config["LOCALE"])


def day_words(day: date) -> str:
    """A date for people, such as 5 Mar 2026."""
    return _day(day, locale())


def month_words(day: date, form: str) -> str:
    """The month of a day, by a pattern of CLDR such as MMMM y."""
    return format_date(day, form, locale=LOCALES.get(language(), "en"))


def grouped(value: int | Decimal) -> str:
    """A count with the separators of the installation's locale."""
    return _grouped(value, current_app.config["LOCALE"])


# The same days and counts are shown again and again, and Babel takes its time.
@lru_cache(maxsize=4_096)
def _grouped(value: int | Decimal, locale: str) -> str:
    return format_decimal(value, locale=locale)


@lru_cache(maxsize=4_096)
def _day(day: date, locale: str) -> str:
    return format_date(day, "d MMM y", locale=locale)
