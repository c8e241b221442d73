"""PostgreSQL and Valkey of one's own, shared by all processes that ask for the same directory.

    with local_servers(Path("var/local"), durable=True) as servers:
        servers.database_url, servers.redis_url

The first to ask starts them, others join, the last to leave stops them. Each server has three lock files:

* ``start.lock``: one process at a time asks "is it up, else start it";
* ``wanted.lock``: shared by its users; when the kernel has dropped the last, the supervisor stops the server;
* ``supervisor.lock``: held while a supervisor lives, so there are never two servers on one directory.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.local.binaries import LocalServerError
from tools.local.kinds import Kind, Postgres, Valkey, command_line, last_line
from tools.local.supervisor import Spec, supervise, try_lock

START_SECONDS = 60.0
STOP_SECONDS = 60.0
LOG_BYTES = 5_000_000
CHECKOUT = Path(__file__).resolve().parents[2]

_held: set[int] = set()


def _let_go_in_child() -> None:
    # a fork shares the locks of its parent and would keep the servers running after it
    for fd in _held:
        with contextlib.suppress(OSError):
            os.close(fd)
    _held.clear()


os.register_at_fork(after_in_child=_let_go_in_child)


@contextlib.contextmanager
def hold_lock(path: Path, operation: int) -> Iterator[bool]:
    """Hold a ``flock`` on `path` while the block runs; yields False when it could not be had at once.

    Forked children let go of it.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    _held.add(fd)
    owner = os.getpid()
    try:
        yield try_lock(fd, operation)
    finally:
        if os.getpid() == owner:
            _held.discard(fd)
            os.close(fd)


@dataclass(frozen=True)
class LocalServers:
    """Where the two servers are."""

    database_url: str
    redis_url: str

    def environ(self) -> dict[str, str]:
        """The two variables for the environment of a child process."""
        return {"DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url}


@contextlib.contextmanager
def local_servers(
    data_dir: Path | None = None, *, durable: bool, environ: Mapping[str, str] = os.environ
) -> Iterator[LocalServers]:
    """Both servers for as long as the block runs; those named in `environ` are used as they are, not started.

    Args:
        data_dir: where locks, logs and durable data are; None: a new private directory nobody else can join.
        durable: keep the data in `data_dir` and flush it to disk. False: careless and fast, and the data
            goes with the last user (for tests).
        environ: DATABASE_URL and REDIS_URL are read from it.

    Raises:
        LocalServerError: one line for a person, when a wheel is missing or a server does not come up.
    """
    if data_dir is None and durable:
        raise ValueError("durable servers need a directory")
    with contextlib.ExitStack() as stack:
        urls = {}
        for kind in (Postgres(), Valkey()):
            url = environ.get(kind.url_variable)
            urls[kind.name] = url or stack.enter_context(joined(kind, data_dir, durable=durable))
        yield LocalServers(urls["postgres"], urls["valkey"])


@contextlib.contextmanager
def joined(kind: Kind, data_dir: Path | None, *, durable: bool) -> Iterator[str]:
    """Join (or start) one server; yields its URL. Raises LocalServerError.

    Without `data_dir` the directory is a new one, which goes with the server even if this process is killed.
    """
    private = data_dir is None
    directory = temporary_directory() if data_dir is None else data_dir.resolve()
    user = _User(kind, directory, durable=durable, private=private)
    try:
        yield user.join()
    finally:
        user.leave()
        if private:
            shutil.rmtree(directory, ignore_errors=True)


def running_url(kind: Kind, data_dir: Path) -> str | None:
    """The URL of a server that runs for `data_dir` now, without joining it."""
    return _User(kind, data_dir.resolve(), durable=True).state().get("url")


class _User:
    """This process's use of one server."""

    def __init__(self, kind: Kind, data_dir: Path, *, durable: bool, private: bool = False) -> None:
        self.kind, self.data_dir, self.durable, self.private = kind, data_dir, durable, private
        self.lock_dir = data_dir / f"{kind.name}.run"
        self.state_file = self.lock_dir / "state.json"
        self.log_file = data_dir / "log" / f"{kind.name}.log"
        self.supervisor: subprocess.Popen[bytes] | None = None
        self.wanted: int | None = None
        self.owner = os.getpid()

    def join(self) -> str:
        """Take part; start the server if it is not up. Returns its URL."""
        for directory in (self.data_dir, self.lock_dir, self.log_file.parent):
            directory.mkdir(parents=True, exist_ok=True)
        self.data_dir.chmod(0o711 if os.geteuid() == 0 else 0o700)
        with self._locked("start.lock"):
            self.wanted = self._open("wanted.lock")
            _held.add(self.wanted)
            fcntl.flock(self.wanted, fcntl.LOCK_SH)  # waits while a former supervisor is still stopping
            fresh = not self._supervised()
            if fresh:
                self._clear_orphan()
                self._start()
            run_dir = self._wait_until_up()
            if fresh:
                self.kind.first_steps(run_dir)
            return self.kind.url(run_dir)

    def leave(self) -> None:
        """Stop taking part; when nobody else does, returns after the server has stopped."""
        if self.wanted is None or self.owner != os.getpid():
            return
        try:
            if try_lock(
                self.wanted, fcntl.LOCK_EX
            ):  # nobody else: keep it, so that newcomers wait for the end
                self._stop()
        finally:
            _held.discard(self.wanted)
            os.close(self.wanted)
            self.wanted = None

    def state(self) -> dict[str, Any]:
        """What the living supervisor wrote; empty when there is none."""
        return self._read_state() if self._supervised() else {}

    def _read_state(self) -> dict[str, Any]:
        try:
            state: dict[str, Any] = json.loads(self.state_file.read_text())
        except (OSError, ValueError):
            return {}
        return state

    def _open(self, name: str) -> int:
        return os.open(self.lock_dir / name, os.O_RDWR | os.O_CREAT, 0o600)

    @contextlib.contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        fd = self._open(name)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    def _supervised(self) -> bool:
        try:
            fd = self._open("supervisor.lock")
        except FileNotFoundError:  # a private directory, which its supervisor has removed
            return False
        try:
            return not try_lock(fd, fcntl.LOCK_SH)
        finally:
            os.close(fd)

    def _start(self) -> None:
        run_dir = temporary_directory()
        if os.geteuid() == 0:
            run_dir.chmod(0o711)  # the server's user passes through to its own part
        if self.log_file.exists() and self.log_file.stat().st_size > LOG_BYTES:
            self.log_file.unlink()
        spec = Spec(
            argv=self.kind.command(self.data_dir, run_dir, durable=self.durable),
            wanted_lock=str(self.lock_dir / "wanted.lock"),
            own_lock=str(self.lock_dir / "supervisor.lock"),
            state_file=str(self.state_file),
            facts={"run_dir": str(run_dir), "url": self.kind.url(run_dir)},
            log_file=str(self.log_file),
            user=self.kind.user,
            stop_signals=self.kind.stop_signals,
            grace_seconds=20.0,
            restart=True,
            remove_after=[str(run_dir), *([str(self.data_dir)] if self.private else [])],
        )
        self.supervisor = subprocess.Popen(
            supervise(spec),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, "TMPDIR": "/tmp", "LC_ALL": "C.UTF-8"},  # noqa: S108
        )

    def _wait_until_up(self) -> Path:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            state = self._read_state()
            if state and self.kind.is_up(Path(state["run_dir"])):
                return Path(state["run_dir"])
            if self.supervisor is not None and self.supervisor.poll() is not None:
                break
            time.sleep(0.02)
        said = self.log_file.read_text(errors="replace") if self.log_file.exists() else ""
        raise LocalServerError(f"{self.kind.name} did not start: {last_line(said)} (see {self.log_file})")

    def _stop(self) -> None:
        deadline = time.monotonic() + STOP_SECONDS
        asked = False
        while self._supervised() and time.monotonic() < deadline:
            pid = self.supervisor.pid if self.supervisor else self._read_state().get("supervisor")
            if pid and not asked:
                os.kill(pid, signal.SIGTERM)
                asked = True
            time.sleep(0.02)
        if self.supervisor is not None:
            self.supervisor.wait(STOP_SECONDS)
        self._clear_orphan()

    def _clear_orphan(self) -> None:
        """Stop the server that a killed supervisor left behind."""
        state = self._read_state()
        if not state:
            return
        deadline = time.monotonic() + STOP_SECONDS
        number = signal.SIGINT
        while state["run_dir"] in command_line(state["server"]):
            with contextlib.suppress(ProcessLookupError):
                os.kill(state["server"], number)
            time.sleep(0.1)
            if time.monotonic() > deadline:
                number = signal.SIGKILL
        shutil.rmtree(state["run_dir"], ignore_errors=True)
        self.state_file.unlink(missing_ok=True)


def temporary_directory() -> Path:
    """A new directory for sockets, whose whole path may have about 100 characters."""
    usual = tempfile.gettempdir()
    return Path(tempfile.mkdtemp(prefix="tusker-", dir=usual if len(usual) <= 60 else "/tmp"))  # noqa: S108
