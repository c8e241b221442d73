"""What all pages share: access guards, htmx helpers, forms, filters, error pages, headers, request ids."""

import re
import secrets
from typing import Any, NamedTuple

from flask import Flask, Response, current_app, g, has_request_context, request, session, url_for
from flask_login import current_user
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.middleware.proxy_fix import ProxyFix

from tusker.currency import currency
from tusker.errors import InvalidInput, UnreadableAddress
from tusker.messages import say
from tusker.models import Role
from tusker.queries.proposals import open_proposals_on
from tusker.services.credit.importing.large import LARGEST
from tusker.services.reasons import LONGEST_REASON
from tusker.watching.logs import who, work_id
from tusker.web import assets, compression, errors, filters, languages
from tusker.web.access import guard, is_staff
from tusker.web.guards import costly
from tusker.web.guards.slow_bodies import CutSlowBodies
from tusker.web.lists.listing import open_with_view
from tusker.web.nav import URGENT, breadcrumbs, navigation
from tusker.web.pages import list_choices
from tusker.web.pages.finding import note_what_was_seen, shortcuts
from tusker.web.urls import IdConverter

_SANE_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""All but tabs and line ends, which come along when somebody pastes a number out of a table."""

LARGE_FILES = {"admin.import_upload": LARGEST + 1024 * 1024}
"""How many bytes may be sent to an endpoint where that is more than elsewhere: the file, and the form around it."""

WITH_DOCUMENT = {"invoices.new", "invoices.send_document", "invoices.dispute_delivery"}
AROUND_IT = 64 * 1024
"""Where the document of an invoice is sent in, with a form of so many bytes around it: whatever is larger is cut."""


class Bounds(NamedTuple):
    """How many bytes a form without files may have, and how many fields."""

    size: int
    fields: int


FORMS = Bounds(2 * 1024 * 1024, 50_000)
FORMS_OF_STRANGERS = Bounds(512 * 1024, 1000)
"""Of somebody who never signed in here: the sign-in page with a form that was kept is the largest, files included."""

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self' data:",
        "object-src 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
        "base-uri 'none'",
    )
)


def init_app(app: Flask) -> None:
    """Register filters, guards, headers, error pages and the pages of no blueprint."""
    # A form lives as long as its session: people leave pages open over lunch.
    app.config["WTF_CSRF_TIME_LIMIT"] = None
    if app.config["BASE_URL"].startswith("https://"):
        # TLS ends at one proxy in front of us, which must set (not append to) X-Forwarded-For, -Proto and -Host.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]
    app.wsgi_app = CutSlowBodies(app.wsgi_app, app.config["BODY_SECONDS"])  # type: ignore[method-assign]
    app.url_map.converters["int"] = IdConverter
    app.after_request(_know_who_asked)  # the first here is the last then
    filters.init_app(app)
    costly.init_app(app)
    assets.init_app(app)
    compression.init_app(app)
    errors.init_app(app)
    languages.init_app(app)
    # Before the extensions' hooks, so that what they log and refuse has the request's id, too.
    first = [languages.speak, _name_request, _refuse_control_characters, _take_large_files, _bound_forms]
    app.before_request_funcs.setdefault(None, [])[:0] = first
    app.teardown_request(_forget_request)
    app.before_request(guard)
    app.before_request(open_with_view)
    app.after_request(_set_headers)
    app.after_request(note_what_was_seen)
    app.context_processor(_template_context)
    app.jinja_env.globals.update(
        with_args=with_args, breadcrumbs=breadcrumbs, LONGEST_REASON=LONGEST_REASON, URGENT=URGENT
    )
    app.register_blueprint(list_choices.bp)


def _name_request() -> None:
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if _SANE_ID.fullmatch(given) else secrets.token_hex(8)
    work_id.set(g.request_id)
    who.set("-")


def _know_who_asked(answer: Response) -> Response:
    """A file is written when the request's session with the database has ended: whose it is must be read before."""
    if answer.is_streamed:
        _ = current_user.is_authenticated
    return answer


def _forget_request(_: BaseException | None) -> None:
    """What the thread says until its next request is nobody's."""
    work_id.set("-")
    who.set("-")


def _refuse_control_characters() -> None:
    """No address that the application links to has any, and the database takes no text with a NUL."""
    if _CONTROLS.search(request.path):
        raise UnreadableAddress("The address has a control character.")
    for name, value in request.args.items(multi=True):
        if _CONTROLS.search(name + value):
            shown = _CONTROLS.sub("?", name)[:80]
            # To a system it is a value of a field that cannot be taken, like any other.
            error = InvalidInput if request.path.startswith("/api/") else UnreadableAddress
            raise error(say("“{name}” in the address has a control character.", name=shown), field=shown)


def _take_large_files() -> None:
    """What more or less than elsewhere may be sent, before anything reads the form."""
    if request.endpoint in LARGE_FILES and current_user.is_authenticated and current_user.role == Role.ADMIN:
        request.max_content_length = LARGE_FILES[request.endpoint]
    elif request.endpoint in WITH_DOCUMENT:
        request.max_content_length = current_app.config["DOCUMENT_MAX_MB"] * 1024 * 1024 + AROUND_IT


def _bound_forms() -> None:
    """A form is taken apart, which costs the more the more fields it has, before it is asked who sends it."""
    if request.method not in {"POST", "PUT", "PATCH", "DELETE"} or request.path.startswith("/api/"):
        return
    bounds = FORMS if "_user_id" in session else FORMS_OF_STRANGERS  # whose session may have ended
    if bounds is FORMS_OF_STRANGERS or request.mimetype == "application/x-www-form-urlencoded":
        request.max_content_length = bounds.size
    if (
        request.mimetype == "application/x-www-form-urlencoded"
        and request.get_data().count(b"&") >= bounds.fields
    ):
        raise RequestEntityTooLarge


def _set_headers(answer: Response) -> Response:
    headers = answer.headers
    headers["X-Request-ID"] = g.get("request_id", "-")
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
    headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    if current_app.config["ENVIRONMENT"] == "PRODUCTION":
        headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    if request.endpoint != "static" and "Cache-Control" not in headers:
        # Pages are private; the back button after signing out must not show them again.
        headers["Cache-Control"] = "no-store"
    return answer


def _template_context() -> dict[str, Any]:
    cookies = request.cookies if has_request_context() else {}
    return {
        "lender_name": current_app.config["LENDER_NAME"],
        "navigation": navigation,
        "shortcuts": shortcuts,
        "is_staff": is_staff,
        "open_proposals_on": open_proposals_on,
        "currency": currency,
        "theme": chosen
        if (chosen := cookies.get(current_app.config["THEME_COOKIE"])) in {"light", "dark"}
        else "",
        "signed_in": lambda: bool(current_user.is_authenticated),
    }


def with_args(**changes: str | None) -> str:
    """The URL of the current page with some arguments changed; None takes an argument out."""
    arguments = {**request.args.to_dict(flat=False), **(request.view_args or {})}
    arguments.update(changes)
    return url_for(request.endpoint or "web.start", **{k: v for k, v in arguments.items() if v is not None})
