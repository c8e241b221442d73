"""The page of tracking: each delivery company's health, and webhooks that could not be used."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from tusker import clock
from tusker.admin.blueprint import bp
from tusker.carriers.registry import get_carriers
from tusker.models import Role
from tusker.queries.delivery.carrier_health import health_of_carriers, webhooks_with_errors
from tusker.web.access import allow
from tusker.web.htmx import render
from tusker.web.paging import page_of

SHOWN_OF_A_BODY = 400


@bp.get("/tracking")
@allow(Role.ADMIN, Role.AUDITOR)
def tracking() -> ResponseReturnValue:
    """The delivery companies' health, and the webhooks that could not be used."""
    page = page_of(webhooks_with_errors)
    return render(
        "admin/delivery/tracking.html",
        "admin/delivery/_webhooks.html",
        carriers=health_of_carriers(sorted(get_carriers()), clock.now()),
        page=page,
        bodies={row.id: row.raw[:SHOWN_OF_A_BODY].decode("utf-8", "replace") for row in page.items},
    )
