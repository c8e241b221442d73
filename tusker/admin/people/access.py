"""The list of the access log."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue

from tusker.admin.blueprint import bp
from tusker.admin.forms import AccessFilter
from tusker.messages import say
from tusker.models import AccessKind, Role
from tusker.queries.people.access import access_page, access_totals
from tusker.web.access import allow
from tusker.web.filters import device_words
from tusker.web.lists import ENDINGS, Column, Kind, ListOf

ACCESS = ListOf(
    "access",
    say("Access log"),
    "admin.access_log",
    "admin.access_file",
    (
        Column("id", say("Id"), Kind.NUMBER, shown=False),
        Column("at", say("When"), Kind.MOMENT, sorts=True),
        Column("name", say("Who"), Kind.NAME, lambda row: row.user.name if row.user else say("Unknown")),
        Column("email", say("Mail address"), Kind.NAME),
        Column("kind", say("What"), Kind.STATUS),
        Column("detail", say("Page"), Kind.NAME),
        Column("address", say("Address")),
        Column("browser", say("Browser"), Kind.NAME, lambda row: device_words(row.device)),
        Column("device", say("Browser in full"), Kind.NAME, shown=False),
    ),
    order="-at",
    by_id="at",
    row=("entry", "id"),
)


@bp.get("/access")
@allow(Role.ADMIN, Role.AUDITOR)
def access_log() -> ResponseReturnValue:
    """Who signed in and out, who failed, and what was refused."""
    filters = AccessFilter(request.args)
    asked = _asked(filters)
    return ACCESS.answer(
        "admin/people/access.html", filters, partial(access_page, **asked), access_totals(**asked)
    )


@bp.get(f"/access.{ENDINGS}")
@allow(Role.ADMIN, Role.AUDITOR, costly=True)
def access_file(ending: str) -> ResponseReturnValue:
    filters = AccessFilter(request.args)
    return ACCESS.file(ending, filters, partial(access_page, **_asked(filters)))


def _asked(filters: AccessFilter) -> dict[str, Any]:
    asked = filters.asked()
    return asked | {"kind": AccessKind(asked["kind"])} if "kind" in asked else asked
