"""What a purchaser pays, when and how: the same figures as its list, the account, the reference and the code."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.pages import HTMX
from tests.support.values import TODAY
from tusker.currency import Currency
from tusker.domain.payout import pay_codes
from tusker.domain.payout.pay_codes import LONGEST_NOTE, fits_upi, reference_for, upi_uri
from tusker.extensions import db
from tusker.invoices.loans import paying, repaying
from tusker.models import CreditLine, Customer, Invoice, Loan, Role
from tusker.queries.loans.loans import loan_of_invoice
from tusker.queries.loans.payoff import payoff

pytestmark = pytest.mark.usefixtures("stopped_clock")


@pytest.fixture
def two(make_invoice: Callable[..., Invoice], line: CreditLine) -> list[Loan]:
    made = [make_invoice("disbursed", line=line, value=value) for value in (10_000_00, 5_000_00)]
    return [db.session.query(Loan).filter_by(invoice_id=invoice.id).one() for invoice in made]


@pytest.fixture
def buyer(login: Callable[..., FlaskClient], line: CreditLine) -> FlaskClient:
    return login(Role.PURCHASER, customer=db.session.get_one(Customer, line.purchaser_id))


def test_several_are_paid_at_once_for_what_pays_them_off(
    app: Flask, buyer: FlaskClient, two: list[Loan]
) -> None:
    day = TODAY + timedelta(days=30)
    total = 0
    for loan in two:
        row = loan_of_invoice(loan.invoice_id, TODAY)
        assert row is not None
        total += payoff(row, day, TODAY).due.total
    page = buyer.get(
        "/invoices/to-repay/pay", query_string={"loan": [loan.id for loan in two], "on": day.isoformat()}
    ).text
    assert f"{total / 100:,.2f}" in page.replace("₹", "")
    assert f"{two[0].reference} {two[1].reference}" in page
    for name in ("LENDER_ACCOUNT_NUMBER", "LENDER_IFSC", "LENDER_UPI"):
        assert app.config[name] in page
    assert f"am={total // 100}.{total % 100:02}&amp;cu=INR" in page
    assert "<svg" in page
    assert "no UPI code" not in page
    alone = buyer.get("/invoices/to-repay/pay", query_string={"loan": two[1].id}).text
    assert two[0].reference not in alone


def test_all_that_is_due_by_the_day_is_meant_without_a_choice(buyer: FlaskClient, two: list[Loan]) -> None:
    assert "Nothing is due by then" in buyer.get("/invoices/to-repay/pay").text
    page = buyer.get(f"/invoices/to-repay/pay?on={two[0].due_date}").text
    assert "2 invoices to pay" in page
    assert buyer.get("/invoices/to-repay/pay?on=2026-02-30").status_code == 422
    assert buyer.get(f"/invoices/to-repay/pay?on={TODAY - timedelta(days=1)}").status_code == 422


def test_what_is_chosen_on_several_pages_is_paid(
    buyer: FlaskClient, two: list[Loan], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tusker.web.lists.listing.PAGE_SIZE", 1)
    first = buyer.get("/invoices/to-repay").text
    assert f'name="loan" value="{two[0].id}"' in first
    url = re.search(r'formaction="([^"]*before=[^"]*)"', first)
    assert url
    second = buyer.post(unescape(url[1]), data={"loan": two[0].id}).text
    assert f'name="loan" value="{two[1].id}" data-select-row' in second
    [kept] = re.findall(r'name="loan" value="(\d+)"[^>]* checked', second)
    assert int(kept) == two[0].id
    paid = buyer.post("/invoices/to-repay", data={"loan": [kept, two[1].id], "pay": "selected"})
    assert paid.location == f"/invoices/to-repay/pay?loan={kept}&loan={two[1].id}"
    by_htmx = buyer.post("/invoices/to-repay", data={"loan": kept, "pay": "selected"}, headers=HTMX)
    assert by_htmx.headers["HX-Redirect"] == f"/invoices/to-repay/pay?loan={kept}"


def test_too_many_to_pay_at_once_stay_chosen(
    buyer: FlaskClient, two: list[Loan], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paying, "MOST", 1)
    ids = [loan.id for loan in two]
    for headers in ({}, HTMX):
        answer = buyer.post("/invoices/to-repay", data={"loan": ids, "pay": "selected"}, headers=headers)
        assert answer.status_code == 422
        assert "At most 1 invoices can be paid together." in answer.text
        assert {*map(int, re.findall(r'name="loan" value="(\d+)"[^>]* checked', answer.text))} == {*ids}


def test_few_loans_of_a_narrowed_list_are_added_up(
    buyer: FlaskClient, two: list[Loan], line: CreditLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"/invoices/to-repay?q={db.session.get_one(Customer, line.supplier_id).name}"
    assert "2 rows" in buyer.get(url).text
    monkeypatch.setattr(repaying, "MOST_ADDED", 1)
    assert "Too many to add up" in buyer.get(url).text


def test_more_than_one_reference_names_is_said(
    app: Flask, buyer: FlaskClient, two: list[Loan], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"loan": [loan.id for loan in two]}
    assert "it says which invoices are paid" in buyer.get("/invoices/to-repay/pay", query_string=asked).text
    monkeypatch.setattr(pay_codes, "LONGEST_NOTE", 8)
    page = buyer.get("/invoices/to-repay/pay", query_string=asked).text
    assert "Select fewer to choose which are paid" in page
    assert "it says which invoices are paid" not in page
    monkeypatch.setattr(paying, "MOST", 1)
    page = buyer.get(f"/invoices/to-repay/pay?on={two[0].due_date}").text
    assert "the first 1; pay the others separately" in page


def test_another_companys_loan_is_not_shown(
    login: Callable[..., FlaskClient], two: list[Loan], make_purchaser: Callable[..., Customer]
) -> None:
    stranger = login(Role.PURCHASER, customer=make_purchaser())
    page = stranger.get("/invoices/to-repay/pay", query_string={"loan": [loan.id for loan in two]}).text
    assert two[0].reference not in page


def test_the_upi_address_says_payee_amount_and_note() -> None:
    uri = upi_uri("lender@bank", name="A & B Finance", amount=Decimal("1234.50"), note="L-1-2 L-1-3")
    parts = {name: value for name, [value] in parse_qs(urlsplit(uri).query).items()}
    assert uri.startswith("upi://pay?pa=lender@bank&pn=A%20%26%20B")
    assert parts == {
        "pa": "lender@bank",
        "pn": "A & B Finance",
        "am": "1234.50",
        "cu": "INR",
        "tn": "L-1-2 L-1-3",
    }


def test_no_code_for_more_than_apps_take(
    buyer: FlaskClient, two: list[Loan], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pay_codes, "UPI_MOST", Decimal(1))
    page = buyer.get("/invoices/to-repay/pay", query_string={"loan": two[0].id}).text
    assert "There is no UPI code: apps take at most" in page
    assert "upi://" not in page
    monkeypatch.undo()
    assert fits_upi(Decimal("100000.00"), "L-1-2")
    assert not fits_upi(Decimal("100000.01"), "L-1-2")
    assert not fits_upi(Decimal(1), "x" * 51)


def test_too_many_loans_are_named_by_the_company() -> None:
    assert reference_for(["L-1-2", "L-1-3"], "Acme") == ("L-1-2 L-1-3", True)
    assert reference_for([f"L-10-{n}" for n in range(30)], "Acme Ltd") == ("Acme Ltd", False)
    assert len(reference_for(["L-1-2"] * 99, "x" * 200)[0]) == LONGEST_NOTE


def test_euros_have_the_code_of_sepa(
    app: Flask, buyer: FlaskClient, two: list[Loan], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.extensions, "tusker_currency", Currency("EUR", "de_DE"))
    monkeypatch.setitem(app.config, "LENDER_IBAN", "DE89370400440532013000")
    page = buyer.get("/invoices/to-repay/pay", query_string={"loan": two[0].id}).text
    assert "Banking app (SEPA)" in page
    assert "upi://" not in page
