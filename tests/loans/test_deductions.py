"""Short payments with a reason: tax at source, quality, quantity, bank charges, rounding; and the undoing of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.payouts import bundle_and_confirm
from tests.support.profiles import examples
from tests.support.values import TERMS, TODAY, at
from tusker.currency import currency
from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.domain.loans.allocation import Collectable, allocate
from tusker.domain.loans.interest import AmountDue
from tusker.domain.terms import Collection, InterestTiming, Terms
from tusker.errors import Conflict, Duplicate, InvalidInput
from tusker.extensions import db
from tusker.models import (
    Claim,
    ClaimState,
    CreditLine,
    CreditNote,
    DeductionKind,
    DeductionState,
    Invoice,
    Loan,
    Payable,
    Receipt,
)
from tusker.queries.loans.account_statements.lines import LineKind
from tusker.queries.loans.account_statements.statement import credit_balance, statement
from tusker.queries.loans.loans import loan_of_invoice
from tusker.queries.record.proof import prove
from tusker.services.context import Context
from tusker.services.loans.deductions.credit_notes import record_credit_note
from tusker.services.loans.deductions.recording import KeptBack, accept_dispute, record_deduction, settle_tax
from tusker.services.loans.deductions.undoing import undo_deduction, withdraw_dispute
from tusker.services.loans.receipts.recording import record_receipt
from tusker.services.loans.receipts.undoing import reverse_receipt
from tusker.services.loans.reserve import reserve_left
from tusker.services.payout.settlement.undoing import undo_disbursal
from tusker.transactions import transaction

FACE = replace(TERMS, collection=Collection.INVOICE)
DEBT_AT_TERM = 8_355_07
REST = 10_000_00 - DEBT_AT_TERM


@pytest.fixture
def line(make_line: Callable[..., CreditLine]) -> CreditLine:
    return make_line(terms=FACE)


@pytest.fixture
def invoice(make_invoice: Callable[..., Invoice], line: CreditLine) -> Invoice:
    """An invoice of 10,000.00 of which 8,000.00 were paid out, collected at its face value."""
    return make_invoice("disbursed", line=line)


@pytest.fixture
def by_debt(make_invoice: Callable[..., Invoice], make_line: Callable[..., CreditLine]) -> Invoice:
    """The same where the purchaser pays what is owed."""
    return make_invoice("disbursed", line=make_line())


def tax(invoice: Invoice, amount: int, **more: str) -> KeptBack:
    return KeptBack(invoice.id, DeductionKind.TAX, amount, **more)


def quality(invoice: Invoice, amount: int) -> KeptBack:
    return KeptBack(invoice.id, DeductionKind.QUALITY, amount, disputed=True)


def pay(
    ctx: Context, invoice: Invoice, amount: int, *kept: KeptBack, reference: str = "UTR-1", day: int = 90
) -> Receipt:
    later = at(ctx, day)
    with transaction():
        return record_receipt(
            later,
            invoice.purchaser_id,
            amount=amount,
            bank_reference=reference,
            value_date=later.today,
            kept_back=kept,
        )


def loan_of(invoice: Invoice) -> Loan:
    return db.session.query(Loan).filter_by(invoice_id=invoice.id, reversed_on=None).one()


def note() -> CreditNote:
    return db.session.query(CreditNote).filter_by(reverses_id=None).one()


def suppliers() -> int:
    """What is to be passed on to suppliers."""
    return sum(payable.open_amount for payable in db.session.query(Payable))


def holds() -> None:
    db.session.rollback()
    proof = prove()
    assert (proof.differences, proof.mismatches) == ([], [])


def figures(invoice: Invoice) -> tuple[int | None, int, int, int]:
    """Face value still to be paid, open principal, reserve held, what is the supplier's."""
    loan = loan_of(invoice)
    return loan.face_open, loan.open_principal, reserve_left(invoice.id), suppliers()


def test_tax_kept_back_from_the_face_value_is_borne_by_the_reserve(ctx: Context, invoice: Invoice) -> None:
    pay(ctx, invoice, 9_900_00, tax(invoice, 100_00, reason="section 194Q"))
    assert figures(invoice) == (0, 0, 0, REST - 100_00)
    assert (note().reserve_consumed, note().claimed, note().waits_for_certificate) == (100_00, 0, True)
    assert credit_balance(invoice.purchaser_id, at(ctx, 90).today) == 0
    holds()
    with transaction():
        settle_tax(at(ctx, 120), note().id, number="16A-7", settled_on=at(ctx, 110).today)
    assert (note().number, note().settled_on, note().waits_for_certificate) == (
        "16A-7",
        at(ctx, 110).today,
        False,
    )


def test_the_examples_of_the_documentation(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    told = (Path(__file__).parents[2] / "docs" / "money.md").read_text()

    def example(terms: Terms, paid: int, *kinds: tuple[DeductionKind, int]) -> tuple[Invoice, list[str]]:
        made = make_invoice("disbursed", line=make_line(terms=terms))
        before = suppliers()
        pay(
            ctx, made, paid, *(KeptBack(made.id, kind, amount) for kind, amount in kinds),
            reference=f"DOC-{made.id}",
        )  # fmt: skip
        claimed = sum(c.amount for c in db.session.query(Claim).filter_by(invoice_id=made.id))
        loan = loan_of(made)
        left = 0 if loan.closed_on else loan.open_principal
        return made, [currency().show(amount) for amount in (suppliers() - before, claimed, left)]

    _, (passed, _, _) = example(FACE, 9_900_00, (DeductionKind.TAX, 100_00))
    assert f"the reserve bears ₹100.00, and {passed} are the supplier's" in told
    _, (_, claimed, _) = example(FACE, 1_00, (DeductionKind.QUALITY, 3_000_00))
    assert f"reserve would bear its ₹2,000.00 and {claimed} would be claimed" in told
    _, (_, claimed, left) = example(TERMS, DEBT_AT_TERM - 100_00, (DeductionKind.TAX, 100_00))
    assert f"{left} stay owed, and {claimed} are claimed from the supplier" in told
    _, (passed, _, _) = example(FACE, 9_999_40)
    assert f"the ₹0.60 that lack are rounded off, and\n{passed} are the supplier's" in told
    holds()


def test_undone_with_its_receipt(ctx: Context, invoice: Invoice) -> None:
    before = figures(invoice)
    receipt = pay(ctx, invoice, 9_900_00, tax(invoice, 100_00))
    with transaction():
        reverse_receipt(at(ctx, 95), receipt.id, reason="bounced")
    assert figures(invoice) == before
    assert note().state == DeductionState.UNDONE
    holds()
    pay(ctx, invoice, 9_900_00, tax(invoice, 100_00), reference="UTR-2", day=96)
    holds()


def test_undone_alone_the_purchaser_owes_it_and_then_it_is_the_suppliers(
    ctx: Context, invoice: Invoice
) -> None:
    pay(ctx, invoice, 9_900_00, tax(invoice, 100_00))
    with transaction():
        undo_deduction(at(ctx, 95), note().id, reason="no tax was due")
    assert figures(invoice) == (100_00, 0, 100_00, REST - 100_00)
    holds()
    pay(ctx, invoice, 100_00, reference="UTR-2", day=96)
    assert figures(invoice) == (0, 0, 0, REST)
    holds()
    with pytest.raises(Conflict, match="undone already"), transaction():
        undo_deduction(at(ctx, 97), note().id, reason="twice")


def test_what_is_disputed_is_claimed_once_the_supplier_accepts_it(ctx: Context, invoice: Invoice) -> None:
    with transaction():
        record_deduction(at(ctx, 80), quality(invoice, 3_000_00))
    assert figures(invoice) == (7_000_00, 8_000_00, 0, 0)
    assert (note().reserve_consumed, note().claimed) == (2_000_00, 0)
    holds()
    with transaction():
        accept_dispute(at(ctx, 85), note().id, number="CN-9")
    assert (note().state, note().number, note().claimed) == (DeductionState.ACCEPTED, "CN-9", 1_000_00)
    assert db.session.query(Claim).one().open_amount == 1_000_00
    holds()
    with transaction():
        undo_deduction(at(ctx, 86), note().id, reason="wrong invoice")
    assert figures(invoice) == (10_000_00, 8_000_00, 2_000_00, 0)
    assert db.session.query(Claim).one().state == ClaimState.DISMISSED
    holds()


def test_withdrawn_the_purchaser_owes_it_again(ctx: Context, invoice: Invoice) -> None:
    with transaction():
        record_deduction(at(ctx, 80), quality(invoice, 500_00))
    pay(ctx, invoice, 9_500_00)
    assert figures(invoice) == (0, 0, 0, REST - 500_00)
    with transaction():
        withdraw_dispute(at(ctx, 95), note().id, reason="the goods were sound")
    assert (note().state, figures(invoice)) == (
        DeductionState.WITHDRAWN,
        (500_00, 0, 500_00, REST - 500_00),
    )
    holds()
    with pytest.raises(Conflict), transaction():
        accept_dispute(at(ctx, 96), note().id)


def test_kept_back_from_a_debt_it_is_the_suppliers_to_pay(
    ctx: Context, by_debt: Invoice, make_invoice: Callable[..., Invoice]
) -> None:
    pay(ctx, by_debt, DEBT_AT_TERM - 100_00, tax(by_debt, 100_00))
    loan = loan_of(by_debt)
    assert (loan.closed_on, loan.open_principal, note().claimed) == (None, 100_00, 100_00)
    row = loan_of_invoice(by_debt.id, at(ctx, 90).today)
    assert row is not None
    assert row.live.total == 100_00
    holds()
    other = make_invoice(
        "financeable", line=db.session.get(CreditLine, by_debt.credit_line_id), value=1_000_00
    )
    bundle_and_confirm(at(ctx, 90), [other.id])
    db.session.refresh(by_debt)
    assert (by_debt.status, loan_of(by_debt).open_principal) == (InvoiceStatus.REPAID, 0)
    holds()
    with transaction():  # netted already, and the loan is paid: the purchaser pays the supplier directly
        undo_deduction(at(ctx, 91), note().id, reason="no tax was due")
    assert db.session.query(Claim).one().state == ClaimState.ACCEPTED
    holds()


def test_what_is_kept_back_of_one_debt_is_not_paid_by_money_for_another() -> None:
    due = AmountDue(TODAY, 100_00, 0, 0, 0, 0)
    loans = [Collectable(1, due, kept_back=10_00), Collectable(2, due)]
    splits, left = allocate(190_00, loans)
    assert ([(s.loan_id, s.total) for s in splits], left) == ([(1, 90_00), (2, 100_00)], 0)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": 10_000_01}, "amount"),
        ({"kind": DeductionKind.CREDIT_NOTE}, "kind"),
        ({"kind": DeductionKind.TAX, "disputed": True}, "disputed"),
        ({"kind": DeductionKind.ROUNDING, "amount": 1_01}, "amount"),
        ({"number": "x" * 61}, "number"),
        ({"reason": "x" * 301}, "reason"),
    ],
)
def test_what_cannot_be_kept_back_names_its_field(
    ctx: Context, invoice: Invoice, change: dict[str, object], field: str
) -> None:
    kept = replace(KeptBack(invoice.id, DeductionKind.QUANTITY, 100_00), **change)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput) as refused, transaction():
        record_deduction(ctx, kept)
    assert refused.value.field == field
    assert db.session.query(CreditNote).count() == 0


def test_more_than_is_left_cannot_be_kept_back(ctx: Context, invoice: Invoice, by_debt: Invoice) -> None:
    with transaction():
        record_deduction(ctx, tax(invoice, 9_000_00, number="1"))
        record_deduction(ctx, tax(by_debt, 7_000_00))
    for kept in (tax(invoice, 1_000_01), tax(by_debt, 1_000_01)):
        with pytest.raises(InvalidInput, match=r"1,000\.00"), transaction():
            record_deduction(ctx, kept)
    with pytest.raises(Duplicate), transaction():
        record_deduction(ctx, tax(invoice, 1, number="1"))
    with pytest.raises(InvalidInput, match=r"1,355\.07") as refused:
        pay(ctx, by_debt, 1_00, tax(by_debt, 2_000_00))
    assert refused.value.field == "kept_back"
    with pytest.raises(InvalidInput, match="own open invoices"), transaction():
        record_receipt(
            ctx, invoice.supplier_id, amount=1_00, bank_reference="X", value_date=TODAY,
            kept_back=[tax(invoice, 1_00)],
        )  # fmt: skip
    holds()


def test_rounding_is_written_off_by_itself_and_undone_with_its_receipt(
    ctx: Context, invoice: Invoice
) -> None:
    receipt = pay(ctx, invoice, 9_999_40)
    assert figures(invoice) == (0, 0, 0, REST - 60)
    assert (note().kind, note().amount, note().reserve_consumed) == (DeductionKind.ROUNDING, 60, 60)
    holds()
    with transaction():
        reverse_receipt(at(ctx, 95), receipt.id, reason="bounced")
    assert figures(invoice) == (10_000_00, 8_000_00, 2_000_00, 0)
    holds()


def test_beyond_the_tolerance_nothing_is_rounded(
    app: Flask, ctx: Context, invoice: Invoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    pay(ctx, invoice, 9_998_99)
    assert figures(invoice) == (1_01, 0, 1_01, REST - 1_01)
    monkeypatch.setitem(app.config, "ROUNDING_TOLERANCE", Decimal(0))
    pay(ctx, invoice, 1_00, reference="UTR-2")
    assert figures(invoice) == (1, 0, 1, REST - 1)
    holds()


def test_what_a_payment_leaves_of_a_debt_is_rounded_off_and_comes_back_with_it(
    ctx: Context, by_debt: Invoice
) -> None:
    receipt = pay(ctx, by_debt, DEBT_AT_TERM - 1_00)
    db.session.refresh(by_debt)
    assert (by_debt.status, loan_of(by_debt).open_principal) == (InvoiceStatus.REPAID, 0)
    [rounded] = loan_of(by_debt).adjustments
    assert (rounded.kind, rounded.principal, rounded.total) == ("rounding", 1_00, 1_00)
    holds()
    for side, customer_id in (("purchaser", by_debt.purchaser_id), ("supplier", by_debt.supplier_id)):
        made = statement(customer_id, side, TODAY, at(ctx, 90).today)  # type: ignore[arg-type]
        assert (made.adds_up, made.closing, made.adjustments) == (True, 0, 1_00)
    with transaction():
        reverse_receipt(at(ctx, 91), receipt.id, reason="bounced")
    assert loan_of(by_debt).open_principal == 8_000_00
    holds()
    pay(ctx, by_debt, DEBT_AT_TERM - 1_01, reference="UTR-2")
    assert loan_of(by_debt).open_principal == 1_01
    holds()


def test_interest_deducted_before_is_rounded_off_with_the_rest(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    early = make_invoice(
        "disbursed", line=make_line(terms=replace(TERMS, interest_timing=InterestTiming.UPFRONT))
    )
    receipt = pay(ctx, early, 8_000_00 - 355_07 - 40, day=0)
    assert loan_of(early).open_principal == 0
    assert loan_of(early).closed_on == TODAY
    holds()
    with transaction():
        reverse_receipt(at(ctx, 1), receipt.id, reason="bounced")
    assert loan_of(early).open_principal == 8_000_00
    holds()


def test_of_a_debt_of_which_something_was_kept_back_nothing_is_rounded_off(
    ctx: Context, by_debt: Invoice
) -> None:
    pay(ctx, by_debt, DEBT_AT_TERM - 50, tax(by_debt, 50))
    assert (loan_of(by_debt).closed_on, loan_of(by_debt).open_principal) == (None, 50)
    holds()


@pytest.mark.parametrize("kind", list(Collection))
def test_a_credit_note_is_undone_at_every_stage(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice], kind: Collection
) -> None:
    line = make_line(terms=replace(TERMS, collection=kind))
    waits = make_invoice("financeable", line=line)
    with transaction():
        early = record_credit_note(ctx, waits.id, number="CN-1", amount=1_000_00)
    assert waits.principal == 7_200_00
    with transaction():
        undo_deduction(ctx, early.id, reason="wrong invoice")
    assert waits.principal == 8_000_00
    holds()
    with transaction():
        early = record_credit_note(ctx, waits.id, number="CN-1", amount=1_000_00)
    bundle_and_confirm(ctx, [waits.id])
    with transaction():
        late = record_credit_note(ctx, waits.id, number="CN-2", amount=2_500_00)
    assert late.claimed == 2_500_00 - 1_800_00
    holds()
    for undone in (late, early):
        with transaction():
            undo_deduction(at(ctx, 1), undone.id, reason="wrong invoice")
        holds()
    assert reserve_left(waits.id) == 2_800_00
    assert loan_of(waits).face_open == (10_000_00 if kind is Collection.INVOICE else None)


@pytest.mark.parametrize("undo_first", [True, False])
def test_a_payout_undone_counts_deductions_as_early(ctx: Context, invoice: Invoice, undo_first: bool) -> None:
    with transaction():
        record_deduction(at(ctx, 5), quality(invoice, 1_000_00))
    disbursal_id = loan_of(invoice).disbursal_id
    if undo_first:
        with transaction():
            undo_deduction(at(ctx, 5), note().id, reason="wrong invoice")
    with transaction():
        undo_disbursal(at(ctx, 6), disbursal_id, reason="it came back")
    db.session.refresh(invoice)
    assert invoice.principal == (8_000_00 if undo_first else 7_200_00)
    holds()
    bundle_and_confirm(at(ctx, 7), [invoice.id])
    assert loan_of(invoice).face_open == (10_000_00 if undo_first else 9_000_00)
    if not undo_first:
        with transaction():
            withdraw_dispute(at(ctx, 8), note().id, reason="sound")
        assert figures(invoice) == (10_000_00, 7_200_00, 2_800_00, 0)
    holds()
    for first in range(9):
        for last in range(first, 9):
            made = statement(invoice.purchaser_id, "purchaser", at(ctx, first).today, at(ctx, last).today)
            assert made.adds_up, (first, last, made)


def test_netted_for_a_credit_note_that_is_undone_it_is_the_suppliers_credit(
    ctx: Context, line: CreditLine, invoice: Invoice, make_invoice: Callable[..., Invoice]
) -> None:
    pay(ctx, invoice, 10_000_00)
    with transaction():
        late = record_credit_note(at(ctx, 90), invoice.id, number="CN-1", amount=100_00)
    bundle_and_confirm(at(ctx, 91), [make_invoice("financeable", line=line).id])
    assert credit_balance(invoice.supplier_id, at(ctx, 91).today) == 0
    holds()
    with transaction():
        undo_deduction(at(ctx, 92), late.id, reason="wrong invoice")
    assert credit_balance(invoice.supplier_id, at(ctx, 92).today) == 100_00
    assert loan_of(invoice).face_open == 0
    holds()


def test_both_sides_read_it_on_their_statements(ctx: Context, invoice: Invoice, by_debt: Invoice) -> None:
    pay(ctx, invoice, 9_900_00, tax(invoice, 100_00, number="16A-7"))
    with transaction():
        record_deduction(at(ctx, 90), KeptBack(by_debt.id, DeductionKind.QUANTITY, 50_00))
    today = at(ctx, 91).today

    def told(customer_id: int, side: str) -> list[tuple[str, int]]:
        made = statement(customer_id, side, TODAY, today)  # type: ignore[arg-type]
        assert made.adds_up
        return [(line.reference, line.amount) for line in made.lines if line.kind is LineKind.DEDUCTION]

    assert told(invoice.purchaser_id, "purchaser") == [("tax 16A-7", -100_00)]
    assert told(invoice.supplier_id, "supplier") == [("₹100.00 tax 16A-7", 0)]
    assert told(by_debt.purchaser_id, "purchaser") == [("₹50.00 quantity", 0)]


STEP = st.tuples(
    st.sampled_from(["pay", "tax", "quality", "undo", "bounce", "accept", "withdraw"]),
    st.integers(1, 6_000_00),
)


@pytest.mark.hypothesis
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(8))
@given(steps=st.lists(STEP, min_size=5, max_size=8))
def test_whatever_is_kept_back_and_undone_the_supplier_gets_face_less_deductions_less_debt(
    ctx: Context,
    make_line: Callable[..., CreditLine],
    make_invoice: Callable[..., Invoice],
    steps: list[tuple[str, int]],
) -> None:
    invoice = make_invoice("disbursed", line=make_line(terms=FACE))
    for number, (what, amount) in enumerate(steps):
        _do(ctx, invoice, what, amount, f"{invoice.id}-{number}")
        holds()
    loan = loan_of(invoice)
    if loan.face_open:
        pay(ctx, invoice, loan.face_open, reference=f"{invoice.id}-last")
        holds()
    notes = db.session.query(CreditNote).filter_by(invoice_id=invoice.id)
    kept = sum(row.amount for row in notes)
    paid = sum(a.total for a in loan_of(invoice).allocations)
    passed = sum(p.amount for p in db.session.query(Payable).filter_by(invoice_id=invoice.id))
    assert passed == 10_000_00 - kept - paid
    assert loan_of(invoice).face_open == 0


def _do(ctx: Context, invoice: Invoice, what: str, amount: int, name: str) -> None:
    today = at(ctx, 90)
    standing = [n.id for n in db.session.query(CreditNote).filter_by(invoice_id=invoice.id) if n.stands]
    undone = {r.of_receipt_id for r in db.session.query(Receipt)}
    receipts = [
        r.id
        for r in db.session.query(Receipt).filter_by(customer_id=invoice.purchaser_id, kind="payment")
        if r.id not in undone
    ]
    try:
        match what:
            case "pay":
                kept = tax(invoice, min(amount, 50_00), number=name)
                pay(ctx, invoice, amount, *([kept] if amount % 2 else []), reference=name)
            case "tax" | "quality":
                with transaction():
                    record_deduction(
                        today, tax(invoice, amount) if what == "tax" else quality(invoice, amount)
                    )
            case "bounce" if receipts:
                with transaction():
                    reverse_receipt(today, receipts[amount % len(receipts)], reason="bounced")
            case "undo" | "accept" | "withdraw" if standing:
                chosen = standing[amount % len(standing)]
                with transaction():
                    if what == "undo":
                        undo_deduction(today, chosen, reason="wrong")
                    elif what == "accept":
                        accept_dispute(today, chosen)
                    else:
                        withdraw_dispute(today, chosen, reason="sound")
    except (InvalidInput, Conflict):
        db.session.rollback()
