"""Credit notes, undone payouts, payoff quotes and the newer terms through pages."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from tests.support.company_forms import TERMS_TYPED
from tests.support.pages import HTMX, Today, field_error, words
from tests.support.payouts import approve_and_release, bundle_and_confirm
from tests.support.receipts import exposure, written
from tests.support.values import TERMS, TODAY, at
from tusker.domain.terms import InterestTiming
from tusker.extensions import db
from tusker.models import CreditLine, Disbursal, Invoice, Loan, Receipt, Role
from tusker.queries.loans.account_statements.statement import credit_balance
from tusker.queries.lookup import loan_invoice_id_of
from tusker.services.context import Context
from tusker.services.loans.overdue import review_holds, turn_to_recourse
from tusker.services.loans.receipts.recording import repay_in_full
from tusker.transactions import transaction

UPFRONT = replace(TERMS, interest_timing=InterestTiming.UPFRONT, fee_min=50_00)
"""8,000.00 for 90 days: 355.07 of interest and 50.00 of fee are deducted, 7,594.93 are paid out."""


@pytest.fixture
def admin(login: Callable[..., FlaskClient], business_day: Today) -> FlaskClient:
    business_day(TODAY)
    return login(Role.ADMIN)


def note(invoice: Invoice) -> str:
    return f"/admin/invoices/{invoice.id}/credit-notes/new"


def disbursal_id() -> int:
    db.session.rollback()
    return db.session.query(Disbursal).order_by(Disbursal.id.desc()).first().id


def test_credit_note_before_the_payout_lowers_the_principal(
    admin: FlaskClient, make_invoice: Callable[..., Invoice]
) -> None:
    invoice = make_invoice("approved")
    assert "Record credit note" in admin.get(f"/invoices/{invoice.id}").text
    answer = admin.post(note(invoice), data={"number": "CN-1", "amount": "1,000", "reason": "short"})
    assert answer.headers["Location"] == f"/invoices/{invoice.id}"
    assert exposure() == 7_200_00
    page = words(admin.get(f"/invoices/{invoice.id}").text)
    assert "principal lowered by ₹800.00" in page
    assert "Principal, 80% of the value after credit notes ₹7,200.00" in page


def test_credit_note_after_the_payout_is_netted_and_the_claim_opens_again_with_its_undoing(
    admin: FlaskClient,
    make_line: Callable[..., CreditLine],
    make_invoice: Callable[..., Invoice],
    ctx: Context,
) -> None:
    line = make_line()
    paid = make_invoice("disbursed", line=line)
    assert (
        admin.post(note(paid), data={"number": "CN-2", "amount": "2500", "reason": "damaged"}).status_code
        == 303
    )
    page = words(admin.get(f"/invoices/{paid.id}").text)
    assert "Held at the payout ₹2,000.00" in page
    assert "Used for credit notes ₹2,000.00" in page
    assert "Still held ₹0.00" in page
    assert "claimed from the supplier: ₹500.00" in page
    assert "Claims to be netted from its payouts ₹500.00" in words(
        admin.get(f"/customers/{paid.supplier_id}").text
    )
    queued = make_invoice("bundled", line=line)
    bundle = disbursal_id()
    shown = words(admin.get(f"/admin/disbursals/{bundle}").text)
    assert "Claims to be netted -₹500.00" in shown
    assert f"To transfer to {line.supplier.customer.name} ₹7,500.00" in shown
    assert "Approve ₹7,500.00" in shown
    file = list(
        csv.DictReader(
            io.StringIO(admin.get(f"/admin/disbursals/{bundle}/payouts.csv").text.lstrip("\ufeff"))
        )
    )
    assert [row["amount"] for row in file] == ["8000.00", "-500.00"]
    with transaction():
        approve_and_release(ctx, bundle)
    confirmed = admin.post(
        f"/admin/disbursals/{bundle}/confirm", data={"bank_reference": "B-2", "value_date": str(TODAY)}
    )
    assert confirmed.status_code == 303
    assert "Transferred to" in admin.get(f"/admin/disbursals/{bundle}").text
    before = written()
    assert admin.post(f"/admin/disbursals/{bundle}/undo", data={"reason": ""}).status_code == 422
    assert written() == before
    answer = admin.post(f"/admin/disbursals/{bundle}/undo", data={"reason": "came back"}, headers=HTMX)
    assert answer.status_code == 200
    undone = words(answer.text)
    assert "Was paid out, then undone ₹7,500.00" in undone
    assert "payout undone: came back" in undone
    db.session.refresh(queued)
    assert queued.status == "financeable"
    assert exposure() == 16_000_00
    page = words(admin.get(f"/invoices/{paid.id}").text)
    assert "-₹500.00 (undone)" in page
    listed = admin.get("/admin/disbursals?status=reversed").text
    assert f"/admin/disbursals/{bundle}" in listed
    assert ">Undone</span>" in listed
    assert "₹8,000.00" in listed


def test_an_invoice_paid_out_again_is_listed_once(
    admin: FlaskClient, make_invoice: Callable[..., Invoice], ctx: Context
) -> None:
    invoice = make_invoice("disbursed")
    assert admin.post(f"/admin/disbursals/{disbursal_id()}/undo", data={"reason": "x"}).status_code == 303
    assert "Owed" not in words(admin.get(f"/invoices/{invoice.id}").text)
    bundle_and_confirm(ctx, [invoice.id])
    assert admin.get("/invoices/").text.count(f'href="/invoices/{invoice.id}"') == 1
    assert loan_invoice_id_of(invoice.number) == invoice.id
    answer = admin.post(f"/admin/loans/{invoice.id}/write-off", data={"reason": "insolvent"})
    assert answer.status_code == 303
    assert exposure() == 0
    first, second = db.session.query(Loan).order_by(Loan.id)
    assert (first.written_off_on, second.written_off_on is None) == (None, False)


def test_a_payment_on_a_payout_that_did_not_arrive_is_the_payers_credit(
    admin: FlaskClient, make_invoice: Callable[..., Invoice], ctx: Context
) -> None:
    invoice = make_invoice("disbursed")
    with transaction():
        repay_in_full(ctx, invoice.id, bank_reference="UTR", value_date=TODAY)
    paid = db.session.query(Receipt).one().amount
    answer = admin.post(f"/admin/disbursals/{disbursal_id()}/undo", data={"reason": "x"})
    assert answer.status_code == 303
    assert credit_balance(invoice.purchaser_id, TODAY) == paid


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"number": ""}, "number", "required"),
        ({"number": "n" * 61}, "number", "at most 60"),
        ({"number": "CN-0"}, "number", "is recorded already"),
        ({"amount": "0"}, "amount", "more than zero"),
        ({"amount": "-1"}, "amount", "not be negative"),
        ({"amount": "10000"}, "amount", "At most ₹9,999.00 of the invoice is left"),
        ({"reason": ""}, "reason", "required"),
    ],
)
def test_each_bad_field_of_a_credit_note(
    admin: FlaskClient,
    make_invoice: Callable[..., Invoice],
    changes: dict[str, str],
    field: str,
    message: str,
) -> None:
    invoice = make_invoice("disbursed")
    admin.post(note(invoice), data={"number": "CN-0", "amount": "1", "reason": "first"})
    before = written()
    answer = admin.post(note(invoice), data={"number": "CN-1", "amount": "5", "reason": "x", **changes})
    assert answer.status_code == 422
    assert message in field_error(answer.text, field)
    assert written() == before


def test_a_bundled_invoice_takes_no_credit_note(
    admin: FlaskClient, make_invoice: Callable[..., Invoice]
) -> None:
    invoice = make_invoice("bundled")
    assert "Record credit note" not in admin.get(f"/invoices/{invoice.id}").text
    before = written()
    answer = admin.post(note(invoice), data={"number": "CN-1", "amount": "5", "reason": "x"})
    assert answer.status_code == 422
    assert "take it out of its disbursal first" in words(answer.text)
    assert written() == before


def test_payoff_for_any_day(admin: FlaskClient, make_invoice: Callable[..., Invoice]) -> None:
    invoice = make_invoice("disbursed")
    url = f"/invoices/{invoice.id}"
    # 8,000.00 × 18 % × 30 / 365
    assert "₹8,118.36" in words(admin.get(f"{url}?as_of=2026-04-01").text)
    part = admin.get(f"{url}/payoff?as_of=2026-05-31", headers=HTMX).text
    assert part.lstrip().startswith('<section class="card" id="payoff"')
    assert "₹8,355.07" in part
    assert "must not be before the payout" in admin.get(f"{url}/payoff?as_of=2026-03-01", headers=HTMX).text
    for wrong in ("1900-01-01", "tomorrow", "2026-02-30"):
        assert "Paid on must be a date" in admin.get(f"{url}?as_of={wrong}").text


def test_deduction_shows_on_quote_of_the_invoice_the_disbursal_and_the_loan(
    admin: FlaskClient,
    make_line: Callable[..., CreditLine],
    make_invoice: Callable[..., Invoice],
    login: Callable[..., FlaskClient],
) -> None:
    line = make_line(terms=UPFRONT)
    waiting = make_invoice("approved", line=line)
    page = words(admin.get(f"/invoices/{waiting.id}").text)
    assert "Paid out, interest and fee deducted ₹7,594.93" in page
    assert "Due at the end of the term ₹8,000.00" in page
    assert "Deducted from the payout" in page
    assert "Fee at least ₹50.00" in page
    paid = make_invoice("disbursed", line=line)
    page = words(admin.get(f"/invoices/{paid.id}").text)
    assert "Interest deducted at payout ₹355.07" in page
    assert "Paid out net of that ₹7,594.93" in page
    shown = words(admin.get(f"/admin/disbursals/{disbursal_id()}").text)
    assert "Interest deducted -₹355.07" in shown
    assert "Fees deducted -₹50.00" in shown
    purchaser = login(Role.PURCHASER, customer=paid.purchaser)
    assert "Reserve" not in words(purchaser.get(f"/invoices/{paid.id}").text)
    supplier = login(Role.SUPPLIER, customer=paid.supplier)
    seen = words(supplier.get(f"/invoices/{paid.id}").text)
    assert "Held at the payout ₹2,000.00" in seen
    assert "Record credit note" not in seen


def test_hold_and_recourse_are_shown(
    admin: FlaskClient,
    make_line: Callable[..., CreditLine],
    make_invoice: Callable[..., Invoice],
    ctx: Context,
    business_day: Today,
) -> None:
    line = make_line(terms=replace(TERMS, tenor_days=30, recourse_days=20))
    invoice = make_invoice("disbursed", line=line)
    later = at(ctx, 60)
    with transaction():
        review_holds(later, 15)
        turn_to_recourse(later)
    business_day(later.today)
    assert "On hold since 1 May 2026" in words(admin.get(f"/customers/{invoice.purchaser_id}").text)
    assert "On hold" in words(admin.get(f"/customers/lines/{line.id}").text)
    page = words(admin.get(f"/invoices/{invoice.id}").text)
    assert "The supplier owes it since 1 May 2026" in page
    assert "After 20 days past due" in page
    assert "owes it since 1 May 2026" in words(admin.get("/admin/loans").text)


TERMS_MORE = {"interest_timing": "upfront", "fee_min": "100", "fee_max": "500.50", "recourse_days": "45"}


def line_form(line: CreditLine, **changes: str) -> dict[str, str]:
    return {**TERMS_TYPED, "limit": "1,00,000", "valid_from": "2026-01-01", **TERMS_MORE, **changes}


def test_terms_are_saved_and_shown(admin: FlaskClient, make_line: Callable[..., CreditLine]) -> None:
    line = make_line()
    assert admin.post(f"/customers/lines/{line.id}/edit", data=line_form(line)).status_code == 303
    db.session.refresh(line)
    terms = line.terms
    assert (terms.interest_timing, terms.fee_min, terms.fee_max, terms.recourse_days) == (
        "upfront",
        100_00,
        500_50,
        45,
    )
    page = words(admin.get(f"/customers/lines/{line.id}").text)
    assert "Fee at least ₹100.00, at most ₹500.50" in page
    assert "Recourse After 45 days past due" in page
    emptied = line_form(line, fee_min="", fee_max="", recourse_days="")
    assert admin.post(f"/customers/lines/{line.id}/edit", data=emptied).status_code == 303
    db.session.refresh(line)
    assert (line.fee_min, line.fee_max, line.recourse_days) == (0, None, None)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"interest_timing": "sometimes"}, "interest_timing"),
        ({"interest_timing": ""}, "interest_timing"),
        ({"fee_min": "-1"}, "fee_min"),
        ({"fee_max": "99.99"}, "fee_max"),
        ({"fee_max": "$3"}, "fee_max"),
        ({"recourse_days": "366"}, "recourse_days"),
        ({"recourse_days": "-1"}, "recourse_days"),
    ],
)
def test_each_bad_term_is_named(
    admin: FlaskClient, make_line: Callable[..., CreditLine], changes: dict[str, str], field: str
) -> None:
    line = make_line()
    before = written()
    answer = admin.post(f"/customers/lines/{line.id}/edit", data=line_form(line, **changes))
    assert answer.status_code == 422
    assert field_error(answer.text, field)
    assert written() == before
