"""Admins who wait: made or let in again by one admin, they work once another one activates them."""

from __future__ import annotations

from tusker.errors import Conflict, NotAllowed
from tusker.extensions import db
from tusker.models import User
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.locks import lock_active_admins, lock_user
from tusker.services.outbox import queue_mail
from tusker.services.people.passwords import request_password_reset
from tusker.services.people.users import clear_activation, needs_another
from tusker.services.reasons import reason_of


def activate_user(ctx: Context, user_id: int) -> User:
    """Let an admin who waits work from now on, and tell them by mail; a new one gets a link to choose a password.

    It takes another active admin than who asked, unless a command without a name does it (the operator of the machine
    makes admins alone) or `REQUIRE_SECOND_ADMIN` was switched off meanwhile.
    """
    user = _locked_waiting(ctx, user_id)
    if not needs_another(ctx, user):
        # The database wants two names while this is asked for.
        clear_activation(user)
    elif ctx.actor_id == user.activation_asked_by:
        raise NotAllowed(
            f"You asked for {user.name} to be an admin; another admin must activate the account."
        )
    else:
        user.activation_decided_at, user.activation_decided_by = ctx.now, ctx.actor_id
    user.active = True
    record_event(ctx, "user", user.id, "admin_activated", from_value="waiting", to_value="active")
    fresh = user.last_login_at is None
    by = ctx.actor if ctx.actor_id is not None else None
    queue_mail(ctx, "people/admin_activated", [user.email], name=user.name, by=by, fresh=fresh)
    if fresh:
        request_password_reset(ctx, user.email)
    db.session.flush()
    return user


def refuse_user(ctx: Context, user_id: int, *, reason: str) -> User:
    """Leave an admin who waits inactive; who asked may take it back so."""
    why = reason_of(reason)
    user = _locked_waiting(ctx, user_id)
    if ctx.actor_id is None:
        raise NotAllowed("An admin has to do this under their own name.")
    own = ctx.actor_id == user.activation_asked_by
    user.activation_decided_at, user.activation_decided_by = ctx.now, ctx.actor_id
    user.activation_refusal = why
    kind = "admin_activation_withdrawn" if own else "admin_activation_refused"
    record_event(ctx, "user", user.id, kind, from_value="waiting", to_value="inactive", reason=why)
    db.session.flush()
    return user


def _locked_waiting(ctx: Context, user_id: int) -> User:
    """The user who waits. The admins are locked first, so that who decides is one still."""
    admins = lock_active_admins()
    user = lock_user(user_id)
    if ctx.actor_id is not None and ctx.actor_id not in {admin.id for admin in admins}:
        raise NotAllowed("Only an active admin decides on this.")
    if not user.waits_for_activation:
        if user.active:
            raise Conflict(f"{user.name} is active already.")
        raise Conflict(
            f"{user.name} does not wait for activation{' any more' if user.activation_refusal else ''}."
        )
    return user
