"""Signing in and out, passwords, and who is behind a session."""

from flask import Flask

from tusker import mailer
from tusker.auth.blueprint import bp
from tusker.auth.factors import demand_fresh
from tusker.auth.routes import ask_to_sign_in
from tusker.auth.sessions import SignedCookies, load_user, note_seen, seconds_left, seconds_to_leave
from tusker.extensions import login_manager
from tusker.web.access import SignInNeeded


def init_app(app: Flask) -> None:
    """Register the pages and tell Flask-Login how to find a session's user."""
    app.session_interface = SignedCookies()
    login_manager.user_loader(load_user)
    app.register_error_handler(SignInNeeded, ask_to_sign_in)
    app.before_request(note_seen)
    app.before_request(demand_fresh)
    app.jinja_env.globals["session_left_seconds"] = seconds_left
    app.jinja_env.globals["seconds_to_leave"] = seconds_to_leave
    app.jinja_env.globals["session_idle_seconds"] = app.config["SESSION_IDLE_MINUTES"] * 60
    mailer.init_app(app)
    app.register_blueprint(bp)
