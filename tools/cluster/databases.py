"""PostgreSQL and the server that follows it, and how the second one takes over when the first is gone."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tools.local.binaries import LocalServerError, own, postgres_programs, server_user
from tools.local.kinds import Postgres
from tools.local.servers import joined
from tools.local.supervisor import as_user, kill_session


@dataclass(frozen=True)
class Server:
    """One of them: where its data is, its address, and what ends it."""

    folder: Path
    url: str
    held: contextlib.ExitStack

    @property
    def host(self) -> str:
        """The folder of its socket."""
        return self.url.partition("host=")[2]

    @property
    def pids(self) -> tuple[int, int]:
        """The process ids of its supervisor and of the server itself."""
        state = json.loads((self.folder / "postgres.run" / "state.json").read_text())
        return state["supervisor"], state["server"]

    def said(self) -> str:
        """The end of its log."""
        return (self.folder / "log" / "postgres.log").read_text(errors="replace")[-3000:]

    def lose(self) -> None:
        """Kill it for good: nobody starts it again."""
        supervisor, server = self.pids
        os.kill(supervisor, signal.SIGSTOP)
        kill_session(server)
        os.kill(supervisor, signal.SIGTERM)
        os.kill(supervisor, signal.SIGCONT)
        self.held.close()


class Databases:
    """The first server and its copy below a folder; `changed` is called whenever another one takes either place."""

    def __init__(self, home: Path, changed: Callable[[], None] = lambda: None) -> None:
        self._home, self._number, self.changed = home, 0, changed
        self._all = contextlib.ExitStack()
        self.primary = self._started(self._folder())
        self.replica = self._copied()

    def __enter__(self) -> Databases:
        return self

    def __exit__(self, *_: object) -> None:
        self._all.close()

    def promote(self) -> None:
        """The first server is lost: have its copy take over, and make a new copy of that."""
        self.primary.lose()
        shutil.rmtree(self.primary.folder, ignore_errors=True)
        run_postgres("pg_ctl", "promote", "-w", "-s", "-D", str(self.replica.folder / "postgres"))
        self.primary = self.replica
        self.changed()
        self.replica = self._copied()
        self.changed()

    def _folder(self) -> Path:
        self._number += 1
        return self._home / f"postgres{self._number}"

    def _started(self, folder: Path) -> Server:
        held = self._all.enter_context(contextlib.ExitStack())
        return Server(folder, held.enter_context(joined(Postgres(), folder, durable=True)), held)

    def _copied(self) -> Server:
        folder = self._folder()
        own(folder, server_user())
        source = ("-h", self.primary.host, "-U", "postgres")
        how = ("-R", "--checkpoint=fast", "--wal-method=stream")
        run_postgres("pg_basebackup", *source, "-D", str(folder / "postgres"), *how)
        return self._started(folder)


def run_postgres(name: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs as the servers' user. Raises LocalServerError."""
    done = subprocess.run(
        [str(postgres_programs() / name), *arguments],
        capture_output=True,
        text=True,
        cwd="/",
        stdin=subprocess.DEVNULL,
        **as_user(server_user()),
    )
    if done.returncode:
        raise LocalServerError(f"{name} failed: {done.stderr.strip()}")
