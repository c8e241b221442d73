"""Sealing is complete, happens once, and stands in nobody's way."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, text

from tests.support.invoices import order_on
from tests.support.sealing import insert_event, sealed_ids
from tests.support.values import NOW, at
from tusker import clock
from tusker.domain.record.chain import EventRow
from tusker.extensions import db
from tusker.jobs import sealing
from tusker.jobs.sealing import seal_all, seal_new
from tusker.jobs.servicing import prove_day
from tusker.models import CreditLine, Event, EventSeal, Role, User
from tusker.queries.record import chain
from tusker.queries.record.chain import check_chain
from tusker.services.context import Context
from tusker.services.credit.requesting.financing import request_financing
from tusker.services.events import record_event
from tusker.services.record.sealing import seal_events
from tusker.transactions import transaction

pytestmark = pytest.mark.usefixtures("stopped_clock")


def in_thread(app: Flask, work: Callable[[], Any]) -> Any:
    """What `work` answers in a session of its own."""
    with app.app_context():
        try:
            return work()
        finally:
            db.session.remove()


def test_every_event_is_sealed_once_in_batches(
    record: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "BATCH", 3)
    record(10)
    assert seal_new() == 10
    assert seal_new() == 0
    record(2)
    assert seal_new() == 2
    ids = list(db.session.scalars(text("SELECT id FROM events ORDER BY id")))
    assert sealed_ids() == ids
    report = check_chain()
    assert (report.sealed, report.checked, report.waiting.count, report.broken) == (12, 12, 0, None)
    assert report.problems(NOW + timedelta(days=9)) == []


def test_a_lower_id_that_commits_later_gets_the_next_link(
    record: Callable[..., None], other: Connection
) -> None:
    late = insert_event(other)
    record(2)
    assert seal_new() == 2
    assert late < min(sealed_ids())
    other.commit()
    assert seal_new() == 1
    assert sealed_ids()[-1] == late
    assert check_chain().broken is None


def test_every_column_of_an_event_is_sealed() -> None:
    """A column that the recipe does not know could be changed unnoticed."""
    assert [field.name for field in fields(EventRow)] == list(Event.__table__.columns.keys())


def test_what_was_rolled_back_is_no_gap(record: Callable[..., None], other: Connection) -> None:
    insert_event(other)
    record(1)
    other.rollback()
    record(1)
    seal_new()
    assert [seq for (seq,) in db.session.execute(text("SELECT seq FROM event_seals ORDER BY seq"))] == [1, 2]


def test_the_daily_run_finds_even_what_committed_very_late(
    record: Callable[..., None], other: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain, "_BEHIND", 5)
    late = insert_event(other)
    record(20)
    seal_new()
    other.commit()
    assert seal_new() == 0
    assert seal_all() == 1
    assert sealed_ids()[-1] == late


def test_a_second_sealer_leaves_at_once(app: Flask, ctx: Context, record: Callable[..., None]) -> None:
    record(4)
    with ThreadPoolExecutor(1) as pool, transaction():
        assert seal_events(ctx, limit=2) == 2
        second = pool.submit(in_thread, app, seal_new)
        assert second.result(timeout=30) == 0
    assert seal_new() == 2
    assert check_chain().broken is None


def test_neither_sealing_nor_an_open_admission_waits_for_the_other(
    app: Flask, ctx: Context, make_line: Callable[..., CreditLine], record: Callable[..., None]
) -> None:
    line = make_line()
    orders = [order_on(line), order_on(line)]
    seal_new()
    record(3)

    def admit(number: int) -> bool:
        with transaction():
            return request_financing(ctx, line.supplier_id, orders[number], source="test").approved

    with ThreadPoolExecutor(1) as pool:
        with transaction():  # an admission that is not committed
            assert request_financing(ctx, line.supplier_id, orders[0], source="test").approved
            assert pool.submit(in_thread, app, seal_new).result(timeout=30) == 3
        with transaction():  # a sealer that is not committed
            assert seal_events(ctx, limit=10) == 1
            assert pool.submit(in_thread, app, lambda: admit(1)).result(timeout=30)
    assert seal_new() == 1
    assert check_chain().broken is None


def test_sealing_while_sixteen_threads_admit(
    app: Flask, ctx: Context, make_line: Callable[..., CreditLine]
) -> None:
    line = make_line()
    supplier_id = line.supplier_id
    orders = [order_on(line, 100_00) for _ in range(48)]
    before = db.session.query(Event).count()

    def admit(number: int) -> bool:
        with transaction():
            return request_financing(ctx, supplier_id, orders[number], source="test").approved

    with ThreadPoolExecutor(19) as pool:
        admitted = [pool.submit(in_thread, app, lambda n=n: admit(n)) for n in range(len(orders))]
        sealers = [
            pool.submit(in_thread, app, lambda: [seal_new() for _ in range(10)] and None) for _ in range(3)
        ]
        assert all(one.result(timeout=60) for one in admitted)
        assert all(one.result(timeout=60) is None for one in sealers)
    seal_all()
    assert sorted(sealed_ids()) == list(db.session.scalars(text("SELECT id FROM events ORDER BY id")))
    report = check_chain()
    assert (report.sealed, report.broken) == (before + 48, None)


@pytest.mark.usefixtures("owner")
def test_the_database_refuses_to_change_or_drop_a_seal(record: Callable[..., None]) -> None:
    record(1)
    seal_new()
    for sql in ("UPDATE event_seals SET hash = ''", "DELETE FROM event_seals", "TRUNCATE event_seals"):
        with pytest.raises(Exception, match="never changed or deleted"), transaction():
            db.session.execute(text(sql))
    assert db.session.query(EventSeal).count() == 1


def test_the_daily_proof_logs_the_head_and_mails_that_nothing_was_sealed(
    create_user: Callable[..., User],
    ctx: Context,
    caplog: pytest.LogCaptureFixture,
    mails: Callable[[], list[Any]],
    monkeypatch: pytest.MonkeyPatch,
    record: Callable[..., None],
) -> None:
    create_user(Role.ADMIN)
    seal_new()
    record(1)
    monkeypatch.setattr(clock, "now", lambda: at(ctx, 1).now)
    with caplog.at_level(logging.INFO):
        assert prove_day() == 1
        assert f"events sealed, head {check_chain().head}" in caplog.text
        (mail,) = mails()
        assert (
            "1 event was not sealed since 2026-03-02 06:30 UTC: is the scheduler running?"
            in mail.context["lines"]
        )
        assert prove_day() == 0


def test_events_wait_for_the_next_flush_and_end_with_what_is_rolled_back(app: Flask, ctx: Context) -> None:
    about = ("carrier", 1)
    with transaction():
        record_event(ctx, about, "kept", to_value="a")
        with db.session.begin_nested() as savepoint:
            record_event(ctx, about, "undone")
            savepoint.rollback()
        record_event(ctx, about, "kept", reason="then", amount=7)
    record_event(ctx, about, "undone")
    db.session.rollback()
    db.session.commit()
    found = db.session.execute(text("SELECT kind, to_value, reason, data FROM events ORDER BY id")).all()
    assert [tuple(row) for row in found] == [("kept", "a", "", {}), ("kept", None, "then", {"amount": 7})]
