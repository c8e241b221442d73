"""Reports are read from a copy of the database that is near, and from the first one where it is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import create_engine, event, text

from tusker.extensions import REPLICA, db
from tusker.models import Invoice
from tusker.queries.record import replica
from tusker.transactions import transaction

READ_FROM = "X-Read-From"


@pytest.fixture
def look_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was seen of a copy is not kept."""
    monkeypatch.setattr(replica, "LOOK_EVERY", 0.0)
    monkeypatch.setattr(replica, "_seen", replica._Seen())


@pytest.mark.usefixtures("look_at_once")
def test_reports_read_the_copy_while_it_is_near_and_who_asks_is_looked_up_in_the_first(
    app: Flask,
    login: Callable[..., FlaskClient],
    make_invoice: Callable[..., Invoice],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_invoice("disbursed")
    browser = login()
    assert READ_FROM not in browser.get("/reports/ageing").headers
    with app.app_context():
        engines, url = db.engines, db.engine.url
    copy = create_engine(url)  # as good as one that follows without delay
    asked: list[str] = []
    event.listen(copy, "before_cursor_execute", lambda *given: asked.append(given[2]))
    monkeypatch.setitem(engines, REPLICA, copy)
    answer = browser.get("/reports/ageing")
    assert (answer.status_code, answer.headers[READ_FROM]) == (200, "replica")
    assert len(asked) > 1
    assert not any("user_sessions" in statement for statement in asked)
    assert READ_FROM not in browser.get("/invoices/").headers

    monkeypatch.setattr(replica, "_ask", lambda _engine: app.config["REPLICA_LAG_SECONDS"] + 1.0)
    answer = browser.get("/reports/ageing")
    assert (answer.status_code, READ_FROM in answer.headers) == (200, False)
    copy.dispose()


@pytest.mark.usefixtures("look_at_once")
def test_that_a_session_was_seen_is_written_to_the_first(
    app: Flask,
    login: Callable[..., FlaskClient],
    scalar: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    browser = login()
    with app.app_context():
        engines, url = db.engines, db.engine.url
    copy = create_engine(url, connect_args={"options": "-c default_transaction_read_only=on"})
    monkeypatch.setitem(engines, REPLICA, copy)
    with transaction() as session:
        session.execute(text("UPDATE user_sessions SET last_seen_at = last_seen_at - interval '2 minutes'"))
    before = scalar("SELECT max(last_seen_at) FROM user_sessions")
    answer = browser.get("/reports/ageing")
    assert (answer.status_code, answer.headers[READ_FROM]) == (200, "replica")
    assert scalar("SELECT max(last_seen_at) FROM user_sessions") > before
    copy.dispose()


@pytest.mark.usefixtures("look_at_once")
@pytest.mark.parametrize("promoted", [False, True])
def test_a_copy_that_is_away_is_not_asked(
    app: Flask, login: Callable[..., FlaskClient], monkeypatch: pytest.MonkeyPatch, promoted: bool
) -> None:
    """Nor one that answers, but follows nothing and is not the first one."""
    browser = login()
    with app.app_context():
        engines, url = db.engines, db.engine.url
    other = url.update_query_dict({"application_name": "promoted"})
    copy = create_engine(other if promoted else "postgresql+psycopg2:///x?host=/nowhere/at/all")
    monkeypatch.setitem(engines, REPLICA, copy)
    answer = browser.get("/reports/ageing")
    assert (answer.status_code, READ_FROM in answer.headers) == (200, False)
    assert browser.get("/readyz").json["parts"]["replica"]["state"] == "away"
    copy.dispose()
