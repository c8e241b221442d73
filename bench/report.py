"""Everything that has a floor, measured side by side in one run, and the page that tells it.

    make bench                               books of 10,000 and 100,000 invoices, 3 rounds, under 20 minutes
    python -m bench --large 1000000 --lines 100000 --minutes 600      the targets' own sizes

Builds the books on servers of its own, then measures pages on both, admission on an empty book and on the large one,
bulk jobs on the large one, and polling. Where the minutes are over, rounds are left out, which the page says. Writes
docs/performance.md with ratios, medians and machine. Nothing else should run.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import psycopg2

from bench import admission, bulk, pages, polling
from bench.causes import CAUSES, LESS, PAGE_CAUSES, UNKNOWN
from bench.polling import environment
from tools.local.servers import local_servers

CHECKOUT = Path(__file__).resolve().parents[1]
PAGE = CHECKOUT / "docs" / "performance.md"
RATIO, MILLISECONDS, BYTES = 1.5, 150.0, 300_000
"""What a page may take on the large book: of its time on the small one, at the 95th percentile, and in size."""
BULK = {"release": 2.0, "confirm": 2.0, "undo": 2.0, "import": 1 / 0.6, "prove": 1.0, "polling": 2.0}
"""How often longer than its floor a job may take; the proof's floor is a minute."""
Admitted = tuple[list[admission.Row], list[admission.Cost]]
PARTS = ("pages", "admission", "bulk", "polling")
Found = TypeVar("Found")


def main() -> int:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=100_000)
    parser.add_argument(
        "--lines", type=int, default=10_000, help="of the disbursal and the file of the bulk jobs"
    )
    parser.add_argument("--shipments", type=int, default=2_000, help="that are polled, each round")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="what is measured")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=20, help="after which rounds are left out")
    parser.add_argument(
        "--standing",
        nargs=2,
        default=(),
        metavar="URL",
        help="a large and a small book that stand already, sealed and proved; the large one is written to",
    )
    parser.add_argument("--out", type=Path, default=PAGE)
    options = parser.parse_args()
    began = time.monotonic()
    until = began + 0.4 * 60 * options.minutes, began + 0.8 * 60 * options.minutes
    parts: list[str] = []
    built = () if options.standing else (options.large, options.small)[: 1 + ("pages" in options.parts)]
    with _books((0, *built)) as (empty, *books):
        large, *small = books or options.standing
        for url in small:
            of_small, of_large = pages.side_by_side([url, large], options.rounds, until=until[0])
            parts += _page_table(of_small, of_large, options)
        admitted: list[Admitted] = []
        jobs: list[bulk.Row] = []
        if "admission" in options.parts:
            admitted = [_alone(partial(admission.measure, url, options.rounds)) for url in (empty, large)]
            parts += _admission_table(admitted[0], admitted[1], options)
        if "bulk" in options.parts:
            jobs += _alone(partial(bulk.measure, large, options.rounds, options.lines, until[1]))
    if "polling" in options.parts:
        jobs.append(_alone(partial(_polling, options.rounds, options.shipments, until[1])))
    if jobs:
        parts += _bulk_table(jobs, options)
    text = "\n".join([*_head(options, time.monotonic() - began), *parts, *_causes(admitted, jobs)])
    options.out.write_text(text + "\n")
    sys.stdout.write(f"{options.out} is written.\n")
    return 0


@contextmanager
def _books(sizes: Sequence[int]) -> Iterator[list[str]]:
    """Books of these sizes with their kept sums, each in a database of its own; REDIS_URL is set meanwhile."""
    with (
        tempfile.TemporaryDirectory(prefix="tusker-bench-") as folder,
        local_servers(Path(folder) / "servers", durable=True) as servers,
    ):
        os.environ["REDIS_URL"] = servers.redis_url
        urls = []
        empty = _created(servers.database_url, "migrated")
        environ = environment(empty, servers.redis_url, Path(folder))
        _run(environ, "flask", "--app", "wsgi", "db", "upgrade")
        for size in sizes:
            url = _created(servers.database_url, f"book_{size}", template="migrated")
            environ["DATABASE_URL"] = url
            _run(environ, "bench.books", "--url", url, "--invoices", str(size))
            _run(environ, "flask", "--app", "wsgi", "rebuild-positions")
            # as every day does: its events are sealed and a proof is kept, which pages show
            bulk.seal_and_prove(url.replace("+psycopg2", ""))
            urls.append(url.replace("+psycopg2", ""))
        yield urls


def _created(server_url: str, name: str, template: str = "template1") -> str:
    """A new database beside that of the server's URL; its URL."""
    with closing(psycopg2.connect(server_url.replace("+psycopg2", ""))) as connection:
        connection.autocommit = True
        connection.cursor().execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    return re.sub(r"/tusker(\?|$)", rf"/{name}\1", server_url)


def _run(environ: dict[str, str], *command: str) -> None:
    subprocess.run([sys.executable, "-m", *command], cwd=CHECKOUT, env=environ, check=True)


def _alone(measure: Callable[[], Found]) -> Found:
    """Measure in a process of its own, so that nothing is warm or full from what was measured before."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure).result()


def _polling(rounds: int, shipments: int, until: float) -> bulk.Row:
    taken, floors = polling.measure(rounds, shipments, until=until)
    return bulk.Row("polling", statistics.median(taken), statistics.median(floors), None, len(taken))


def _head(options: argparse.Namespace, seconds: float) -> list[str]:
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return [
        "# Performance",
        "",
        "Written by `make bench`. Times are of one machine on one day; the ratios are what counts, and the floors",
        "beside them were measured in the same run.",
        "",
        f"{time.strftime('%d %B %Y')}: {os.cpu_count()} cores ({model[1] if model else platform.machine()}), "
        f"Python {platform.python_version()}, {options.rounds} interleaved rounds, medians, {seconds / 60:.0f} minutes "
        f"with the building of the books. Load of the machine at the end: {os.getloadavg()[1]:.1f} (an idle one has "
        "about 2 from this alone).",
        "",
        f"Measured by `python -m bench {' '.join('…' if '://' in word else word for word in sys.argv[1:])}`.",
        "",
    ]


def _page_table(small: list[pages.Row], large: list[pages.Row], options: argparse.Namespace) -> list[str]:
    before = {(row.who, row.name): row for row in small}
    rows = [
        (row, row.median / before[row.who, row.name].median) for row in large if (row.who, row.name) in before
    ]
    missed = [
        (row, ratio)
        for row, ratio in rows
        if (ratio > RATIO and row.median > 10) or row.p95 > MILLISECONDS or row.size > BYTES
    ]
    lines = [
        "## Pages, exports and reads of the endpoint",
        "",
        f"{len(rows)} addresses of all roles, on books of {options.small:,} and {options.large:,} invoices.",
        f"Aim on the large one: p95 under {MILLISECONDS:.0f} ms, at most {RATIO} times the small one (of those over "
        f"10 ms), {BYTES // 1000} kB. {len(rows) - len(missed)} meet it; these do not:",
        "",
        *_table(
            ("role", "page", "ms", "p95", "× small", "kB", "statements"),
            (
                (
                    r.who,
                    f"`{r.name}`",
                    f"{r.median:.0f}",
                    f"{r.p95:.0f}",
                    f"{ratio:.1f}",
                    r.size // 1000,
                    r.statements,
                )
                for r, ratio in sorted(missed, key=lambda found: -found[0].median)
            ),
        ),
        "",
        *_page_causes([(row, before[row.who, row.name].size) for row, _ in missed]),
        "",
        "The ten slowest of the others:",
        "",
        *_table(
            ("role", "page", "ms", "× small"),
            (
                (row.who, f"`{row.name}`", f"{row.median:.0f}", f"{ratio:.1f}")
                for row, ratio in sorted(rows, key=lambda found: -found[0].median)
                if (row, ratio) not in missed
            ),
            most=10,
        ),
    ]
    return [*lines, ""]


def _page_causes(missed: Sequence[tuple[pages.Row, int]]) -> list[str]:
    """Why these pages miss their aim, each with its size on the small book."""
    causes = {name: cause for names, cause in PAGE_CAUSES.items() for name in names.split()}
    told: dict[str, list[str]] = {}
    for row, size_of_small in missed:
        name = row.name.split()[0]
        less = size_of_small < 0.8 * row.size and row.p95 <= MILLISECONDS and row.size <= BYTES
        told.setdefault(LESS if less else causes.get(name, UNKNOWN), []).append(f"`{name}`")
    return [f"- {', '.join(dict.fromkeys(names))}: {cause}" for cause, names in told.items()]


def _admission_table(empty: Admitted, large: Admitted, options: argparse.Namespace) -> list[str]:
    (rows, _), (rows_of_large, costs) = empty, large
    return [
        "## Admission",
        "",
        f"Invoices a second beside a floor, on an empty book and on one of {options.large:,}.",
        "",
        *_table(
            ("way", "floor", "empty", "÷ floor", "large", "÷ floor", "aim"),
            (
                (
                    one.what,
                    one.floor,
                    f"{one.per_second:.0f}/s",
                    f"{one.ratio:.3f}",
                    f"{other.per_second:.0f}/s",
                    f"{other.ratio:.3f}",
                    "–" if one.aim is None else _met(one.aim, min(one.ratio, other.ratio) >= one.aim),
                )
                for one, other in zip(rows, rows_of_large, strict=True)
            ),
        ),
        "",
        "CPU time on the large book, of an answer or in a batch of an invoice. What else the machine does is not in",
        "it, though it makes each switch between processes dearer:",
        "",
        *_table(
            ("", "server ms", "database ms", "÷ nothing"),
            (
                (
                    cost.what,
                    f"{cost.server:.2f}",
                    f"{cost.database:.2f}",
                    f"{(cost.server + cost.database) / (costs[0].server + costs[0].database):.1f}",
                )
                for cost in costs
            ),
        ),
        "",
    ]


def _bulk_table(jobs: list[bulk.Row], options: argparse.Namespace) -> list[str]:
    return [
        "## Bulk",
        "",
        f"{options.lines:,} lines on the book of {options.large:,}, beside the same in bare SQL (the import beside",
        f"COPY and admission in batches, the proof beside a minute, the polling of {options.shipments:,}",
        "shipments by two workers beside a loop that only asks the courier).",
        "",
        *_table(
            ("job", "s", "floor s", "times", "MB", "rounds", "aim"),
            (
                (
                    job.name,
                    f"{job.seconds:.2f}",
                    f"{job.floor:.2f}",
                    f"{job.ratio:.2f}",
                    "–" if job.memory is None else job.memory,
                    job.rounds,
                    _met(round(BULK[job.name], 2), job.ratio <= BULK[job.name]) if job.name in BULK else "–",
                )
                for job in jobs
            ),
        ),
    ]


def _causes(admitted: Sequence[Admitted], jobs: list[bulk.Row]) -> list[str]:
    """What was missed, each with its cause."""
    missed = {row.what for rows, _ in admitted for row in rows if row.aim and row.ratio < row.aim}
    missed |= {job.name for job in jobs if job.name in BULK and job.ratio > BULK[job.name]}
    found = [f"- **{name}**: {cause}" for name, cause in CAUSES.items() if name in missed]
    return ["", "## Missed, and why", "", *found] if found else []


def _met(aim: float, reached: bool) -> str:
    return f"{aim}" if reached else f"{aim}, **missed**"


def _table(head: Sequence[str], rows: Iterator[Sequence[Any]], most: int | None = None) -> list[str]:
    lines = [f"| {' | '.join(str(cell) for cell in row)} |" for row in list(rows)[:most]]
    return [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}", *lines]
