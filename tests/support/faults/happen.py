"""What happens to a cluster: each fault by name, and for how long it lasts."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2
from redis import Redis
from redis.exceptions import RedisError
from redis.sentinel import Sentinel

from tests.support.faults.death import ANY, WEB, Death
from tests.support.running import until
from tools.cluster.plan import Cluster

DISK_MB = 1024
JOBS = (
    "tusker.jobs.polling.poll_carrier",
    "tusker.jobs.webhooks.work_off_webhooks",
    "tusker.jobs.polling.poll_all",
    "tusker.jobs.outbox.send_outbox",
    "tusker.jobs.sealing.seal_new",
    "tusker.jobs.positions.keep_positions",
)
"""Those that commit something several times a minute under the load."""
COMMITS = (1, 2, 3)
"""Of a job: claimed, asked, recorded …"""
PATIENCE_SECONDS = 10.0
"""How long a fault waits for its moment; then the next commit of any job is taken."""
Happen = Callable[[], None]


class Faults:
    """The faults of a cluster. `lasting` is how many seconds one lasts that is not over at once."""

    def __init__(
        self, running: Cluster, chance: random.Random, death: Path, disk: Path | None, lasting: float
    ) -> None:
        self.running, self.chance, self.death, self.disk, self.lasting = running, chance, death, disk, lasting
        commits = list(itertools.product(JOBS, COMMITS, ("before", "after")))
        chance.shuffle(commits)
        self._commits = itertools.cycle(commits)

    def all(self) -> dict[str, Happen]:
        """Each by its name; the fault is over when it returns."""
        found: dict[str, Happen] = {
            "web server killed": self.web,
            "web server killed at a commit": self.web_at_a_commit,
            "worker killed": lambda: self.running.kill(self._one_of("worker")),
            "worker killed at a commit of a job": self.worker_at_a_commit,
            "scheduler killed": lambda: self.running.kill("scheduler"),
            "PostgreSQL restarted": lambda: self.postgres(signal.SIGINT),
            "PostgreSQL killed": lambda: self.postgres(signal.SIGKILL),
            "replica stopped": lambda: self.away("replica"),
            "replica promoted, the first PostgreSQL gone": self.promotion,
            "PgBouncer killed": lambda: self.running.kill("pgbouncer"),
            "Valkey emptied": self.emptied,
            f"Valkey stopped for {self.lasting:g} s": lambda: self.away("valkey1", "valkey2"),
            "Valkey failed over": self.failed_over,
            "delivery company hangs": self.carrier_hangs,
            "HAProxy killed": lambda: self.running.kill("haproxy"),
        }
        if self.disk:
            found["disk of PostgreSQL full"] = self.disk_full
        return found

    def _one_of(self, kind: str) -> str:
        return self.chance.choice(self.running.names_of(kind))

    def web(self) -> None:
        """Either the process that serves or the one that it was forked from."""
        pid = self.running.pids(self._one_of("web"))[1]
        serving = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        os.kill(self.chance.choice([pid, *map(int, serving)]), signal.SIGKILL)

    def web_at_a_commit(self) -> None:
        """The one that commits next."""
        self._die(Death(WEB, ANY, self.chance.choice(("before", "after"))))

    def worker_at_a_commit(self) -> None:
        """Worker and job at once, at a commit of one of the jobs."""
        job, number, moment = next(self._commits)
        self._die(Death(job, str(number), moment))

    def _die(self, death: Death) -> None:
        death.ask(self.death)
        with contextlib.suppress(AssertionError):
            until(lambda: not self.death.exists(), PATIENCE_SECONDS, what="the commit")
            return
        Death(death.who if death.who == WEB else ANY, ANY, death.moment).ask(self.death)
        until(lambda: not self.death.exists(), 60, what="any commit")

    def postgres(self, number: int) -> None:
        """SIGINT: connections are cut and all is written down; SIGKILL: it has to recover."""
        os.kill(self.running.pids("primary")[1], number)

    def away(self, *names: str) -> None:
        """Parts that nobody starts again for a while."""
        with contextlib.ExitStack() as held:
            for name in names:
                held.enter_context(self.running.stopped(name))
            time.sleep(self.lasting)

    def promotion(self) -> None:
        """With the copy made to confirm each commit first: without that the last moment may be missing."""
        with closing_connection(self.running.primary) as sql:
            sql.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            sql.execute("SELECT pg_reload_conf()")
            until(
                lambda: (
                    one(sql, "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") == 1
                    and one(sql, "SHOW synchronous_standby_names") == "*"
                ),
                what="a copy that confirms commits",
            )
        time.sleep(1)  # by then whoever committed before that has been copied
        self.running.databases.promote()

    def emptied(self) -> None:
        """All that waits in Redis is gone."""
        with self.first_valkey() as valkey:
            valkey.flushall()

    def failed_over(self) -> None:
        """The first Valkey hangs until the Sentinel has made the other one the first."""
        port = self._first_port()
        with self.running.hanging(self._valkey_at(port)):
            until(lambda: self._first_port() != port, 60, pause=0.2, what="another first Valkey")

    def carrier_hangs(self) -> None:
        """It takes connections and does not answer."""
        with self.running.hanging("courier"):
            time.sleep(self.lasting)

    def disk_full(self) -> None:
        """Nothing is left for PostgreSQL and its copy, and no file of the log that was made before."""
        balloon = (self.disk or Path()) / "balloon"
        ends = time.monotonic() + self.lasting
        try:
            with contextlib.suppress(OSError), balloon.open("wb", buffering=0) as file:
                while time.monotonic() < ends:
                    try:
                        file.write(b"\0" * 65536)
                    except OSError:
                        with (
                            contextlib.suppress(psycopg2.Error),
                            closing_connection(self.running.primary) as sql,
                        ):
                            sql.execute("SELECT pg_switch_wal()")
                        time.sleep(0.1)  # what is freed meanwhile is taken, too
        finally:
            balloon.unlink(missing_ok=True)

    @contextmanager
    def first_valkey(self) -> Iterator[Redis]:
        """The one that is the first now."""
        with contextlib.closing(Redis(port=self._first_port(), socket_timeout=10)) as valkey:
            yield valkey

    def _first_port(self) -> int:
        sentinel = Sentinel([("127.0.0.1", self.running.ports["sentinel"])], socket_timeout=5)  # type: ignore[no-untyped-call]
        with contextlib.suppress(RedisError):
            return int(sentinel.sentinels[0].sentinel_get_master_addr_by_name("tusker")[1])
        return self.running.ports["valkey1"]

    def _valkey_at(self, port: int) -> str:
        return next(name for name in ("valkey1", "valkey2") if self.running.ports[name] == port)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path | None]:
    """A file system of its own in memory; None where this user may not mount one."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=0711", "tmpfs", str(folder)],
        capture_output=True,
    )
    if mounted.returncode:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def closing_connection(url: str) -> Iterator[psycopg2.extensions.cursor]:
    """A cursor of a connection of its own, in which each statement is a transaction."""
    with contextlib.closing(
        psycopg2.connect(url.replace("+psycopg2", "", 1), connect_timeout=5)
    ) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor


def one(sql: psycopg2.extensions.cursor, query: str) -> object:
    """A single value."""
    sql.execute(query)
    row = sql.fetchone()
    return row[0] if row else None
