"""A payout that did not arrive is undone whatever stands on its loans: the loans never were."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.support.payouts import approve_and_release, bundle_and_confirm
from tests.support.values import TERMS, TODAY, at
from tusker.domain.loans.extensions import ReliefLimits
from tusker.domain.terms import Collection
from tusker.extensions import db
from tusker.models import Claim, CreditLine, Disbursal, Event, Invoice, Loan, Payable, Payout, Receipt, User
from tusker.queries.loans.account_statements.statement import credit_balance, statement
from tusker.queries.loans.loans import loan_of_invoice
from tusker.queries.record.proof import prove
from tusker.services.context import Context
from tusker.services.loans.claims import accept_claim, claim_returned
from tusker.services.loans.deductions.credit_notes import record_credit_note
from tusker.services.loans.deductions.recording import KeptBack
from tusker.services.loans.deductions.undoing import undo_deduction
from tusker.services.loans.receipts.recording import record_receipt, repay_in_full, use_credit
from tusker.services.loans.receipts.undoing import reverse_receipt
from tusker.services.loans.relief.granting import waive
from tusker.services.loans.write_off import write_off
from tusker.services.locks import lock_invoices
from tusker.services.payout.disbursals.bundling import bundle_daily, bundle_selection
from tusker.services.payout.settlement.confirming import confirm
from tusker.services.payout.settlement.rejection import reject_payout
from tusker.services.payout.settlement.undoing import return_payout, undo_disbursal
from tusker.transactions import transaction

Make = Callable[..., Invoice]
ALONE = ReliefLimits(10**12, Decimal(1), 365)


@pytest.fixture
def line(make_line: Callable[..., CreditLine]) -> CreditLine:
    return make_line()


@pytest.fixture
def invoice(make_invoice: Make, line: CreditLine) -> Invoice:
    """An invoice of 10,000.00 of which 8,000.00 were paid out for 90 days."""
    return make_invoice("disbursed", line=line)


def payout_of(invoice: Invoice) -> Payout:
    loan = db.session.query(Loan).filter_by(invoice_id=invoice.id).order_by(Loan.id).first()
    assert loan is not None
    return db.session.query(Payout).filter_by(disbursal_id=loan.disbursal_id).one()


def take_back(ctx: Context, invoice: Invoice, how: str = "return") -> None:
    payout = payout_of(invoice)
    with transaction():
        if how == "return":
            return_payout(ctx, payout.id, reason="AC01 no such account")
        else:
            undo_disbursal(ctx, payout.disbursal_id, reason="AC01 no such account")
    db.session.refresh(invoice)


def pay(ctx: Context, invoice: Invoice, amount: int, reference: str = "UTR-1", **more: object) -> Receipt:
    with transaction():
        return record_receipt(
            ctx,
            invoice.purchaser_id,
            amount=amount,
            bank_reference=reference,
            value_date=ctx.today,
            **more,  # type: ignore[arg-type]
        )


def waits_for_its_payout(ctx: Context, invoice: Invoice, line: CreditLine, used: int = 8_000_00) -> None:
    """It can be financed again with its principal reserved, nothing is owed, and the books agree."""
    db.session.refresh(invoice)
    db.session.refresh(line)
    assert (invoice.status, line.used_amount, invoice.closed_at) == ("financeable", used, None)
    assert loan_of_invoice(invoice.id, ctx.today) is None
    proof = prove()
    assert (proof.differences, proof.mismatches) == ([], [])
    for customer_id, side in ((invoice.supplier_id, "supplier"), (invoice.purchaser_id, "purchaser")):
        made = statement(customer_id, side, TODAY, ctx.today)  # type: ignore[arg-type]
        assert (made.adds_up, made.closing) == (True, 0)


@pytest.mark.parametrize("how", ["return", "undo"])
@pytest.mark.parametrize("paid", [3_000_00, 8_355_07, 9_000_00])
def test_payments_are_their_payers_credit(
    ctx: Context, invoice: Invoice, line: CreditLine, paid: int, how: str
) -> None:
    later = at(ctx, 90)
    receipt = pay(later, invoice, paid)
    take_back(later, invoice, how)
    assert credit_balance(invoice.purchaser_id, later.today) == paid
    waits_for_its_payout(later, invoice, line)
    assert credit_balance(invoice.purchaser_id, TODAY) == 0
    freed = db.session.query(Event).filter_by(kind="payment_freed", subject_id=invoice.purchaser_id).one()
    assert (freed.to_value, freed.data["amount"]) == (invoice.number, min(paid, 8_355_07))
    with transaction():
        reverse_receipt(later, receipt.id, reason="bounced too")
    assert credit_balance(invoice.purchaser_id, later.today) == 0
    assert prove().holds


def test_the_credit_pays_the_loan_of_the_next_payout(ctx: Context, invoice: Invoice) -> None:
    pay(at(ctx, 10), invoice, 9_000_00)
    take_back(at(ctx, 11), invoice)
    bundle_and_confirm(at(ctx, 12), [invoice.id])
    with transaction():
        assert use_credit(at(ctx, 12), invoice.purchaser_id) == 8_000_00
    db.session.refresh(invoice)
    assert (invoice.status, credit_balance(invoice.purchaser_id, at(ctx, 12).today)) == ("repaid", 1_000_00)
    assert prove().holds


def test_what_was_given_up_and_recovered_never_was(ctx: Context, invoice: Invoice, line: CreditLine) -> None:
    later = at(ctx, 100)
    with transaction():
        waive(
            later,
            invoice.id,
            interest=5_00,
            value_date=later.today,
            reason="goodwill",
            limits=ReliefLimits(10**12, Decimal(1), 365),
        )
    pay(later, invoice, 1_000_00)
    with transaction():
        write_off(later, invoice.id, reason="insolvent")
    pay(at(ctx, 120), invoice, 500_00, f"UTR-2 {invoice.number}")
    take_back(at(ctx, 130), invoice)
    assert credit_balance(invoice.purchaser_id, at(ctx, 130).today) == 1_500_00
    waits_for_its_payout(at(ctx, 130), invoice, line)
    kinds = {row.kind for row in db.session.query(Event).filter_by(subject="invoice", subject_id=invoice.id)}
    assert kinds >= {"waiver_undone", "write_off_undone", "payments_freed", "payout_undone"}


@pytest.mark.parametrize("passed_on", [False, True])
def test_a_face_value_passed_on_is_a_debt_of_the_supplier(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Make, passed_on: bool
) -> None:
    line = make_line(terms=replace(TERMS, collection=Collection.INVOICE))
    invoice = make_invoice("disbursed", line=line)
    later = at(ctx, 90)
    pay(later, invoice, 9_999_50)  # 0.50 is rounded off
    if passed_on:
        with transaction():
            disbursal = bundle_daily(at(ctx, 91))
            assert disbursal is not None
            approve_and_release(at(ctx, 91), disbursal.id)
            confirm(at(ctx, 91), disbursal.id, bank_reference="UTR-9", value_date=at(ctx, 91).today)
    take_back(at(ctx, 92), invoice)
    assert credit_balance(invoice.purchaser_id, at(ctx, 92).today) == 9_999_50
    assert sum(row.amount for row in db.session.query(Payable)) == 0
    claimed = [row.open_amount for row in db.session.query(Claim)]
    assert claimed == ([9_999_50 - 8_355_07] if passed_on else [])
    waits_for_its_payout(at(ctx, 92), invoice, line)
    bundle_and_confirm(at(ctx, 93), [invoice.id])
    assert (
        db.session.query(Loan).filter_by(invoice_id=invoice.id, reversed_on=None).one().face_open == 10_000_00
    )
    assert prove().holds


def next_payout(ctx: Context, line: CreditLine, make_invoice: Make) -> Disbursal:
    other = make_invoice("financeable", line=line)
    with transaction():
        return approve_and_release(ctx, bundle_selection(ctx, [other.id]).id)


def say(ctx: Context, disbursal: Disbursal, word: str) -> None:
    """What the bank says of a released disbursal with one payout."""
    with transaction():
        if word == "paid":
            confirm(ctx, disbursal.id, bank_reference="UTR-N", value_date=ctx.today)
        else:
            reject_payout(ctx, disbursal.payouts[0].id, reason="AC04")


@pytest.mark.parametrize("order", ["paid, back", "back, paid", "back, rejected", "rejected, back"])
@pytest.mark.parametrize("cause", ["goods", "note"])
def test_what_was_netted_for_it_from_another_payout_is_the_suppliers(
    ctx: Context,
    invoice: Invoice,
    line: CreditLine,
    make_invoice: Make,
    create_user: Callable[..., User],
    cause: str,
    order: str,
) -> None:
    with transaction():
        if cause == "goods":
            claim_returned(ctx, lock_invoices([invoice.id]))
            claim = db.session.query(Claim).one()
            accept_claim(replace(ctx, actor_id=create_user().id), claim.id, amount=1_000_00, reason="agreed")
        else:  # the reserve bears 2,000.00 of it
            note = record_credit_note(ctx, invoice.id, number="CN-1", amount=3_000_00)
    made = next_payout(ctx, line, make_invoice)
    assert made.payouts[0].claims == 1_000_00
    for word in order.split(", "):
        if word == "back":
            with transaction():
                return_payout(ctx, payout_of(invoice).id, reason="AC01")
        else:
            say(ctx, made, word)
    netted = 1_000_00 if "paid" in order else 0
    assert credit_balance(invoice.supplier_id, ctx.today) == netted
    assert [row.open_amount for row in db.session.query(Claim)] == [0]
    cut = 0 if cause == "goods" else 2_400_00
    db.session.refresh(line)
    assert (invoice.status, invoice.principal) == ("financeable", 8_000_00 - cut)
    assert line.used_amount == 16_000_00 - cut
    proof = prove()
    assert (proof.differences, proof.mismatches) == ([], [])
    if cause == "note":
        with transaction():
            undo_deduction(ctx, note.id, reason="recorded wrongly")
        assert (invoice.principal, credit_balance(invoice.supplier_id, ctx.today)) == (8_000_00, netted)
        assert prove().holds
    if "paid" in order:
        with transaction():
            undo_disbursal(ctx, made.id, reason="that came back as well")
        assert credit_balance(invoice.supplier_id, ctx.today) == 0
        assert [row.open_amount for row in db.session.query(Claim)] == [0]
        assert prove().holds


@pytest.mark.parametrize("how", ["payout taken back", "note undone"])
def test_what_one_payout_was_netted_by_for_two_invoices_is_kept_apart(
    ctx: Context, invoice: Invoice, line: CreditLine, make_invoice: Make, how: str
) -> None:
    """1,000.00 each: what was netted for the note of the open loan paid that; for the repaid one it paid nothing."""
    other = make_invoice("disbursed", line=line)
    with transaction():
        repay_in_full(ctx, other.id, bank_reference="UTR-1", value_date=ctx.today)
    with transaction():
        notes = [
            record_credit_note(ctx, each.id, number="CN-1", amount=3_000_00 if each is invoice else 1_000_00)
            for each in (invoice, other)
        ]
    assert [note.claimed for note in notes] == [1_000_00, 1_000_00]
    say(ctx, next_payout(ctx, line, make_invoice), "paid")
    assert db.session.query(Loan).filter_by(invoice_id=invoice.id).one().open_principal == 7_000_00
    if how == "payout taken back":
        take_back(ctx, invoice)
        assert credit_balance(invoice.supplier_id, ctx.today) == 1_000_00
    with transaction():
        undo_deduction(ctx, notes[0].id, reason="recorded wrongly")
    expected = 1_000_00 if how == "payout taken back" else 0
    assert credit_balance(invoice.supplier_id, ctx.today) == expected
    with transaction():
        undo_deduction(ctx, notes[1].id, reason="recorded wrongly")
    assert credit_balance(invoice.supplier_id, ctx.today) == expected + 1_000_00
    proof = prove()
    assert (proof.differences, proof.mismatches) == ([], [])


def test_what_was_kept_back_stays_on_the_invoice_and_lowers_what_is_lent_again(
    ctx: Context, invoice: Invoice, line: CreditLine
) -> None:
    """Also where its receipt bounces while the invoice is on its way to the bank."""
    kept = KeptBack(invoice.id, "tax", 100_00, "16A-1")  # type: ignore[arg-type]
    receipt = pay(at(ctx, 90), invoice, 8_255_07, kept_back=[kept])
    take_back(at(ctx, 91), invoice)
    waits_for_its_payout(at(ctx, 91), invoice, line, 7_920_00)
    made = bundle_and_confirm(at(ctx, 92), [invoice.id], only_bundle=True)
    with transaction():
        reverse_receipt(at(ctx, 92), receipt.id, reason="bounced")
    assert (invoice.principal, invoice.credit_noted) == (7_920_00, 0)
    with transaction():
        approve_and_release(at(ctx, 92), made.id)
        confirm(at(ctx, 92), made.id, bank_reference="UTR-2", value_date=at(ctx, 92).today)
    proof = prove()
    assert (proof.differences, proof.mismatches) == ([], [])


def test_figures_of_past_days_stay_as_they_were_shown(ctx: Context, invoice: Invoice) -> None:
    days = [TODAY + timedelta(days=n) for n in (0, 30, 95, 100)]
    pay(at(ctx, 95), invoice, 1_000_00)
    shown = [loan_of_invoice(invoice.id, day) for day in days]
    with transaction():
        repay_in_full(at(ctx, 100), invoice.id, bank_reference="UTR-2", value_date=days[3])
    take_back(at(ctx, 101), invoice)
    again = [loan_of_invoice(invoice.id, day) for day in days]
    assert [row and row.live for row in again[:3]] == [row and row.live for row in shown[:3]]
