"""Sentences for people, which can be said in another language than English."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from datetime import date, datetime
from typing import Any, Protocol

_TEXT, _DAY = "text to be said", "day to be said"
_CODES = {"state", "status", "stage"}
"""The names of parameters that are codes, which languages other than English say by their words."""
LANGUAGES = {"en": "English", "hi": "हिन्दी"}
"""The languages of the product by their codes, each by its own name."""
_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;"})


def show_day(day: date) -> str:
    """A day as all pages, messages and mails write it, such as 5 Mar 2026; of an instant its day."""
    return f"{day.day} {day:%b %Y}"


class Speaker(Protocol):
    """Knows a language."""

    @property
    def code(self) -> str:
        """Which: a key of `LANGUAGES`."""

    def template(self, msgid: str, plural: str | None = None, n: int = 1) -> str:
        """The translation of a text whose `{name}` places are still empty."""

    def day(self, day: date) -> str:
        """A day in words."""


class English:
    """The language in which all texts are written."""

    code = "en"

    def template(self, msgid: str, plural: str | None = None, n: int = 1) -> str:
        return msgid if plural is None or n == 1 else plural

    def day(self, day: date) -> str:
        """Such as 5 Mar 2026."""
        return show_day(day)


ENGLISH = English()
speaker: ContextVar[Speaker] = ContextVar("speaker", default=ENGLISH)
"""Who speaks in this request, job or mail."""


class Text(str):
    """A sentence, label or word: as a string it is the English one, for whoever takes it as it is (the endpoint,
    commands, events, logs); `shown` says it in the language of whom it is for.

    `msgid` is the English with `{name}` where a parameter stands, `plural` the same for any `n` but one.
    """

    msgid: str
    plural: str | None
    params: Mapping[str, object]

    def __new__(cls, msgid: str, plural: str | None, params: Mapping[str, object]) -> Text:
        text = super().__new__(cls, _said(ENGLISH, msgid, plural, params))
        text.msgid, text.plural, text.params = msgid, plural, params
        return text

    def __reduce__(self) -> tuple[object, ...]:
        return Text, (self.msgid, self.plural, dict(self.params))

    def __html__(self) -> str:
        """For templates, which so show every `Text` in the language of the page."""
        return shown(self).translate(_ESCAPED)


def say(msgid: str, /, **params: object) -> Text:
    """A text to be translated: `say("{name} is on hold until {day}", name=…, day=…)`. The first argument is written
    out where it is called, for it is collected from there; days and texts among the parameters are said too."""
    return Text(msgid, None, params)


def say_n(one: str, many: str, n: int, /, **params: object) -> Text:
    """A text that hangs on a number: `say_n("{n} row", "{n} rows", count)`."""
    return Text(one, many, {"n": n, **params})


def coded(code: str) -> Text:
    """The word of a code, such as that of a status; scripts/messages.py collects those of all that the source has."""
    return Text(code.replace("_", " ").capitalize(), None, {})


def joined(texts: Iterable[str], by: str = ", ") -> Text:
    """Several texts as one, each of which is said by itself."""
    parts = {f"part{number}": text for number, text in enumerate(texts)}
    return Text(by.join(f"{{{name}}}" for name in parts), None, parts)


def shown(text: str) -> str:
    """A text in the language of whom it is for; a plain string as it is."""
    return _said(speaker.get(), text.msgid, text.plural, text.params) if isinstance(text, Text) else text


def filled(template: str, params: Mapping[str, object]) -> str:
    """A translated text with its parameters, of which texts and days are said, too."""
    return template.format_map({name: _param(speaker.get(), value, name) for name, value in params.items()})


def packed(value: Any) -> Any:
    """A value with texts and days in it as JSON, from which `unpacked` makes it again; of an instant its day."""
    if isinstance(value, Text):
        return {_TEXT: [value.msgid, value.plural, packed(dict(value.params))]}
    if isinstance(value, date):
        return {_DAY: (value.date() if isinstance(value, datetime) else value).isoformat()}
    if isinstance(value, Mapping):
        return {name: packed(one) for name, one in value.items()}
    return [packed(one) for one in value] if isinstance(value, (list, tuple)) else value


def unpacked(value: Any) -> Any:
    if isinstance(value, list):
        return [unpacked(one) for one in value]
    if not isinstance(value, dict):
        return value
    if _TEXT in value:
        msgid, plural, params = value[_TEXT]
        return Text(msgid, plural, unpacked(params))
    return date.fromisoformat(value[_DAY]) if _DAY in value else {n: unpacked(v) for n, v in value.items()}


def _said(speaker: Speaker, msgid: str, plural: str | None, params: Mapping[str, object]) -> str:
    if not params:
        return msgid and speaker.template(msgid)
    n = params["n"] if plural is not None else 1
    template = speaker.template(msgid, plural, n if isinstance(n, int) else 1)
    return template.format_map({name: _param(speaker, value, name) for name, value in params.items()})


def _param(speaker: Speaker, value: object, name: str) -> object:
    if isinstance(value, Text):
        return _said(speaker, value.msgid, value.plural, value.params)
    if name in _CODES and isinstance(value, str) and speaker.code != ENGLISH.code:
        word = coded(value)
        said = speaker.template(word.msgid)
        return value if said == word.msgid else said
    return speaker.day(value) if isinstance(value, date) else value
