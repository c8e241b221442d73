"""The whole of Tusker in one terminal: servers, schema, demo, web, workers, scheduler and courier."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import honcho.environ
import honcho.manager

from tools.local.binaries import LocalServerError
from tools.local.servers import CHECKOUT, hold_lock, local_servers
from tools.local.supervisor import Spec, supervise, write_state

VAR = CHECKOUT / "var"
HOME = VAR / "local"
STACK_LOCK = HOME / "stack.lock"
STACK_STATE = HOME / "stack.json"
DEMO_LOGINS = VAR / "demo-logins.txt"
READY_SECONDS = 60.0
# honcho kills after this; the supervisors, which stop the parts one by one, must be done before
honcho.manager.KILL_WAIT = 20
PART_GRACE_SECONDS = 12.0


@dataclass(frozen=True)
class Part:
    """One program of the stack."""

    name: str
    argv: list[str]


def environment() -> dict[str, str]:
    """The environment for the programs: the present one, and what `.env` in the checkout adds."""
    environ = dict(os.environ)
    file = CHECKOUT / ".env"
    if file.exists():
        for name, value in honcho.environ.parse(file.read_text()).items():
            environ.setdefault(name, value)
    environ.setdefault("PYTHONUNBUFFERED", "1")
    environ.setdefault("MAIL_FOLDER", str(VAR / "mail"))
    if not environ.get("SECRET_KEY"):
        environ["SECRET_KEY"] = kept_secret("secret-key")
    if sys.platform == "darwin":  # RQ forks; the system's libraries would otherwise stop the child
        environ.setdefault("OBJC_DISABLE_INITIALIZE_FORK_SAFETY", "YES")
    return environ


def kept_secret(name: str) -> str:
    """A random text kept in ``var/`` so that sessions outlive a restart; readable for its owner only."""
    VAR.mkdir(exist_ok=True)
    path = VAR / name
    with contextlib.suppress(FileExistsError):
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(fd, "w") as file:
            file.write(secrets.token_hex(32))
    return path.read_text().strip()


def choose_port(explicit: str | None, default: int) -> int:
    """The port to serve on: as told, else the first free one from `default` on.

    Raises LocalServerError when the one that was asked for is taken.
    """
    if explicit:
        if not explicit.isdecimal() or not is_free(int(explicit)):
            raise LocalServerError(
                f"Port {explicit} is in use or no port; set PORT to another one or unset it."
            )
        return int(explicit)
    for port in range(default, default + 100):
        if is_free(port):
            return port
    raise LocalServerError(f"No free port between {default} and {default + 99}; set PORT.")


def is_free(port: int) -> bool:
    """Whether nothing listens on this port of the loopback interface."""
    with socket.socket() as plug:
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            plug.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
    return True


def plan(environ: dict[str, str]) -> list[Part]:
    """Choose ports, complete `environ` and list the programs. Raises LocalServerError."""
    port = choose_port(environ.get("PORT") or environ.get("WEB_PORT"), 8000)
    environ["PORT"] = environ["WEB_PORT"] = str(port)
    environ.setdefault("BASE_URL", f"http://localhost:{port}")
    parts = []
    if not environ.get("TUSKER_CARRIER_URL"):
        courier_port = choose_port(None, 8010 if port != 8010 else 8011)
        environ["TUSKER_CARRIER_URL"] = f"http://127.0.0.1:{courier_port}"
        if not environ.get("TUSKER_CARRIER_TOKEN"):
            environ["TUSKER_CARRIER_TOKEN"] = kept_secret("courier-token")
        # the simulator's orders arrive within minutes, so they are asked for more often than real ones
        environ.setdefault("POLL_INTERVAL_SECONDS", "5")
        # the token goes through the environment, where `ps` does not show it
        if not environ.get("TUSKER_CARRIER_WEBHOOK_SECRET"):
            environ["TUSKER_CARRIER_WEBHOOK_SECRET"] = kept_secret("courier-webhook-secret")
        places = ["--state", str(HOME / "courier.sqlite"), "--public-url", f"http://localhost:{courier_port}"]
        hook = f"http://127.0.0.1:{port}/api/v1/carriers/tusker/webhook"
        program = [
            *(sys.executable, "-m", "tools.courier", "--port", str(courier_port)),
            *places,
            *("--webhook-url", hook),
        ]
        parts.append(Part("courier", program))
    parts += [
        Part("web", [sys.executable, "-m", "gunicorn", "wsgi:app"]),
        Part("worker", [sys.executable, "worker.py", "--workers", "2"]),
        Part("scheduler", [sys.executable, "worker.py", "scheduler"]),
    ]
    return parts


def spec_for(part: Part) -> Spec:
    """The program under a supervisor that ends it when the stack ends, however it does."""
    return Spec(
        argv=part.argv,
        wanted_lock=str(STACK_LOCK),
        wanted_shared=False,
        stop_signals=[int(signal.SIGTERM)],
        grace_seconds=PART_GRACE_SECONDS,
    )


class StackManager(honcho.manager.Manager):  # type: ignore[misc]
    """honcho's manager, which can also be told to stop before everything has started."""

    def __init__(self, environ: dict[str, str]) -> None:
        super().__init__()
        self.environ = environ
        self.stop_asked = False
        self.stop_wanted = False

    def terminate(self) -> None:
        """Stop all parts, as soon as all have an id to send the signal to."""
        self.stop_wanted = True
        if self._all_started():
            super().terminate()

    def _all_started(self) -> bool:
        started = bool(super()._all_started())
        if started and self.stop_wanted and not self.stop_asked:
            self.stop_asked = True
            super().terminate()
        return started

    def _start(self) -> None:
        super()._start()
        # only now: a thread that runs while honcho forks could leave a lock taken in the child
        threading.Thread(target=announce, args=[self.environ, self], daemon=True).start()


def announce(environ: dict[str, str], manager: StackManager) -> None:
    """Wait until the web server answers, then tell a person where it is."""
    deadline = time.monotonic() + READY_SECONDS
    url = f"http://127.0.0.1:{environ['PORT']}/healthz"
    while not manager.stop_wanted and time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2) as answer:
            if answer.status == 200:
                say(box(welcome(environ)))
                return
        time.sleep(0.2)
    if not manager.stop_wanted:
        say(f"The web server has not answered at {url} for {READY_SECONDS:.0f} s; see its lines above.")


def welcome(environ: dict[str, str]) -> list[str]:
    """What a newcomer needs to know, line by line."""
    lines = [f"Tusker is ready:  {environ['BASE_URL']}", ""]
    if DEMO_LOGINS.exists():
        lines += [*DEMO_LOGINS.read_text().rstrip().splitlines(), ""]
    if not environ.get("SMTP_HOST"):
        lines.append(f"Mails are written to {environ['MAIL_FOLDER']}")
    lines += [
        f"Delivery company: {environ['TUSKER_CARRIER_URL']}",
        'Commands in another terminal: make flask ARGS="--help"',
        "Ctrl-C stops everything; the data stays.",
    ]
    return lines


def box(lines: list[str]) -> str:
    """`lines` in a frame."""
    width = max(map(len, lines))
    body = (f"│ {line:<{width}} │" for line in lines)
    return "\n".join(["", f"┌{'─' * (width + 2)}┐", *body, f"└{'─' * (width + 2)}┘", ""])


def say(text: str) -> None:
    """Write a line for the person at the terminal."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def flask(environ: dict[str, str], *arguments: str) -> None:
    """Run a flask command of the application. Raises LocalServerError when it fails."""
    done = subprocess.run([sys.executable, "-m", "flask", *arguments], cwd=CHECKOUT, env=environ)
    if done.returncode:
        raise LocalServerError(f"`flask {shlex.join(arguments)}` failed; its message stands above.")


@contextlib.contextmanager
def only_stack() -> Iterator[None]:
    """Hold the lock that says a stack runs in this checkout. Raises LocalServerError when one does already."""
    HOME.mkdir(parents=True, exist_ok=True)
    with hold_lock(STACK_LOCK, fcntl.LOCK_EX) as got:
        if not got:
            raise LocalServerError("Tusker already runs from this checkout; stop it there with Ctrl-C.")
        yield


def runs() -> bool:
    """Whether a stack runs in this checkout."""
    if not STACK_LOCK.exists():
        return False
    with hold_lock(STACK_LOCK, fcntl.LOCK_SH) as free:
        return not free


@contextlib.contextmanager
def prepared(environ: dict[str, str]) -> Iterator[list[Part]]:
    """Have the servers up, the tables in place and `environ` complete; yields the programs to run.

    Raises LocalServerError.
    """
    with only_stack(), local_servers(HOME, durable=True, environ=environ) as servers:
        environ.update(servers.environ())
        parts = plan(environ)
        shared = ("BASE_URL", "TUSKER_CARRIER_URL", "TUSKER_CARRIER_TOKEN")
        write_state(STACK_STATE, **{name: environ.get(name, "") for name in shared})
        try:
            flask(environ, "db", "upgrade")
            yield parts
        finally:
            STACK_STATE.unlink(missing_ok=True)


def run() -> int:
    """Run everything until Ctrl-C, SIGTERM or the end of a part.

    Returns the exit code: 0 when told to stop. Raises LocalServerError with one line for a person.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    environ = environment()
    try:
        with prepared(environ) as parts:
            with courier_alone(parts, environ):
                flask(environ, "seed-demo", "--once")
            return run_parts(parts, environ)
    except KeyboardInterrupt:
        return 0


def seed(environ: dict[str, str]) -> int:
    """Fill in the demo while no stack runs. Raises LocalServerError."""
    with prepared(environ) as parts, courier_alone(parts, environ):
        flask(environ, "seed-demo")
    return 0


@contextlib.contextmanager
def courier_alone(parts: list[Part], environ: dict[str, str]) -> Iterator[None]:
    """Run the courier (if it is ours) for the seeding, which places orders there; it keeps them in its file.

    Raises LocalServerError when it does not come up.
    """
    courier = next((part for part in parts if part.name == "courier"), None)
    if courier is None:
        yield
        return
    process = subprocess.Popen(
        supervise(spec_for(courier)),
        cwd=CHECKOUT,
        env=environ | {"LOG_LEVEL": "WARNING"},
        start_new_session=True,
    )
    try:
        port = int(environ["TUSKER_CARRIER_URL"].rpartition(":")[2])
        deadline = time.monotonic() + READY_SECONDS
        while not listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise LocalServerError("The courier simulator did not start; see its message above.")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(PART_GRACE_SECONDS * 2)


def listens(port: int) -> bool:
    """Whether something on this machine accepts connections on `port`."""
    with socket.socket() as plug:
        return plug.connect_ex(("127.0.0.1", port)) == 0


def run_parts(parts: list[Part], environ: dict[str, str]) -> int:
    """Run the programs side by side; returns 0 when told to stop, else the code of the one that ended."""
    manager = StackManager(environ)
    for part in parts:
        command = "exec " + shlex.join(supervise(spec_for(part)))
        manager.add_process(part.name, command, env=environ, cwd=str(CHECKOUT))
    manager.loop()
    for process in manager._processes.values():
        process["process"].join(5)
    told = {entry["rc"] for entry in honcho.manager.SIGNALS.values()}
    return 0 if manager.stop_wanted and manager.returncode in told else int(manager.returncode or 1)


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt
