"""Webhooks of delivery companies: check the signature, store the bytes for a worker, answer."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from tusker import clock
from tusker.api import schemas
from tusker.api.auth import count_failure
from tusker.api.endpoints import bp
from tusker.api.problems import KINDS, MEDIA_TYPE, ApiError
from tusker.carriers.registry import get_carriers, get_webhook_secret
from tusker.errors import NotFound
from tusker.services.context import Context
from tusker.services.delivery.webhooks import keep_webhook
from tusker.transactions import transaction
from tusker.web.access import by_signature

LARGEST_WEBHOOK = 4 * 1024 * 1024
PATH = "/carriers/{carrier}/webhook"
_NAME = {"type": "string", "pattern": "^[a-z_]{1,40}$"}
_PROBLEMS = ("bad_request", "bad_signature", "not_found", "too_large", "too_many_requests", "internal_error")


@bp.post("/carriers/<string(maxlength=40):carrier>/webhook")
@by_signature
def webhook(carrier: str) -> Response:
    """Store a signed webhook for a worker; the same bytes sent again are stored once and get the same answer."""
    request.max_content_length = LARGEST_WEBHOOK
    known = get_carriers().get(carrier)
    if known is None or not known.has_webhooks:
        raise NotFound("No delivery company of this name sends webhooks here.")
    raw = request.get_data(cache=False)
    if not known.verify_webhook(raw, dict(request.headers), get_webhook_secret(carrier)):
        count_failure()
        raise ApiError("bad_signature", KINDS["bad_signature"].advice)
    now, today = clock.now(), clock.today()
    with transaction():
        keep_webhook(Context(actor_id=None, actor=f"webhook {carrier}", now=now, today=today), carrier, raw)
    return Response(status=202)


def described() -> dict[str, Any]:
    """The operation for the OpenAPI document. Not an `operation`: it takes raw bytes and no token."""
    request_id = {"X-Request-ID": {"$ref": "#/components/headers/RequestId"}}
    problem = {"schema": {"$ref": f"#/components/schemas/{schemas.Problem.__name__}"}}
    answers: dict[str, Any] = {
        "202": {
            "description": "Kept, or known already. What it says is recorded within seconds.",
            "headers": request_id,
        }
    }
    for code in _PROBLEMS:
        kind = KINDS[code]
        headers: dict[str, Any] = dict(request_id)
        if kind.status == 429:
            headers["Retry-After"] = {"description": "Seconds to wait.", "schema": {"type": "integer"}}
        answers[str(kind.status)] = {
            "description": f"{kind.title} (`{code}`)",
            "headers": headers,
            "content": {MEDIA_TYPE: problem},
        }
    return {
        "operationId": "webhook",
        "tags": ["Delivery companies"],
        "summary": "Tell of a shipment",
        "description": (
            "For delivery companies, in each one's own format, signed over the raw body as each one does it"
            " (`tusker`: `X-Tusker-Signature: sha256=` and the hexadecimal HMAC-SHA256). At most 4 MiB."
            " Sending the same again is safe."
        ),
        "security": [],
        "parameters": [{"name": "carrier", "in": "path", "required": True, "schema": _NAME}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": {}}}},
        "responses": answers,
    }
