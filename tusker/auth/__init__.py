"""Signing in and out, passwords, and who is behind a session."""

from __future__ import annotations

from flask import Flask

from tusker import mailer
from tusker.auth.routes import bp
from tusker.auth.sessions import load_user
from tusker.extensions import login_manager


def init_app(app: Flask) -> None:
    """Register the pages and tell flask-login how to find a session's user."""
    login_manager.user_loader(load_user)
    mailer.init_app(app)
    app.register_blueprint(bp)
