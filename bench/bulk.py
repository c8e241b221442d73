"""Bulk jobs on a large book beside the same work in bare SQL: release, confirm and undo of a disbursal of many lines.

    python -m bench.bulk --url postgresql://postgres@/tusker?host=/run/pg --lines 100000 --rounds 3

The database holds a book of `bench.books` and is written to: use a copy. Each job runs in a process of its own, which
tells the most memory that it took; jobs and floors take turns.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg2

import config
from bench.polling import CHECKOUT, environment
from tusker import clock
from tusker.app import create_app
from tusker.services.context import Context
from tusker.services.payout.release.approval import approve
from tusker.services.payout.release.releasing import release
from tusker.services.payout.settlement.confirming import confirm
from tusker.services.payout.settlement.undoing import undo_disbursal
from tusker.transactions import transaction

LINES = 100_000
ZONE = ZoneInfo(os.environ.get("TIMEZONE", "Asia/Kolkata"))


@dataclass(frozen=True, slots=True)
class Row:
    """One job: the medians of its seconds and of the floor's, and the most memory that it took in MB."""

    name: str
    seconds: float
    floor: float
    memory: int

    @property
    def ratio(self) -> float:
        """How often longer than the floor it took."""
        return self.seconds / self.floor


def measure(database_url: str, rounds: int, lines: int = LINES) -> list[Row]:
    """Every job on a book that may be written to; jobs and floors take turns."""
    taken: dict[str, list[tuple[float, float, int]]] = {}
    for _ in range(rounds):
        ours, floors = _bundled(database_url, lines), _bundled(database_url, lines)
        _job(database_url, "approve", ours)
        for name in ("release", "confirm", "undo"):
            seconds, memory = _job(database_url, name, ours)
            taken.setdefault(name, []).append((seconds, _bare(database_url, name, floors), memory))
    return [_row(name, figures) for name, figures in taken.items()]


def _row(name: str, taken: list[tuple[float, float, int]]) -> Row:
    seconds, floors, memory = zip(*taken, strict=True)
    return Row(name, statistics.median(seconds), statistics.median(floors), max(memory))


def steps() -> Mapping[str, str]:
    """The SQL of each step by name."""
    text = Path(__file__).with_name("bulk_books.sql").read_text()
    parts = re.split(r"^-- step: (.+)\n", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def _bundled(url: str, lines: int) -> int:
    """A draft of so many new invoices; returns its id."""
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT max(id) + 1 FROM disbursals")
        (disbursal,) = cursor.fetchone() or (1,)
        cursor.execute(steps()["bundled"], {"n": lines, "disbursal": disbursal, **_days()})
        cursor.execute("SELECT setval(pg_get_serial_sequence('disbursals', 'id'), %s)", (disbursal,))
    with contextlib.closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        connection.cursor().execute("VACUUM ANALYZE invoices, shipments, disbursal_lines")
    return int(disbursal)


def _bare(url: str, name: str, disbursal: int) -> float:
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        started = time.perf_counter()
        cursor.execute(steps()[name], {"disbursal": disbursal, **_days()})
        connection.commit()
        return time.perf_counter() - started


def _days() -> dict[str, object]:
    now = clock.now()
    return {"now": now, "today": now.astimezone(ZONE).date()}


def _job(url: str, name: str, argument: int) -> tuple[float, int]:
    """Run a job in a process of its own: its seconds, and its most memory in MB."""
    with tempfile.TemporaryDirectory(prefix="tusker-bench-") as folder:
        sqlalchemy_url = url.replace("postgresql://", "postgresql+psycopg2://", 1)
        environ = environment(sqlalchemy_url, os.environ["REDIS_URL"], Path(folder))
        environ["HOLD_AFTER_DAYS"] = "off"
        command = [sys.executable, "-m", "bench.bulk", "--url", url, "--job", name, "--of", str(argument)]
        told = subprocess.run(
            command, cwd=CHECKOUT, env=environ, check=True, stdout=subprocess.PIPE, text=True
        )
    seconds, memory = json.loads(told.stdout.splitlines()[-1])
    return float(seconds), int(memory)


def _work(name: str, argument: int) -> None:
    """In the process of a job: do it and print its figures."""
    app = create_app(config.load(os.environ))
    with app.app_context():
        started = time.perf_counter()
        with transaction():
            JOBS[name](Context(actor_id=2, actor="bench", now=clock.now(), today=clock.today()), argument)
        seconds = time.perf_counter() - started
    print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024]))


def _release(ctx: Context, disbursal: int) -> None:
    release(ctx, disbursal, execution_date=ctx.today, second_admin=False, on_closed_day=True)


def _confirm(ctx: Context, disbursal: int) -> None:
    confirm(ctx, disbursal, bank_reference=f"BULK-{disbursal}", value_date=ctx.today)


JOBS: dict[str, Callable[[Context, int], Any]] = {
    "approve": lambda ctx, disbursal: approve(ctx, disbursal, second_admin=False),
    "release": _release,
    "confirm": _confirm,
    "undo": lambda ctx, disbursal: undo_disbursal(ctx, disbursal, reason="measured"),
}


def main() -> int:
    """Measure and print the figures; or, as the process of one job, do it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", required=True)
    parser.add_argument("--lines", type=int, default=LINES)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--job", choices=sorted(JOBS), help=argparse.SUPPRESS)
    parser.add_argument("--of", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        _work(options.job, options.of)
        return 0
    for row in measure(options.url, options.rounds, options.lines):
        print(
            f"{row.name:10} {row.seconds:7.2f} s, bare SQL {row.floor:7.2f} s: {row.ratio:.1f} times, {row.memory} MB"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
