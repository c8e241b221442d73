"""What has to hold after each fault: all parts work again, nothing that was acknowledged is lost, nothing is there
twice, and the books are proved."""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg2
import requests
from rq import Queue
from rq.serializers import JSONSerializer

from tests.support.faults.happen import closing_connection
from tests.support.faults.load import Load
from tests.support.running import flask, until
from tools.cluster.plan import MARK, Cluster
from tusker.domain.record.daily import DailyJob
from tusker.redis.queues import POLL_QUEUE, QUEUE
from tusker.redis.url import connect

LIMIT_SECONDS = 180.0
"""When waiting ends and the run fails; the times that were measured are what is reported."""
WORKING = ("database", "migrations", "redis", "worker", "scheduler", "replica")
_probes = itertools.count(1)


def recovered(load: Load, began: float) -> tuple[float, float, list[str]]:
    """Wait until the installation does its work again, and until all of its parts are there; the seconds that either
    took, and which parts were the last that were missing."""
    ends = time.monotonic() + LIMIT_SECONDS
    ref = f"PROBE-{next(_probes)}"
    until(lambda: load.order(ref), LIMIT_SECONDS, pause=0.2, what="the delivery company")
    load.ask_until(ref, lambda: time.monotonic() > ends)
    assert ref in load.requested, f"no request was acknowledged: {load.running.databases.primary.said()}"
    until(lambda: load.deliver(ref), LIMIT_SECONDS, pause=0.2, what="the delivery company")
    until(lambda: _is_recorded(load, ref), LIMIT_SECONDS, pause=0.2, what=f"the delivery of {ref} recorded")
    works = time.monotonic() - began
    missing: list[str] = []

    def complete() -> bool:
        found = missing_parts(load.running)
        missing[:] = found or missing
        return not found

    until(complete, LIMIT_SECONDS, pause=0.3, what="all parts")
    return works, time.monotonic() - began, missing


def _is_recorded(load: Load, ref: str) -> bool:
    query = f"SELECT status <> 'approved' FROM invoices WHERE id = {load.requested[ref]}"
    with contextlib.suppress(psycopg2.Error):
        return rows(load.running, query) == [(True,)]
    return False


def missing_parts(running: Cluster) -> list[str]:
    """The parts that are not at work, by `/readyz` of each web server and by their processes."""
    found = [name for name in running.names if not _lives(running.pids(name)[1])]
    for name in running.names_of("web"):
        with contextlib.suppress(requests.RequestException, KeyError, ValueError):
            url = f"http://127.0.0.1:{running.ports[name]}/readyz"
            parts: dict[str, Any] = requests.get(url, timeout=10, proxies={"http": ""}).json()["parts"]
            found += [part for part in WORKING if parts[part]["state"] != "ok"]
            continue
        found.append(name)
    return found


def _lives(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


def lost(load: Load) -> list[str]:
    """What was acknowledged and is not there."""
    told = dict(load.requested), set(load.released), set(load.repaid)  # before the rows are read
    invoices = dict(rows(load.running, "SELECT number, id FROM invoices WHERE status <> 'rejected'"))
    released = column(load.running, "SELECT id FROM disbursals WHERE status IN ('released', 'confirmed')")
    repaid = column(load.running, "SELECT id FROM invoices WHERE status = 'repaid'")
    return [
        *(f"request {ref}" for ref, key in told[0].items() if invoices.get(ref) != key),
        *(f"release {key}" for key in told[1] - released),
        *(f"repayment {key}" for key in told[2] - repaid),
        *(f"another invoice for {ref}" for ref in load.wrong),
    ]


TWICE = {
    "invoice": "SELECT number FROM invoices WHERE status <> 'rejected' GROUP BY 1 HAVING count(*) > 1",
    "line": "SELECT invoice_id FROM disbursal_lines WHERE state <> 'removed' GROUP BY 1 HAVING count(*) > 1",
    "repayment": "SELECT bank_reference FROM receipts WHERE reversed_on IS NULL GROUP BY 1 HAVING count(*) > 1",
    "transition": "SELECT subject_id, kind FROM events WHERE subject = 'invoice'"
    " AND kind IN ('requested', 'delivered', 'bundled', 'disbursed', 'repaid') GROUP BY 1, 2 HAVING count(*) > 1",
    "key": "SELECT key FROM idempotency_keys GROUP BY 1 HAVING count(*) > 1",
}


def doubled(running: Cluster) -> list[str]:
    """What is there twice."""
    return [f"{what} {row}" for what, query in TWICE.items() for row in rows(running, query)]


def rows(running: Cluster, query: str) -> Sequence[tuple[Any, ...]]:
    """Rows of the first PostgreSQL, asked itself."""
    with closing_connection(running.primary) as sql:
        sql.execute(query)
        return sql.fetchall()


def column(running: Cluster, query: str) -> set[Any]:
    """The first column of some rows."""
    return {row[0] for row in rows(running, query)}


def orphans(running: Cluster) -> list[int]:
    """Processes of the cluster that no supervisor of it has."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        pid = int(entry.name)
        with contextlib.suppress(OSError):
            marked = f"{MARK}={running.home}".encode() in (entry / "environ").read_bytes().split(b"\0")
            if marked and _lives(pid) and os.getpid() not in _ancestors(pid):
                found.append(pid)
    return found


def _ancestors(pid: int) -> list[int]:
    found: list[int] = []
    while pid > 1:
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        found.append(pid)
    return found


WAITING = {
    "webhooks": "SELECT count(*) FROM webhook_deliveries WHERE processed_at IS NULL",
    "mails": "SELECT count(*) FROM outbox WHERE sent_at IS NULL",
    "delivered and not recorded": "SELECT count(*) FROM invoices i JOIN shipments s ON s.invoice_id = i.id"
    " WHERE i.status = 'approved' AND i.number LIKE 'PROBE-%'",
}


def left_behind(running: Cluster) -> dict[str, int]:
    """Work that nobody has done; queues and jobs that count as running."""
    found = {what: int(rows(running, query)[0][0]) for what, query in WAITING.items()}
    with contextlib.closing(connect(running.environ["REDIS_URL"], 10)) as redis:
        for name in (QUEUE, POLL_QUEUE):
            queue = Queue(name, connection=redis, serializer=JSONSerializer)
            found[f"waiting in {name}"] = len(queue)
            found[f"begun in {name}"] = redis.zcount(queue.started_job_registry.key, "-inf", "+inf")
    return {what: count for what, count in found.items() if count}


def begin_the_day_anew(running: Cluster) -> None:
    """Have all daily jobs of today, as far as they were done, be due again."""
    with contextlib.suppress(psycopg2.Error), closing_connection(running.primary) as sql:
        sql.execute(
            "DELETE FROM daily_runs d WHERE done_at IS NOT NULL"
            " AND EXISTS (SELECT FROM daily_runs b WHERE b.job = d.job AND b.business_date < d.business_date)"
        )


def day_is_done(running: Cluster) -> bool:
    """Whether all daily jobs of today were done, besides the day before, which counts as done."""
    return column(running, "SELECT count(*) FROM daily_runs WHERE done_at IS NOT NULL") == {2 * len(DailyJob)}


def failed_jobs(running: Cluster) -> int:
    """How many jobs failed for good."""
    with contextlib.closing(connect(running.environ["REDIS_URL"], 10)) as redis:
        queues = [Queue(name, connection=redis, serializer=JSONSerializer) for name in (QUEUE, POLL_QUEUE)]
        return sum(queue.failed_job_registry.count for queue in queues)


def proved(running: Cluster) -> str:
    """What `flask prove --full` says, on the first PostgreSQL itself."""
    return flask({**running.environ, "DATABASE_URL": running.primary}, "prove", "--full")
