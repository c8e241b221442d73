"""Figures for Prometheus, on a port of their own. Imported only where `METRICS_BIND` is set.

Processes of one server write into files of one folder (the client's multiprocess mode), and the first of them answers
for all. Without `serve` nobody asks, so nothing is counted. What is read from the database and from Redis is read when
it is asked for (`tusker.jobs.gauges`).
"""

import atexit
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
os.environ.setdefault(
    _FOLDER, ""
)  # that it is there turns the mode on at the import; `serve` makes the folder

from flask import Flask, Response, request  # noqa: E402
from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server  # noqa: E402
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead  # noqa: E402
from prometheus_client.registry import Collector  # noqa: E402
from sqlalchemy import Engine, event  # noqa: E402

from tusker import prepared  # noqa: E402

log = logging.getLogger(__name__)

PORTS = {"web": 0, "worker": 1, "scheduler": 2}
"""Which port from that of `METRICS_BIND` on is whose, so that all parts of one machine have the same variables."""
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
REQUESTS = Counter("tusker_http_requests", "Requests answered.", ["route", "method", "status"])
REQUEST_SECONDS = Histogram(
    "tusker_http_request_seconds", "How long requests took.", ["route"], buckets=SECONDS
)
DATABASE_SECONDS = Histogram(
    "tusker_http_database_seconds", "Time of a request in the database.", ["route"], buckets=SECONDS
)
STATEMENTS = Histogram(
    "tusker_http_statements", "Statements of a request.", ["route"], buckets=(0, 1, 2, 4, 8, 16, 32, 64, 128)
)
JOBS = Counter("tusker_jobs", "Jobs that ended, by how.", ["job", "outcome"])
JOB_SECONDS = Histogram(
    "tusker_job_seconds", "How long jobs took.", ["job"], buckets=(*SECONDS, 60, 300, 1800)
)


@dataclass(slots=True)
class _Spent:
    """What a request has spent so far."""

    began: float = field(default_factory=time.perf_counter)
    database: float = 0.0
    statements: int = 0


_spent: ContextVar[_Spent | None] = ContextVar("spent", default=None)


def init_app(app: Flask) -> None:
    """Measure every request of the app."""
    first = app.before_request_funcs.setdefault(None, [])
    first.insert(0, _begin)
    app.after_request(_end)
    if not event.contains(Engine, "before_cursor_execute", _before):
        event.listen(Engine, "before_cursor_execute", _before)
        event.listen(Engine, "after_cursor_execute", _after)
        prepared.WATCHERS.append(_note)


def serve(bind: str, part: str, collectors: Sequence[Collector] = ()) -> None:
    """Answer on `host:port`, moved by the part's place in `PORTS`, in a thread of this process.

    It does so for all processes that this one forks from now on. Where the port is taken, the part works without
    figures and the log says so.
    """
    host, _, first = bind.rpartition(":")
    port, registry = int(first) + PORTS[part], CollectorRegistry()
    try:
        start_http_server(port, host.strip("[]") or "127.0.0.1", registry)
    except OSError as error:
        log.warning("no figures of this %s for Prometheus, port %s cannot be had: %s", part, port, error)
        return
    if not os.environ[_FOLDER]:
        os.environ[_FOLDER] = tempfile.mkdtemp(prefix="tusker-metrics-")
        atexit.register(_forget, os.getpid())
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    for collector in collectors:
        registry.register(collector)


def forget_process(pid: int) -> None:
    """A process of this server ended."""
    if os.environ[_FOLDER]:
        mark_process_dead(pid)  # type: ignore[no-untyped-call]


def note_job(job: str, outcome: str, seconds: float) -> None:
    """A job ended: `finished`, `failed`, `queued` where it was killed and is done again, or what else RQ calls it."""
    if not os.environ[_FOLDER]:
        return
    JOBS.labels(job, outcome).inc()
    JOB_SECONDS.labels(job).observe(seconds)


def _forget(owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(os.environ[_FOLDER], ignore_errors=True)


def _begin() -> None:
    _spent.set(_Spent())


def _end(answer: Response) -> Response:
    spent = _spent.get()
    if spent is not None and os.environ[_FOLDER] and request.endpoint != "static":
        route = request.url_rule.rule if request.url_rule else "none"
        REQUESTS.labels(route, request.method, answer.status_code).inc()
        REQUEST_SECONDS.labels(route).observe(time.perf_counter() - spent.began)
        DATABASE_SECONDS.labels(route).observe(spent.database)
        STATEMENTS.labels(route).observe(spent.statements)
    return answer


def _before(connection: Any, *_: object) -> None:
    connection.info["tusker_began"] = time.perf_counter()


def _after(connection: Any, *_: object) -> None:
    _note(time.perf_counter() - connection.info["tusker_began"])


def _note(seconds: float) -> None:
    if (spent := _spent.get()) is not None:
        spent.database += seconds
        spent.statements += 1
