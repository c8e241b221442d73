"""The language of a page: whose request it is decides it, and texts, days and counts are shown in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from functools import cache, cached_property, lru_cache

from babel.dates import format_date
from babel.numbers import format_decimal
from flask import Flask, current_app, g, request, session
from flask_babel import Babel, force_locale, get_locale, get_translations
from flask_login import current_user
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup

from tusker.messages import ENGLISH, LANGUAGES, shown, speaker

LOCALES = {"hi": "hi_IN"}
"""In which locale a language writes days; English takes the installation's, as all do for counts and amounts, which so
look the same in each language, in files and in mails."""


def init_app(app: Flask) -> None:
    """Find out the language of each request, and give templates `_` and `_n`."""
    app.config["WTF_I18N_ENABLED"] = False  # our forms say everything themselves
    Babel(configure_jinja=False).init_app(
        app, default_locale=app.config["LANGUAGE"], locale_selector=_language_of_request
    )
    app.teardown_request(_be_silent)
    app.jinja_env.globals.update(_=translated, _n=translated_number, language=language, LANGUAGES=LANGUAGES)


def language() -> str:
    """The code of the language that is spoken."""
    return speaker.get().code


def locale() -> str:
    """The locale in which days are written."""
    return LOCALES.get(language()) or str(current_app.config["LOCALE"])


def grouped(value: int | Decimal) -> str:
    """A count with the separators of the installation's locale."""
    return _grouped(value, current_app.config["LOCALE"])


# Pages show the same counts again and again, and Babel takes its time.
@lru_cache(maxsize=4_096)
def _grouped(value: int | Decimal, locale: str) -> str:
    return format_decimal(value, locale=locale)


def choose(chosen: str) -> None:
    """Speak a language from here on in this request, and where nobody is signed in also in those that follow."""
    g.language = session["language"] = chosen
    speak()


@contextmanager
def speaking(code: str | None) -> Iterator[None]:
    """Say what is said inside in a language, or where that is None in the installation's: the mails of a job."""
    before = speaker.set(_speaker_of(code or current_app.config["LANGUAGE"]))
    try:
        yield
    finally:
        speaker.reset(before)


def _language_of_request() -> str | None:
    current_user._get_current_object()  # whoever it is, their row tells it: `auth.sessions.load_user`
    chosen = g.get("language") or session.get("language")
    if chosen is None and "user_session" not in g:
        chosen = request.accept_languages.best_match(LANGUAGES)
    return chosen if chosen in LANGUAGES else None


class _Theirs:
    """Speaks the language of whose request it is, which is found out when the first text is said."""

    @cached_property
    def of(self) -> _Catalogue:
        """Who speaks it."""
        return _speaker_of(str(get_locale()))

    @property
    def code(self) -> str:
        return self.of.code

    def template(self, msgid: str, plural: str | None = None, n: int = 1) -> str:
        return self.of.template(msgid, plural, n)

    def day(self, day: date) -> str:
        return self.of.day(day)


class _Catalogue:
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
def _speaker_of(code: str) -> _Catalogue:
    return _Catalogue(code)


@lru_cache(maxsize=4_096)
def _day(day: date, locale: str) -> str:
    return format_date(day, "d MMM y", locale=locale)


def speak() -> None:
    """Before a request: from here on texts are said in its language."""
    speaker.set(_Theirs())


def _be_silent(_: BaseException | None) -> None:
    """What the thread says until its next request is English."""
    speaker.set(ENGLISH)


@pass_eval_context
def translated(context: EvalContext, msgid: str, /, **params: object) -> str:
    """`{{ _("{amount} are due", amount=loan.due|money) }}`: what stands for the names is escaped, the text is not, so
    it may hold a tag."""
    return _filled(context, speaker.get().template(msgid), params)


@pass_eval_context
def translated_number(context: EvalContext, one: str, many: str, n: int, /, **params: object) -> str:
    """`{{ _n("{n} invoice", "{n} invoices", invoices|length) }}`: {n} is the number with the locale's separators."""
    return _filled(context, speaker.get().template(one, many, n), {"n": grouped(n), **params})


def _filled(context: EvalContext, template: str, params: dict[str, object]) -> str:
    if context.autoescape:
        text = Markup(template)  # noqa: S704 - texts are ours, params are escaped
        return text.format(**params) if params else text
    return template.format_map({name: shown(v) if isinstance(v, str) else v for name, v in params.items()})
