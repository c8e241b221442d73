"""Answers to htmx: one view gives the whole page to a plain request and a fragment of it to htmx."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from flask import Response, flash, make_response, redirect, render_template, request, url_for
from markupsafe import Markup

from tusker.messages import say
from tusker.models import Proposal
from tusker.web.nav import counted_entries


def is_htmx() -> bool:
    return request.headers.get("HX-Request") == "true"


def current_path() -> str | None:
    """The page on which htmx sent this request, as a path of ours."""
    page = urlsplit(request.headers.get("HX-Current-URL", ""))
    return (f"{page.path}?{page.query}" if page.query else page.path) or None


def wants_fragment() -> bool:
    """Whether to answer with a fragment; boosted links and restored history need the whole page."""
    return is_htmx() and not (
        request.headers.get("HX-Boosted") == "true"
        or request.headers.get("HX-History-Restore-Request") == "true"
    )


def render(
    page: str, partial: str | None = None, /, *, status: int | None = None, **context: Any
) -> Response:
    """Answer with the template `page`, or with `partial` when htmx asks for a fragment: `_page.html` beside the page
    unless given, or the page itself where there is none.

    A `form` that was not taken, or a `list` whose filters are wrong, answers with 422 unless told otherwise: htmx swaps
    it in like a success.
    """
    if status is None:
        forms = context.get("form"), getattr(context.get("list"), "form", None)
        status = 422 if any(form and form.errors for form in forms) else 200
    folder, _, name = page.rpartition("/")
    parts: list[Any] = [partial] if partial else [f"{folder}/_{name}", page]
    body = render_template(parts if wants_fragment() else page, **context)
    answer = make_response(body, status)
    answer.vary.add("HX-Request")
    return answer


@dataclass(frozen=True, slots=True)
class Undo:
    """The way to take an act back, in its message: a form that posts to `url`, with these fields and, unless `reason`
    is False, a reason that the person types."""

    url: str
    reason: bool = True
    fields: Mapping[str, str] = field(default_factory=dict)


def done(
    message: str,
    /,
    *,
    to: str,
    made: object = None,
    partial: str | None = None,
    category: str = "success",
    undo_by: Undo | None = None,
    **context: Any,
) -> Response:
    """Answer an action that succeeded; where it `made` a proposal, its message says that instead.

    Without htmx: flash `message` and go to the URL `to` (303). With htmx: the fragment `partial` with the message
    and the navigation's counts put into the page out of band, or, without a partial, a whole new page at `to`.
    `category` is success, info, warning or danger. `undo_by` stands in the message; in a proposal's its withdrawal.
    """
    message = said(made, message)
    if isinstance(made, Proposal):
        undo_by = Undo(url_for("admin.refuse_proposal", proposal_id=made.id))
    if undo_by is not None:
        message = Markup(render_template("layout/_undo.html", words=message, undo=undo_by))  # noqa: S704 (escaped)
        category = UNDOABLE
    if wants_fragment() and partial is not None:
        body = render_template(partial, **context)
        answer = make_response(Markup(body) + oob_message(message, category) + oob_counts())  # noqa: S704 (escaped)
    else:
        flash(message, category)
        answer = go(to)
    answer.vary.add("HX-Request")
    return answer


def go(to: str) -> Response:
    """Have the browser open another page, whoever asked for this one."""
    answer = make_response("", 204) if is_htmx() else make_response(redirect(to, 303))
    if is_htmx():
        answer.headers["HX-Redirect"] = to
    return answer


UNDOABLE = "undoable"
"""The category of the message of a success that can be undone: it stays until it is closed."""
PROPOSED = say("It is proposed, and counts once another admin has accepted it (To approve).")


def said(made: object, words: str) -> str:
    """What an action says of what it did, or of the proposal that it made."""
    return PROPOSED if isinstance(made, Proposal) else words


def oob_message(message: str, category: str) -> Markup:
    """A message that htmx puts in place of the page's messages, which were of earlier acts."""
    return Markup(render_template("layout/_oob_message.html", message=message, category=category))  # noqa: S704


def oob_counts() -> Markup:
    """The counts of the navigation after an action, which may have settled what waited there."""
    counts = counted_entries().items()
    parts = (render_template("layout/_count.html", endpoint=e, count=n, oob=True) for e, n in counts)
    return Markup("".join(parts))  # noqa: S704 (rendered with escaping)
