"""Nobody can stop the shop: what costs much is counted by user and done a few at a time."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from contextvars import Context
from functools import partial
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from tests.support.client import Browser
from tests.support.courier_double import CourierDouble
from tests.support.threads import in_threads
from tests.support.values import PASSWORD
from tusker.app import create_app
from tusker.errors import TooManyTries
from tusker.extensions import limiter
from tusker.models import CreditLine, Role, User
from tusker.redis.throttle import DatabaseCounts
from tusker.transactions import transaction
from tusker.web.access import COSTLY
from tusker.web.guards import costly

FILES = (".csv", ".pdf", ".xml", ".<ending>")
READ_FILES = {
    "calculator_cases",
    "import_upload",
    "import_columns",
    "choose_columns",
    "upload_statement",
    "platform_ids",
}
REPORTS = {"ageing", "classification", "exposure", "period", "statement"}


@pytest.fixture
def counting_app(app: Flask, test_config: dict[str, Any]) -> Iterator[Flask]:
    """An app over the same database that allows little."""
    limits = {"COSTLY_RATE_LIMIT": "3 per minute", "SEARCH_RATE_LIMIT": "2 per minute", "COSTLY_AT_ONCE": 4}
    made = create_app({**test_config, **limits, "RATELIMIT_ENABLED": True})
    made.test_client_class = Browser
    yield made
    limiter.enabled = False


@pytest.fixture
def enter(counting_app: Flask, create_user: Callable[..., User]) -> Callable[[], FlaskClient]:
    """An auditor who has just signed in."""

    def sign_in() -> FlaskClient:
        browser = counting_app.test_client()
        answer = browser.post("/login", data={"email": create_user(Role.AUDITOR).email, "password": PASSWORD})
        assert answer.status_code == 303
        return browser

    return sign_in


def test_files_uploads_and_reports_are_marked(session_app: Flask) -> None:
    """A new file that is written or read is marked, or put on a list on purpose."""
    marked = {name for name, view in session_app.view_functions.items() if getattr(view, COSTLY, False)}
    files = {rule.endpoint for rule in session_app.url_map.iter_rules() if rule.rule.endswith(FILES)}
    assert files - {"static"} <= marked
    named = {name.partition(".")[2] for name in marked}
    assert named >= READ_FILES | REPORTS


def test_they_are_counted_by_user(enter: Callable[[], FlaskClient]) -> None:
    one, two = enter(), enter()
    paths = ("/reports/exposure", "/invoices/export.csv", "/reports/ageing.csv?by=line")
    assert [one.get(path).status_code for path in paths] == [200, 200, 200]
    refused = one.get("/reports/statements")
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 61
    assert "Too many requests" in refused.text
    assert "Try again in" in refused.text
    assert one.get("/reports/calculator").status_code == 200, "all other pages are there"
    assert two.get("/reports/exposure").status_code == 200


def test_so_are_searches(enter: Callable[[], FlaskClient]) -> None:
    browser = enter()
    assert [browser.get(f"/invoices/?q=INV-{n}").status_code for n in range(3)] == [200, 200, 429]
    assert browser.get("/invoices/").status_code == 200
    alert = browser.get("/invoices/?q=INV-1", headers={"HX-Request": "true"})
    assert (alert.status_code, alert.headers["HX-Retarget"]) == (429, "#messages")


def test_so_are_documents_that_come_with_a_request(
    counting_app: Flask,
    create_user: Callable[..., User],
    make_line: Callable[..., CreditLine],
    courier: CourierDouble,
) -> None:
    line = make_line()
    courier.add_order("A-1", line.supplier_id, line.purchaser_id, 1_000_00)
    counting_app.config.update(
        {n: courier.app.config[n] for n in ("TUSKER_CARRIER_URL", "TUSKER_CARRIER_TOKEN")}
    )
    browser = counting_app.test_client()
    user = create_user(Role.SUPPLIER, customer=line.supplier.customer)
    browser.post("/login", data={"email": user.email, "password": PASSWORD})

    def ask(content: bytes | None) -> int:
        asked: dict[str, Any] = {"action": "request", "terms_version": "1", "order_ref": "A-1"}
        if content is not None:
            asked["document"] = io.BytesIO(content), "a.pdf"
        return browser.post("/invoices/new", data=asked).status_code

    assert [ask(b"no document") for _ in range(4)] == [422, 422, 422, 429]
    assert not costly._running
    assert ask(None) == 303, "a request without one is not counted"


def test_a_few_are_worked_on_at_a_time(counting_app: Flask) -> None:
    with counting_app.app_context(), ExitStack() as held:
        for who in ("one", "one", "two"):
            held.enter_context(costly.place_of(who))
        with pytest.raises(TooManyTries), costly.place_of("one"):
            pass  # half of them are one's own
        held.enter_context(costly.place_of("three"))
        with pytest.raises(TooManyTries) as refused, costly.place_of("four"):
            pass
        assert refused.value.details == {"seconds": costly.SECONDS}
    assert not costly._running


def test_a_place_is_left_when_the_answer_is_sent(
    counting_app: Flask, enter: Callable[[], FlaskClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = enter()
    with counting_app.app_context(), ExitStack() as held:
        for who in ("one", "one", "two", "two"):
            held.enter_context(costly.place_of(who))
        busy = browser.get("/reports/exposure")
        assert (busy.status_code, busy.headers["Retry-After"]) == (429, "5")
        assert "Too many reports are being calculated at the moment." in busy.text

    def halfway() -> int:
        file = FlaskClient.open(browser, "/invoices/export.csv")
        running = costly._running.total()
        file.close()
        return running

    assert Context().run(halfway) == 1, "a file is written while it is sent"
    assert not costly._running

    def fails() -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("tusker.reports.exposure.asked_day", fails)
    monkeypatch.setitem(counting_app.config, "PROPAGATE_EXCEPTIONS", False)
    assert browser.get("/reports/exposure").status_code == 500
    assert not costly._running


def test_without_redis_limits_hold_over_all_processes(app: Flask, scalar: Callable[..., Any]) -> None:
    """Each process has counts of its own, which all stand in the database."""
    limit, window = 10, 900
    processes = [DatabaseCounts(app) for _ in range(4)]
    tries = [partial(own.acquire_entry, "asha", limit, window) for own in processes for _ in range(5)]
    assert sum(in_threads(app, tries)) == limit
    assert processes[0].acquire_entry("ravi", limit, window)
    assert processes[0].get_moving_window("asha", limit, window)[1] == limit
    assert scalar("SELECT count(*) FROM throttle_counts WHERE key = 'asha'::bytea") == 0, "only digests"
    with transaction() as session:  # a quarter of an hour later one of them, and not all, is too old to count
        session.execute(
            text(
                "UPDATE throttle_counts SET hits[1] = hits[1] - interval '1 hour' WHERE cardinality(hits) = :most"
            ),
            {"most": limit},
        )
    assert [processes[1].acquire_entry("asha", limit, window) for _ in range(2)] == [True, False]


def test_redis_goes_away(
    app: Flask, test_config: dict[str, Any], create_user: Callable[..., User], scalar: Callable[..., Any]
) -> None:
    kept = dict(vars(limiter))
    nowhere = {"RATELIMIT_ENABLED": True, "RATELIMIT_STORAGE_URI": "redis://127.0.0.1:1/0"}
    browser = create_app({**test_config, **nowhere}).test_client()
    email = create_user(Role.AUDITOR).email
    tries = [
        browser.post("/login", data={"email": email, "password": "not it"}).status_code for _ in range(11)
    ]
    vars(limiter).update(kept)
    assert tries == [422] * 10 + [429]
    assert scalar("SELECT count(*) FROM throttle_counts WHERE cardinality(hits) = 10") == 1


def test_a_form_is_bounded_before_it_is_asked_who_sends_it(
    client: FlaskClient, login: Callable[..., FlaskClient]
) -> None:
    """Taking it apart costs more than to read it; a stranger may cause less of that."""

    def post(browser: FlaskClient, path: str, fields: int) -> int:
        form = "application/x-www-form-urlencoded"
        return browser.post(path, data="a=&" * fields, content_type=form).status_code

    assert [post(client, "/login", fields) for fields in (999, 1000)] == [422, 413]
    assert client.post("/login", data={"file": (io.BytesIO(bytes(600_000)), "x")}).status_code == 413
    assert [post(login(), "/account/password", fields) for fields in (49_999, 50_000)] == [422, 413]
