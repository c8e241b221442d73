"""The parts of the stack as processes of their own, and waiting for what they do."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import TypeVar

import requests
from sqlalchemy import Connection, create_engine, text

CHECKOUT = Path(__file__).resolve().parents[2]
COURIER_TOKEN = "courier of the stack"
WALK, KILL, BROWSER, SIGNALS = 9, 10, 11, 12
"""Numbers of Redis databases: each file of tests has its own, because they may run at the same time on one server."""
_NOT_INHERITED = ("SMTP_", "TUSKER_", "GUNICORN_", "FLASK_")
Found = TypeVar("Found")


def until(
    condition: Callable[[], Found], seconds: float = 30.0, *, what: str = "", pause: float = 0.02
) -> Found:
    """Ask `condition` again and again until its answer is true, and return that; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, (
            f"{what or 'the condition'} did not come true within {seconds:.0f} s"
        )
        time.sleep(pause)
    return found


def free_port() -> int:
    """A port of the loopback interface that nothing listens on now."""
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))
        port: int = plug.getsockname()[1]
        return port


def queue_url(redis_url: str, number: int) -> str:
    """A database of its own on the Redis of the test run."""
    if redis_url.startswith("unix://"):
        return f"{redis_url.partition('?')[0]}?db={number}"
    scheme, _, rest = redis_url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}/{number}"


def at_noon() -> str:
    """A time zone in which it is about noon: no test then runs across the end of a business day."""
    return f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"


def environment(
    database_url: str, redis_url: str, number: int, mail_folder: Path, **more: str
) -> dict[str, str]:
    """The environment of every process; `number` is that of the Redis database."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)}
    return {
        **kept,
        "ENVIRONMENT": "TEST",
        "SECRET_KEY": "for tests only",
        "DATABASE_URL": database_url,
        "REDIS_URL": queue_url(redis_url, number),
        "MAIL_FOLDER": str(mail_folder),
        "TUSKER_CARRIER_TOKEN": COURIER_TOKEN,
        "POLL_INTERVAL_SECONDS": "1",
        "TIMEZONE": at_noon(),
        "BUNDLE_TIME": "00:30",
        "WEB_CONCURRENCY": "1",
        "LOG_LEVEL": "INFO",
        "PYTHONUNBUFFERED": "1",
        **more,
    }


class Program:
    """A process in a session of its own, its output in a file."""

    def __init__(self, name: str, argv: Sequence[str], environ: Mapping[str, str], logs: Path) -> None:
        self.name = name
        self._asked = False
        self.log = logs / f"{name}-{time.monotonic_ns()}.log"
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, *argv],
                cwd=CHECKOUT,
                env=dict(environ),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        """Everything it wrote so far."""
        return self.log.read_text(errors="replace")

    def says(self, words: str, seconds: float = 60.0) -> None:
        """Wait until it wrote these words; fails at once when it ends without."""
        until(
            lambda: words in self.said or self.process.poll() is not None,
            seconds,
            what=f"{self.name}: {words}",
        )
        assert words in self.said, f"{self.name} ended with {self.process.returncode}:\n{self.said[-3000:]}"

    def members(self) -> list[int]:
        """The ids of all living processes of its session: RQ gives the child that runs a job a group of its own."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                state, _parent, _group, session = stat.read_text().rpartition(")")[2].split()[:4]
                if int(session) == self.process.pid and state not in "ZX":
                    found.append(int(stat.parent.name))
        return found

    def kill(self) -> None:
        """SIGKILL for it and every child, whatever they are doing."""
        self.process.kill()
        while left := self.members():
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self.process.wait(10)

    def ask_to_stop(self) -> None:
        """SIGTERM, once: a second one would interrupt the end itself."""
        if not self._asked and self.process.poll() is None:
            self._asked = True
            self.process.terminate()

    def stop(self) -> None:
        """Ask it to end, as long as a job may still take; nothing of it is left afterwards."""
        self.ask_to_stop()
        if self.process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(60)
        self.kill()


def worker(environ: Mapping[str, str], logs: Path, *, workers: int = 1) -> Program:
    """`python worker.py`; wait for it with `says(LISTENING)`."""
    return Program("worker", ["worker.py", "--workers", str(workers)], environ, logs)


def scheduler(environ: Mapping[str, str], logs: Path) -> Program:
    """`python worker.py scheduler`."""
    return Program("scheduler", ["worker.py", "scheduler"], environ, logs)


def web(environ: Mapping[str, str], logs: Path) -> Program:
    """`gunicorn wsgi:app` on the port of `environ`."""
    return Program("web", ["-m", "gunicorn", "wsgi:app"], environ, logs)


def simulator(environ: Mapping[str, str], logs: Path) -> Program:
    """`python -m tools.courier` on the port of `environ["TUSKER_CARRIER_URL"]`; the token is in `environ`."""
    port = environ["TUSKER_CARRIER_URL"].rpartition(":")[2]
    return Program("courier", ["-m", "tools.courier", "--port", port], environ, logs)


def answers(url: str) -> bool:
    """Whether a server answers there with 200 now; not while it starts or is too busy."""
    with contextlib.suppress(requests.ConnectionError, requests.Timeout):
        return requests.get(url, timeout=10, proxies={"http": ""}).status_code == 200
    return False


def flask(environ: Mapping[str, str], *arguments: str) -> str:
    """Run one flask command; returns what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "flask", *arguments],
        cwd=CHECKOUT,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, f"flask {' '.join(arguments)}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def new_database(server_url: str, name: str) -> str:
    """Make an empty database on the server of `server_url`; returns its URL."""
    engine = create_engine(server_url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return engine.url.set(database=name).render_as_string(hide_password=False)


def waiting_for_a_lock(connection: Connection) -> bool:
    """Whether another connection to this database waits for a lock now."""
    return bool(
        connection.scalar(
            text(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()"
            )
        )
    )


def mails(folder: Path, *, to: str, subject: str) -> list[EmailMessage]:
    """The mails in a folder to an address whose subject contains some words."""
    found = [
        message_from_bytes(file.read_bytes(), policy=policy.default) for file in folder.glob("[!.]*.eml")
    ]
    return [mail for mail in found if mail["To"] == to and subject in mail["Subject"]]
