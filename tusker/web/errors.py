"""Turns errors into answers: a page, or for htmx an alert among the page's messages.

Requests below a prefix that has a handler of its own (`answer_errors_under`) go to that handler instead: `/api/` speaks
problem details and not HTML.
"""

import contextlib
import json
import logging
from collections.abc import Callable

from flask import Flask, Response, current_app, g, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_limiter.errors import RateLimitExceeded
from flask_login import current_user
from flask_wtf.csrf import CSRFError, generate_csrf
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, InternalServerError, SecurityError, ServiceUnavailable

from tusker import clock
from tusker.errors import TooManyTries, TuskerError
from tusker.extensions import db, limiter, login_manager
from tusker.messages import say, say_n
from tusker.transactions import may_pass
from tusker.watching.logs import work_id
from tusker.web.access import SignInNeeded
from tusker.web.forms.kept import form_of_request, page_of_form
from tusker.web.htmx import is_htmx

log = logging.getLogger(__name__)

ErrorHandler = Callable[[TuskerError | HTTPException], ResponseReturnValue]

_PREFIXES = "tusker_error_prefixes"

RETRY_SECONDS = 10
"""When to come again while the database is away: it is back within less after a restart."""

WORDS = {
    400: (say("This request cannot be understood"), say("Go back, reload the page and try again.")),
    403: (say("This is not for you"), say("Your role does not allow this.")),
    404: (say("Nothing is here"), say("The page does not exist, or it belongs to somebody else.")),
    405: (say("This cannot be opened this way"), say("Use the buttons and links of the pages.")),
    408: (say("The upload was too slow"), say("Check the connection and send it again.")),
    409: (say("This has changed in the meantime"), say("Reload the page to see how it stands now.")),
    413: (say("This file is too large"), say("The largest file accepted is 20 MB.")),
    422: (say("Something you entered cannot be accepted"), say("Correct it and try again.")),
    429: (say("Too many requests"), say("Wait a little, then try again.")),
    500: (say("Something went wrong here"), say("It was not your doing, and it has been noted.")),
    503: (say("Tusker is not available at the moment"), say("Try again in a few minutes.")),
}


def answer_errors_under(app: Flask, prefix: str, handler: ErrorHandler) -> None:
    """Have `handler` answer every error of requests whose path starts with `prefix`, unknown pages too.

    It gets a `TuskerError` or an `HTTPException`; an unexpected error comes as `InternalServerError` and is logged.
    """
    app.extensions.setdefault(_PREFIXES, {})[prefix] = handler


def init_app(app: Flask) -> None:
    """Register the handlers. Unexpected errors reach them as 500, after Flask has logged them."""
    app.register_error_handler(TuskerError, _on_tusker_error)
    app.register_error_handler(CSRFError, _on_csrf_error)
    app.register_error_handler(HTTPException, answer_http_error)
    app.register_error_handler(SQLAlchemyError, _on_database_error)


def _elsewhere() -> ErrorHandler | None:
    for prefix, handler in current_app.extensions.get(_PREFIXES, {}).items():
        if request.path.startswith(prefix):
            handler_of_prefix: ErrorHandler = handler
            return handler_of_prefix
    return None


def _on_tusker_error(error: TuskerError) -> ResponseReturnValue:
    if handler := _elsewhere():
        return handler(error)
    title = WORDS.get(error.http_status, WORDS[400])[0]
    answer = _answer(error.http_status, title, error.message)
    if isinstance(error, TooManyTries):
        answer.headers["Retry-After"] = str(error.details["seconds"])
    return answer


def _on_csrf_error(error: CSRFError) -> ResponseReturnValue:
    """A page that was open while its person signed in anew. Nothing typed is lost: a form of ours is shown again to be
    sent once more, and htmx is given the page's new token. (Another site cannot read either.)"""
    if handler := _elsewhere():
        return handler(error)
    if not current_user.is_authenticated:
        return current_app.handle_user_exception(SignInNeeded())
    log.info("refused for its csrf token: %s", error.description)
    if not is_htmx() and (kept := form_of_request(current_user.id)):
        return render_template("errors/kept.html", kept=kept), 400
    answer = _answer(
        400,
        say("You have signed in again since this page was opened"),
        say("Press the button once more."),
    )
    if is_htmx() and page_of_form() is not None:
        answer.headers["HX-Trigger"] = json.dumps({"fresh-token": generate_csrf()})
    return answer


def _on_database_error(error: SQLAlchemyError) -> ResponseReturnValue:
    """503 where the same request may succeed a little later; anything else is an error of ours."""
    if not may_pass(error):
        raise error
    log.warning("the database could not do it now: %s", str(error.__cause__ or error).splitlines()[0])
    with contextlib.suppress(SQLAlchemyError):
        db.session.rollback()
    return answer_http_error(ServiceUnavailable(retry_after=RETRY_SECONDS))


def answer_http_error(error: HTTPException) -> ResponseReturnValue:
    """The usual answer to an HTTP error; blueprints that handle some themselves leave the others to it."""
    if isinstance(error, InternalServerError):
        # The error page must not read what was half done.
        with contextlib.suppress(SQLAlchemyError):
            db.session.rollback()
    if isinstance(error, SecurityError):
        # Without a host of ours no page can name an address of ours.
        return Response("This address is not served here.\n", 400, mimetype="text/plain")
    if handler := _elsewhere():
        return handler(error)
    status = error.code or 500
    title, hint = WORDS.get(status, WORDS[400 if status < 500 else 500])
    wait = seconds_to_wait() if isinstance(error, RateLimitExceeded) else None
    if wait is not None:
        minutes = -(-wait // 60)
        hint = (
            say_n("Try again in {n} second.", "Try again in {n} seconds.", wait)
            if wait < 120
            else say_n("Try again in {n} minute.", "Try again in {n} minutes.", minutes)
        )
    answer = _answer(status, title, hint)
    for name, value in error.get_headers():
        if name not in {"Content-Type", "Content-Length"}:
            answer.headers[name] = value
    if wait is not None:
        answer.headers["Retry-After"] = str(wait)
    return answer


def seconds_to_wait() -> int:
    """Until the limit that this request broke has room again."""
    current = limiter.current_limit
    return max(1, current.reset_at - int(clock.now().timestamp())) if current else 60


def _answer(status: int, title: str, message: str) -> Response:
    """The page or, for htmx, the alert; a 500 gives the request id and reads nothing from the database."""
    request_id = None
    if status >= 500:
        request_id = work_id.get()
        # Flask-Login tells each template who is signed in, and would ask the database.
        g._login_user = login_manager.anonymous_user()
    context = {
        "status": status,
        "title": title,
        "message": message,
        "request_id": request_id,
    }
    if is_htmx():
        answer = make_response(render_template("errors/_alert.html", **context), status)
        answer.headers["HX-Retarget"] = "#messages"
        answer.headers["HX-Reswap"] = "innerHTML show:window:top"
        answer.headers["HX-Push-Url"] = "false"
    else:
        template = "errors/broken.html" if status >= 500 else "errors/error.html"
        answer = make_response(render_template(template, **context), status)
    answer.vary.add("HX-Request")
    return answer
