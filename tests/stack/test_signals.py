"""Worker and scheduler end with Ctrl-C's signal also where a shell started them with it ignored."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from redis import Redis

from tests.support import running
from tests.support.running import Program
from tools.local.servers import LocalServers

pytestmark = pytest.mark.stack


@pytest.mark.parametrize(
    ("start", "up"),
    [(running.worker, "cleaning registries"), (running.scheduler, "Enqueued job")],
)
def test_sigint_ends_what_was_started_with_it_ignored(
    start: Callable[..., Program], up: str, servers: LocalServers, tmp_path: Path
) -> None:
    environ = running.environment(servers.database_url, servers.redis_url, running.SIGNALS, tmp_path)
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
