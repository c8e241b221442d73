"""RQ entry points: `python worker.py [--workers N]` runs workers, `python worker.py scheduler` the cron scheduler."""

from __future__ import annotations

import argparse
import ctypes
import os
import signal
import sys
import time
from collections.abc import Sequence
from multiprocessing import parent_process
from typing import Any

from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.exceptions import InvalidJobOperation
from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.worker_pool import WorkerPool

from tusker.jobs import stopping
from tusker.jobs.schedule import cron_scheduler
from tusker.logs import work_id, work_kind
from tusker.queues import POLL_QUEUE, QUEUE
from wsgi import app

QUEUES = [QUEUE, POLL_QUEUE]
"""In this order: polling waits for everything else."""


SIGN_OF_LIFE_SECONDS = 60
"""RQ keeps a worker's record this long, and a minute more, after its last sign of life; `health.py` goes by it."""


class TuskerWorker(Worker):
    """A worker whose jobs run inside the app's context, with the job's id in every log line.

    A job whose process was killed is done again (RQ's `Retry`), within two minutes if its worker died with it; one that
    failed is not: it would fail again. Nothing of a worker outlives it, and a pool's workers end with the pool.
    """

    def __init__(self, queues: Sequence[str], **options: Any) -> None:
        settings = {
            "worker_ttl": SIGN_OF_LIFE_SECONDS,
            "maintenance_interval": SIGN_OF_LIFE_SECONDS,
            "serializer": JSONSerializer,
        }
        super().__init__(queues, **{**options, **settings})
        stopping.begin()

    def work(self, *arguments: Any, **options: Any) -> bool:
        """Work until told to stop. Nothing is scheduled for later in Redis, so RQ's own scheduler is not needed."""
        if pool := parent_process():
            end_with(pool.pid or 0, signal.SIGTERM)
        return super().work(*arguments, **{**options, "with_scheduler": False})

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """Run one job, in a process of its own."""
        end_with(self.pid or 0, signal.SIGKILL)
        super().main_work_horse(job, queue)

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Have one job done; how it ended and how long it took is counted here, where the process stays."""
        began = time.monotonic()
        super().execute_job(job, queue)
        if app.config["METRICS_BIND"]:
            from tusker.metrics import note_job

            note_job(job.func_name or "", _outcome(job), time.monotonic() - began)

    def handle_warm_shutdown_request(self) -> None:
        """Have a long job end soon."""
        stopping.ask()
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]

    def handle_job_failure(self, job: Job, *arguments: Any, **options: Any) -> None:
        """Note that a job failed; by itself, if it is its own process that says so."""
        if self.is_horse:
            job.retries_left = 0
        super().handle_job_failure(job, *arguments, **options)

    def perform_job(self, job: Job, queue: Queue, execution: Execution) -> bool:
        """Run one job in a context of its own."""
        token = work_id.set(job.id[-8:])
        work_kind.set("job")
        try:
            with app.app_context():
                return super().perform_job(job, queue, execution)
        finally:
            work_id.reset(token)


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
        from tusker.metrics import serve

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
