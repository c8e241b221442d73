"""The language of a page: whose request it is decides it. Templates say their texts by `_` and `_n`."""

from datetime import date
from functools import cached_property

from flask import Flask, g, request, session
from flask_babel import Babel, get_locale
from flask_login import current_user
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup, escape

from tusker.catalogues import Catalogue, catalogue, grouped, language
from tusker.messages import ENGLISH, LANGUAGES, filled, speaker


def init_app(app: Flask) -> None:
    """Find out the language of each request, and give templates `_` and `_n`."""
    app.config["WTF_I18N_ENABLED"] = False  # our forms say everything themselves
    Babel(configure_jinja=False).init_app(
        app, default_locale=app.config["LANGUAGE"], locale_selector=_language_of_request
    )
    app.teardown_request(_be_silent)
    app.jinja_env.globals.update(_=translated, _n=translated_number, language=language, LANGUAGES=LANGUAGES)


def choose(chosen: str) -> None:
    """Speak a language from here on in this request, and where nobody is signed in also in those that follow."""
    g.language = session["language"] = chosen
    speaker.set(catalogue(chosen))


def speak() -> None:
    """Before a request: from here on texts are said in its language."""
    speaker.set(_Theirs())


def _be_silent(_: BaseException | None) -> None:
    """What the thread says until its next request is English."""
    speaker.set(ENGLISH)


def _language_of_request() -> str | None:
    current_user._get_current_object()  # whoever it is, their row tells it: `auth.sessions.load_user`
    chosen = g.get("language") or session.get("language")
    if chosen is None and "user_session" not in g:
        chosen = request.accept_languages.best_match(LANGUAGES)
    return chosen if chosen in LANGUAGES else None


class _Theirs:
    """Speaks the language of whose request it is, which is found out when the first text is said."""

    @cached_property
    def of(self) -> Catalogue:
        """Who speaks it."""
        return catalogue(str(get_locale()))

    @property
    def code(self) -> str:
        return self.of.code

    def template(self, msgid: str, plural: str | None = None, n: int = 1) -> str:
        return self.of.template(msgid, plural, n)

    def day(self, day: date) -> str:
        return self.of.day(day)


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
    if not context.autoescape:
        return filled(template, params)
    params = {name: escape(value) for name, value in params.items()}
    return Markup(template.format_map(params) if params else template)  # noqa: S704 - texts are ours
