"""Counts limits on calls and tries in PostgreSQL while Redis is away, so that they hold over all processes."""

import hashlib
import time
from typing import Any

from flask import Flask
from flask_limiter import Limiter
from limits.storage import MovingWindowSupport, Storage
from limits.strategies import MovingWindowRateLimiter
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from tusker.extensions import db

_HIT = text(
    """
    INSERT INTO throttle_counts AS kept (key, hits, ends_at)
    VALUES (:key, array_fill(now(), ARRAY[:amount]), now() + make_interval(secs => :seconds))
    ON CONFLICT (key) DO UPDATE SET ends_at = EXCLUDED.ends_at, hits = EXCLUDED.hits || ARRAY(
        SELECT hit FROM unnest(kept.hits) AS hit WHERE hit > now() - make_interval(secs => :seconds)
    )
    WHERE :amount + (
        SELECT count(*) FROM unnest(kept.hits) AS hit WHERE hit > now() - make_interval(secs => :seconds)
    ) <= :limit
    RETURNING true
    """
)
"""The row's lock makes one of two at the same moment wait, and count the other."""
_COUNT = text(
    """
    SELECT extract(epoch FROM min(hit)), count(*) FROM throttle_counts, unnest(hits) AS hit
    WHERE key = :key AND hit > now() - make_interval(secs => :seconds)
    """
)


class DatabaseCounts(Storage, MovingWindowSupport):
    """Counts of a moving window in a table. Who is counted stands in it as a digest only."""

    STORAGE_SCHEME = None

    def __init__(self, app: Flask) -> None:
        super().__init__()
        self._app = app

    @property
    def base_exceptions(self) -> type[Exception]:
        """What is raised while the database is away, too."""
        return SQLAlchemyError

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count unless that would be more than the limit within `expiry` seconds; whether it was counted."""
        values = {"key": _digest(key), "amount": amount, "seconds": expiry, "limit": limit}
        return amount <= limit and bool(self._one(_HIT, values))

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """When the oldest that still counts came, and how many do."""
        found = self._one(_COUNT, {"key": _digest(key), "seconds": expiry})
        return (float(found[0]), found[1]) if found and found[1] else (time.time(), 0)

    def check(self) -> bool:
        """Whether it can be asked."""
        return True

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Not for windows that move."""
        raise NotImplementedError

    def get(self, key: str) -> int:
        """Not for windows that move."""
        raise NotImplementedError

    def get_expiry(self, key: str) -> float:
        """Not for windows that move."""
        raise NotImplementedError

    def reset(self) -> int | None:
        """Counts end by themselves."""
        raise NotImplementedError

    def clear(self, key: str) -> None:
        """Counts end by themselves."""
        raise NotImplementedError

    def _one(self, statement: Any, values: dict[str, Any]) -> Any:
        # Of its own: what a request does may be rolled back, that it was made may not.
        with self._app.app_context(), db.engine.begin() as connection:
            return connection.execute(statement, values).first()


def init_app(app: Flask, limiter: Limiter) -> None:
    """Have the limits fall back to the database, where the library would have each process count for itself."""
    limiter._fallback_limiter = MovingWindowRateLimiter(DatabaseCounts(app))


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
