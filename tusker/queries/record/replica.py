"""A copy of the database that follows the first one, for reports: how far it is behind, and whether it may be read."""

import logging
import threading
import time

from flask import current_app
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from tusker.extensions import REPLICA, db
from tusker.transactions import may_pass

log = logging.getLogger(__name__)

LOOK_EVERY = 1.0
"""Seconds for which a process goes by what it last saw of the copy."""

# Without anything new nothing is replayed: then it is not behind, as long as it hears of the first one. One
# that follows nothing was promoted: unless it has become the first one, what it has is no copy any more.
_LAG = text(
    """
    SELECT CASE
        WHEN NOT pg_is_in_recovery() THEN CASE WHEN :is_first THEN 0 END
        WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()
            AND EXISTS (SELECT FROM pg_stat_wal_receiver) THEN 0
        ELSE EXTRACT(EPOCH FROM clock_timestamp() - pg_last_xact_replay_timestamp())
    END
    """
)


class _Seen:
    """What this process last saw of the copy."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.at = float("-inf")
        self.lag: float | None = None


_seen = _Seen()


def replica_lag() -> float | None:
    """How many seconds the copy is behind; None where there is none, it does not answer or follows nothing."""
    engine = db.engines.get(REPLICA)
    if engine is None:
        return None
    if time.monotonic() - _seen.at >= LOOK_EVERY and _seen.lock.acquire(blocking=False):
        try:
            _seen.lag = _ask(engine)
            _seen.at = time.monotonic()
        finally:
            _seen.lock.release()
    return _seen.lag


def fresh_replica() -> Engine | None:
    """The copy, if it is behind by no more than `REPLICA_LAG_SECONDS`."""
    lag = replica_lag()
    near = lag is not None and lag <= current_app.config["REPLICA_LAG_SECONDS"]
    return db.engines[REPLICA] if near else None


def _ask(engine: Engine) -> float | None:
    try:
        with engine.connect() as connection:
            lag = connection.scalar(_LAG, {"is_first": engine.url == db.engine.url})
    except SQLAlchemyError as error:
        if not may_pass(error):
            raise
        log.warning("the replica does not answer, reports read the first database: %s", error.__cause__)
        return None
    return None if lag is None else float(lag)
