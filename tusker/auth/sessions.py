"""Finding the user of a session, and beginning one."""

from __future__ import annotations

from flask import session
from flask_login import login_user

from tusker.extensions import db
from tusker.models import User


def load_user(key: str) -> User | None:
    """The user of a session's key (`User.get_id`), None when inactive or when the session's epoch is older."""
    user_id, _, epoch = key.partition(":")
    if not (user_id.isdecimal() and epoch.isdecimal()):
        return None
    user = db.session.get(User, int(user_id))
    if user is None or not user.active or user.session_epoch != int(epoch):
        return None
    return user


def start_session(user: User) -> None:
    """Begin a session for a user who signed in. Nothing of the visitor's old session is kept."""
    session.clear()
    session.permanent = True
    login_user(user)
