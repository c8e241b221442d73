"""Large statements: kept at once, read by a worker, which tells how far it is."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from tests.support.camt import Tx, camt053
from tusker import clock
from tusker.admin.bank import statements as pages
from tusker.errors import UnknownHeads
from tusker.extensions import db
from tusker.jobs import job_context
from tusker.jobs import statements as job
from tusker.models import BankStatement, Event, Role, StatementEntry, StatementUpload, UploadState, User
from tusker.redis.queues import QUEUE, queue_called
from tusker.services.bank import settling
from tusker.services.bank.uploads import LEASE, claim_upload, take_upload, waiting_uploads
from tusker.transactions import transaction

FILE = camt053([Tx(n + 1, reference=f"R-{n}", text=f"thing {n}") for n in range(7)])
PAGE = "/admin/statements/uploads/1"


@pytest.fixture(autouse=True)
def _all_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "LARGE", 0)
    monkeypatch.setattr(settling, "CHUNK", 2)


def send(browser: FlaskClient, data: bytes = FILE) -> str:
    answer = browser.post("/admin/statements", data={"file": (io.BytesIO(data), "big.xml")})
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def upload_row() -> StatementUpload:
    db.session.rollback()
    return db.session.query(StatementUpload).one()


def test_a_large_file_is_read_by_a_worker(
    login: Callable[..., FlaskClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = login()
    assert send(browser) == PAGE
    assert db.session.query(BankStatement).count() == 0
    [queued] = queue_called(QUEUE).jobs
    assert (queued.func_name, [*queued.args]) == (job.READ_JOB, [1])
    waiting = browser.get(PAGE).text
    assert 'hx-trigger="every 2s"' in waiting
    seen: list[tuple[int, int]] = []
    tell = job._tell

    def watched(upload_id: int, done: int, entries: int) -> None:
        tell(upload_id, done, entries)
        with db.engine.connect() as other:
            row = other.execute(text("SELECT entries_done, entries FROM statement_uploads")).one()
            seen.append((row.entries_done, row.entries))

    monkeypatch.setattr(job, "_tell", watched)
    assert job.read_upload(1)
    assert seen == [(0, 7), (2, 7), (4, 7), (6, 7), (7, 7)]  # while nothing of the import is committed
    upload = upload_row()
    assert (upload.state, upload.content, upload.statement_ids) == (UploadState.IMPORTED, None, [1])
    assert db.session.query(StatementEntry).count() == 7
    done = browser.get(PAGE).text
    assert "7 entries: 7 parked." in done
    assert 'href="/admin/statements/1"' in done
    assert "hx-trigger" not in done.split('id="upload"')[1].partition("</main>")[0]
    assert "imported_by" not in done
    assert db.session.query(BankStatement).one().imported_by == upload.sent_by


def test_how_far_it_is_stands_on_the_page(login: Callable[..., FlaskClient]) -> None:
    browser = login()
    send(browser)
    job._tell(1, 4, 7)
    page = browser.get(PAGE).text
    assert "4 of 7 entries are matched." in page
    assert 'max="7" value="4"' in page


def test_the_same_file_is_one_upload_and_one_statement(login: Callable[..., FlaskClient]) -> None:
    browser = login()
    assert send(browser) == send(browser) == PAGE
    assert job.read_upload(1)
    assert send(browser) == PAGE  # shows what came of it
    assert not job.read_upload(1)
    assert db.session.query(BankStatement).count() == 1


def test_a_refused_file_says_why_and_can_be_sent_again(app: Flask, login: Callable[..., FlaskClient]) -> None:
    browser = login()
    send(browser, b"%PDF-1.7 a statement as people read it")
    assert job.read_upload(1)
    assert upload_row().state == UploadState.REFUSED
    assert "PDF" in browser.get(PAGE).text
    assert db.session.query(BankStatement).count() == 0
    assert send(browser, b"%PDF-1.7 a statement as people read it") == PAGE
    assert upload_row().state == UploadState.WAITING


@pytest.mark.parametrize("after", [0, 4, 7])
def test_a_person_cancels_it_and_nothing_of_it_is_written(
    login: Callable[..., FlaskClient], monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """Whatever the worker has done of it; sent again it is read from its beginning."""
    browser, tell = login(), job._tell
    send(browser)
    assert login(Role.AUDITOR).post(f"{PAGE}/cancel").status_code == 403

    def cancelled_then(upload_id: int, done: int, entries: int) -> None:
        tell(upload_id, done, entries)
        if done == after:
            assert browser.post(f"{PAGE}/cancel").status_code == 303

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(job, "_tell", cancelled_then)
        assert job.read_upload(1)
    assert upload_row().state == UploadState.CANCELLED
    assert db.session.query(BankStatement).count() == 0
    page = browser.get(PAGE).text
    assert "Cancelled by Test admin; nothing of it was imported." in page
    assert "Cancel the import" not in page
    assert browser.post(f"{PAGE}/cancel").status_code == 409
    told = select(Event.subject_id).where(Event.kind == "import_cancelled")
    assert db.session.scalars(told).all() == [1]
    assert send(browser) == PAGE
    assert job.read_upload(1)
    assert db.session.query(StatementEntry).count() == 7


def test_an_error_of_the_program_is_said_and_nothing_is_written(
    login: Callable[..., FlaskClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = login()
    send(browser)

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(job, "import_statement", fails)
    assert job.read_upload(1)
    assert upload_row().state == UploadState.REFUSED
    assert "A fault in Tusker stopped the import" in browser.get(PAGE).text
    assert db.session.query(BankStatement).count() == 0


def test_while_the_database_is_away_it_goes_on_waiting_and_the_job_done_again_has_it(
    login: Callable[..., FlaskClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    send(login())
    again = partial(replace, job_context("statements"), job="one")
    monkeypatch.setattr(job, "job_context", lambda _name: again(now=clock.now()))

    def fails(*_: object, **__: object) -> None:
        raise OperationalError("COMMIT", {}, Exception("server closed the connection unexpectedly"))

    with monkeypatch.context() as away:
        away.setattr(job, "import_statement", fails)
        with pytest.raises(OperationalError):
            job.read_upload(1)
    assert upload_row().state == UploadState.WAITING
    with transaction():
        assert claim_upload(again(job="another"), 1) is None
    assert job.read_upload(1)
    assert upload_row().state == UploadState.IMPORTED


def test_of_two_runs_of_the_same_job_the_later_one_has_it(
    login: Callable[..., FlaskClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis that was away may have a job done again whose first run is alive."""
    send(login())
    again = partial(replace, job_context("statements"), job="one")
    monkeypatch.setattr(job, "job_context", lambda _name: again(now=clock.now()))
    reads, runs = job.read_configured, []

    def meanwhile(*arguments: Any) -> Any:
        if not runs:
            runs.append("the later one")
            assert job.read_upload(1)
            assert upload_row().state == UploadState.IMPORTED
        return reads(*arguments)

    monkeypatch.setattr(job, "read_configured", meanwhile)
    assert job.read_upload(1)
    upload = upload_row()
    assert (upload.state, upload.statement_ids) == (UploadState.IMPORTED, [1])
    assert db.session.query(StatementEntry).count() == 7


@pytest.mark.parametrize("fault", [RuntimeError("a fault"), UnknownHeads("what is this?"), None])
def test_an_earlier_run_changes_nothing_of_what_a_later_one_has(
    login: Callable[..., FlaskClient], monkeypatch: pytest.MonkeyPatch, fault: Exception | None
) -> None:
    """Nor of a file that was cancelled and sent in again."""
    browser = login()
    send(browser)
    again = partial(replace, job_context("statements"), job="one")
    monkeypatch.setattr(job, "job_context", lambda _name: again(now=clock.now()))
    finish = job.account_notes

    def taken_over(*arguments: Any) -> Any:
        with db.engine.begin() as other:
            other.execute(text("UPDATE statement_uploads SET claimed_by = 'one/later'"))
        if fault:
            raise fault
        return finish(*arguments)

    with monkeypatch.context() as first:
        first.setattr(job, "account_notes", taken_over)
        assert job.read_upload(1)
    assert upload_row().state == UploadState.WAITING
    assert db.session.query(BankStatement).count() == 0
    browser.post(f"{PAGE}/cancel")
    send(browser)
    assert upload_row().claimed_by is None
    assert job.read_upload(1)
    assert upload_row().state == UploadState.IMPORTED


def test_one_worker_has_it_until_its_time_is_over(app: Flask, create_user: Callable[..., User]) -> None:
    ctx = replace(job_context("test"), actor_id=create_user().id)
    with transaction():
        take_upload(ctx, FILE, "big.xml")
    with transaction():
        assert waiting_uploads(ctx) == [1]
        assert claim_upload(ctx, 1) is not None
    with transaction():
        assert claim_upload(ctx, 1) is None
        assert waiting_uploads(ctx) == []
    later = replace(ctx, now=ctx.now + LEASE + timedelta(seconds=1))
    with transaction():
        assert waiting_uploads(later) == [1]  # its worker died
        assert claim_upload(later, 1) is not None


def test_cron_asks_for_what_waits(app: Flask, create_user: Callable[..., User]) -> None:
    with transaction():
        take_upload(replace(job_context("test"), actor_id=create_user().id, now=clock.now()), FILE, "big.xml")
    assert job.start_uploads() == 1
    [queued] = queue_called(QUEUE).jobs
    assert queued.func_name == job.READ_JOB
