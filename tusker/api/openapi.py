"""The OpenAPI 3.1 document, made from the declared operations and their pydantic models."""

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from flask import current_app
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from tusker.api import schemas
from tusker.api.credit.subject import DETAILS, REFS
from tusker.api.endpoints import OPERATIONS, PREFIX, Operation
from tusker.api.inputs import LONGEST_KEY
from tusker.api.problems import CHALLENGE, KINDS, MEDIA_TYPE
from tusker.web.urls import LARGEST_ID

_REF = "#/components/schemas/{model}"
_REQUEST_ID = {"X-Request-ID": {"$ref": "#/components/headers/RequestId"}}
_OF_WEBHOOKS = (
    "bad_request",
    "bad_signature",
    "not_found",
    "too_large",
    "too_many_requests",
    "internal_error",
)
_CARRIER = {"type": "string", "pattern": "^[a-z_]{1,40}$"}
_ALWAYS = ("unauthorized", "too_many_requests", "internal_error")

_ABOUT = """\
Financing of invoices for suppliers and their purchasers: quote an order, request financing, follow the invoice.

**Tokens.** Each company makes its own under *API tokens* and sends one as `Authorization: Bearer tsk_…`. A token sees
its own company's data only. Cookies count for nothing here.

**Money** is an object with `minor` (an integer in paise or cents: calculate with it) and `value` (decimal text in
major units). Rates are decimal text, fractions a year. No amount is ever a JSON number with a fraction.

**Lists** are newest first. `next_cursor` of a page is the `cursor` of the next; it is null on the last one.

**Repeating a request** is safe: an order is financed once, and a repetition is answered with its invoice (200).
With an `Idempotency-Key`, the very answer given first comes again, for {kept} days.

**Calls** of one token are limited to {rate}; beyond that 429 with `Retry-After` in seconds.

**Problems** are `application/problem+json` (RFC 9457): `type` is `urn:tusker:problem:` and a name that does not change,
`errors` names each field that cannot be taken, `instance` and the header `X-Request-ID` carry the id under which we
find the request in our log. All of them are listed under *Problems*.
"""

_PROBLEMS = """\
Every `type` there is, without its `urn:tusker:problem:`.

| problem | status | meaning | what to do |
| --- | --- | --- | --- |
{rows}
"""


@cache
def document(rate: str, carriers: tuple[tuple[str, bool], ...]) -> dict[str, Any]:
    """The whole document; `rate` is what a token may call, such as “600 per minute”, `carriers` the delivery companies
    by name, with whether they declare orders."""
    paths: dict[str, dict[str, Any]] = {}
    for declared in OPERATIONS:
        paths.setdefault(path_of(declared), {})[declared.method.lower()] = _operation(declared)
    paths["/carriers/{carrier}/webhook"] = {"post": _webhook()}
    rows = "\n".join(
        f"| `{code}` | {kind.status} | {kind.title} | {kind.advice} |" for code, kind in KINDS.items()
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tusker",
            "version": "1.0.0",
            "summary": "Invoice financing",
            "description": _ABOUT.format(rate=rate, kept=current_app.config["KEEP_GUARDS_DAYS"]),
        },
        # Relative to the document, so that calls are tried at the address that the reader came by.
        "servers": [{"url": PREFIX}],
        "security": [{"token": []}],
        "tags": [
            {"name": "Financing", "description": "Quote an order and request financing for it."},
            {"name": "Invoices", "description": "What was requested and what became of it."},
            {"name": "Account", "description": "Your company, its credit lines and limits."},
            {"name": "Delivery companies", "description": "What they tell by themselves; not for companies."},
            {"name": "Problems", "description": _PROBLEMS.format(rows=rows), "x-traitTag": True},
        ],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "An API token of your company."}
            },
            "schemas": _schemas(carriers),
            "headers": {
                "RequestId": {"description": "The id of this request.", "schema": {"type": "string"}},
            },
        },
    }


def path_of(declared: Operation) -> str:
    """The operation's path as OpenAPI writes it: `/invoices/{invoice_id}`."""
    return re.sub(r"<[^>]*:(\w+)>", r"{\1}", declared.rule)


def _operation(declared: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": declared.name,
        "tags": [declared.tag],
        "summary": declared.summary,
        "description": declared.description,
        "parameters": _parameters(declared),
        "responses": _responses(declared),
    }
    if declared.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _ref(declared.body)}},
        }
    if declared.takes_file:
        described["requestBody"] = {"required": True, "content": {"application/octet-stream": {"schema": {}}}}
    return {name: value for name, value in described.items() if value}


def _parameters(declared: Operation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "integer", "format": "int64", "minimum": 1, "maximum": LARGEST_ID},
        }
        for name in re.findall(r"<[^>]*:(\w+)>", declared.rule)
    ]
    if declared.query is not None:
        found += _query_parameters(declared.query)
    if declared.keyed:
        found.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "description": "Any text of your own, such as a UUID, used for one request only. Keys are kept for "
                f"{current_app.config['KEEP_GUARDS_DAYS']} days and belong to the company, whichever of its tokens is "
                "used.",
                "schema": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": LONGEST_KEY,
                    "pattern": "^[!-~]([ -~]*[!-~])?$",
                },
            }
        )
    return found


def _query_parameters(model: type[BaseModel]) -> list[dict[str, Any]]:
    described = model.model_json_schema(ref_template=_REF)
    parameters = []
    for name, schema in described["properties"].items():
        # A parameter that may be left out is absent, never null.
        branches = [part for part in schema.get("anyOf", [schema]) if part.get("type") != "null"]
        kept = {
            k: v for k, v in schema.items() if k not in {"anyOf", "title", "description"} and v is not None
        }
        inner = {**branches[0], **kept}
        parameters.append(
            {
                "name": name,
                "in": "query",
                "required": name in described.get("required", []),
                "description": schema.get("description", ""),
                "schema": {k: v for k, v in inner.items() if k not in {"title", "description"}},
            }
        )
    return parameters


def _responses(declared: Operation) -> dict[str, Any]:
    answers: dict[str, Any] = {
        str(status): {
            "description": words,
            "headers": {**_REQUEST_ID, **_own_headers(declared)},
            "content": {"application/json": {"schema": _ref(declared.answer)}}
            if declared.answer
            else {kind: {"schema": {}} for kind in declared.file_types},
        }
        for status, words in sorted(declared.answers.items())
    }
    return answers | _problem_answers((*_ALWAYS, *_input_problems(declared), *declared.problems))


def _problem_answers(problems: Iterable[str]) -> dict[str, Any]:
    """The answers of these problems by their statuses."""
    answers: dict[str, Any] = {}
    by_status: dict[int, list[str]] = {}
    for code in dict.fromkeys(problems):
        by_status.setdefault(KINDS[code].status, []).append(code)
    for status, codes in sorted(by_status.items()):
        headers: dict[str, Any] = dict(_REQUEST_ID)
        if "unauthorized" in codes:
            headers["WWW-Authenticate"] = {"schema": {"type": "string", "const": CHALLENGE}}
        if status in {429, 503}:
            headers["Retry-After"] = {"description": "Seconds to wait.", "schema": {"type": "integer"}}
        answers[str(status)] = {
            "description": "; ".join(f"{KINDS[code].title} (`{code}`)" for code in codes),
            "headers": headers,
            "content": {MEDIA_TYPE: {"schema": _ref(schemas.Problem)}},
        }
    return answers


def _webhook() -> dict[str, Any]:
    """What delivery companies call. Not an `Operation`: it takes raw bytes and no token."""
    kept = {
        "description": "Kept, or known already. What it says is recorded within seconds.",
        "headers": _REQUEST_ID,
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
        "parameters": [{"name": "carrier", "in": "path", "required": True, "schema": _CARRIER}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": {}}}},
        "responses": {"202": kept} | _problem_answers(_OF_WEBHOOKS),
    }


def _own_headers(declared: Operation) -> dict[str, Any]:
    if not declared.keyed:
        return {}
    return {
        "Location": {"description": "The invoice.", "schema": {"type": "string"}},
        "Idempotency-Replayed": {
            "description": "`true` when this answer was kept under the key.",
            "schema": {"type": "string"},
        },
    }


def _input_problems(declared: Operation) -> tuple[str, ...]:
    if declared.takes_file:
        return ("bad_request", "too_large", "invalid_input")
    if "<" in declared.rule:
        return ("bad_request", "invalid_input")
    if declared.body is not None:
        return ("malformed_json", "too_large", "unsupported_media_type", "invalid_input")
    return ("invalid_input",) if declared.query is not None else ()


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=model.__name__)}


def _schemas(carriers: tuple[tuple[str, bool], ...]) -> dict[str, Any]:
    outputs = {declared.answer for declared in OPERATIONS if declared.answer is not None} | {schemas.Problem}
    inputs = {declared.body for declared in OPERATIONS if declared.body is not None}
    queries = {declared.query for declared in OPERATIONS if declared.query is not None}
    wanted = [(model, "serialization") for model in outputs]
    wanted += [(model, "validation") for model in inputs | queries]
    _, described = models_json_schema(sorted(wanted, key=lambda w: w[0].__name__), ref_template=_REF)  # type: ignore[arg-type]
    found = described["$defs"]
    for name in ("QuoteRequest", "InvoiceRequest", "BatchItem"):
        found[name] = _by_carrier(found[name], carriers)
    of_batch = found["InvoiceBatch"]["properties"]["items"]
    of_batch["items"] = {"anyOf": [of_batch["items"], {}]}  # what cannot be taken is that item's answer
    names = {model.__name__ for model in queries}
    return {name: schema for name, schema in sorted(found.items()) if name not in names}


def _by_carrier(schema: dict[str, Any], carriers: tuple[tuple[str, bool], ...]) -> dict[str, Any]:
    """A request as it must be: of an order or of a parcel, where there is a delivery company for it."""
    forms = []
    for orders, needed in ((True, REFS[:1]), (False, (*REFS[1:], *DETAILS))):
        names = [name for name, declares in carriers if declares is orders]
        if not names:
            continue
        properties = {}
        for name, field in schema["properties"].items():
            if name in needed:
                [kept] = [branch for branch in field["anyOf"] if branch.get("type") != "null"]
                properties[name] = {**kept, "description": field["description"]}
            elif name == "carrier":
                listed = names if len(names) > 1 else [*names, None]
                properties[name] = {"enum": listed, "description": field["description"]}
            else:
                properties[name] = {"type": "null"} if name in (*REFS, *DETAILS) else field
        required = [*needed, *(["carrier"] if len(names) > 1 else [])]
        forms.append({**schema, "properties": properties, "required": required})
    for form in forms:
        form.pop("examples", None)
    about: dict[str, Any] = {
        key: schema[key] for key in ("title", "description", "examples") if key in schema
    }
    return {**about, "oneOf": forms} if forms else schema
