"""Workers by fork from a process that has loaded the application already: fifty starts cost fifty times 50 ms.

Run as a program it forks a worker for each line on stdin and writes its process id.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.running import CHECKOUT


class Forge:
    """The process that forks, from the test's side."""

    def __init__(self, environ: Mapping[str, str], log: Path) -> None:
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.forge"],
                cwd=CHECKOUT,
                env=dict(environ),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=out,
                text=True,
            )

    def worker(self) -> int:
        """Start a worker in a session of its own; its process id."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def kill(self, worker: int) -> None:
        """SIGKILL for a worker and the child that runs its job, at once."""
        os.kill(worker, signal.SIGKILL)
        while left := members(worker):
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """End; workers that still live are left to whoever started them."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


def members(session: int) -> list[int]:
    """The living processes of a session."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _parent, _group, its = stat.read_text().rpartition(")")[2].split()[:4]
            if int(its) == session and state not in "ZX":
                found.append(int(stat.parent.name))
    return found


def main() -> None:
    """Fork a worker for each line."""
    from sqlalchemy.orm import configure_mappers

    import worker

    configure_mappers()  # once here in place of once in each child
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the dead
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setsid()
            sys.stdin.close()
            worker.TuskerWorker([worker.QUEUE], connection=worker.app.extensions["tusker_redis"]).work(
                logging_level="WARNING"
            )
            os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
