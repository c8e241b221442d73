"""The whole stack as processes: web server, workers, scheduler and courier, over a database of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from redis import Redis

from tests.support import running
from tests.support.running import Program, until
from tests.support.stack import Stack, create_user
from tools.cluster.plan import cluster
from tools.local.servers import LocalServers


@pytest.fixture(scope="session")
def stack(servers: LocalServers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The running stack over an empty, migrated database; with CLUSTER in the environment many of each."""
    if os.environ.get("CLUSTER"):
        with _clustered(tmp_path_factory.mktemp("stack-mail")) as many:
            yield many
        return
    logs, mail_folder = tmp_path_factory.mktemp("stack-logs"), tmp_path_factory.mktemp("stack-mail")
    port = str(running.free_port())
    environ = running.environment(
        running.new_database(servers.database_url, "tusker_stack"),
        servers.redis_url,
        running.WALK,
        mail_folder,
        PORT=port,
        BASE_URL=f"http://127.0.0.1:{port}",
        TUSKER_CARRIER_URL=f"http://127.0.0.1:{running.free_port()}",
        PROGRAMME_LIMIT="5000000",
    )
    with closing(Redis.from_url(environ["REDIS_URL"])) as queue:
        queue.flushdb()
    with ExitStack() as programs:
        started: dict[str, Program] = {}
        for name, start in (("courier", running.simulator), ("web", running.web)):
            started[name] = start(environ, logs)
            programs.callback(started[name].stop)
        stack = Stack(environ, mail_folder, started)
        people = [create_user(f"{role}@walk.example", role) for role in ("admin", "auditor")]
        stack.flask(["db", "upgrade"], *people)
        for name, start in (("worker", _two_workers), ("scheduler", running.scheduler)):
            started[name] = start(environ, logs)
            programs.callback(started[name].stop)
        until(lambda: running.answers(f"{stack.site}/healthz"), 60, what="the web server's answer")
        until(
            lambda: running.answers(f"{environ['TUSKER_CARRIER_URL']}/healthz"), what="the courier's answer"
        )
        yield stack
        for program in started.values():
            assert program.process.poll() is None, f"{program.name} ended by itself:\n{program.said[-3000:]}"
        # the courier ends last: a worker that asks one which is going waits for its answer
        for name in ("scheduler", "worker", "web"):
            started[name].ask_to_stop()
    codes = {name: program.process.returncode for name, program in started.items()}
    assert set(codes.values()) == {0}, codes


@contextmanager
def _clustered(mail_folder: Path) -> Iterator[Stack]:
    environ = running.environment("", "redis://", running.WALK, mail_folder, PROGRAMME_LIMIT="5000000")
    people = [create_user(f"{role}@walk.example", role) for role in ("admin", "auditor")]
    with cluster(environ, lambda direct: Stack(direct, mail_folder, {}).flask(*people)) as found:
        yield Stack({**found.environ, "BASE_URL": found.site}, mail_folder, {})


def _two_workers(environ: dict[str, str], logs: Path) -> Program:
    return running.worker(environ, logs, workers=2)
