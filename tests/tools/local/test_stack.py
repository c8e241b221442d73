"""`python -m tools.local run` in a checkout whose programs are stand-ins: real servers, real signals."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.directories import open_directory
from tests.support.processes import wait_for_end
from tests.support.running import until
from tools.local import stack
from tools.local.binaries import LocalServerError
from tools.local.parts import RESTARTS
from tools.local.servers import CHECKOUT
from tools.local.standing import heads, is_up_to_date

pytestmark = [
    pytest.mark.stack,
    pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits by pidfd, which only Linux has"),
]

NOTE = """
import os, pathlib, sys
def note(name):
    folder = pathlib.Path("var/pids")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}-{os.getpid()}").touch()
"""
WSGI = """
import os, pathlib, click
from flask import Flask
from flask.cli import AppGroup
from note import note
app = Flask(__name__)
if "gunicorn" in os.environ.get("SERVER_SOFTWARE", ""):
    note("web")
@app.get("/healthz")
def healthz():
    return "ok"
db = AppGroup("db")
@db.command("upgrade")
def upgrade():
    click.echo(f"UPGRADE {os.environ['DATABASE_URL']}")
app.cli.add_command(db)
@app.cli.command("seed-demo")
@click.option("--once", is_flag=True)
def seed(once):
    import urllib.request
    urllib.request.urlopen(os.environ["TUSKER_CARRIER_URL"])  # the courier must be up by now
    pathlib.Path("var/demo-logins.txt").write_text("admin@example.test / secret")
"""
WORKER = """
import multiprocessing, sys, time
from note import note
def child():
    note("worker-child")
    time.sleep(600)
if __name__ == "__main__":
    note("worker")
    if "--workers" in sys.argv:
        multiprocessing.Process(target=child).start()
    if "{ends}" == sys.argv[-1]:
        sys.exit(7)
    time.sleep(600)
"""
COURIER = """
import http.server, socket, sys
from note import note
note("courier")
server = http.server.HTTPServer(("", 0), http.server.SimpleHTTPRequestHandler, bind_and_activate=False)
server.socket = socket.socket(fileno=int(sys.argv[sys.argv.index("--fd") + 1]))
server.serve_forever()
"""
PARTS = {"web", "worker", "worker-child", "courier"}


@pytest.fixture
def checkout(made_cluster: Path) -> Iterator[Path]:
    with open_directory() as root:
        shutil.copytree(made_cluster, root / "var" / "local" / "postgres")
        shutil.copytree(CHECKOUT / "tools" / "local", root / "tools" / "local")
        shutil.copy(CHECKOUT / "gunicorn.conf.py", root)
        (root / "tools" / "courier").mkdir()
        for folder in ("tools", "tools/courier"):
            (root / folder / "__init__.py").touch()
        (root / "note.py").write_text(NOTE)
        (root / "wsgi.py").write_text(WSGI)
        (root / "worker.py").write_text(WORKER)
        (root / "tools" / "courier" / "__main__.py").write_text(COURIER)
        yield root


@pytest.fixture
def launch(checkout: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, sigint: Any = signal.SIG_DFL, **variables: str) -> subprocess.Popen[str]:
        unset = {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "PORT", "WEB_PORT", "BASE_URL"}
        unset |= {"TUSKER_CARRIER_URL", "TUSKER_CARRIER_TOKEN", "SMTP_HOST", "LOG_LEVEL"}
        environ = {name: value for name, value in os.environ.items() if name not in unset} | variables
        process = subprocess.Popen(
            [sys.executable, "-m", "tools.local", *arguments],
            cwd=checkout,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, sigint),
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
    wait_for_end(*noted(checkout))


def notes(checkout: Path) -> list[tuple[str, int]]:
    """Name and process id of every stand-in that was started."""
    names = [path.name.rpartition("-") for path in (checkout / "var" / "pids").glob("*")]
    return [(name, int(pid)) for name, _, pid in names]


def noted(checkout: Path) -> list[int]:
    return [pid for _, pid in notes(checkout)]


def read_until(process: subprocess.Popen[str], words: str) -> str:
    """What the process prints up to the line with these words; fails when it ends before."""
    text = ""
    assert process.stdout is not None
    for line in process.stdout:
        text += line
        if words in line:
            return text
    pytest.fail(f"ended without {words!r}:\n{text}")


@pytest.mark.parametrize(
    ("number", "sigint"),
    [
        (signal.SIGINT, signal.SIG_IGN),  # as by nohup, or in the background of a script
        (signal.SIGTERM, signal.SIG_DFL),
        (signal.SIGKILL, signal.SIG_DFL),
    ],
)
def test_everything_runs_and_ends_with_the_launcher(
    number: signal.Signals,
    sigint: signal.Handlers,
    checkout: Path,
    launch: Callable[..., subprocess.Popen[str]],
) -> None:
    run = launch("run", sigint=sigint)
    said = read_until(run, "Ctrl-C stops everything")
    assert "UPGRADE postgresql+psycopg2://" in said
    assert "Tusker is ready:  http://localhost:" in said
    assert "admin@example.test / secret" in said
    # the box waits for the web server, the workers may come a moment later
    until(lambda: dict(notes(checkout)).keys() == PARTS, what="all parts")
    assert run.stdout is not None
    assert run.stdout.readline().startswith("└")  # the box
    run.send_signal(number)
    rest, _ = run.communicate(timeout=60)
    assert run.returncode == (0 if number is not signal.SIGKILL else -signal.SIGKILL)
    assert not rest.strip(), "nothing stands below the box"
    wait_for_end(*noted(checkout))


STANDS = (
    "CREATE TABLE alembic_version AS SELECT '0002' AS version_num; CREATE TABLE customers AS SELECT 1 AS id"
)
AWAIT_WEB = """
    import time
    while not [*pathlib.Path("var/pids").glob("web-*")]:
        time.sleep(0.05)
    import urllib.request
"""


def test_a_database_that_stands_is_not_upgraded_and_its_demo_is_looked_after_beside_the_web_server(
    checkout: Path, launch: Callable[..., subprocess.Popen[str]]
) -> None:
    versions = checkout / "migrations" / "versions"
    versions.mkdir(parents=True)
    (versions / "0001_first.py").write_text('revision = "0001"\ndown_revision = None\n')
    (versions / "0002_second.py").write_text('revision: str = "0002"\ndown_revision = "0001"\n')
    assert launch("psql", "-qc", STANDS).wait(60) == 0
    (checkout / "wsgi.py").write_text(WSGI.replace("\n    import urllib.request\n", AWAIT_WEB))
    said = read_until(launch("run"), "Ctrl-C stops everything")
    assert "Looking after the demo" in said
    assert "UPGRADE" not in said
    (versions / "0003_third.py").write_text('revision = "0003"\ndown_revision = "0002"\n')
    assert not is_up_to_date("postgresql+psycopg2://nobody@/none?host=/nowhere", versions)
    assert heads(versions) == {"0003"}


def test_a_part_that_ends_is_started_again_and_at_last_all_end_its_code_is_returned_and_its_error_stands_out(
    checkout: Path, launch: Callable[..., subprocess.Popen[str]]
) -> None:
    error = "print('2026-03-02 06:30:00,000 ERROR x:', os.environ['LOG_LEVEL'], flush=True)\n"
    (checkout / "worker.py").write_text("import os\n" + error + WORKER.replace("{ends}", "scheduler"))
    run = launch("run")
    read_until(run, "scheduler ! 2026-03-02 06:30:00,000 ERROR x: WARNING")
    for _ in range(RESTARTS):
        read_until(run, "scheduler ! ended by itself with code 7; it is started again")
    read_until(run, "! scheduler ended by itself with code 7")
    run.communicate(timeout=60)
    assert run.returncode == 7
    wait_for_end(*noted(checkout))


def test_what_is_killed_comes_back_and_a_killed_supervisor_leaves_no_orphan(
    checkout: Path, launch: Callable[..., subprocess.Popen[str]]
) -> None:
    run = launch("run")
    read_until(run, "Ctrl-C stops everything")
    until(lambda: dict(notes(checkout)).keys() == PARTS, what="all parts")
    first = notes(checkout)
    for name, pid in first:
        if name != "worker-child":  # that ends with the worker
            known = {*notes(checkout)}
            os.kill(pid, signal.SIGKILL)
            read_until(run, "ended by itself with code -9; it is started again")
            until(
                lambda known=known, name=name: name in dict({*notes(checkout)} - known),
                what=f"another {name}",
            )
    wait_for_end(*(pid for _, pid in first))
    web = next(pid for name, pid in notes(checkout) if name == "web" and (name, pid) not in first)
    os.kill(int(Path(f"/proc/{web}/stat").read_text().rpartition(")")[2].split()[1]), signal.SIGKILL)
    run.communicate(timeout=60)
    assert run.returncode != 0
    wait_for_end(*noted(checkout))


def test_a_failing_step_stops_the_start_with_one_line(
    checkout: Path, launch: Callable[..., subprocess.Popen[str]]
) -> None:
    (checkout / "wsgi.py").write_text(WSGI.replace('click.echo(f"UPGRADE', 'raise SystemExit(3) or (f"'))
    run = launch("run")
    said, _ = run.communicate(timeout=60)
    assert run.returncode == 1
    assert (
        said.strip().splitlines()[-1] == "tools.local: `flask db upgrade` failed; its message stands above."
    )


def test_commands_join_the_running_stack_and_a_second_one_is_refused(
    checkout: Path, launch: Callable[..., subprocess.Popen[str]]
) -> None:
    run = launch("run", LOG_LEVEL="DEBUG")
    said = read_until(run, "Ctrl-C stops everything")
    assert "gunicorn.error: Starting gunicorn" in said
    database = next(line for line in said.splitlines() if line.startswith("UPGRADE")).split()[1]
    show = [
        sys.executable,
        "-c",
        "import os; print(os.environ['DATABASE_URL'], os.environ['TUSKER_CARRIER_URL'])",
    ]
    joined, _ = launch("exec", "--", *show).communicate(timeout=60)
    assert joined.split()[0] == database
    assert joined.split()[1] in said
    second = launch("run")
    refused, _ = second.communicate(timeout=60)
    assert second.returncode == 1
    assert "already runs" in refused
    assert run.poll() is None


def test_exec_returns_the_commands_code_and_psql_takes_options(
    launch: Callable[..., subprocess.Popen[str]],
) -> None:
    assert launch("exec", "--", "sh", "-c", "exit 3").wait(60) == 3
    said, _ = launch("psql", "-tAc", "SELECT current_database()").communicate(timeout=60)
    assert said.strip() == "tusker"


def test_a_taken_port_is_avoided_unless_it_was_asked_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with stack.listen(None, port) as found:
            assert found.getsockname()[1] > port
        with pytest.raises(LocalServerError, match=f"Port {port} is in use"):
            stack.listen(str(port), 8000)
    for wrong in ("eighty", "99999", "-1"):
        with pytest.raises(LocalServerError, match="PORT"):
            stack.listen(wrong, 8000)


def test_a_taken_port_stops_the_start_with_one_line(launch: Callable[..., subprocess.Popen[str]]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        run = launch("run", PORT=port)
        said, _ = run.communicate(timeout=60)
    assert run.returncode == 1
    assert said == f"tools.local: Port {port} is in use or no port; set PORT to another one or unset it.\n"


def test_two_stacks_never_share_a_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack, "VAR", tmp_path)
    first: dict[str, str] = {}
    second: dict[str, str] = {}
    with stack.planned(first) as parts, stack.planned(second):
        addresses = [
            environ[name] for environ in (first, second) for name in ("BASE_URL", "TUSKER_CARRIER_URL")
        ]
        assert len(set(addresses)) == 4
        courier = parts[0]
        # the socket that is handed on listens already, so nobody else can have its address
        port = socket.socket(fileno=os.dup(courier.fds[0])).getsockname()[1]
        assert first["TUSKER_CARRIER_URL"].endswith(f":{port}")
        socket.create_connection(("127.0.0.1", port), timeout=5).close()


def test_with_a_delivery_company_given_no_courier_is_started() -> None:
    environ = {"TUSKER_CARRIER_URL": "https://orders.example", "TUSKER_CARRIER_TOKEN": "t"}
    with stack.planned(environ) as parts:
        assert [part.name for part in parts] == ["web", "worker", "scheduler"]
    assert environ["TUSKER_CARRIER_URL"] == "https://orders.example"


def test_dot_env_adds_to_the_environment_and_never_overrides_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stack, "CHECKOUT", tmp_path)
    monkeypatch.setenv("LENDER_NAME", "From the shell")
    monkeypatch.delenv("CURRENCY", raising=False)
    monkeypatch.setenv("SECRET_KEY", "s")
    (tmp_path / ".env").write_text("LENDER_NAME=From the file\nCURRENCY=EUR\n# a comment\n")
    environ = stack.environment()
    assert (environ["LENDER_NAME"], environ["CURRENCY"]) == ("From the shell", "EUR")


def test_a_kept_secret_is_made_once_and_for_its_owner_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stack, "VAR", tmp_path / "var")
    first = stack.kept_secret("key")
    assert len(first) == 64
    assert stack.kept_secret("key") == first
    assert (tmp_path / "var" / "key").stat().st_mode & 0o077 == 0
