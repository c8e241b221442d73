"""The way to Redis. It only carries work: what must not be lost is in PostgreSQL, and cron asks for it again."""

from __future__ import annotations

import logging

from flask import current_app
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.exceptions import DeserializationError
from rq.job import Job
from rq.serializers import JSONSerializer

QUEUE = "tusker"
POLL_QUEUE = "tusker-poll"
"""Polling is plenty and may wait: workers take from it only when nothing else is to be done."""
log = logging.getLogger(__name__)


def redis_connection() -> Redis:
    """The app's one connection pool to Redis."""
    connection: Redis = current_app.extensions["tusker_redis"]
    return connection


def queue_called(name: str) -> Queue:
    """One of the queues. Jobs are JSON: a pickle that somebody put into Redis would run as code in a worker."""
    return Queue(name, connection=redis_connection(), serializer=JSONSerializer)


def enqueue(job: str, *args: object, queue: str = QUEUE, job_timeout: int | None = None) -> bool:
    """Ask a worker for `job` (a dotted name) soon; False when Redis is away, and then cron does it later."""
    try:
        queue_called(queue).enqueue(job, *args, result_ttl=60, job_timeout=job_timeout)
    except RedisError as error:
        log.warning("redis is away, %s waits for cron: %s", job, error)
        return False
    return True


def waiting(job: str, *args: object, queue: str = QUEUE) -> int:
    """How many times `job` with these arguments waits in a queue now; none when Redis is away."""
    try:
        jobs = queue_called(queue).jobs
    except RedisError:
        return 0
    return sum(1 for found in jobs if _is(found, job, args))


def _is(found: Job, job: str, args: tuple[object, ...]) -> bool:
    try:
        return found.func_name == job and tuple(found.args) == args
    except DeserializationError:
        return False  # queued before the upgrade to JSON; a worker throws it out, and cron asks again
