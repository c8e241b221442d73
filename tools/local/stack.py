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
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import honcho.environ

from tools.local.binaries import LocalServerError
from tools.local.parts import Ended, Part, Parts, python
from tools.local.servers import CHECKOUT, hold_lock, local_servers
from tools.local.standing import is_filled, is_up_to_date
from tools.local.supervisor import write_state
from tools.local.terminal import Terminal, box

VAR = CHECKOUT / "var"
HOME = VAR / "local"
STACK_LOCK = HOME / "stack.lock"
STACK_STATE = HOME / "stack.json"
DEMO_LOGINS = VAR / "demo-logins.txt"
READY_SECONDS = 120.0

terminal = Terminal()


def environment() -> dict[str, str]:
    """The environment for the programs: the present one, and what `.env` in the checkout adds."""
    environ = dict(os.environ)
    file = CHECKOUT / ".env"
    if file.exists():
        for name, value in honcho.environ.parse(file.read_text()).items():
            environ.setdefault(name, value)
    environ.setdefault("PYTHONUNBUFFERED", "1")
    environ.setdefault("MALLOC_ARENA_MAX", "1")  # as in the Dockerfile
    environ.setdefault("MALLOC_MMAP_THRESHOLD_", "131072")
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


def listen(explicit: str | None, default: int) -> socket.socket:
    """A socket that listens on this machine only: on the port as told, else on the first free one from `default` on.

    Raises LocalServerError when the one that was asked for is taken.
    """
    if explicit:
        found = try_to_listen(int(explicit)) if explicit.isdecimal() else None
        if found is None:
            raise LocalServerError(
                f"Port {explicit} is in use or no port; set PORT to another one or unset it."
            )
        return found
    for port in range(default, default + 100):
        if (found := try_to_listen(port)) is not None:
            return found
    raise LocalServerError(f"No free port between {default} and {default + 99}; set PORT.")


def try_to_listen(port: int) -> socket.socket | None:
    """A socket that listens on this port of the loopback interface; None when it cannot be had."""
    try:
        return socket.create_server(("127.0.0.1", port), backlog=2048)
    except (OSError, OverflowError):
        return None


@contextlib.contextmanager
def planned(environ: dict[str, str]) -> Iterator[list[Part]]:
    """Take the ports, complete `environ`, and yield the programs, the courier first if it is ours.

    The ports are this process's and handed on to the programs, so that no other stack can have them in between.
    Raises LocalServerError.
    """
    with contextlib.ExitStack() as held:
        web = held.enter_context(listen(environ.get("PORT") or environ.get("WEB_PORT"), 8000))
        port = web.getsockname()[1]
        environ["PORT"] = environ["WEB_PORT"] = str(port)
        environ.setdefault("BASE_URL", f"http://localhost:{port}")
        parts = []
        if not environ.get("TUSKER_CARRIER_URL"):
            parts.append(plan_courier(environ, held.enter_context(listen(None, 8010))))
        bind = f"fd://{web.fileno()}"
        parts += [
            Part("web", python("-m", "gunicorn", "--bind", bind, "wsgi:app"), (web.fileno(),)),
            Part("worker", python("worker.py", "--workers", "2")),
            Part("scheduler", python("worker.py", "scheduler")),
        ]
        yield parts


def plan_courier(environ: dict[str, str], listening: socket.socket) -> Part:
    """The courier on its socket, and in `environ` how to reach it."""
    port = listening.getsockname()[1]
    environ["TUSKER_CARRIER_URL"] = f"http://127.0.0.1:{port}"
    # tokens go through the environment, where `ps` does not show them
    if not environ.get("TUSKER_CARRIER_TOKEN"):
        environ["TUSKER_CARRIER_TOKEN"] = kept_secret("courier-token")
    if not environ.get("TUSKER_CARRIER_WEBHOOK_SECRET"):
        environ["TUSKER_CARRIER_WEBHOOK_SECRET"] = kept_secret("courier-webhook-secret")
    # the simulator's orders arrive within minutes, so they are asked for more often than real ones
    environ.setdefault("POLL_INTERVAL_SECONDS", "5")
    program = python(
        *("-m", "tools.courier", "--fd", str(listening.fileno())),
        *("--state", str(HOME / "courier.sqlite")),
        *("--webhook-url", f"http://127.0.0.1:{environ['PORT']}/api/v1/carriers/tusker/webhook"),
    )
    return Part("courier", program, (listening.fileno(),))


def wait_until_ready(parts: Parts, environ: dict[str, str]) -> Ended | None:
    """Wait until the web server answers, then tell a person where it is; a part that ended meanwhile, if any."""
    deadline = time.monotonic() + READY_SECONDS
    url = f"http://127.0.0.1:{environ['PORT']}/healthz"
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:
            if answer.status == 200:
                terminal.say(box(welcome(environ)))
                return None
        if ended := parts.first_end(0.2):
            return ended
    terminal.complain(f"The web server has not answered at {url} for {READY_SECONDS:.0f} s.")
    return None


def welcome(environ: dict[str, str], logins: Path = DEMO_LOGINS) -> list[str]:
    """What a newcomer needs to know, line by line."""
    lines = [f"Tusker is ready:  {environ['BASE_URL']}", ""]
    if logins.exists():
        lines += [*logins.read_text().rstrip().splitlines(), ""]
    lines.append(f"Delivery company: {environ['TUSKER_CARRIER_URL']} (delivers orders, and takes new ones)")
    if not environ.get("SMTP_HOST"):
        lines.append(f"Mails are written to {environ['MAIL_FOLDER']}")
    lines += [
        'Commands in another terminal: make flask ARGS="--help"',
        "Ctrl-C stops everything; the data stays.",
    ]
    return lines


def flask(environ: dict[str, str], *arguments: str, folder: Path = CHECKOUT) -> None:
    """Run a flask command of the application in a checkout's folder. Raises LocalServerError when it fails."""
    done = subprocess.run([sys.executable, "-m", "flask", *arguments], cwd=folder, env=environ)
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
    environ.setdefault("LOG_LEVEL", "WARNING")
    with (
        only_stack(),
        planned(environ) as parts,
        local_servers(HOME, durable=True, environ=environ) as servers,
    ):
        environ.update(servers.environ())
        shared = ("BASE_URL", "TUSKER_CARRIER_URL", "TUSKER_CARRIER_TOKEN")
        write_state(STACK_STATE, **{name: environ.get(name, "") for name in shared})
        try:
            if not is_up_to_date(servers.database_url, CHECKOUT / "migrations" / "versions"):
                terminal.say("Bringing the database up to date ...")
                flask(environ, "db", "upgrade")
            yield parts
        finally:
            STACK_STATE.unlink(missing_ok=True)


def run() -> int:
    """Run everything until Ctrl-C, SIGTERM or the end of a part.

    Returns the exit code: 0 when told to stop, else that of the part that ended (1 in place of 0). Raises
    LocalServerError with one line for a person.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    environ = environment()
    try:
        with prepared(environ) as parts:
            ended = run_parts(parts, environ)
    except KeyboardInterrupt:
        return 0
    terminal.complain(f"{ended.name} ended by itself with code {ended.code}, so everything was stopped.")
    return ended.code or 1


def run_parts(parts: list[Part], environ: dict[str, str]) -> Ended:
    """Run the programs side by side until one of them ends; the others have ended too when this returns."""
    # a demo that is there is looked after while the web server starts
    filled = is_filled(environ["DATABASE_URL"])
    with Parts(environ, STACK_LOCK, terminal) as running:
        for part in parts:
            # the courier, if it is ours, answers by now or soon: the demo's orders go there
            if part.name == ("worker" if filled else "web"):
                terminal.say("Looking after the demo (the first time it takes half a minute) ...")
                flask(environ, "seed-demo", "--once")
                terminal.say("Starting the web server and the workers ...")
            running.start(part)
        ended = wait_until_ready(running, environ)
        while ended is None:
            ended = running.first_end()
        return ended


def seed() -> int:
    """Fill in the demo while no stack runs. Raises LocalServerError."""
    environ = environment()
    with prepared(environ) as parts, Parts(environ, STACK_LOCK, terminal) as running:
        for part in parts:
            if part.name == "courier":
                running.start(part)
        flask(environ, "seed-demo")
    return 0


def _interrupt(*_: object) -> None:
    # once is enough: the end itself is not to be interrupted
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
