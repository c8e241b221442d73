"""Receipts through the pages: proposed, changed, recorded, undone, paid back."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from flask.testing import FlaskClient

from tests.support.pages import HTMX, Today, field_error, inputs, words
from tests.support.receipts import exposure, written
from tests.support.values import TERMS, TODAY, at
from tusker.domain.terms import InterestTiming
from tusker.extensions import db
from tusker.models import Allocation, CreditLine, Customer, Invoice, Loan, Receipt, Role
from tusker.queries.loans.account_statements.statement import credit_balance
from tusker.services.context import Context
from tusker.services.loans.receipts.recording import record_receipt
from tusker.transactions import transaction

LATE = replace(TERMS, tenor_days=30, grace_days=5, penal_rate=Decimal("0.365"), fee_flat=1_000)
"""8,000.00 lent for 30 days at 18 %, with a fee of 10.00; late by 10 days: 80.00 of penalty."""
PAID_ON = date(2026, 4, 11)
"""Forty days after the payout, ten days late: owed are 80.00 + 10.00 + 157.81 + 8,000.00."""
NEW = "/admin/receipts/new"


@pytest.fixture
def admin(login: Callable[..., FlaskClient], business_day: Today) -> FlaskClient:
    business_day(PAID_ON)
    return login(Role.ADMIN)


@pytest.fixture
def line(make_line: Callable[..., CreditLine]) -> CreditLine:
    return make_line(terms=LATE)


@pytest.fixture
def loan(line: CreditLine, make_invoice: Callable[..., Invoice]) -> Invoice:
    """A loan of 8,000.00, paid out on 2 March."""
    return make_invoice("disbursed", line=line)


def about(invoice: Invoice, **changes: str) -> dict[str, str]:
    return {
        "customer_id": str(invoice.purchaser_id),
        "amount": "3,000.00",
        "value_date": str(PAID_ON),
        "bank_reference": "NEFT-1",
        "action": "propose",
        **changes,
    }


def proposed(admin: FlaskClient, data: dict[str, str]) -> dict[str, str]:
    """The form as it comes back from proposing, ready to be recorded."""
    answer = admin.post(NEW, data=data)
    assert answer.status_code == 200, words(answer.text)
    return {**inputs(answer.text), "action": "record"}


def only_receipt() -> Receipt:
    db.session.rollback()
    return db.session.query(Receipt).one()


def test_proposal_is_recorded_as_shown(admin: FlaskClient, loan: Invoice) -> None:
    before = written()
    sheet = proposed(admin, about(loan))
    assert written() == before
    assert (sheet["penalty_1"], sheet["fee_1"], sheet["interest_1"], sheet["principal_1"]) == (
        "80.00",
        "10.00",
        "157.81",
        "2752.19",
    )
    assert sheet["left_over"] == "0"
    answer = admin.post(NEW, data=sheet)
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/admin/receipts/{only_receipt().id}"
    part = only_receipt().allocations[0]
    assert (part.penalty, part.fee, part.interest, part.principal) == (80_00, 10_00, 157_81, 2752_19)
    assert exposure() == 8_000_00 - 2752_19
    page = words(admin.get(answer.headers["Location"]).text)
    assert "₹2,752.19" in page
    assert "Left as credit ₹0.00" in page


def test_changed_allocation_is_stored_exactly(
    admin: FlaskClient, loan: Invoice, line: CreditLine, make_invoice: Callable[..., Invoice]
) -> None:
    second = make_invoice("disbursed", line=line)
    sheet = proposed(admin, about(loan))
    assert sheet["principal_2"] == ""
    # the customer wants the second one's principal paid first, and leaves something over
    changed = {**sheet, "principal_1": "", "interest_1": "100.00", "principal_2": "1,500.50"}
    sums = admin.post(NEW, data={**changed, "action": "sums"}, headers=HTMX).text
    assert 'id="left-over"' in sums
    assert "<html" not in sums
    assert "₹1,309.50" in words(sums)
    assert 'id="row-total-2" hx-swap-oob="true"' in sums
    answer = admin.post(NEW, data={**changed, "left_over": inputs(sums)["left_over"]})
    assert answer.status_code == 303, words(answer.text)
    parts = {a.loan_id: (a.penalty, a.fee, a.interest, a.principal) for a in only_receipt().allocations}
    assert parts == {1: (80_00, 10_00, 100_00, 0), 2: (0, 0, 0, 1500_50)}
    assert credit_balance(second.purchaser_id, PAID_ON) == 1309_50
    assert exposure() == 16_000_00 - 1500_50


def test_without_javascript_changed_sums_are_shown_before_they_are_recorded(
    admin: FlaskClient, loan: Invoice
) -> None:
    sheet = {**proposed(admin, about(loan)), "principal_1": "2000.00"}
    before = written()
    answer = admin.post(NEW, data=sheet)
    assert answer.status_code == 422
    assert "The allocation sums to ₹2,247.81, but ₹3,000.00 was received" in words(answer.text)
    assert written() == before
    again = {**inputs(answer.text), "action": "record"}
    assert (again["principal_1"], again["left_over"]) == ("2000.00", "75219")
    assert admin.post(NEW, data=again).status_code == 303
    assert credit_balance(loan.purchaser_id, PAID_ON) == 752_19


def test_another_amount_gets_a_new_proposal_first(admin: FlaskClient, loan: Invoice) -> None:
    sheet = {**proposed(admin, about(loan)), "amount": "100"}
    before = written()
    answer = admin.post(NEW, data=sheet)
    assert answer.status_code == 422
    assert "This is the allocation proposed for them" in words(answer.text)
    assert written() == before
    assert inputs(answer.text)["principal_1"] == ""


def test_a_reference_typed_last_is_proposed_for_what_it_names(
    admin: FlaskClient, loan: Invoice, line: CreditLine, make_invoice: Callable[..., Invoice]
) -> None:
    second = make_invoice("disbursed", line=line)
    sheet = proposed(admin, about(loan, bank_reference=""))
    assert (bool(sheet["principal_1"]), bool(sheet["principal_2"])) == (True, False)
    before = written()
    answer = admin.post(NEW, data={**sheet, "bank_reference": f"NEFT-1 {second.number}"})
    assert (answer.status_code, written()) == (422, before)
    assert "what the reference names changed" in words(answer.text)
    again = {**inputs(answer.text), "action": "record"}
    assert (bool(again["principal_1"]), bool(again["principal_2"])) == (False, True)
    assert admin.post(NEW, data=again).status_code == 303
    assert {part.loan_id for part in only_receipt().allocations} == {2}


def test_a_reference_that_names_nothing_else_keeps_what_was_typed(admin: FlaskClient, loan: Invoice) -> None:
    sheet = {**proposed(admin, about(loan, bank_reference="")), "principal_1": "2000.00"}
    sheet |= {"bank_reference": "NEFT-1", "action": "refresh"}
    answer = admin.post(NEW, data=sheet, headers=HTMX)
    assert answer.text.lstrip().startswith('<div id="allocation"')
    assert inputs(answer.text)["principal_1"] == "2000.00"
    named = admin.post(NEW, data={**sheet, "bank_reference": f"for {loan.number}"}, headers=HTMX)
    assert inputs(named.text)["principal_1"] != "2000.00"
    page = admin.get(NEW).text
    assert re.search(r"""hx-vals='{"action": "refresh"}'[^>]*>.{0,300}bank_reference""", page, re.DOTALL)


BAD_FIELDS: list[tuple[dict[str, str], str, str]] = [
    ({"amount": "0"}, "amount", "must be more than zero"),
    ({"amount": "-5"}, "amount", "must not be negative"),
    ({"amount": "$100"}, "amount", "is not an amount"),
    ({"amount": ""}, "amount", "Amount is required"),
    ({"amount": "1.005"}, "amount", "at most 2 decimals"),
    ({"customer_id": ""}, "customer_id", "Customer is required"),
    ({"customer_id": "999"}, "customer_id", "choose one of the list"),
    ({"value_date": "1900-01-01"}, "value_date", "must be a date from 2000-01-01"),
    ({"value_date": "2026-03-01"}, "value_date", "must not be before the payout of"),
    ({"value_date": "2026-04-12"}, "value_date", "must not be in the future"),
    ({"bank_reference": ""}, "bank_reference", "Bank reference is required"),
    ({"bank_reference": "x" * 61}, "bank_reference", "at most 60 characters"),
]


def test_each_bad_field_is_named(admin: FlaskClient, loan: Invoice, subtests: pytest.Subtests) -> None:
    sheet = proposed(admin, about(loan))
    before = written()
    for changes, field, message in BAD_FIELDS:
        with subtests.test(str((changes, field, message))):
            answer = admin.post(NEW, data={**sheet, **changes})
            assert answer.status_code == 422
            assert message in field_error(answer.text, field)
            assert written() == before


def test_reference_used_twice(admin: FlaskClient, loan: Invoice) -> None:
    assert admin.post(NEW, data=proposed(admin, about(loan))).status_code == 303
    sheet = proposed(admin, about(loan))
    before = written()
    answer = admin.post(NEW, data=sheet)
    assert answer.status_code == 422
    assert "recorded already" in field_error(answer.text, "bank_reference")
    assert written() == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"principal_1": "99999"}, "The principal is more than what is owed of it."),
        ({"principal_1": "8000.00"}, "The allocation sums to ₹8,247.81, but ₹3,000.00 was received."),
        ({"fee_1": "-1"}, "fee: The amount must not be negative."),
        ({"interest_1": "-1"}, "The interest must not be negative."),
        ({"penalty_1": "eighty"}, "penalty: “eighty” is not an amount"),
    ],
)
def test_a_wrong_allocation_is_named_and_not_recorded(
    admin: FlaskClient, loan: Invoice, changes: dict[str, str], message: str
) -> None:
    sheet = {**proposed(admin, about(loan)), **changes}
    before = written()
    answer = admin.post(NEW, data=sheet)
    assert answer.status_code == 422
    assert message in words(answer.text)
    assert loan.number in words(answer.text)
    for name, value in changes.items():
        assert inputs(answer.text)[name] == value, "what was typed stays"
    assert written() == before


def test_a_strangers_loan_cannot_be_paid(
    admin: FlaskClient,
    loan: Invoice,
    make_line: Callable[..., CreditLine],
    make_invoice: Callable[..., Invoice],
) -> None:
    stranger = make_invoice("disbursed", line=make_line(terms=LATE))
    sheet = proposed(admin, about(loan))
    assert "principal_2" not in sheet
    assert admin.post(NEW, data={**sheet, "principal_2": "10"}).status_code == 303
    assert {a.loan_id for a in only_receipt().allocations} == {1}
    assert db.session.query(Loan).filter_by(invoice_id=stranger.id).one().open_principal == 8_000_00


def test_the_supplier_may_pay_what_its_purchaser_owes(admin: FlaskClient, loan: Invoice) -> None:
    sheet = proposed(admin, about(loan, customer_id=str(loan.supplier_id)))
    assert (sheet["left_over"], sheet["principal_1"]) == ("300000", "")
    sheet |= {"principal_1": "3000", "left_over": "0"}
    assert admin.post(NEW, data=sheet).status_code == 303
    assert only_receipt().allocations[0].principal == 3_000_00


def test_interest_deducted_upfront_is_given_back_on_the_sheet(
    admin: FlaskClient, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    upfront = replace(TERMS, interest_timing=InterestTiming.UPFRONT)
    invoice = make_invoice("disbursed", line=make_line(terms=upfront))
    sheet = proposed(admin, about(invoice, amount="9000"))
    assert (sheet["principal_1"], sheet["interest_1"]) == ("8000.00", "-197.26")
    answer = admin.post(NEW, data=sheet)
    assert answer.status_code == 303, words(answer.text)
    part = only_receipt().allocations[0]
    assert (part.principal, part.interest) == (8_000_00, -197_26)
    db.session.refresh(invoice)
    assert invoice.status == "repaid"
    assert credit_balance(invoice.purchaser_id, PAID_ON) == 9_000_00 - 7802_74


def test_htmx_proposal_is_a_fragment_and_quiet_while_the_form_is_empty(
    admin: FlaskClient, loan: Invoice
) -> None:
    answer = admin.post(NEW, data=about(loan, amount=""), headers=HTMX)
    assert answer.status_code == 200
    assert answer.text.lstrip().startswith('<div id="allocation"')
    assert "alert-danger" not in answer.text
    answer = admin.post(NEW, data=about(loan, amount="-3"), headers=HTMX)
    assert "Amount: The amount must not be negative" in words(answer.text) or "must not be negative" in words(
        answer.text
    )
    assert "hx-swap-oob" not in admin.post(NEW, data=about(loan), headers=HTMX).text


def test_reversal_opens_the_loan_again_and_reserves_its_credit(admin: FlaskClient, loan: Invoice) -> None:
    sheet = proposed(admin, about(loan, amount="8247.81"))
    where = admin.post(NEW, data=sheet).headers["Location"]
    db.session.refresh(loan)
    assert (loan.status, exposure()) == ("repaid", 0)
    before = written()
    refused = admin.post(f"{where}/undo", data={"reason": " "})
    assert refused.status_code == 422
    assert "Reason is required" in words(refused.text)
    assert written() == before
    answer = admin.post(f"{where}/undo", data={"reason": "bounced"}, headers=HTMX)
    assert answer.status_code == 200
    assert answer.text.lstrip().startswith('<div id="receipt"')
    assert "contra entry" in answer.text
    assert ">Undone</span>" in answer.text
    db.session.refresh(loan)
    assert (loan.status, exposure()) == ("disbursed", 8_000_00)
    invoice_page = words(admin.get(f"/invoices/{loan.id}").text)
    assert "undone on 11 Apr 2026" in invoice_page
    assert "-₹8,000.00" in invoice_page
    listed = words(admin.get("/admin/receipts").text)
    assert "undoes NEFT-1: bounced" in listed
    again = admin.post(f"{where}/undo", data={"reason": "twice"})
    assert again.status_code == 422
    assert "undone already" in words(again.text)


def test_credit_is_shown_used_and_paid_back(
    admin: FlaskClient, loan: Invoice, line: CreditLine, make_invoice: Callable[..., Invoice], ctx: Context
) -> None:
    with transaction():
        receipt = record_receipt(
            at(ctx, 40),
            loan.purchaser_id,
            amount=10_000_00,
            bank_reference="NEFT-9",
            value_date=PAID_ON,
            wanted=[],
        )
        receipt_id = receipt.id
    listed = admin.get("/admin/receipts?state=credit").text
    assert "NEFT-9" in listed
    assert "Credit balance ₹10,000.00" in words(admin.get(f"/customers/{loan.purchaser_id}").text)
    for data, field, message in (
        ({"amount": "10000.01"}, "refund-amount", "At most ₹10,000.00"),
        ({"amount": "0"}, "refund-amount", "must be more than zero"),
        ({"bank_reference": "NEFT-9"}, "refund-reference", "recorded already"),
        ({"value_date": "2026-04-10"}, "refund-date", "cannot be before the receipt"),
    ):
        before = written()
        sent = {"amount": "50", "bank_reference": "BACK-1", "value_date": str(PAID_ON), **data}
        answer = admin.post(f"/admin/receipts/{receipt_id}/refund", data=sent)
        assert answer.status_code == 422
        assert message in words(answer.text), field
        assert written() == before
    sent = {"amount": "500", "bank_reference": "BACK-1", "value_date": str(PAID_ON)}
    assert admin.post(f"/admin/receipts/{receipt_id}/refund", data=sent).status_code == 303
    page = words(admin.get(f"/admin/receipts/{receipt_id}").text)
    assert "Paid back ₹500.00" in page
    assert "Left as credit ₹9,500.00" in page
    assert "What was paid back of it is then owed by the customer." in page
    answer = admin.post(f"/admin/customers/{loan.purchaser_id}/use-credit", data={"receipt_id": receipt_id})
    assert answer.headers["Location"] == f"/admin/receipts/{receipt_id}"
    db.session.refresh(loan)
    assert loan.status == "repaid"
    assert credit_balance(loan.purchaser_id, PAID_ON) == 9_500_00 - 8247_81
    answer = admin.post(f"/admin/customers/{loan.purchaser_id}/use-credit", follow_redirects=True)
    assert "Nothing is owed that it could pay" in words(answer.text)


def test_list_searches_filters_and_pages(
    admin: FlaskClient, loan: Invoice, make_purchaser: Callable[..., Customer], ctx: Context
) -> None:
    other = make_purchaser("Zenith Stores")
    with transaction():
        for number in range(52):
            payer = other.id if number == 7 else loan.purchaser_id
            record_receipt(
                at(ctx, 40),
                payer,
                amount=100 + number,
                bank_reference=f"UTR-{number:03}",
                value_date=PAID_ON,
                wanted=[],
            )
    first = admin.get("/admin/receipts").text
    assert "UTR-051" in first
    assert "UTR-001" not in first
    older = next(part.split('"')[0] for part in first.split('href="')[1:] if "before=" in part.split('"')[0])
    assert "UTR-001" in admin.get(older.replace("&amp;", "&")).text
    for query in ("q=utr-007", "q=zenith", f"customer_id={other.id}"):
        found = admin.get(f"/admin/receipts?{query}").text
        assert "UTR-007" in found
        assert "UTR-008" not in found
    assert "Nothing matches these filters" in admin.get("/admin/receipts?state=refund", headers=HTMX).text


def test_marking_repaid_takes_what_is_left_after_a_part_with_the_same_value_date(
    admin: FlaskClient, loan: Invoice, business_day: Today
) -> None:
    """A payment booked today for yesterday lowers what a repayment for yesterday takes."""
    assert admin.post(NEW, data=proposed(admin, about(loan))).status_code == 303
    business_day(date(2026, 4, 12))
    due = words(admin.get(f"/admin/loans/{loan.id}/due?value_date={PAID_ON}", headers=HTMX).text)
    assert "To receive on 11 Apr 2026 : ₹5,247.81" in due
    early = words(admin.get(f"/admin/loans/{loan.id}/due?value_date=2026-04-10", headers=HTMX).text)
    assert "value date 11 Apr 2026 is recorded already" in early
    data = {"bank_reference": "NEFT-2", "value_date": str(PAID_ON)}
    assert admin.post(f"/admin/loans/{loan.id}/repay", data=data).status_code == 303
    db.session.rollback()
    assert db.session.query(Receipt).filter_by(bank_reference="NEFT-2").one().amount == 5247_81
    assert exposure() == 0


def test_marking_repaid_a_loan_deducted_upfront(
    admin: FlaskClient, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    upfront = replace(TERMS, interest_timing=InterestTiming.UPFRONT)
    invoice = make_invoice("disbursed", line=make_line(terms=upfront))
    shown = words(admin.get(f"/admin/loans/{invoice.id}/repay").text)
    assert "₹7,802.74" in shown
    assert "₹197.26 interest given back" in shown
    data = {"bank_reference": "NEFT-2", "value_date": str(PAID_ON)}
    assert admin.post(f"/admin/loans/{invoice.id}/repay", data=data).status_code == 303
    assert only_receipt().amount == 7802_74
    assert exposure() == 0


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.SUPPLIER, Role.PURCHASER])
def test_only_admins_write(
    role: Role, login: Callable[..., FlaskClient], loan: Invoice, ctx: Context
) -> None:
    with transaction():
        record_receipt(
            ctx, loan.purchaser_id, amount=100, bank_reference="UTR-1", value_date=TODAY, wanted=[]
        )
    company = {Role.SUPPLIER: loan.supplier, Role.PURCHASER: loan.purchaser}.get(role)
    browser = login(role, customer=company)
    before = written()
    for path in (
        NEW,
        "/admin/receipts/1/undo",
        "/admin/receipts/1/refund",
        f"/admin/customers/{loan.purchaser_id}/use-credit",
        "/admin/disbursals/1/undo",
        f"/admin/invoices/{loan.id}/credit-notes/new",
    ):
        assert browser.post(path, data={"reason": "because"}).status_code == 403, path
    assert written() == before
    for path in ("/admin/receipts", "/admin/receipts/1"):
        answer = browser.get(path)
        assert answer.status_code == (200 if role == Role.AUDITOR else 403)
        assert "Record receipt" not in answer.text
        assert "Undo the receipt" not in answer.text
    assert browser.get(f"/admin/receipts/{10**6}").status_code == (404 if role == Role.AUDITOR else 403)


def test_contra_rows_have_no_page_of_their_own(admin: FlaskClient, loan: Invoice) -> None:
    where = admin.post(NEW, data=proposed(admin, about(loan))).headers["Location"]
    admin.post(f"{where}/undo", data={"reason": "bounced"})
    db.session.rollback()
    contra = db.session.query(Receipt).filter_by(kind="reversal").one()
    assert admin.get(f"/admin/receipts/{contra.id}").headers["Location"] == where
    assert db.session.query(Allocation).filter(Allocation.reverses_id.is_not(None)).count() == 1
