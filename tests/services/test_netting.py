"""What is netted from payouts pays the claimed loans, once, and is owed again when the payout is undone."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import TODAY, approve_and_release
from tusker.errors import Conflict, Duplicate, InvalidInput, TuskerError
from tusker.extensions import db
from tusker.models import Allocation, Claim, CreditLine, Disbursal, Invoice, Loan, Payout, Receipt, User
from tusker.queries.proof import prove
from tusker.services.claims import accept_claim, claim_returned
from tusker.services.context import Context
from tusker.services.credit_notes import record_credit_note
from tusker.services.disbursals import bundle_selection
from tusker.services.locks import lock_invoices
from tusker.services.receipts import refund_credit, repay_in_full, unallocated
from tusker.services.settlement import NETTED, confirm, confirm_payout, reinstate_payout, reject_payout
from tusker.services.undoing import return_payout, reverse_receipt, undo_disbursal
from tusker.transactions import transaction

Make = Callable[..., Invoice]


@pytest.fixture
def line(make_line: Callable[..., CreditLine]) -> CreditLine:
    return make_line()


@pytest.fixture
def sent_back(
    ctx: Context, line: CreditLine, make_invoice: Make, create_user: Callable[..., User]
) -> Callable[..., Invoice]:
    """A paid-out invoice of the line whose goods came back, with the claim accepted."""
    admin = replace(ctx, actor_id=create_user().id)

    def make(value: int = 2_000_00, amount: int | None = None) -> Invoice:
        invoice = make_invoice("disbursed", line=line, value=value)
        with transaction():
            claim_returned(ctx, lock_invoices([invoice.id]))
        claim = db.session.query(Claim).filter_by(invoice_id=invoice.id).one()
        with transaction():
            accept_claim(admin, claim.id, amount=amount, reason="agreed")
        return invoice

    return make


@pytest.fixture
def release_next(ctx: Context, line: CreditLine, make_invoice: Make) -> Callable[..., Disbursal]:
    """Release a payout of the line's supplier."""

    def make(value: int = 10_000_00) -> Disbursal:
        invoice = make_invoice("financeable", line=line, value=value)
        with transaction():
            return approve_and_release(ctx, bundle_selection(ctx, [invoice.id]).id)

    return make


def the_receipt() -> Receipt:
    return db.session.query(Receipt).filter(Receipt.netted_payout_id.is_not(None)).one()


def test_a_netted_claim_pays_its_loan_when_the_payout_left(
    ctx: Context, line: CreditLine, sent_back: Callable[..., Invoice], release_next: Callable[..., Disbursal]
) -> None:
    invoice = sent_back()
    made = release_next()
    assert (made.payouts[0].claims, invoice.status) == (1_600_00, "disbursed")
    assert db.session.query(Receipt).count() == 0, "the bank has not paid yet"
    with transaction():
        confirm(ctx, made.id, bank_reference="UTR-1", value_date=TODAY)
    receipt = the_receipt()
    assert (receipt.amount, receipt.customer_id) == (1_600_00, line.supplier_id)
    assert receipt.bank_reference == f"netted from {made.payouts[0].reference}"
    assert (invoice.status, db.session.query(Loan).filter_by(invoice_id=invoice.id).one().closed_on) == (
        "repaid",
        TODAY,
    )
    assert line.used_amount == 8_000_00
    assert prove().holds


def test_a_part_pays_a_part(
    ctx: Context, sent_back: Callable[..., Invoice], release_next: Callable[..., Disbursal]
) -> None:
    invoice = sent_back(amount=600_00)
    with transaction():
        confirm(ctx, release_next().id, bank_reference="UTR-1", value_date=TODAY)
    loan = db.session.query(Loan).filter_by(invoice_id=invoice.id).one()
    assert (invoice.status, loan.open_principal) == ("disbursed", 1_000_00)
    assert prove().holds


def test_a_payout_that_claims_use_up_pays_at_the_release(
    sent_back: Callable[..., Invoice], release_next: Callable[..., Disbursal]
) -> None:
    invoice = sent_back(value=20_000_00)
    made = release_next(value=1_000_00)
    assert (made.status, made.payouts[0].bank_reference) == ("confirmed", NETTED)
    assert the_receipt().amount == 800_00
    assert db.session.query(Loan).filter_by(invoice_id=invoice.id).one().open_principal == 15_200_00
    assert prove().holds


def test_what_the_loan_does_not_need_any_more_is_credit(
    ctx: Context, sent_back: Callable[..., Invoice], release_next: Callable[..., Disbursal]
) -> None:
    invoice = sent_back()
    made = release_next()
    with transaction():
        repay_in_full(ctx, invoice.id, bank_reference="PAY-1", value_date=TODAY)
    with transaction():
        confirm(ctx, made.id, bank_reference="UTR-1", value_date=TODAY)
    assert unallocated(the_receipt().id) == 1_600_00
    assert prove().holds


def test_a_payment_that_came_later_does_not_stop_the_confirmation(
    ctx: Context, sent_back: Callable[..., Invoice], release_next: Callable[..., Disbursal]
) -> None:
    sent_back(amount=600_00)
    made, later = release_next(), TODAY + timedelta(days=2)
    tomorrow = replace(ctx, today=later)
    other = sent_back(amount=100_00)
    assert other.status == "disbursed"
    second = release_next()
    with transaction():
        confirm(tomorrow, second.id, bank_reference="UTR-2", value_date=later)
    with transaction():
        confirm(tomorrow, made.id, bank_reference="UTR-1", value_date=TODAY)
    days = {row.value_date for row in db.session.query(Allocation)}
    assert days == {TODAY, later}
    assert prove().holds


def test_a_credit_note_is_received_only_as_far_as_the_loan_lacks_it(
    ctx: Context, line: CreditLine, make_invoice: Make, release_next: Callable[..., Disbursal]
) -> None:
    short, paid = (make_invoice("disbursed", line=line, value=2_000_00) for _ in range(2))
    with transaction():
        repay_in_full(ctx, paid.id, bank_reference="PAY-1", value_date=TODAY)
    for invoice in (short, paid):
        with transaction():
            record_credit_note(ctx, invoice.id, number="CN", amount=1_000_00)
    claimed = {claim.invoice_id: claim.amount for claim in db.session.query(Claim)}
    with transaction():
        confirm(ctx, release_next().id, bank_reference="UTR-1", value_date=TODAY)
    assert db.session.query(Payout).order_by(Payout.id.desc()).first().claims == sum(claimed.values())
    assert the_receipt().amount == claimed[short.id] == 600_00
    assert db.session.query(Loan).filter_by(invoice_id=short.id).one().open_principal == 1_000_00
    assert prove().holds


@pytest.mark.parametrize("undo", ["return", "undo"])
def test_money_that_came_back_is_owed_again(
    ctx: Context,
    line: CreditLine,
    sent_back: Callable[..., Invoice],
    release_next: Callable[..., Disbursal],
    undo: str,
) -> None:
    invoice = sent_back()
    made = release_next()
    with transaction():
        confirm(ctx, made.id, bank_reference="UTR-1", value_date=TODAY)
    with pytest.raises(Conflict, match="Undo that payout instead"), transaction():
        reverse_receipt(ctx, the_receipt().id, reason="wrong")
    with transaction():
        if undo == "return":
            return_payout(ctx, made.payouts[0].id, reason="AC01")
        else:
            undo_disbursal(ctx, made.id, reason="AC01")
    claim = db.session.query(Claim).one()
    assert (claim.open_amount, claim.state, invoice.status) == (1_600_00, "accepted", "disbursed")
    assert sum(row.amount for row in db.session.query(Receipt)) == 0
    assert line.used_amount == 9_600_00
    assert prove().holds
    again = release_next(value=5_000_00)
    with transaction():
        confirm(ctx, again.id, bank_reference="UTR-2", value_date=TODAY)
    assert invoice.status == "repaid"
    assert prove().holds


def test_credit_that_was_paid_back_keeps_the_payout(
    ctx: Context, sent_back: Callable[..., Invoice], release_next: Callable[..., Disbursal]
) -> None:
    invoice = sent_back()
    made = release_next()
    with transaction():
        repay_in_full(ctx, invoice.id, bank_reference="PAY-1", value_date=TODAY)
    with transaction():
        confirm(ctx, made.id, bank_reference="UTR-1", value_date=TODAY)
    with transaction():
        refund_credit(ctx, the_receipt().id, amount=1_00, bank_reference="OUT-1", value_date=TODAY)
    with pytest.raises(Conflict, match="refunded"), transaction():
        return_payout(ctx, made.payouts[0].id, reason="AC01")


def test_nobody_takes_the_reference_of_a_netting(ctx: Context, line: CreditLine, make_invoice: Make) -> None:
    invoice = make_invoice("disbursed", line=line)
    with pytest.raises(InvalidInput) as refused, transaction():
        repay_in_full(ctx, invoice.id, bank_reference="netted from P-9-9", value_date=TODAY)
    assert refused.value.field == "bank_reference"


def test_the_database_receives_a_netting_once(
    ctx: Context, sent_back: Callable[..., Invoice], release_next: Callable[..., Disbursal]
) -> None:
    sent_back()
    with transaction():
        confirm(ctx, release_next().id, bank_reference="UTR-1", value_date=TODAY)
    payout_id = the_receipt().netted_payout_id
    with pytest.raises(Duplicate), transaction() as session:
        session.add(
            Receipt(
                customer_id=the_receipt().customer_id,
                bank_reference="again",
                value_date=TODAY,
                booked_on=TODAY,
                amount=1,
                recorded_at=ctx.now,
                netted_payout_id=payout_id,
            )
        )


def test_the_proof_misses_a_netting_that_was_not_received(
    ctx: Context, sent_back: Callable[..., Invoice], release_next: Callable[..., Disbursal]
) -> None:
    sent_back()
    with transaction():
        confirm(ctx, release_next().id, bank_reference="UTR-1", value_date=TODAY)
    receipt = the_receipt()
    receipt.netted_payout_id = None
    db.session.commit()
    assert [row.check for row in prove().mismatches] == ["received by netting from the payout"]


def test_its_page_names_the_payout_and_offers_no_undoing(
    ctx: Context,
    sent_back: Callable[..., Invoice],
    release_next: Callable[..., Disbursal],
    login: Callable[..., FlaskClient],
) -> None:
    sent_back()
    made = release_next()
    with transaction():
        confirm(ctx, made.id, bank_reference="UTR-1", value_date=TODAY)
    page = login().get(f"/admin/receipts/{the_receipt().id}").text
    assert f"/admin/disbursals/{made.id}" in page
    assert "undone when the payout" in page
    assert "Undo the receipt" not in page


PLAYS = st.lists(
    st.sampled_from(["send back", "note", "release", "confirm", "reject", "reinstate", "return", "repay"]),
    min_size=4,
    max_size=14,
)


@pytest.mark.usefixtures("app")
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plays=PLAYS, values=st.lists(st.integers(500_00, 6_000_00), min_size=14, max_size=14))
def test_whatever_the_bank_says_in_whatever_order_claims_loans_and_limits_agree(
    plays: list[str],
    values: list[int],
    ctx: Context,
    make_line: Callable[..., CreditLine],
    make_invoice: Make,
    create_user: Callable[..., User],
) -> None:
    line = make_line(limit=10**9)
    admin = replace(ctx, actor_id=create_user().id)

    def payouts(state: str) -> list[Payout]:
        return db.session.query(Payout).filter_by(supplier_id=line.supplier_id, state=state).all()

    def disbursed() -> list[Invoice]:
        return db.session.query(Invoice).filter_by(credit_line_id=line.id, status="disbursed").all()

    def play(kind: str, made: Invoice | None, value: int) -> None:
        if kind == "send back" and made:
            claim_returned(ctx, lock_invoices([made.id]))
            claim = db.session.query(Claim).filter_by(invoice_id=made.id).one()
            accept_claim(admin, claim.id, amount=None, reason="agreed")
        elif kind == "note" and made:
            record_credit_note(ctx, made.id, number="CN", amount=value // 2)
        elif kind == "release" and made:
            approve_and_release(ctx, bundle_selection(ctx, [made.id]).id)
        elif kind == "confirm":
            for payout in payouts("instructed")[:1]:
                confirm_payout(ctx, payout.id, bank_reference=f"U-{payout.id}", value_date=TODAY)
        elif kind == "reject":
            for payout in payouts("instructed")[:1]:
                reject_payout(ctx, payout.id, reason="AC04")
        elif kind == "reinstate":
            for payout in payouts("rejected")[:1]:
                reinstate_payout(ctx, payout.id, reason="it left")
        elif kind == "return":
            for payout in payouts("confirmed")[-1:]:
                return_payout(ctx, payout.id, reason="AC01")
        else:
            for invoice in disbursed()[:1]:
                repay_in_full(ctx, invoice.id, bank_reference=f"R-{invoice.id}", value_date=TODAY)

    for kind, value in zip(plays, values, strict=False):
        status = {"send back": "disbursed", "note": "disbursed", "release": "financeable"}.get(kind)
        made = make_invoice(status, line=line, value=value) if status else None
        with suppress(TuskerError), transaction():
            play(kind, made, value)
        proof = prove()
        assert proof.holds, (kind, proof.differences, proof.mismatches)
    for payout in payouts("instructed"):
        with transaction():
            confirm_payout(ctx, payout.id, bank_reference=f"U-{payout.id}", value_date=TODAY)
    assert prove().holds
