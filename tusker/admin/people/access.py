"""The page of the access log."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from tusker.admin.blueprint import bp
from tusker.admin.forms import AccessFilter
from tusker.models import AccessKind, Role
from tusker.queries.people.access import access_page
from tusker.web.access import allow
from tusker.web.htmx import render
from tusker.web.paging import PAGE_SIZE, keyset_page, read_cursor


@bp.get("/access")
@allow(Role.ADMIN, Role.AUDITOR)
def access_log() -> ResponseReturnValue:
    """Who signed in and out, who failed, and what was refused."""
    filters = AccessFilter(request.args)
    asked, cursor = filters.asked(), read_cursor()
    kind = AccessKind(asked["kind"]) if "kind" in asked else None
    rows = access_page(email=asked.get("email", ""), kind=kind, cursor=cursor, limit=PAGE_SIZE + 1)
    return render(
        "admin/people/access.html",
        filters=filters,
        page=keyset_page(rows, cursor),
    )
