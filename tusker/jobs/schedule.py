"""The cron table: what runs when. Every job is safe to run twice, so two schedulers do no harm."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from types import FrameType

from flask import Flask
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError
from rq.cron import CronJob, CronScheduler
from rq.exceptions import StopRequested

from tusker.jobs.attention import watch
from tusker.jobs.daily import start_due
from tusker.jobs.imports import start_imports
from tusker.jobs.outbox import send_outbox
from tusker.jobs.polling import poll_all
from tusker.jobs.positions import keep_positions
from tusker.jobs.sealing import seal_new
from tusker.jobs.statements import look_for_loans, start_uploads
from tusker.jobs.waiting import admit_waiting
from tusker.jobs.webhooks import work_off_webhooks
from tusker.redis.queues import QUEUE, enqueue

log = logging.getLogger(__name__)

OUTBOX_SECONDS = 30
"""How late a mail goes out when its job was lost with Redis."""
WEBHOOK_SECONDS = 60
"""How late a webhook is handled when its job was lost, or its recording failed."""
ATTENTION_SECONDS = 180
"""How late an item that needs a person is found when its job was lost, or that arises from time alone."""
SEALING_SECONDS = 60
"""How long a committed event waits for its link of the hash chain."""
UPLOAD_SECONDS = 60
"""How late a large statement is read, or a large file of invoices imported, when its job was lost."""
LOOK_SECONDS = 900
"""How late an open credit is shown with a loan that began after its statement was imported."""
WAITING_SECONDS = 60
"""How late a waiting request is admitted when its job was lost, or only the day let it fit."""
POSITION_SECONDS = 20
"""How long pages compute a loan that changed themselves."""
DAILY_SECONDS = 60
"""How late a daily job begins, and how soon a missed one is caught up."""
AGAIN_SECONDS = 5.0
"""How soon Redis is asked again for what could not be asked for."""


class Scheduler(CronScheduler):
    """RQ's scheduler, which asks for work as everybody else does, and goes on while Redis is away: what is due then is
    asked for again at the next look."""

    _behind = _ends = False

    def enqueue_jobs(self) -> list[CronJob]:
        """Ask for each job that is due; returns those that were asked for."""
        asked: list[CronJob] = []
        due = [job for job in self.get_jobs() if job.should_run()]
        for job in due:
            if not enqueue(job.func_name, queue=job.queue_name, once=True):
                break  # Redis is away for the others, too
            job.set_enqueue_time(datetime.now(UTC))
            log.info("Enqueued job %s", job.func_name)
            asked.append(job)
        self._behind = len(asked) < len(due)
        return asked

    def _request_stop(self, signum: int, frame: FrameType | None) -> None:
        """End; at the next look, where what the signal interrupted keeps RQ's exception to itself (the Redis client's
        telemetry does)."""
        self._ends = True
        super()._request_stop(signum, frame)  # type: ignore[no-untyped-call]

    def calculate_sleep_interval(self) -> float:
        """How long to wait for the next look; RQ would not wait at all while something is due."""
        if self._ends:
            raise StopRequested
        return AGAIN_SECONDS if self._behind else float(super().calculate_sleep_interval())

    def register_birth(self) -> None:
        """Tell Redis that this scheduler lives."""
        self._tell(super().register_birth)

    def save(self, pipeline: Pipeline | None = None) -> None:
        """Tell Redis what was asked for."""
        self._tell(lambda: super(Scheduler, self).save(pipeline))

    def heartbeat(self) -> None:
        """Tell Redis that this scheduler still lives."""
        self._tell(super().heartbeat)

    def register_death(self, pipeline: Pipeline | None = None) -> None:
        """Tell Redis that this scheduler ends."""
        self._tell(lambda: super(Scheduler, self).register_death(pipeline))

    def _tell(self, tell: Callable[[], object]) -> None:
        try:
            tell()
        except RedisError as error:
            log.warning("redis is away, the scheduler goes on: %s", error)


def cron_scheduler(app: Flask, connection: Redis) -> CronScheduler:
    """The scheduler with all jobs of this installation registered."""
    scheduler = Scheduler(connection=connection, logging_level=app.config["LOG_LEVEL"])
    scheduler.register(poll_all, QUEUE, interval=app.config["POLL_INTERVAL_SECONDS"], result_ttl=60)
    scheduler.register(send_outbox, QUEUE, interval=OUTBOX_SECONDS, result_ttl=60)
    scheduler.register(work_off_webhooks, QUEUE, interval=WEBHOOK_SECONDS, result_ttl=60)
    scheduler.register(watch, QUEUE, interval=ATTENTION_SECONDS, result_ttl=60)
    scheduler.register(seal_new, QUEUE, interval=SEALING_SECONDS, result_ttl=60)
    scheduler.register(start_uploads, QUEUE, interval=UPLOAD_SECONDS, result_ttl=60)
    scheduler.register(start_imports, QUEUE, interval=UPLOAD_SECONDS, result_ttl=60)
    scheduler.register(look_for_loans, QUEUE, interval=LOOK_SECONDS, result_ttl=60)
    scheduler.register(admit_waiting, QUEUE, interval=WAITING_SECONDS, result_ttl=60)
    scheduler.register(keep_positions, QUEUE, interval=POSITION_SECONDS, result_ttl=60)
    scheduler.register(start_due, QUEUE, interval=DAILY_SECONDS, result_ttl=60)
    return scheduler
