"""The pages that belong to no blueprint: the start, health, and the choice of light or dark."""

from __future__ import annotations

import logging

from flask import Blueprint, Response, current_app, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from tusker.extensions import db
from tusker.queues import redis_connection
from tusker.web.access import allow, public
from tusker.web.nav import home_url
from tusker.web.urls import local_url

log = logging.getLogger(__name__)

bp = Blueprint("web", __name__)


@bp.get("/")
@allow()
def start() -> ResponseReturnValue:
    """Redirect to the user's own dashboard."""
    return redirect(home_url())


@bp.get("/healthz")
@public
def healthz() -> tuple[Response, int]:
    """200 when the database answers, else 503. Redis is only reported: without it jobs wait and nothing is lost."""
    database, redis = _database_answers(), _redis_answers()
    state = {"database": "ok" if database else "away", "redis": "ok" if redis else "away"}
    return jsonify(status="ok" if database else "unavailable", **state), 200 if database else 503


@bp.post("/theme")
@public
def theme() -> ResponseReturnValue:
    """Remember light or dark in a cookie and go back to the page it was chosen on."""
    chosen = "dark" if request.form.get("theme") == "dark" else "light"
    answer = redirect(local_url(request.form.get("next"), url_for("web.start")), 303)
    answer.set_cookie(
        current_app.config["THEME_COOKIE"],
        chosen,
        max_age=365 * 24 * 3600,
        samesite="Lax",
        secure=current_app.config["SESSION_COOKIE_SECURE"],
    )
    return answer


def _database_answers() -> bool:
    try:
        db.session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        log.exception("the database does not answer")
        return False
    return True


def _redis_answers() -> bool:
    try:
        redis_connection().ping()
    except RedisError as error:
        log.warning("redis does not answer: %s", error)
        return False
    return True
