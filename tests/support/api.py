"""A caller of the API with a token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse


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

    def delete(self, path: str) -> TestResponse:
        return self.client.delete(f"/api/v1{path}", headers=self._headers())

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}
