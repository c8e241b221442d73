"""Deductions and bank charges as people record, see and undo them: pages and commands."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.bank_accounts import Run
from tests.support.database import OWNER
from tests.support.pages import inputs, words
from tests.support.payouts import approve_and_release
from tests.support.values import TERMS, TODAY
from tusker.domain.terms import Collection
from tusker.extensions import db
from tusker.models import BankCharge, CreditLine, CreditNote, Customer, Invoice, Loan, Payable, Receipt, Role
from tusker.queries.record.proof import prove
from tusker.services.context import Context
from tusker.services.loans.receipts.recording import record_receipt
from tusker.services.payout.disbursals.bundling import bundle_selection
from tusker.transactions import transaction

NEW = "/admin/receipts/new"
FACE = replace(TERMS, collection=Collection.INVOICE)


@pytest.fixture(autouse=True)
def _stopped_clock(stopped_clock: None) -> None:
    """All happens on the day of the payouts."""


@pytest.fixture
def invoice(make_invoice: Callable[..., Invoice], make_line: Callable[..., CreditLine]) -> Invoice:
    return make_invoice("disbursed", line=make_line(terms=FACE))


@pytest.fixture
def admin(login: Callable[..., FlaskClient]) -> FlaskClient:
    return login(Role.ADMIN)


@pytest.fixture
def run(app: Flask) -> Run:
    """Run a command; its exit code and all that it said."""

    def invoke(*words: str) -> tuple[int, str]:
        result = app.test_cli_runner().invoke(args=list(words))
        db.session.expire_all()
        return result.exit_code, result.output

    return invoke


def the_note() -> CreditNote:
    db.session.rollback()
    return db.session.query(CreditNote).filter_by(reverses_id=None).one()


def face_left(invoice: Invoice) -> int | None:
    db.session.rollback()
    assert prove().holds
    return db.session.query(Loan).filter_by(invoice_id=invoice.id).one().face_open


def test_recorded_settled_and_undone_on_the_invoices_page(admin: FlaskClient, invoice: Invoice) -> None:
    page = f"/invoices/{invoice.id}"
    assert "Record deduction" in admin.get(page).text
    form = "/admin" + f"/invoices/{invoice.id}/deductions/new"
    for kind, why in (("tax", "is left to pay of the invoice."), ("rounding", "counts as rounding.")):
        refused = admin.post(form, data={"kind": kind, "amount": "20000"})
        assert (refused.status_code, why in refused.text) == (422, True)
    sent = admin.post(form, data={"kind": "tax", "amount": "100", "reason": "section 194Q"})
    assert sent.status_code == 303
    assert face_left(invoice) == 9_900_00
    shown = admin.get(page).text
    assert all(words in shown for words in ("Tax at source", "certificate to come", "section 194Q"))
    open_tax = admin.get("/admin/deductions?show=certificate").text
    assert invoice.number in open_tax
    note_id = the_note().id
    admin.post(
        f"/admin/deductions/{note_id}/settle", data={"number": "16A-7", "settled_on": TODAY.isoformat()}
    )
    assert the_note().number == "16A-7"
    assert "16A-7" in admin.get(page).text
    assert invoice.number not in admin.get("/admin/deductions?show=certificate").text
    assert admin.post(f"/admin/deductions/{note_id}/undo", data={}).status_code == 422
    admin.post(f"/admin/deductions/{note_id}/undo", data={"reason": "wrong invoice"})
    assert face_left(invoice) == 10_000_00
    assert "Undone" in admin.get(page).text


def test_a_dispute_is_accepted_or_withdrawn(admin: FlaskClient, invoice: Invoice) -> None:
    form = f"/admin/invoices/{invoice.id}/deductions/new"
    admin.post(form, data={"kind": "quality/disputed", "amount": "500"})
    assert invoice.number in admin.get("/admin/deductions?show=disputed").text
    admin.post(f"/admin/deductions/{the_note().id}/withdraw", data={"reason": "sound"})
    assert (the_note().state, face_left(invoice)) == ("withdrawn", 10_000_00)
    with transaction():
        db.session.execute(OWNER)
        db.session.execute(db.text("DELETE FROM credit_notes WHERE reverses_id IS NOT NULL"))
        db.session.execute(db.text("DELETE FROM reserve_movements WHERE kind = 'consumed'"))
        db.session.execute(db.text("DELETE FROM credit_notes"))
    admin.post(form, data={"kind": "quantity/disputed", "amount": "500"})
    admin.post(f"/admin/deductions/{the_note().id}/accept", data={"number": "CN-4"})
    assert (the_note().state, the_note().number, face_left(invoice)) == ("accepted", "CN-4", 9_500_00)


def test_companies_see_their_own_and_change_nothing(
    admin: FlaskClient, login: Callable[..., FlaskClient], invoice: Invoice
) -> None:
    admin.post(f"/admin/invoices/{invoice.id}/deductions/new", data={"kind": "tax", "amount": "100"})
    for role, customer_id in ((Role.SUPPLIER, invoice.supplier_id), (Role.PURCHASER, invoice.purchaser_id)):
        own = login(role, customer=db.session.get(Customer, customer_id))
        page = own.get(f"/invoices/{invoice.id}").text
        assert "Tax at source" in page
        assert "Certificate number" not in page
        statement = own.get(f"/reports/statements?first={TODAY}&last={TODAY}").text
        assert "tax" in statement.lower()
        assert "tax" in own.get(f"/reports/statements.csv?first={TODAY}&last={TODAY}").text
        assert own.get("/admin/deductions").status_code == 403
        assert own.post(f"/admin/deductions/{the_note().id}/undo", data={"reason": "x"}).status_code == 403
        assert own.get("/admin/charges").status_code == 403


def test_charges_are_listed_recorded_and_undone(admin: FlaskClient, ctx: Context, invoice: Invoice) -> None:
    with transaction():
        receipt = record_receipt(
            ctx, invoice.purchaser_id, amount=400_00, bank_reference="=R-1", value_date=TODAY, charges=15_00
        )
    receipt_id = receipt.id
    page = f"/admin/receipts/{receipt_id}"
    assert "₹15.00" in admin.get(page).text
    day = TODAY.isoformat()
    admin.post(f"{page}/charges", data={"amount": "2.50", "value_date": day, "reason": "NEFT"})
    assert admin.post(f"{page}/charges", data={"amount": "900", "value_date": day}).status_code == 422
    assert admin.post(f"{page}/charges", data={"amount": "", "value_date": day}).status_code == 422
    shown = admin.get("/admin/charges").text
    assert "₹17.50" in shown
    rows = admin.get("/admin/charges.csv").text.splitlines()
    assert rows[0] == "booked,value_date,payment,amount,currency,by,reason"
    assert [row.split(",")[3:6] for row in rows[1:]] == [
        ["2.50", "INR", "person"],
        ["15.00", "INR", "person"],
    ]
    assert "'=R-1" in rows[2]
    charge = db.session.query(BankCharge).filter_by(amount=2_50).one()
    admin.post(f"/admin/charges/{charge.id}/undo", data={"reason": "of another"})
    assert re.search(r"<tfoot>.*₹15\.00.*</tfoot>", admin.get("/admin/charges").text, re.S)
    assert admin.get("/admin/charges?first=2026-03-05&last=2026-03-01").status_code == 422
    assert admin.get("/admin/charges.csv?first=x").status_code in {400, 422}


def test_commands(run: Run, ctx: Context, invoice: Invoice) -> None:
    code, said = run("deduct", invoice.number, "--kind", "quality", "--amount", "3000", "--disputed")
    assert (code, "2000.00 borne by the reserve, 0.00 claimed" in said) == (0, True), said
    note_id = str(the_note().id)
    assert run("accept-deduction", note_id, "--number", "CN-1")[0] == 0
    assert run("undo-deduction", note_id, "--reason", "wrong")[0] == 0
    assert face_left(invoice) == 10_000_00
    code, said = run(
        "record-receipt", invoice.purchaser.name,
        "--amount", "9900", "--reference", "UTR-1", "--charges", "15",
        "--kept-back", f"{invoice.number}:tax:100:16A-7",
    )  # fmt: skip
    assert code == 0, said
    assert face_left(invoice) == 0
    assert db.session.query(Payable).one().amount == 1_900_00
    assert db.session.query(Receipt).one().amount == 9_900_00
    note = db.session.query(CreditNote).filter_by(number="16A-7").one()
    assert run("settle-tax", str(note.id), "--number", "16A-8", "--on", str(TODAY))[0] == 0
    code, said = run("bank-charges", "--from", str(TODAY))
    assert re.findall(r"UTR-1,([\d.]+),INR", said) == ["15.00"]
    code, said = run("bank-charge", "--receipt", "UTR-1", "--amount", "1")
    assert code == 0, said
    charge = max(row.id for row in db.session.query(BankCharge))
    assert run("undo-bank-charge", str(charge), "--reason", "twice")[0] == 0
    assert run("bank-charge", "--amount", "1")[0] == 1
    assert run("deduct", invoice.number, "--kind", "tax", "--amount", "1")[0] == 1
    code, said = run(
        "record-receipt", invoice.purchaser.name, "--amount", "1", "--reference", "U", "--kept-back", "x"
    )
    assert (code, "INVOICE:KIND:AMOUNT" in said) == (2, True)
    assert prove().holds


def test_recorded_together_with_the_receipt(admin: FlaskClient, invoice: Invoice) -> None:
    key = invoice.id
    data = {
        "customer_id": str(invoice.purchaser_id),
        "amount": "9900",
        "value_date": TODAY.isoformat(),
        "bank_reference": "UTR-1",
        "charges": "15",
        "action": "propose",
        f"kept_kind_{key}": "",
        f"kept_amount_{key}": "100",
        f"kept_number_{key}": "16A-7",
        f"kept_reason_{key}": "section 194Q",
    }
    page = admin.post(NEW, data=data)
    assert "Choose why it is kept back." in page.text
    sheet = {**inputs(page.text), f"kept_kind_{key}": "tax"}
    sums = admin.post(NEW, data={**sheet, "action": "sums"}).text
    sheet = {**sheet, "left_over": inputs(sums)["left_over"]}
    assert "Kept back by the payer ₹100.00" in words(sums)
    assert "Passed on to suppliers ₹1,900.00" in words(sums)
    assert admin.post(NEW, data={**sheet, "charges": "9900", "action": "record"}).status_code == 422
    assert db.session.query(Receipt).count() == 0
    answer = admin.post(NEW, data={**sheet, "action": "record"})
    assert answer.status_code == 303, words(answer.text)
    shown = words(admin.get(answer.headers["Location"]).text)
    assert "Kept back by the payer" in shown
    assert "16A-7" in shown
    assert "₹15.00" in shown
    assert (face_left(invoice), the_note().amount) == (0, 100_00)
    receipt_id = db.session.query(Receipt).one().id
    admin.post(f"/admin/receipts/{receipt_id}/undo", data={"reason": "bounced"})
    assert (face_left(invoice), the_note().state) == (10_000_00, "undone")


def test_a_payout_is_confirmed_and_returned_with_charges(
    admin: FlaskClient, ctx: Context, make_invoice: Callable[..., Invoice]
) -> None:
    waits = make_invoice("financeable")
    with transaction():
        disbursal = approve_and_release(ctx, bundle_selection(ctx, [waits.id]).id)
        payout = disbursal.payouts[0]
        payout_id, page = payout.id, f"/admin/disbursals/{disbursal.id}"
    told = {"bank_reference": "B-1", "value_date": TODAY.isoformat(), "charges": "1.50"}
    refused = admin.post(f"/admin/payouts/{payout_id}/confirm", data={**told, "charges": "x"})
    assert refused.status_code == 422
    assert admin.post(f"/admin/payouts/{payout_id}/confirm", data=told).status_code == 303
    assert "₹1.50 bank charges" in words(admin.get(page).text)
    admin.post(
        f"/admin/payouts/{payout_id}/charges", data={"amount": "0.50", "value_date": TODAY.isoformat()}
    )
    back = {"reason": "AC04 closed account", "charges": "10"}
    assert admin.post(f"/admin/payouts/{payout_id}/return", data=back).status_code == 303
    db.session.rollback()
    assert sum(row.amount for row in db.session.query(BankCharge)) == 12_00
    assert prove().holds
