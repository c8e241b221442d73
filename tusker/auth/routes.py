"""Sign in, sign out, the account page, and passwords."""

from __future__ import annotations

import logging

from flask import Blueprint, Response, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_limiter.util import get_remote_address
from flask_login import current_user, logout_user

from tusker import clock
from tusker.auth.forms import ForgotForm, LoginForm, PasswordForm, ResetForm
from tusker.auth.sessions import start_session
from tusker.errors import TuskerError
from tusker.extensions import limiter
from tusker.services.context import Context
from tusker.services.people import passwords
from tusker.transactions import transaction
from tusker.web.access import acting, allow, public
from tusker.web.nav import home_url
from tusker.web.urls import local_url

log = logging.getLogger(__name__)

bp = Blueprint("auth", __name__)

# One sentence for every reason, so that nobody learns which part was wrong.
FAILED = "Email and password do not match an active account."
ASKED = (
    "If this address belongs to an account, a mail with a link is on its way. The link works for one hour."
)


def _attempt_key() -> str:
    email = request.form.get("email", "").strip().lower()[:254]
    return f"{get_remote_address()}|{email}"


def _account_key() -> str:
    return f"{get_remote_address()}|{current_user.get_id()}"


def _failed(answer: Response) -> bool:
    return answer.status_code != 303


@bp.route("/login", methods=["GET", "POST"])
@limiter.limit("10 per 15 minutes", key_func=_attempt_key, methods=["POST"], deduct_when=_failed)
@limiter.limit("100 per 15 minutes", key_func=get_remote_address, methods=["POST"], deduct_when=_failed)
@public
def login() -> ResponseReturnValue:
    """The sign-in page; afterwards back to the page in `next`, if it is one of ours."""
    if current_user.is_authenticated:
        return redirect(home_url(), 303)
    form = LoginForm()
    status = 200
    if form.is_submitted():
        status = 422
        if form.validate():
            with transaction():
                user = passwords.sign_in(clock.now(), form.email.filled, form.password.filled)
            if user is not None:
                start_session(user)
                return redirect(local_url(request.args.get("next"), home_url()), 303)
            log.info("a sign-in from %s failed", get_remote_address())
            form.form_errors = [FAILED]
    return render_template("auth/login.html", form=form), status


@bp.post("/logout")
@public
def logout() -> ResponseReturnValue:
    """End the session."""
    logout_user()
    session.clear()
    flash("You are signed out.", "success")
    return redirect(url_for("auth.login"), 303)


@bp.get("/account")
@allow()
def account() -> ResponseReturnValue:
    """The user's own account, with the form for a new password."""
    return render_template("auth/account.html", form=PasswordForm())


@bp.post("/account/password")
@limiter.limit("10 per 15 minutes", key_func=_account_key, deduct_when=_failed)
@allow()
def password() -> ResponseReturnValue:
    """Change the password; the user stays signed in here and is signed out everywhere else."""
    form = PasswordForm()
    if form.validate_on_submit():
        try:
            with transaction():
                user = passwords.change_password(
                    acting(), current_user.id, form.current_password.filled, form.new_password.filled
                )
        except TuskerError as error:
            form.take(error)
        else:
            start_session(user)
            flash("Your password is changed. Everywhere else you are signed out.", "success")
            return redirect(url_for("auth.account"), 303)
    return render_template("auth/account.html", form=form), 422


@bp.route("/forgot", methods=["GET", "POST"])
@limiter.limit("10 per hour", methods=["POST"])
@public
def forgot() -> ResponseReturnValue:
    """The form that asks for a link. The answer, and the time it takes, are the same for every address."""
    form = ForgotForm()
    if form.validate_on_submit():
        with transaction():
            passwords.request_password_reset(_visitor(), form.email.filled)
        flash(ASKED, "info")
        return redirect(url_for("auth.login"), 303)
    return render_template("auth/forgot.html", form=form), 422 if form.is_submitted() else 200


@bp.route(f"{passwords.RESET_PATH}<token>", methods=["GET", "POST"])
@limiter.limit("30 per hour", methods=["POST"])
@public
def reset(token: str) -> ResponseReturnValue:
    """The form of the link from the mail, which sets a new password."""
    if not passwords.reset_token_works(token):
        return render_template("auth/expired.html"), 410
    form = ResetForm()
    if form.validate_on_submit():
        try:
            with transaction():
                passwords.reset_password(_visitor(), token, form.new_password.filled)
        except TuskerError as error:
            form.take(error)
        else:
            session.clear()
            flash("Your new password is set. Sign in with it.", "success")
            return redirect(url_for("auth.login"), 303)
    return render_template("auth/reset.html", form=form), 422 if form.is_submitted() else 200


def _visitor() -> Context:
    return Context(actor_id=None, actor="password reset", now=clock.now(), today=clock.today())
