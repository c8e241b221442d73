"""The pages that belong to no blueprint: the start, health, and the choice of light or dark."""

from flask import Blueprint, Response, current_app, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue

from tusker import clock
from tusker.queries.record.readiness import OK, is_ready, parts
from tusker.web.access import STAFF, allow, public
from tusker.web.htmx import is_htmx, oob_counts
from tusker.web.nav import home_url
from tusker.web.urls import local_url

bp = Blueprint("web", __name__)


@bp.get("/")
@allow()
def start() -> ResponseReturnValue:
    return redirect(home_url())


@bp.get("/counts")
@allow(*STAFF)
def counts() -> ResponseReturnValue:
    """What waits behind entries of the navigation, polled by every page of staff; without htmx the dashboard."""
    return Response(oob_counts()) if is_htmx() else redirect(home_url())


@bp.get("/healthz")
@public
def healthz() -> tuple[Response, int]:
    """This process lives; nothing else is asked."""
    return jsonify(status="ok"), 200


@bp.get("/readyz")
@public
def readyz() -> tuple[Response, int]:
    """200 while pages can be shown, else 503; what has not been heard of or is late makes it `degraded`."""
    found = parts(clock.now())
    ready = is_ready(found)
    status = "ok" if all(part.state == OK for part in found) else "degraded" if ready else "unavailable"
    told = {
        part.name.replace(" ", "_"): {
            "state": part.state,
            "at": part.at and part.at.isoformat(),
            **({} if part.state == OK else {"detail": part.detail}),
        }
        for part in found
    }
    return jsonify(status=status, parts=told), 200 if ready else 503


@bp.post("/theme")
@public
def theme() -> ResponseReturnValue:
    """Remember light or dark."""
    chosen = "dark" if request.form.get("theme") == "dark" else "light"
    return keep_in_cookie(current_app.config["THEME_COOKIE"], chosen)


def keep_in_cookie(name: str, chosen: str) -> ResponseReturnValue:
    """Remember a choice for a year, and go back to the page it was made on."""
    answer = redirect(local_url(request.form.get("next"), url_for("web.start")), 303)
    answer.set_cookie(
        name,
        chosen,
        max_age=365 * 24 * 3600,
        samesite="Lax",
        secure=current_app.config["SESSION_COOKIE_SECURE"],
    )
    return answer
