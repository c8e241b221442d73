"""The programs of the stack at work, each under a supervisor, until one of them ends or all are told to."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tools.local.servers import CHECKOUT
from tools.local.supervisor import Spec, supervise
from tools.local.terminal import Terminal

GRACE_SECONDS = 45.0
"""What a supervisor gives its program to end by itself."""
RESTARTS = 3
"""How often in a row a program that ended by itself is started again; then everything is stopped."""
STOP_SECONDS = 50.0
"""What a supervisor is given for that; it is killed after it."""


@dataclass(frozen=True)
class Part:
    """One program of the stack, run in a checkout's folder; it inherits the descriptors `fds`."""

    name: str
    argv: list[str]
    fds: tuple[int, ...] = ()
    folder: Path = CHECKOUT


@dataclass(frozen=True)
class Ended:
    """A program that ended, with its exit code (128 + signal when killed by one)."""

    name: str
    code: int


class Parts:
    """Starts parts and follows them; as a context it ends with all of them ended.

    `wanted_lock` is the file whose lock this process holds: the supervisors end their programs once it is free.
    """

    def __init__(self, environ: Mapping[str, str], wanted_lock: Path, terminal: Terminal) -> None:
        self._environ, self._wanted_lock, self._terminal = dict(environ), wanted_lock, terminal
        self._processes: list[subprocess.Popen[str]] = []
        self._named: dict[str, subprocess.Popen[str]] = {}
        self._followers: list[threading.Thread] = []
        self._ended: queue.Queue[Ended] = queue.Queue()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, part: Part) -> None:
        """Start a program."""
        spec = Spec(
            argv=part.argv,
            wanted_lock=str(self._wanted_lock),
            wanted_shared=False,
            grace_seconds=GRACE_SECONDS,
            restart=True,
            restarts=RESTARTS,
            fds=list(part.fds),
        )
        process = subprocess.Popen(
            supervise(spec),
            cwd=part.folder,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            pass_fds=part.fds,
        )
        follower = threading.Thread(target=self._follow, args=(part.name, process), daemon=True)
        self._processes.append(process)
        self._named[part.name] = process
        self._followers.append(follower)
        follower.start()

    def end(self, name: str) -> None:
        """Tell one to end, and wait until it has."""
        process = self._named.pop(name)
        process.terminate()
        process.wait(STOP_SECONDS)

    @property
    def names(self) -> list[str]:
        """The names of those that were started."""
        return list(self._named)

    def supervisor_of(self, name: str) -> int:
        """The process id of a part's supervisor."""
        return self._named[name].pid

    def program_of(self, name: str) -> int | None:
        """The process id of a part's program now (Linux only); None while it is started again."""
        supervisor = self._named[name].pid
        children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
        return int(children[0]) if children else None

    def _follow(self, name: str, process: subprocess.Popen[str]) -> None:
        if process.stdout is not None:
            for line in process.stdout:
                self._terminal.show(name, line.rstrip("\n"))
        self._ended.put(Ended(name, process.wait()))

    def first_end(self, seconds: float | None = None) -> Ended | None:
        """Wait (for so long at most) until a program ends; None when none did."""
        try:
            return self._ended.get(timeout=seconds)
        except queue.Empty:
            return None

    def stop(self) -> None:
        """Tell all that run to end, and wait until they have."""
        for process in self._processes:
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for process in self._processes:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
        for follower in self._followers:
            follower.join(5)


def python(*arguments: str) -> list[str]:
    """The arguments that run this Python."""
    return [sys.executable, *arguments]
