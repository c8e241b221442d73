"""Claims and credit notes in every state of a loan: each can be decided, and the decision taken back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.support.payouts import approve_and_release, bundle_and_confirm
from tests.support.people import acts
from tests.support.receipts import receive
from tests.support.values import TERMS, TODAY, at
from tusker.domain.record.attention import AttentionKind
from tusker.domain.terms import Collection
from tusker.errors import Conflict
from tusker.extensions import db
from tusker.models import AttentionItem, Claim, CreditLine, DeductionKind, Invoice, Loan, Role, User
from tusker.queries.loans.account_statements.statement import credit_balance
from tusker.queries.record.proof import prove
from tusker.services.attention import review_items, rules_at
from tusker.services.context import Context
from tusker.services.loans.claim_undoing import reopen_claim
from tusker.services.loans.claims import accept_claim, claim_returned, dismiss_claim
from tusker.services.loans.deductions.credit_notes import record_credit_note
from tusker.services.loans.deductions.recording import KeptBack, record_deduction
from tusker.services.loans.deductions.undoing import undo_deduction
from tusker.services.loans.receipts.recording import repay_in_full
from tusker.services.loans.receipts.undoing import reverse_receipt
from tusker.services.loans.write_off import undo_write_off, write_off
from tusker.services.locks import lock_invoices
from tusker.services.payout.disbursals.bundling import bundle_selection
from tusker.services.payout.settlement.confirming import confirm
from tusker.services.payout.settlement.undoing import return_payout
from tusker.transactions import transaction

MANUAL = " ".join((Path(__file__).parents[2] / "docs" / "money.md").read_text().split())


@pytest.fixture
def admin(ctx: Context, create_user: Callable[..., User]) -> Context:
    return acts(ctx, create_user(Role.ADMIN))


@pytest.fixture
def line(make_line: Callable[..., CreditLine]) -> CreditLine:
    return make_line()


@pytest.fixture
def given_up(ctx: Context, line: CreditLine, make_invoice: Callable[..., Invoice]) -> Invoice:
    """An invoice of 2,000.00, of which 1,600.00 were paid out and written off on the same day."""
    invoice = make_invoice("disbursed", line=line, value=2_000_00)
    with transaction():
        write_off(ctx, invoice.id, reason="insolvent")
    return invoice


def come_back(ctx: Context, invoice: Invoice) -> Claim:
    with transaction():
        claim_returned(ctx, lock_invoices([invoice.id]))
    return db.session.query(Claim).filter_by(invoice_id=invoice.id).one()


def pay_out_another(ctx: Context, line: CreditLine, make_invoice: Callable[..., Invoice]) -> None:
    bundle_and_confirm(ctx, [make_invoice("financeable", line=line, value=10_000_00).id])


def loan_of(invoice: Invoice) -> Loan:
    return db.session.query(Loan).filter_by(invoice_id=invoice.id).one()


def supplier_credit(invoice: Invoice) -> int:
    return credit_balance(invoice.supplier_id, TODAY)


def holds() -> None:
    proof = prove()
    assert (proof.differences, proof.mismatches) == ([], [])


def test_goods_of_a_written_off_invoice_are_claimed_and_recover_it(
    admin: Context, line: CreditLine, given_up: Invoice, make_invoice: Callable[..., Invoice]
) -> None:
    claim = come_back(admin, given_up)
    assert (claim.state, claim.amount) == ("review", 1_600_00)
    with transaction():
        accept_claim(admin, claim.id, amount=600_00, reason="agreed")
    pay_out_another(admin, line, make_invoice)
    holds()
    with transaction():
        undo_write_off(admin, given_up.id, reason="it comes back")
    assert (given_up.status, claim.open_amount) == ("disbursed", 0)
    assert db.session.query(Claim).one().amount == 600_00
    holds()


def test_a_claim_made_before_the_write_off_is_decided_after_it(
    admin: Context, line: CreditLine, make_invoice: Callable[..., Invoice]
) -> None:
    invoice = make_invoice("disbursed", line=line, value=2_000_00)
    claim = come_back(admin, invoice)
    with transaction():
        write_off(admin, invoice.id, reason="insolvent")
    with transaction():
        dismiss_claim(admin, claim.id, reason="a mistake")
    with transaction():
        reopen_claim(admin, claim.id, reason="no, it was right")
    with transaction():
        accept_claim(admin, claim.id, amount=None, reason="agreed")
    assert (claim.state, claim.open_amount) == ("accepted", 1_600_00)
    holds()


def test_a_decision_is_taken_back_and_stands_in_attention_again(
    admin: Context, line: CreditLine, make_invoice: Callable[..., Invoice]
) -> None:
    invoice = make_invoice("disbursed", line=line, value=2_000_00)
    claim = come_back(admin, invoice)

    def waiting() -> int:
        with transaction():
            review_items(admin, rules_at(admin))
        kind = AttentionKind.RETURNED_AFTER_PAYOUT
        return db.session.query(AttentionItem).filter_by(kind=kind, resolved_at=None).count()

    assert waiting() == 1
    with transaction():
        accept_claim(admin, claim.id, amount=100_00, reason="agreed")
    assert waiting() == 0
    with transaction():
        reopen_claim(at(admin, 1), claim.id, reason="it was more")
    assert (claim.state, claim.amount, claim.open_amount) == ("review", 1_600_79, 1_600_79)
    assert waiting() == 1
    with pytest.raises(Conflict, match="waits for a decision already"):
        reopen_claim(admin, claim.id, reason="again")


def test_what_is_left_of_a_netted_claim_is_given_up(
    admin: Context, line: CreditLine, make_invoice: Callable[..., Invoice]
) -> None:
    invoice = make_invoice("disbursed", line=line, value=10_000_00)
    claim = come_back(admin, invoice)
    with transaction():
        accept_claim(admin, claim.id, amount=None, reason="agreed")
    bundle_and_confirm(admin, [make_invoice("financeable", line=line, value=1_000_00).id])
    assert (claim.amount, claim.open_amount) == (8_000_00, 7_200_00)
    with transaction():
        reopen_claim(admin, claim.id, reason="goods were found")
    assert (claim.state, claim.amount, claim.open_amount) == ("accepted", 800_00, 0)
    holds()
    assert loan_of(invoice).open_principal == 7_200_00
    with transaction():
        reopen_claim(admin, claim.id, reason="again")
    # The 800.00 are the supplier's, and the loan is owed whole again.
    assert (claim.state, claim.amount, claim.open_amount) == ("review", 8_000_00, 8_000_00)
    assert (loan_of(invoice).open_principal, supplier_credit(invoice)) == (8_000_00, 800_00)
    assert "taken back once more, ₹800.00 are the supplier's credit, and ₹8,000.00 are owed again" in MANUAL
    holds()


@pytest.mark.parametrize("then", ["accepted again", "netting came back", "loan repaid"])
@pytest.mark.parametrize(
    "state", ["open", "repaid by it", "written off", "written off after it", "pays the face"]
)
def test_a_claim_that_was_netted_in_full_is_taken_back(
    admin: Context,
    make_line: Callable[..., CreditLine],
    make_invoice: Callable[..., Invoice],
    state: str,
    then: str,
) -> None:
    collection = Collection.INVOICE if state == "pays the face" else Collection.DEBT
    line = make_line(terms=replace(TERMS, collection=collection))
    invoice = make_invoice("disbursed", line=line, value=2_000_00)
    claim = come_back(admin, invoice)
    if state == "written off":
        with transaction():
            write_off(admin, invoice.id, reason="insolvent")
    wanted = None if state == "repaid by it" else 600_00
    with transaction():
        accept_claim(admin, claim.id, amount=wanted, reason="agreed")
    with transaction():
        waiting = bundle_selection(admin, [make_invoice("financeable", line=line).id])
        approve_and_release(admin, waiting.id)
    with pytest.raises(Conflict, match="has not answered"), transaction():
        reopen_claim(admin, claim.id, reason="too early")
    with transaction():
        confirm(admin, waiting.id, bank_reference="B-1", value_date=TODAY)
    netted = 1_600_00 if wanted is None else wanted
    assert (claim.open_amount, claim.amount) == (0, netted)
    if state == "written off after it":
        with transaction():
            write_off(admin, invoice.id, reason="insolvent")
    holds()
    with transaction():
        reopen_claim(admin, claim.id, reason="the goods were found")
    assert supplier_credit(invoice) == netted
    assert (claim.state, claim.open_amount) == ("review", 1_600_00)
    given_up = state.startswith("written off")
    assert invoice.status == ("written_off" if given_up else "disbursed")
    assert loan_of(invoice).open_principal == (0 if given_up else 1_600_00)
    holds()
    if then == "netting came back":
        with transaction():
            return_payout(admin, waiting.payouts[0].id, reason="AC01")
        assert (supplier_credit(invoice), claim.open_amount) == (0, 1_600_00)
    elif then == "accepted again":
        with transaction():
            accept_claim(admin, claim.id, amount=None, reason="it was right")
        bundle_and_confirm(admin, [make_invoice("financeable", line=line).id])
        assert (claim.open_amount, loan_of(invoice).open_principal) == (0, 0)
        assert supplier_credit(invoice) == netted
    elif not given_up:
        with transaction():
            repay_in_full(admin, invoice.id, bank_reference="UTR-2", value_date=TODAY)
        assert claim.state == "dismissed"
    holds()


def test_a_claim_that_ended_with_its_loan_is_open_to_decision_when_that_is_owed_again(
    admin: Context, line: CreditLine, make_invoice: Callable[..., Invoice]
) -> None:
    invoice = make_invoice("disbursed", line=line, value=2_000_00)
    claim = come_back(admin, invoice)
    with transaction():
        paid = repay_in_full(admin, invoice.id, bank_reference="UTR-1", value_date=TODAY)
    with pytest.raises(Conflict, match="Nothing is owed"):
        reopen_claim(admin, claim.id, reason="no")
    with transaction():
        reverse_receipt(admin, paid.id, reason="bounced")
    with transaction():
        reopen_claim(admin, claim.id, reason="the payment bounced")
    assert claim.state == "review"
    holds()


def test_a_credit_note_on_a_written_off_invoice_is_borne_and_undone(
    admin: Context, line: CreditLine, given_up: Invoice, make_invoice: Callable[..., Invoice]
) -> None:
    """The reserve bears 400.00 of 1,000.00; 600.00 are claimed and recover the loan."""
    with transaction():
        note = record_credit_note(admin, given_up.id, number="CN-1", amount=1_000_00)
    assert (note.reserve_consumed, note.claimed) == (400_00, 600_00)
    with transaction():
        record_deduction(admin, KeptBack(given_up.id, DeductionKind.TAX, 100_00))
    pay_out_another(admin, line, make_invoice)
    holds()
    with transaction():
        undo_deduction(admin, note.id, reason="recorded wrongly")
    holds()


def test_an_admin_decides_on_the_page_of_the_invoice(
    ctx: Context, login: Callable[..., FlaskClient], line: CreditLine, make_invoice: Callable[..., Invoice]
) -> None:
    invoice = make_invoice("disbursed", line=line, value=2_000_00)
    claim_id = come_back(ctx, invoice).id
    browser = login(Role.ADMIN)
    page = f"/invoices/{invoice.id}"

    def press(action: str, **data: str) -> None:
        path = f"/admin/claims/{claim_id}/{action}"
        assert path in browser.get(page).text
        assert browser.post(path, data={"reason": "so it is", **data}).status_code == 303

    for action, state in (("dismiss", "dismissed"), ("reopen", "review"), ("accept", "accepted")):
        press(action, **({"amount": "500"} if action == "accept" else {}))
        assert db.session.query(Claim.state).scalar() == state
    assert db.session.query(Claim.open_amount).scalar() == 500_00
    supplier = login(Role.SUPPLIER, customer=invoice.supplier)
    assert f"/admin/claims/{claim_id}" not in supplier.get(page).text


@pytest.mark.parametrize("goods_first", [True, False])
def test_claims_netted_from_one_payout_are_undone_in_any_order(
    admin: Context, line: CreditLine, make_invoice: Callable[..., Invoice], goods_first: bool
) -> None:
    """The worked example of docs/money.md: the reserve bears 2,000.00 of a note of 2,400.00."""
    invoice = make_invoice("disbursed", line=line, value=10_000_00)
    claim = come_back(admin, invoice)
    with transaction():
        accept_claim(admin, claim.id, amount=600_00, reason="agreed")
    with transaction():
        note = record_credit_note(admin, invoice.id, number="CN-1", amount=2_400_00)
    receive(admin, invoice, 7_300_00)
    pay_out_another(admin, line, make_invoice)
    assert (invoice.status, supplier_credit(invoice)) == ("repaid", 0)
    for goods in (goods_first, not goods_first):
        with transaction():
            if goods:
                reopen_claim(admin, claim.id, reason="the goods were found")
            else:
                undo_deduction(admin, note.id, reason="recorded wrongly")
        holds()
    assert (supplier_credit(invoice), loan_of(invoice).open_principal) == (900_00, 600_00)
    assert (
        "₹600.00 and ₹100.00 of the note's pay the loan, and its other ₹300.00 are kept. Both are undone: the ₹600.00"
        " and the ₹300.00 are the supplier's credit, whichever came first, and ₹600.00 are owed again"
        in MANUAL
    )
