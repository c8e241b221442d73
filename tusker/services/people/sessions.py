"""Sessions of people: begun by signing in, ended by signing out, by a new password or by time, in the database."""

import hashlib
import secrets
from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import ColumnElement, and_, exists, select, update
from sqlalchemy.orm import contains_eager

from tusker.errors import NotFound
from tusker.extensions import db
from tusker.models import SecondFactor, User, UserSession
from tusker.services.people.access_log import Visitor

SEEN_EVERY = timedelta(minutes=1)
"""How often it is written down that a person is still there."""


def begin_session(now: datetime, user: User, visitor: Visitor) -> tuple[UserSession, str]:
    """Begin a session of somebody who signed in; returns it and the token that the browser keeps."""
    token = secrets.token_urlsafe(32)
    begun = UserSession(
        user_id=user.id,
        epoch=user.session_epoch,
        token_hash=_hash(token),
        created_at=now,
        last_seen_at=now,
        address=visitor.address[:45],
        device=visitor.device[:200],
    )
    db.session.add(begun)
    db.session.flush()
    return begun, token


def find_session(now: datetime, token: str) -> tuple[UserSession, bool] | None:
    """The live session of a browser's token, with its user, and whether the user has a second factor."""
    found = db.session.execute(
        select(UserSession, exists().where(SecondFactor.user_id == UserSession.user_id))
        .join(UserSession.user)
        .options(contains_eager(UserSession.user))
        .where(UserSession.token_hash == _hash(token), _live(now))
    ).one_or_none()
    return None if found is None else (found[0], found[1])


def user_of_ended(token: str) -> int | None:
    """Whose session a token once was, live or not."""
    return db.session.scalar(select(UserSession.user_id).where(UserSession.token_hash == _hash(token)))


def live_sessions(now: datetime, user_id: int) -> list[UserSession]:
    """The sessions in which a person is signed in, the one used last first."""
    rows = db.session.scalars(
        select(UserSession)
        .join(UserSession.user)
        .where(UserSession.user_id == user_id, _live(now))
        .order_by(UserSession.last_seen_at.desc(), UserSession.id.desc())
        .limit(100)
    )
    return list(rows)


def note_seen(now: datetime, session_id: int) -> None:
    """Write down that the person of this session is there."""
    db.session.execute(
        update(UserSession)
        .where(UserSession.id == session_id, UserSession.last_seen_at < now)
        .values(last_seen_at=now)
    )


def note_factor(now: datetime, session_id: int) -> str:
    """Write down that the person of this session showed a second factor; returns the token that it has from now on."""
    db.session.execute(update(UserSession).where(UserSession.id == session_id).values(factor_at=now))
    return new_token(session_id)


def new_token(session_id: int) -> str:
    """Give a session another token, which alone opens it from now on."""
    token = secrets.token_urlsafe(32)
    db.session.execute(
        update(UserSession).where(UserSession.id == session_id).values(token_hash=_hash(token))
    )
    return token


def end_session(now: datetime, user_id: int, session_id: int) -> None:
    """End one session of a person; one that has ended stays as it is. Raises `NotFound` for somebody else's."""
    found = db.session.scalar(
        select(UserSession).where(UserSession.id == session_id, UserSession.user_id == user_id)
    )
    if found is None:
        raise NotFound("There is no such session.")
    if found.ended_at is None:
        found.ended_at = now
    db.session.flush()


def end_other_sessions(now: datetime, user_id: int, keep: int) -> None:
    """End all sessions of a person but one."""
    db.session.execute(
        update(UserSession)
        .where(UserSession.user_id == user_id, UserSession.id != keep, UserSession.ended_at.is_(None))
        .values(ended_at=now)
    )


def ends_at(session: UserSession) -> datetime:
    """When a session ends whatever its person does."""
    return session.created_at + timedelta(hours=current_app.config["SESSION_HOURS"])


def _live(now: datetime) -> ColumnElement[bool]:
    """The user's epoch is held against the session's, so that a sign-in with the old password while it is being
    changed does not outlive the change."""
    config = current_app.config
    return and_(
        User.active,
        UserSession.epoch == User.session_epoch,
        UserSession.ended_at.is_(None),
        UserSession.created_at > now - timedelta(hours=config["SESSION_HOURS"]),
        UserSession.last_seen_at > now - timedelta(minutes=config["SESSION_IDLE_MINUTES"]) - SEEN_EVERY,
    )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
