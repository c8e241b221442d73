"""How long 10,000 due shipments take: real PostgreSQL and Valkey, the courier simulator, two worker processes.

    make bench-polling            or   python -m bench.polling --shipments 10000 --workers 2

Every shipment is due at the start and delivered at the courier. Fails unless each was asked for exactly once and each
invoice moved exactly once.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import text

import config
from tools.local.servers import local_servers
from tusker import clock
from tusker.app import create_app
from tusker.carriers.registry import get_carriers
from tusker.domain.terms import Terms
from tusker.extensions import db
from tusker.redis.queues import enqueue
from tusker.services.context import Context
from tusker.services.credit.admission import AdmissionRequest, Outcome, admit
from tusker.services.credit.customers.companies import CustomerData, create_customer
from tusker.services.credit.customers.lines import LineData, open_credit_line
from tusker.transactions import transaction

CHECKOUT = Path(__file__).resolve().parents[1]
DELIVERED = 21
LINES = 20
LONGEST_SECONDS = 300.0


def main() -> int:
    """Run it and print the figures; 1 when something was asked or moved not exactly once."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shipments", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="tusker-bench-") as folder,
        local_servers(Path(folder) / "servers", durable=True) as servers,
    ):
        environ = environment(servers.database_url, servers.redis_url, Path(folder))
        app = create_app(config.load(environ))
        with app.app_context(), _running(environ, "-m", "tools.courier", "--port", _port(environ)):
            upgrade()
            _prepare(options.shipments, environ)
            seconds = _poll(app, environ, options.workers, options.shipments)
            problems = _check(environ, options.shipments)
    print(
        f"{options.shipments} shipments polled and moved by {options.workers} workers on {os.cpu_count()} cores"
        f" in {seconds:.1f} s: {options.shipments / seconds:.0f} shipments/s"
    )
    print("\n".join(problems) or "each asked for exactly once, each invoice moved exactly once")
    return 1 if problems else 0


def measure(
    rounds: int, shipments: int, workers: int = 2, until: float = math.inf
) -> tuple[list[float], list[float]]:
    """Seconds of polling so many shipments, and of a bare loop that only asks about them: by as many threads, in the
    same batches. Each round has shipments of its own; none but the first begins after the moment `until`."""
    taken: list[float] = []
    floors: list[float] = []
    with (
        tempfile.TemporaryDirectory(prefix="tusker-bench-") as folder,
        local_servers(Path(folder) / "servers", durable=True, environ={}) as servers,
    ):
        environ = environment(servers.database_url, servers.redis_url, Path(folder))
        app = create_app(config.load(environ))
        with app.app_context(), _running(environ, "-m", "tools.courier", "--port", _port(environ)):
            upgrade()
            for number in range(rounds):
                if number and time.monotonic() > until:
                    break
                refs = _prepare(shipments, environ, f"ROUND{number}")
                taken.append(_poll(app, environ, workers, (number + 1) * shipments))
                floors.append(_ask(refs, workers))
    return taken, floors


def _ask(refs: list[str], workers: int) -> float:
    """Ask about references and do nothing with the answers."""
    carrier = get_carriers()["tusker"]
    size = carrier.batch_size
    started = time.monotonic()
    with ThreadPoolExecutor(workers) as pool:
        answers = list(
            pool.map(carrier.fetch, [refs[start : start + size] for start in range(0, len(refs), size)])
        )
    if sum(map(len, answers)) != len(refs):
        raise RuntimeError("the courier does not know all of them")
    return time.monotonic() - started


def environment(database_url: str, redis_url: str, folder: Path) -> dict[str, str]:
    """The configuration of a benchmark, its servers and files in a folder of its own."""
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))
        port = plug.getsockname()[1]
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith(("TUSKER_", "SMTP_"))},
        "ENVIRONMENT": "TEST",
        "SECRET_KEY": "for the benchmark",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "MAIL_FOLDER": str(folder / "mail"),
        "TUSKER_CARRIER_URL": f"http://127.0.0.1:{port}",
        "TUSKER_CARRIER_TOKEN": "for the benchmark",
        "PROGRAMME_LIMIT": "100000000000",
        "LOG_LEVEL": "WARNING",
    }


def _port(environ: dict[str, str]) -> str:
    return environ["TUSKER_CARRIER_URL"].rpartition(":")[2]


@contextlib.contextmanager
def _running(environ: dict[str, str], *argv: str) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, *argv], cwd=CHECKOUT, env=environ)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def _courier(environ: dict[str, str], path: str, body: object = None) -> Any:
    request = urllib.request.Request(
        environ["TUSKER_CARRIER_URL"] + path,
        None if body is None else json.dumps(body).encode(),
        {"LM_PA_TOKEN": environ["TUSKER_CARRIER_TOKEN"]},
    )
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except (ConnectionError, urllib.error.URLError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _prepare(shipments: int, environ: dict[str, str], name: str = "BENCH") -> list[str]:
    """Approved invoices on some credit lines, all due, and their orders delivered at the courier; their references."""
    ctx = Context(actor_id=None, actor="bench", now=clock.now(), today=clock.today())
    terms = Terms(advance_rate=Decimal("0.8"), apr=Decimal("0.18"), tenor_days=90)
    refs = [f"{name}-{number}" for number in range(shipments)]
    for start in range(0, shipments, 5000):
        orders = [
            {"ref_no": r, "val_dcl": "1000", "status": DELIVERED, "plan": []}
            for r in refs[start : start + 5000]
        ]
        _courier(environ, "/sim/orders", {"orders": orders})
    lines = []
    for number in range(LINES):
        with transaction():
            supplier = CustomerData(f"Supplier {name} {number}", supplier_limit=10**11, terms=terms)
            purchaser = CustomerData(f"Purchaser {name} {number}", purchaser_limit=10**11)
            seller = create_customer(ctx, supplier, programme_limit=10**13, notify=False)
            buyer = create_customer(ctx, purchaser, programme_limit=10**13, notify=False)
            data = LineData(10**11, terms, date(2020, 1, 1), None)
            line = open_credit_line.do(ctx, seller.id, buyer.id, data)
            lines.append((line.id, line.terms_version))
    asked = [
        AdmissionRequest(*lines[n % LINES], ref, 1_000_00, 800_00, "test", "tusker", ref, poll=True)
        for n, ref in enumerate(refs)
    ]
    for start in range(0, shipments, 500):
        with transaction():
            answers = admit(ctx, asked[start : start + 500])
        if {answer.outcome for answer in answers} != {Outcome.APPROVED}:
            raise RuntimeError("not all invoices were approved")
    with transaction() as session:
        session.execute(text("ANALYZE"))  # a book is not as new as this one
    return refs


def _poll(app: Flask, environ: dict[str, str], workers: int, shipments: int) -> float:
    """Let workers that are up and idle poll everything; the seconds from the order to do so to the last move."""
    with _running(environ, "worker.py", "--workers", str(workers)):
        deadline = time.monotonic() + 60
        while app.extensions["tusker_redis"].scard("rq:workers") < workers and time.monotonic() < deadline:
            time.sleep(0.05)
        started = time.monotonic()
        enqueue("tusker.jobs.polling.poll_all")
        while _number("SELECT count(*) FROM invoices WHERE status = 'financeable'") < shipments:
            if time.monotonic() - started > LONGEST_SECONDS:
                raise RuntimeError(f"not done after {LONGEST_SECONDS:.0f} s")
            time.sleep(0.1)
        return time.monotonic() - started


def _number(question: str) -> int:
    with db.engine.connect() as connection:
        return int(connection.scalar(text(question)) or 0)


def _check(environ: dict[str, str], shipments: int) -> list[str]:
    """What was not done exactly once."""
    stats = _courier(environ, "/sim/stats")
    once = "SELECT count(*) FROM (SELECT subject_id FROM events WHERE kind = '{}' GROUP BY 1 HAVING count(*) = 1) e"
    wanted = {
        "references asked for": stats["refs_asked"],
        "different references asked for": stats["distinct_refs"],
        "invoices moved exactly once": _number(once.format("delivered")),
        "delivered events": _number("SELECT count(*) FROM events WHERE kind = 'delivered'"),
        "raw events kept": _number("SELECT count(*) FROM shipment_events"),
        "shipments no longer due": _number("SELECT count(*) FROM shipments WHERE next_poll_at IS NULL"),
    }
    return [
        f"{what}: {found} in place of {shipments}" for what, found in wanted.items() if found != shipments
    ]


if __name__ == "__main__":
    sys.exit(main())
