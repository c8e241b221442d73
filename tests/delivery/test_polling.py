"""The polling job over HTTP: faults move nothing wrong and stop nobody else, and all workers share one gate."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from tests.support import counting
from tests.support.courier_double import CourierDouble
from tests.support.polling import CANCELLED, DELIVERED, IN_TRANSIT, Book
from tools.courier.faults import Fault, FaultKind
from tusker import clock
from tusker.carriers.base import CarrierUnavailable
from tusker.carriers.registry import get_carrier
from tusker.domain.couriers.health import FAILURES_TO_OPEN
from tusker.extensions import db
from tusker.jobs import polling, stopping
from tusker.jobs.polling import QUESTIONS_A_ROUND, poll_all, poll_carrier
from tusker.models import Invoice, Shipment, ShipmentEvent
from tusker.queries.record.proof import prove
from tusker.redis.queues import POLL_QUEUE, QUEUE, enqueue, queue_called, waiting
from tusker.services.credit.requesting.fetching import fetch_order
from tusker.services.delivery import tracking
from tusker.transactions import transaction

LASTING = [
    FaultKind.TIMEOUT,
    FaultKind.SLOW_DRIP,
    FaultKind.TRUNCATED,
    FaultKind.CUT,
    FaultKind.HTML,
    FaultKind.ERROR_500,
    FaultKind.ERROR_503,
    FaultKind.TOO_MANY,
    FaultKind.REFUSED,
    FaultKind.HUGE,
    FaultKind.REDIRECT,
]
ODD = [FaultKind.UNKNOWN_STATUS, FaultKind.NULL_STATUS, FaultKind.EMPTY_STATUS]


@pytest.mark.parametrize("kind", LASTING)
def test_a_fault_moves_nothing_and_stops_nobody_else(
    book: Book, courier: CourierDouble, kind: FaultKind
) -> None:
    mine, others = book.approve(3), book.approve(3, "other")
    courier.fail(kind)
    assert poll_carrier("tusker") == 3
    assert book.statuses(mine) == ["approved"] * 3
    for ref in mine:
        shipment = book.shipment(ref)
        assert shipment.status == "pending"
        # not the order's fault, and not to be asked about less often for it
        assert (shipment.poll_failures, bool(shipment.last_error)) == (0, True)
        assert shipment.failing_since is not None
        assert shipment.next_poll_at is not None
    assert db.session.query(ShipmentEvent).count() == 0
    assert book.state().last_error

    assert poll_carrier("other") == 3
    assert book.statuses(others) == ["financeable"] * 3

    courier.server.courier.faults.clear()
    book.make_due()
    assert poll_carrier("tusker") == 3
    assert book.statuses(mine) == ["financeable"] * 3
    shipment = book.shipment(mine[0])
    assert (shipment.poll_failures, shipment.failing_since, shipment.last_error) == (0, None, None)
    assert (book.state().failures, book.state().failing_since) == (0, None)


@pytest.mark.parametrize("kind", ODD)
def test_an_odd_status_is_kept_raw_and_shown_and_moves_nothing(
    book: Book, courier: CourierDouble, kind: FaultKind
) -> None:
    (ref,) = book.approve(1)
    courier.fail(kind, calls=1)
    poll_carrier("tusker")
    shipment = book.shipment(ref)
    assert (shipment.status, shipment.next_poll_at is None) == ("unknown", False)
    assert book.statuses([ref]) == ["approved"]
    assert (
        shipment.events[0].raw["status"]
        == {"unknown_status": 99, "null_status": None, "empty_status": ""}[kind]
    )
    book.make_due()
    poll_carrier("tusker")
    assert book.statuses([ref]) == ["financeable"]
    assert set(book.events("delivered").values()) == {1}


@pytest.mark.parametrize("kind", ODD)
def test_an_odd_status_does_not_undo_a_delivery(book: Book, courier: CourierDouble, kind: FaultKind) -> None:
    (ref,) = book.approve(1)
    poll_carrier("tusker")
    db.session.query(Shipment).update({"next_poll_at": clock.now()})
    db.session.commit()
    courier.fail(kind, calls=1)
    assert poll_carrier("tusker") == 1
    assert book.shipment(ref).status == "delivered"
    assert book.statuses([ref]) == ["financeable"]
    assert len(book.shipment(ref).events) == 2


def test_the_breaker_is_one_for_all_processes_and_closes_by_itself(
    app: Flask, book: Book, courier: CourierDouble
) -> None:
    refs = book.approve(100)
    courier.fail("html")
    polled = poll_carrier("tusker")
    assert FAILURES_TO_OPEN * 10 <= polled <= (FAILURES_TO_OPEN + polling.THREADS - 1) * 10
    asked = courier.server.courier.stats.faults_served
    assert asked * 10 == polled
    state = book.state()
    assert (state.failures >= FAILURES_TO_OPEN, state.open_until is not None) == (True, True)

    # nobody asks now: neither a poll nor a person, in whatever process (each has adapters of its own)
    book.forget_adapters()
    assert poll_carrier("tusker") == 0
    with pytest.raises(CarrierUnavailable):
        fetch_order(get_carrier("tusker"), refs[0])
    assert courier.server.courier.stats.faults_served == asked
    due = db.session.query(Shipment).filter(Shipment.next_poll_at <= clock.now()).count()
    assert due == 100 - polled, "what was not asked about is due, and what was is not"

    # one probe that fails keeps it open; one that is answered closes it
    book.make_due()
    assert poll_carrier("tusker") == 10
    assert book.state().open_until > clock.now()
    courier.server.courier.faults.clear()
    book.make_due()
    assert poll_carrier("tusker") == 100
    assert book.statuses(refs) == ["financeable"] * 100
    assert book.state().open_until is None


def test_once_the_breaker_opens_the_rest_of_a_round_is_not_asked_and_stays_due(
    book: Book, courier: CourierDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    book.approve(QUESTIONS_A_ROUND * 10)
    courier.fail("html")
    begun: list[object] = []
    counted: list[object] = []
    note = polling.note_failure

    class Pool(ThreadPoolExecutor):
        def submit(self, *what: Any, **more: Any) -> Any:
            begun.append(what)
            return super().submit(*what, **more)

    def watched(*failure: Any) -> bool:
        counted.append(failure)
        assert len(begun) == len(counted), "the next question does not begin before this failure is counted"
        return note(*failure)

    monkeypatch.setattr(polling, "THREADS", 1)
    monkeypatch.setattr(polling, "ThreadPoolExecutor", Pool)
    monkeypatch.setattr(polling, "note_failure", watched)
    assert poll_carrier("tusker") == FAILURES_TO_OPEN * 10
    assert courier.server.courier.stats.faults_served == FAILURES_TO_OPEN
    assert db.session.query(Shipment).filter(Shipment.next_poll_at <= clock.now()).count() == 30
    assert db.session.query(Shipment).filter(Shipment.failing_since.is_not(None)).count() == 50


def test_a_refused_key_is_the_carriers_failure_and_no_shipments(book: Book, courier: CourierDouble) -> None:
    refs = book.approve(60)
    courier.fail(FaultKind.REFUSED)
    for polls in range(1, 4):
        assert poll_carrier("tusker") == 60
        assert (book.state().failures, book.state().open_until) == (6 * polls, None)
        book.make_due()
    assert book.state().failing_since is not None
    assert {book.shipment(ref).poll_failures for ref in refs} == {0}
    courier.server.courier.faults.clear()
    poll_carrier("tusker")
    assert (book.state().failures, book.state().failing_since) == (0, None)


def test_what_fails_while_others_are_answered_is_its_own_failure(book: Book, courier: CourierDouble) -> None:
    (ref,) = book.approve(1)
    for failures in (0, 1, 2):
        courier.fail("500", calls=2)
        poll_carrier("tusker")
        assert book.shipment(ref).poll_failures == failures
        others = book.approve(1)
        with transaction():
            book.shipment(ref).next_poll_at = None
            # the time of the last success is not written with each one
            db.session.execute(db.text("UPDATE carrier_states SET last_success_at = NULL"))
        poll_carrier("tusker")
        assert book.statuses(others) == ["financeable"]
        with transaction():
            book.shipment(ref).next_poll_at = clock.now()


def test_a_pause_that_the_carrier_asks_for_is_kept_by_all(book: Book, courier: CourierDouble) -> None:
    book.approve(200)
    courier.server.courier.faults.add([Fault(FaultKind.TOO_MANY, 1, 90)])
    asked = poll_carrier("tusker")
    assert asked < 200
    pause = book.state().paused_until - clock.now()
    assert timedelta(seconds=60) < pause <= timedelta(seconds=90)
    questions = courier.questions
    assert poll_carrier("tusker") == 0
    with pytest.raises(CarrierUnavailable):
        fetch_order(get_carrier("tusker"), "P0")
    assert courier.questions == questions


def test_faults_here_and_there_lose_only_their_own_batches(book: Book, courier: CourierDouble) -> None:
    refs = book.approve(200)
    courier.server.courier.faults.add([Fault(FaultKind.HTML, 1), Fault(FaultKind.TRUNCATED, 1)])
    assert poll_carrier("tusker") == 200
    assert book.statuses(refs).count("financeable") == 180
    book.make_due()
    assert poll_carrier("tusker") == 20
    assert book.statuses(refs) == ["financeable"] * 200
    assert set(book.events("delivered").values()) == {1}


def test_many_workers_at_once_ask_once_and_move_once(
    app: Flask, book: Book, courier: CourierDouble, other: CourierDouble
) -> None:
    mine, others = book.approve(160), book.approve(40, "other")

    def work(name: str) -> None:
        with app.app_context():
            poll_carrier(name)
            db.session.remove()

    threads = [threading.Thread(target=work, args=[name]) for name in ["tusker"] * 4 + ["other"] * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert book.statuses(mine + others) == ["financeable"] * 200
    for double, count in ((courier, 160), (other, 40)):
        stats = double.server.courier.stats
        assert (stats.refs_asked, stats.distinct_refs, stats.largest_batch) == (count, count, 10)
    assert sorted(book.events("delivered").values()) == [1] * 200
    assert db.session.query(ShipmentEvent).count() == 200


def test_cancellations_of_many_free_their_credit_once(book: Book) -> None:
    refs = book.approve(60, status=CANCELLED)
    with counting.statements() as sent:
        poll_carrier("tusker")
    [written] = [statement for statement in sent if statement.startswith("UPDATE invoices")]
    assert "unnest" in written, "one statement for all of them, by their ids"
    assert book.statuses(refs) == ["cancelled"] * 60
    assert book.line.used_amount == 0
    assert prove().holds
    assert db.session.query(Shipment).filter(Shipment.next_poll_at.is_not(None)).count() == 0


def test_the_rate_limit_holds_and_a_patient_job_still_finishes(
    app: Flask, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    skipped = timedelta(0)
    real = clock.now

    def sleep(seconds: float) -> None:
        nonlocal skipped
        slept.append(seconds)
        skipped += timedelta(seconds=seconds)

    monkeypatch.setattr(polling.time, "sleep", sleep)
    monkeypatch.setattr(clock, "now", lambda: real() + skipped)
    monkeypatch.setattr(get_carrier("tusker"), "requests_per_second", 2.0, raising=False)
    refs = book.approve(50)
    assert poll_carrier("tusker") == 50
    assert book.statuses(refs) == ["financeable"] * 50
    assert sum(slept) >= 3.0  # five questions at one a second: the first at once


def test_one_answer_that_cannot_be_recorded_does_not_keep_the_others_from_it(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    refs = book.approve(20)
    poison = book.shipment(refs[7]).invoice_id
    db.session.rollback()
    real = tracking.apply_shipment_status

    def apply(ctx: object, invoice: Invoice, shipment: Shipment, *rest: object, **more: object) -> object:
        if invoice.id == poison:
            db.session.execute(db.text("SELECT 1 / 0"))
        return real(ctx, invoice, shipment, *rest, **more)

    monkeypatch.setattr(tracking, "apply_shipment_status", apply)
    assert poll_carrier("tusker") == 20
    assert book.statuses(refs).count("financeable") == 19
    assert "could not be recorded" in str(book.shipment(refs[7]).last_error)


def test_cron_asks_for_as_many_workers_as_there_is_work(
    app: Flask, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs: list[tuple[str, ...]] = []
    monkeypatch.setattr(polling, "enqueue", lambda *job, queue: jobs.append((*job, queue)))
    poll_all()
    assert jobs == []
    book.approve(1, "other")
    book.approve(polling.ROUNDS_WORTH_A_JOB * QUESTIONS_A_ROUND * 10 + 1)
    poll_all()
    assert jobs == [(polling.POLL_JOB, name, POLL_QUEUE) for name in ("tusker", "tusker", "other")]


def test_poll_jobs_do_not_pile_up(app: Flask, book: Book) -> None:
    book.approve(polling.ROUNDS_WORTH_A_JOB * QUESTIONS_A_ROUND * 10 + 1)
    for _ in range(3):
        poll_all()
    assert waiting(polling.POLL_JOB, "tusker", queue=POLL_QUEUE) == 2
    poll_carrier("tusker")
    assert waiting(polling.POLL_JOB, "tusker", queue=POLL_QUEUE) == 2


def test_an_invoice_cancelled_while_its_answer_is_underway_is_not_followed(
    app: Flask, book: Book, courier: CourierDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    (ref,) = book.approve(1, status=IN_TRANSIT)
    carrier = get_carrier("tusker")
    real = carrier.fetch

    def fetch(refs: list[str], **_: bool) -> object:
        with db.engine.begin() as connection:
            connection.execute(db.text("UPDATE invoices SET status = 'cancelled', closed_at = now()"))
            connection.execute(db.text("UPDATE shipments SET next_poll_at = NULL"))
        return real(refs)

    monkeypatch.setattr(carrier, "fetch", fetch)
    assert poll_carrier("tusker") == 1
    assert book.shipment(ref).next_poll_at is None


def test_intervals_are_spread(book: Book) -> None:
    book.approve(40, status=IN_TRANSIT)
    poll_carrier("tusker")
    due = {row[0] for row in db.session.query(Shipment.next_poll_at)}
    assert len(due) == 40


def test_flask_poll_asks_here_and_now(app: Flask, book: Book) -> None:
    refs = [*book.approve(2), *book.approve(1, "other", status=DELIVERED)]
    done = app.test_cli_runner().invoke(args=["poll"])
    assert done.exit_code == 0, done.output
    assert "tusker: asked for 2 shipments." in done.output
    assert book.statuses(refs) == ["financeable"] * 3


def test_a_due_time_that_a_wrong_clock_set_is_not_believed(book: Book, app: Flask) -> None:
    refs = book.approve(2)
    with transaction():
        book.shipment(refs[0]).next_poll_at = clock.now() + timedelta(days=1)
        book.shipment(refs[1]).next_poll_at = soon = clock.now() + timedelta(minutes=5)
    app.extensions["tusker_redis"].flushdb()
    poll_all()
    assert book.shipment(refs[0]).next_poll_at <= clock.now()
    assert book.shipment(refs[1]).next_poll_at == soon
    assert waiting("tusker.jobs.polling.poll_carrier", "tusker", queue=POLL_QUEUE) == 1


def test_a_job_whose_worker_is_to_end_asks_no_more_and_leaves_the_rest_due(
    book: Book, courier: CourierDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    refs = book.approve(QUESTIONS_A_ROUND * 10)
    take = polling._Polled.take_answer

    def last(*answer: Any) -> None:
        stopping.ask()
        take(*answer)

    monkeypatch.setattr(polling, "THREADS", 1)
    monkeypatch.setattr(polling._Polled, "take_answer", last)
    stopping.begin()
    try:
        assert poll_carrier("tusker") == 10
    finally:
        stopping.begin()
    assert book.statuses(refs).count("financeable") == 10
    assert db.session.query(Shipment).filter(Shipment.next_poll_at <= clock.now()).count() == 70


def test_a_nudge_is_not_queued_while_the_same_one_waits(app: Flask) -> None:
    queue = queue_called(QUEUE)
    queue.empty()
    for _ in range(3):
        assert enqueue("tusker.jobs.webhooks.work_off_webhooks", once=True)
    assert queue.count == 1
    assert enqueue("tusker.jobs.outbox.send_outbox", once=True)
    assert queue.count == 2
    queue.empty()
