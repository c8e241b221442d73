"""Tokens: who gets in, as whom, and how often."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, request_finished
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.support.api import Api
from tests.support.tokens import token_made
from tests.support.values import NOW
from tusker import clock
from tusker.api.endpoints import OPERATIONS
from tusker.app import create_app
from tusker.extensions import db, limiter
from tusker.models import ApiToken, Customer, OutboxMessage, Role, TokenScope, User
from tusker.services.context import Context
from tusker.services.people.tokens import revoke_token, warn_of_expiry
from tusker.services.people.users import deactivate_user
from tusker.transactions import transaction
from tusker.watching.logs import WorkIdFilter

Caller = Callable[[Customer], Api]


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer tsk_wrong",
        "Bearer " + "x" * 5000,
        "Basic dXNlcjpwYXNz",
        "tsk_wrong",
        "Bearer tsk_\u00e9\u00e9",
    ],
)
def test_no_valid_token_is_answered_always_the_same(client: FlaskClient, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = client.get("/api/v1/me", headers=headers)
    assert answer.status_code == 401
    assert answer.content_type == "application/problem+json"
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="tusker"'
    assert answer.json["detail"] == "Send a valid API token in the header “Authorization: Bearer …”."


def test_a_revoked_token_is_refused_in_the_same_words(
    client: FlaskClient, ctx: Context, make_supplier: Callable[..., Customer]
) -> None:
    company = make_supplier()
    with transaction():
        token, secret = token_made(ctx, company.id, "ERP")
    headers = {"Authorization": f"Bearer {secret}"}
    assert client.get("/api/v1/me", headers=headers).status_code == 200
    with transaction():
        revoke_token(ctx, token.id)
    refused = client.get("/api/v1/me", headers=headers)
    unknown = client.get("/api/v1/me", headers={"Authorization": "Bearer tsk_never"})
    assert refused.status_code == 401
    assert {k: v for k, v in refused.json.items() if k != "instance"} == {
        k: v for k, v in unknown.json.items() if k != "instance"
    }


def test_a_token_that_may_only_read_writes_nothing(
    client: FlaskClient, ctx: Context, make_supplier: Callable[..., Customer]
) -> None:
    with transaction():
        _, secret = token_made(ctx, make_supplier().id, scope=TokenScope.READ)
    api = Api(client, secret)
    assert api.get("/invoices").status_code == 200
    writing = [
        (operation.rule.replace("<int:waiting_id>", "1"), operation.method)
        for operation in OPERATIONS
        if operation.method != "GET"
    ]
    assert len(writing) >= 4
    for rule, method in writing:
        path = f"/api/v1{re.sub('<[^>]+>', '1', rule)}"
        answer = client.open(
            path,
            method=method,
            json={},
            headers={"Authorization": f"Bearer {secret}", "Idempotency-Key": "k" * 20},
        )
        assert (answer.status_code, answer.json["detail"]) == (403, "This token may only read."), path


def test_a_token_ends_after_a_year_and_is_warned_of_once(
    client: FlaskClient,
    ctx: Context,
    make_supplier: Callable[..., Customer],
    create_user: Callable[..., User],
    mails: Callable[[], list[OutboxMessage]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    company = make_supplier()
    person = create_user(Role.SUPPLIER, customer=company)
    began = clock.now()
    with transaction():
        _, secret = token_made(ctx, company.id)
    for days, told, status in ((350, 0, 200), (352, 1, 200), (353, 1, 200), (364, 1, 200), (365, 1, 401)):
        now = began + timedelta(days=days, seconds=1)
        monkeypatch.setattr(clock, "now", lambda now=now: now)
        with transaction():
            warn_of_expiry(replace(ctx, now=now))
        assert [mail.recipient for mail in mails()] == [person.email] * told
        assert Api(client, secret).get("/me").status_code == status, days


def test_a_token_dies_with_its_maker_until_a_colleague_takes_it_over(
    client: FlaskClient,
    ctx: Context,
    login: Callable[..., FlaskClient],
    make_supplier: Callable[..., Customer],
    create_user: Callable[..., User],
) -> None:
    company = make_supplier()
    create_user()  # an admin remains
    maker, colleague = (create_user(Role.SUPPLIER, customer=company) for _ in range(2))
    with transaction():
        token, secret = token_made(replace(ctx, actor_id=maker.id), company.id)
        token_id = token.id
    browser = login(user=colleague)
    take_over = f"/customers/own/tokens/{token_id}/take-over"
    assert browser.post(take_over).status_code == 409
    with transaction():
        deactivate_user(ctx, maker.id)
    assert Api(client, secret).get("/me").status_code == 401
    other = login(Role.SUPPLIER, customer=make_supplier())
    assert other.post(take_over).status_code == 404
    assert browser.post(take_over).status_code == 303
    assert Api(client, secret).get("/me").status_code == 200


def test_each_line_of_the_log_names_request_and_token(
    client: FlaskClient,
    ctx: Context,
    make_supplier: Callable[..., Customer],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with transaction():
        token, secret = token_made(ctx, make_supplier().id, "ERP\nfaked line")
        prefix = token.prefix
    caplog.handler.addFilter(names := WorkIdFilter())
    headers = {"Authorization": f"Bearer {secret}", "X-Request-ID": "from-outside"}
    with request_finished.connected_to(lambda *_, **__: logging.getLogger("tusker").warning("answered")):
        client.get("/api/v1/me", headers=headers)
    caplog.handler.removeFilter(names)
    [line] = caplog.records
    assert (vars(line)["work_id"], vars(line)["who"]) == ("from-outside", f"token {prefix} ERP faked line")


def test_a_session_opens_nothing_here(
    login: Callable[..., FlaskClient], make_supplier: Callable[..., Customer]
) -> None:
    browser = login(Role.SUPPLIER, customer=make_supplier())
    assert browser.get("/api/v1/me").status_code == 401
    assert browser.post("/api/v1/invoices", json={"order_ref": "X"}).status_code == 401


def test_a_token_opens_no_page(call_as: Caller, make_supplier: Callable[..., Customer]) -> None:
    api = call_as(make_supplier())
    answer = api.client.get("/account", headers={"Authorization": f"Bearer {api.secret}"})
    assert answer.status_code == 302
    assert "/login" in answer.headers["Location"]


def test_no_cookie_is_set(call_as: Caller, make_supplier: Callable[..., Customer]) -> None:
    assert "Set-Cookie" not in call_as(make_supplier()).get("/me").headers


def test_writes_need_no_csrf_token(
    app: Flask, call_as: Caller, make_supplier: Callable[..., Customer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
    answer = call_as(make_supplier()).post("/quotes", {})
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == "order_ref"


def test_me_says_whose_token_it_is(
    call_as: Caller, make_supplier: Callable[..., Customer], make_purchaser: Callable[..., Customer]
) -> None:
    body = call_as(make_supplier("Acme Mills", limit=5_000_00)).get("/me").json
    assert body["company"]["name"] == "Acme Mills"
    assert body["sides"] == ["supplier"]
    assert body["token"]["name"] == "ERP"
    assert (body["currency"], body["decimals"], body["carriers"]) == ("INR", 2, ["tusker"])
    assert body["supplier_limit"] == {
        "limit": {"minor": 500000, "value": "5000.00", "currency": "INR"},
        "used": {"minor": 0, "value": "0.00", "currency": "INR"},
        "waiting": {"minor": 0, "value": "0.00", "currency": "INR"},
        "available": {"minor": 500000, "value": "5000.00", "currency": "INR"},
    }
    assert body["purchaser_limit"] is None
    assert call_as(make_purchaser()).get("/me").json["sides"] == ["purchaser"]


def test_the_last_use_is_remembered_once_a_minute(
    call_as: Caller, make_supplier: Callable[..., Customer], monkeypatch: pytest.MonkeyPatch
) -> None:
    api = call_as(make_supplier())
    seen = []
    for seconds in (0, 59, 61, 62):
        monkeypatch.setattr(clock, "now", lambda later=seconds: NOW + timedelta(seconds=later))
        assert api.get("/me").status_code == 200
        seen.append(db.session.scalar(select(ApiToken.last_used_at)))
        db.session.rollback()
    assert seen == [NOW, NOW, NOW + timedelta(seconds=61), NOW + timedelta(seconds=61)]


@pytest.fixture
def limited_app(app: Flask, test_config: dict[str, Any]) -> Iterator[Flask]:
    """An app over the same database that counts calls."""
    limits = {"API_RATE_LIMIT": "3 per minute", "API_FAILURE_RATE_LIMIT": "2 per minute"}
    yield create_app({**test_config, "RATELIMIT_ENABLED": True, **limits})
    limiter.enabled = False


def test_calls_are_counted_by_token(
    limited_app: Flask, ctx: Context, make_supplier: Callable[..., Customer]
) -> None:
    company = make_supplier()
    with transaction():
        secrets = [token_made(ctx, company.id, name)[1] for name in ("one", "two")]
    one, two = (Api(limited_app.test_client(), secret) for secret in secrets)
    assert [one.get(path).status_code for path in ("/me", "/invoices", "/me")] == [200, 200, 200]
    refused = one.get("/credit-lines")
    assert refused.status_code == 429
    assert refused.content_type == "application/problem+json"
    assert refused.json["type"] == "urn:tusker:problem:too_many_requests"
    assert 1 <= int(refused.headers["Retry-After"]) <= 61
    assert two.get("/me").status_code == 200


def test_wrong_tokens_are_counted_by_address(
    limited_app: Flask, ctx: Context, make_supplier: Callable[..., Customer]
) -> None:
    company = make_supplier()
    with transaction():
        _, secret = token_made(ctx, company.id, "ERP")
    wrong = Api(limited_app.test_client(), "tsk_wrong")
    assert [wrong.get("/me").status_code for _ in range(3)] == [401, 401, 429]
    assert Api(limited_app.test_client(), secret).get("/me").status_code == 200


def test_what_a_token_did_carries_its_name(
    create_user: Callable[..., User], call_as: Caller, courier: Any, make_line: Callable[..., Any]
) -> None:
    line = make_line()
    courier.add_order("ORD-A", line.supplier_id, line.purchaser_id, 1_000_00)
    api = call_as(line.supplier.customer)
    made = api.post("/invoices", {"order_ref": "ORD-A"}).json
    actor = db.session.execute(db.text("SELECT actor FROM events WHERE subject = 'invoice'")).scalar_one()
    assert actor == f"ERP (API token {api.secret[:10]}…)"
    assert made["number"] == "ORD-A"
