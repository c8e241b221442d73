"""Errors, fragments, headers, request ids, health."""

from __future__ import annotations

import json
import logging
import re
from base64 import urlsafe_b64decode
from collections.abc import Callable
from typing import Any

import psycopg2
import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import text
from sqlalchemy.exc import DataError, OperationalError

import config
from tests.support.client import Browser
from tests.support.database import OWNER
from tests.support.pages import HTMX, token_in
from tests.support.values import PRODUCTION
from tusker.app import create_app
from tusker.extensions import db
from tusker.models import Role
from tusker.queries.record import readiness
from tusker.transactions import may_pass
from tusker.watching.logs import JsonFormatter, LineFormatter, who, work_id


def test_tokens_of_forms_are_signed_with_sha_256(pages: FlaskClient) -> None:
    signature = urlsafe_b64decode(token_in(pages.get("/login").text).rsplit(".", 1)[1] + "=")
    assert len(signature) == 32


def test_a_typed_error_is_a_page(enter: Callable[..., FlaskClient]) -> None:
    answer = enter().get("/t/conflict")
    assert answer.status_code == 409
    assert "It was &lt;b&gt;bundled&lt;/b&gt; in the meantime." in answer.text
    assert "<html" in answer.text


def test_a_typed_error_is_an_alert_for_htmx(enter: Callable[..., FlaskClient]) -> None:
    answer = enter().get("/t/refused", headers=HTMX)
    assert answer.status_code == 422
    assert answer.headers["HX-Retarget"] == "#messages"
    assert "The amount is too large." in answer.text
    assert "<html" not in answer.text


@pytest.mark.parametrize(
    ("path", "method", "status", "words"),
    [
        ("/nowhere", "GET", 404, "Nothing is here"),
        ("/t/broken", "GET", 500, "Something went wrong"),
        ("/healthz", "POST", 405, "cannot be opened this way"),
    ],
)
def test_other_errors_are_pages_with_human_words(
    enter: Callable[..., FlaskClient], path: str, method: str, status: int, words: str
) -> None:
    browser = enter()
    data = {"csrf_token": token_in(browser.get("/account").text)} if method == "POST" else None
    answer = browser.open(path, method=method, data=data)
    assert answer.status_code == status
    assert words in answer.text
    fragment = browser.open(path, method=method, data=data, headers=HTMX)
    assert fragment.status_code == status
    assert words in fragment.text
    assert "<html" not in fragment.text


def test_an_unexpected_error_says_the_request_id_and_nothing_of_itself(
    enter: Callable[..., FlaskClient],
) -> None:
    answer = enter().get("/t/broken", headers={"X-Request-ID": "abc-12345"})
    assert "abc-12345" in answer.text
    assert "secret inside" not in answer.text


def test_strangers_get_error_pages_too(pages: FlaskClient) -> None:
    answer = pages.get("/nowhere")
    assert answer.status_code == 404
    assert "Nothing is here" in answer.text


def test_errors_below_a_prefix_are_answered_there(pages: FlaskClient) -> None:
    assert pages.get("/t/api/missing").json == {"problem": "NotFound"}
    assert pages.get("/t/api/nowhere").json == {"problem": "NotFound"}
    broken = pages.get("/t/api/broken")
    assert (broken.status_code, broken.json) == (500, {"problem": "InternalServerError"})


def test_a_form_without_its_token_changes_nothing(enter: Callable[..., FlaskClient]) -> None:
    browser = enter()
    answer = browser.post("/t/anybody")
    assert answer.status_code == 400
    assert "Press the button once more." in answer.text
    token = token_in(browser.get("/account").text)
    assert browser.post("/t/anybody", headers={"X-CSRFToken": token}).text == "seen"


def test_one_view_answers_page_and_fragment(enter: Callable[..., FlaskClient]) -> None:
    browser = enter()
    whole, fragment = browser.get("/t/both"), browser.get("/t/both", headers=HTMX)
    assert whole.status_code == fragment.status_code == 422
    assert "<html" in whole.text
    assert "<html" not in fragment.text
    assert "Words" in whole.text
    assert "Words" in fragment.text
    assert "HX-Request" in whole.headers["Vary"]
    assert "HX-Request" in fragment.headers["Vary"]
    # the page is no stand-in for a fragment that is named and not there
    assert browser.get("/t/misspelled", headers=HTMX).status_code == 500


@pytest.mark.parametrize("header", ["HX-Boosted", "HX-History-Restore-Request"])
def test_boosted_and_restored_pages_are_whole(enter: Callable[..., FlaskClient], header: str) -> None:
    assert "<html" in enter().get("/t/both", headers={**HTMX, header: "true"}).text


def test_an_action_redirects_without_htmx(enter: Callable[..., FlaskClient]) -> None:
    browser = enter()
    answer = browser.get("/t/row")
    assert (answer.status_code, answer.location) == (303, "/t/public")
    assert "It &lt;is&gt; done." in browser.get("/account").text


def test_an_action_answers_its_fragment_with_htmx(enter: Callable[..., FlaskClient]) -> None:
    answer = enter().get("/t/row", headers=HTMX)
    assert "Words" in answer.text
    assert 'hx-swap-oob="innerHTML:#messages"' in answer.text
    assert "It &lt;is&gt; done." in answer.text


def test_an_action_without_fragment_changes_the_page_with_htmx(enter: Callable[..., FlaskClient]) -> None:
    browser = enter()
    assert browser.get("/t/done", headers=HTMX).headers["HX-Redirect"] == "/t/public"
    assert "It &lt;is&gt; done." in browser.get("/account").text


def test_headers_keep_pages_to_themselves(enter: Callable[..., FlaskClient]) -> None:
    headers = enter().get("/account").headers
    policy = headers["Content-Security-Policy"]
    for rule in (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ):
        assert rule in policy.split("; ")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert "Strict-Transport-Security" not in headers


def test_production_asks_for_https_for_ever(test_config: dict[str, Any], session_app: Flask) -> None:
    made = create_app({**test_config, "ENVIRONMENT": "PRODUCTION", "BASE_URL": "https://desk.example.com"})
    made.test_client_class = Browser
    answer = made.test_client().get(
        "/", headers={"X-Forwarded-Proto": "https", "X-Forwarded-Host": "desk.example.com"}
    )
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")


def test_another_host_is_not_answered(test_config: dict[str, Any], session_app: Flask) -> None:
    trusted = config.load(PRODUCTION)["TRUSTED_HOSTS"]
    made = create_app({**test_config, "TRUSTED_HOSTS": trusted})
    made.test_client_class = Browser
    for host, status in (("desk.example.com", 200), ("localhost:8000", 200), ("evil.example", 400)):
        assert made.test_client().get("/healthz", headers={"Host": host}).status_code == status


def test_no_reset_link_and_no_parameter_is_logged(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    line = LineFormatter("%(asctime)s %(message)s")
    record = logging.makeLogRecord({"msg": 'GET "/account/reset/abc.DEF-1 HTTP/1.1"', "created": 0.0})
    assert line.format(record) == '1970-01-01T00:00:00.000+00:00 GET "/account/reset/… HTTP/1.1"'
    with pytest.raises(DataError) as failed:
        db.session.execute(text("SELECT CAST(:typed AS integer)"), {"typed": "a secret"})
    db.session.rollback()
    assert "'typed': 'a secret'" not in str(failed.value)


def test_what_a_thread_says_after_a_request_is_nobody_s(pages: FlaskClient) -> None:
    """gunicorn logs a request that it cannot read before the application sees it."""
    pages.get("/login")
    assert (work_id.get(), who.get()) == ("-", "-")


def test_a_line_of_the_log_as_json_has_the_ids_and_no_reset_link() -> None:
    record = logging.makeLogRecord(
        {"msg": 'GET "/account/reset/abc.DEF-1" %s', "args": ("x",), "name": "a.b", "created": 0.0}
    )
    request, person = work_id.set("abc-12345"), who.set("token tsk_ab ERP of Asha")
    line = json.loads(JsonFormatter().format(record))
    work_id.reset(request)
    who.reset(person)
    assert line["message"] == 'GET "/account/reset/…" x'
    assert (line["time"], line["request"]) == ("1970-01-01T00:00:00.000+00:00", "abc-12345")
    assert line["token"] == "tsk_ab ERP of Asha"
    assert "user" not in json.loads(JsonFormatter().format(record))


@pytest.mark.parametrize("bad", ["", "short", "x" * 65, "with space1", "<script>alert"])
def test_a_strange_request_id_is_replaced(pages: FlaskClient, bad: str) -> None:
    given = pages.get("/healthz", headers={"X-Request-ID": bad}).headers["X-Request-ID"]
    assert given != bad
    assert len(given) == 16


def test_a_sane_request_id_is_kept(pages: FlaskClient) -> None:
    assert (
        pages.get("/healthz", headers={"X-Request-ID": "edge.42-a_b9"}).headers["X-Request-ID"]
        == "edge.42-a_b9"
    )


def test_health_asks_nobody_and_readiness_names_what_is_not_heard_of(
    pages_app: Flask, pages: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pages.get("/healthz").json == {"status": "ok"}
    ready = pages.get("/readyz")
    assert (ready.status_code, ready.json["status"]) == (200, "degraded")
    states = {name: part["state"] for name, part in ready.json["parts"].items()}
    assert states.items() >= {"database": "ok", "migrations": "ok", "redis": "ok", "worker": "away"}.items()
    monkeypatch.setitem(pages_app.extensions, "tusker_redis", Redis.from_url("unix:///nowhere/at/all"))
    ready = pages.get("/readyz")
    assert (ready.status_code, ready.json["parts"]["redis"]["state"]) == (200, "away")
    monkeypatch.setattr(readiness, "newest_revision", lambda: "9999")
    ready = pages.get("/readyz")
    assert (ready.status_code, ready.json["parts"]["migrations"]["state"]) == (503, "late")
    assert ready.json["parts"]["migrations"]["detail"].endswith(", 9999 is missing")


def test_without_its_database_every_answer_is_our_own_and_says_when_to_come_again(
    test_config: dict[str, Any], session_app: Flask
) -> None:
    nowhere = "postgresql+psycopg2:///x?host=/nowhere/at/all"
    made = create_app({**test_config, "SQLALCHEMY_DATABASE_URI": nowhere, "PROPAGATE_EXCEPTIONS": False})
    made.test_client_class = Browser
    browser = made.test_client()
    with browser.session_transaction() as session:
        session["_user_id"] = "somebody's"
    page, alert = browser.get("/account"), browser.get("/account", headers=HTMX)
    for answer in (page, alert):
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
        assert "Tusker is not available at the moment" in answer.text
    assert "<html" in page.text
    assert "<html" not in alert.text
    called = browser.get("/api/v1/invoices", headers={"Authorization": f"Bearer tsk_{'a' * 40}"})
    assert (called.status_code, called.headers["Retry-After"]) == (503, "10")
    assert called.content_type == "application/problem+json"
    assert called.json["type"] == "urn:tusker:problem:unavailable"
    assert browser.get("/healthz").status_code == 200
    ready = browser.get("/readyz")
    assert (ready.status_code, ready.json["parts"]["database"]["state"]) == (503, "away")


def test_what_waits_too_long_for_the_database_may_pass_and_a_mistake_does_not(app: Flask) -> None:
    with db.engine.connect() as other, db.engine.connect() as ours:
        other.execute(OWNER)
        other.execute(text("LOCK TABLE events IN ACCESS EXCLUSIVE MODE"))
        for bound, statement in (
            ("lock_timeout", "SELECT 1 FROM events"),
            ("statement_timeout", "SELECT pg_sleep(5)"),
        ):
            ours.execute(text(f"SET LOCAL {bound} = '10ms'"))
            with pytest.raises(OperationalError) as waited:
                ours.execute(text(statement))
            assert may_pass(waited.value)
            ours.rollback()
        with pytest.raises(DataError) as wrong:
            ours.execute(text("SELECT CAST('x' AS integer)"))
        assert not may_pass(wrong.value)
        ours.rollback()
        with ours.connection.cursor() as cursor:  # as COPY is done, past SQLAlchemy
            cursor.execute("SET LOCAL statement_timeout = '10ms'")
            with pytest.raises(psycopg2.Error) as cancelled:
                cursor.execute("SELECT pg_sleep(5)")
            assert may_pass(cancelled.value)
            ours.connection.rollback()
            with pytest.raises(psycopg2.Error) as refused:
                cursor.execute("SELECT CAST('x' AS integer)")
            assert not may_pass(refused.value)


def test_a_connection_that_is_cut_when_all_is_done_changes_nothing_of_the_answer(app: Flask) -> None:
    with app.app_context():
        cut = db.session.scalar(text("SELECT pg_backend_pid()"))
        with db.engine.connect() as other:
            other.execute(OWNER)
            assert other.scalar(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": cut})
    with app.app_context():
        assert db.session.scalar(text("SELECT 1")) == 1


@pytest.mark.parametrize(
    "next_url", ["https://evil.example", "//evil.example", "/\\evil.example", "/a\nb", "javascript:x", ""]
)
def test_the_theme_form_goes_nowhere_else(pages: FlaskClient, next_url: str) -> None:
    token = token_in(pages.get("/login").text)
    answer = pages.post("/theme", data={"csrf_token": token, "theme": "dark", "next": next_url})
    assert (answer.status_code, answer.location) == (303, "/")


def test_the_theme_is_remembered(pages: FlaskClient) -> None:
    token = token_in(pages.get("/login").text)
    answer = pages.post("/theme", data={"csrf_token": token, "theme": "dark", "next": "/login?a=b"})
    assert answer.location == "/login?a=b"
    assert 'data-bs-theme="dark"' in pages.get("/login").text


def test_start_sends_strangers_to_sign_in_and_others_on(
    pages: FlaskClient, enter: Callable[..., FlaskClient]
) -> None:
    assert pages.get("/").location == "/login"
    answer = enter(Role.AUDITOR).get("/")
    assert answer.status_code == 302
    assert not answer.location.startswith("/login")


def test_htmx_is_configured_for_a_strict_policy(pages: FlaskClient) -> None:
    html = pages.get("/login").text
    settings = json.loads(html.split('name="htmx-config" content=\'')[1].split("'")[0])
    assert settings["allowEval"] is False
    assert settings["includeIndicatorStyles"] is False
    assert settings["selfRequestsOnly"] is True


def test_pages_are_compressed_and_those_with_secrets_are_not(enter: Callable[..., FlaskClient]) -> None:
    browser, asked = enter(), {"Accept-Encoding": "gzip, br"}
    pages = [browser.get("/admin/", headers=asked) for _ in range(8)]
    assert {page.headers["Content-Encoding"] for page in pages} == {"br"}
    assert len({page.headers["X-Padding"] for page in pages}) > 4, "of a random length, against BREACH"
    assert "Content-Encoding" not in browser.get("/account/factors/new", headers=asked).headers
    assert "Content-Encoding" not in browser.get("/admin/").headers
    assert "Server-Timing" not in pages[0].headers  # for development only


def test_a_first_visit_fetches_little_and_keeps_it_for_a_year(enter: Callable[..., FlaskClient]) -> None:
    browser, asked = enter(), {"Accept-Encoding": "gzip, br"}
    page = browser.get("/admin/", headers=asked)
    addresses = set(re.findall(r'(?:href|src)="(/static/[^"#]+)', browser.get("/admin/").text))
    style = next(address for address in addresses if "/css/tusker.css" in address)
    fonts = re.findall(r'url\("\.\.(/vendor/[^"]+(?:latin|currency)\.woff2)', browser.get(style).text)
    assert len(fonts) == 2, "the letters, and the signs of currencies"
    size = len(page.data)
    for address in [*addresses, *(f"/static{font}" for font in fonts)]:
        answer = browser.get(address, headers=asked)
        assert answer.status_code == 200, address
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable", address
        size += len(answer.data)
    assert size < 200_000
    assert "immutable" not in browser.get("/static/css/tusker.css").headers["Cache-Control"]
