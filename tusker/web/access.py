"""Who may open which page. Every view carries one of the marks below; a view without one is refused."""

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, abort, current_app, request
from flask_login import current_user

from tusker import clock
from tusker.errors import NotAllowed
from tusker.models import AccessKind, Role
from tusker.queries.credit.invoices import Scope
from tusker.services.context import Context
from tusker.services.people.access_log import log_access
from tusker.transactions import transaction
from tusker.web.guards.costly import spare_others
from tusker.web.guards.visitors import visitor

log = logging.getLogger(__name__)

View = TypeVar("View", bound=Callable[..., Any])

MARK = "tusker_access"
FRESH = "tusker_fresh_factor"
COSTLY = "tusker_costly"
PASSWORD = "tusker_fresh_password"  # noqa: S105 (a mark, no secret)
PUBLIC = "public"
BY_TOKEN = "by_token"  # noqa: S105 (a mark, no secret)
BY_SIGNATURE = "by_signature"
STAFF = (Role.ADMIN, Role.AUDITOR)
COMPANIES = (Role.SUPPLIER, Role.PURCHASER)


class SignInNeeded(Exception):
    """Nobody is signed in, or no longer; `tusker.auth` answers with the way to the sign-in page."""


def public(view: View) -> View:
    """Mark a view that anybody may open without signing in."""
    setattr(view, MARK, PUBLIC)
    return view


def by_token(view: View) -> View:
    """Mark a view of `/api/` that checks an API token itself; a browser's session does not open it."""
    setattr(view, MARK, BY_TOKEN)
    return view


def by_signature(view: View) -> View:
    """Mark a view of `/api/` that checks the sender's signature over the body itself, before it does anything."""
    setattr(view, MARK, BY_SIGNATURE)
    return view


def allow(
    *roles: Role, fresh: bool = False, password: bool = False, costly: bool = False
) -> Callable[[View], View]:
    """Mark a view for signed-in users of these roles; without roles, for everybody who is signed in.

    A `fresh` one asks people who have a second factor to show it again, unless they did so a few minutes ago;
    with `password` the others are asked for their password in the same way. One is `costly` whose cost grows with the
    book or with what is sent (`tusker.web.guards.costly`).
    """
    allowed = frozenset(roles or Role)

    def mark(view: View) -> View:
        setattr(view, MARK, allowed)
        setattr(view, FRESH, fresh)
        setattr(view, COSTLY, costly)
        setattr(view, PASSWORD, password)
        return view

    return mark


def access_of(app: Flask, endpoint: str) -> str | frozenset[Role] | None:
    """The mark of an endpoint's view; None when it carries none. Static files are public."""
    if endpoint == "static" or endpoint.endswith(".static"):
        return PUBLIC
    mark: str | frozenset[Role] | None = getattr(app.view_functions[endpoint], MARK, None)
    return mark


def guard() -> None:
    """Before each request: refuse unmarked views, ask people to sign in, and check their role."""
    if request.endpoint is None:
        return  # no such page: routing answers with 404 or 405
    mark = access_of(current_app, request.endpoint)
    if mark is None:
        log.error("the view %s carries no access mark and is refused", request.endpoint)
        abort(500)
    if isinstance(mark, str):
        return
    if not current_user.is_authenticated:
        raise SignInNeeded
    if current_user.role not in mark:
        with transaction():
            log_access(
                clock.now(),
                AccessKind.REFUSED,
                visitor(),
                user_id=current_user.id,
                email=current_user.email,
                detail=f"{request.method} {request.path}",
            )
        raise NotAllowed("Your role does not allow this page.")
    spare_others(getattr(current_app.view_functions[request.endpoint], COSTLY, False))


def is_staff() -> bool:
    """Whether the signed-in user is an admin or an auditor and so sees every company."""
    return current_user.is_authenticated and current_user.role in STAFF


def current_company_id() -> int:
    """The company of the signed-in supplier or purchaser user; raises `NotAllowed` for anybody else."""
    if not current_user.is_authenticated or current_user.customer_id is None:
        raise NotAllowed("This page belongs to users of a company.")
    company_id: int = current_user.customer_id
    return company_id


def my_scope() -> Scope:
    """Staff see all invoices, a supplier those it asked for, a purchaser those it has to repay."""
    if is_staff():
        return Scope()
    if current_user.role == Role.SUPPLIER:
        return Scope(supplier_id=current_company_id())
    return Scope(purchaser_id=current_company_id())


def acting() -> Context:
    """The signed-in user and the time, as services take them; raises `NotAllowed` when nobody is signed in."""
    if not current_user.is_authenticated:
        raise NotAllowed("Sign in first.")
    return Context(
        actor_id=current_user.id,
        actor=current_user.name,
        now=clock.now(),
        today=clock.today(),
        why=request.form.get("why", ""),
    )
