"""What runs in the cluster, and in which order it starts."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from urllib.request import urlopen

from tools.cluster.databases import Databases
from tools.local import stack
from tools.local.binaries import LocalServerError, own, server_user, valkey_program
from tools.local.parts import Part, Parts, python
from tools.local.servers import CHECKOUT, hold_lock, temporary_directory
from tools.local.supervisor import kill_session

CONFIGURATION = CHECKOUT / "docs" / "cluster"
WEBS, WORKERS = 3, 4
START_SECONDS = 120.0
HAPROXY = "haproxy.sock"
"""Where HAProxy is told things, below the cluster's folder."""
MARK = "TUSKER_CLUSTER"
"""In the environment of all processes of a cluster, so that none of them is overlooked."""


@dataclass(frozen=True)
class Programs:
    """What web servers and workers run, and the checkout it is of; tests put something before it."""

    app: str = "wsgi:app"
    worker: tuple[str, ...] = ("worker.py",)
    folder: Path = CHECKOUT
    webs: int = WEBS
    workers: int = WORKERS

    def part(self, name: str, ports: Mapping[str, int]) -> Part:
        """A web server, a worker or the scheduler, which the name begins with."""
        if name.startswith("web"):
            program = python("-m", "gunicorn", "--bind", f"127.0.0.1:{ports[name]}", self.app)
        else:
            program = python(*self.worker, *(["scheduler"] if name.startswith("scheduler") else []))
        return Part(name, program, folder=self.folder)


@dataclass(frozen=True)
class Cluster:
    """A running cluster: its site, the environment of its commands, its servers, and how its parts are made to fail."""

    site: str
    environ: dict[str, str]
    home: Path
    ports: dict[str, int]
    databases: Databases
    parts: tuple[Parts, ...]
    """Those of the servers in between, of the web servers, and of workers and scheduler."""

    @property
    def primary(self) -> str:
        """The address of the first PostgreSQL itself."""
        return self.databases.primary.url

    @property
    def names(self) -> list[str]:
        """All parts, by name."""
        return ["primary", "replica", *(name for parts in self.parts for name in parts.names)]

    def names_of(self, kind: str) -> list[str]:
        """The parts whose names begin so: `web`, `worker`."""
        return [name for name in self.names if name.startswith(kind)]

    def pids(self, name: str) -> tuple[int, int]:
        """The process ids of a part's supervisor and of its program, waiting until there is one (Linux only)."""
        if name in {"primary", "replica"}:
            server = self.databases.primary if name == "primary" else self.databases.replica
            return server.pids
        found = self._parts_of(name)
        while (pid := found.program_of(name)) is None:
            time.sleep(0.05)
        return found.supervisor_of(name), pid

    def kill(self, name: str) -> None:
        """SIGKILL for a part's program, which its supervisor starts again."""
        os.kill(self.pids(name)[1], signal.SIGKILL)

    def start(self, name: str, programs: Programs) -> None:
        """Start a web server, a worker or the scheduler, which the name begins with."""
        _, web, jobs = self.parts
        (web if name.startswith("web") else jobs).start(programs.part(name, self.ports))

    def end(self, name: str) -> None:
        """End a part as an upgrade does: what it has begun it does to its end."""
        self._parts_of(name).end(name)

    def give_work(self, name: str, state: str) -> None:
        """Have HAProxy give a web server new requests (`ready`) or none (`drain`)."""
        with socket.socket(socket.AF_UNIX) as asked:
            asked.connect(str(self.home / HAPROXY))
            asked.sendall(f"set server web/{name} state {state}\n".encode())
            if said := asked.recv(1000).strip():
                raise LocalServerError(f"HAProxy: {said.decode()}")

    def _parts_of(self, name: str) -> Parts:
        [found] = [parts for parts in self.parts if name in parts.names]
        return found

    @contextlib.contextmanager
    def stopped(self, name: str) -> Iterator[None]:
        """A part that is killed and stays away during the block."""
        supervisor, program = self.pids(name)
        os.kill(supervisor, signal.SIGSTOP)
        try:
            kill_session(program)
            yield
        finally:
            os.kill(supervisor, signal.SIGCONT)

    @contextlib.contextmanager
    def hanging(self, name: str) -> Iterator[None]:
        """A part that takes connections and answers nothing during the block."""
        program = self.pids(name)[1]
        os.kill(program, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(program, signal.SIGCONT)


@contextlib.contextmanager
def cluster(
    more: Mapping[str, str],
    setup: Callable[[dict[str, str]], None] | None = None,
    *,
    programs: Programs = Programs(),
    disk: Path | None = None,
) -> Iterator[Cluster]:
    """Run a cluster for as long as the block lasts; `more` adds to the environment of its processes, `setup` is called
    with it once the tables are there; PostgreSQL has its data below `disk`, if that is given. Raises LocalServerError.
    """
    needed = {name: _installed(name) for name in ("haproxy", "pgbouncer")}
    home = temporary_directory()
    home.chmod(0o711)
    names = ["site", "pgbouncer", "valkey1", "valkey2", "sentinel", "courier"]
    names += [f"web{n + 1}" for n in range(WEBS)]
    with contextlib.ExitStack() as held:
        held.callback(shutil.rmtree, home, ignore_errors=True)
        held.enter_context(hold_lock(home / "lock", fcntl.LOCK_EX))
        ports = dict(zip(names, _free_ports(len(names)), strict=True))
        databases = held.enter_context(Databases(disk or home))
        base = {**stack.environment(), **more, MARK: str(home)}
        infra = held.enter_context(Parts(_infra_environ(base, ports, home), home / "lock", stack.terminal))
        point = _Pooler(home / "pgbouncer.ini", ports["pgbouncer"], databases)
        for part in _infra(needed, home, ports, point.file):
            infra.start(part)
        direct = _environ(base, ports, databases)
        _until(
            lambda: all(_listens(ports[name]) for name in ("pgbouncer", "valkey1", "sentinel")),
            "PgBouncer and Valkey",
        )
        stack.flask(direct, "db", "upgrade", folder=programs.folder)
        infra.start(_courier(ports, home))
        if setup:
            setup(direct)
        web_environ = {**direct, "DATABASE_URL": _pooled(ports, "tusker")}
        job_environ = {**direct, "DATABASE_URL": _pooled(ports, "tusker_jobs")}
        web = held.enter_context(Parts(web_environ, home / "lock", stack.terminal))
        jobs = held.enter_context(Parts(job_environ, home / "lock", stack.terminal))
        site = f"http://127.0.0.1:{ports['site']}"
        running = Cluster(site, job_environ, home, ports, databases, (infra, web, jobs))
        for kind, count in (("web", programs.webs), ("worker", programs.workers)):
            for number in range(count):
                running.start(f"{kind}{number + 1}", programs)
        running.start("scheduler", programs)
        _until(lambda: _answers(f"{site}/readyz"), "the site")
        databases.changed = lambda: point.again(running.pids("pgbouncer")[1])
        yield running


def _installed(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if found is None:
        raise LocalServerError(f"{name} is missing: sudo apt install {name}")
    return found


class _Pooler:
    """PgBouncer's configuration, which says where PostgreSQL is."""

    def __init__(self, file: Path, port: int, databases: Databases) -> None:
        self.file, self._port, self._databases = file, port, databases
        self._write()

    def again(self, pooler: int) -> None:
        """Write it anew and tell the running PgBouncer."""
        self._write()
        os.kill(pooler, signal.SIGHUP)

    def _write(self) -> None:
        user = server_user()
        values = {
            "PG_HOST": self._databases.primary.host,
            "REPLICA_HOST": self._databases.replica.host,
            "PG_USER": "postgres",
            "PORT": str(self._port),
            "AS_USER": f"user = {user}" if user else "",
        }
        self.file.write_text(Template((CONFIGURATION / "pgbouncer.ini").read_text()).substitute(values))
        self.file.chmod(0o644)


def _environ(base: Mapping[str, str], ports: Mapping[str, int], databases: Databases) -> dict[str, str]:
    return {
        "LOG_LEVEL": "WARNING",
        "TUSKER_CARRIER_TOKEN": "courier of the cluster",
        "TUSKER_CARRIER_WEBHOOK_SECRET": "webhooks of the cluster",
        "POLL_INTERVAL_SECONDS": "5",
        "WEB_CONCURRENCY": "1",
        **base,
        "BASE_URL": f"http://127.0.0.1:{ports['site']}",
        "TUSKER_CARRIER_URL": f"http://127.0.0.1:{ports['courier']}",
        "DATABASE_URL": databases.primary.url,
        "DATABASE_REPLICA_URL": _pooled(ports, "tusker_replica"),
        "REDIS_URL": f"redis+sentinel://127.0.0.1:{ports['sentinel']}/tusker",
        "PREPARE_STATEMENTS": "0",
    }


def _infra_environ(base: Mapping[str, str], ports: Mapping[str, int], home: Path) -> dict[str, str]:
    web = {f"WEB{n + 1}_PORT": str(ports[f"web{n + 1}"]) for n in range(WEBS)}
    token = {
        "TUSKER_CARRIER_TOKEN": "courier of the cluster",
        "TUSKER_CARRIER_WEBHOOK_SECRET": "webhooks of the cluster",
    }
    site = {"SITE_PORT": str(ports["site"]), "SITE_SOCKET": str(home / HAPROXY)}
    return {**token, **base, **web, **site}


def _infra(needed: Mapping[str, str], home: Path, ports: Mapping[str, int], pooler: Path) -> list[Part]:
    first, second = str(ports["valkey1"]), str(ports["valkey2"])
    sentinel = own(home / "sentinel", None) / "sentinel.conf"
    values = {"PORT": str(ports["sentinel"]), "FOLDER": str(sentinel.parent), "FIRST_PORT": first}
    # it writes down there what it has found out
    sentinel.write_text(Template((CONFIGURATION / "sentinel.conf").read_text()).substitute(values))
    return [
        Part("valkey1", _valkey(home / "valkey1", first)),
        Part("valkey2", _valkey(home / "valkey2", second, f"replicaof 127.0.0.1 {first}")),
        Part("sentinel", [str(valkey_program()), str(sentinel), "--sentinel"]),
        Part("pgbouncer", [needed["pgbouncer"], "-q", str(pooler)]),
        Part("haproxy", [needed["haproxy"], "-q", "-db", "-f", str(CONFIGURATION / "haproxy.cfg")]),
    ]


def _valkey(folder: Path, port: str, *more: str) -> list[str]:
    """With a file of settings: the Sentinel has whom it follows written down there, which outlives its end."""
    settings = own(folder, None) / "valkey.conf"
    lines = [f"port {port}", "bind 127.0.0.1", f"dir {folder}", "appendonly yes", "loglevel warning", *more]
    settings.write_text("\n".join([*lines, ""]))
    return [str(valkey_program()), str(settings)]


def _courier(ports: Mapping[str, int], home: Path) -> Part:
    webhook = f"http://127.0.0.1:{ports['site']}/api/v1/carriers/tusker/webhook"
    return Part(
        "courier",
        python(
            *("-m", "tools.courier", "--port", str(ports["courier"])),
            *("--state", str(home / "courier.sqlite"), "--webhook-url", webhook),
        ),
    )


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
