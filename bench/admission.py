"""Admissions a second, each way of asking beside its floor, on a database that `bench.books` filled.

    python -m bench.admission --url postgresql://postgres@/tusker?host=/run/pg --rounds 3

The floors: pgbench calling the database's own function, one invoice a transaction, and an endpoint of the same server
that does nothing. The courier is answered in the server's own process. Writes invoices into the database; the rounds
are interleaved, so that what else the machine does meets all of them. Use the ratios.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psycopg2
from flask import Blueprint, Flask

import config
from bench.books import WORDS
from tools.local.binaries import postgres_programs
from tusker import clock
from tusker.app import create_app
from tusker.carriers.settings import CarrierSettings
from tusker.carriers.tusker import SPEC, TuskerCarrier
from tusker.domain.delivery.shipments import ShipmentStatus, TrackedOrder
from tusker.extensions import csrf, db
from tusker.services.context import Context
from tusker.services.credit.admission import AdmissionRequest, Outcome, admit
from tusker.services.credit.requesting.financing import request_financing
from tusker.transactions import transaction
from tusker.web.access import public

CHECKOUT = Path(__file__).resolve().parents[1]
SECONDS = 2.0
CLIENTS = 8
BATCH = 100
SUPPLIERS, PURCHASERS, LINES = (int(str(WORDS[name])) for name in ("suppliers", "purchasers", "lines"))
FIRST_LINE = 21
"""Those before it are nearly used up."""
AMOUNT, PRINCIPAL = 1_000_00, 800_00

PGBENCH = f"""
\\set line random({FIRST_LINE}, {LINES})
\\set n random(1, 1000000000000)
SELECT outcome FROM admit_invoices(jsonb_build_array(jsonb_build_object('credit_line_id', (:line)::bigint,
    'terms_version', 1, 'number', 'P-' || (:n)::text, 'number_strict', 'p-' || (:n)::text,
    'number_loose', jsonb_build_array('p' || (:n)::text), 'amount', {AMOUNT}, 'principal', {PRINCIPAL},
    'source', 'bench', 'carrier', 'tusker', 'order_ref', 'P-' || (:n)::text, 'poll', true)),
    now(), current_date, NULL::bigint, 'bench');
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One way of asking: invoices (of the endpoints that admit none, calls) a second beside those of its floor, both
    medians over the rounds; `aim` is the least that their ratio should be."""

    what: str
    per_second: float
    floor: str
    floor_per_second: float
    aim: float | None

    @property
    def ratio(self) -> float:
        """How much of its floor it reaches."""
        return self.per_second / self.floor_per_second


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU time of an answer of the server, in milliseconds: its own, and that of the database for it. What else the
    machine does is not in it."""

    what: str
    server: float
    database: float


NOOP, FUNCTION = "endpoint that does nothing", "pgbench on the function"
POST, POST_BATCH = "POST /invoices", f"POST /invoices/batch, {BATCH} a call"
WAYS: Mapping[str, tuple[str, float | None]] = {
    "admit() of the services": (FUNCTION, None),
    "request_financing() of the services": (FUNCTION, None),
    POST: (NOOP, 0.3),
    POST_BATCH: (FUNCTION, 1.0),
}


def measure(database_url: str, rounds: int = 3) -> tuple[list[Row], list[Cost]]:
    """Measure every way and its floor `rounds` times, one after the other in each round; needs REDIS_URL."""
    environ = {
        **os.environ,
        "ENVIRONMENT": "TEST",
        "SECRET_KEY": "for the benchmark",
        "DATABASE_URL": database_url,
        "PROGRAMME_LIMIT": "100000000000",
        "LOG_LEVEL": "WARNING",
    }
    with _connected(database_url) as connection, connection:
        # whoever measured pages before has asked a courier that is not there
        connection.cursor().execute("DELETE FROM carrier_states")
    with _server(environ) as (port, processes):
        spent: dict[str, list[tuple[float, float]]] = {}

        def called(what: str, request: Request, invoices: int = 1) -> float:
            before = _spent(processes, database_url)
            rate = _calls(port, request)
            after = _spent(processes, database_url)
            # what a connection that is new has spent, it has spent on this
            share = [
                1000 * sum(x - b.get(pid, 0) for pid, x in a.items())
                for b, a in zip(before, after, strict=True)
            ]
            spent.setdefault(what, []).append(
                (share[0] / (rate * SECONDS * invoices), share[1] / (rate * SECONDS * invoices))
            )
            return rate * invoices

        measured: Mapping[str, Callable[[], float]] = {
            FUNCTION: partial(_pgbench, database_url),
            NOOP: partial(called, NOOP, _noop),
            "admit() of the services": partial(_in_processes, environ, _admit_one),
            "request_financing() of the services": partial(_in_processes, environ, _request_one),
            POST: partial(called, POST, _post_one),
            POST_BATCH: partial(called, POST_BATCH, _post_batch, BATCH),
        }
        found: dict[str, list[float]] = {name: [] for name in measured}
        for _ in range(rounds):
            for name, run in measured.items():
                found[name].append(run())
    medians = {name: statistics.median(each) for name, each in found.items()}
    rows = [Row(what, medians[what], floor, medians[floor], aim) for what, (floor, aim) in WAYS.items()]
    return rows, [
        Cost(what, *map(statistics.median, zip(*each, strict=True))) for what, each in spent.items()
    ]


Spent = dict[int, float]
"""Seconds of CPU by process."""


def _spent(server: int, database_url: str) -> tuple[Spent, Spent]:
    """What the server's processes have spent so far, and the database's for everybody."""
    children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
    with _connected(database_url) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        backends = [row[0] for row in cursor.fetchall()]
    return {int(pid): _cpu(int(pid)) for pid in children}, {pid: _cpu(pid) for pid in backends}


def _connected(database_url: str) -> contextlib.closing[Any]:
    return contextlib.closing(psycopg2.connect(re.sub(r"\+\w+:", ":", database_url, count=1)))


def _cpu(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:  # it has just ended, or the database is on another machine
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Courier(TuskerCarrier):
    """A delivery company in the server's own process that knows every order `B-<line>-<anything>`."""

    def __init__(self) -> None:
        settings = CarrierSettings("http://127.0.0.1:9", "for the benchmark", "", 2)
        super().__init__(SPEC.carrier(settings)._http, exponent=2)  # type: ignore[attr-defined]

    def fetch(self, refs: Sequence[str], *, register: bool = True) -> dict[str, TrackedOrder]:
        """See `Carrier.fetch`."""
        return {ref: order(ref) for ref in refs}


def order(ref: str) -> TrackedOrder:
    """The order of a reference; whose it is follows from its line, as `books.sql` made that."""
    n = int(ref.split("-")[1]) - 1
    place = SUPPLIERS + (n % SUPPLIERS + 50 * (n // SUPPLIERS)) % PURCHASERS + 1
    return TrackedOrder(
        carrier="tusker",
        ref=ref,
        status=ShipmentStatus.PENDING,
        raw_status="3",
        financeable=True,
        supplier_external_id=f"C{n % SUPPLIERS + 1}",
        purchaser_location_id=f"L{place}",
        declared_value=AMOUNT,
    )


def server() -> Flask:
    """The application with the courier of the benchmark, an endpoint that does nothing, and no limit of calls."""
    app = create_app(config.load())
    app.config |= {"API_RATE_LIMIT": "1000000 per minute", "COSTLY_AT_ONCE": 2 * CLIENTS}
    app.extensions["tusker_carriers"] = {"tusker": Courier()}

    nothing = Blueprint("nothing", __name__)
    csrf.exempt(nothing)
    nothing.add_url_rule("/noop", "noop", public(_nothing), methods=["POST"])
    app.register_blueprint(nothing)
    return app


def _nothing() -> dict[str, str]:
    return {}


@contextlib.contextmanager
def _server(environ: Mapping[str, str]) -> Iterator[tuple[int, int]]:
    """The product's server with its own settings; yields its port and process."""
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listening:
        bind = ["--bind", f"fd://{listening.fileno()}", "bench.admission:server()"]
        argv = [sys.executable, "-m", "gunicorn", *bind]
        process = subprocess.Popen(argv, cwd=CHECKOUT, env=environ, pass_fds=[listening.fileno()])
        port = listening.getsockname()[1]
    try:
        for _ in range(20):  # each process has imported, connected and compiled what it needs
            _calls(port, _post_one, seconds=0.1)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(30)


def _pgbench(database_url: str) -> float:
    """Transactions a second of pgbench that admits one invoice each."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(PGBENCH)
        script.flush()
        url = re.sub(r"\+\w+:", ":", database_url, count=1)
        run = [str(postgres_programs() / "pgbench"), "-n", "-M", "prepared", "-c", str(CLIENTS)]
        run += ["-T", str(round(SECONDS)), "-f", script.name, url]
        done = subprocess.run(run, capture_output=True, text=True, check=True)
    return float(re.findall(r"tps = ([\d.]+)", done.stdout)[-1])


Request = Callable[[int, str], bytes]
"""The whole HTTP request of a client for a supplier; the text is like no other."""


def _http(path: str, supplier: int, body: object, key: str = "") -> bytes:
    content = json.dumps(body).encode()
    named = f"Idempotency-Key: {key}\r\n" if key else ""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer tsk_bench_{supplier}\r\n{named}"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def _lines(supplier: int) -> list[int]:
    return [line for line in range(supplier, LINES + 1, SUPPLIERS) if line >= FIRST_LINE]


def _noop(supplier: int, unique: str) -> bytes:
    return _http("/noop", supplier, {"order_ref": f"B-{_lines(supplier)[0]}-{unique}"}, unique)


def _post_one(supplier: int, unique: str) -> bytes:
    return _http("/api/v1/invoices", supplier, {"order_ref": f"B-{_lines(supplier)[0]}-{unique}"}, unique)


def _post_batch(supplier: int, unique: str) -> bytes:
    lines = _lines(supplier)
    items = [
        {"order_ref": f"B-{lines[n % len(lines)]}-{unique}-{n}", "idempotency_key": f"{unique}-{n}"}
        for n in range(BATCH)
    ]
    return _http("/api/v1/invoices/batch", supplier, {"items": items})


def _calls(port: int, request: Request, seconds: float = SECONDS) -> float:
    """Calls a second of clients in a process of their own."""
    return _forked(partial(_threads, partial(_client, port, request)), 1, seconds)


def _client(port: int, request: Request, unique: str, until: float) -> int:
    """Call one after the other on one connection; how often it was answered."""
    done = 0
    with socket.create_connection(("127.0.0.1", port)) as plug:
        plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while time.monotonic() < until:
            plug.sendall(request(hash((unique, done)) % SUPPLIERS + 1, f"{unique}-{done}"))
            answer = plug.recv(65536)
            while b"\r\n\r\n" not in answer:
                answer += plug.recv(65536)
            head, _, body = answer.partition(b"\r\n\r\n")
            if head[9:12] not in {b"200", b"201"}:
                raise RuntimeError(answer.decode())
            size = int(re.findall(rb"Content-Length: (\d+)", head)[0])
            while len(body) < size:
                body += plug.recv(1 << 20)
            done += 1
    return done


def _in_processes(environ: Mapping[str, str], one: Callable[[Context, str], None]) -> float:
    """How often a second two processes do something, each in as many threads as the server's."""

    def work(until: float) -> int:
        app = create_app(config.load(environ))

        def loop(unique: str, until: float) -> int:
            done = 0
            with app.app_context():
                while time.monotonic() < until:
                    ctx = Context(None, "bench", clock.now(), clock.today())
                    with transaction():
                        one(ctx, f"{unique}-{done}")
                    done += 1
                db.session.remove()
            return done

        loop("warm", time.monotonic() + 0.2)
        return _threads(loop, time.monotonic() + SECONDS, count=CLIENTS // 2)

    return _forked(work, 2, SECONDS)


def _line_of(unique: str) -> int:
    return FIRST_LINE + hash(unique) % (LINES - FIRST_LINE + 1)


def _admit_one(ctx: Context, unique: str) -> None:
    ref = f"S-{os.getpid()}-{unique}-{time.time_ns()}"
    asked = AdmissionRequest(_line_of(ref), 1, ref, AMOUNT, PRINCIPAL, "bench", "tusker", ref, poll=True)
    [admission] = admit(ctx, [asked])
    if admission.outcome is not Outcome.APPROVED:
        raise RuntimeError(admission.outcome)


def _request_one(ctx: Context, unique: str) -> None:
    line = _line_of(unique)
    found = order(f"B-{line}-{os.getpid()}-{unique}-{time.time_ns()}")
    request_financing(ctx, (line - 1) % SUPPLIERS + 1, found, source="bench")


def _threads(work: Callable[[str, float], int], until: float, count: int = CLIENTS) -> int:
    """What so many threads do until then, together."""
    done: list[int] = []
    start = f"{time.time_ns():x}"

    def run(number: int) -> None:
        done.append(work(f"{start}-{number}", until))

    threads = [threading.Thread(target=run, args=[number]) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(done) < count:
        raise RuntimeError("a client failed; its error stands above")
    return sum(done)


def _forked(work: Callable[[float], int], processes: int, seconds: float) -> float:
    """What so many processes do together, a second; each is told until when."""
    fork = multiprocessing.get_context("fork")
    answers = [fork.SimpleQueue() for _ in range(processes)]

    def run(answer: Any) -> None:
        answer.put(work(time.monotonic() + seconds))

    running = [fork.Process(target=run, args=[answer]) for answer in answers]
    for process in running:
        process.start()
    for process in running:
        process.join()
    if any(process.exitcode for process in running):
        raise RuntimeError("a process failed; its error stands above")
    done: int = sum(answer.get() for answer in answers)
    return done / seconds


def main() -> None:
    """Read the command line, measure, and print a line for each way."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", default=os.environ.get("DATABASE_URL"))
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rows, costs = measure(options.url, options.rounds)
    for row in rows:
        aim = "" if row.aim is None else f"  (aim {row.aim})"
        print(
            f"{row.what:<40}{row.per_second:9.0f}/s ÷ {row.floor}{row.floor_per_second:9.0f}/s"
            f" = {row.ratio:.3f}{aim}"
        )
    for cost in costs:
        print(f"{cost.what:<40}{cost.server:9.2f} ms of CPU, {cost.database:.2f} ms in the database")


if __name__ == "__main__":
    main()
