"""The session of a request: finding it, beginning and ending one, and noting that its person is there."""

from datetime import timedelta
from hashlib import sha256

from flask import current_app, g, request, session
from flask.sessions import SecureCookieSessionInterface
from flask_login import current_user, login_user, logout_user

from tusker import clock
from tusker.models import AccessKind, User, UserSession
from tusker.services.people import sessions
from tusker.services.people.access_log import log_access
from tusker.services.people.factors import factors_of, must_have_factor
from tusker.transactions import transaction
from tusker.watching.logs import who
from tusker.web.guards.visitors import visitor

# Flask-Login keeps the session's key under this name.
KEY = "_user_id"


class SignedCookies(SecureCookieSessionInterface):
    """Flask's sessions, signed with HMAC-SHA-256 where its default is SHA-1."""

    digest_method = staticmethod(sha256)


def load_user(key: str) -> User | None:
    """The user of the token in the cookie, None when that session has ended or still lacks its second factor."""
    found = sessions.find_session(clock.now(), key)
    if found is None:
        return None
    of, g.has_factor = found
    who.set(f"user {of.user_id}")
    g.language = of.user.language
    if of.factor_at is None and (g.has_factor or must_have_factor(of.user)):
        g.half_session = of
        return None
    g.user_session = of
    return of.user


def half_session() -> UserSession | None:
    """The session of somebody who gave the password and still has to show, or to add, a second factor."""
    return None if current_user.is_authenticated else g.get("half_session")


def this_session() -> UserSession:
    """The session of a signed-in person's request."""
    found: UserSession = g.user_session
    return found


def start_session(user: User) -> bool:
    """Begin a session for a user who gave the password. Nothing of the visitor's old session is kept.

    Returns whether they are in; otherwise a second factor is to follow.
    """
    with transaction():
        begun, token = sessions.begin_session(clock.now(), user, visitor())
    empty_session(None if user.language else session.get("language"))
    g.pop("csrf_token", None)  # of the old session, kept for the rest of the request
    session.permanent = True
    session[KEY] = token
    g.has_factor = bool(factors_of(user.id))
    if g.has_factor or must_have_factor(user):
        g.half_session = begun
        return False
    admit(begun)
    return True


def admit(begun: UserSession) -> None:
    """Let the person of a session in, from this request on."""
    token = session[KEY]
    g.user_session, g.language = begun, begun.user.language
    login_user(begun.user)
    session[KEY] = token  # Flask-Login puts the user's id there


def stop_session() -> None:
    """Sign out: the token opens nothing any more, wherever it was copied to."""
    ending: UserSession | None = half_session() or g.get("user_session")
    if ending is not None:
        with transaction():
            now, user = clock.now(), ending.user
            sessions.end_session(now, user.id, ending.id)
            log_access(now, AccessKind.SIGNED_OUT, visitor(), user_id=user.id, email=user.email)
    logout_user()
    empty_session((ending and ending.user.language) or session.get("language"))


def empty_session(language: str | None) -> None:
    """Keep nothing in the cookie but the language that is spoken where nobody is signed in."""
    session.clear()
    if language:
        session["language"] = language


def note_seen() -> None:
    """Before a request of a signed-in person: keep the session from ending. A page that only polls does not."""
    found: UserSession | None = g.get("user_session")
    if found is None or request.headers.get("Polls") == "true":
        return
    now = clock.now()
    if now - found.last_seen_at >= sessions.SEEN_EVERY:
        with transaction():
            sessions.note_seen(now, found.id)


def seconds_left() -> int:
    """How long the session lasts at most, whatever its person does."""
    return int((sessions.ends_at(this_session()) - clock.now()).total_seconds())


def seconds_to_leave() -> int | None:
    """After how long a browser without JavaScript leaves the page for the sign-in page: the session is over then. None
    where something may be typed, which is sent late and kept instead."""
    if (
        not current_user.is_authenticated
        or request.url_rule is None
        or "POST" in (request.url_rule.methods or ())
    ):
        return None
    idle = timedelta(minutes=current_app.config["SESSION_IDLE_MINUTES"]) + sessions.SEEN_EVERY
    return min(int(idle.total_seconds()), seconds_left()) + 5
