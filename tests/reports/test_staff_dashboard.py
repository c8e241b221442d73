"""The dashboard says what is to be done, with the right figures, in a fixed number of queries."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.support import counting
from tests.support.courier_double import CourierDouble
from tests.support.invoices import order_on
from tests.support.payouts import bundle_and_confirm
from tests.support.values import NOW
from tusker.domain.delivery.shipments import ShipmentStatus
from tusker.extensions import db
from tusker.models import CreditLine, Customer, Invoice, Role, Shipment, User
from tusker.queries import staff_dashboard as reads
from tusker.queries.attention_causes import FAILING_POLLS
from tusker.services.attention import review_items, rules_at
from tusker.services.context import Context
from tusker.services.credit.requesting.financing import Decision
from tusker.services.delivery.tracking import record_poll_failure, record_tracking
from tusker.services.people.factors import add_app
from tusker.transactions import transaction

pytestmark = pytest.mark.usefixtures("stopped_clock")


def section(html: str, name: str) -> str:
    """The words of one card."""
    found = re.search(rf'<section[^>]* id="{name}">(.*?)</section>', html, re.S)
    return " ".join(re.sub(r"<[^>]+>", " ", found[1]).split()) if found else ""


def test_an_empty_book_says_that_nothing_waits(login: Callable[..., FlaskClient]) -> None:
    html = login().get("/admin/").text
    assert "Nothing to do right now" in section(html, "todo")


def test_a_new_installation_is_led_through_its_set_up_until_all_is_done(
    ctx: Context,
    app: Flask,
    monkeypatch: pytest.MonkeyPatch,
    courier: CourierDouble,
    login: Callable[..., FlaskClient],
    make_line: Callable[..., CreditLine],
) -> None:
    monkeypatch.setitem(app.config, "LENDER_IBAN", "DE89370400440532013000")
    first = login()

    def left() -> list[str]:
        return re.findall(r'aria-label="Set up: ([^"]*)"', first.get("/admin/").text)

    assert left() == [
        "First customers",
        "Limits",
        "Credit line",
        "Bank details",
        "Second admin",
        "Second factor",
    ]
    make_line()
    assert left() == ["Second admin", "Second factor"]
    login()
    assert left() == ["Second factor"]
    assert 'id="start"' not in login(Role.AUDITOR).get("/admin/").text, "an auditor sets nothing up"
    secret = pyotp.random_base32()
    with transaction():
        for user_id in db.session.scalars(select(User.id).where(User.role == Role.ADMIN)).all():
            add_app(ctx, user_id, secret=secret, code=pyotp.TOTP(secret).at(ctx.now), name="Phone")
    assert 'id="start"' not in first.get("/admin/").text


def test_what_is_to_be_done_with_its_figures(
    login: Callable[..., FlaskClient],
    make_invoice: Callable[..., Invoice],
    make_line: Callable[..., CreditLine],
) -> None:
    line = make_line()
    make_invoice("financeable", line=line, value=1_000_00)
    make_invoice("financeable", line=line, value=2_000_00)
    make_invoice("bundled", line=line, value=3_000_00)
    make_invoice("disbursed", line=line, value=4_000_00)
    html = login().get("/admin/").text
    todo = section(html, "todo")
    assert "2 invoices to be financed ₹2,400.00" in todo
    assert "to be approved: ₹2,400.00 1 invoice of 1 supplier" in todo
    by_status = section(html, "by-status")
    assert "To be financed 2 ₹2,400.00" in by_status
    assert "Disbursed 1 ₹3,200.00" in by_status
    assert "Repaid 0 –" in by_status
    assert "/invoices/?status=financeable" in html


def test_programme_and_limits_near_their_end(
    login: Callable[..., FlaskClient], ask: Callable[..., Decision], make_line: Callable[..., CreditLine]
) -> None:
    full, roomy = make_line(limit=8_000_00), make_line(limit=80_000_00)
    assert ask(full, 10_000_00).approved
    assert ask(roomy, 10_000_00).approved
    refused = ask(full, 1_000_00)
    assert not refused.approved
    html = login().get("/admin/").text
    assert "₹2,00,000.00 used" in section(html, "programme")  # two suppliers with ₹1,00,000 each
    assert "₹16,000.00 used" in section(html, "programme")
    found = reads.limits_under_pressure(10)
    assert [(p.kind, p.id, p.limit, p.used) for p in found] == [("credit_line", full.id, 8_000_00, 8_000_00)]
    assert "Credit line requested ₹800.00 ₹800.00" in section(html, "refusals")


def test_matters_that_need_a_person(
    ctx: Context,
    login: Callable[..., FlaskClient],
    ask: Callable[..., Decision],
    make_line: Callable[..., CreditLine],
) -> None:
    line = make_line()
    fine, odd, mute = (
        db.session.query(Shipment).filter_by(invoice_id=ask(line, 100_00).invoice_id).one() for _ in range(3)
    )
    minimum = timedelta(minutes=5)
    said = replace(order_on(line, 100_00), ref=odd.order_ref, status=ShipmentStatus.UNKNOWN, raw_status="97")
    with transaction():
        record_tracking(ctx, {odd.id: said}, minimum_interval=minimum)
        for _ in range(FAILING_POLLS):
            record_poll_failure(ctx, [mute.id], "no answer", minimum_interval=minimum)
        record_poll_failure(ctx, [fine.id], "no answer", minimum_interval=minimum)
        review_items(ctx, rules_at(ctx))
    todo = section(login().get("/admin/").text, "todo")
    assert "1 issue: Unknown shipment status" in todo
    assert "1 issue: No answer about the shipment" in todo


def test_late_polls_tell_that_the_worker_stands_still(
    app: object, ask: Callable[..., Decision], make_line: Callable[..., CreditLine]
) -> None:
    ask(make_line())
    assert reads.health(NOW - timedelta(minutes=15)).polls_overdue == 0
    assert reads.health(NOW + timedelta(days=1)).polls_overdue == 1


def test_the_number_of_queries_does_not_grow_with_the_book(
    ctx: Context,
    login: Callable[..., FlaskClient],
    make_invoice: Callable[..., Invoice],
    make_supplier: Callable[..., Customer],
) -> None:
    browser = login()

    def queries() -> int:
        with counting.statements() as seen:
            for path in (
                "/admin/",
                "/admin/queue?sort=supplier",
                "/admin/disbursals",
                "/admin/loans",
                "/admin/events",
            ):
                assert browser.get(path).status_code == 200
        return len(seen)

    for status in ("financeable", "bundled", "disbursed"):
        make_invoice(status)
    few = queries()
    bundle_and_confirm(ctx, [make_invoice("financeable").id for _ in range(3)])
    for status in ("financeable", "bundled", "disbursed"):
        for _ in range(3):
            make_invoice(status)
    assert queries() <= few
