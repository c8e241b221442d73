"""The way to Redis. It only carries work: what must not be lost is in PostgreSQL, and cron asks for it again."""

from __future__ import annotations

import logging

from flask import current_app
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue

QUEUE = "tusker"
POLL_QUEUE = "tusker-poll"
"""Polling is plenty and may wait: workers take from it only when nothing else is to be done."""
log = logging.getLogger(__name__)


def redis_connection() -> Redis:
    """The app's one connection pool to Redis."""
    connection: Redis = current_app.extensions["tusker_redis"]
    return connection


def enqueue(job: str, *args: object, queue: str = QUEUE, job_timeout: int | None = None) -> bool:
    """Ask a worker for `job` (a dotted name) soon; False when Redis is away, and then cron does it later."""
    try:
        Queue(queue, connection=redis_connection()).enqueue(
            job, *args, result_ttl=60, job_timeout=job_timeout
        )
    except RedisError as error:
        log.warning("redis is away, %s waits for cron: %s", job, error)
        return False
    return True


def waiting(job: str, *args: object, queue: str = QUEUE) -> int:
    """How many times `job` with these arguments waits in a queue now; none when Redis is away."""
    try:
        jobs = Queue(queue, connection=redis_connection()).jobs
    except RedisError:
        return 0
    return sum(1 for found in jobs if found.func_name == job and found.args == args)
