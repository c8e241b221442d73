"""What the OpenAPI document says and what the endpoint does, played against each other by Schemathesis with all its
checks: what the document allows is taken, what it does not is refused, and every answer is one that it describes."""

from __future__ import annotations

import json
import threading
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from flask import Flask
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from werkzeug.serving import make_server

from tests.support.api import Api
from tests.support.profiles import PROFILE, examples
from tusker.models import CreditLine, Customer

pytestmark = [pytest.mark.slow, pytest.mark.hypothesis]

CASES = 1_200
"""At least so many calls in CI."""
TAKEN = ["2xx", "401", "403", "404", "409", "422"]
"""What may come of a call as the document allows: also what the world answers, such as that there is no such order.
`called_invalid` looks at the 422s."""


@schemathesis.check
def called_invalid(_ctx: Any, answer: schemathesis.Response, case: schemathesis.Case) -> None:
    """Nothing is called invalid that the document allows, but for signs that this Python's tables do not know yet."""
    if case.meta is None or case.meta.generation.mode is not schemathesis.GenerationMode.POSITIVE:
        return
    if case.media_type == "application/octet-stream":  # what a file may hold, no schema tells
        return
    parts = [case.body if isinstance(case.body, dict | list) else None, case.query, case.path_parameters]
    sent = json.dumps(parts, ensure_ascii=False, default=str)
    if any(unicodedata.category(sign) == "Cn" for sign in sent):
        return
    if answer.status_code == 422:
        problem = json.loads(answer.content)
        assert problem["type"] != "urn:tusker:problem:invalid_input", problem["detail"]


@pytest.fixture
def served(app: Flask) -> Iterator[str]:
    """The address of a web server over the tests' database."""
    with make_server("127.0.0.1", 0, app, threaded=True) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_endpoint_is_as_described(
    served: str,
    call_as: Callable[[Customer], Api],
    make_line: Callable[..., CreditLine],
    make_invoice: Callable[..., Any],
    courier: Any,
) -> None:
    line = make_line()
    for status in ("approved", "disbursed"):
        make_invoice(status, line=line)
    courier.add_order("ORD-100045", line.supplier_id, line.purchaser_id, 10_000_00)  # the document's example
    config = SchemathesisConfig.from_dict(
        {
            **({} if PROFILE == "soak" else {"seed": 1}),
            "headers": {"Authorization": f"Bearer {call_as(line.supplier.customer).secret}"},
            "generation": {"max-examples": examples(40), "database": "none"},
            "checks": {"positive_data_acceptance": {"expected-statuses": TAKEN}},
            # an invoice has a place on the waiting list once it was left there, and not by being made
            "operations": [
                {
                    "include-path": "/invoices/{invoice_id}/waiting",
                    "checks": {"ensure_resource_availability": {"enabled": False}},
                }
            ],
            "continue-on-failure": True,
            "request-timeout": 60,
        }
    )
    schema = schemathesis.openapi.from_url(f"{served}/api/v1/openapi.json", config=config)
    calls, failures, errors = 0, {}, []
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            calls += len(event.recorder.interactions)
            for check in (check for checks in event.recorder.checks.values() for check in checks):
                if check.failure_info is not None:
                    failure = check.failure_info.failure
                    failures.setdefault(
                        (event.recorder.label, check.name),
                        f"{failure.title}: {failure.message}\n{check.failure_info.code_sample}",
                    )
        elif isinstance(event, events.NonFatalError | events.FatalError):
            errors.append(str(event))
    print(f"{calls} calls")  # noqa: T201
    assert not errors, errors
    assert not failures, "\n\n".join(f"{where}: {words}" for where, words in failures.items())
    assert calls >= min(CASES, examples(CASES))
