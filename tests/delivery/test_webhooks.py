"""The webhook inbox: signed or refused, kept once, worked off by a job, and never twice what polling does too."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from tests.support.courier_double import CourierDouble
from tests.support.polling import DELIVERED, IN_TRANSIT, SECRET, Book
from tests.support.running import until
from tools.courier.webhooks import Target
from tusker.api.delivery.webhooks import LARGEST_WEBHOOK
from tusker.extensions import db
from tusker.jobs.polling import poll_carrier
from tusker.jobs.webhooks import work_off_webhooks
from tusker.models import Shipment, ShipmentEvent, WebhookDelivery
from tusker.redis.queues import QUEUE, queue_called
from tusker.services.delivery import webhooks
from tusker.transactions import transaction

URL = "/api/v1/carriers/tusker/webhook"


@pytest.fixture(autouse=True)
def _secret(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "TUSKER_CARRIER_WEBHOOK_SECRET", SECRET)


def body(ref: str, status: object = DELIVERED, at: int = 1_772_400_000_000) -> bytes:
    """A webhook about one order."""
    return json.dumps({"pl": {"orders": [{"ref_no": ref, "status": status, "s_updt": at}]}}).encode()


def send(client: FlaskClient, raw: bytes, *, secret: str = SECRET, url: str = URL) -> TestResponse:
    """POST signed bytes."""
    signature = "sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    return client.post(url, data=raw, headers={"X-Tusker-Signature": signature})


def rows() -> dict[str, int]:
    """How many rows every table has."""
    db.session.rollback()
    return {
        table.name: db.session.scalar(select(func.count()).select_from(table)) or 0
        for table in db.metadata.sorted_tables
    }


def delivery() -> WebhookDelivery:
    """The one webhook in the inbox, fresh."""
    db.session.rollback()
    return db.session.query(WebhookDelivery).one()


def test_a_signed_webhook_is_kept_answered_and_worked_off_by_a_worker(
    app: Flask, client: FlaskClient, book: Book
) -> None:
    (ref,) = book.approve(1)
    queue = queue_called(QUEUE)
    answer = send(client, body(ref))
    assert (answer.status_code, answer.data) == (202, b"")
    assert book.statuses([ref]) == ["approved"], "the answer does not wait for the work"
    assert [job.func_name for job in queue.jobs] == ["tusker.jobs.webhooks.work_off_webhooks"]
    assert (delivery().raw, delivery().processed_at) == (body(ref), None)

    assert work_off_webhooks() == 1
    assert book.statuses([ref]) == ["financeable"]
    assert (delivery().error, delivery().attempts, delivery().processed_at is None) == (None, 1, False)
    assert work_off_webhooks() == 0


def test_duplicates_and_replays_are_kept_once_and_move_once(
    app: Flask, client: FlaskClient, book: Book
) -> None:
    (ref,) = book.approve(1)
    assert {send(client, body(ref)).status_code for _ in range(3)} == {202}
    assert work_off_webhooks() == 1
    before = rows()
    assert send(client, body(ref)).status_code == 202
    assert work_off_webhooks() == 0
    assert rows() == before
    # the same news in other bytes is another row, and still no second transition
    assert send(client, body(ref) + b" ").status_code == 202
    assert work_off_webhooks() == 1
    assert list(book.events("delivered").values()) == [1]
    assert db.session.query(ShipmentEvent).count() == 1


def test_reordered_webhooks_end_where_the_carrier_is(client: FlaskClient, book: Book) -> None:
    (ref,) = book.approve(1)
    send(client, body(ref, DELIVERED, 1_772_400_900_000))
    send(client, body(ref, IN_TRANSIT, 1_772_400_300_000))
    assert work_off_webhooks() == 2
    assert book.shipment(ref).status == "delivered"
    assert book.statuses([ref]) == ["financeable"]
    assert [event.status for event in book.shipment(ref).events] == ["delivered", "in_transit"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Tusker-Signature": ""},
        {"X-Tusker-Signature": "sha256=" + "0" * 64},
        {"X-Tusker-Signature": "sha256=\u00e9"},
        {"Authorization": "Bearer tsk_x"},
    ],
)
def test_a_missing_or_wrong_signature_is_401_and_writes_nothing(
    client: FlaskClient, book: Book, headers: dict[str, str]
) -> None:
    (ref,) = book.approve(1)
    before = rows()
    answer = client.post(URL, data=body(ref), headers=headers)
    assert answer.status_code == 401
    assert answer.json["type"] == "urn:tusker:problem:bad_signature"
    assert send(client, body(ref), secret="another").status_code == 401
    assert rows() == before
    assert work_off_webhooks() == 0


def test_a_signature_covers_every_byte(client: FlaskClient, book: Book) -> None:
    signature = "sha256=" + hmac.new(SECRET.encode(), body("A"), hashlib.sha256).hexdigest()
    for raw in (body("B"), body("A") + b"\n", b""):
        answer = client.post(URL, data=raw, headers={"X-Tusker-Signature": signature})
        assert answer.status_code == 401


def test_without_a_secret_nothing_is_accepted(
    app: Flask, client: FlaskClient, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "TUSKER_CARRIER_WEBHOOK_SECRET", "")
    assert send(client, body("A"), secret="").status_code == 401
    assert send(client, body("A")).status_code == 401


def test_an_unknown_carrier_is_404_and_a_large_body_413(client: FlaskClient, book: Book) -> None:
    assert send(client, body("A"), url="/api/v1/carriers/nobody/webhook").status_code == 404
    assert send(client, body("A"), url="/api/v1/carriers/manual/webhook").status_code == 404
    assert send(client, b" " * (LARGEST_WEBHOOK + 1)).status_code == 413
    assert send(client, b" " * LARGEST_WEBHOOK).status_code == 202
    assert client.get(URL).status_code == 405


@pytest.mark.parametrize("raw", [b"<html>", b'{"pl": 1}', b"\xff\xfe", b"", b"[" * 5000])
def test_an_unreadable_one_is_kept_with_its_error(client: FlaskClient, book: Book, raw: bytes) -> None:
    (ref,) = book.approve(1)
    assert send(client, raw).status_code == 202
    send(client, body(ref))
    assert work_off_webhooks() == 2
    assert book.statuses([ref]) == ["financeable"]
    bad = db.session.query(WebhookDelivery).filter(WebhookDelivery.error.is_not(None)).one()
    assert (bad.raw, bad.processed_at is None) == (raw, False)
    assert "“Tusker courier”" in str(bad.error)


def test_one_about_nobodys_order_changes_nothing(client: FlaskClient, book: Book) -> None:
    send(client, body("of somebody else"))
    send(client, b'{"pl": {"orders": []}}')
    assert work_off_webhooks() == 2
    assert db.session.query(ShipmentEvent).count() == 0
    assert db.session.query(WebhookDelivery).filter(WebhookDelivery.error.is_not(None)).count() == 0


def test_a_lost_nudge_and_a_failed_recording_are_made_up_for(
    app: Flask, client: FlaskClient, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    refs = book.approve(2)
    real = webhooks.record_tracking

    def fails(ctx: Any, answers: Any, **more: Any) -> list[int]:
        if book_ids[refs[0]] in answers:
            db.session.execute(db.text("SELECT 1 / 0"))
        return real(ctx, answers, **more)

    book_ids = {ref: book.shipment(ref).id for ref in refs}
    monkeypatch.setattr(webhooks, "record_tracking", fails)
    for ref in refs:
        send(client, body(ref))
    app.extensions["tusker_redis"].flushdb()  # the nudges are gone; cron runs the same job
    assert work_off_webhooks() == 2
    assert book.statuses(refs) == ["approved", "financeable"]
    assert work_off_webhooks() == 1, "tried again"
    monkeypatch.setattr(webhooks, "record_tracking", real)
    assert work_off_webhooks() == 1
    assert book.statuses(refs) == ["financeable", "financeable"]
    first = db.session.query(WebhookDelivery).order_by(WebhookDelivery.id).first()
    assert first is not None
    assert (first.error, first.attempts) == (None, 3)


def test_one_that_never_can_be_recorded_is_left_for_people(
    client: FlaskClient, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    (ref,) = book.approve(1)
    monkeypatch.setattr(
        webhooks, "record_tracking", lambda *_, **__: db.session.execute(db.text("SELECT 1/0"))
    )
    send(client, body(ref))
    assert [work_off_webhooks() for _ in range(7)] == [1] * webhooks.MAX_ATTEMPTS + [0, 0]
    assert "division by zero" in str(delivery().error)


def test_what_the_database_cannot_do_now_counts_for_no_attempt(
    client: FlaskClient, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    (ref,) = book.approve(1)
    send(client, body(ref))

    def fails(*_: object, **__: object) -> None:
        raise OperationalError("COMMIT", {}, Exception("server closed the connection unexpectedly"))

    with monkeypatch.context() as restarting:
        restarting.setattr(webhooks, "record_tracking", fails)
        with pytest.raises(OperationalError):
            work_off_webhooks()
    assert (delivery().error, delivery().attempts) == (None, 0)
    assert work_off_webhooks() == 1
    assert book.statuses([ref]) == ["financeable"]


def test_a_delivery_heard_by_webhook_and_poll_at_once_moves_once(
    app: Flask, client: FlaskClient, book: Book, courier: CourierDouble
) -> None:
    refs = book.approve(40)
    stamp = round(courier.server.courier.store.find(refs[:1])[0].changed_at * 1000)
    for ref in refs:
        send(client, body(ref, DELIVERED, stamp + 5))
    barrier = threading.Barrier(4)
    problems: list[BaseException] = []

    def run(job: Any, *arguments: Any) -> None:
        with app.app_context():
            try:
                barrier.wait(10)
                job(*arguments)
            except BaseException as error:
                problems.append(error)
            finally:
                db.session.remove()

    threads = [
        threading.Thread(target=run, args=arguments)
        for arguments in [(poll_carrier, "tusker"), (poll_carrier, "tusker")] + [(work_off_webhooks,)] * 2
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert book.statuses(refs) == ["financeable"] * 40
    assert sorted(book.events("delivered").values()) == [1] * 40
    assert sorted(book.events("shipment").values()) == [1] * 40
    assert db.session.query(WebhookDelivery).filter(WebhookDelivery.processed_at.is_(None)).count() == 0
    assert db.session.query(Shipment).filter(Shipment.next_poll_at.is_not(None)).count() == 0


@pytest.fixture
def site(app: Flask) -> Iterator[str]:
    """The app behind a real HTTP server."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


def test_the_simulator_tells_of_each_change(site: str, book: Book, courier: CourierDouble) -> None:
    refs = book.approve(3, status=IN_TRANSIT)
    simulator = courier.server.courier
    simulator.send_webhooks(Target(site + URL, SECRET))
    try:
        for ref in refs:
            courier.set_status(ref, DELIVERED)
        simulator.sender.look_now()
        until(lambda: simulator.sender.sent == 3, what="three webhooks")
    finally:
        simulator.send_webhooks(None)
        simulator.sender.sent = 0
    assert work_off_webhooks() == 3
    assert book.statuses(refs) == ["financeable"] * 3


def about(refs: list[str], at: int = 1_772_400_000_000) -> bytes:
    """A webhook that says of many orders that they are delivered."""
    return json.dumps(
        {"pl": {"orders": [{"ref_no": ref, "status": DELIVERED, "s_updt": at} for ref in refs]}}
    ).encode()


def test_a_large_one_is_recorded_in_pieces_and_others_go_on_between(
    client: FlaskClient, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A piece fails in its turn: what was recorded before it stays, and the next round goes on from there."""
    monkeypatch.setattr(webhooks, "PIECE", 2)
    refs, [polled] = book.approve(7), book.approve(1)
    send(client, about(refs))
    record, pieces = webhooks.record_tracking, []

    def note(ctx: Any, told: Any, **how: Any) -> list[int]:
        pieces.append(len(told))
        if len(pieces) == 3:
            raise RuntimeError("the third one fails")
        moved = record(ctx, told, **how)
        with db.engine.connect() as other:  # whoever polls or cancels the others needs not wait
            free = select(Shipment.id).where(Shipment.id.not_in(list(told))).with_for_update(skip_locked=True)
            assert len(other.execute(free).all()) == len(refs) + 1 - len(told)
        return moved

    monkeypatch.setattr(webhooks, "record_tracking", note)
    work_off_webhooks()
    assert book.statuses(refs) == ["financeable"] * 4 + ["approved"] * 3
    assert (delivery().orders_done, delivery().processed_at) == (4, None)
    book.make_due()
    poll_carrier("tusker")
    assert book.statuses([polled]) == ["financeable"]
    assert work_off_webhooks() == 1
    assert (pieces, delivery().error) == ([2, 2, 2, 2, 1], None)
    assert book.statuses(refs) == ["financeable"] * 7
    assert set(book.events("delivered").values()) == {1}


def test_twenty_thousand_orders_all_arrive(client: FlaskClient, book: Book) -> None:
    """Forty pieces; of each twentieth order there is an invoice here, the others are somebody else's."""
    with transaction():
        for table in ("credit_lines", "supplier_accounts", "purchaser_accounts"):
            db.session.execute(text(f"UPDATE {table} SET limit_amount = 1000000000000"))
    refs = book.approve(1_000)
    told = [told for number, ref in enumerate(refs) for told in (ref, *(f"X{number}-{n}" for n in range(19)))]
    assert send(client, about(told)).status_code == 202
    assert work_off_webhooks() == 1
    assert set(book.statuses(refs)) == {"financeable"}
    assert list(book.events("delivered").values()) == [1] * 1_000
    assert (delivery().orders_done, delivery().error) == (20_000, None)
