"""Callers with tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.conftest import NOW
from tusker import clock
from tusker.models import Customer
from tusker.services.context import Context
from tusker.services.people.tokens import create_token
from tusker.transactions import transaction


@dataclass
class Api:
    """A caller with a token."""

    client: FlaskClient
    secret: str

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(f"/api/v1{path}", headers=self._headers(), **options)

    def post(self, path: str, body: object = None, *, key: str | None = None, **options: Any) -> TestResponse:
        headers = {**self._headers(), **options.pop("headers", {})}
        if key is not None:
            headers["Idempotency-Key"] = key
        if "data" not in options:
            options["json"] = body
        return self.client.post(f"/api/v1{path}", headers=headers, **options)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}


@pytest.fixture
def call_as(app: Flask, ctx: Context) -> Callable[[Customer], Api]:
    """A caller with a new token of this company."""

    def caller(customer: Customer) -> Api:
        with transaction():
            _, secret = create_token(ctx, customer.id, "ERP")
        return Api(app.test_client(), secret)

    return caller


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The app's clock stands at `NOW`."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
