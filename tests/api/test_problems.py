"""Whatever goes wrong below /api/ is a problem document that says what and, for input, where."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.support.api import Api
from tusker.api.credit import routes
from tusker.extensions import db
from tusker.models import CreditLine, Customer, Invoice


@pytest.fixture
def api(call_as: Callable[[Customer], Api], make_line: Callable[..., CreditLine], courier: Any) -> Api:
    """A supplier with an order ORD-1."""
    line = make_line()
    courier.add_order("ORD-1", line.supplier_id, line.purchaser_id, 10_000_00)
    return call_as(line.supplier.customer)


def is_problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    body: dict[str, Any] = answer.json
    assert body["status"] == status
    assert body["type"] == f"urn:tusker:problem:{code}"
    assert body["title"]
    assert body["detail"]
    assert body["instance"] == f"urn:tusker:request:{answer.headers['X-Request-ID']}"
    return body


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v2/me", "/api/", "/api/v1/me/"])
def test_unknown_addresses(client: FlaskClient, path: str) -> None:
    is_problem(client.get(path), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "/api/v1/invoices"), ("PUT", "/api/v1/invoices/1"), ("POST", "/api/v1/me")],
)
def test_other_methods(client: FlaskClient, method: str, path: str) -> None:
    answer = client.open(path, method=method)
    is_problem(answer, 405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]


WRITES = ("/quotes", "/invoices")


class TestBodies:
    """Bodies that cannot be taken, by either operation that takes one; nothing is written."""

    @pytest.fixture(autouse=True)
    def _nothing_written(self, api: Api) -> Any:
        yield
        assert db.session.scalar(select(func.count()).select_from(Invoice)) == 0

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"{",
            b"order_ref=ORD-1",
            b'{"order_ref": "ORD-1"',
            b"\xff\xfe",
            b'{"order_ref": "\\ud800"}',
            b"[" * 20_000,
        ],
    )
    def test_that_are_no_json(self, api: Api, data: bytes) -> None:
        for path in WRITES:
            answer = api.post(path, data=data, headers={"Content-Type": "application/json"})
            is_problem(answer, 400, "malformed_json")

    @pytest.mark.parametrize(
        "kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""]
    )
    def test_of_another_type(self, api: Api, kind: str) -> None:
        for path in WRITES:
            answer = api.post(path, data=b'{"order_ref": "ORD-1"}', headers={"Content-Type": kind})
            is_problem(answer, 415, "unsupported_media_type")

    def test_that_are_too_large(self, api: Api) -> None:
        for path in WRITES:
            is_problem(api.post(path, {"order_ref": "x" * 70_000}), 413, "too_large")

    @pytest.mark.parametrize("body", [[], "ORD-1", 7, None, [{"order_ref": "ORD-1"}]])
    def test_that_are_no_objects(self, api: Api, body: object) -> None:
        for path in WRITES:
            data = json.dumps(body).encode()
            answer = api.post(path, data=data, headers={"Content-Type": "application/json"})
            assert is_problem(answer, 422, "invalid_input")["detail"] == "The body must be a JSON object."

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({}, "order_ref is missing."),
            ({"order_ref": None}, "order_ref is missing."),
            ({"order_ref": 7}, "order_ref must be text."),
            ({"order_ref": ["ORD-1"]}, "order_ref must be text."),
            ({"order_ref": ""}, "order_ref must not be empty."),
            ({"order_ref": " "}, "order_ref must not be empty."),
            ({"order_ref": "x" * 300}, "order_ref may have at most 60 characters."),
            ({"order_ref": "a\x00b"}, "order_ref must not contain control characters."),
            ({"order_ref": "a\nb"}, "order_ref must not contain control characters."),
            ({"order_ref": "ORD-1", "carrier": 7}, "carrier must be text."),
            ({"order_ref": "ORD-1", "value": 10}, "value is not known here."),
            (
                {"order_ref": "ORD-1", "amount": 10},
                "amount does not belong to an order of this delivery company.",
            ),
            ({"order_ref": "ORD-1", "amount": 1.5}, "amount must be a whole number."),
            (
                {"order_ref": "ORD-1", "invoice_date": "2 March"},
                "invoice_date must be a date, such as 2026-03-02.",
            ),
        ],
    )
    def test_with_a_wrong_field(self, api: Api, body: object, message: str) -> None:
        for path in WRITES:
            answer = is_problem(api.post(path, body), 422, "invalid_input")
            assert answer["errors"] == [{"field": message.split(maxsplit=1)[0], "message": message}]
            assert answer["detail"] == message

    @pytest.mark.parametrize("carrier", ["dhl", "manual", "", "a\x00b", "x" * 40])
    def test_for_an_unknown_carrier(self, api: Api, carrier: str) -> None:
        for path in WRITES:
            answer = is_problem(
                api.post(path, {"order_ref": "ORD-1", "carrier": carrier}), 422, "unknown_carrier"
            )
            assert answer["errors"][0]["field"] == "carrier"

    def test_each_wrong_field_is_named(self, api: Api) -> None:
        for path in WRITES:
            answer = is_problem(
                api.post(path, {"carrier": 7, "limit": 1, "order_ref": 1}), 422, "invalid_input"
            )
            assert sorted(error["field"] for error in answer["errors"]) == ["carrier", "limit", "order_ref"]


@pytest.mark.parametrize("version", ["1", 1.5, True, 0, -1, 2**31, 10**30])
def test_a_wrong_terms_version(api: Api, version: object) -> None:
    answer = is_problem(
        api.post("/invoices", {"order_ref": "ORD-1", "terms_version": version}), 422, "invalid_input"
    )
    assert answer["errors"][0]["field"] == "terms_version"


def test_what_is_unexpected_tells_nothing_of_itself(
    app: Flask, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fall(*_: object, **__: object) -> None:
        raise RuntimeError("secret inner detail")

    monkeypatch.setattr(routes.queries, "company_lines", fall)
    monkeypatch.setitem(app.config, "TESTING", False)
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    answer = api.get("/credit-lines")
    is_problem(answer, 500, "internal_error")
    assert "secret" not in answer.text


def test_a_given_request_id_is_the_instance(client: FlaskClient) -> None:
    answer = client.get("/api/v1/me", headers={"X-Request-ID": "erp-run-0001"})
    assert answer.json["instance"] == "urn:tusker:request:erp-run-0001"


def test_pages_still_answer_with_pages(client: FlaskClient) -> None:
    assert client.get("/apix").content_type.startswith("text/html")
