"""The whole way over HTTP: two people release, the bank pays all but one, customers pay back, limits are free."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.camt import Tx, camt053, payment_of, return_of
from tests.support.pages import Today, seen_in
from tests.support.payment_orders import schema_of
from tests.support.payouts import press_approve, seen_on
from tests.support.values import PASSWORD, TODAY
from tusker.extensions import db
from tusker.models import CreditLine, Disbursal, Invoice, Payout, Role, User
from tusker.queries.loans.loans import open_loans
from tusker.queries.record.proof import prove

PAIN = "{urn:iso:std:iso:20022:tech:xsd:pain.001.001.09}"


def upload(browser: FlaskClient, data: bytes) -> str:
    """Import a file over the page; answers the statement's page."""
    answer = browser.post("/admin/statements", data={"file": (io.BytesIO(data), "bank.xml")})
    assert answer.status_code == 303, answer.text
    return answer.location


def used(scalar: Callable[..., Any]) -> int:
    """What is used of the suppliers' limits."""
    return scalar("SELECT sum(used_amount) FROM supplier_accounts")


@pytest.mark.parametrize("together", [True, False], ids=["all sure at once", "each by itself"])
def test_from_the_bundle_to_free_limits(
    app: Flask,
    monkeypatch: pytest.MonkeyPatch,
    login: Callable[..., FlaskClient],
    create_user: Callable[..., User],
    make_line: Callable[..., CreditLine],
    make_invoice: Callable[..., Invoice],
    scalar: Callable[..., Any],
    business_day: Today,
    together: bool,
) -> None:
    monkeypatch.setitem(app.config, "REQUIRE_SECOND_ADMIN", True)
    invoices = [make_invoice("financeable", line=make_line()) for _ in range(4)]
    ids = [invoice.id for invoice in invoices]
    maker, checker = (login(user=create_user(Role.ADMIN)) for _ in range(2))

    # two people
    made = maker.post("/admin/queue/bundle", data={"invoice_id": ids, "seen": seen_on(maker, "/admin/queue")})
    assert made.status_code == 303, made.text
    disbursal = db.session.query(Disbursal).one()
    page = f"/admin/disbursals/{disbursal.id}"
    release: dict[str, Any] = {"execution_date": TODAY, "password": PASSWORD}
    assert press_approve(maker, page).status_code == 403
    assert checker.post(f"{page}/release", data=release).status_code == 409
    assert press_approve(checker, page).status_code == 303
    release["seen"] = seen_on(maker, page)
    assert maker.post(f"{page}/release", data={**release, "password": "wrong"}).status_code == 422
    pressed = [maker.post(f"{page}/release", data=release).status_code for _ in range(2)]
    assert pressed == [303, 409]
    assert scalar("SELECT count(*) FROM events WHERE kind = 'released' AND subject = 'disbursal'") == 1

    # the file for the bank
    db.session.expire_all()
    payouts = db.session.query(Payout).order_by(Payout.id).all()
    order = maker.get(f"{page}/pain.001.xml").text
    schema_of("pain.001.001.09").validate(order)
    header = ElementTree.fromstring(order).find(f".//{PAIN}GrpHdr")
    assert header.findtext(f"{PAIN}NbOfTxs") == "4"
    assert header.findtext(f"{PAIN}CtrlSum") == f"{sum(payout.net for payout in payouts) / 100:.2f}"

    # the bank pays all but one
    *good, bad = payouts
    upload(checker, camt053([*(payment_of(payout) for payout in good), return_of(bad, "AC04")]))
    assert scalar("SELECT status FROM disbursals") == "confirmed"
    assert [scalar("SELECT status FROM invoices WHERE id = :i", i=i) for i in ids] == ["disbursed"] * 3 + [
        "financeable"
    ]
    assert "AC04 closed account" in maker.get(page).text
    assert "AC04 closed account" in maker.get(f"/invoices/{ids[3]}").text
    assert used(scalar) == 4 * 8_000_00
    assert prove().holds

    # customers pay back
    later = TODAY + timedelta(days=30)
    business_day(later)
    dues = open_loans(later)
    assert len(dues) == 3
    paid = [
        Tx(row.live.total, reference=f"IN-{row.invoice_id}", name=row.purchaser, text=row.number, day=later)
        for row in dues
    ]
    statement = upload(maker, camt053(paid, number="STMT-2", day=later))
    assert scalar("SELECT count(*) FROM receipts") == 0
    shown = maker.get(statement).text
    assert "Accept all 3 sure" in shown
    if together:
        entries = re.findall(r'name="entry_ids" value="(\d+)"', shown)
        sent = {"entry_ids": entries, "seen": seen_in(shown)}
        assert maker.post(f"{statement}/accept-sure", data=sent).status_code == 303
    else:
        choices = re.findall(r'action="([^"]+/accept)".*?name="choice" value="([^"]+)"', shown, re.S)
        assert len(choices) == 3
        for action, choice in choices:
            assert maker.post(action, data={"choice": choice, "seen": seen_in(shown)}).status_code == 303
    assert [scalar("SELECT status FROM invoices WHERE id = :i", i=i) for i in ids] == ["repaid"] * 3 + [
        "financeable"
    ]
    assert open_loans(later) == []
    assert used(scalar) == 8_000_00
    proof = prove()
    assert proof.holds, (proof.differences, proof.mismatches)
