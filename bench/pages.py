"""How long every page, file and API read takes, for every role, and what it asks of the database.

    python -m bench.pages --url postgresql+psycopg2://…/book [--against …/small] [--rounds 5] [--only words]

Walks all routes that are read, in process and warmed, over a book of `bench.books`: with filters, a search that finds
nothing, and the later page. Of files only the first piece is waited for. `--against` measures a second book too, and
prints how many times as long the first one takes.
"""

from __future__ import annotations

import argparse
import contextvars
import html
import json
import math
import os
import re
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, text
from werkzeug.routing import Rule

import config
from tusker import clock
from tusker.app import create_app
from tusker.extensions import db
from tusker.models import Role, User
from tusker.services.people import sessions
from tusker.services.people.access_log import Visitor
from tusker.transactions import transaction
from tusker.web.access import BY_TOKEN, PUBLIC, access_of

NOTHING = "zzqx9"
"""A search that finds nothing."""

# The rows that fill in addresses, by the arguments of a route. All companies' pages are of one supplier and purchaser.
ROWS: Mapping[tuple[str, ...], Mapping[str, str]] = {
    (): {"": "SELECT"},
    ("invoice_id",): {
        status: "SELECT min(id) FROM invoices WHERE supplier_id = :supplier AND purchaser_id = :purchaser"
        f" AND status = '{status}'"
        for status in ("disbursed", "repaid", "approved")
    },
    ("disbursal_id",): {
        "draft": "SELECT min(id) FROM disbursals WHERE status = 'draft'",
        "released": "SELECT min(id) FROM disbursals WHERE status = 'released'",
        "confirmed": "SELECT max(disbursal_id) FROM loans",
    },
    ("disbursal_id", "supplier_id"): {
        "confirmed": "SELECT disbursal_id, supplier_id FROM payouts WHERE supplier_id = :supplier ORDER BY id DESC"
    },
    ("receipt_id",): {"": "SELECT max(id) FROM receipts WHERE customer_id = :purchaser"},
    ("statement_id",): {"matched": "SELECT 30", "open": "SELECT 1"},
    ("entry_id",): {
        "open": "SELECT min(id) FROM statement_entries WHERE state = 'open'",
        "matched": "SELECT max(id) FROM statement_entries WHERE state = 'matched'",
    },
    ("customer_id",): {"supplier": "SELECT :supplier", "purchaser": "SELECT :purchaser"},
    ("line_id",): {"": "SELECT :line"},
    ("key", "kind"): {
        "supplier": "SELECT :supplier, 'supplier'",
        "purchaser": "SELECT :purchaser, 'purchaser'",
        "line": "SELECT CAST(:line AS bigint), 'credit_line'",
    },
    ("name",): {"": "SELECT 'tusker'"},
    ("ending",): {"csv": "SELECT 'csv'", "xlsx": "SELECT 'xlsx'"},
}

_SEARCHES = (f"q={NOTHING}", "q=Supplier 0001", "q=INV-0000012")


def _sorts(*columns: str, among: str = "") -> tuple[str, ...]:
    """A list by each of some columns, the least and the largest first."""
    return tuple(f"sort={way}{column}&{among}".rstrip("&") for column in columns for way in ("", "-"))


_PERIOD = "first={month}&last={today}"
QUERIES: Mapping[str, tuple[str, ...]] = {
    "admin.approvals": ("state=decided",),
    "admin.attention": ("state=settled", "kind=shipment_exception"),
    "admin.charges": (_PERIOD, *_sorts("booked")),
    "admin.charges_file": (_PERIOD,),
    "admin.deductions_list": (f"q={NOTHING}",),
    "admin.disbursals": (f"q={NOTHING}", "q=NEFT", "status=confirmed", "status=draft"),
    "admin.events": (
        f"q={NOTHING}",
        "q=tusker",
        "subject=invoice",
        "subject=customer",
        "kind=requested",
        "kind=written_off",
        f"actor={NOTHING}",
        "actor=Seller 1",
        "sort=at",
    ),
    "admin.loans": (*_SEARCHES, "due=overdue", "due=today", "due=week", *_sorts("due_date", "principal")),
    "admin.queue": (*_SEARCHES, "sort=supplier", "sort=purchaser"),
    "admin.receipts": (
        *(f"q={NOTHING}", "q=Purchaser 0301", "q=UTR-3", "state=refund", "state=reversed"),
        *_sorts("value_date", "amount", "recorded_at"),
    ),
    "admin.users": (f"q={NOTHING}", "role=supplier", "state=inactive"),
    "api.credit_lines": ("limit=100",),
    "api.invoice": ("include=events",),
    "api.invoices": ("limit=100", "status=repaid", "status=bundled", f"number={NOTHING}", f"loan={NOTHING}"),
    "customers.index": (f"q={NOTHING}", "side=supplier"),
    "customers.lines": (f"q={NOTHING}", "supplier_id={supplier}"),
    "invoices.index_file": ("status=repaid", f"q={NOTHING}"),
    "invoices.index": (
        *_SEARCHES,
        "q=NEFT",
        *(f"status={status}" for status in ("approved", "repaid", "written_off", "rejected")),
        "supplier_id={supplier}",
        "supplier_id={supplier}&purchaser_id={purchaser}&status=disbursed",
        "since={month}&until={today}",
        "since={today}&q=INV",
        *_sorts("number", "value", "requested_at"),
        *_sorts("value", among="status=disbursed"),
        *_sorts("number", among="supplier_id={supplier}"),
    ),
    "invoices.to_repay": (*_SEARCHES,),
    "reports.ageing_file": ("by=line", "by=supplier"),
    "reports.ageing_loans": ("bucket=over 90", "bucket=1–30", "supplier={supplier}", "line={line}"),
    "reports.statement": ("account=supplier-{supplier}", "account=purchaser-{purchaser}&first={year}"),
    "reports.statement_csv": ("account=supplier-{supplier}", "account=purchaser-{purchaser}"),
    "reports.statement_paper": ("account=supplier-{supplier}", "account=purchaser-{purchaser}"),
}
"""What else is asked of a page; a purchaser or supplier is asked about itself only."""
_LATER = re.compile(r'href="([^"]*[?&;](?:before|after)=[^"]*)"')


@dataclass(frozen=True, slots=True)
class Visit:
    """A page that somebody opens. `name` is the same in every book."""

    who: str
    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and what it took. `size` in bytes: of a file that is streamed its first piece."""

    status: int
    kind: str
    size: int
    sent: list[tuple[str, Any]]
    seconds: float
    cpu: float
    body: bytes

    @property
    def is_page(self) -> bool:
        """Whether it is read as a whole: a page, or an answer of the API."""
        return self.kind in {"text/html", "application/json"}


@dataclass(frozen=True, slots=True)
class Row:
    """What a visit took, in milliseconds: the median, the 95th percentile and the median of this process."""

    who: str
    name: str
    status: int
    median: float
    p95: float
    cpu: float
    size: int
    statements: int


class Walk:
    """Everybody who opens pages of a book, signed in."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        with app.app_context():
            self.values = _values()
            self._clients = {
                "admin": self._signed_in("admin"),
                "auditor": self._signed_in("auditor"),
                "supplier": self._signed_in("supplier", self.values["supplier"]),
                "purchaser": self._signed_in("purchaser", self.values["purchaser"]),
                "token": app.test_client(),
            }

    def _signed_in(self, role: str, company: int | None = None) -> FlaskClient:
        wanted = User.role == Role(role), User.customer_id == company
        user = db.session.scalars(db.select(User).where(*wanted).order_by(User.id).limit(1)).one()
        client = self.app.test_client()
        with transaction():
            begun, token = sessions.begin_session(clock.now(), user, Visitor("127.0.0.1", "bench"))
            begun.factor_at = begun.created_at
        with client.session_transaction() as session:
            session.update(_user_id=token, _fresh=True)
        return client

    def visits(self) -> Iterator[Visit]:
        """Every address of every role; later pages follow once the first one is known."""
        with self.app.app_context():
            for rule in sorted(self.app.url_map.iter_rules(), key=lambda rule: rule.rule):
                mark = access_of(self.app, rule.endpoint)
                if "GET" in (rule.methods or ()) and mark != PUBLIC and mark is not None:
                    roles = ("token",) if mark == BY_TOKEN else sorted(mark)
                    for name, path in self._addresses(rule):
                        yield from (Visit(str(role), name, path) for role in roles)

    def _addresses(self, rule: Rule) -> Iterator[tuple[str, str]]:
        for label, sql in ROWS.get(tuple(sorted(rule.arguments)), {}).items():
            row = db.session.execute(text(sql), self.values).first()
            if row is None or None in row:
                continue
            filled = dict(zip(sorted(rule.arguments), row, strict=True))
            with self.app.test_request_context():
                path = self.app.url_for(rule.endpoint, **filled)
            for query in ("", *QUERIES.get(rule.endpoint, ())):
                asked = query.format(**self.values)
                yield f"{rule.endpoint} {label} {query}".strip(), path + ("?" + asked if asked else "")

    def open(self, visit: Visit) -> Answer:
        """Open a page as a browser would, in a context of its own."""
        return contextvars.Context().run(self._open, visit)

    def _open(self, visit: Visit) -> Answer:
        headers = (
            {"Authorization": f"Bearer tsk_bench_{self.values['supplier']}"} if visit.who == "token" else {}
        )
        with noted(self.app) as sent:
            began, at_first = time.process_time(), time.perf_counter()
            given = self._clients[visit.who].get(visit.path, headers=headers)
            body = b"".join(given.iter_encoded()) if _is_page(given.mimetype) else next(given.iter_encoded())
            took, cpu = time.perf_counter() - at_first, time.process_time() - began
            given.close()
        return Answer(given.status_code, given.mimetype or "", len(body), list(sent), took, cpu, body)

    def later(self, visit: Visit, answer: Answer) -> Visit | None:
        """The page after this one."""
        if visit.who == "token":
            cursor = json.loads(answer.body).get("next_cursor") if answer.is_page else None
            path = f"{visit.path}{'&' if '?' in visit.path else '?'}cursor={cursor}" if cursor else None
        else:
            found = _LATER.search(answer.body.decode(errors="replace"))
            path = html.unescape(found[1]) if found else None
            if path is not None and path.startswith("?"):
                path = urlsplit(visit.path).path + path
        return Visit(visit.who, f"{visit.name} (later)", path) if path else None


def _is_page(kind: str | None) -> bool:
    return kind in {"text/html", "application/json"}


def _values() -> dict[str, Any]:
    """The two companies with the most open loans between them, their line, and days."""
    supplier, purchaser = db.session.execute(
        text(
            "SELECT supplier_id, purchaser_id FROM invoice_counts WHERE status = 'disbursed'"
            " GROUP BY 1, 2 ORDER BY sum(invoices) DESC, 1, 2 LIMIT 1"
        )
    ).one()
    line = db.session.execute(
        text("SELECT id FROM credit_lines WHERE supplier_id = :supplier AND purchaser_id = :purchaser"),
        {"supplier": supplier, "purchaser": purchaser},
    ).scalar_one()
    today = clock.today()
    days = {"today": today, "month": today.replace(day=1), "year": today.replace(month=1, day=1)}
    return {"supplier": supplier, "purchaser": purchaser, "line": line, **days}


@contextmanager
def noted(app: Flask) -> Iterator[list[tuple[str, Any]]]:
    """The statements that are sent to the database meanwhile, with their parameters."""
    sent: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        sent.append((statement, parameters))

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


def side_by_side(
    urls: Sequence[str], rounds: int = 5, only: str = "", until: float = math.inf
) -> list[list[Row]]:
    """What every page takes on each of some books. They are opened in turn, page by page, each book by a process of its
    own, so that whatever else the machine does meets all books alike."""
    with ExitStack() as stack:
        books = [
            stack.enter_context(
                ProcessPoolExecutor(1, get_context("spawn"), _begin, (url, rounds, only, until))
            )
            for url in urls
        ]
        measured: list[list[Row]] = [[] for _ in urls]
        left = [*zip(books, measured, strict=True)]
        while left:
            for book in [*left]:
                pool, rows = book
                if row := pool.submit(_next_row).result():
                    rows.append(row)
                else:
                    left.remove(book)
    return measured


_of_this_process: Iterator[Row] = iter(())


def _begin(url: str, rounds: int, only: str, until: float) -> None:
    global _of_this_process
    _of_this_process = _measure(_app_on(url), rounds, only, until)


def _next_row() -> Row | None:
    return next(_of_this_process, None)


def _measure(app: Flask, rounds: int, only: str, until: float) -> Iterator[Row]:
    """What every page takes, the median of some rounds after one that warms it; of one round once the moment `until`
    of the monotonic clock is over."""
    walk = Walk(app)
    for visit in [visit for visit in walk.visits() if only in f"{visit.who} {visit.name}"]:
        following: Visit | None = visit
        while following is not None:
            current, first = following, walk.open(following)
            later = walk.later(current, first) if current is visit and first.status == 200 else None
            times = rounds if time.monotonic() < until else 1
            yield _row(current, first, [walk.open(current) for _ in range(times)])
            following = later


def _row(visit: Visit, first: Answer, answers: list[Answer]) -> Row:
    times = sorted(1000 * answer.seconds for answer in answers)
    return Row(
        visit.who,
        visit.name,
        first.status,
        statistics.median(times),
        times[min(len(times) - 1, round(0.95 * (len(times) - 1)))],
        statistics.median(1000 * answer.cpu for answer in answers),
        first.size,
        len(answers[0].sent),
    )


def _app_on(url: str) -> Flask:
    """The application over a book."""
    environ = {
        "ENVIRONMENT": "TEST",
        "SECRET_KEY": "for the benchmark",
        "LOG_LEVEL": "ERROR",
        "PROGRAMME_LIMIT": "100000000000",
        "MAIL_FOLDER": str(Path("/tmp/tusker-bench-mail")),
        "REDIS_URL": os.environ["REDIS_URL"],
    }
    return create_app({**config.load({**environ, "DATABASE_URL": url}), "RATELIMIT_ENABLED": False})


def main() -> int:
    """Measure and print, the slowest last."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", required=True)
    parser.add_argument("--against")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="pages whose role and name have these words")
    options = parser.parse_args()
    books = [options.url, options.against] if options.against else [options.url]
    rows, *others = side_by_side(books, options.rounds, options.only)
    small = {(row.who, row.name): row.median for other in others for row in other}
    print(f"{'role':<10}{'ms':>9}{'p95':>9}{'cpu':>9}{'ratio':>8}{'kB':>7}{'SQL':>5}  page")
    for row in sorted(rows, key=lambda row: row.median):
        before = small.get((row.who, row.name))
        ratio = f"{row.median / before:.1f}" if before else ""
        status = "" if row.status == 200 else f" [{row.status}]"
        print(
            f"{row.who:<10}{row.median:9.1f}{row.p95:9.1f}{row.cpu:9.1f}{ratio:>8}{row.size / 1000:7.0f}"
            f"{row.statements:5}  {row.name}{status}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
