"""Texts of templates in the language of the page."""

from __future__ import annotations

from flask import Flask
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup

from tusker.messages import speaker


def init_app(app: Flask) -> None:
    """Give templates `_` and `_n`."""
    app.jinja_env.globals.update(_=translated, _n=translated_number)


@pass_eval_context
def translated(context: EvalContext, msgid: str, /, **params: object) -> str:
    """`{{ _("{amount} are due", amount=loan.due|money) }}`: what stands for the names is escaped, the text is not, so
    it may hold a tag."""
    return _filled(context, speaker.get().template(msgid), params)


@pass_eval_context
def translated_number(context: EvalContext, one: str, many: str, n: int, /, **params: object) -> str:
    """`{{ _n("{n} invoice", "{n} invoices", invoices|length) }}`."""
    return _filled(context, speaker.get().template(one, many, n), {"n": n, **params})


def _filled(context: EvalContext, template: str, params: dict[str, object]) -> str:
    text = Markup(template) if context.autoescape else template  # noqa: S704 - texts are ours, params are escaped
    return text.format(**params) if params else text
