"""How each delivery company is set up, without its secrets, and how it is doing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select, text

from tusker.carriers.registry import open_settings, settings_from_config, specs
from tusker.carriers.settings import CarrierSettings
from tusker.extensions import db
from tusker.models import CarrierSetting, User, WebhookDelivery
from tusker.queries.columns import Rows
from tusker.queries.paging import NEWEST, Cursor, rows_of_page
from tusker.secrets.box import Unreadable

SHORTEST_SHOWN = 12
"""Not even the end of a shorter key is shown."""


class Source(StrEnum):
    """Where a delivery company's settings come from."""

    PAGE = "page"
    ENVIRONMENT = "environment"
    NOWHERE = "nowhere"


@dataclass(frozen=True, slots=True)
class CarrierCard:
    """One delivery company for the page. `key_hint` is at most the key's last four characters."""

    name: str
    label: str
    source: Source
    enabled: bool
    base_url: str
    key_hint: str
    has_webhook_secret: bool
    readable: bool
    variable: str
    updated_at: datetime | None = None
    updated_by: str | None = None


def carrier_cards(config: Mapping[str, object]) -> list[CarrierCard]:
    """Every delivery company that Tusker has an adapter for."""
    rows: dict[str, tuple[CarrierSetting, str | None]] = {
        row.carrier: (row, person)
        for row, person in db.session.execute(
            select(CarrierSetting, User.name).outerjoin(User, User.id == CarrierSetting.updated_by)
        )
    }
    environment = settings_from_config(config)
    return [_card(name, rows.get(name), environment.get(name), config) for name in specs()]


def carrier_card(name: str, config: Mapping[str, object]) -> CarrierCard | None:
    """One of `carrier_cards`; None when there is no such adapter."""
    return next((card for card in carrier_cards(config) if card.name == name), None)


def _card(
    name: str,
    stored: tuple[CarrierSetting, str | None] | None,
    environment: CarrierSettings | None,
    config: Mapping[str, object],
) -> CarrierCard:
    common: dict[str, Any] = {
        "name": name,
        "label": specs()[name].label,
        "variable": specs()[name].key_variable,
    }
    if stored is None:
        return CarrierCard(
            source=Source.ENVIRONMENT if environment else Source.NOWHERE,
            enabled=environment is not None,
            base_url=environment.base_url if environment else specs()[name].default_url,
            key_hint=_hint(environment),
            has_webhook_secret=bool(environment and environment.webhook_secret),
            readable=True,
            **common,
        )
    row, person = stored
    readable, settings = True, None
    try:
        settings = open_settings(row, config)
    except Unreadable:
        readable = False
    return CarrierCard(
        source=Source.PAGE,
        enabled=row.enabled,
        base_url=row.base_url,
        key_hint=_hint(settings) or ("••••" if row.api_key_encrypted else ""),
        has_webhook_secret=row.webhook_secret_encrypted is not None,
        readable=readable,
        updated_at=row.updated_at,
        updated_by=person,
        **common,
    )


def _hint(settings: CarrierSettings | None) -> str:
    if settings is None or not settings.api_key:
        return ""
    return "••••" + (settings.api_key[-4:] if len(settings.api_key) >= SHORTEST_SHOWN else "")


_HEALTH = text(
    """
    SELECT c.carrier, coalesce(s.failures, 0) AS failures, s.failing_since,
        CASE WHEN greatest(s.open_until, s.paused_until) > :now THEN greatest(s.open_until, s.paused_until) END
            AS left_alone_until,
        s.last_error, s.last_error_at, s.last_success_at,
        coalesce(h.due, 0) AS due, coalesce(h.followed, 0) AS followed, coalesce(w.waiting, 0) AS webhooks_waiting
    FROM unnest(CAST(:carriers AS text[])) AS c (carrier)
    LEFT JOIN carrier_states s ON s.carrier = c.carrier
    LEFT JOIN (
        SELECT carrier, count(*) FILTER (WHERE next_poll_at <= :now) AS due, count(*) AS followed
        FROM shipments WHERE next_poll_at IS NOT NULL GROUP BY carrier
    ) h ON h.carrier = c.carrier
    LEFT JOIN (
        SELECT carrier, count(*) AS waiting FROM webhook_deliveries WHERE processed_at IS NULL GROUP BY carrier
    ) w ON w.carrier = c.carrier
    ORDER BY c.carrier
    """
)


def health_of_carriers(carriers: list[str], now: datetime) -> Rows:
    """For each of these delivery companies its breaker, the shipments that are due to be asked about, and its webhooks
    that wait."""
    return db.session.execute(_HEALTH, {"carriers": carriers, "now": now}).all()


def webhooks_with_errors(
    *, carrier: str | None = None, cursor: Cursor = NEWEST, limit: int
) -> list[WebhookDelivery]:
    """A page of webhooks that could not be used, of one delivery company if given, the newest first."""
    query = select(WebhookDelivery).where(WebhookDelivery.error.is_not(None))
    if carrier:
        query = query.where(WebhookDelivery.carrier == carrier)
    return [delivery for (delivery,) in rows_of_page(query, WebhookDelivery.id, cursor, limit)]
