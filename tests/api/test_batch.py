"""Many requests in one call: each is answered as it would be by itself."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests.support import counting
from tests.support.api import Api
from tests.support.courier_double import CourierDouble
from tusker.domain.credit.risk import RuleKind
from tusker.extensions import db
from tusker.models import CreditLine, Customer, Invoice
from tusker.queries.record.proof import prove
from tusker.services.context import Context
from tusker.services.credit.risk.rules import RuleData, add_rule
from tusker.transactions import transaction

Caller = Callable[[Customer], Api]
MakeLine = Callable[..., CreditLine]

pytestmark = pytest.mark.usefixtures("stopped_clock")

VALUES = {
    "A-1": 10_000_00,
    "A-01": 10_000_00,  # looks like A-1
    "a-1": 10_000_00,  # is A-1, typed differently
    "B": 30_000_00,
    "C": 50_000_00,
    "D": 5_000_00,
    "E": 5_000_00,
    "BIG": 900_000_00,
    "NIL": 0,
}


def stock(courier: CourierDouble, line: CreditLine) -> Callable[[str], str]:
    """Put the orders at the courier for a supplier; how each is called there."""

    def called(name: str) -> str:
        return f"{name}-{line.supplier_id}"

    for name, value in VALUES.items():
        courier.add_order(called(name), line.supplier_id, line.purchaser_id, value)
    return called


def drawn(chance: random.Random) -> list[dict[str, Any]]:
    """Some items, of which many have an order or a key in common."""
    names = [*VALUES, "UNKNOWN"]
    items: list[dict[str, Any]] = []
    for _ in range(chance.randint(1, 12)):
        item: dict[str, Any] = {"order_ref": chance.choice(names)}
        if chance.random() < 0.4:
            item["idempotency_key"] = chance.choice(["k-1", "k-2"])
        if chance.random() < 0.1:
            item["terms_version"] = chance.choice([1, 7])
        if chance.random() < 0.1:
            item["order_ref"] = chance.choice([7, "", "x" * 61])
        items.append(item)
    return items


def told(status: int, body: dict[str, Any], ids: dict[int, int]) -> tuple[object, ...]:
    """What an answer says, with invoices named by the order in which they were met."""
    if "type" in body:
        known = ids.get(body.get("invoice_id", 0))
        return status, body["type"], [error["field"] for error in body.get("errors", [])], known
    place = ids.setdefault(body["id"], len(ids))
    shipped = body["shipment"] and body["shipment"]["status"]
    parts = ("status", "amount", "principal", "refusal", "lacks", "waits_for", "requested_at", "terms")
    return status, place, body["number"].rpartition("-")[0], shipped, *(str(body[part]) for part in parts)


@pytest.mark.parametrize("seed", range(6))
def test_each_item_is_answered_as_by_itself(
    seed: int, call_as: Caller, make_line: MakeLine, courier: CourierDouble
) -> None:
    items = drawn(random.Random(seed))
    answers = []
    for together in (True, False):
        line = make_line()
        called, api = stock(courier, line), call_as(line.supplier.customer)
        asked = [
            {**item, "order_ref": called(ref) if isinstance(ref := item["order_ref"], str) and ref else ref}
            for item in items
        ]
        ids: dict[int, int] = {}
        if together:
            found = api.post("/invoices/batch", {"items": asked}).json["items"]
            each = [(one["status"], one["invoice"] or one["problem"], one["replayed"]) for one in found]
        else:
            each = []
            for item in asked:
                key = item.pop("idempotency_key", None)
                answer = api.post("/invoices", item, key=key)
                replayed = "Idempotency-Replayed" in answer.headers
                each.append((answer.status_code, answer.json, replayed))
        answers.append([(*told(status, body, ids), replayed) for status, body, replayed in each])
    assert answers[0] == answers[1]
    assert prove().holds


@pytest.fixture
def line(make_line: MakeLine) -> CreditLine:
    """A line with a limit of 100,000.00."""
    return make_line()


@pytest.fixture
def api(call_as: Caller, line: CreditLine) -> Api:
    """Its supplier."""
    return call_as(line.supplier.customer)


@pytest.mark.parametrize("planned", [True, False])
def test_what_is_answered_is_what_is_read_afterwards(
    app: Flask,
    monkeypatch: pytest.MonkeyPatch,
    planned: bool,
    api: Api,
    line: CreditLine,
    courier: CourierDouble,
) -> None:
    monkeypatch.setitem(app.config, "PREPARE_STATEMENTS", planned)
    called = stock(courier, line)
    items = [{"order_ref": called(name)} for name in ("A-1", "A-01", "BIG")]
    answers = [one["invoice"] for one in api.post("/invoices/batch", {"items": items}).json["items"]]
    assert [answer["status"] for answer in answers] == ["approved", "approved", "rejected"]
    assert [answer["waits_for"] for answer in answers] == [["delivery"], ["number", "delivery"], []]
    for answer in answers:
        assert api.get(f"/invoices/{answer['id']}").json == answer


def test_statements_do_not_grow_with_the_batch(api: Api, line: CreditLine, courier: CourierDouble) -> None:
    def cost(name: str, size: int) -> int:
        refs = [
            courier.add_order(f"{name}-{n}", line.supplier_id, line.purchaser_id, 100_00) for n in range(size)
        ]
        items = [{"order_ref": ref, "idempotency_key": f"k-{ref}"} for ref in refs]
        with counting.statements() as sent:
            found = api.post("/invoices/batch", {"items": items}).json["items"]
        assert {one["status"] for one in found} == {201}
        return len(sent)

    cost("first", 1)
    # The token, what is known, rules that have requests decided one by one, standings, admission, keys.
    assert (cost("few", 3), cost("many", 40)) == (6, 6)


def test_where_shares_of_the_book_are_bounded_each_counts_for_the_next(
    app: Flask,
    ctx: Context,
    api: Api,
    line: CreditLine,
    courier: CourierDouble,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(app.config, "BOOK_AT_LEAST", Decimal(10_000))
    with transaction():
        add_rule(ctx, RuleData(RuleKind.SHARE, 5_000), reason="prudence")
    called = stock(courier, line)
    items = [{"order_ref": called(name)} for name in ("D", "E")]
    first, second = api.post("/invoices/batch", {"items": items}).json["items"]
    assert (first["status"], second["status"]) == (201, 422)
    assert "more than 50% of the book" in second["problem"]["detail"]


def test_two_batches_at_once_make_one_invoice_of_each_order(
    app: Flask, api: Api, line: CreditLine, courier: CourierDouble
) -> None:
    refs = [courier.add_order(f"O-{n}", line.supplier_id, line.purchaser_id, 100_00) for n in range(20)]
    barrier = Barrier(4)

    def ask(number: int) -> list[tuple[int, int]]:
        order = refs if number % 2 else refs[::-1]
        items = [{"order_ref": ref, "idempotency_key": f"k-{ref}"} for ref in order]
        caller = Api(app.test_client(), api.secret)
        barrier.wait()
        found = caller.post("/invoices/batch", {"items": items}).json["items"]
        return [(one["status"], one["invoice"]["id"]) for one in found]

    with ThreadPoolExecutor(4) as pool:
        answers = [answer for each in pool.map(ask, range(4)) for answer in each]
    assert {status for status, _ in answers} == {201}
    assert set(Counter(invoice for _, invoice in answers).values()) == {4}
    assert db.session.scalar(select(func.count()).select_from(Invoice)) == len(refs)
    assert prove().holds


def test_how_many_and_by_whom(api: Api, line: CreditLine, call_as: Caller, courier: CourierDouble) -> None:
    for items in ([], [{"order_ref": "X"}] * 501):
        assert api.post("/invoices/batch", {"items": items}).status_code == 422
    mine = call_as(line.purchaser.customer).post("/invoices/batch", {"items": [{"order_ref": "X"}]})
    assert (mine.status_code, mine.json["type"]) == (403, "urn:tusker:problem:not_allowed")
    assert courier.questions == 0
