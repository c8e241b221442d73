"""RQ entry points: `python worker.py [--workers N]` runs workers, `python worker.py scheduler` the cron scheduler."""

from __future__ import annotations

import argparse
import ctypes
import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from functools import partial
from multiprocessing import parent_process
from typing import Any

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError
from rq import Queue, Worker, worker_registration
from rq.exceptions import InvalidJobOperation, StopRequested
from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.worker_pool import WorkerPool
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from tusker.extensions import db
from tusker.jobs import stopping
from tusker.jobs.schedule import cron_scheduler
from tusker.prepared import standing_alone
from tusker.queries.record.readiness import OK, schema
from tusker.redis.queues import POLL_QUEUE, QUEUE, OwnJob
from tusker.transactions import may_pass
from tusker.watching.logs import work_id, work_kind
from wsgi import app

QUEUES = [QUEUE, POLL_QUEUE]
"""In this order: polling waits for everything else."""


SIGN_OF_LIFE_SECONDS = 60
"""RQ keeps a worker's record this long, and a minute more, after its last sign of life; `health.py` goes by it."""
JOB_SIGN_SECONDS = 45
"""A job without a sign of life for so long is taken for abandoned; a worker gives three meanwhile, and looks for
those of others as often."""
PATIENCE_SECONDS = 60
"""How long a job waits for the database to answer before it tries."""
log = logging.getLogger("worker")


class TuskerWorker(Worker):
    """A worker whose jobs run inside the app's context, with the job's id in every log line.

    A job whose process was killed is done again (RQ's `Retry`), within a minute if its worker died with it, and so is
    one that the database could not do now; one that failed is not: it would fail again. Nothing of a worker outlives
    it, and a pool's workers end with the pool.
    """

    max_connection_wait_time = 5.0
    """Seconds between two looks whether Redis is back; RQ's are a minute after a while."""

    def __init__(self, queues: Sequence[str], **options: Any) -> None:
        settings = {
            "worker_ttl": SIGN_OF_LIFE_SECONDS,
            "maintenance_interval": JOB_SIGN_SECONDS // 3,
            "job_monitoring_interval": JOB_SIGN_SECONDS // 3,
            "serializer": JSONSerializer,
            "job_class": OwnJob,
        }
        super().__init__(queues, **{**options, **settings})
        stopping.begin()

    def work(self, *arguments: Any, **options: Any) -> bool:
        """Work until told to stop. Nothing is scheduled for later in Redis, so RQ's own scheduler is not needed."""
        if pool := parent_process():
            end_with(pool.pid or 0, signal.SIGTERM)
        await_redis(self.connection)
        await_schema()
        return super().work(*arguments, **{**options, "with_scheduler": False})

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """Run one job, in a process of its own."""
        end_with(self.pid or 0, signal.SIGKILL)
        super().main_work_horse(job, queue)

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """Give a sign of life, also to a Redis that was emptied and knows this worker no more."""
        super().heartbeat(timeout, pipeline)
        if pipeline is None:
            with self.connection.pipeline() as again:
                again.hset(self.key, mapping=self.serialize())
                worker_registration.register(self, again)
                again.execute()

    def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:
        """For how many seconds a job's sign of life holds."""
        return JOB_SIGN_SECONDS

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Have one job done; how it ended and how long it took is counted here, where the process stays.

        RQ's worker would end where Redis goes away meanwhile. This one waits, and the job is done again.
        """
        began = time.monotonic()
        try:
            super().execute_job(job, queue)
        except RedisError as error:
            log.warning("redis went away during %s: %s", job.func_name, error)
            self._drop_horse()
            await_redis(self.connection)
            if stopping.is_asked():
                raise StopRequested from error
        if app.config["METRICS_BIND"]:
            from tusker.watching.metrics import note_job

            note_job(job.func_name or "", _outcome(job), time.monotonic() - began)

    def _drop_horse(self) -> None:
        """End the process of a job of which nothing more can be told."""
        if self.horse_pid:
            self.kill_horse()
            self.wait_for_horse()
            self._horse_pid = 0
        self.executions.clear()

    def handle_warm_shutdown_request(self) -> None:
        """Have a long job end soon and the worker after it, also where what the signal interrupted keeps RQ's exception
        to itself (the Redis client's telemetry does)."""
        stopping.ask()
        self._stop_requested = True
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]

    def handle_job_failure(self, job: Job, *arguments: Any, **options: Any) -> None:
        """Note that a job failed; by itself, if it is its own process that says so and another time is no better."""
        if self.is_horse and not may_pass(sys.exception()):
            job.retries_left = 0
        super().handle_job_failure(job, *arguments, **options)

    def perform_job(self, job: Job, queue: Queue, execution: Execution) -> bool:
        """Run one job in a context of its own."""
        token = work_id.set(job.id[-8:])
        work_kind.set("job")
        try:
            with app.app_context():
                await_database()
                perform = partial(super().perform_job, job, queue, execution)
                if app.config["OTEL_EXPORTER_OTLP_ENDPOINT"]:
                    from tusker.watching.traces import traced

                    return traced(app, job.func_name or "", job.id, perform)
                return perform()
        finally:
            work_id.reset(token)


def await_redis(connection: Redis) -> None:
    """Wait until Redis answers, or the worker is to end: one that began without would end, and be started again and
    again."""
    while not stopping.is_asked():
        try:
            connection.ping()
        except RedisError as error:
            log.warning("redis is away, the worker waits: %s", error)
            time.sleep(1)
        else:
            return


def await_schema() -> None:
    """Wait until the database has this version's schema: on an older one jobs would fail for good."""
    with app.app_context():
        while not stopping.is_asked():
            try:
                if (found := schema()).state == OK:
                    break
                log.warning("the worker waits for `flask db upgrade`: %s", found.detail)
            except SQLAlchemyError as error:
                log.warning("the worker waits for the database: %s", error)
            db.session.rollback()  # nothing is held open meanwhile
            time.sleep(1)
        db.session.remove()
        db.engine.dispose()  # jobs' processes would share its connection


def await_database() -> None:
    """Wait until the database answers, but not for ever: the job then tells what is wrong."""
    ends = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < ends and not stopping.is_asked():
        try:
            with standing_alone() as connection:
                connection.execute(text("SELECT 1"))
        except SQLAlchemyError as error:
            if not may_pass(error):
                return
            log.warning("the database is away, the job waits: %s", error.__cause__)
            time.sleep(1)
        else:
            return


def _outcome(job: Job) -> str:
    """`finished`, `failed`, or what else RQ says; `queued` for one that was killed and is to be done again."""
    try:
        return str(job.get_status().value)
    except (InvalidJobOperation, RedisError):
        return "unknown"


PR_SET_PDEATHSIG = 1


def end_with(parent: int, signal_number: int) -> None:
    """Have the system send this process a signal once its parent has died, however that happened (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal_number))
        if os.getppid() != parent:  # it died before that
            os.kill(os.getpid(), signal_number)


def main() -> None:
    """Run what the command line asks for until it is stopped."""
    # a shell starts a job in the background with SIGINT ignored, and RQ's children would inherit that
    signal.signal(signal.SIGINT, signal.default_int_handler)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="?", choices=["worker", "scheduler"], default="worker")
    parser.add_argument("--workers", type=int, default=1, help="how many worker processes (default 1)")
    parser.add_argument("--burst", action="store_true", help="stop when the queue is empty")
    arguments = parser.parse_args()
    connection = app.extensions["tusker_redis"]
    level = app.config["LOG_LEVEL"]
    if bind := app.config["METRICS_BIND"]:
        from tusker.jobs.gauges import State
        from tusker.watching.metrics import serve

        serve(bind, arguments.part, [State(app)] if arguments.part == "scheduler" else [])
    if arguments.part == "scheduler":
        with app.app_context():
            cron_scheduler(app, connection).start()
    elif arguments.workers > 1:
        pool = WorkerPool(
            QUEUES,
            connection=connection,
            num_workers=arguments.workers,
            worker_class=TuskerWorker,
            serializer=JSONSerializer,
        )
        pool.start(burst=arguments.burst, logging_level=level)
    else:
        TuskerWorker(QUEUES, connection=connection).work(burst=arguments.burst, logging_level=level)


if __name__ == "__main__":
    main()
