"""The way from a session to its user."""

from __future__ import annotations

from flask import session
from flask_login import login_user

from tusker.extensions import db
from tusker.models import User


def load_user(key: str) -> User | None:
    """The user of a session's key (`User.get_id`), unless inactive or of an older session epoch."""
    user_id, _, epoch = key.partition(":")
    if not (user_id.isdecimal() and epoch.isdecimal()):
        return None
    user = db.session.get(User, int(user_id))
    if user is None or not user.active or user.session_epoch != int(epoch):
        return None
    return user


def start_session(user: User) -> None:
    """Begin a session for a user who has shown who they are. Nothing of the visitor's old session is kept."""
    session.clear()
    session.permanent = True
    login_user(user)
