"""Polling numbers that the vendor does not track yet: one question each, as the rate limit allows, and none is lost."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.support.fake_server import FakeServer, send
from tests.support.parcels import registrations, tracker
from tests.support.vendors import asked
from tusker import clock
from tusker.extensions import db
from tusker.jobs import polling
from tusker.jobs.polling import poll_carrier
from tusker.models import CarrierState, CreditLine, Shipment
from tusker.services.context import Context
from tusker.services.credit.admission import AdmissionRequest, admit
from tusker.transactions import transaction

CODES = [f"EZ900000000{number}" for number in range(6)]


@pytest.fixture
def due(vendor: FakeServer, ctx: Context, line: CreditLine) -> None:
    """Approved invoices whose numbers EasyPost does not track yet."""
    with transaction():
        admit(
            ctx,
            [
                AdmissionRequest(
                    *(line.id, line.terms_version, code, 1_000_00, 800_00), *("test", "easypost", code, True)
                )
                for code in CODES
            ],
        )


class Time:
    """Time that passes only while somebody waits."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.slept = timedelta(0)
        start = clock.now()
        patch.setattr(polling.time, "sleep", self.sleep)
        patch.setattr(clock, "now", lambda: start + self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept += timedelta(seconds=seconds)


def answering(vendor: FakeServer, *, throttled: int = 0) -> None:
    """EasyPost knows nothing and registers everything, but asks for a pause at the nth number."""

    def answer(handler: Any, question: Any) -> None:
        if question is None:
            return send(handler, 200, b'{"trackers": [], "has_more": false}')
        code = question["tracker"]["tracking_code"]
        if len(registrations(vendor)) == throttled:
            return send(handler, 429, b"{}", Retry_After="90")
        return send(handler, 201, json.dumps(tracker(code)).encode())

    vendor.otherwise = answer


def shipments() -> list[Shipment]:
    db.session.rollback()
    return db.session.query(Shipment).order_by(Shipment.id).all()


def test_each_registration_is_paid_for_at_the_rate_limit(
    due: None, vendor: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = Time(monkeypatch)
    answering(vendor)
    assert poll_carrier("easypost") == len(CODES)
    assert len(registrations(vendor)) == len(CODES)
    assert {shipment.status for shipment in shipments()} == {"in_transit"}
    assert time.slept >= len(CODES) * timedelta(seconds=0.25), "one question at once, then four a second"


def test_a_throttled_registration_pauses_and_leaves_the_rest_due(
    due: None, vendor: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = Time(monkeypatch)
    answering(vendor, throttled=3)
    assert poll_carrier("easypost") == 3
    found = shipments()
    assert sorted(s.status for s in found) == ["in_transit"] * 2 + ["pending"] * 4
    (failed,) = [s for s in found if s.last_error is not None]
    assert "cannot be reached" in failed.last_error
    assert [s.status for s in found if s.next_poll_at <= clock.now()] == ["pending"] * 3
    assert failed.next_poll_at > clock.now()
    state = db.session.get_one(CarrierState, "easypost")
    assert state.paused_until - clock.now() == timedelta(seconds=90)
    time.sleep(91)
    answering(vendor)
    assert poll_carrier("easypost") == 3


def test_what_there_is_no_time_to_register_is_due_again_at_once(
    due: None, vendor: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    Time(monkeypatch)
    answering(vendor)
    monkeypatch.setattr(polling, "REGISTERING_SECONDS", 0.0)
    assert poll_carrier("easypost") == 0
    assert registrations(vendor) == []
    assert all(s.next_poll_at <= clock.now() and s.last_error is None for s in shipments())


def test_trackers_that_are_asked_for_by_id_are_paid_for_one_by_one(
    ctx: Context, line: CreditLine, vendor: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is a request of its own; what a round has no questions for stays due."""
    time = Time(monkeypatch)
    ids = [f"trk_{n:08}" for n in range(30)]
    requests = [
        AdmissionRequest(
            line.id, line.terms_version, ref, 1_000_00, 800_00, "test", "easypost", ref, poll=True
        )
        for ref in [*ids, *CODES]
    ]
    with transaction():
        admit(ctx, requests)

    def answer(handler: Any, _: object) -> None:
        path, _, query = handler.path.partition("?")
        wanted = parse_qs(query).get("tracking_codes[]", [])
        one = tracker("EZ9000000009", id=path.rpartition("/")[2])
        several = {"trackers": [tracker(code) for code in wanted], "has_more": False}
        return send(handler, 200, json.dumps(several if wanted else one).encode())

    vendor.otherwise = answer
    assert poll_carrier("easypost") == len(ids) + len(CODES)
    paths = [question.path for question in asked(vendor)]
    assert sorted(path for path in paths if "trk_" in path) == [f"/v2/trackers/{ref}" for ref in ids]
    assert len(paths) == len(ids) + 1
    assert {shipment.status for shipment in shipments()} == {"in_transit"}
    assert time.slept >= len(ids) * timedelta(seconds=0.25), "one question at once, then four a second"
