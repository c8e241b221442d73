"""Quotes and requests, over the real courier."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Barrier
from typing import Any

import psycopg2
import pytest
from flask import Flask
from sqlalchemy import event, func, select

from tests.support.api import Api
from tests.support.courier_double import CourierDouble
from tests.support.values import NOW, PROGRAMME_LIMIT, TERMS, TODAY
from tusker.carriers.http import CarrierHttp, HttpLimits
from tusker.carriers.tusker import TuskerCarrier
from tusker.domain.credit.risk import RuleKind
from tusker.extensions import db
from tusker.models import CreditLine, Customer, IdempotencyKey, Invoice, LineStatus, SupplierAccount
from tusker.queries.record.proof import prove
from tusker.services.context import Context
from tusker.services.credit.customers.companies import CustomerData, create_customer
from tusker.services.credit.customers.identities import IdentityData, set_carrier_identities
from tusker.services.credit.customers.lines import set_line_status
from tusker.services.credit.requesting.financing import cancel_invoice
from tusker.services.credit.risk.rules import RuleData, add_rule
from tusker.transactions import transaction

Caller = Callable[[Customer], Api]
MakeLine = Callable[..., CreditLine]

pytestmark = pytest.mark.usefixtures("stopped_clock")


def money(minor: int) -> dict[str, Any]:
    return {"minor": minor, "value": f"{minor // 100}.{minor % 100:02d}", "currency": "INR"}


def count_invoices() -> int:
    found = db.session.scalar(select(func.count()).select_from(Invoice)) or 0
    db.session.rollback()
    return found


@pytest.fixture
def line(make_line: MakeLine, courier: CourierDouble) -> CreditLine:
    """A line with an order ORD-1 of 10,000.00 on it."""
    made = make_line()
    courier.add_order("ORD-1", made.supplier_id, made.purchaser_id, 10_000_00)
    return made


@pytest.fixture
def api(call_as: Caller, line: CreditLine) -> Api:
    """The supplier of the line."""
    return call_as(line.supplier.customer)


def test_a_quote_shows_figures_and_limits_and_stores_nothing(api: Api, line: CreditLine) -> None:
    answer = api.post("/quotes", {"order_ref": " ORD-1 "})
    assert answer.status_code == 200
    body = answer.json
    assert body["amount"] == money(10_000_00)
    assert body["principal"] == money(8_000_00)
    # 8000 * 0.18 * 90 / 365 = 355.0685
    assert body["interest"] == body["cost"] == money(355_07)
    assert body["due_at_term"] == money(8_355_07)
    assert body["due_on"] == "2026-05-31"
    assert body["terms"]["apr"] == "0.18"
    assert body["terms_version"] == 1
    assert body["purchaser"]["id"] == line.purchaser_id
    assert body["limits"]["credit_line"] == body["limits"]["supplier"]
    assert body["limits"]["supplier"]["limit"] == money(100_000_00)
    assert body["limits"]["purchaser"] == {
        "limit": None,
        "used": None,
        "waiting": None,
        "available": money(100_000_00),
    }
    assert body["refusal"] is None
    assert count_invoices() == 0


def test_a_quote_on_upfront_terms_tells_the_payout(api: Api, line: CreditLine) -> None:
    with transaction():
        line.interest_timing, line.fee_min, line.fee_max, line.recourse_days = "upfront", 50_00, 60_00, 30
    body = api.post("/quotes", {"order_ref": "ORD-1"}).json
    assert body["cost"] == money(405_07)
    assert body["payout"] == money(8_000_00 - 405_07)
    assert body["due_at_term"] == money(8_000_00)
    terms = body["terms"]
    assert (terms["interest_timing"], terms["recourse_days"]) == ("upfront", 30)
    assert (terms["fee_min"], terms["fee_max"]) == (money(50_00), money(60_00))


def test_a_quote_says_which_limit_would_not_hold(api: Api, line: CreditLine, courier: CourierDouble) -> None:
    courier.add_order("BIG", line.supplier_id, line.purchaser_id, 200_000_00)
    body = api.post("/quotes", {"order_ref": "BIG"}).json
    assert body["refusal"] == {"bound": "credit_line", "lacking": money(60_000_00)}


def test_a_request_that_holds_is_approved(api: Api, line: CreditLine) -> None:
    answer = api.post("/invoices", {"order_ref": "ORD-1", "carrier": "tusker", "terms_version": 1})
    assert answer.status_code == 201
    body = answer.json
    assert answer.headers["Location"] == f"/api/v1/invoices/{body['id']}"
    assert (body["number"], body["status"], body["side"]) == ("ORD-1", "approved", "supplier")
    assert (body["amount"], body["principal"]) == (money(10_000_00), money(8_000_00))
    assert body["shipment"]["order_ref"] == "ORD-1"
    assert body["refusal"] is None
    assert body["loan"] is None
    stored = db.session.get_one(Invoice, body["id"])
    assert (stored.source, stored.supplier_id) == ("api", line.supplier_id)
    assert prove().holds
    assert db.session.get_one(SupplierAccount, line.supplier_id).used_amount == 8_000_00


def test_a_request_holds_one_connection_at_a_time_where_rules_are_read(
    api: Api, ctx: Context, make_line: MakeLine
) -> None:
    other = make_line()
    with transaction():
        about = RuleData(RuleKind.MAX_INVOICE, 10**9, other.supplier_id, other.purchaser_id)
        add_rule(ctx, about, reason="none that large")
    held: list[int] = []

    def note(*_: object) -> None:
        held.append(db.engine.pool.checkedout())  # type: ignore[attr-defined]

    event.listen(db.engine, "checkout", note)
    try:
        answer = api.post("/invoices", {"order_ref": "ORD-1"})
    finally:
        event.remove(db.engine, "checkout", note)
    assert (answer.status_code, max(held)) == (201, 1)


def test_a_request_that_does_not_hold_is_a_stored_refusal(
    api: Api, line: CreditLine, courier: CourierDouble
) -> None:
    courier.add_order("BIG", line.supplier_id, line.purchaser_id, 200_000_00)
    answer = api.post("/invoices", {"order_ref": "BIG"})
    assert answer.status_code == 201
    assert answer.json["status"] == "rejected"
    assert answer.json["refusal"] == {"bound": "credit_line", "lacking": money(60_000_00)}
    assert db.session.get_one(SupplierAccount, line.supplier_id).used_amount == 0


def test_the_same_order_again_is_its_invoice(api: Api, courier: CourierDouble) -> None:
    first = api.post("/invoices", {"order_ref": "ORD-1"})
    again = api.post("/invoices", {"order_ref": "ORD-1"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json == first.json
    assert again.headers["Location"] == first.headers["Location"]
    assert courier.questions == 1
    assert count_invoices() == 1


def test_a_cancelled_order_may_be_requested_again(api: Api, ctx: Context) -> None:
    first = api.post("/invoices", {"order_ref": "ORD-1"}).json
    with transaction():
        cancel_invoice(ctx, first["id"], reason="wrong order")
    again = api.post("/invoices", {"order_ref": "ORD-1"})
    assert again.status_code == 201
    assert again.json["id"] != first["id"]


def test_the_number_of_something_else_is_a_duplicate(
    api: Api, line: CreditLine, ctx: Context, ask: Callable[..., Any]
) -> None:
    imported = ask(line, ref="ORD-1")
    db.session.execute(db.text("UPDATE shipments SET carrier = 'manual'"))
    db.session.commit()
    answer = api.post("/invoices", {"order_ref": "ORD-1"})
    assert answer.status_code == 409
    assert answer.json["type"] == "urn:tusker:problem:duplicate"
    assert answer.json["invoice_id"] == imported.invoice_id


def test_terms_that_changed_since_the_quote(api: Api) -> None:
    answer = api.post("/invoices", {"order_ref": "ORD-1", "terms_version": 7})
    assert answer.status_code == 409
    assert answer.json["type"] == "urn:tusker:problem:terms_changed"
    assert count_invoices() == 0


class TestOrdersThatCannotBeFinanced:
    """Each its own problem and its own words."""

    def ask(self, api: Api, ref: str) -> dict[str, Any]:
        quoted, answer = (api.post(path, {"order_ref": ref}) for path in ("/quotes", "/invoices"))
        assert quoted.json["type"] == answer.json["type"]
        assert quoted.status_code == 422
        assert answer.status_code == 422, answer.text
        assert answer.json["errors"][0]["field"] == "order_ref"
        assert count_invoices() == 0
        body: dict[str, Any] = answer.json
        return body

    def test_unknown(self, api: Api) -> None:
        body = self.ask(api, "NO-SUCH")
        assert body["type"] == "urn:tusker:problem:unknown_order"

    def test_of_another_supplier(
        self,
        api: Api,
        line: CreditLine,
        courier: CourierDouble,
        make_supplier: Callable[..., Customer],
    ) -> None:
        courier.add_order("THEIRS", make_supplier().id, line.purchaser_id, 1_000_00)
        assert self.ask(api, "THEIRS")["type"] == "urn:tusker:problem:unknown_order"

    def test_cancelled(self, api: Api, courier: CourierDouble) -> None:
        courier.set_status("ORD-1", 24)
        assert self.ask(api, "ORD-1")["type"] == "urn:tusker:problem:cancelled_order"

    def test_not_placed(self, api: Api, courier: CourierDouble) -> None:
        courier.set_status("ORD-1", 2)
        assert self.ask(api, "ORD-1")["type"] == "urn:tusker:problem:not_placed"

    def test_no_credit_line(
        self,
        api: Api,
        line: CreditLine,
        courier: CourierDouble,
        make_purchaser: Callable[..., Customer],
    ) -> None:
        courier.add_order("NEW", line.supplier_id, make_purchaser().id, 1_000_00)
        assert self.ask(api, "NEW")["type"] == "urn:tusker:problem:no_credit_line"

    def test_suspended_line(self, api: Api, line: CreditLine, ctx: Context) -> None:
        with transaction():
            set_line_status(ctx, line.id, LineStatus.SUSPENDED, reason="late payments")
        assert self.ask(api, "ORD-1")["type"] == "urn:tusker:problem:line_closed"


def test_only_suppliers_ask(call_as: Caller, line: CreditLine, courier: CourierDouble) -> None:
    api = call_as(line.purchaser.customer)
    for path in ("/quotes", "/invoices"):
        answer = api.post(path, {"order_ref": "ORD-1"})
        assert answer.status_code == 403
        assert answer.json["type"] == "urn:tusker:problem:not_allowed"
    assert courier.questions == 0


def test_a_company_that_is_both_asks_as_supplier(
    call_as: Caller,
    make_line: MakeLine,
    make_supplier: Callable[..., Customer],
    courier: CourierDouble,
    ctx: Context,
) -> None:
    with transaction():
        data = CustomerData("Both", supplier_limit=50_000_00, purchaser_limit=50_000_00, terms=TERMS)
        both = create_customer(ctx, data, programme_limit=PROGRAMME_LIMIT, notify=False)
        ids = [
            IdentityData("tusker", side, f"{letter}{both.id}")
            for side, letter in (("supplier", "C"), ("purchaser", "L"))
        ]
        set_carrier_identities(ctx, both.id, ids)
    selling, buying = make_line(supplier=both), make_line(purchaser=both)
    courier.add_order("SOLD", both.id, selling.purchaser_id, 1_000_00)
    courier.add_order("BOUGHT", buying.supplier_id, both.id, 1_000_00)
    api = call_as(both)
    assert api.post("/invoices", {"order_ref": "SOLD"}).status_code == 201
    assert api.post("/invoices", {"order_ref": "BOUGHT"}).status_code == 422
    assert call_as(buying.supplier.customer).post("/invoices", {"order_ref": "BOUGHT"}).status_code == 201
    items = api.get("/invoices").json["items"]
    assert [(item["number"], item["side"]) for item in items] == [
        ("BOUGHT", "purchaser"),
        ("SOLD", "supplier"),
    ]


class TestIdempotencyKey:
    """A key is one request for good."""

    def test_the_answer_comes_again_as_it_was(self, api: Api, ctx: Context, courier: CourierDouble) -> None:
        first = api.post("/invoices", {"order_ref": "ORD-1"}, key="k-1")
        with transaction():
            cancel_invoice(ctx, first.json["id"], reason="wrong order")
        again = api.post("/invoices", {"carrier": "tusker", "order_ref": "ORD-1 "}, key="k-1")
        assert (first.status_code, again.status_code) == (201, 201)
        assert again.json == first.json
        assert again.json["status"] == "approved"
        assert again.headers["Idempotency-Replayed"] == "true"
        assert again.headers["Location"] == first.headers["Location"]
        assert "Idempotency-Replayed" not in first.headers
        assert courier.questions == 1
        assert count_invoices() == 1

    def test_a_refusal_is_not_asked_twice(self, api: Api, line: CreditLine, courier: CourierDouble) -> None:
        courier.add_order("BIG", line.supplier_id, line.purchaser_id, 200_000_00)
        answers = [api.post("/invoices", {"order_ref": "BIG"}, key="k-1") for _ in range(2)]
        assert [answer.json["status"] for answer in answers] == ["rejected", "rejected"]
        assert count_invoices() == 1
        assert api.post("/invoices", {"order_ref": "BIG"}).status_code == 201
        assert count_invoices() == 2

    def test_for_something_else_it_is_refused(
        self, api: Api, line: CreditLine, courier: CourierDouble
    ) -> None:
        courier.add_order("ORD-2", line.supplier_id, line.purchaser_id, 1_000_00)
        assert api.post("/invoices", {"order_ref": "ORD-1"}, key="k-1").status_code == 201
        for body in ({"order_ref": "ORD-2"}, {"order_ref": "ORD-1", "terms_version": 1}):
            answer = api.post("/invoices", body, key="k-1")
            assert answer.status_code == 422
            assert answer.json["type"] == "urn:tusker:problem:idempotency_key_reused"
        assert count_invoices() == 1

    def test_a_problem_is_not_kept(self, api: Api, line: CreditLine, courier: CourierDouble) -> None:
        assert api.post("/invoices", {"order_ref": "LATER"}, key="k-1").status_code == 422
        courier.add_order("LATER", line.supplier_id, line.purchaser_id, 1_000_00)
        assert api.post("/invoices", {"order_ref": "LATER"}, key="k-1").status_code == 201

    def test_another_companys_key_is_another_key(
        self, api: Api, call_as: Caller, make_line: MakeLine, courier: CourierDouble
    ) -> None:
        other = make_line()
        courier.add_order("OTHER", other.supplier_id, other.purchaser_id, 1_000_00)
        assert api.post("/invoices", {"order_ref": "ORD-1"}, key="k-1").status_code == 201
        answer = call_as(other.supplier.customer).post("/invoices", {"order_ref": "OTHER"}, key="k-1")
        assert answer.status_code == 201
        assert answer.json["number"] == "OTHER"

    @pytest.mark.parametrize("key", ["", "x" * 121, "tab\there"])
    def test_it_must_be_a_sane_text(self, api: Api, key: str) -> None:
        answer = api.post("/invoices", {"order_ref": "ORD-1"}, key=key)
        assert answer.status_code == 422
        assert answer.json["errors"][0]["field"] == "Idempotency-Key"
        assert count_invoices() == 0


def at_once(
    app: Flask, secret: str, requests: list[tuple[str, str | None]]
) -> list[tuple[int, dict[str, Any]]]:
    """POST /invoices for (order, key) pairs from as many threads, all let go at the same moment."""
    barrier = Barrier(len(requests))

    def ask(order: str, key: str | None) -> tuple[int, dict[str, Any]]:
        api = Api(app.test_client(), secret)
        barrier.wait()
        answer = api.post("/invoices", {"order_ref": order}, key=key)
        return answer.status_code, answer.json

    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(lambda one: ask(*one), requests))


def test_sixteen_at_once_make_one_invoice(app: Flask, api: Api, line: CreditLine) -> None:
    answers = at_once(app, api.secret, [("ORD-1", None)] * 16)
    assert Counter(status for status, _ in answers) == {201: 1, 200: 15}
    assert len({body["id"] for _, body in answers}) == 1
    assert count_invoices() == 1
    assert (
        db.session.get_one(SupplierAccount, line.supplier_id, populate_existing=True).used_amount == 8_000_00
    )
    assert prove().holds


def test_sixteen_at_once_with_one_key_get_one_answer(app: Flask, api: Api) -> None:
    answers = at_once(app, api.secret, [("ORD-1", "k-1")] * 16)
    assert {status for status, _ in answers} == {201}
    assert len({body["id"] for _, body in answers}) == 1
    assert count_invoices() == 1
    assert db.session.scalar(select(func.count()).select_from(IdempotencyKey)) == 1


def test_sixteen_orders_with_one_key_are_one_invoice(
    app: Flask, api: Api, line: CreditLine, courier: CourierDouble
) -> None:
    orders = [courier.add_order(f"K-{n}", line.supplier_id, line.purchaser_id, 1_000_00) for n in range(16)]
    answers = at_once(app, api.secret, [(order, "k-1") for order in orders])
    assert Counter(status for status, _ in answers) == {201: 1, 422: 15}
    assert count_invoices() == 1
    assert prove().holds


def test_sixteen_refusals_with_one_key_are_one(
    app: Flask, api: Api, line: CreditLine, courier: CourierDouble
) -> None:
    courier.add_order("BIG", line.supplier_id, line.purchaser_id, 200_000_00)
    answers = at_once(app, api.secret, [("BIG", "k-1")] * 16)
    assert {(status, body["status"]) for status, body in answers} == {(201, "rejected")}
    assert count_invoices() == 1


def test_sixteen_for_more_than_a_limit_allows(
    app: Flask, api: Api, line: CreditLine, courier: CourierDouble
) -> None:
    # 16 orders with a principal of 16,000 each against limits of 100,000: six fit.
    orders = [courier.add_order(f"M-{n}", line.supplier_id, line.purchaser_id, 20_000_00) for n in range(16)]
    answers = at_once(app, api.secret, [(order, f"k-{order}") for order in orders])
    assert {status for status, _ in answers} == {201}
    assert Counter(body["status"] for _, body in answers) == {"approved": 6, "rejected": 10}
    assert prove().holds


class TestCourierAway:
    """What cannot be asked is a problem of its own; what is known is answered all the same."""

    @pytest.fixture
    def away(
        self, app: Flask, api: Api, courier: CourierDouble, monkeypatch: pytest.MonkeyPatch
    ) -> Callable[[], None]:
        def go() -> None:
            http = CarrierHttp("tusker", "http://127.0.0.1:9", {}, limits=HttpLimits(tries=1))
            carriers = {"tusker": TuskerCarrier(http, exponent=2)}
            monkeypatch.setitem(app.extensions, "tusker_carriers", carriers)

        return go

    def test_new_requests_wait(self, api: Api, away: Callable[[], None]) -> None:
        away()
        answer = api.post("/invoices", {"order_ref": "ORD-1"})
        assert answer.status_code == 503
        assert answer.json["type"] == "urn:tusker:problem:carrier_unavailable"
        assert answer.headers["Retry-After"] == "60"

    def test_known_ones_are_answered(self, api: Api, away: Callable[[], None]) -> None:
        first = api.post("/invoices", {"order_ref": "ORD-1"}, key="k-1")
        away()
        assert api.post("/invoices", {"order_ref": "ORD-1"}, key="k-1").json == first.json
        assert api.post("/invoices", {"order_ref": "ORD-1"}).status_code == 200

    def test_a_wrong_token_of_ours_is_no_500(self, api: Api, courier: CourierDouble) -> None:
        courier.fail("401", calls=1)
        answer = api.post("/invoices", {"order_ref": "ORD-1"})
        assert answer.status_code == 502
        assert answer.json["type"] == "urn:tusker:problem:carrier_error"


def test_the_courier_is_asked_outside_any_transaction(
    app: Flask, api: Api, courier: CourierDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_during_the_call = []
    ask = TuskerCarrier.fetch

    def watch(self: TuskerCarrier, refs: Any, **options: Any) -> Any:
        open_during_the_call.append(db.session().in_transaction())
        return ask(self, refs, **options)

    monkeypatch.setattr(TuskerCarrier, "fetch", watch)
    assert api.post("/quotes", {"order_ref": "ORD-1"}).status_code == 200
    db.session.rollback()
    assert api.post("/invoices", {"order_ref": "ORD-1"}, key="k").status_code == 201
    assert open_during_the_call == [False, False]


def test_dates_of_the_answers_are_the_clocks(api: Api) -> None:
    body = api.post("/invoices", {"order_ref": "ORD-1"}).json
    assert body["requested_at"] == NOW.isoformat().replace("+00:00", "Z")
    assert api.get("/me").json["business_date"] == TODAY.isoformat()


def test_connections_that_the_database_closed_are_replaced_before_they_are_used(
    test_config: dict[str, Any], api: Api
) -> None:
    """Without asking each time: what waits in the pool is found closed when it is taken."""
    assert api.post("/quotes", {"order_ref": "ORD-1"}).status_code == 200
    db.session.remove()
    with closing(psycopg2.connect(test_config["SQLALCHEMY_DATABASE_URI"].replace("+psycopg2", ""))) as other:
        cursor = other.cursor()
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert cursor.fetchone()[0] > 0
    assert api.post("/invoices", {"order_ref": "ORD-1"}).status_code == 201
