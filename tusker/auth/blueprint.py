"""The blueprint of signing in, and where one goes afterwards."""

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from tusker.web.forms.kept import unseal
from tusker.web.nav import home_url
from tusker.web.urls import local_url

bp = Blueprint("auth", __name__)


def signed_in() -> ResponseReturnValue:
    """Back to the page in `next`, if it is one of ours, or to the form that was kept."""
    kept = unseal(request.form.get("kept", ""))
    # Whoever signs in next on this machine does not send what somebody else typed.
    if kept is not None and kept.user_id in {None, current_user.id}:
        return render_template("errors/kept.html", kept=kept)
    return redirect(local_url(request.args.get("next"), home_url()), 303)
