"""`health.py`, which containers are asked with, against real Redis and a real web server."""

from __future__ import annotations

import os
import subprocess
import sys
from inspect import isfunction
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from rq import Callback, Worker
from rq.exceptions import StopRequested

import health
from tests.support.courier_double import CourierDouble
from tools.local.servers import LocalServers
from tusker.admin.record.oversight import PROVE_JOB
from tusker.extensions import db
from tusker.jobs import stopping
from tusker.jobs.daily import RUN_JOB
from tusker.jobs.polling import POLL_JOB
from tusker.jobs.schedule import AGAIN_SECONDS, cron_scheduler
from tusker.queries.record import readiness
from tusker.redis.queues import QUEUE, OwnJob, queue_called
from tusker.services.bank.uploads import READ_JOB
from tusker.services.credit.importing.large import IMPORT_JOB
from tusker.services.loans.overdue import REVIEW_JOB

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def redis(app: Flask) -> Redis:
    """The app's Redis, empty."""
    connection: Redis = app.extensions["tusker_redis"]
    connection.flushdb()
    return connection


@pytest.fixture
def worker_class(
    servers: LocalServers, test_config: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> type:
    """The worker as `worker.py` has it; importing that makes an app from the environment."""
    monkeypatch.setenv("DATABASE_URL", str(test_config["SQLALCHEMY_DATABASE_URI"]))
    monkeypatch.setenv("REDIS_URL", servers.redis_url)
    import worker

    return worker.TuskerWorker


def test_a_worker_is_well_while_redis_has_its_record(redis: Redis, worker_class: type) -> None:
    assert not health.lives("worker", redis)
    worker = worker_class([QUEUE], connection=redis)
    worker.register_birth()
    assert health.lives("worker", redis)
    worker.heartbeat()
    assert 0 < redis.ttl(worker.key) <= 120
    redis.delete(worker.key)  # what happens when that time is over
    assert not health.lives("worker", redis)


def test_a_worker_whose_job_lost_redis_ends_the_job_and_waits(
    redis: Redis, worker_class: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RQ's would end, and all that are at work would have to start anew, which takes as long as Redis was away."""
    worker = worker_class([QUEUE], connection=redis)
    horse = subprocess.Popen(["sleep", "600"], start_new_session=True)

    def lose_redis(worker: Any, *_: object) -> None:
        worker._horse_pid = horse.pid
        raise RedisConnectionError

    answers: list[Exception | None] = [RedisConnectionError(), RedisConnectionError(), None]
    pauses: list[float] = []

    def ping() -> None:
        if error := answers.pop(0):
            raise error

    monkeypatch.setattr(Worker, "execute_job", lose_redis)
    monkeypatch.setattr(redis, "ping", ping)
    monkeypatch.setattr("time.sleep", pauses.append)
    worker.execute_job(OwnJob.create("tusker.jobs.sealing.seal_new", connection=redis), worker.queues[0])
    assert (answers, pauses, worker.horse_pid) == ([], [1, 1], 0)
    with pytest.raises(ProcessLookupError):
        os.kill(horse.pid, 0)


def test_a_worker_takes_no_job_on_an_older_schema(
    redis: Redis, worker_class: type, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    queue_called(QUEUE).enqueue("tusker.jobs.sealing.seal_new")
    waiting: list[int] = []

    def migrate(_: float) -> None:
        waiting.append(len(queue_called(QUEUE)))
        assert not db.session().in_transaction(), "what it asked is not held open while it waits"
        monkeypatch.setattr(readiness, "newest_revision", lambda: "0001")

    monkeypatch.setattr(readiness, "newest_revision", lambda: "9999")
    monkeypatch.setattr("time.sleep", migrate)
    monkeypatch.setattr(Worker, "work", lambda worker, **_: waiting.append(len(worker.queues[0])))
    worker_class([QUEUE], connection=redis).work(burst=True)
    assert waiting == [1, 1]
    assert "9999 is missing" in caplog.text


def test_a_worker_that_waits_for_redis_with_a_job_ends_when_told(
    redis: Redis, worker_class: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = worker_class([QUEUE], connection=redis)
    asked: list[bool] = []

    def lose_redis(*_: object) -> None:
        raise RedisConnectionError

    def ping() -> None:
        asked.append(stopping.is_asked())
        if len(asked) == 1:
            worker.handle_warm_shutdown_request()
            raise RedisConnectionError

    monkeypatch.setattr(Worker, "execute_job", lose_redis)
    monkeypatch.setattr(redis, "ping", ping)
    monkeypatch.setattr("time.sleep", lambda _: None)
    try:
        with pytest.raises(StopRequested):
            worker.execute_job(
                OwnJob.create("tusker.jobs.sealing.seal_new", connection=redis), worker.queues[0]
            )
    finally:
        stopping.begin()
    assert asked == [False]


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "eval",
        "tusker.jobs.polling.enqueue",
        "tusker.jobs.polling.log.warning",
        "tusker.jobs.schedule.Scheduler",
        "tusker.services.people.users.create_user",
    ],
)
def test_nothing_runs_because_somebody_wrote_its_name_into_redis(
    redis: Redis, worker_class: type, name: str
) -> None:
    queue_called(QUEUE).enqueue(name, "true", on_success=Callback(name), on_failure=Callback(name))
    worker = worker_class([QUEUE], connection=redis)
    [job] = worker.queues[0].jobs
    with pytest.raises((LookupError, ImportError), match=r"is no job of ours|No module named 'tusker"):
        job.perform()
    assert (job.success_callback, job.failure_callback) == (None, None)


def test_each_of_our_jobs_is_found(redis: Redis, app: Flask) -> None:
    names = [job.func_name for job in cron_scheduler(app, redis).get_jobs()]
    for name in (*names, READ_JOB, IMPORT_JOB, POLL_JOB, REVIEW_JOB, RUN_JOB, PROVE_JOB):
        assert isfunction(OwnJob.create(name, connection=redis).func)


def test_a_worker_that_ended_is_not_well(redis: Redis, worker_class: type) -> None:
    worker = worker_class([QUEUE], connection=redis)
    worker.register_birth()
    worker.register_death()
    assert not health.lives("worker", redis)


def test_a_worker_of_another_machine_counts_there(redis: Redis, worker_class: type) -> None:
    worker = worker_class([QUEUE], connection=redis)
    worker.hostname = "elsewhere"
    worker.register_birth()
    assert not health.lives("worker", redis)


def test_a_scheduler_is_well_from_its_start_to_its_end(app: Flask, redis: Redis) -> None:
    scheduler = cron_scheduler(app, redis)
    assert not health.lives("scheduler", redis)
    scheduler.register_birth()
    assert health.lives("scheduler", redis)
    assert not health.lives("worker", redis)
    scheduler.register_death()
    assert not health.lives("scheduler", redis)


def test_what_could_not_be_asked_for_is_asked_for_soon_again(
    app: Flask, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = cron_scheduler(app, redis)
    with monkeypatch.context() as away:
        away.setattr("tusker.jobs.schedule.enqueue", lambda *_, **__: False)
        assert scheduler.enqueue_jobs() == []
    assert scheduler.calculate_sleep_interval() == AGAIN_SECONDS
    assert scheduler.enqueue_jobs() == scheduler.get_jobs()
    assert scheduler.enqueue_jobs() == []


def test_the_command_says_what_is_wrong(servers: LocalServers, redis: Redis) -> None:
    def asked(part: str, url: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "health.py", part],
            cwd=ROOT,
            env={**os.environ, "REDIS_URL": url},
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stderr.strip()

    assert asked("worker", servers.redis_url) == (1, "no worker of this machine has given a sign of life")
    code, said = asked("scheduler", "unix:///nowhere.sock")
    assert (code, said.startswith("scheduler: ")) == (1, True)
    assert "Traceback" not in said


def test_a_web_server_is_asked_for_its_page(courier: CourierDouble) -> None:
    assert health.problem(f"{courier.server.url}/") is None
    assert "404" in str(health.problem(f"{courier.server.url}/no/such/page"))
    assert health.problem("http://127.0.0.1:1/") is not None
