"""What is said in each language: the texts of `tusker/translations`, and days and counts as it writes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from functools import cache, lru_cache

from babel.dates import format_date
from babel.numbers import format_decimal
from flask import current_app
from flask_babel import force_locale, get_translations

from tusker.messages import ENGLISH, speaker

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
        """The translation of a text."""
        return str(self._found.gettext(msgid) if plural is None else self._found.ngettext(msgid, plural, n))

    def day(self, day: date) -> str:
        """A day in words."""
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


def language() -> str:
    """The code of the language that is spoken."""
    return speaker.get().code


def locale() -> str:
    """The locale in which days are written."""
    return LOCALES.get(language()) or str(current_app.config["LOCALE"])


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
