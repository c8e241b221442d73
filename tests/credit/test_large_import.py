"""Large files of invoices: a worker imports them in parts, and answers as an import at once does."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from tests.support.database import forget_business
from tests.support.invoice_files import HEADER, ROW, TRACKED_MAPPING, ImportDesk, csv_of, everything
from tests.support.profiles import examples
from tusker.admin.credit import imports
from tusker.csv.tables import read_table, stream_table
from tusker.errors import UnreadableFile
from tusker.extensions import db
from tusker.jobs import imports as job
from tusker.jobs import job_context
from tusker.jobs.imports import import_file, start_imports
from tusker.models import InvoiceFile, Role
from tusker.queries.credit.invoice_files import refusals_of
from tusker.queries.record.proof import prove
from tusker.services.credit.importing import large
from tusker.services.credit.importing.file import ImportOptions, parse_mapping
from tusker.services.credit.importing.large import keep_file, start_file
from tusker.transactions import transaction

TRACKED_HEADER = f"{HEADER},Order,Carrier"
LINES = st.lists(
    st.builds(
        ",".join,
        st.tuples(
            st.sampled_from(["INV-1", "INV-2", "inv 2", "INV-3", "", "a\\b"]),
            st.sampled_from(["S-1", "s-1", "S-2", "S-9"]),
            st.sampled_from(["B-1", "B-2"]),
            st.sampled_from(["100", "20000", "-5", "0.01"]),
            st.sampled_from(["2026-02-27", "2026-02-30", "2027-01-01"]),
            st.sampled_from(["", "O-1", "O-2"]),
            st.sampled_from(["", "nobody"]),
        ),
    ),
    min_size=1,
    max_size=8,
)
CHOICES = {"number": "No", "supplier": "Seller", "purchaser": "Buyer", "amount": "Amount", "date": "Date"}


@contextmanager
def in_small_parts(**sizes: int) -> Iterator[None]:
    """Read and request a few rows at a time."""
    with patch.multiple(large, **{"READ_AT_ONCE": 2, **sizes}):
        yield


def parts_of(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def start(desk: ImportDesk, data: str, *, size: int = 37, mapping: str = TRACKED_MAPPING) -> int:
    """Keep a file in parts and start it."""
    with transaction():
        file_id = keep_file(desk.ctx, parts_of(data.encode(), size), "large.csv").id
    options = ImportOptions(parse_mapping(mapping), carrier="tusker", carriers=frozenset({"tusker"}))
    with transaction():
        start_file(desk.ctx, file_id, options)
    return file_id


def answers(file_id: int) -> list[tuple[Any, ...]]:
    return [
        (r.line, r.number, r.supplier, r.purchaser, r.amount, r.outcome, r.reason)
        for r in refusals_of(file_id)
    ]


@settings(max_examples=examples(12), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=LINES, size=st.integers(5, 60))
def test_it_answers_as_an_import_at_once_does(importer: ImportDesk, lines: list[str], size: int) -> None:
    forget_business()
    data = csv_of(*lines, header=TRACKED_HEADER)
    report = importer.run(data, mapping=TRACKED_MAPPING)
    expected = [
        (r.line, r.number, r.supplier, r.purchaser, r.amount, str(r.outcome), r.reason)
        for r in report.refused
    ]
    stored = {name: each for name, each in everything().items() if name != "outbox"}
    forget_business()
    with in_small_parts():
        file_id = start(importer, data, size=size)
        assert import_file(file_id)
    assert answers(file_id) == expected
    assert {name: each for name, each in everything().items() if name != "outbox"} == stored
    file = db.session.get_one(InvoiceFile, file_id)
    assert (file.state, file.rows, file.rows_done) == ("imported", len(lines), len(lines))
    assert {k: n for k, n in file.counts.items() if n} == {str(k): n for k, n in report.counts.items() if n}
    assert file.approved_principal == report.approved_principal
    assert not import_file(file_id)
    forget_business()


def test_a_worker_that_died_loses_no_more_than_its_chunk(
    importer: ImportDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [f"INV-{n},S-1,B-1,100,2026-02-27,," for n in range(9)]
    file_id = start(importer, csv_of(*rows, rows[0], header=TRACKED_HEADER))
    admitted = large.import_rows
    turns = iter(range(9))

    def dies(*args: Any) -> Any:
        if next(turns) == 2:
            raise SystemExit
        return admitted(*args)

    with in_small_parts(REQUESTED_AT_ONCE=3):
        monkeypatch.setattr(large, "import_rows", dies)
        with pytest.raises(SystemExit):
            import_file(file_id)
        file = db.session.get_one(InvoiceFile, file_id)
        assert (file.state, file.rows, file.rows_done) == ("waiting", 10, 7)
        assert not import_file(file_id)  # the dead one still has it
        with transaction() as session:
            session.execute(text("UPDATE invoice_files SET claimed_until = now() - interval '1 day'"))
        assert import_file(file_id)
    assert [entry[0] for entry in answers(file_id)] == [11]
    assert everything()["invoices"] == 9
    assert db.session.scalar(text("SELECT count(*) FROM invoice_file_rows")) == 0
    assert db.session.scalar(text("SELECT count(*) FROM invoice_file_parts")) == 0
    assert prove().holds


def test_of_two_runs_of_the_same_job_the_later_one_has_it(
    importer: ImportDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the earlier one reads, requests or fails meanwhile."""
    rows = [f"INV-{n},S-1,B-1,100,2026-02-27,," for n in range(5)]
    file_id = start(importer, csv_of(*rows, header=TRACKED_HEADER))
    again = replace(job_context("import"), job="one")
    monkeypatch.setattr(job, "job_context", lambda _name: again)
    reads, asks = large.read_invoices, job._request

    def take_over() -> None:
        with db.engine.begin() as other:
            other.execute(text("UPDATE invoice_files SET claimed_by = 'one/later'"))

    def reading(*given: Any, **more: Any) -> Any:
        take_over()
        return reads(*given, **more)

    def requesting(*given: Any) -> bool:
        more = asks(*given)
        take_over()
        return more

    def failing(*_: Any) -> bool:
        take_over()
        raise RuntimeError("a fault")

    for where, name, does, done in (
        (large, "read_invoices", reading, (False, 0)),
        (job, "_request", requesting, (True, 2)),
        (job, "_request", failing, (True, 2)),
    ):
        with in_small_parts(REQUESTED_AT_ONCE=2), monkeypatch.context() as meanwhile:
            meanwhile.setattr(where, name, does)
            assert import_file(file_id)
        db.session.rollback()
        file = db.session.get_one(InvoiceFile, file_id, populate_existing=True)
        assert (file.state, file.is_read, file.rows_done) == ("waiting", *done)
        db.session.rollback()
    assert import_file(file_id)
    assert everything()["invoices"] == 5
    assert db.session.get_one(InvoiceFile, file_id, populate_existing=True).state == "imported"


def test_a_person_cancels_it_between_two_chunks(
    importer: ImportDesk, login: Callable[..., FlaskClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [f"INV-{n},S-1,B-1,100,2026-02-27,," for n in range(9)]
    data = csv_of(*rows, header=TRACKED_HEADER)
    file_id, browser = start(importer, data), login(Role.ADMIN)
    at = f"/admin/import/files/{file_id}"
    assert "Cancel the import" in browser.get(at).text
    asked, turns = job._request, iter(range(9))

    def then_cancels(*given: Any) -> bool:
        more = asked(*given)
        if next(turns) == 1:
            assert browser.post(f"{at}/cancel").status_code == 303
        return more

    with in_small_parts(REQUESTED_AT_ONCE=3), monkeypatch.context() as meanwhile:
        meanwhile.setattr(job, "_request", then_cancels)
        assert import_file(file_id)
    page = browser.get(at).text
    assert "Cancelled by Test admin after 6 of 9 rows." in page
    assert everything()["invoices"] == 6
    assert db.session.scalar(text("SELECT count(*) FROM invoice_file_rows")) == 0
    assert browser.post(f"{at}/cancel").status_code == 409
    assert not import_file(file_id)
    unread = start(importer, data)
    with monkeypatch.context() as meanwhile:
        copied = large._copy

        def copies(*given: Any) -> None:
            copied(*given)
            meanwhile.setattr(large, "_copy", copied)
            assert browser.post(f"/admin/import/files/{unread}/cancel").status_code == 303

        meanwhile.setattr(large, "_copy", copies)
        assert import_file(unread)
    assert "before a row was requested" in browser.get(f"/admin/import/files/{unread}").text
    assert db.session.scalar(text("SELECT count(*) FROM invoice_file_rows")) == 0
    assert import_file(start(importer, data))
    assert everything()["invoices"] == 9
    assert prove().holds


def test_from_the_page_to_every_refusal(
    importer: ImportDesk, login: Callable[..., FlaskClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "LARGE", 50)
    browser = login(Role.ADMIN)
    data = csv_of(ROW, "INV-2,S-1,B-1,$5,2026-02-27", "=INV-3,S-1,B-1,20000,2026-02-27").encode()
    sent = browser.post("/admin/import", data={"file": (io.BytesIO(data), "my.csv")})
    assert sent.status_code == 303
    columns = browser.get(sent.location)
    assert '<option selected value="No">' in columns.text
    assert "Preview" not in columns.text
    refused = browser.post(sent.location, data={**CHOICES, "amount": ""})
    assert (refused.status_code, "Amount is required." in refused.text) == (422, True)
    chosen = {**CHOICES, "date_format": "iso"}
    assert browser.post(sent.location, data=chosen).status_code == 303
    assert "every 2s" in browser.get(sent.location).text
    assert browser.post(sent.location, data=chosen).status_code == 422
    (file_id,) = db.session.scalars(text("SELECT id FROM invoice_files")).all()
    import_file(file_id)
    page = browser.get(sent.location).text
    assert "every 2s" not in page
    assert "The credit line limit is exceeded by ₹6,800.00." in page
    rows = list(csv.reader(io.StringIO(browser.get(f"{sent.location}/refusals.csv").text)))
    assert [row[:2] for row in rows] == [["line", "number"], ["3", "INV-2"], ["4", "'=INV-3"]]
    assert "my.csv" in browser.get("/admin/import").text
    assert login(Role.AUDITOR).post(sent.location, data=chosen).status_code == 403


@pytest.mark.parametrize(
    "data", [b"No,Seller\n", b"", "No\nK\u00e4se\n".encode("latin-1"), b"No\n\0\n", b'No\n"x\n']
)
def test_a_file_that_cannot_be_read_is_refused_as_a_short_one_is(importer: ImportDesk, data: bytes) -> None:
    with pytest.raises(UnreadableFile) as short:
        read_table(data)
    with pytest.raises(UnreadableFile) as long, transaction():
        keep_file(importer.ctx, parts_of(data, 3), "x.csv")
    assert long.value.message == short.value.message
    assert start_imports() == 0


CELLS = st.text(st.sampled_from('ab;,\t"\n\r é\u2028'), max_size=5)


@given(rows=st.lists(st.lists(CELLS, min_size=1, max_size=3), max_size=5), size=st.integers(1, 9))
def test_a_file_in_parts_is_read_as_it_is_at_once(rows: list[list[str]], size: int) -> None:
    buffer = io.StringIO()
    csv.writer(buffer).writerows([["Head", "Other"], *rows])
    data = buffer.getvalue().encode()
    try:
        short = read_table(data)
    except UnreadableFile:
        return
    table, found = stream_table(parts_of(data, size))
    assert (table.header, table.delimiter, tuple(found)) == (short.header, short.delimiter, short.rows)
