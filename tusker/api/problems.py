"""Errors of `/api/` as RFC 9457 problem details, and the table of all problems."""

import logging
from dataclasses import dataclass

from flask import Response, current_app
from flask_limiter.errors import RateLimitExceeded
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from tusker.api.schemas import FieldError, Problem
from tusker.carriers.base import CarrierUnavailable
from tusker.errors import TooManyTries, TuskerError
from tusker.watching.logs import work_id
from tusker.web.errors import seconds_to_wait

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
NO_TOKEN = "Send a valid API token in the header “Authorization: Bearer …”."  # noqa: S105 (a sentence)
CHALLENGE = 'Bearer realm="tusker"'


@dataclass(frozen=True, slots=True)
class Kind:
    """A problem: its HTTP status, its constant title, and what a caller should do about it."""

    status: int
    title: str
    advice: str


KINDS: dict[str, Kind] = {
    "malformed_json": Kind(400, "The body is not JSON", "Send UTF-8 JSON."),
    "bad_request": Kind(400, "The request cannot be understood", "Correct the request."),
    "unauthorized": Kind(401, "No valid API token", "Send a token that is neither revoked nor expired."),
    "bad_signature": Kind(
        401, "The signature does not fit the body", "Sign the raw body with the secret that was agreed on."
    ),
    "not_allowed": Kind(
        403,
        "The company or the token may not do this",
        "Financing is requested by suppliers, with a token that may.",
    ),
    "not_found": Kind(404, "Not found", "It does not exist, or it belongs to another company."),
    "method_not_allowed": Kind(405, "Method not allowed", "See the header Allow."),
    "conflict": Kind(409, "It has changed in the meantime", "Read it again."),
    "duplicate": Kind(
        409, "Requested already", "`invoice_id` names the invoice that holds this number, where it is known."
    ),
    "terms_changed": Kind(409, "The terms have changed", "Ask for a new quote and send its `terms_version`."),
    "too_large": Kind(
        413,
        "The body is too large",
        "A body may have 64 KiB, a batch 512 KiB, a webhook 4 MiB, a document what the lender allows (at first 10 MB).",
    ),
    "unsupported_media_type": Kind(415, "Not application/json", "Send `Content-Type: application/json`."),
    "invalid_input": Kind(422, "Something sent cannot be taken", "`errors` names each field."),
    "idempotency_key_reused": Kind(
        422, "The idempotency key was used for something else", "Take a new key for a new request."
    ),
    "unknown_carrier": Kind(422, "Unknown delivery company", "`GET /me` lists the known ones."),
    "unknown_order": Kind(422, "Unknown order", "The delivery company knows no such order of yours."),
    "cancelled_order": Kind(422, "The order was cancelled or returned", "It cannot be financed."),
    "not_placed": Kind(422, "The order cannot be financed yet", "Ask again once it is placed."),
    "no_value": Kind(422, "The order has no usable value", "Have its declared value corrected."),
    "no_credit_line": Kind(422, "No credit line with the purchaser", "Ask the lender to set one up."),
    "line_closed": Kind(422, "The credit line is closed", "It is suspended or not valid today."),
    "financing_refused": Kind(422, "The order cannot be financed", "See `detail`."),
    "too_many_requests": Kind(429, "Too many requests", "Wait as many seconds as `Retry-After` says."),
    "internal_error": Kind(500, "Something went wrong here", "Nothing was saved; tell us the `instance`."),
    "carrier_error": Kind(502, "The delivery company answered badly", "Nothing was saved; ask again later."),
    "carrier_unavailable": Kind(503, "The delivery company does not answer", "Nothing was saved; ask again."),
    "unavailable": Kind(503, "Tusker is not available", "Ask again in a minute."),
}

_BY_STATUS = {
    400: "bad_request",
    401: "unauthorized",
    403: "not_allowed",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid_input",
    429: "too_many_requests",
    502: "carrier_error",
    503: "unavailable",
}


class ApiError(Exception):
    """A problem that only the JSON endpoint knows; `code` is one of `KINDS`."""

    def __init__(self, code: str, detail: str, errors: list[FieldError] | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.errors = errors


def on_error(error: TuskerError | HTTPException) -> Response:
    """The answer to any error of a request below `/api/`, unknown addresses and methods too."""
    if isinstance(error, TuskerError):
        return _of_tusker_error(error)
    return _of_http_error(error)


def on_api_error(error: ApiError) -> Response:
    """The answer to an `ApiError`."""
    answer = _answer(described(error))
    if error.code == "unauthorized":
        answer.headers["WWW-Authenticate"] = CHALLENGE
    return answer


def described(error: TuskerError | ApiError) -> Problem:
    """An error as a problem."""
    if isinstance(error, ApiError):
        return _problem(error.code, error.detail, errors=error.errors)
    code = str(error.details.get("problem", error.code))
    if code not in KINDS:
        code = _BY_STATUS.get(error.http_status, "bad_request")
    errors = [FieldError(field=error.field, message=error.message)] if error.field else None
    invoice_id = error.details.get("invoice_id")
    return _problem(
        code, error.message, errors=errors, invoice_id=invoice_id if isinstance(invoice_id, int) else None
    )


def _problem(
    code: str, detail: str, *, errors: list[FieldError] | None = None, invoice_id: int | None = None
) -> Problem:
    """A problem of a known kind; `instance` is the request's id, which stands in our log too."""
    kind = KINDS[code]
    return Problem(
        type=f"urn:tusker:problem:{code}",
        title=kind.title,
        status=kind.status,
        detail=detail,
        instance=f"urn:tusker:request:{work_id.get()}",
        errors=errors,
        invoice_id=invoice_id,
    )


def _answer(found: Problem) -> Response:
    written = found.model_dump_json(exclude_none=True)
    return current_app.response_class(written, status=found.status, mimetype=MEDIA_TYPE)


def _of_tusker_error(error: TuskerError) -> Response:
    answer = _answer(described(error))
    if isinstance(error, CarrierUnavailable):
        answer.headers["Retry-After"] = "60"
    if isinstance(error, TooManyTries):
        answer.headers["Retry-After"] = str(error.details["seconds"])
    return answer


def _of_http_error(error: HTTPException) -> Response:
    status = error.code or 500
    code = "internal_error" if status == 500 else _BY_STATUS.get(status, "bad_request")
    answer = _answer(_problem(code, KINDS[code].advice))
    for name, value in error.get_headers():
        if name in {"Allow", "Retry-After"}:
            answer.headers[name] = value
    if isinstance(error, RateLimitExceeded):
        answer.headers["Retry-After"] = str(seconds_to_wait())
    return answer


_MESSAGES = {
    "missing": "{field} is missing.",
    "extra_forbidden": "{field} is not known here.",
    "string_type": "{field} must be text.",
    "string_too_short": "{field} must not be empty.",
    "string_too_long": "{field} may have at most {max_length} characters.",
    "int_type": "{field} must be a whole number.",
    "int_parsing": "{field} must be a whole number.",
    "int_parsing_size": "{field} is too large.",
    "int_from_float": "{field} must be a whole number.",
    "greater_than_equal": "{field} must be at least {ge}.",
    "less_than_equal": "{field} must be at most {le}.",
    "enum": "{field} must be {expected}.",
    "literal_error": "{field} must be {expected}.",
    "string_pattern_mismatch": "{field} is not one that was given here.",
    "model_type": "The body must be a JSON object.",
    "model_attributes_type": "The body must be a JSON object.",
}


def refuse_invalid(error: ValidationError, *, where: str) -> ApiError:
    """The errors that pydantic found, as sentences that name each field; `where` is “body” or “query”."""
    found = error.errors(include_url=False, include_input=False, include_context=True)
    if found[0]["type"] == "json_invalid":
        return ApiError("malformed_json", "The body is not valid JSON.")
    errors = []
    for item in found[:20]:
        field = ".".join(str(part) for part in item["loc"])[:80] or where
        if item["type"].startswith("date_"):
            message = f"{field} must be a date, such as 2026-03-02."
        elif item["type"].startswith("datetime"):
            message = f"{field} must be a time, such as 2026-03-02T06:30:00Z."
        elif item["type"] == "value_error":
            message = f"{field} {item['ctx']['error']}"
        else:
            template = _MESSAGES.get(item["type"], "{field} cannot be taken.")
            message = template.format_map({**item.get("ctx", {}), "field": field})
        errors.append(FieldError(field=field, message=message))
    return ApiError("invalid_input", " ".join(e.message for e in errors), errors)
