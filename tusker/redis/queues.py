"""The way to Redis. It only carries work: what must not be lost is in PostgreSQL, and cron asks for it again."""

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from inspect import isfunction

from flask import current_app
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, Retry, Worker
from rq.cron import CronScheduler
from rq.exceptions import DeserializationError
from rq.job import Job
from rq.serializers import JSONSerializer

QUEUE = "tusker"
POLL_QUEUE = "tusker-poll"
"""Polling is plenty and may wait: workers take from it only when nothing else is to be done."""
log = logging.getLogger(__name__)


def redis_connection() -> Redis:
    connection: Redis = current_app.extensions["tusker_redis"]
    return connection


JOBS = "tusker.jobs."


class OwnJob(Job):
    """One of our jobs. RQ calls whatever a job names, so somebody who writes to Redis could run anything."""

    success_callback = failure_callback = stopped_callback = None

    @property
    def func(self) -> Callable[..., object]:
        """The function of this name; raises `LookupError` for one that `tusker.jobs` does not define."""
        module, _, name = str(self.func_name).rpartition(".")
        found = vars(import_module(module)).get(name) if module.startswith(JOBS) else None
        if not isfunction(found) or found.__module__ != module or self.instance is not None:
            raise LookupError(f"{str(self.func_name)[:100]!r} is no job of ours")
        return found


def queue_called(name: str) -> Queue:
    """One of the queues. Jobs are JSON: a pickle that somebody put into Redis would run as code in a worker."""
    return Queue(name, connection=redis_connection(), serializer=JSONSerializer, job_class=OwnJob)


FAILURE_KEPT = 7 * 24 * 3600
"""How many seconds a failed job is kept for people to see."""
KILLED_TRIES = Retry(max=2)
"""A job whose process was killed is done again by another worker, but no more often: it may be what kills it."""


def enqueue(
    job: str, *args: object, queue: str = QUEUE, job_timeout: int | None = None, once: bool = False
) -> bool:
    """Ask a worker for `job` (a dotted name) soon; False when Redis is away, and then cron does it later.

    With `once` nothing is asked for while the same job, for which arguments tell nothing apart, waits already.
    """
    asked, name = queue_called(queue), job.replace(".", "_")
    try:
        if once and any(waits.startswith(f"{name}-") for waits in asked.job_ids):
            return True
        asked.enqueue(
            job,
            *args,
            job_id=f"{name}-{secrets.token_hex(8)}",
            result_ttl=60,
            failure_ttl=FAILURE_KEPT,
            job_timeout=job_timeout,
            retry=KILLED_TRIES,
        )
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


def last_signs() -> dict[str, datetime | None]:
    """When a `worker` and a `scheduler` last gave a sign of life; None of one that did not within two minutes. Raises
    `RedisError`."""
    connection = redis_connection()
    found: dict[str, list[datetime | None]] = {
        "worker": [worker.last_heartbeat for worker in Worker.all(connection)],
        "scheduler": [scheduler.last_heartbeat for scheduler in CronScheduler.all(connection)],
    }
    return {name: max(filter(None, times), default=None) for name, times in found.items()}


@dataclass(frozen=True, slots=True)
class QueueState:
    """How many jobs wait in a queue and since when the next one does, how many failed, and who works on it."""

    waiting: int
    oldest_seconds: float
    failed: int
    workers: int


def queue_state(now: datetime) -> dict[str, QueueState]:
    """The state of each queue. Raises `RedisError`."""
    found = {}
    for name in (QUEUE, POLL_QUEUE):
        queue = queue_called(name)
        ids = queue.job_ids
        oldest = queue.fetch_job(ids[0]) if ids else None
        since = oldest.enqueued_at if oldest else None
        age = max(0.0, (now - since).total_seconds()) if since else 0.0
        workers = Worker.count(queue=queue)
        found[name] = QueueState(len(ids), age, queue.failed_job_registry.count, workers)
    return found


@dataclass(frozen=True, slots=True)
class FailedJob:
    """A job that failed, with the last line of what it said."""

    id: str
    job: str
    arguments: str
    reason: str
    at: datetime | None


def failed_jobs(*, limit: int) -> list[FailedJob]:
    """Jobs that failed within `FAILURE_KEPT`, the newest first. Raises `RedisError`."""
    found: list[FailedJob] = []
    for name in (QUEUE, POLL_QUEUE):
        registry = queue_called(name).failed_job_registry
        jobs = Job.fetch_many(
            registry.get_job_ids(desc=True, end=limit - 1), redis_connection(), serializer=JSONSerializer
        )
        found += [_failed(job) for job in jobs if job is not None]
    return sorted(found, key=lambda job: job.at.timestamp() if job.at else 0.0, reverse=True)[:limit]


def _failed(job: Job) -> FailedJob:
    result = job.latest_result()
    lines = ((result.exc_string if result else None) or "").strip().splitlines() or ["no reason is known"]
    try:
        name, arguments = job.func_name or "", ", ".join(map(str, job.args))
    except DeserializationError:
        name, arguments = "unreadable", ""
    return FailedJob(job.id, name, arguments, lines[-1][:300], job.ended_at)


def retry_failed(job_id: str) -> bool:
    """Queue a failed job again; False where it is none any more. Raises `RedisError`."""
    for name in (QUEUE, POLL_QUEUE):
        registry = queue_called(name).failed_job_registry
        if job_id in registry.get_job_ids():
            registry.requeue(job_id)
            return True
    return False


def redis_version() -> str:
    """Which server carries the work. Raises `RedisError`."""
    info = redis_connection().info("server")
    return str(info.get("valkey_version") or info.get("redis_version", "unknown"))


def _is(found: Job, job: str, args: tuple[object, ...]) -> bool:
    try:
        return found.func_name == job and tuple(found.args) == args
    except DeserializationError:
        return False  # queued before the upgrade to JSON; a worker throws it out, and cron asks again
