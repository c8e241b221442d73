"""The document says what the endpoint does: every rule, every status, every body."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.api import Api
from tusker.api.problems import KINDS
from tusker.models import CreditLine, Customer
from tusker.services.record.housekeeping import Kept
from tusker.web.access import BY_TOKEN, MARK

PREFIX = "/api/v1"


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    answer = client.get(f"{PREFIX}/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json
    return found


def test_it_holds_exactly_the_rules_there_are(app: Flask, document: dict[str, Any]) -> None:
    rules = {
        (method, re.sub(r"<[^>]*:(\w+)>", r"{\1}", rule.rule.removeprefix(PREFIX)))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/") and rule.endpoint != "api_docs.openapi"
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    described = {
        (method.upper(), path) for path, operations in document["paths"].items() for method in operations
    }
    assert described == rules
    assert ("POST", "/invoices") in rules


def test_every_rule_asks_for_a_token(app: Flask, client: FlaskClient) -> None:
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/api/") or rule.endpoint in {"api_docs.openapi", "api.webhook"}:
            continue
        assert getattr(app.view_functions[rule.endpoint], MARK) == BY_TOKEN
        path = re.sub(r"<[^>]*>", "1", rule.rule)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            assert client.open(path, method=method).status_code == 401, (method, path)


def test_it_says_how_long_keys_are_kept(document: dict[str, Any]) -> None:
    """The same time after which the daily clean-up forgets them."""
    (key,) = (
        p for p in document["paths"]["/invoices"]["post"]["parameters"] if p["name"] == "Idempotency-Key"
    )
    assert f"Keys are kept for {Kept().guards} days" in key["description"]
    assert f"comes again, for {Kept().guards} days" in document["info"]["description"]


def test_it_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    assert document["servers"] == [{"url": PREFIX}]
    operations = [op for path in document["paths"].values() for op in path.values()]
    ids = [op["operationId"] for op in operations]
    assert len(ids) == len(set(ids))
    for op in operations:
        assert op["summary"]
        assert op["description"]
        assert {"401", "429", "500"} <= op["responses"].keys()


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def walk(part: Any) -> None:
        if isinstance(part, dict):
            if isinstance(ref := part.get("$ref"), str):
                target: Any = document
                for key in ref.removeprefix("#/").split("/"):
                    target = target[key]
                used.add(ref.rsplit("/", 1)[1])
            for value in part.values():
                walk(value)
        elif isinstance(part, list):
            for value in part:
                walk(value)

    used: set[str] = set()
    walk(document)
    assert set(document["components"]["schemas"]) <= used


def test_every_problem_is_listed(document: dict[str, Any]) -> None:
    for code in KINDS:
        assert f"`{code}`" in document["tags"][-1]["description"]


def test_query_parameters_are_described(document: dict[str, Any]) -> None:
    parameters = {p["name"]: p for p in document["paths"]["/invoices"]["get"]["parameters"]}
    assert set(parameters) == {"limit", "cursor", "status", "number", "loan", "since"}
    assert parameters["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 100, "default": 50}
    assert "repaid" in str(document["components"]["schemas"]["InvoiceStatus"]["enum"])
    assert all(p["description"] for p in parameters.values())
    assert not any(p["required"] for p in parameters.values())


def test_answers_are_as_described(
    document: dict[str, Any],
    call_as: Callable[[Customer], Api],
    make_line: Callable[..., CreditLine],
    make_invoice: Callable[..., Any],
    courier: Any,
) -> None:
    line = make_line()
    made = make_invoice("disbursed", line=line)
    courier.add_order("ORD-1", line.supplier_id, line.purchaser_id, 10_000_00)
    courier.add_order("BIG", line.supplier_id, line.purchaser_id, 900_000_00)
    api = call_as(line.supplier.customer)
    answers = [
        ("/quotes", "post", api.post("/quotes", {"order_ref": "ORD-1"})),
        ("/invoices", "post", api.post("/invoices", {"order_ref": "ORD-1"})),
        ("/invoices", "post", api.post("/invoices", {"order_ref": "ORD-1"})),
        ("/invoices", "post", api.post("/invoices", {"order_ref": "BIG"})),
        ("/invoices", "post", api.post("/invoices", {"order_ref": "NONE"})),
        ("/invoices", "post", api.post("/invoices", {})),
        ("/invoices", "get", api.get("/invoices")),
        ("/invoices/{invoice_id}", "get", api.get(f"/invoices/{made.id}?include=events")),
        ("/invoices/{invoice_id}", "get", api.get("/invoices/999999")),
        ("/credit-lines", "get", api.get("/credit-lines")),
        ("/me", "get", api.get("/me")),
        ("/me", "get", api.client.get("/api/v1/me")),
    ]
    for path, method, answer in answers:
        described = document["paths"][path][method]["responses"][str(answer.status_code)]
        schema = described["content"][answer.content_type]["schema"]
        assert list(mismatches(document, schema, answer.json)) == [], (path, method, answer.status_code)


TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "null": type(None),
}


def mismatches(document: dict[str, Any], schema: dict[str, Any], value: Any, at: str = "") -> Iterator[str]:
    """Where a value is not as its schema says, for the keywords that the document uses."""
    known = {
        "$ref",
        "anyOf",
        "type",
        "enum",
        "const",
        "properties",
        "required",
        "additionalProperties",
        "items",
    }
    notes = {"title", "description", "format", "examples", "default", "minimum"}
    assert schema.keys() <= known | notes, f"{at}: a keyword that this check does not know"
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/components/schemas/")
        yield from mismatches(document, document["components"]["schemas"][name], value, at)
        return
    if "anyOf" in schema:
        found = [list(mismatches(document, branch, value, at)) for branch in schema["anyOf"]]
        if all(found):
            yield from min(found, key=len)
        return
    kind = TYPES[schema["type"]]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        yield f"{at}: {value!r} is no {schema['type']}"
        return
    if value not in schema.get("enum", [value]) or value != schema.get("const", value):
        yield f"{at}: {value!r} is not one of those listed"
    for name in schema.get("required", []):
        if name not in value:
            yield f"{at}/{name} is missing"
    if schema["type"] == "object":
        assert schema["additionalProperties"] is False, at
        for name, item in value.items():
            if name not in schema["properties"]:
                yield f"{at}/{name} is not described"
            else:
                yield from mismatches(document, schema["properties"][name], item, f"{at}/{name}")
    for number, item in enumerate(value if schema["type"] == "array" else []):
        yield from mismatches(document, schema["items"], item, f"{at}/{number}")
