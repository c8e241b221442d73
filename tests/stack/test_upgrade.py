"""The release before this one and this one's schema: it works on it, and an upgrade under load stops nobody.

`UPGRADES=8 make test-slow ARGS="tests/stack/test_upgrade.py"` upgrades so often and adds to docs/reliability.md.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

import psycopg2
import pytest
import requests

from tests.support import running
from tests.support.faults import judge, report
from tests.support.faults.happen import closing_connection, one
from tests.support.faults.load import ADMIN, Load
from tests.support.releases import last_release
from tests.support.running import CHECKOUT, until
from tests.support.stack import Stack, create_user
from tools.cluster.plan import Cluster, Programs, cluster
from tools.local.servers import temporary_directory

pytestmark = pytest.mark.stack
UPGRADES = int(os.environ.get("UPGRADES", "0"))
READ = """
    SELECT (SELECT count(*) FROM invoices), (SELECT count(*) FROM disbursals), (SELECT count(*) FROM events),
        (SELECT count(*) FROM users), (SELECT count(*) FROM loans), (SELECT count(*) FROM receipts)
"""
FEW: dict[str, int] = {} if UPGRADES else {"webs": 2, "workers": 2}
HASTE = 1 if UPGRADES else 4
"""A single upgrade has two of each, and all who wait or pause do so a quarter as long, but for a load that is light."""
LOCK_SECONDS, READ_SECONDS = 4 / HASTE, 6 / HASTE
"""How long a migration waits for its lock, and a read is held open, which is longer."""
BOOK = "import os; from tests.stack.test_faults import open_a_book; print(open_a_book(dict(os.environ)))"


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release before, compiled: many programs of it start at once."""
    folder = last_release(tmp_path_factory.mktemp("release"))
    subprocess.run([sys.executable, "-m", "compileall", "-q", "."], cwd=folder, check=True)
    return folder


def test_the_walk_of_the_release_before_works_on_the_new_schema(old: Path, tmp_path: Path) -> None:
    old = shutil.copytree(old, tmp_path / "release")
    shutil.rmtree(old / "migrations")
    shutil.copytree(CHECKOUT / "migrations", old / "migrations")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    walk = ("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "tests/stack/test_walk.py")
    done = subprocess.run(
        [sys.executable, *walk], cwd=old, env=kept, capture_output=True, text=True, timeout=400
    )
    assert done.returncode == 0, done.stdout[-6000:]


@contextmanager
def _held_reads(url: str, chance: random.Random) -> Iterator[None]:
    """Somebody reads the large tables in one transaction after the other, each held open for seconds."""
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            with suppress(psycopg2.Error), closing_connection(url) as sql:
                sql.execute("BEGIN")
                sql.execute(READ)
                stop.wait(READ_SECONDS)
            stop.wait(chance.uniform(1, 4) / HASTE)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)


def _tell(*what: object) -> None:
    print(time.strftime("%X"), *what, sep="\n  ", flush=True)  # noqa: T201


def _started(old: Path, folder: Path, held: ExitStack, seed: int) -> Load:
    """A cluster of the release before, under load."""
    environ = running.environment("", "redis://", running.WALK, folder / "mail") | {
        "API_RATE_LIMIT": "100000 per minute",
        "LOG_LEVEL": "ERROR",
    }
    tokens: list[str] = []

    def setup(direct: dict[str, str]) -> None:
        said = subprocess.run(
            [sys.executable, "-c", BOOK], cwd=old, env=direct, capture_output=True, text=True, check=True
        )
        tokens.append(said.stdout.split()[-1])
        bank = ["set-bank-account", "Seller", "--account-number", "50100000000001", "--ifsc", "HDFC0001234"]
        Stack(direct, folder, {}, old).flask(create_user(ADMIN, "admin"), [*bank, "--as", ADMIN])

    found = held.enter_context(cluster(environ, setup, programs=Programs(folder=old, **FEW)))
    _tell("the release before runs")
    load = held.enter_context(Load(found, tokens[0], seed, HASTE))
    until(lambda: len(load.requested) >= 10 and load.repaid, 240, what="the first requests and repayments")
    return load


def _migrate(found: Cluster) -> int:
    """`flask db upgrade` of this release; how often a revision was tried again."""
    done = subprocess.run(
        [sys.executable, "-m", "flask", "db", "upgrade", "-x", f"lock_timeout={LOCK_SECONDS:g}s"],
        cwd=CHECKOUT,
        env={**found.environ, "DATABASE_URL": found.primary},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stderr.count("trying again")


def _exchange(found: Cluster) -> None:
    """The order of docs/operating.md: the new workers, then the old ones' end, then one web server after the
    other, which HAProxy gives nothing meanwhile."""
    new, before = Programs(), [*found.names_of("worker"), *found.names_of("scheduler")]
    for name in before:
        found.start(f"{name} of the new", new)
    for name in before:
        found.end(name)
    for name in found.names_of("web"):
        found.give_work(name, "drain")
        found.end(name)
        found.start(name, new)
        until(partial(_is_ready, found.ports[name]), 120, pause=0.3, what=name)
        found.give_work(name, "ready")


def _is_ready(port: int) -> bool:
    with suppress(requests.RequestException):
        answer = requests.get(f"http://127.0.0.1:{port}/readyz", timeout=10, proxies={"http": ""})
        return answer.status_code == 200
    return False


@pytest.mark.skipif(
    not all(shutil.which(name, path="/usr/sbin:/usr/bin") for name in ("haproxy", "pgbouncer"))
    or not Path("/proc/self/stat").exists(),
    reason="needs haproxy and pgbouncer, and finds processes in /proc",
)
@pytest.mark.parametrize("seed", range(max(UPGRADES, 1)))
def test_an_upgrade_under_load_stops_nobody_and_loses_nothing(old: Path, seed: int) -> None:
    folder = temporary_directory()
    folder.chmod(0o711)
    with ExitStack() as held:
        held.callback(shutil.rmtree, folder, ignore_errors=True)
        load = _started(old, folder, held, seed)
        found = load.running
        with _held_reads(found.primary, random.Random(seed)):
            time.sleep(random.Random(seed).uniform(0, 5 / HASTE))
            before, began = load.answers.unserved, time.monotonic()
            _tell("the upgrade begins")
            again = _migrate(found)
            migrated = time.monotonic() - began
            _tell("the schema is the new one")
            judge.recovered(load, began)  # the release before works on the new schema
            _tell("the release before works on it")
            _exchange(found)
            _tell("the new release runs")
        judge.recovered(load, began)
        took = time.monotonic() - began
        load.stop.set()
        until(lambda: not judge.left_behind(found), 120, pause=1, what="the end of all work")
        assert "All figures agree" in judge.proved(found)
        with closing_connection(found.primary) as sql:
            deadlocks = one(sql, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        upgraded = report.Upgraded(
            migrated,
            took,
            again,
            len(load.requested),
            load.answers.unserved - before,
            len(load.answers.bare),
            int(str(deadlocks)),
            judge.failed_jobs(found),
            len(judge.lost(load)),
            len(judge.doubled(found)),
            load.answers.slowest,
        )
        _tell(upgraded, dict(load.answers.counted), *load.answers.bare[:5], *load.refused)
        if UPGRADES:
            report.keep(upgraded)
            report.write()
        assert (upgraded.bare, upgraded.failed_jobs, upgraded.lost, upgraded.doubled) == (0, 0, 0, 0)
