"""The two kinds of server: how each is prepared, started, asked whether it is up, and stopped."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path

from tools.local.binaries import (
    LocalServerError,
    home_for,
    own,
    postgres_programs,
    server_user,
    take_over,
    valkey_program,
)
from tools.local.supervisor import as_user

DATABASE = "tusker"


class Kind(ABC):
    """One kind of server. `run_dir` is a fresh short private directory for its socket."""

    name: str
    url_variable: str
    stop_signals: list[int]
    user: str | None = None

    @abstractmethod
    def command(self, data_dir: Path, run_dir: Path, *, durable: bool) -> list[str]:
        """Prepare the data (in `run_dir` when not durable) and return the program's arguments."""

    @abstractmethod
    def url(self, run_dir: Path) -> str:
        """The URL for DATABASE_URL or REDIS_URL."""

    @abstractmethod
    def is_up(self, run_dir: Path) -> bool:
        """Whether the server answers now."""

    def first_steps(self, run_dir: Path) -> None:  # noqa: B027 - most need none
        """What to do once after a start."""


class Postgres(Kind):
    """PostgreSQL from the wheel, on a Unix socket only."""

    name = "postgres"
    url_variable = "DATABASE_URL"
    stop_signals = [int(signal.SIGINT), int(signal.SIGQUIT)]  # noqa: RUF012 - fast, then immediate

    def __init__(self) -> None:
        self.user = server_user()

    def command(self, data_dir: Path, run_dir: Path, *, durable: bool) -> list[str]:
        programs = postgres_programs()
        home = home_for(data_dir, self.user) if durable else run_dir
        cluster = home / "postgres"
        usual = data_dir / "postgres"
        if home not in (data_dir, run_dir):  # the data is elsewhere; the usual place leads there
            if usual.is_dir() and not usual.is_symlink() and not cluster.exists():
                shutil.move(usual, cluster)
            if not usual.exists():
                usual.unlink(missing_ok=True)
                usual.symlink_to(cluster)
        if (cluster / "PG_VERSION").exists():
            take_over(cluster, self.user)
        else:
            self._initdb(programs, cluster)
        forget_foreign_pid(cluster / "postmaster.pid")
        careless = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "jit=off"]
        settings = [
            "listen_addresses=",
            f"unix_socket_directories={own(run_dir / 'pg', self.user)}",
            "max_connections=200",
            "timezone=UTC",
            "log_timezone=UTC",
            *([] if durable else careless),
        ]
        return [str(programs / "postgres"), "-D", str(cluster), *(a for s in settings for a in ("-c", s))]

    def _initdb(self, programs: Path, cluster: Path) -> None:
        # made beside and renamed, so that an interrupted initdb leaves nothing that looks like a cluster
        new = cluster.with_name("postgres.new")
        shutil.rmtree(new, ignore_errors=True)
        own(new, self.user)
        options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-instructions"]
        done = subprocess.run(
            [str(programs / "initdb"), "-D", str(new), *options, "--no-sync"],
            capture_output=True,
            text=True,
            cwd="/",
            stdin=subprocess.DEVNULL,
            **as_user(self.user),
        )
        if done.returncode:
            raise LocalServerError(f"initdb failed: {last_line(done.stderr)}")
        new.rename(cluster)
        os.sync()

    def url(self, run_dir: Path) -> str:
        return f"postgresql+psycopg2://postgres@/{DATABASE}?host={run_dir / 'pg'}"

    def is_up(self, run_dir: Path) -> bool:
        ask = [str(postgres_programs() / "pg_isready"), "-q", "-h", str(run_dir / "pg"), "-U", "postgres"]
        return subprocess.run(ask, capture_output=True).returncode == 0

    def first_steps(self, run_dir: Path) -> None:
        programs, to = postgres_programs(), ["-h", str(run_dir / "pg"), "-U", "postgres"]
        query = f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'"  # noqa: S608 - a constant
        found = subprocess.run(
            [str(programs / "psql"), *to, "-tAXc", query, "postgres"], capture_output=True, text=True
        )
        if found.returncode == 0 and not found.stdout.strip():
            subprocess.run([str(programs / "createdb"), *to, DATABASE], capture_output=True, check=True)


class Valkey(Kind):
    """Valkey (Redis' protocol) from the wheel, on a Unix socket only, as ourselves."""

    name = "valkey"
    url_variable = "REDIS_URL"
    stop_signals = [int(signal.SIGINT)]  # noqa: RUF012

    def command(self, data_dir: Path, run_dir: Path, *, durable: bool) -> list[str]:
        data = own((data_dir if durable else run_dir) / "valkey", None)
        own(run_dir / "kv", None)
        options = {
            "--port": "0",
            "--unixsocket": str(run_dir / "kv" / "s"),
            "--unixsocketperm": "700",
            "--dir": str(data),
            "--appendonly": "yes" if durable else "no",
        }
        return [str(valkey_program()), *(word for pair in options.items() for word in pair), "--save", ""]

    def url(self, run_dir: Path) -> str:
        return f"unix://{run_dir / 'kv' / 's'}?db=0"

    def is_up(self, run_dir: Path) -> bool:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as plug:
            plug.settimeout(2)
            plug.connect(str(run_dir / "kv" / "s"))
            plug.sendall(b"PING\r\n")
            return plug.recv(16).startswith(b"+PONG")  # "-LOADING" while it reads its data
        return False


def last_line(text: str) -> str:
    """The last line of `text` that says something, preferring one that says FATAL or error."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    loud = [line for line in lines if "FATAL" in line or "rror" in line]
    return (loud or lines or ["no output"])[-1]


def command_line(pid: int) -> str:
    """The arguments of a running process, "" when there is none (or only its zombie)."""
    proc = Path(f"/proc/{pid}/cmdline")
    if Path("/proc/self").exists():
        with contextlib.suppress(OSError):
            return proc.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return ""
    return subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True).stdout


def forget_foreign_pid(pid_file: Path) -> None:
    """Remove a pid file left by kill -9 whose number meanwhile belongs to another program.

    PostgreSQL only checks that some process has the number, and would refuse to start.
    """
    with contextlib.suppress(OSError, ValueError, IndexError):
        if "postgres" not in command_line(int(pid_file.read_text().split()[0])):
            pid_file.unlink()
