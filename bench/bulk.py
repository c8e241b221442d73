"""Bulk jobs on a large book beside the same work in bare SQL: release, confirm and undo of a disbursal of many lines,
a day's seals, proof and reminders, and the import of a file.

    python -m bench.bulk --url postgresql://postgres@/tusker?host=/run/pg --lines 100000 --rounds 3

The database holds a book of `bench.books` and is written to: use a copy. Each job runs in a process of its own, which
tells the most memory that it took; jobs and floors take turns.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import math
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
from sqlalchemy import text

import config
from bench.polling import CHECKOUT, environment
from tusker import clock
from tusker.app import create_app
from tusker.carriers.registry import MANUAL
from tusker.extensions import db
from tusker.jobs.imports import import_file
from tusker.jobs.sealing import seal_new
from tusker.jobs.servicing import prove_day
from tusker.services.context import Context
from tusker.services.credit.admission import AdmissionRequest, admit
from tusker.services.credit.importing.file import ColumnMapping, ImportOptions
from tusker.services.credit.importing.large import PART, keep_file, start_file
from tusker.services.loans.overdue import remind
from tusker.services.payout.release.approval import approve
from tusker.services.payout.release.releasing import release
from tusker.services.payout.settlement.confirming import confirm
from tusker.services.payout.settlement.undoing import undo_disbursal
from tusker.transactions import transaction

LINES = 100_000
EVENTS = 20_000
"""Of a day."""
OFFSETS = (-3, 1, 7, 14, 30)
ROLLED_BACK = {"seal", "remind"}
"""What would leave nothing for the next round, or leaves a chain that does not hold."""
ZONE = ZoneInfo(os.environ.get("TIMEZONE", "Asia/Kolkata"))


@dataclass(frozen=True, slots=True)
class Row:
    """One job: the medians of its seconds and of the floor's, and the most memory that it took in MB (None: of several
    processes)."""

    name: str
    seconds: float
    floor: float
    memory: int | None
    rounds: int

    @property
    def ratio(self) -> float:
        """How often longer than the floor it took."""
        return self.seconds / self.floor


def measure(database_url: str, rounds: int, lines: int = LINES, until: float = math.inf) -> list[Row]:
    """Every job on a book that may be written to; jobs and floors take turns. No round begins after the moment `until`
    of the monotonic clock, but for the first."""
    taken: dict[str, list[tuple[float, float, int]]] = {}

    def note(name: str, ours: tuple[float, int], floor: float) -> None:
        taken.setdefault(name, []).append((ours[0], floor, ours[1]))

    seal_and_prove(database_url)
    for number in range(rounds):
        if number and time.monotonic() > until:
            break
        ours, floors = _bundled(database_url, lines), _bundled(database_url, lines)
        _job(database_url, "approve", ours)
        for name in ("release", "confirm", "undo"):
            note(name, _job(database_url, name, ours), _bare(database_url, name, floors))
        _bare(database_url, "events", EVENTS)
        note("seal", _job(database_url, "seal", 0), _bare(database_url, "seal", 0))
        # No statement recomputes a chain; what a day may take is a minute.
        note("prove", _job(database_url, "prove", 0), 60.0)
        note("remind", _job(database_url, "remind", 0), _bare(database_url, "remind", 0))
        note("import", _job(database_url, "import", lines), _job(database_url, "admit", lines)[0])
    return [_row(name, figures) for name, figures in taken.items()]


def seal_and_prove(database_url: str) -> None:
    """Seal the events that are not yet sealed and keep a proof, as a day's job does."""
    _job(database_url, "prove", 0)


def _row(name: str, taken: list[tuple[float, float, int]]) -> Row:
    seconds, floors, memory = zip(*taken, strict=True)
    return Row(name, statistics.median(seconds), statistics.median(floors), max(memory), len(taken))


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


def _bare(url: str, name: str, argument: int) -> float:
    values = {"disbursal": argument, "n": argument, "offsets": list(OFFSETS), **_days()}
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        started = time.perf_counter()
        cursor.execute(steps()[name], values)
        if name in ROLLED_BACK:
            connection.rollback()
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
        ctx = Context(actor_id=2, actor="bench", now=clock.now(), today=clock.today())
        started = time.perf_counter()
        JOBS[name](ctx, argument)
        seconds = time.perf_counter() - started
    print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024]))


def _approve(ctx: Context, disbursal: int) -> None:
    with transaction():
        approve(ctx, disbursal, second_admin=False)


def _release(ctx: Context, disbursal: int) -> None:
    with transaction():
        release(ctx, disbursal, execution_date=ctx.today, second_admin=False, on_closed_day=True)


def _confirm(ctx: Context, disbursal: int) -> None:
    with transaction():
        confirm(ctx, disbursal, bank_reference=f"BULK-{disbursal}", value_date=ctx.today)


def _undo(ctx: Context, disbursal: int) -> None:
    with transaction():
        undo_disbursal(ctx, disbursal, reason="measured")


def _remind(ctx: Context, _: int) -> None:
    with transaction():
        remind(ctx, OFFSETS)
        db.session.rollback()


def _import(ctx: Context, rows: int) -> None:
    """A file of so many invoices of the book's lines, kept and imported."""
    run = time.time_ns()
    with transaction():
        lines = "".join(
            f"F-{run}-{row},REF{row % 200 + 1},REF{200 + row % 200 + 1},{1_000 + row},{ctx.today}\n"
            for row in range(rows)
        )
        data = f"number,supplier,purchaser,amount,date\n{lines}".encode()
        parts = (data[start : start + PART] for start in range(0, len(data), PART))
        file_id = keep_file(ctx, parts, "bulk.csv").id
        mapping = ColumnMapping("number", "supplier", "purchaser", "amount", "date")
        start_file(ctx, file_id, ImportOptions(mapping))
    if not import_file(file_id):
        raise RuntimeError("the file was not imported")


def _admit(ctx: Context, rows: int) -> None:
    """What an import cannot do without: its rows by COPY, and their admission in batches."""
    run = time.time_ns()
    with transaction() as session:
        cursor = session.connection().connection.cursor()
        cursor.execute(
            "CREATE TEMPORARY TABLE staged (number text, supplier text, purchaser text, amount bigint)"
        )
        copied = "".join(f"A-{run}-{row}\tREF{row}\tREF{row}\t{row}\n" for row in range(rows))
        cursor.copy_expert("COPY staged FROM STDIN", io.StringIO(copied))
        lines = session.execute(text("SELECT id, terms_version FROM credit_lines ORDER BY id LIMIT 200"))
        found = [(int(row.id), int(row.terms_version)) for row in lines]
    for start in range(0, rows, 500):
        asked = [
            AdmissionRequest(
                *found[row % 200],
                f"A-{run}-{row}",
                100_000,
                80_000,
                "import",
                MANUAL,
                f"A-{run}-{row}",
                poll=False,
            )
            for row in range(start, min(start + 500, rows))
        ]
        with transaction():
            admit(ctx, asked)


JOBS: dict[str, Callable[[Context, int], Any]] = {
    "approve": _approve,
    "release": _release,
    "confirm": _confirm,
    "undo": _undo,
    "seal": lambda ctx, _: seal_new(),
    "prove": lambda ctx, _: prove_day(),
    "remind": _remind,
    "import": _import,
    "admit": _admit,
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
