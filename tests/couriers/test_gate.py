"""The gate before a delivery company as a person meets it: whoever keeps failing is left alone for a while."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from tests.support.courier_double import CourierDouble
from tests.support.values import NOW
from tusker import clock
from tusker.carriers.base import Carrier, CarrierError, CarrierProtocolError, CarrierUnavailable
from tusker.carriers.registry import get_carrier
from tusker.domain.couriers.health import FAILURES_TO_OPEN, OPEN_FOR
from tusker.errors import FinancingRefused
from tusker.extensions import db
from tusker.models import CarrierState
from tusker.services.couriers.gate import asking
from tusker.services.credit.requesting.fetching import fetch_order


class Time:
    """The time of the gate, which passes only when a test says so."""

    def __init__(self) -> None:
        self.now = NOW


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    stopped = Time()
    monkeypatch.setattr(clock, "now", lambda: stopped.now)
    return stopped


def ask(courier: CourierDouble, kind: type[CarrierError], times: int = 1) -> int:
    """Ask for an order some times, each of which has to fail in this way; how often the courier was asked so far."""
    for _ in range(times):
        with pytest.raises(kind) as caught:
            fetch_order(get_carrier("tusker"), "NO-SUCH-ORDER")
        assert type(caught.value) is kind
    return courier.server.courier.stats.faults_served


def answered() -> None:
    """Ask for an order that the courier does not know, which is an answer."""
    with pytest.raises(FinancingRefused):
        fetch_order(get_carrier("tusker"), "NO-SUCH-ORDER")


def test_it_shuts_after_five_failures_in_a_row_and_lets_one_try_after_a_while(
    app: Flask, courier: CourierDouble, time: Time
) -> None:
    courier.fail("html")
    assert ask(courier, CarrierProtocolError, FAILURES_TO_OPEN) == FAILURES_TO_OPEN
    assert ask(courier, CarrierUnavailable, 3) == FAILURES_TO_OPEN, "a shut gate asks nothing"
    time.now += OPEN_FOR - timedelta(seconds=0.1)
    assert ask(courier, CarrierUnavailable) == FAILURES_TO_OPEN
    time.now += timedelta(seconds=0.1)
    assert ask(courier, CarrierProtocolError) == FAILURES_TO_OPEN + 1, "one may try"
    assert ask(courier, CarrierUnavailable) == FAILURES_TO_OPEN + 1, "which failed: shut again at once"
    time.now += OPEN_FOR
    courier.server.courier.faults.clear()
    answered()
    courier.fail("html")
    ask(courier, CarrierProtocolError, FAILURES_TO_OPEN - 1)
    ask(courier, CarrierProtocolError)
    ask(courier, CarrierUnavailable)


def test_an_answer_in_between_keeps_it_open(app: Flask, courier: CourierDouble, time: Time) -> None:
    for _ in range(2):
        courier.fail("html", calls=FAILURES_TO_OPEN - 1)
        ask(courier, CarrierProtocolError, FAILURES_TO_OPEN - 1)
        answered()


def test_the_message_says_when_to_try_again(app: Flask, courier: CourierDouble, time: Time) -> None:
    courier.fail("html")
    ask(courier, CarrierProtocolError, FAILURES_TO_OPEN)
    sent = "The delivery company “Tusker courier” sent a web page instead of data."
    assert db.session.scalars(select(CarrierState.last_error)).one() == sent
    time.now += timedelta(seconds=10)
    with pytest.raises(CarrierUnavailable, match=r"“Tusker courier” .* is not asked for 20 s"):
        fetch_order(get_carrier("tusker"), "NO-SUCH-ORDER")


class Other:
    """A delivery company of which only the gate knows."""

    name, label, requests_per_second = "other", "Other", 100.0


def stand_in(name: str = "other") -> Carrier:
    carrier: Carrier = type("Named", (Other,), {"name": name})()  # type: ignore[assignment]
    return carrier


def fail(carrier: Carrier, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(CarrierProtocolError), asking(carrier):
            raise CarrierProtocolError("unreadable", carrier=carrier.name)


def test_each_delivery_company_has_its_own(app: Flask, courier: CourierDouble, time: Time) -> None:
    fail(stand_in("broken"), FAILURES_TO_OPEN)
    with pytest.raises(CarrierUnavailable), asking(stand_in("broken")):
        pytest.fail("it must not be asked")
    with asking(stand_in("well")):
        pass


def test_of_many_people_one_probes(app: Flask, courier: CourierDouble, time: Time) -> None:
    fail(stand_in(), FAILURES_TO_OPEN)
    time.now += OPEN_FOR
    people = 8
    refused, all_refused = threading.Semaphore(0), threading.Event()

    def call(_: int) -> str:
        with app.app_context():
            try:
                with asking(stand_in()):
                    assert all_refused.wait(30)
            except CarrierUnavailable:
                refused.release()
                return "refused"
            return "asked"

    with ThreadPoolExecutor(people) as pool:
        answers = [pool.submit(call, number) for number in range(people)]
        for _ in range(people - 1):
            assert refused.acquire(timeout=30)
        all_refused.set()
    assert sorted(answer.result() for answer in answers) == ["asked"] + ["refused"] * (people - 1)


def test_a_bug_during_the_probe_gives_its_place_back(app: Flask, courier: CourierDouble, time: Time) -> None:
    fail(stand_in(), FAILURES_TO_OPEN)
    time.now += OPEN_FOR
    with pytest.raises(KeyError), asking(stand_in()):
        raise KeyError("bug")
    with asking(stand_in()):
        pass
    db.session.rollback()
    state = db.session.get_one(CarrierState, "other")
    assert (state.failures, state.open_until) == (0, None)
