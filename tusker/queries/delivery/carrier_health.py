"""How the delivery companies are doing, and webhooks of theirs that could not be used."""

from datetime import datetime

from sqlalchemy import select, text

from tusker.extensions import db
from tusker.models import WebhookDelivery
from tusker.queries.columns import Rows
from tusker.queries.paging import NEWEST, Cursor, rows_of_page

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
