"""The `flask` commands about invoices: what they say, what they write, how they fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select

from tests.support.courier_double import CourierDouble
from tusker.carriers.registry import MANUAL
from tusker.extensions import db
from tusker.models import CreditLine, Event, Invoice, Shipment
from tusker.transactions import transaction


@pytest.fixture
def run(app: Flask) -> Callable[..., Result]:
    runner = app.test_cli_runner()
    return lambda *words: runner.invoke(args=[str(word) for word in words])


@pytest.fixture
def order(courier: CourierDouble, make_line: Callable[..., CreditLine]) -> CreditLine:
    line = make_line()
    courier.add_order("ORD-7", line.supplier_id, line.purchaser_id, 10_000_00)
    return line


def test_request_by_name_shows_figures_and_requests(run: Callable[..., Result], order: CreditLine) -> None:
    name = order.supplier.customer.name
    checked = run("request-financing", name, "ORD-7", "--check")
    assert checked.exit_code == 0
    for words in ("₹10,000.00", "₹8,000.00", "₹355.07", "₹1,00,000.00 left, then ₹92,000.00"):
        assert words in checked.output
    assert db.session.scalars(select(Invoice)).all() == []
    done = run("request-financing", name.upper(), "ORD-7")
    assert done.exit_code == 0, done.output
    invoice = db.session.scalars(select(Invoice)).one()
    assert f"Approved: invoice #{invoice.id}." in done.output
    assert (invoice.status, invoice.source) == ("approved", "command")
    event = db.session.scalars(select(Event).where(Event.subject == "invoice")).one()
    assert event.actor == "flask request-financing"


def test_refusal_exits_with_two(
    run: Callable[..., Result], courier: CourierDouble, make_line: Callable[..., CreditLine]
) -> None:
    line = make_line(limit=5_000_00)
    courier.add_order("ORD-8", line.supplier_id, line.purchaser_id, 10_000_00)
    result = run("request-financing", line.supplier_id, "ORD-8")
    assert result.exit_code == 2
    assert "the limit of the credit line is exceeded by ₹3,000.00" in result.output
    assert db.session.scalars(select(Invoice)).one().status == "rejected"


@pytest.mark.parametrize(
    ("supplier", "ref", "words"),
    [
        ("Nobody", "ORD-7", "supplier: No customer has the name, reference or id “Nobody”"),
        (None, "NOPE", "order_ref: The delivery company knows no order “NOPE”"),
        (None, "x" * 61, "order_ref: The order reference must have 1 to 60 characters"),
    ],
)
def test_errors_name_the_field(
    run: Callable[..., Result], order: CreditLine, supplier: str | None, ref: str, words: str
) -> None:
    result = run("request-financing", supplier or order.supplier_id, ref)
    assert result.exit_code == 1
    assert words in result.output
    assert db.session.scalars(select(Invoice)).all() == []


def test_unknown_carrier_and_carrier_down(
    run: Callable[..., Result], order: CreditLine, courier: CourierDouble
) -> None:
    result = run("request-financing", order.supplier_id, "ORD-7", "--carrier", "pigeons")
    assert (result.exit_code, "carrier: " in result.output) == (1, True)
    courier.fail("401")
    result = run("request-financing", order.supplier_id, "ORD-7")
    assert (result.exit_code, "does not accept our token" in result.output) == (1, True)


def test_show_tells_everything(run: Callable[..., Result], make_invoice: Callable[..., Invoice]) -> None:
    invoice = make_invoice("disbursed")
    result = run("show-invoice", f"#{invoice.id}")
    assert result.exit_code == 0, result.output
    for words in (
        invoice.number,
        "disbursed",
        "₹8,000.00",
        f"L-1-{invoice.id}",
        "₹8,355.07",
        "delivered",
    ):
        assert words in result.output
    assert run("show-invoice", invoice.number).output == result.output


def test_a_number_means_the_live_invoice(
    run: Callable[..., Result], ask: Callable[..., Any], make_line: Callable[..., CreditLine]
) -> None:
    first, second = make_line(limit=5_000_00), make_line()
    ask(first, ref="N-1")
    ask(first, ref="N-1")
    refused = run("show-invoice", "N-1")
    assert (refused.exit_code, "invoice: Several invoices are called “N-1”" in refused.output) == (1, True)
    live = ask(second, ref="N-1").invoice_id
    assert f"#{live} N-1" in run("show-invoice", "N-1").output
    missing = run("show-invoice", "N-2")
    assert (missing.exit_code, "invoice: No invoice is called “N-2”" in missing.output) == (1, True)


def test_list_filters_and_says_when_there_is_more(
    run: Callable[..., Result], ask: Callable[..., Any], make_line: Callable[..., CreditLine]
) -> None:
    line, other = make_line(), make_line()
    ask(line, ref="A-1")
    ask(line, ref="A-2")
    ask(other, ref="B-1")
    rows = [
        row.split("\t") for row in run("list-invoices", "--supplier", line.supplier_id).output.splitlines()
    ]
    assert [row[1] for row in rows] == ["A-2", "A-1"]
    assert rows[0][2:] == [
        "approved",
        line.supplier.customer.name,
        line.purchaser.customer.name,
        "10000.00",
        "8000.00",
        "-",
    ]
    assert run("list-invoices", "--status", "repaid").output == ""
    assert "There are more than 2" in run("list-invoices", "--limit", 2).output
    assert run("list-invoices", "--status", "lost").exit_code == 2
    assert "purchaser: No customer" in run("list-invoices", "--purchaser", "Nobody").output


def test_cancel_frees_and_needs_a_reason(
    run: Callable[..., Result], make_invoice: Callable[..., Invoice], make_line: Callable[..., CreditLine]
) -> None:
    line = make_line()
    invoice = make_invoice(line=line)
    assert run("cancel-invoice", invoice.number).exit_code == 2
    blank = run("cancel-invoice", invoice.number, "--reason", " ")
    assert (blank.exit_code, "reason: " in blank.output) == (1, True)
    done = run("cancel-invoice", invoice.number, "--reason", "Ordered twice")
    assert done.exit_code == 0, done.output
    db.session.refresh(line)
    assert line.used_amount == 0
    again = run("cancel-invoice", f"#{invoice.id}", "--reason", "Ordered twice")
    assert (again.exit_code, "cannot become cancelled" in again.output) == (1, True)


def test_report_delivery(run: Callable[..., Result], make_invoice: Callable[..., Invoice]) -> None:
    invoice = make_invoice()
    tracked = run("report-delivery", invoice.number, "--reason", "Signed note")
    assert (tracked.exit_code, "cannot be entered by hand" in tracked.output) == (1, True)
    with transaction():
        db.session.query(Shipment).filter_by(invoice_id=invoice.id).update({"carrier": MANUAL})
    assert run("report-delivery", invoice.number, "--reason", "Signed note").exit_code == 0
    db.session.refresh(invoice)
    assert invoice.status == "financeable"
