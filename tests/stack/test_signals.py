"""Worker and scheduler end with Ctrl-C's signal also where a shell started them with it ignored."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from flask import Flask
from redis import Redis
from rq.exceptions import StopRequested

from tests.support import running
from tests.support.running import Program
from tools.local.binaries import valkey_program
from tools.local.servers import LocalServers
from tusker.jobs.schedule import Scheduler

pytestmark = pytest.mark.stack


@pytest.fixture
def database_url(session_app: Flask) -> str:
    """A migrated database, or a worker takes no job."""
    return str(session_app.config["SQLALCHEMY_DATABASE_URI"])


@pytest.mark.parametrize(
    ("start", "up"),
    [(running.worker, "cleaning registries"), (running.scheduler, "Enqueued job")],
)
def test_sigint_ends_what_was_started_with_it_ignored(
    start: Callable[..., Program], up: str, database_url: str, servers: LocalServers, tmp_path: Path
) -> None:
    environ = running.environment(database_url, servers.redis_url, running.SIGNALS, tmp_path)
    with closing(Redis.from_url(environ["REDIS_URL"])) as queue:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            program = start(environ, tmp_path)
        finally:
            signal.signal(signal.SIGINT, before)
        try:
            program.says(up)
            program.process.send_signal(signal.SIGINT)
            assert program.process.wait(30) == 0, program.said
            assert not program.members()
        finally:
            program.stop()
            queue.flushdb()


def test_the_scheduler_ends_though_what_the_signal_interrupted_keeps_the_exception_to_itself() -> None:
    scheduler = Scheduler(connection=Redis())
    with pytest.raises(StopRequested):
        scheduler._request_stop(signal.SIGTERM, None)
    with pytest.raises(StopRequested):
        scheduler.calculate_sleep_interval()


def test_a_worker_that_was_told_by_a_sentinel_where_redis_is_ends_at_once_too(
    database_url: str, tmp_path: Path
) -> None:
    ports = [running.free_port(), running.free_port()]
    settings = tmp_path / "sentinel.conf"
    settings.write_text(
        f"port {ports[1]}\nbind 127.0.0.1\ndir {tmp_path}\nsentinel monitor desk 127.0.0.1 {ports[0]} 1\n"
    )
    first = [str(valkey_program()), "--port", str(ports[0]), "--bind", "127.0.0.1", "--dir", str(tmp_path)]
    with ExitStack() as held:
        for command in (first, [str(valkey_program()), str(settings), "--sentinel"]):
            process = held.enter_context(subprocess.Popen(command, stdout=subprocess.DEVNULL))
            held.callback(process.kill)
        url = f"redis+sentinel://127.0.0.1:{ports[1]}/desk"
        environ = running.environment(database_url, "redis://", 0, tmp_path) | {"REDIS_URL": url}
        program = running.worker(environ, tmp_path)
        held.callback(program.stop)
        program.says("cleaning group registries")
        program.process.send_signal(signal.SIGTERM)
        assert program.process.wait(30) == 0, program.said  # not after the 45 s that it asks Redis for work
