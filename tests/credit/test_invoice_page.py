"""One invoice's page, its parts that refresh, and its actions by role and status."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient
from python_calamine import CalamineWorkbook
from sqlalchemy import text

from tests.support import counting
from tests.support.invoices import order_on
from tests.support.pages import HTMX, seen_in
from tests.support.payouts import bundle_and_confirm
from tusker.carriers.registry import MANUAL
from tusker.domain.delivery.shipments import Document, DocumentKind, ShipmentStatus
from tusker.domain.loans.interest import AmountDue
from tusker.extensions import db
from tusker.models import CreditLine, Event, Invoice, PurchaserAccount, Role, Shipment
from tusker.services.credit.requesting.financing import cancel_invoice
from tusker.services.delivery.tracking import record_tracking
from tusker.services.loans.receipts.recording import repay_in_full
from tusker.transactions import transaction


def supplier_of(login: Callable[..., FlaskClient], invoice: Invoice) -> FlaskClient:
    return login(Role.SUPPLIER, customer=invoice.supplier)


def purchaser_of(login: Callable[..., FlaskClient], invoice: Invoice) -> FlaskClient:
    return login(Role.PURCHASER, customer=invoice.purchaser)


def url(invoice: Invoice, part: str = "") -> str:
    return f"/invoices/{invoice.id}{part}"


def status_of(invoice: Invoice) -> str:
    db.session.rollback()
    db.session.refresh(invoice)
    return invoice.status


def make_manual(invoice: Invoice) -> None:
    with transaction():
        db.session.query(Shipment).filter_by(invoice_id=invoice.id).update(
            {"carrier": MANUAL, "next_poll_at": None}
        )


def test_only_those_it_concerns_see_it(
    login: Callable[..., FlaskClient], make_invoice: Callable[..., Invoice]
) -> None:
    invoice, other = make_invoice(), make_invoice()
    with transaction():
        # a company on both sides: its purchaser users see nothing of what it sells
        db.session.add(PurchaserAccount(customer_id=invoice.supplier_id, limit_amount=0))
    for browser, code in (
        (supplier_of(login, invoice), 200),
        (purchaser_of(login, invoice), 200),
        (login(Role.ADMIN), 200),
        (login(Role.AUDITOR), 200),
        (supplier_of(login, other), 404),
        (purchaser_of(login, other), 404),
        (login(Role.PURCHASER, customer=invoice.supplier), 404),
    ):
        for part in ("", "/shipment"):
            assert browser.get(url(invoice, part)).status_code == code
    assert login(Role.ADMIN).get("/invoices/999999").status_code == 404


def test_facts_terms_and_what_it_would_cost(
    login: Callable[..., FlaskClient], make_invoice: Callable[..., Invoice]
) -> None:
    invoice = make_invoice()
    page = supplier_of(login, invoice).get(url(invoice)).text
    for words in (
        invoice.number,
        "₹10,000.00",
        "₹8,000.00",
        "80% of the value",
        "18% a year",
        "90 days",
        "ACT/365F",
    ):
        assert words in page
    assert "If paid out today" in page
    assert "₹8,355.07" in page
    assert "<strong>Requested:</strong>" in page


def test_loan_with_components_and_receipts(
    ctx: Any, login: Callable[..., FlaskClient], make_invoice: Callable[..., Invoice]
) -> None:
    invoice = make_invoice("disbursed")
    admin = login(Role.ADMIN)
    page = admin.get(url(invoice)).text
    assert f"Loan L-1-{invoice.id}" in page
    assert "BANK-" in page
    assert re.search(r'id="owed-at-term">₹8,355.07</span>', page)
    assert "Record repayment" in page
    with transaction():
        receipt = repay_in_full(ctx, invoice.id, bank_reference="UTR-1", value_date=ctx.today)
    assert receipt.amount == 8_000_00
    page = admin.get(url(invoice)).text
    assert "Money received" in page
    assert "UTR-1" in page
    assert "owed-at-term" not in page
    assert "every 5s" not in page


def test_refused_says_which_limit_and_how_much(
    login: Callable[..., FlaskClient], ask: Callable[..., Any], make_line: Callable[..., CreditLine]
) -> None:
    line = make_line(limit=5_000_00)
    invoice = db.session.get_one(Invoice, ask(line, ref="ORD-R").invoice_id)
    page = supplier_of(login, invoice).get(url(invoice)).text
    assert re.search(r"Credit line .*:\s*exceeded by <strong>.*₹3,000.00", page)
    assert 'href="/invoices/new?order_ref=ORD-R"' in page
    assert "Refused requests are not tracked" in page
    assert "every 5s" not in page
    admin = login(Role.ADMIN).get(url(invoice)).text
    assert f'href="/invoices/new?order_ref=ORD-R&amp;supplier_id={line.supplier_id}"' in admin
    assert "/invoices/new" not in purchaser_of(login, invoice).get(url(invoice)).text


def test_purchaser_is_not_told_of_the_suppliers_own_limit(
    login: Callable[..., FlaskClient],
    ask: Callable[..., Any],
    make_supplier: Callable[..., Any],
    make_line: Callable[..., CreditLine],
) -> None:
    line = make_line(make_supplier(limit=5_000_00))
    invoice = db.session.get_one(Invoice, ask(line).invoice_id)
    assert invoice.refused_by == "supplier"
    assert "₹3,000.00" in supplier_of(login, invoice).get(url(invoice)).text
    purchaser = purchaser_of(login, invoice)
    assert "₹3,000.00" not in purchaser.get(url(invoice)).text
    asked = "status=rejected&col=number&col=refused_by&col=lacking"
    told = {}
    for name, browser in (("purchaser", purchaser), ("supplier", supplier_of(login, invoice))):
        assert ("₹3,000.00" in browser.get(f"/invoices/?{asked}").text) is (name == "supplier")
        lines = browser.get(f"/invoices/export.csv?{asked}").text.splitlines()
        book = BytesIO(browser.get(f"/invoices/export.xlsx?{asked}").data)
        sheet = CalamineWorkbook.from_filelike(book).get_sheet_by_index(0).to_python()
        told[name] = [lines[1], *sheet[1][1:]]
    assert told == {
        "purchaser": [f"{invoice.number},,", "", ""],
        "supplier": [f"{invoice.number},supplier,3000.00", "supplier", 3000],
    }


@pytest.mark.parametrize("status", ["approved", "financeable", "bundled", "disbursed"])
def test_buttons_by_role_and_status(
    login: Callable[..., FlaskClient], make_invoice: Callable[..., Invoice], status: str
) -> None:
    invoice = make_invoice(status)
    may_cancel = status in {"approved", "financeable"}
    for browser, cancels, settles in (
        (supplier_of(login, invoice), may_cancel, False),
        (login(Role.ADMIN), may_cancel, status == "disbursed"),
        (login(Role.AUDITOR), False, False),
        (purchaser_of(login, invoice), False, False),
    ):
        page = browser.get(url(invoice)).text
        assert (url(invoice, "/cancel") in page) is cancels
        assert ("Record repayment" in page) is settles
        assert url(invoice, "/delivered") not in page


def test_page_is_silent_until_the_status_changes(
    ctx: Any, login: Callable[..., FlaskClient], make_invoice: Callable[..., Invoice]
) -> None:
    invoice = make_invoice()
    browser = supplier_of(login, invoice)
    poll = f"/invoices/{invoice.id}?seen=approved"
    assert f'hx-get="{poll}"' in browser.get(url(invoice)).text
    assert browser.get(poll, headers=HTMX).status_code == 204
    assert browser.get(poll).status_code == 200
    with transaction():
        cancel_invoice(ctx, invoice.id, reason="wrong one")
    answer = browser.get(poll, headers=HTMX)
    assert answer.text.lstrip().startswith('<div id="invoice">')
    assert 'data-status="cancelled"' in answer.text
    assert "every 5s" not in answer.text


def test_shipment_card_shows_what_was_heard_and_stops(
    ctx: Any, login: Callable[..., FlaskClient], ask: Callable[..., Any], make_line: Callable[..., CreditLine]
) -> None:
    line = make_line()
    order = order_on(line)
    invoice = db.session.get_one(Invoice, ask(line, ref=order.ref).invoice_id)
    shipment = db.session.query(Shipment).filter_by(invoice_id=invoice.id).one()
    browser = supplier_of(login, invoice)
    card = browser.get(url(invoice, "/shipment"), headers=HTMX).text
    assert card.lstrip().startswith('<div id="shipment"')
    assert f'hx-get="/invoices/{invoice.id}/shipment" hx-trigger="every 5s"' in card
    assert "not yet" in card
    documents = (
        Document(DocumentKind.SIGNED_INVOICE, "https://docs.example.com/1?a=1&b=2"),
        Document(DocumentKind.OTHER, "javascript:alert(1)"),
    )
    heard = replace(order, raw_status="13", eta=ctx.now + timedelta(days=2), documents=documents)
    with transaction():
        record_tracking(ctx, {shipment.id: heard}, minimum_interval=timedelta(minutes=1))
    card = browser.get(url(invoice, "/shipment"), headers=HTMX).text
    assert re.search(r"Delivery company's code</summary><code[^>]*>13<", card)
    assert "4 Mar 2026" in card
    assert (
        'href="https://docs.example.com/1?a=1&amp;b=2" target="_blank" rel="noopener noreferrer nofollow"'
        in card
    )
    assert 'href="javascript' not in card
    delivered = replace(heard, status=ShipmentStatus.DELIVERED, raw_status="21")
    with transaction():
        record_tracking(ctx, {shipment.id: delivered}, minimum_interval=timedelta(minutes=1))
    card = browser.get(url(invoice, "/shipment"), headers=HTMX).text
    assert "every 5s" not in card
    assert 'data-status="delivered"' in card


def test_cancel_frees_the_limits_and_answers_with_the_page(
    login: Callable[..., FlaskClient],
    make_invoice: Callable[..., Invoice],
    make_line: Callable[..., CreditLine],
) -> None:
    line = make_line()
    invoice = make_invoice(line=line)
    browser = supplier_of(login, invoice)
    answer = browser.post(url(invoice, "/cancel"), data={"reason": "Ordered twice"}, headers=HTMX)
    assert answer.status_code == 200
    assert answer.text.lstrip().startswith('<div id="invoice">')
    assert 'data-status="cancelled"' in answer.text
    assert "Ordered twice" in answer.text
    assert 'hx-swap-oob="innerHTML:#messages"' in answer.text
    assert status_of(invoice) == "cancelled"
    db.session.refresh(line)
    assert line.used_amount == 0


def test_cancel_without_javascript(
    login: Callable[..., FlaskClient], make_invoice: Callable[..., Invoice]
) -> None:
    invoice = make_invoice("financeable")
    answer = login(Role.ADMIN).post(url(invoice, "/cancel"), data={"reason": "Fraud suspected"})
    assert (answer.status_code, answer.location) == (303, url(invoice))
    assert status_of(invoice) == "cancelled"


@pytest.mark.parametrize("reason", ["", "   ", "x" * 301])
def test_cancel_needs_a_reason(
    login: Callable[..., FlaskClient], make_invoice: Callable[..., Invoice], reason: str
) -> None:
    invoice = make_invoice()
    before = db.session.query(Event).filter_by(subject="invoice").count()
    answer = supplier_of(login, invoice).post(url(invoice, "/cancel"), data={"reason": reason}, headers=HTMX)
    assert answer.status_code == 422
    assert "Reason" in answer.text
    assert status_of(invoice) == "approved"
    assert db.session.query(Event).filter_by(subject="invoice").count() == before


def test_who_may_not_cancel(login: Callable[..., FlaskClient], make_invoice: Callable[..., Invoice]) -> None:
    invoice, other = make_invoice(), make_invoice()
    for browser, code in (
        (supplier_of(login, other), 404),
        (purchaser_of(login, invoice), 403),
        (login(Role.AUDITOR), 403),
    ):
        assert browser.post(url(invoice, "/cancel"), data={"reason": "no"}).status_code == code
    assert supplier_of(login, other).post("/invoices/999999/cancel", data={"reason": "no"}).status_code == 404
    assert status_of(invoice) == "approved"


def test_what_is_bundled_cannot_be_cancelled(
    login: Callable[..., FlaskClient], make_invoice: Callable[..., Invoice]
) -> None:
    invoice = make_invoice("bundled")
    answer = supplier_of(login, invoice).post(url(invoice, "/cancel"), data={"reason": "late"}, headers=HTMX)
    assert answer.status_code == 409
    assert "cannot become cancelled" in answer.text
    assert status_of(invoice) == "bundled"


def test_admin_reports_the_delivery_of_what_nobody_tracks(
    login: Callable[..., FlaskClient], make_invoice: Callable[..., Invoice]
) -> None:
    invoice = make_invoice()
    admin = login(Role.ADMIN)
    assert admin.post(url(invoice, "/delivered"), data={"reason": "Signed note"}).status_code == 409
    make_manual(invoice)
    assert url(invoice, "/delivered") in admin.get(url(invoice)).text
    assert admin.post(url(invoice, "/delivered"), data={"reason": ""}).status_code == 422
    for browser in (login(Role.AUDITOR), supplier_of(login, invoice)):
        assert url(invoice, "/delivered") not in browser.get(url(invoice)).text
        assert browser.post(url(invoice, "/delivered"), data={"reason": "no"}).status_code == 403
    sent = {"reason": "Signed note 7", "seen": seen_in(admin.get(url(invoice)).text)}
    answer = admin.post(url(invoice, "/delivered"), data=sent, headers=HTMX)
    assert "Signed note 7" in answer.text
    assert 'data-status="financeable"' in answer.text
    assert status_of(invoice) == "financeable"


def test_the_page_asks_a_fixed_number_of_questions(
    ctx: Any, login: Callable[..., FlaskClient], make_invoice: Callable[..., Invoice]
) -> None:
    invoice = make_invoice("disbursed")
    admin = login(Role.ADMIN)
    with counting.statements() as few:
        admin.get(url(invoice))
    shipment = db.session.query(Shipment).filter_by(invoice_id=invoice.id).one()
    with transaction():
        db.session.execute(
            text(
                "INSERT INTO shipment_events (shipment_id, status, raw_status, received_at, raw)"
                " SELECT :id, 'in_transit', n::text, now(), '{}' FROM generate_series(1, 30) n"
            ),
            {"id": shipment.id},
        )
    with counting.statements() as many:
        admin.get(url(invoice))
    assert len(many) == len(few) <= 25  # one of them notes what was looked at


def test_amounts_due_come_from_the_domain(make_invoice: Callable[..., Invoice], ctx: Any) -> None:
    from tusker.queries.loans.loans import loan_of_invoice

    invoice = make_invoice("financeable")
    bundle_and_confirm(ctx, [invoice.id])
    loan = loan_of_invoice(invoice.id, ctx.today)
    assert loan is not None
    assert loan.live == AmountDue(ctx.today, 8_000_00, 0, 0, 0, 0)
