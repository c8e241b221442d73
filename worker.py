"""RQ entry points: `python worker.py [--workers N]` runs workers, `python worker.py scheduler` the cron scheduler."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Sequence
from typing import Any

from rq import Queue, Worker
from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.worker_pool import WorkerPool

from tusker.jobs.schedule import cron_scheduler
from tusker.logs import work_id
from tusker.queues import POLL_QUEUE, QUEUE
from wsgi import app

QUEUES = [QUEUE, POLL_QUEUE]
"""In this order: polling waits for everything else."""


SIGN_OF_LIFE_SECONDS = 60
"""RQ keeps a worker's record this long, and a minute more, after its last sign of life; `health.py` goes by it."""


class TuskerWorker(Worker):
    """A worker whose jobs run inside the app's context, with the job's id in every log line."""

    def __init__(self, queues: Sequence[str], **options: Any) -> None:
        super().__init__(
            queues, **{**options, "worker_ttl": SIGN_OF_LIFE_SECONDS, "serializer": JSONSerializer}
        )

    def perform_job(self, job: Job, queue: Queue, execution: Execution) -> bool:
        """Run one job in a context of its own."""
        token = work_id.set(job.id[:8])
        try:
            with app.app_context():
                return super().perform_job(job, queue, execution)
        finally:
            work_id.reset(token)


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
        TuskerWorker(QUEUES, connection=connection).work(
            burst=arguments.burst, with_scheduler=False, logging_level=level
        )


if __name__ == "__main__":
    main()
