"""Parcels over the JSON endpoint, by the command and from CSV files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests.support.api import Api
from tests.support.fake_server import FakeServer, reply
from tests.support.parcels import registrations, the_invoice, tracker, trackers
from tests.support.tokens import token_made
from tusker.carriers.registry import get_carriers
from tusker.csv.tables import read_table
from tusker.extensions import db
from tusker.models import CreditLine, Customer, Invoice
from tusker.services.context import Context
from tusker.services.credit.importing.file import ImportOptions, parse_mapping, read_invoices
from tusker.services.credit.importing.running import ImportReport, run_import
from tusker.transactions import transaction


@pytest.fixture
def api(app: Flask, ctx: Context, line: CreditLine) -> Api:
    return caller(app, ctx, line.supplier.customer)


def caller(app: Flask, ctx: Context, customer: Customer) -> Api:
    with transaction():
        _, secret = token_made(ctx, customer.id, "ERP")
    return Api(app.test_client(), secret)


def parcel(line: CreditLine, **other: Any) -> dict[str, Any]:
    return {
        "carrier": "easypost",
        "tracking_number": "ez1000000001",
        "credit_line_id": line.id,
        "number": "INV-1",
        "amount": 10_000_00,
        "invoice_date": "2026-02-27",
        **other,
    }


def fields_named(answer: Any) -> list[str]:
    return sorted(error["field"] for error in answer.json["errors"])


def test_me_says_which_carriers_track_parcels(vendor: FakeServer, api: Api) -> None:
    body = api.get("/me").json
    assert body["carriers"] == ["aftership", "easypost", "shippo", "tusker"]
    assert body["parcel_carriers"] == ["aftership", "easypost", "shippo"]


def test_a_quote_registers_nothing(vendor: FakeServer, api: Api, line: CreditLine) -> None:
    vendor.otherwise = trackers()
    body = api.post("/quotes", parcel(line)).json
    assert (body["number"], body["order_ref"], body["shipment_status"]) == ("INV-1", "EZ1000000001", None)
    assert (body["principal"]["minor"], body["credit_line_id"]) == (8_000_00, line.id)
    assert registrations(vendor) == []


def test_a_request_and_its_repetitions(vendor: FakeServer, api: Api, line: CreditLine) -> None:
    vendor.otherwise = trackers(tracker())
    first = api.post("/invoices", parcel(line), key="k-1")
    assert first.status_code == 201, first.text
    assert (first.json["number"], first.json["invoice_date"]) == ("INV-1", "2026-02-27")
    assert first.json["shipment"]["order_ref"] == "usps/EZ1000000001"
    replayed = api.post("/invoices", parcel(line), key="k-1")
    assert (replayed.status_code, replayed.headers["Idempotency-Replayed"]) == (201, "true")
    asked = len(vendor.requests)
    for ref in ("EZ1000000001", "usps/EZ1000000001"):
        again = api.post("/invoices", parcel(line, tracking_number=ref))
        assert (again.status_code, again.json["id"]) == (200, first.json["id"])
    assert len(vendor.requests) == asked, "what is known needs no question"
    reused = api.post("/invoices", parcel(line, amount=1), key="k-1")
    assert reused.json["type"] == "urn:tusker:problem:idempotency_key_reused"


@pytest.mark.parametrize(
    ("other", "field"),
    [
        ({"amount": 20_000_00}, "number"),
        ({"tracking_number": "EZ2000000002"}, "number"),
        ({"number": "INV-2"}, "tracking_number"),
    ],
)
def test_anything_else_of_the_same_is_a_duplicate(
    other: dict[str, Any], field: str, vendor: FakeServer, api: Api, line: CreditLine
) -> None:
    vendor.otherwise = trackers(tracker())
    first = api.post("/invoices", parcel(line)).json
    answer = api.post("/invoices", parcel(line, **other))
    assert (answer.status_code, answer.json["invoice_id"]) == (409, first["id"])
    assert fields_named(answer) == [field]


@pytest.mark.parametrize("path", ["/quotes", "/invoices"])
def test_each_wrong_field_is_named(path: str, vendor: FakeServer, api: Api, line: CreditLine) -> None:
    lacking = api.post(path, {"carrier": "easypost", "order_ref": "ORD-1"})
    assert fields_named(lacking) == [
        "amount",
        "credit_line_id",
        "invoice_date",
        "number",
        "order_ref",
        "tracking_number",
    ]
    for body, fields in (
        (parcel(line, carrier="tusker", order_ref="ORD-1", amount=None), None),
        (parcel(line, tracking_number="no!"), ["tracking_number"]),
        (parcel(line, carrier="shippo"), ["tracking_number"]),
        (parcel(line, invoice_date="2099-01-01"), ["invoice_date"]),
        (parcel(line, amount=0), ["amount"]),
        (parcel(line, credit_line_id=line.id + 99), ["credit_line_id"]),
    ):
        answer = api.post(path, body)
        assert answer.status_code == 422, body
        assert fields is None or fields_named(answer) == fields
    assert api.post(path, {"order_ref": "NO-SUCH-1"}).json["type"] == "urn:tusker:problem:unknown_order"
    no_name = api.post(path, {**parcel(line), "carrier": None})
    assert fields_named(no_name) == ["carrier"]
    assert vendor.requests == []


def test_a_line_of_others_is_as_unknown_as_none(
    app: Flask, vendor: FakeServer, api: Api, line: CreditLine, make_line: Callable[..., CreditLine]
) -> None:
    other = make_line()
    theirs, nobodys = (
        api.post("/invoices", parcel(line, credit_line_id=line_id)).json for line_id in (other.id, 10**9)
    )
    assert theirs["detail"] == nobodys["detail"]
    assert theirs["type"] == "urn:tusker:problem:no_credit_line"
    assert db.session.scalar(select(func.count()).select_from(Invoice)) == 0


def test_an_unknown_number_names_its_field(vendor: FakeServer, api: Api, line: CreditLine) -> None:
    vendor.script = [trackers(), reply(422, "{}")]
    answer = api.post("/invoices", parcel(line))
    assert answer.json["type"] == "urn:tusker:problem:unknown_order"
    assert fields_named(answer) == ["tracking_number"]


class TestTheCommand:
    def run(self, app: Flask, line: CreditLine, *more: str, carrier: str = "easypost") -> Any:
        words = ["request-financing", str(line.supplier_id), "ez1000000001", "--carrier", carrier, *more]
        return app.test_cli_runner().invoke(args=words)

    def options(self, line: CreditLine) -> list[str]:
        given = {"line": str(line.id), "number": "INV-1", "amount": "10000", "date": "2026-02-27"}
        return [word for name, value in given.items() for word in (f"--{name}", value)]

    def test_requests_a_parcel(self, app: Flask, vendor: FakeServer, line: CreditLine) -> None:
        vendor.otherwise = trackers()
        checked = self.run(app, line, *self.options(line), "--check")
        assert checked.exit_code == 0, checked.output
        assert "₹8,000.00" in checked.output
        assert registrations(vendor) == []
        vendor.otherwise = trackers(tracker())
        assert "Approved: invoice #" in self.run(app, line, *self.options(line)).output
        invoice, shipment = the_invoice()
        assert (invoice.number, invoice.source, shipment.order_ref) == (
            "INV-1",
            "command",
            "usps/EZ1000000001",
        )

    def test_says_which_option_is_missing_or_too_much(
        self, app: Flask, vendor: FakeServer, line: CreditLine
    ) -> None:
        missing = self.run(app, line, *self.options(line)[2:])
        assert missing.exit_code == 1
        assert "give --line" in missing.output
        extra = self.run(app, line, "--amount", "5", carrier="tusker")
        assert "leave --amount out" in extra.output


class TestFiles:
    def run(self, ctx: Context, line: CreditLine, *rows: str) -> ImportReport:
        mapping = (
            "number=No,supplier=Seller,purchaser=Buyer,amount=Amount,date=Date,order_ref=Ref,carrier=Carrier"
        )
        options = ImportOptions(mapping=parse_mapping(mapping), carriers=frozenset(get_carriers()))
        names = f"{line.supplier.customer.name},{line.purchaser.customer.name}"
        lines = [row.replace("@", names) for row in rows]
        text = "\n".join(["No,Seller,Buyer,Amount,Date,Ref,Carrier", *lines])
        file = read_invoices(ctx, read_table(text.encode()), options)
        return run_import(ctx, file, options, transaction=transaction)

    def test_parcels_are_stored_in_one_spelling_and_followed(
        self, ctx: Context, vendor: FakeServer, line: CreditLine
    ) -> None:
        report = self.run(ctx, line, "INV-1,@,100,2026-02-27,USPS/ez1000000001,easypost")
        assert [str(result.outcome) for result in report.results] == ["approved"]
        shipment = the_invoice()[1]
        assert (shipment.carrier, shipment.order_ref) == ("easypost", "usps/EZ1000000001")
        assert shipment.next_poll_at is not None
        again = self.run(ctx, line, "INV-2,@,100,2026-02-27,usps/EZ1000000001,shippo")
        assert [str(result.outcome) for result in again.results] == ["conflict"]
        assert "as invoice INV-1" in again.results[0].reason

    @pytest.mark.parametrize("ref", ["EZ1000000001", "no!"])
    def test_a_parcel_has_to_name_its_courier(
        self, ref: str, ctx: Context, vendor: FakeServer, line: CreditLine
    ) -> None:
        report = self.run(ctx, line, f"INV-1,@,100,2026-02-27,{ref},easypost")
        assert [str(result.outcome) for result in report.results] == ["invalid"]
        assert report.results[0].reason.startswith("Ref: ")
        assert vendor.requests == []
