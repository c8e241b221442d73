"""Everything that has a floor, measured side by side in one run, and the page that tells it.

    make bench                               books of 10,000 and 100,000 invoices, 3 rounds: under 20 minutes
    python -m bench --large 1000000 --lines 100000      the targets' own sizes; hours

Builds the books on servers of its own, then measures pages on both, admission on an empty book and on the large one,
and bulk jobs on the large one. Writes docs/performance.md with ratios, medians and machine. Nothing else should run.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import psycopg2

from bench import admission, bulk, pages
from bench.polling import environment
from tools.local.servers import local_servers

CHECKOUT = Path(__file__).resolve().parents[1]
PAGE = CHECKOUT / "docs" / "performance.md"
RATIO, MILLISECONDS, BYTES = 1.5, 150.0, 300_000
"""What a page may take on the large book: of its time on the small one, at the 95th percentile, and in size."""
BULK = {"release": 2.0, "confirm": 2.0, "undo": 2.0, "import": 1 / 0.6, "prove": 1.0}
"""How often longer than its floor a job may take; the proof's floor is a minute."""
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
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=PAGE)
    options = parser.parse_args()
    began = time.monotonic()
    with _books((0, options.small, options.large)) as (empty, small, large):
        found = _alone(partial(_pages, small, options.rounds)), _alone(partial(_pages, large, options.rounds))
        admitted = (
            _alone(partial(admission.measure, empty, options.rounds)),
            _alone(partial(admission.measure, large, options.rounds)),
        )
        jobs = _alone(partial(bulk.measure, large, options.rounds, options.lines))
    text = "\n".join(
        [
            *_head(options, time.monotonic() - began),
            *_page_table(*found, options),
            *_admission_table(*admitted, options),
            *_bulk_table(jobs, options),
        ]
    )
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
        for size in sizes:
            name = f"book_{size}"
            connection = psycopg2.connect(servers.database_url.replace("+psycopg2", ""))
            connection.autocommit = True
            connection.cursor().execute(f"CREATE DATABASE {name}")
            connection.close()
            url = re.sub(r"/tusker(\?|$)", rf"/{name}\1", servers.database_url)
            environ = environment(url, servers.redis_url, Path(folder))
            for command in (
                ("flask", "--app", "wsgi", "db", "upgrade"),
                ("bench.books", "--url", url, "--invoices", str(size)),
                ("flask", "--app", "wsgi", "rebuild-positions"),
            ):
                subprocess.run([sys.executable, "-m", *command], cwd=CHECKOUT, env=environ, check=True)
            urls.append(url.replace("+psycopg2", ""))
        yield urls


def _alone(measure: Callable[[], Found]) -> Found:
    """Measure in a process of its own, so that nothing is warm or full from what was measured before."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure).result()


def _pages(url: str, rounds: int) -> list[pages.Row]:
    return pages.measure(pages.app_on(url), rounds)


def _head(options: argparse.Namespace, seconds: float) -> list[str]:
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return [
        "# Performance",
        "",
        "Written by `make bench`. Times are of this machine on this day; the ratios are what counts, and the floors",
        "beside them were measured in the same run.",
        "",
        f"{time.strftime('%d %B %Y')}: {os.cpu_count()} cores ({model[1] if model else platform.machine()}), "
        f"Python {platform.python_version()}, {options.rounds} interleaved rounds, medians, {seconds / 60:.0f} minutes "
        "with the building of the books.",
        "",
    ]


def _page_table(small: list[pages.Row], large: list[pages.Row], options: argparse.Namespace) -> list[str]:
    before = {(row.who, row.name): row.median for row in small}
    rows = [(row, row.median / before[row.who, row.name]) for row in large if (row.who, row.name) in before]
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


def _admission_table(
    empty: list[admission.Row], large: list[admission.Row], options: argparse.Namespace
) -> list[str]:
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
                for one, other in zip(empty, large, strict=True)
            ),
        ),
        "",
    ]


def _bulk_table(jobs: list[bulk.Row], options: argparse.Namespace) -> list[str]:
    return [
        "## Bulk",
        "",
        f"{options.lines:,} lines on the book of {options.large:,}, beside the same in bare SQL (the import beside",
        "COPY and admission in batches, the proof beside a minute).",
        "",
        *_table(
            ("job", "s", "floor s", "times", "MB", "aim"),
            (
                (
                    job.name,
                    f"{job.seconds:.2f}",
                    f"{job.floor:.2f}",
                    f"{job.ratio:.2f}",
                    job.memory,
                    _met(round(BULK[job.name], 2), job.ratio <= BULK[job.name]) if job.name in BULK else "–",
                )
                for job in jobs
            ),
        ),
    ]


def _met(aim: float, reached: bool) -> str:
    return f"{aim}" if reached else f"{aim}, **missed**"


def _table(head: Sequence[str], rows: Iterator[Sequence[Any]], most: int | None = None) -> list[str]:
    lines = [f"| {' | '.join(str(cell) for cell in row)} |" for row in list(rows)[:most]]
    return [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}", *lines]
