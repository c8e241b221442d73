"""What a token may read: its own company's invoices and credit lines."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.support import counting
from tests.support.api import Api
from tests.support.invoices import deliver, order_on
from tests.support.values import NOW, TODAY, at
from tusker import clock
from tusker.extensions import db
from tusker.models import CreditLine, Customer, Invoice, LineStatus
from tusker.services.context import Context
from tusker.services.credit.customers.lines import set_line_status
from tusker.services.credit.requesting.financing import request_financing
from tusker.services.loans.book.platform_ids import set_platform_references
from tusker.transactions import transaction

Caller = Callable[[Customer], Api]
MakeInvoice = Callable[..., Invoice]

pytestmark = pytest.mark.usefixtures("stopped_clock")


def numbers(api: Api, query: str = "") -> list[str]:
    answer = api.get(f"/invoices{query}")
    assert answer.status_code == 200, answer.text
    return [item["number"] for item in answer.json["items"]]


class TestScope:
    """Everything of another company does not exist."""

    def test_each_side_sees_the_invoice_and_nobody_else(
        self, call_as: Caller, make_invoice: MakeInvoice, make_supplier: Callable[..., Customer]
    ) -> None:
        invoice = make_invoice()
        seller, buyer = call_as(invoice.supplier), call_as(invoice.purchaser)
        others = [
            call_as(make_supplier()),
            call_as(make_invoice().supplier),
            call_as(make_invoice().purchaser),
        ]
        path = f"/invoices/{invoice.id}"
        assert seller.get(path).json["side"] == "supplier"
        assert buyer.get(path).json["side"] == "purchaser"
        assert numbers(seller) == numbers(buyer) == [invoice.number]
        for other in others:
            answer = other.get(path)
            assert answer.status_code == 404
            assert answer.json["type"] == "urn:tusker:problem:not_found"
            assert invoice.number not in numbers(other)
            assert numbers(other, f"?number={invoice.number}") == []

    def test_what_does_not_exist_looks_the_same(
        self, call_as: Caller, make_invoice: MakeInvoice, make_supplier: Callable[..., Customer]
    ) -> None:
        theirs = make_invoice().id
        api = call_as(make_supplier())
        bodies = [api.get(f"/invoices/{number}").json for number in (theirs, 999_999)]
        assert bodies[0]["detail"] == bodies[1]["detail"]
        assert bodies[0]["type"] == bodies[1]["type"]

    def test_credit_lines(self, call_as: Caller, make_line: Callable[..., CreditLine]) -> None:
        mine, other = make_line(), make_line()
        items = call_as(mine.supplier.customer).get("/credit-lines").json["items"]
        assert [item["id"] for item in items] == [mine.id]
        items = call_as(other.purchaser.customer).get("/credit-lines").json["items"]
        assert [item["id"] for item in items] == [other.id]

    def test_a_refusal_is_the_suppliers_business(
        self, call_as: Caller, make_line: Callable[..., CreditLine], ask: Callable[..., Any]
    ) -> None:
        line = make_line(limit=1_000_00)
        refused = ask(line, 10_000_00).invoice_id
        path = f"/invoices/{refused}?include=events"
        seller = call_as(line.supplier.customer).get(path).json
        buyer = call_as(line.purchaser.customer).get(path).json
        assert seller["refusal"]["bound"] == "credit_line"
        assert seller["refusal"]["lacking"]["minor"] == 7_000_00
        assert seller["events"][0]["reason"] == "limit of the credit line"
        assert (buyer["status"], buyer["refusal"], buyer["events"][0]["reason"]) == ("rejected", None, "")


class TestInvoice:
    """One invoice in all its states."""

    def test_approved(self, call_as: Caller, make_invoice: MakeInvoice) -> None:
        invoice = make_invoice()
        body = call_as(invoice.supplier).get(f"/invoices/{invoice.id}").json
        assert body["status"] == "approved"
        assert body["amount"] == {"minor": 1000000, "value": "10000.00", "currency": "INR"}
        assert body["terms"]["advance_rate"] == "0.8"
        assert body["terms"]["penal_rate"] == "0"
        assert body["shipment"]["status"] == "pending"
        assert body["loan"] is None
        assert body["events"] is None

    def test_disbursed_shows_what_is_owed_live_and_at_term(
        self, call_as: Caller, make_invoice: MakeInvoice, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        invoice = make_invoice("disbursed")
        monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(days=30))
        api = call_as(invoice.purchaser)
        body = api.get(f"/invoices/{invoice.id}").json
        assert body["status"] == "disbursed"
        assert body["shipment"]["status"] == "delivered"
        loan = body["loan"]
        assert (loan["start_date"], loan["due_date"]) == (TODAY.isoformat(), "2026-05-31")
        assert loan["open_principal"]["minor"] == 8_000_00
        # 8000 * 0.18 * 30 / 365 = 118.356; for 90 days 355.0685
        assert loan["live"]["as_of"] == "2026-04-01"
        assert loan["live"]["interest"]["minor"] == 118_36
        assert loan["live"]["total"]["minor"] == 8_118_36
        assert loan["term"]["total"] == {"minor": 835507, "value": "8355.07", "currency": "INR"}
        assert api.get("/invoices").json["items"][0]["loan"] == loan

    def test_events_on_request(self, call_as: Caller, make_invoice: MakeInvoice) -> None:
        invoice = make_invoice("financeable")
        body = call_as(invoice.supplier).get(f"/invoices/{invoice.id}?include=events").json
        assert body["events"][0]["kind"] == "requested"
        assert body["events"][-1]["to_value"] == "financeable"
        assert "actor" not in body["events"][0]

    def test_an_id_beyond_every_number(self, call_as: Caller, make_supplier: Callable[..., Customer]) -> None:
        api = call_as(make_supplier())
        for number in (2**63, 10**40, 0, -1, "x", "1.0"):
            answer = api.get(f"/invoices/{number}")
            assert (answer.status_code, answer.content_type) == (404, "application/problem+json")


class TestList:
    """Pages and filters."""

    def test_pages_hold_each_invoice_once(
        self, call_as: Caller, make_line: Callable[..., CreditLine], ask: Callable[..., Any]
    ) -> None:
        line = make_line()
        made = [ask(line, 100_00, ref=f"N-{n}").invoice_id for n in range(7)]
        api = call_as(line.supplier.customer)
        seen, cursor, pages = [], None, 0
        while pages < 10:
            answer = api.get(
                "/invoices", query_string={"limit": 3, **({"cursor": cursor} if cursor else {})}
            ).json
            seen += [item["id"] for item in answer["items"]]
            pages, cursor = pages + 1, answer["next_cursor"]
            if cursor is None:
                break
            if pages == 1:
                ask(line, 100_00, ref="LATE")
        assert seen == made[::-1]
        assert pages == 3

    def test_a_full_last_page_says_that_it_is_the_last(
        self, call_as: Caller, make_line: Callable[..., CreditLine], ask: Callable[..., Any]
    ) -> None:
        line = make_line()
        for n in range(2):
            ask(line, 100_00, ref=f"N-{n}")
        api = call_as(line.supplier.customer)
        assert api.get("/invoices?limit=2").json["next_cursor"] is None
        assert api.get("/invoices?limit=1").json["next_cursor"] is not None

    def test_filters(self, call_as: Caller, ctx: Context, make_line: Callable[..., CreditLine]) -> None:
        line = make_line()
        for days, ref in enumerate(("OLD", "MID", "NEW")):
            order = order_on(line, 100_00, ref=ref)
            with transaction():
                decision = request_financing(at(ctx, days), line.supplier_id, order, source="test")
            if ref == "MID":
                deliver(ctx, decision.invoice_id, order)
        api = call_as(line.supplier.customer)
        assert numbers(api) == ["NEW", "MID", "OLD"]
        assert numbers(api, "?status=financeable") == ["MID"]
        assert numbers(api, "?number=OLD") == ["OLD"]
        assert numbers(api, "?since=2026-03-03T06:30:00Z") == ["NEW", "MID"]
        assert numbers(api, "?since=2026-03-03T12:00:01%2B05:30") == ["NEW"]
        assert numbers(api, "?status=approved&since=2026-03-03T00:00:00Z") == ["NEW"]

    def test_loans_are_found_by_our_id_and_by_the_platforms(
        self, call_as: Caller, make_invoice: MakeInvoice, ctx: Context
    ) -> None:
        invoice = make_invoice("disbursed")
        api = call_as(invoice.supplier)
        with transaction():
            set_platform_references(ctx, {invoice.id: "LN/26/7"})
        ours = api.get(f"/invoices/{invoice.id}").json["loan"]
        assert ours["platform_reference"] == "LN/26/7"
        for name in ("LN/26/7", ours["reference"]):
            assert numbers(api, f"?loan={name}") == [invoice.number]
        assert numbers(api, "?loan=LN") == []
        assert numbers(call_as(make_invoice("disbursed").supplier), "?loan=LN/26/7") == []

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("loan=", "loan"),
            ("status=paid", "status"),
            ("limit=0", "limit"),
            ("limit=201", "limit"),
            ("limit=ten", "limit"),
            ("limit=1e99", "limit"),
            ("cursor=%00", "cursor"),
            ("cursor=bm8", "cursor"),
            ("cursor=-1", "cursor"),
            ("limit=5.0", "limit"),
            ("limit=%D9%A5", "limit"),
            ("since=0.5", "since"),
            ("since=2026-03-03", "since"),
            ("cursor=" + "x" * 41, "cursor"),
            ("since=yesterday", "since"),
            ("since=2026-03-03T06:30:00", "since"),
            ("since=2026-13-03T06:30:00Z", "since"),
            ("number=" + "x" * 61, "number"),
            ("number=a%00b", "number"),
            ("number=", "number"),
            ("page=2", "page"),
            ("status=approved&status=rejected", "status"),
        ],
    )
    def test_a_wrong_filter_is_named(
        self, call_as: Caller, make_supplier: Callable[..., Customer], query: str, field: str
    ) -> None:
        answer = call_as(make_supplier()).get(f"/invoices?{query}")
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json["errors"]] == [field]
        assert field in answer.json["detail"]

    @pytest.mark.parametrize(
        "since",
        [
            "0001-01-01T00:00:00%2B14:00",
            "9999-12-31T23:59:59-14:00",
            "1900-01-01T00:00:00Z",
            "2937-09-09T11:56:23-20:42",
        ],
    )
    def test_far_away_times_are_only_far_away(
        self, call_as: Caller, make_supplier: Callable[..., Customer], since: str
    ) -> None:
        assert numbers(call_as(make_supplier()), f"?since={since}") == []

    def test_the_number_of_queries_does_not_grow(
        self, call_as: Caller, make_line: Callable[..., CreditLine], make_invoice: MakeInvoice
    ) -> None:
        line = make_line()
        api = call_as(line.supplier.customer)
        api.get("/me")  # the first use of a token is written down
        counts = []
        for _ in range(2):
            for _ in range(3):
                make_invoice("disbursed", line=line, value=100_00)
            db.session.expire_all()
            with counting.statements() as sent:
                assert len(numbers(api)) == 3 * (len(counts) + 1)
            counts.append(len(sent))
        assert counts[0] == counts[1] <= 5


class TestCreditLines:
    """Lines with what is left."""

    def test_what_is_left_goes_down_with_a_request(
        self, call_as: Caller, make_line: Callable[..., CreditLine], ask: Callable[..., Any]
    ) -> None:
        line = make_line(limit=20_000_00)
        ask(line, 10_000_00)
        db.session.expire_all()
        item = call_as(line.supplier.customer).get("/credit-lines").json["items"][0]
        assert item["side"] == "supplier"
        assert item["open"] is True
        limits = item["limits"]
        assert {k: v["minor"] for k, v in limits["credit_line"].items()} == {
            "limit": 20_000_00,
            "used": 8_000_00,
            "waiting": 0,
            "available": 12_000_00,
        }
        assert limits["supplier"]["available"]["minor"] == 92_000_00
        assert limits["purchaser"]["limit"] is None
        assert limits["purchaser"]["available"]["minor"] == 92_000_00
        assert limits["available"]["minor"] == 12_000_00

    def test_a_purchaser_does_not_see_the_suppliers_limit(
        self, call_as: Caller, make_supplier: Callable[..., Customer], make_line: Callable[..., CreditLine]
    ) -> None:
        line = make_line(supplier=make_supplier(limit=1_00), limit=20_000_00)
        limits = call_as(line.purchaser.customer).get("/credit-lines").json["items"][0]["limits"]
        assert limits["supplier"] is None
        assert limits["purchaser"]["limit"]["minor"] == 100_000_00
        assert limits["available"]["minor"] == 20_000_00

    def test_a_suspended_line_is_not_open(
        self, call_as: Caller, ctx: Context, make_line: Callable[..., CreditLine]
    ) -> None:
        line = make_line()
        with transaction():
            set_line_status(ctx, line.id, LineStatus.SUSPENDED, reason="late")
        item = call_as(line.supplier.customer).get("/credit-lines").json["items"][0]
        assert (item["status"], item["open"]) == ("suspended", False)

    def test_pages(
        self, call_as: Caller, make_supplier: Callable[..., Customer], make_line: Callable[..., CreditLine]
    ) -> None:
        supplier = make_supplier()
        made = [make_line(supplier=supplier).id for _ in range(3)]
        api = call_as(supplier)
        db.session.expire_all()
        with counting.statements() as sent:
            first = api.get("/credit-lines?limit=2").json
        assert len(sent) <= 5
        second = api.get(f"/credit-lines?limit=2&cursor={first['next_cursor']}").json
        assert [item["id"] for item in first["items"] + second["items"]] == made[::-1]
        assert second["next_cursor"] is None
