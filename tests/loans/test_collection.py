"""Purchasers that pay the face value: the debt first, the rest is the supplier's and leaves with the next disbursal."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.support.database import OWNER
from tests.support.pages import Today, amounts
from tests.support.payouts import approve_and_release, bundle_and_confirm, press_approve, seen_on
from tests.support.values import PASSWORD, TERMS, at
from tusker import clock
from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.domain.terms import Collection, InterestTiming
from tusker.errors import Conflict, OnHold
from tusker.extensions import db
from tusker.models import (
    BankStatement,
    Claim,
    CreditLine,
    Disbursal,
    DisbursalStatus,
    EntryDirection,
    EntryState,
    Invoice,
    Loan,
    Payable,
    PayableLine,
    Payout,
    Role,
    StatementEntry,
)
from tusker.queries.bank.candidates import judge_entries
from tusker.queries.loans.account_statements.statement import credit_balance, statement
from tusker.queries.record.proof import prove
from tusker.services.bank.decisions import accept_entry
from tusker.services.context import Context
from tusker.services.credit.customers.holds import hold_customer, lift_hold
from tusker.services.loans.deductions.credit_notes import record_credit_note
from tusker.services.loans.receipts.recording import record_receipt, repay_in_full, unallocated
from tusker.services.loans.receipts.undoing import reverse_receipt
from tusker.services.loans.reserve import reserve_left
from tusker.services.payout.disbursals.bundling import bundle_daily
from tusker.services.payout.disbursals.drafts import drop, hold_back
from tusker.services.payout.release.approval import approve
from tusker.services.payout.settlement.confirming import confirm
from tusker.services.payout.settlement.rejection import reinstate_payout, reject_payout
from tusker.services.payout.settlement.undoing import return_payout
from tusker.transactions import transaction

FACE = replace(TERMS, collection=Collection.INVOICE)
DEBT_AT_TERM = 8_355_07
REST = 10_000_00 - DEBT_AT_TERM


@pytest.fixture
def line(make_line: Callable[..., CreditLine]) -> CreditLine:
    return make_line(terms=FACE)


@pytest.fixture
def invoice(make_invoice: Callable[..., Invoice], line: CreditLine) -> Invoice:
    """An invoice of 10,000.00 of which 8,000.00 were paid out."""
    return make_invoice("disbursed", line=line)


def pay(ctx: Context, invoice: Invoice, amount: int, reference: str = "UTR-1", day: int = 90) -> int:
    later = at(ctx, day)
    with transaction():
        receipt = record_receipt(
            later, invoice.purchaser_id, amount=amount, bank_reference=reference, value_date=later.today
        )
        return receipt.id


def loan_of(invoice: Invoice) -> Loan:
    return db.session.query(Loan).filter_by(invoice_id=invoice.id, reversed_on=None).one()


def open_payables() -> list[int]:
    return [p.open_amount for p in db.session.query(Payable).order_by(Payable.id) if p.open_amount]


def next_disbursal(ctx: Context, day: int = 91) -> Disbursal:
    """The next day's daily disbursal, released and not confirmed."""
    later = at(ctx, day)
    with transaction():
        disbursal = bundle_daily(later)
        assert disbursal is not None
        approve_and_release(later, disbursal.id)
    return disbursal


def payout_of(disbursal: Disbursal) -> Payout:
    return db.session.query(Payout).filter_by(disbursal_id=disbursal.id).one()


def holds() -> None:
    proof = prove()
    assert (proof.differences, proof.mismatches) == ([], [])


def test_the_face_value_pays_the_debt_and_the_rest_is_the_suppliers(ctx: Context, invoice: Invoice) -> None:
    assert loan_of(invoice).face_open == 10_000_00
    receipt_id = pay(ctx, invoice, 10_000_00)
    db.session.refresh(invoice)
    assert (invoice.status, loan_of(invoice).face_open) == (InvoiceStatus.REPAID, 0)
    assert (open_payables(), unallocated(receipt_id)) == ([REST], 0)
    assert credit_balance(invoice.purchaser_id, at(ctx, 90).today) == 0
    assert reserve_left(invoice.id) == 0
    holds()


def test_the_rest_leaves_with_the_next_disbursal_though_it_finances_nothing(
    ctx: Context, invoice: Invoice
) -> None:
    pay(ctx, invoice, 10_000_00)
    disbursal = next_disbursal(ctx)
    payout = payout_of(disbursal)
    assert (payout.principal, payout.payables, payout.net) == (0, REST, REST)
    holds()
    with transaction():
        confirm(at(ctx, 91), disbursal.id, bank_reference="B-2", value_date=at(ctx, 91).today)
    assert (open_payables(), disbursal.status) == ([], DisbursalStatus.CONFIRMED)
    holds()
    with transaction():
        assert bundle_daily(at(ctx, 92)) is None


def test_it_is_paid_together_with_what_is_financed_and_netted_with_claims(
    ctx: Context, line: CreditLine, invoice: Invoice, make_invoice: Callable[..., Invoice]
) -> None:
    pay(ctx, invoice, 10_000_00)
    with transaction():
        record_credit_note(at(ctx, 90), invoice.id, number="CN-1", amount=100_00)
    make_invoice("financeable", line=line, value=1_000_00)
    payout = payout_of(next_disbursal(ctx))
    assert (payout.principal, payout.payables, payout.claims) == (800_00, REST, 100_00)
    assert payout.net == 800_00 + REST - 100_00
    holds()


@pytest.mark.parametrize(
    ("payments", "payables"),
    [
        ([4_000_00, 6_000_00], [REST]),  # in two parts
        ([DEBT_AT_TERM, REST], [REST]),  # the debt first, the rest later
        ([9_000_00, 1_000_00], [9_000_00 - DEBT_AT_TERM, 1_000_00]),
        ([10_000_00, 10_000_00], [REST]),  # twice: the second is the purchaser's credit
        ([10_500_00], [REST]),  # too much
    ],
)
def test_however_it_comes_the_supplier_gets_face_value_less_debt(
    ctx: Context, invoice: Invoice, payments: list[int], payables: list[int]
) -> None:
    for number, amount in enumerate(payments):
        pay(ctx, invoice, amount, f"UTR-{number}")
        holds()
    assert open_payables() == payables
    assert sum(payables) == REST
    excess = sum(payments) - 10_000_00
    assert credit_balance(invoice.purchaser_id, at(ctx, 90).today) == excess


def test_a_late_purchaser_pays_less_than_is_owed(ctx: Context, invoice: Invoice) -> None:
    late = at(ctx, 700)
    pay(ctx, invoice, 10_000_00, day=700)
    loan = loan_of(invoice)
    assert (loan.closed_on, loan.face_open, open_payables()) == (None, 0, [])
    holds()
    with transaction():  # what then lacks is paid by the supplier
        record_receipt(
            late, invoice.supplier_id, amount=5_000_00, bank_reference="S", value_date=late.today,
            wanted=None,
        )  # fmt: skip
    holds()


def test_where_the_supplier_repaid_all_of_the_purchasers_money_is_its(ctx: Context, invoice: Invoice) -> None:
    later = at(ctx, 90)
    loan = loan_of(invoice)
    with transaction():
        loan.recourse_on = later.today
    with transaction():
        repay_in_full(later, invoice.id, bank_reference="S-1", value_date=later.today)
    assert (loan_of(invoice).closed_on, loan_of(invoice).face_open) == (later.today, 10_000_00)
    holds()
    pay(ctx, invoice, 10_000_00)
    assert open_payables() == [10_000_00]
    holds()


def test_marked_as_repaid_the_purchaser_paid_the_face_value(ctx: Context, invoice: Invoice) -> None:
    later = at(ctx, 90)
    with transaction():
        receipt = repay_in_full(later, invoice.id, bank_reference="U", value_date=later.today)
    assert (receipt.amount, open_payables()) == (10_000_00, [REST])
    holds()


def test_interest_deducted_at_the_payout_comes_back_with_the_rest(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    line = make_line(terms=replace(FACE, interest_timing=InterestTiming.UPFRONT))
    invoice = make_invoice("disbursed", line=line)
    pay(ctx, invoice, 10_000_00, day=0)
    assert open_payables() == [2_000_00 + 355_07]
    assert reserve_left(invoice.id) == 0
    holds()


def test_undone_before_it_left_nothing_is_owed_to_the_supplier(ctx: Context, invoice: Invoice) -> None:
    receipt_id = pay(ctx, invoice, 10_000_00)
    with transaction():
        reverse_receipt(at(ctx, 91), receipt_id, reason="bounced")
    loan = loan_of(invoice)
    assert (loan.face_open, loan.open_principal, open_payables()) == (10_000_00, 8_000_00, [])
    assert reserve_left(invoice.id) == 2_000_00
    holds()
    pay(ctx, invoice, 10_000_00, "UTR-2", day=92)
    holds()


def test_undone_in_a_draft_the_line_leaves_it(ctx: Context, invoice: Invoice) -> None:
    receipt_id = pay(ctx, invoice, 10_000_00)
    later = at(ctx, 91)
    with transaction():
        disbursal = bundle_daily(later)
    assert disbursal is not None
    with transaction():
        reverse_receipt(later, receipt_id, reason="bounced")
    with pytest.raises(Conflict), transaction():
        approve_and_release(later, disbursal.id)
    holds()


def test_undone_after_it_left_the_supplier_owes_it(
    ctx: Context, line: CreditLine, invoice: Invoice, make_invoice: Callable[..., Invoice]
) -> None:
    receipt_id = pay(ctx, invoice, 10_000_00)
    disbursal = next_disbursal(ctx)
    later = at(ctx, 91)
    with transaction():
        confirm(later, disbursal.id, bank_reference="B-2", value_date=later.today)
    with transaction():
        reverse_receipt(later, receipt_id, reason="bounced")
    claim = db.session.query(Claim).one()
    assert (claim.open_amount, claim.supplier_id, open_payables()) == (REST, invoice.supplier_id, [])
    holds()
    bundle_and_confirm(at(ctx, 92), [make_invoice("financeable", line=line).id])
    db.session.refresh(claim)
    assert claim.open_amount == 0
    assert loan_of(invoice).open_principal == 8_000_00  # the netting pays no loan: it makes up for the rest
    holds()


def test_a_payout_that_fails_or_comes_back_is_passed_on_with_the_next(ctx: Context, invoice: Invoice) -> None:
    pay(ctx, invoice, 10_000_00)
    first = payout_of(next_disbursal(ctx))
    with transaction():
        reject_payout(at(ctx, 91), first.id, reason="AC04 closed account")
    assert open_payables() == [REST]
    holds()
    with transaction():
        reinstate_payout(at(ctx, 91), first.id, reason="it was made after all")
    holds()
    with transaction():
        confirm(at(ctx, 91), first.disbursal_id, bank_reference="B-2", value_date=at(ctx, 91).today)
    with transaction():
        return_payout(at(ctx, 92), first.id, reason="account closed")
    assert open_payables() == [REST]
    holds()
    second = payout_of(next_disbursal(ctx, 93))
    assert second.net == REST
    holds()


def test_one_can_be_held_back_and_is_in_the_next(ctx: Context, invoice: Invoice) -> None:
    pay(ctx, invoice, 10_000_00)
    later = at(ctx, 91)
    with transaction():
        disbursal = bundle_daily(later)
    assert disbursal is not None
    payable = db.session.query(Payable).one()
    with transaction():
        hold_back(later, disbursal.id, payable.id, reason="asked to wait")
    assert disbursal.status == DisbursalStatus.DROPPED
    with transaction():
        again = bundle_daily(at(ctx, 92))
    assert again is not None
    with transaction():
        drop(at(ctx, 92), again.id, reason="not today")
    assert payout_of(next_disbursal(ctx, 93)).payables == REST
    holds()


def test_a_credit_note_lowers_what_the_purchaser_has_to_pay(ctx: Context, invoice: Invoice) -> None:
    with transaction():
        record_credit_note(ctx, invoice.id, number="CN-1", amount=500_00)
    assert loan_of(invoice).face_open == 9_500_00
    pay(ctx, invoice, 9_500_00)
    assert open_payables() == [REST - 500_00]
    assert reserve_left(invoice.id) == 0
    holds()


def credit_of(ctx: Context, amount: int, text: str) -> StatementEntry:
    """Money on the bank's statement with a text."""
    with transaction() as session:
        statement = BankStatement(
            digest="0" * 64, position=0, format="csv", file_name="s.csv", reference="S", account="1",
            imported_at=ctx.now, importer="test",
        )  # fmt: skip
        session.add(statement)
        session.flush()
        entry = StatementEntry(
            statement_id=statement.id, fingerprint="1" * 64, direction=EntryDirection.CREDIT, amount=amount,
            booked_on=ctx.today, value_date=ctx.today, bank_reference="UTR-9", remittance=text,
            state=EntryState.OPEN,
            loans_found=list(session.scalars(db.select(Loan.id).join(Invoice).where(Invoice.number == text))),
        )  # fmt: skip
        session.add(entry)
    return entry


def test_both_statements_add_up_day_by_day(ctx: Context, invoice: Invoice) -> None:
    pay(ctx, invoice, 4_000_00, "UTR-1", day=30)
    with transaction():
        record_credit_note(at(ctx, 40), invoice.id, number="CN-1", amount=200_00)
    receipt_id = pay(ctx, invoice, 5_800_00, "UTR-2", day=60)
    with transaction():
        reverse_receipt(at(ctx, 70), receipt_id, reason="bounced")
    pay(ctx, invoice, 5_800_00, "UTR-3", day=80)
    first = ctx.today
    for day in range(0, 100, 10):
        for side, company in (("supplier", invoice.supplier_id), ("purchaser", invoice.purchaser_id)):
            made = statement(company, side, first, at(ctx, day).today)  # type: ignore[arg-type]
            assert made.adds_up, (day, side, made)
    owed = [
        statement(invoice.purchaser_id, "purchaser", first, at(ctx, day).today).closing
        for day in (0, 30, 40, 60, 70, 80)
    ]
    assert owed == [10_000_00, 6_000_00, 5_800_00, 0, 5_800_00, 0]


def test_each_side_is_shown_its_own_figures(
    ctx: Context, invoice: Invoice, login: Callable[..., FlaskClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: at(ctx, 91).now)
    purchaser = login(Role.PURCHASER, customer=invoice.purchaser)
    assert "₹10,000.00" in purchaser.get("/invoices/dashboard").text
    assert "₹10,000.00" in purchaser.get("/invoices/to-repay").text
    pay(ctx, invoice, 9_000_00)
    assert "₹1,000.00" in purchaser.get("/invoices/to-repay").text
    supplier = login(Role.SUPPLIER, customer=invoice.supplier)
    assert "We hold ₹644.93 of yours" in supplier.get("/invoices/dashboard").text
    page = supplier.get(f"/invoices/{invoice.id}").text
    assert "Released to the supplier" in page
    assert "with the next disbursal" in page


def test_a_purchasers_ageing_is_of_what_it_has_to_pay(
    ctx: Context, login: Callable[..., FlaskClient], invoice: Invoice, line: CreditLine, business_day: Today
) -> None:
    pay(ctx, invoice, DEBT_AT_TERM)  # the debt is paid, the supplier's rest is not
    business_day(at(ctx, 95).today)
    buyer = login(Role.PURCHASER, customer=line.purchaser.customer)
    assert amounts(buyer.get("/invoices/dashboard").text.split("Outstanding")[1])[0] == "₹1,644.93"
    ageing = buyer.get("/reports/ageing").text
    assert amounts(ageing)[-1] == amounts(ageing)[-5] == "₹1,644.93"  # five days late
    assert "₹1,644.93" in buyer.get("/reports/ageing/loans?bucket=1–30").text
    [row] = csv.DictReader(io.StringIO(buyer.get("/reports/ageing/loans.csv").text))
    assert (row["loan_total"], row["owed"], row["bucket"]) == ("0.00", "1644.93", "1-30")
    assert "₹1,644.93" not in login(Role.ADMIN).get("/reports/ageing").text  # nobody owes it to the lender


def test_a_supplier_sees_what_was_passed_on_to_it(
    ctx: Context, login: Callable[..., FlaskClient], invoice: Invoice, line: CreditLine
) -> None:
    pay(ctx, invoice, 10_000_00)
    disbursal = next_disbursal(ctx)
    with transaction():
        confirm(at(ctx, 91), disbursal.id, bank_reference="B-2", value_date=at(ctx, 91).today)
    page = login(Role.SUPPLIER, customer=line.supplier.customer).get("/invoices/dashboard").text
    assert "₹1,644.93 of your purchasers" in page
    assert disbursal.reference in page


def test_the_disbursals_page_has_a_line_of_its_own_for_it(
    ctx: Context, invoice: Invoice, login: Callable[..., FlaskClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: at(ctx, 91).now)
    pay(ctx, invoice, 10_000_00)
    with transaction():
        disbursal = bundle_daily(at(ctx, 91))
    assert disbursal is not None
    admin = login(Role.ADMIN)
    page = f"/admin/disbursals/{disbursal.id}"
    shown = admin.get(page).text
    assert "Passed on to suppliers" in shown
    assert "₹1,644.93" in shown
    assert press_approve(admin, page).status_code == 303
    released = admin.post(
        f"{page}/release",
        data={
            "execution_date": at(ctx, 91).today.isoformat(),
            "password": PASSWORD,
            "seen": seen_on(admin, page),
        },
    )
    assert released.status_code == 303
    assert "1644.93" in admin.get(f"{page}/pain.001.xml").text
    assert "₹1,644.93" in admin.get(page).text
    holds()


def test_an_approval_holds_for_what_was_seen_only(
    ctx: Context,
    line: CreditLine,
    invoice: Invoice,
    make_invoice: Callable[..., Invoice],
    login: Callable[..., FlaskClient],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clock, "now", lambda: at(ctx, 91).now)
    pay(ctx, invoice, 10_000_00)
    with transaction():
        disbursal = bundle_daily(at(ctx, 91))
    assert disbursal is not None
    admin = login(Role.ADMIN)
    page = f"/admin/disbursals/{disbursal.id}"
    seen = seen_on(admin, page)
    assert seen
    make_invoice("financeable", line=line)
    payable = db.session.query(Payable).one()
    with transaction():
        db.session.execute(OWNER)
        payable_line = db.session.query(PayableLine).one()
        payable_line.amount = payable.open_amount - 1
    assert admin.post(f"{page}/approve", data={"seen": seen}).status_code == 409


def test_a_statements_credit_of_the_face_value_closes_loan_and_invoice(
    ctx: Context, invoice: Invoice
) -> None:
    later = at(ctx, 90)
    entry = credit_of(later, 10_000_00, invoice.number)
    judged = judge_entries([entry], later.today)[entry.id]
    suggestion = judged.suggestions[0]
    assert suggestion.exact
    with transaction():
        accept_entry(
            later, entry.id, suggestion.customer_id, {p.loan.loan_id: p.amount for p in suggestion.parts}
        )
    assert (loan_of(invoice).face_open, open_payables()) == (0, [REST])
    holds()


def test_nothing_is_passed_on_to_a_supplier_that_an_admin_has_on_hold(ctx: Context, invoice: Invoice) -> None:
    pay(ctx, invoice, 10_000_00)
    later = at(ctx, 91)
    with transaction():
        hold_customer(later, invoice.supplier_id, reason="asked by the court")
        assert bundle_daily(later) is None
    with transaction():
        lift_hold(later, invoice.supplier_id, reason="settled")
        made = bundle_daily(later)
        assert made is not None
        hold_customer(later, invoice.supplier_id, reason="asked again")
    with pytest.raises(OnHold, match=invoice.supplier.name), transaction():
        approve(later, made.id, second_admin=False)
    with pytest.raises(DBAPIError, match="on hold"), transaction():
        db.session.execute(
            text("UPDATE disbursals SET status = 'approved', approved_at = now() WHERE status = 'draft'")
        )
    assert open_payables() == [REST]
