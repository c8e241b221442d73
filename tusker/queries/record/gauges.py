"""The state of an installation as figures for monitoring, by statements that stay cheap in a large book."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import text

from tusker.extensions import db


@dataclass(frozen=True, slots=True)
class Gauge:
    """One figure: its name without the prefix, what it counts, and what it is about."""

    name: str
    says: str
    value: float
    labels: Mapping[str, str]


_STATEMENTS: tuple[tuple[str, str, str], ...] = (
    (
        "invoices",
        "Invoices by status.",
        "SELECT status, sum(invoices) AS value FROM invoice_counts GROUP BY 1",
    ),
    (
        "principal",
        "Principal of invoices by status, in minor units.",
        "SELECT status, sum(principal) AS value FROM invoice_counts GROUP BY 1",
    ),
    (
        "released",
        "Principal of disbursals that were released and are not confirmed, in minor units.",
        "SELECT COALESCE(sum(principal), 0) AS value FROM disbursals WHERE status = 'released'",
    ),
    (
        "owed",
        "What is owed today on open loans, in minor units.",
        "SELECT CASE WHEN overdue THEN 'yes' ELSE 'no' END AS overdue, sum(live) AS value FROM book_positions"
        " WHERE day = :today AND in_book GROUP BY 1",
    ),
    (
        "requests_last_hour",
        "Requests for financing of the last hour, and which limit refused them.",
        "SELECT COALESCE(refused_by, 'none') AS refused_by, count(*) AS value FROM invoices"
        " WHERE requested_at > :hour_ago GROUP BY 1",
    ),
    (
        "polls_due",
        "Shipments that are due to be asked for.",
        "SELECT carrier, count(*) AS value FROM shipments WHERE next_poll_at <= :now GROUP BY 1",
    ),
    (
        "poll_lag_seconds",
        "How long the shipment that waits longest is due.",
        "SELECT carrier, GREATEST(EXTRACT(EPOCH FROM :now - min(next_poll_at)), 0) AS value FROM shipments"
        " WHERE next_poll_at IS NOT NULL GROUP BY 1",
    ),
    (
        "carrier_shut",
        "1 while a delivery company is not asked, since it failed or asked for a pause.",
        "SELECT carrier, CASE WHEN GREATEST(open_until, paused_until) > :now THEN 1 ELSE 0 END AS value"
        " FROM carrier_states",
    ),
    (
        "carrier_failures",
        "Failures of a delivery company in a row.",
        "SELECT carrier, failures AS value FROM carrier_states",
    ),
    (
        "outbox_waiting",
        "Mails that are due and not sent.",
        "SELECT count(*) AS value FROM outbox WHERE sent_at IS NULL AND given_up_at IS NULL AND send_after <= :now",
    ),
    (
        "outbox_age_seconds",
        "How long the mail that waits longest is due.",
        "SELECT COALESCE(GREATEST(EXTRACT(EPOCH FROM :now - min(send_after)), 0), 0) AS value FROM outbox"
        " WHERE sent_at IS NULL AND given_up_at IS NULL",
    ),
    (
        "webhooks_waiting",
        "Webhooks that are not worked off.",
        "SELECT count(*) AS value FROM webhook_deliveries WHERE processed_at IS NULL",
    ),
    (
        "daily_job_late_seconds",
        "How long a daily job has been due.",
        "SELECT job, EXTRACT(EPOCH FROM :now - min(due_at)) AS value FROM daily_runs WHERE done_at IS NULL"
        " AND due_at <= :now GROUP BY 1",
    ),
    (
        "unsealed_seconds",
        "How long the oldest new event waits for its seal.",
        "SELECT COALESCE(EXTRACT(EPOCH FROM :now - min(at)), 0) AS value FROM events"
        " WHERE id > (SELECT COALESCE(max(event_id), 0) FROM event_seals)",
    ),
    (
        "proof_age_seconds",
        "How long ago everything was proved.",
        "SELECT EXTRACT(EPOCH FROM :now - max(at)) AS value FROM proof_runs HAVING max(at) IS NOT NULL",
    ),
    (
        "proof_differences",
        "Differences that the last proof found, and what it found wrong with the record of events.",
        "SELECT CAST(found->>'wrong' AS bigint) + jsonb_array_length(found->'problems') AS value FROM proof_runs"
        " ORDER BY id DESC LIMIT 1",
    ),
)


def gauges(now: datetime, today: date) -> Iterator[Gauge]:
    """All figures of the database, each statement's rows one after the other."""
    values = {"now": now, "today": today, "hour_ago": now - timedelta(hours=1)}
    for name, says, sql in _STATEMENTS:
        asked = {key: value for key, value in values.items() if f":{key}" in sql}
        for row in db.session.execute(text(sql), asked).mappings():
            labels = {key: str(value) for key, value in row.items() if key != "value"}
            yield Gauge(name, says, float(row["value"]), labels)
