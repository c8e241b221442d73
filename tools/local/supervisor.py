"""A small process that keeps one program running for as long as somebody wants it.

"Wanted" is a lock on a file (``flock``) held by whoever started or joined. The kernel drops such a lock
however its holder ends, kill -9 included, so a program started here never outlives those who needed it. It
lives in a session of its own: Ctrl-C in the terminal reaches the holders, never the program.

Runs as a program of its own, with nothing but the standard library: see :func:`supervise`.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

POLL_SECONDS = 0.1
RESTART_PAUSE_SECONDS = 0.2
RESTARTS_IN_A_ROW = 50  # PostgreSQL refuses to start until the last orphan of a killed server is gone
HEALTHY_SECONDS = 10
GENERATIONS = 100
"""How often it is looked for what a killed orphan had started."""


@dataclass(frozen=True)
class Spec:
    """What to run and for whom. Paths are absolute."""

    argv: list[str]
    wanted_lock: str
    """The file whose lock says that somebody wants the program."""
    wanted_shared: bool = True
    """True: the wanting hold shared locks (servers). False: one holds it exclusively (the stack)."""
    own_lock: str | None = None
    """Held exclusively while this supervisor lives."""
    state_file: str | None = None
    """Where the ids of the two processes are written, for whoever comes after a kill -9 of the supervisor."""
    facts: dict[str, str] = field(default_factory=dict)
    """Goes into the state file as it is."""
    log_file: str | None = None
    """Where output goes; None: where the supervisor's own goes."""
    user: str | None = None
    stop_signals: list[int] = field(default_factory=lambda: [signal.SIGTERM])
    """Tried in turn, each given ``grace_seconds``; then SIGKILL."""
    grace_seconds: float = 8.0
    restart: bool = False
    """Start it again when it ends by itself."""
    restarts: int = RESTARTS_IN_A_ROW
    """How often in a row, each time within `HEALTHY_SECONDS`, before it is given up."""
    fds: list[int] = field(default_factory=list)
    """Descriptors of this process that the program inherits."""
    remove_after: list[str] = field(default_factory=list)
    """Directories to delete at the end."""

    def to_json(self) -> str:
        """The text for the command line."""
        return json.dumps(asdict(self))


def supervise(spec: Spec) -> list[str]:
    """The arguments that run a supervisor for `spec` as a process."""
    return [sys.executable, "-P", str(Path(__file__).resolve()), spec.to_json()]


def try_lock(fd: int, operation: int) -> bool:
    """Take a ``flock`` on `fd` without waiting; False when somebody else's lock is in the way."""
    try:
        fcntl.flock(fd, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class Supervisor:
    """Runs one :class:`Spec` to its end; :meth:`run` returns the exit code for the process."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.stopping = False
        self.wanted = os.open(spec.wanted_lock, os.O_RDWR | os.O_CREAT, 0o600)
        self.own = os.open(spec.own_lock, os.O_RDWR | os.O_CREAT, 0o600) if spec.own_lock else None

    def run(self) -> int:
        """Run until the program ends by itself, a signal comes, or nobody wants it; then clean up.

        Returns the program's exit code (128 + signal when killed by one), 1 when another supervisor runs.
        """
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._ask_to_stop)
        if self.own is not None and not try_lock(self.own, fcntl.LOCK_EX):
            return 1
        adopt_orphans()
        code = self._keep_running()
        for path in self.spec.remove_after:
            shutil.rmtree(path, ignore_errors=True)
        if self.spec.state_file:
            Path(self.spec.state_file).unlink(missing_ok=True)
        return code if code >= 0 else 128 - code

    def _ask_to_stop(self, *_: object) -> None:
        self.stopping = True

    def _unwanted(self) -> bool:
        # With shared holders the exclusive lock is kept: the next to want the server waits until we are gone.
        return try_lock(self.wanted, fcntl.LOCK_EX if self.spec.wanted_shared else fcntl.LOCK_SH)

    def _keep_running(self) -> int:
        failures = 0
        while True:
            started = time.monotonic()
            child = self._start()
            while child.poll() is None and not self.stopping and not self._unwanted():
                time.sleep(POLL_SECONDS)
            if child.poll() is None:
                return self._stop(child)
            failures = 0 if time.monotonic() - started > HEALTHY_SECONDS else failures + 1
            if not self.spec.restart or self.stopping or failures > self.spec.restarts or self._unwanted():
                self._clear_away(child)
                return child.returncode
            self._clear_away(child)
            sys.stdout.write(f"ended by itself with code {child.returncode}; it is started again\n")
            sys.stdout.flush()
            time.sleep(RESTART_PAUSE_SECONDS)

    def _start(self) -> subprocess.Popen[bytes]:
        output = open(self.spec.log_file, "ab") if self.spec.log_file else None  # noqa: SIM115
        try:
            child = subprocess.Popen(
                self.spec.argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                pass_fds=self.spec.fds,
                cwd="/" if self.spec.user else None,  # the other user may not enter the present directory
                # a server's files say who it is, and whoever comes next ends it; nobody comes for others
                preexec_fn=None if self.spec.state_file else end_with(os.getpid(), self.spec.stop_signals[0]),
                **as_user(self.spec.user),
            )
        finally:
            if output is not None:
                output.close()
        if self.spec.state_file:
            path = Path(self.spec.state_file)
            try:
                write_state(path, supervisor=os.getpid(), server=child.pid, **self.spec.facts)
            except OSError as error:
                # A full disk: nobody could find the server, so it ends, and both are tried again.
                sys.stdout.write(f"{path} cannot be written: {error}\n")
                child.kill()
        return child

    def _stop(self, child: subprocess.Popen[bytes]) -> int:
        for number in self.spec.stop_signals:
            with contextlib.suppress(ProcessLookupError):
                child.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(self.spec.grace_seconds)
                break
        self._clear_away(child)
        return child.wait()

    def _clear_away(self, child: subprocess.Popen[bytes]) -> None:
        """Kill what a program leaves: its session, and what made sessions of its own, as PostgreSQL's processes do. One
        of them that is at work would keep the next server from starting."""
        kill_session(child.pid)
        child.wait()
        refused: set[int] = set()
        for _ in range(GENERATIONS):
            pids = set(own_children()) - refused
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
                except PermissionError:
                    refused.add(pid)
                except (ProcessLookupError, ChildProcessError):
                    pass  # it is buried already
            if not pids:
                return


PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def adopt_orphans() -> None:
    """Become the parent of whatever loses its own below this process (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


def own_children() -> list[int]:
    """The ids of this process's children; none where there is no /proc (macOS)."""
    found = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    return list(map(int, found.read_text().split())) if found.exists() else []


def end_with(parent: int, number: int) -> Callable[[], None] | None:
    """What a child does before its program starts, so that the system sends it a signal once its parent has died,
    however that happened (Linux only)."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)

    def ask() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:  # it died before that
            os.kill(os.getpid(), number)

    return ask


def as_user(user: str | None) -> dict[str, Any]:
    """Arguments for ``subprocess`` that run a program as `user` with its main group only."""
    if user is None:
        return {}
    import pwd

    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


def write_state(path: Path, **state: object) -> None:
    """Write `state` as JSON so that a reader sees all of it or the former text, never half."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.touch(mode=0o600)
    new.write_text(json.dumps(state))
    new.replace(path)


def kill_session(session: int) -> None:
    """Kill whatever is left of a session, its leader and background groups too."""
    for pid in session_members(session):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(session, signal.SIGKILL)


def session_members(session: int) -> Iterable[int]:
    """Ids of the living processes of a session; empty where there is no /proc (macOS)."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getsid(int(entry.name)) == session:
                yield int(entry.name)


if __name__ == "__main__":
    sys.exit(Supervisor(Spec(**json.loads(sys.argv[1]))).run())
