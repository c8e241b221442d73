"""Whether an installation is ready for people, and which of its parts have not been heard of."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from flask import current_app
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from tusker.extensions import REPLICA, db, migrate
from tusker.messages import Text, say
from tusker.queries.columns import Rows
from tusker.queries.record.replica import replica_lag
from tusker.redis.queues import last_signs, redis_connection

log = logging.getLogger(__name__)

DAILY_LATE = timedelta(hours=1)
"""After its time a daily job is done within this, a missed one that is caught up too."""
SEALING_LATE = timedelta(minutes=10)
PROOF_LATE = timedelta(hours=26)
OK, LATE, AWAY = "ok", "late", "away"

_STATE = text(
    """
    SELECT (SELECT min(due_at) FROM daily_runs WHERE done_at IS NULL) AS day_open_since,
        (SELECT max(done_at) FROM daily_runs) AS day_done_at,
        (SELECT min(at) FROM events
         WHERE id > (SELECT COALESCE(max(event_id), 0) FROM event_seals)) AS unsealed_since,
        (SELECT sealed_at FROM event_seals ORDER BY seq DESC LIMIT 1) AS sealed_at,
        (SELECT max(at) FROM proof_runs) AS proved_at
    """
)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the installation: whether it is `ok`, `late` or `away`, and when it was last seen at work."""

    name: str
    state: str
    at: datetime | None = None
    detail: str = ""

    @property
    def words(self) -> Text:
        """Its name, as people read it."""
        return _WORDS[self.name]


_WORDS = {
    "database": say("Database"),
    "migrations": say("Database schema"),
    "replica": say("Replica of the database"),
    "daily jobs": say("Daily jobs"),
    "sealing": say("Sealing of the events"),
    "proof": say("Daily proof"),
    "redis": say("Redis"),
    "worker": say("Worker"),
    "scheduler": say("Scheduler"),
}


def parts(now: datetime) -> list[Part]:
    """All parts. The first two are those without which no page can be shown."""
    return [*_kept(now), *_copied(), *_carried()]


def is_ready(found: list[Part]) -> bool:
    """Whether pages can be shown: without Redis, workers and scheduler they can, and work waits."""
    return all(part.state == OK for part in found if part.name in {"database", "migrations"})


@cache
def newest_revision() -> str:
    """The newest revision of the schema that this version of the program brings."""
    return max(path.name[:4] for path in Path(migrate.directory, "versions").glob("[0-9]*.py"))


def schema() -> Part:
    """Whether the database has this version's schema; a newer one serves it, too."""
    found = db.session.scalar(text("SELECT version_num FROM alembic_version")) or ""
    if found < newest_revision():
        return Part(
            "migrations",
            LATE,
            detail=say("{found}, {newest} is missing", found=found or "–", newest=newest_revision()),
        )
    return Part("migrations", OK, detail=found)


def last_runs() -> Rows:
    """The newest business day of each daily job, and what went wrong with it."""
    return db.session.execute(
        text(
            "SELECT DISTINCT ON (job) job, business_date, due_at, done_at, attempts, last_error FROM daily_runs"
            " ORDER BY job, business_date DESC"
        )
    ).all()


def database_version() -> str:
    return str(db.session.scalar(text("SHOW server_version"))).partition(" ")[0]


def _kept(now: datetime) -> list[Part]:
    try:
        migrations = schema()
        row = db.session.execute(_STATE).one()
        db.session.rollback()
    except SQLAlchemyError:
        log.exception("the database does not answer")
        return [Part("database", AWAY), Part("migrations", AWAY)]
    return [
        Part("database", OK),
        migrations,
        Part("daily jobs", _late(now, row.day_open_since, DAILY_LATE), row.day_done_at),
        Part("sealing", _late(now, row.unsealed_since, SEALING_LATE), row.sealed_at),
        Part("proof", _late(now, row.proved_at, PROOF_LATE), row.proved_at),
    ]


def _copied() -> list[Part]:
    if REPLICA not in db.engines:
        return []
    lag = replica_lag()
    if lag is None:
        return [Part("replica", AWAY)]
    late = lag > current_app.config["REPLICA_LAG_SECONDS"]
    return [Part("replica", LATE if late else OK, detail=say("{lag} s behind", lag=f"{lag:.0f}"))]


def _late(now: datetime, since: datetime | None, within: timedelta) -> str:
    return LATE if since is not None and now - since > within else OK


def _carried() -> list[Part]:
    try:
        redis_connection().ping()
        signs = last_signs()
    except RedisError as error:
        log.warning("redis does not answer: %s", error)
        return [Part("redis", AWAY), Part("worker", AWAY), Part("scheduler", AWAY)]
    return [Part("redis", OK), *(Part(name, OK if at else AWAY, at) for name, at in signs.items())]
