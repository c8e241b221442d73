"""Every page of every role over a larger book: no plan that reads a growing table from end to end, no answer that
is too large, few statements. Never how long anything takes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import text

from bench.books import fill
from bench.pages import Answer, Visit, Walk
from tests.support.database import OWNER
from tests.support.plans import indexes_of, scanned
from tests.support.values import TODAY
from tusker.extensions import db
from tusker.jobs.positions import keep_positions
from tusker.jobs.servicing import prove_day
from tusker.queries.credit import requests
from tusker.transactions import transaction

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("stopped_clock")]

INVOICES = 30_000
LARGEST = 300_000
"""Bytes of a page or an answer of the API."""
MOST_STATEMENTS = 32
READS_ALL = {
    "admin.statement": "an open statement is matched when it is looked at",
    "invoices.index_file": "a file of all invoices reads all invoices",
    "invoices.index  q=NEFT": "of every invoice that was paid ten thousand are counted",
    "invoices.index  since=": "a month's invoices are counted",
    "reports.ageing_loans_file": "a file of all open loans",
    "reports.ageing_loans  bucket": "a bucket may be most of a small book",
    "reports.classification_file": "a file of all open loans",
    "reports.statement": "what was paid in a period may be most of a small book",
    "reports.exposure": "of a past day, from the movements until then",
    "reports.exposure_file": "of a past day, from the movements until then",
}
"""Visits that may, by how their names begin, and why."""
LARGE = {
    "admin.disbursal": "every supplier of a disbursal stands on its page",
    "admin.disbursal_supplier": "every supplier of a disbursal stands on its page",
    "admin.statement": "an open statement lists its entries",
}
"""Pages that may be larger."""


@pytest.fixture
def walk(app: Flask) -> Walk:
    """Everybody, in a book of some size whose sums are kept."""
    url = app.config["SQLALCHEMY_DATABASE_URI"].replace("+psycopg2", "")
    now = datetime.combine(TODAY, datetime.min.time(), UTC)
    db.session.rollback()
    fill(url, INVOICES, TODAY, now, "correct horse battery")
    while keep_positions():
        pass
    prove_day()
    with transaction():
        db.session.execute(OWNER)
        db.session.execute(text("ANALYZE"))
    return Walk(app)


def answers(walk: Walk) -> Iterator[tuple[Visit, Answer]]:
    enough: set[str] = set()
    for visit in walk.visits():
        if visit.who == "auditor" and visit.path in enough:
            continue  # shown what an admin is, less the buttons: each page once is enough, and files have none
        answer = walk.open(visit)
        if visit.who == "admin" and ("?" in visit.path or (answer.status == 200 and not answer.is_page)):
            enough.add(visit.path)
        yield visit, answer
        if answer.status == 200 and (later := walk.later(visit, answer)):
            yield later, walk.open(later)


def test_pages_of_a_large_book_read_and_say_little(walk: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tusker.queries.record.events.LOOKED_AT", 1_000)
    seen: set[str] = set()
    admins: set[str] = set()
    wrong, opened = [], 0
    for visit, answer in answers(walk):
        route = visit.name.split()[0]
        assert answer.status < 500, visit
        opened += answer.status == 200
        if answer.is_page and answer.size > LARGEST and route not in LARGE:
            wrong.append(f"{answer.size} bytes: {visit}")
        # a file is written in batches, and so is one that turns out to be too large for a workbook
        in_batches = not answer.is_page or urlsplit(visit.path).path.endswith(".xlsx")
        if not in_batches and len(answer.sent) > MOST_STATEMENTS:
            wrong.append(f"{len(answer.sent)} statements: {visit}")
        if visit.who == "admin":
            admins.add(visit.path)
        elif visit.who == "auditor" and visit.path in admins:
            continue  # shown what an admin is, less the buttons: the plans are the same
        for statement, parameters in answer.sent:
            if statement in seen or visit.name.startswith(tuple(READS_ALL)):
                continue
            seen.add(statement)
            if tables := scanned(statement, parameters):
                wrong.append(f"reads all {', '.join(sorted(tables))}: {visit}\n{statement}")
    assert not wrong, "\n".join(wrong)
    assert opened > 300
    # equal amounts are common: of them all only a request's own credit line's are looked at
    asked = {"supplier_id": 1, "asked": "[]", "today": TODAY}
    assert "ix_invoices_amount_id" not in indexes_of(requests._STANDINGS, asked)
