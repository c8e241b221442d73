"""What is netted from payouts pays the claimed loans, once, and is owed again when the payout is undone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, text

from tests.support.camt import payment_of
from tests.support.counting import statements
from tests.support.payouts import approve_and_release, bundle_and_confirm
from tests.support.profiles import examples
from tests.support.values import TERMS, TODAY, at
from tusker.domain.terms import Collection
from tusker.errors import Conflict, Duplicate, InvalidInput, TuskerError
from tusker.extensions import db
from tusker.models import (
    Allocation,
    Claim,
    ClaimSettlement,
    CreditLine,
    CreditNote,
    Customer,
    DeductionKind,
    Disbursal,
    Invoice,
    Loan,
    Payout,
    Receipt,
    User,
)
from tusker.queries.loans.account_statements.statement import credit_balance
from tusker.queries.record.proof import prove
from tusker.services.context import Context
from tusker.services.loans.claim_undoing import reopen_claim
from tusker.services.loans.claims import accept_claim, claim_returned
from tusker.services.loans.deductions.credit_notes import record_credit_note
from tusker.services.loans.deductions.recording import KeptBack, record_deduction
from tusker.services.loans.deductions.undoing import undo_deduction
from tusker.services.loans.receipts.recording import (
    record_receipt,
    refund_credit,
    repay_all_in_full,
    repay_in_full,
    unallocated,
)
from tusker.services.loans.receipts.undoing import reverse_receipt
from tusker.services.loans.write_off import write_off
from tusker.services.locks import lock_invoices
from tusker.services.payout.disbursals.bundling import bundle_selection
from tusker.services.payout.release.approval import approve
from tusker.services.payout.release.releasing import release
from tusker.services.payout.settlement.confirming import NETTED, confirm, confirm_payout
from tusker.services.payout.settlement.rejection import reinstate_payout, reject_payout
from tusker.services.payout.settlement.undoing import return_payout, undo_disbursal
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


def test_credit_that_was_paid_back_is_owed_once_the_payout_is_undone(
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
    with transaction():
        return_payout(ctx, made.payouts[0].id, reason="AC01")
    assert credit_balance(invoice.supplier_id, TODAY) == -1_00
    assert prove().holds


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


@pytest.mark.usefixtures("owner")
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


def test_a_claim_does_not_outlive_its_loan_when_the_payout_is_rejected(
    ctx: Context, sent_back: Callable[..., Invoice], release_next: Callable[..., Disbursal]
) -> None:
    invoice = sent_back()
    made = release_next()
    payout = made.payouts[0]
    with transaction():
        repay_in_full(ctx, invoice.id, bank_reference="PAY-1", value_date=TODAY)
    with transaction():
        reject_payout(ctx, payout.id, reason="AC04")
    claim = db.session.query(Claim).one()
    assert (claim.state, claim.open_amount) == ("dismissed", 0)
    assert release_next(value=3_000_00).payouts[0].claims == 0
    # The money had left all the same: what was kept back is the supplier's credit.
    with transaction():
        reinstate_payout(ctx, payout.id, reason="wrong row")
    assert (claim.state, claim.amount, claim.open_amount) == ("accepted", 1_600_00, 0)
    assert prove().holds
    with transaction():
        confirm_payout(ctx, payout.id, bank_reference="UTR-1", value_date=TODAY)
    assert unallocated(the_receipt().id) == 1_600_00
    assert prove().holds


def test_confirming_with_many_claims_takes_as_many_statements_as_with_few(
    ctx: Context,
    line: CreditLine,
    make_invoice: Make,
    create_user: Callable[..., User],
    release_next: Callable[..., Disbursal],
) -> None:
    admin = replace(ctx, actor_id=create_user().id)

    def confirming(count: int, reference: str) -> int:
        ids = [make_invoice("disbursed", line=line, value=2_000_00).id for _ in range(count)]
        with transaction():
            claim_returned(ctx, lock_invoices(ids))
            for claim in db.session.query(Claim).filter(Claim.invoice_id.in_(ids)).all():
                accept_claim(admin, claim.id, amount=None, reason="agreed")
        made = release_next(value=30_000_00)
        assert made.payouts[0].claims == count * 1_600_00
        with statements() as sent, transaction():
            confirm(ctx, made.id, bank_reference=reference, value_date=TODAY)
        return len(sent)

    assert confirming(2, "UTR-1") == confirming(8, "UTR-2")


@pytest.fixture
def meanwhile(app: Flask) -> Iterator[Callable[[Callable[[], object]], Future[None]]]:
    """Begin a step in a thread and a transaction of its own; returns once it waits for a lock or is over."""
    pool = ThreadPoolExecutor(1)

    def work(step: Callable[[], object]) -> None:
        with app.app_context():
            try:
                with transaction():
                    step()
            finally:
                db.session.remove()

    def waits() -> bool:
        with db.engine.connect() as connection:
            sql = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            return connection.scalar(text(sql)) is not None

    def begin(step: Callable[[], object]) -> Future[None]:
        future = pool.submit(work, step)
        while not future.done() and not waits():
            pass
        return future

    yield begin
    pool.shutdown()


@pytest.mark.parametrize("pays", ["release", "import"])
def test_a_repayment_underway_is_waited_for_before_claims_are_locked(
    pays: str,
    ctx: Context,
    line: CreditLine,
    sent_back: Callable[..., Invoice],
    make_invoice: Make,
    bank: Callable[..., object],
    meanwhile: Callable[[Callable[[], object]], Future[None]],
) -> None:
    claimed = [sent_back(value=20_000_00).id]
    financed = make_invoice("financeable", line=line, value=1_000_00 if pays == "release" else 30_000_00)
    with transaction():
        made = bundle_selection(ctx, [financed.id])
        approve(ctx, made.id, second_admin=False)
        made_id = made.id
    if pays == "import":
        with transaction():
            release(ctx, made_id, execution_date=TODAY, second_admin=False)
        said = [payment_of(made.payouts[0], "UTR-1")]
        claimed.append(sent_back().id)

    def pay() -> object:
        if pays == "import":
            return bank(said)
        return release(ctx, made_id, execution_date=TODAY, second_admin=False)

    db.session.rollback()
    with transaction():
        lock_invoices(claimed)
        future = meanwhile(pay)
        assert not future.done()
        repay_all_in_full(ctx, {each: f"PAY-{each}" for each in claimed}, value_date=TODAY)
    future.result(timeout=30)
    db.session.rollback()
    assert db.session.query(Payout).filter_by(disbursal_id=made_id).one().state in {"confirmed", "instructed"}
    assert prove().holds


def test_undoing_several_nettings_takes_the_counters_in_the_one_order(
    ctx: Context,
    make_line: Callable[..., CreditLine],
    make_invoice: Make,
    create_user: Callable[..., User],
    meanwhile: Callable[[Callable[[], object]], Future[None]],
) -> None:
    """Who holds the line of the second receipt and then needs the purchaser of both, as an admission does."""
    first = make_line()
    second = make_line(purchaser=db.session.get_one(Customer, first.purchaser_id))
    admin = replace(ctx, actor_id=create_user().id)
    for line in (first, second):
        invoice = make_invoice("disbursed", line=line, value=2_000_00)
        with transaction():
            claim_returned(ctx, lock_invoices([invoice.id]))
        claim = db.session.query(Claim).filter_by(invoice_id=invoice.id).one()
        with transaction():
            accept_claim(admin, claim.id, amount=None, reason="agreed")
    ids = [make_invoice("financeable", line=line).id for line in (first, second)]
    with transaction():
        made_id = approve_and_release(ctx, bundle_selection(ctx, ids).id).id
    with transaction():
        confirm(ctx, made_id, bank_reference="UTR-1", value_date=TODAY)
    second_id, purchaser_id = second.id, first.purchaser_id
    db.session.rollback()
    with transaction() as session:
        session.execute(
            text("SELECT 1 FROM credit_lines WHERE id = :id FOR NO KEY UPDATE"), {"id": second_id}
        )
        future = meanwhile(lambda: undo_disbursal(ctx, made_id, reason="AC01"))
        assert not future.done()
        session.execute(
            text("SELECT 1 FROM purchaser_accounts WHERE customer_id = :id FOR NO KEY UPDATE"),
            {"id": purchaser_id},
        )
    future.result(timeout=30)
    assert prove().holds


def test_its_page_names_the_payout_and_offers_no_undoing(
    ctx: Context,
    sent_back: Callable[..., Invoice],
    release_next: Callable[..., Disbursal],
    login: Callable[..., FlaskClient],
) -> None:
    invoice_id = sent_back().id
    made = release_next()
    with transaction():
        confirm(ctx, made.id, bank_reference="UTR-1", value_date=TODAY)
    page = login().get(f"/admin/receipts/{the_receipt().id}").text
    assert f"/admin/disbursals/{made.id}" in page
    invoice_page = login().get(f"/invoices/{invoice_id}").text
    assert f'(<a href="/admin/receipts/{the_receipt().id}">received</a>)' in invoice_page
    assert "undone together with the payout" in page
    assert "Undo the receipt" not in page


PLAYS = st.lists(
    st.sampled_from(["send back", "note", "release", "confirm", "reject", "reinstate", "return", "repay"]),
    min_size=12,
    max_size=14,
)


@pytest.mark.usefixtures("app")
@settings(max_examples=examples(6), suppress_health_check=[HealthCheck.function_scoped_fixture])
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
        outlived = db.session.query(Claim).filter(
            Claim.invoice.has(status="repaid"), Claim.credit_note_id.is_(None), Claim.open_amount > 0
        )
        assert outlived.count() == 0, kind
    for payout in payouts("instructed"):
        with transaction():
            confirm_payout(ctx, payout.id, bank_reference=f"U-{payout.id}", value_date=TODAY)
    assert prove().holds


@dataclass
class Kept:
    """What a payout was netted by for one invoice, and how much its loan lacked then, in minor units."""

    goods: int
    deductions: int
    notes: int
    lacking: int

    @property
    def notes_received(self) -> int:
        return min(self.notes, max(0, self.lacking - self.goods - self.deductions))

    def pays(self, goods_stand: bool) -> int:
        """What of it pays the loan: all that was received, but for goods only while that stands."""
        beside = self.deductions + self.notes_received
        paid = min(self.lacking, self.goods + beside)
        return paid if goods_stand else max(paid - self.goods, min(paid, beside))

    def supplier_is_owed(self, goods_stand: bool, undone_notes: int) -> int:
        """What of it neither pays the loan nor makes up for a credit note that stands."""
        credited = min(undone_notes, self.notes - self.notes_received)
        return self.goods + self.deductions + self.notes_received + credited - self.pays(goods_stand)


ONE_PAYOUT: dict[str, Any] = {
    "goods": 6,
    "notes": [24],
    "paid_before": 73,
    "payouts": [130],
    "collection": Collection.DEBT,
    "given_up": False,
    "data": None,
}
"""700.00 are owed; 600.00 are claimed for goods and 400.00 for a credit note."""


@pytest.mark.usefixtures("app")
@settings(max_examples=examples(6), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    goods=st.integers(1, 80),
    notes=st.lists(st.integers(5, 60), max_size=3),
    taxes=st.lists(st.integers(1, 20), max_size=2),
    paid_before=st.integers(0, 80),
    payouts=st.lists(st.integers(10, 120), min_size=1, max_size=3),
    collection=st.sampled_from(Collection),
    given_up=st.booleans(),
    later=st.lists(st.integers(0, 1), min_size=6, max_size=6),
    data=st.data(),
)
@example(**ONE_PAYOUT, taxes=[], later=[0] * 6)
@example(**ONE_PAYOUT, taxes=[3], later=[1] * 6)
def test_whatever_the_order_of_undoing_the_supplier_is_owed_what_the_rows_say(
    goods: int,
    notes: list[int],
    taxes: list[int],
    paid_before: int,
    payouts: list[int],
    collection: Collection,
    given_up: bool,
    later: list[int],
    data: st.DataObject | None,
    ctx: Context,
    make_line: Callable[..., CreditLine],
    make_invoice: Make,
    create_user: Callable[..., User],
) -> None:
    """Claims for goods, for deductions and for credit notes on an invoice of 10,000.00, of which a part was paid, are
    netted from one or several payouts and undone in any order; amounts in hundreds."""
    line = make_line(limit=10**9, terms=replace(TERMS, collection=collection))
    admin = replace(ctx, actor_id=create_user().id)
    invoice = make_invoice("disbursed", line=line, value=10_000_00)
    with transaction():
        claim_returned(ctx, lock_invoices([invoice.id]))
    of_goods = db.session.query(Claim).filter_by(invoice_id=invoice.id).one()
    with transaction():
        accept_claim(admin, of_goods.id, amount=goods * 100_00, reason="agreed")
    for number, amount in enumerate(notes):
        with suppress(InvalidInput), transaction():
            record_credit_note(ctx, invoice.id, number=f"CN-{number}", amount=amount * 100_00)
    for amount in taxes:
        with suppress(InvalidInput), transaction():
            record_deduction(ctx, KeptBack(invoice.id, DeductionKind.TAX, amount * 100_00))
    if paid_before:
        with transaction():
            record_receipt(
                ctx,
                line.purchaser_id,
                amount=paid_before * 100_00,
                bank_reference=f"PAY-{invoice.id}",
                value_date=TODAY,
            )
    loan = db.session.query(Loan).filter_by(invoice_id=invoice.id).one()
    lacking = loan.open_principal
    if given_up and lacking:
        with transaction():
            write_off(ctx, invoice.id, reason="insolvent")
    kept: list[Kept] = []
    for value in payouts:
        made = make_invoice("financeable", line=line, value=value * 100_00)
        disbursal_id = bundle_and_confirm(ctx, [made.id]).id
        rows = (
            db.session.query(ClaimSettlement.amount, Claim.credit_note_id, CreditNote.kind)
            .join(Claim, Claim.id == ClaimSettlement.claim_id)
            .outerjoin(CreditNote, CreditNote.id == Claim.credit_note_id)
            .filter(ClaimSettlement.disbursal_id == disbursal_id, Claim.invoice_id == invoice.id)
            .all()
        )
        for_goods = sum(row.amount for row in rows if row.credit_note_id is None)
        for_notes = sum(row.amount for row in rows if row.kind == "credit_note")
        deductions = sum(row.amount for row in rows) - for_goods - for_notes
        kept.append(Kept(for_goods, deductions, for_notes, lacking))
        lacking -= kept[-1].pays(goods_stand=True)
    netted_of = {
        row.credit_note_id: dict(
            db.session.query(ClaimSettlement.disbursal_id, ClaimSettlement.amount).filter_by(claim_id=row.id)
        )
        for row in db.session.query(Claim).filter_by(invoice_id=invoice.id)
    }
    disbursals = sorted({each for amounts in netted_of.values() for each in amounts})
    goods_stand, undone = True, set[int]()

    def check() -> None:
        proof = prove()
        assert (proof.differences, proof.mismatches) == ([], [])
        by_disbursal = zip(
            disbursals, [each for each in kept if each.goods + each.deductions + each.notes], strict=True
        )
        owed = sum(
            each.supplier_is_owed(goods_stand, sum(netted_of[note].get(number, 0) for note in undone))
            for number, each in by_disbursal
        )
        assert credit_balance(line.supplier_id, date.max) == owed
        paid = (
            db.session.query(func.coalesce(func.sum(Allocation.total), 0))
            .join(Receipt, Receipt.id == Allocation.receipt_id)
            .filter(Allocation.loan_id == loan.id, Receipt.netted_payout_id.is_not(None))
        )
        assert paid.scalar() == sum(each.pays(goods_stand) for each in kept)

    check()
    made_notes = db.session.query(CreditNote).filter_by(invoice_id=invoice.id, reverses_id=None).all()
    to_undo: list[CreditNote | Claim] = [of_goods, *made_notes]
    for step, what in zip(later, data.draw(st.permutations(to_undo)) if data else to_undo, strict=False):
        then = at(admin, step)
        if isinstance(what, Claim):
            while what.state == "accepted":
                with transaction():
                    reopen_claim(then, what.id, reason="the goods were found")
            goods_stand = False
        else:
            with transaction():
                undo_deduction(then, what.id, reason="recorded wrongly")
            if what.kind == "credit_note" and what.id in netted_of:
                undone.add(what.id)
        check()
