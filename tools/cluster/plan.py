"""What runs in the cluster, and in which order it starts."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from urllib.request import urlopen

from tools.local import stack
from tools.local.binaries import LocalServerError, own, postgres_programs, server_user, valkey_program
from tools.local.kinds import Postgres
from tools.local.parts import Part, Parts, python
from tools.local.servers import CHECKOUT, hold_lock, joined, temporary_directory
from tools.local.supervisor import as_user

CONFIGURATION = CHECKOUT / "docs" / "cluster"
WEBS, WORKERS = 3, 4
START_SECONDS = 120.0


@dataclass(frozen=True)
class Cluster:
    """A running cluster: its site, the environment of its commands, and where each part's log is."""

    site: str
    environ: dict[str, str]
    primary: str
    """The address of PostgreSQL itself."""
    home: Path
    valkey_port: int
    ports: dict[str, int]
    parts: tuple[Parts, Parts, Parts]
    """Those of the servers in between, of the web servers, and of workers and scheduler."""

    def kill(self, name: str) -> None:
        """SIGKILL for a part's program, which its supervisor starts again."""
        [found] = [parts for parts in self.parts if name in parts.names]
        while (pid := found.program_of(name)) is None:
            time.sleep(0.05)
        os.kill(pid, signal.SIGKILL)

    def kill_postgres(self, which: str = "primary") -> None:
        """SIGKILL for a PostgreSQL, which its supervisor starts again."""
        state = json.loads((self.home / which / "postgres.run" / "state.json").read_text())
        os.kill(state["server"], signal.SIGKILL)


@contextlib.contextmanager
def cluster(
    more: Mapping[str, str], setup: Callable[[dict[str, str]], None] | None = None
) -> Iterator[Cluster]:
    """Run a cluster for as long as the block lasts; `more` adds to the environment of its processes, `setup` is called
    with it once the tables are there. Raises LocalServerError."""
    needed = {
        name: shutil.which(name) or shutil.which(name, path="/usr/sbin") for name in ("haproxy", "pgbouncer")
    }
    for name, path in needed.items():
        if path is None:
            raise LocalServerError(f"{name} is missing: sudo apt install {name}")
    home = temporary_directory()
    home.chmod(0o711)
    names = [
        "site",
        "pgbouncer",
        "valkey",
        "valkey-replica",
        "courier",
        *(f"web{n + 1}" for n in range(WEBS)),
    ]
    with contextlib.ExitStack() as held:
        held.callback(shutil.rmtree, home, ignore_errors=True)
        held.enter_context(hold_lock(home / "lock", fcntl.LOCK_EX))
        ports = dict(zip(names, _free_ports(len(names)), strict=True))
        primary = held.enter_context(joined(Postgres(), home / "primary", durable=True))
        replica = held.enter_context(_replica(primary, home / "replica"))
        base = {**stack.environment(), **more}
        infra = held.enter_context(Parts(_infra_environ(base, ports), home / "lock", stack.terminal))
        for part in _infra(needed, home, ports, primary):
            infra.start(part)
        direct = _environ(base, ports, primary, replica)
        _until(lambda: all(_listens(ports[name]) for name in ("pgbouncer", "valkey")), "PgBouncer and Valkey")
        stack.flask(direct, "db", "upgrade")
        infra.start(_courier(ports, home))
        if setup:
            setup(direct)
        web_environ = {**direct, "DATABASE_URL": _pooled(ports, "tusker")}
        job_environ = {**direct, "DATABASE_URL": _pooled(ports, "tusker_jobs")}
        web = held.enter_context(Parts(web_environ, home / "lock", stack.terminal))
        jobs = held.enter_context(Parts(job_environ, home / "lock", stack.terminal))
        for number in range(WEBS):
            bind = f"127.0.0.1:{ports[f'web{number + 1}']}"
            web.start(Part(f"web{number + 1}", python("-m", "gunicorn", "--bind", bind, "wsgi:app")))
        for number in range(WORKERS):
            jobs.start(Part(f"worker{number + 1}", python("worker.py")))
        jobs.start(Part("scheduler", python("worker.py", "scheduler")))
        site = f"http://127.0.0.1:{ports['site']}"
        _until(lambda: _answers(f"{site}/readyz"), "the site")
        yield Cluster(site, job_environ, primary, home, ports["valkey"], ports, (infra, web, jobs))


def _environ(base: Mapping[str, str], ports: Mapping[str, int], primary: str, replica: str) -> dict[str, str]:
    return {
        "LOG_LEVEL": "WARNING",
        "TUSKER_CARRIER_TOKEN": "courier of the cluster",
        "TUSKER_CARRIER_WEBHOOK_SECRET": "webhooks of the cluster",
        "POLL_INTERVAL_SECONDS": "5",
        "WEB_CONCURRENCY": "1",
        **base,
        "BASE_URL": f"http://127.0.0.1:{ports['site']}",
        "TUSKER_CARRIER_URL": f"http://127.0.0.1:{ports['courier']}",
        "DATABASE_URL": primary,
        "DATABASE_REPLICA_URL": replica,
        "REDIS_URL": f"redis://127.0.0.1:{ports['valkey']}/0",
        "PREPARE_STATEMENTS": "0",
    }


def _infra_environ(base: Mapping[str, str], ports: Mapping[str, int]) -> dict[str, str]:
    web = {f"WEB{n + 1}_PORT": str(ports[f"web{n + 1}"]) for n in range(WEBS)}
    token = {
        "TUSKER_CARRIER_TOKEN": "courier of the cluster",
        "TUSKER_CARRIER_WEBHOOK_SECRET": "webhooks of the cluster",
    }
    return {**token, **base, **web, "SITE_PORT": str(ports["site"])}


def _infra(
    needed: Mapping[str, str | None], home: Path, ports: Mapping[str, int], primary: str
) -> list[Part]:
    pooler = home / "pgbouncer.ini"
    user = server_user()
    values = {
        "PG_HOST": primary.partition("host=")[2],
        "PG_USER": "postgres",
        "PORT": str(ports["pgbouncer"]),
        "AS_USER": f"user = {user}" if user else "",
    }
    pooler.write_text(Template((CONFIGURATION / "pgbouncer.ini").read_text()).substitute(values))
    pooler.chmod(0o644)
    return [
        Part("valkey", _valkey(home, "valkey", ports["valkey"])),
        Part(
            "replica",
            [
                *_valkey(home, "valkey-replica", ports["valkey-replica"]),
                "--replicaof",
                "127.0.0.1",
                str(ports["valkey"]),
            ],
        ),
        Part("pgbouncer", [str(needed["pgbouncer"]), "-q", str(pooler)]),
        Part("haproxy", [str(needed["haproxy"]), "-q", "-db", "-f", str(CONFIGURATION / "haproxy.cfg")]),
    ]


def _valkey(home: Path, name: str, port: int) -> list[str]:
    folder = own(home / name, None)
    options = {
        "port": str(port),
        "bind": "127.0.0.1",
        "dir": str(folder),
        "appendonly": "yes",
        "loglevel": "warning",
    }
    return [str(valkey_program()), *(word for key, value in options.items() for word in (f"--{key}", value))]


def _courier(ports: Mapping[str, int], home: Path) -> Part:
    webhook = f"http://127.0.0.1:{ports['site']}/api/v1/carriers/tusker/webhook"
    return Part(
        "courier",
        python(
            *("-m", "tools.courier", "--port", str(ports["courier"])),
            *("--state", str(home / "courier.sqlite"), "--webhook-url", webhook),
        ),
    )


@contextlib.contextmanager
def _replica(primary: str, folder: Path) -> Iterator[str]:
    """A second server that follows the first; yields its address."""
    user = server_user()
    own(folder, user)
    programs, where = postgres_programs(), primary.partition("host=")[2]
    done = subprocess.run(
        [
            *(
                str(programs / "pg_basebackup"),
                "-h",
                where,
                "-U",
                "postgres",
                "-R",
                "-D",
                str(folder / "postgres"),
            ),
            *("--checkpoint=fast", "--wal-method=stream"),
        ],
        capture_output=True,
        text=True,
        cwd="/",
        **as_user(user),
    )
    if done.returncode:
        raise LocalServerError(f"pg_basebackup failed: {done.stderr.strip()}")
    with joined(Postgres(), folder, durable=True) as url:
        yield url


def _pooled(ports: Mapping[str, int], database: str) -> str:
    return f"postgresql://postgres@127.0.0.1:{ports['pgbouncer']}/{database}"


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        plugs = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(plug.getsockname()[1]) for plug in plugs]


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def _answers(url: str) -> bool:
    with contextlib.suppress(OSError), urlopen(url, timeout=5) as answer:  # noqa: S310 - http only
        return bool(answer.status == 200)
    return False


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise LocalServerError(f"{what} did not answer within {START_SECONDS:.0f} s.")
        time.sleep(0.2)
