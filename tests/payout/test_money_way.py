"""From delivery over the disbursal to the repayment: what moves, what is stored, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from tests.support.invoices import deliver, order_on
from tests.support.payouts import approve_and_release, bundle_and_confirm
from tests.support.threads import in_threads
from tests.support.values import NOW, TODAY, at
from tusker.domain.delivery.shipments import ShipmentStatus
from tusker.errors import Conflict, Duplicate, IllegalTransition, InvalidInput, NotFound
from tusker.extensions import db
from tusker.models import (
    Allocation,
    CreditLine,
    Disbursal,
    DisbursalLine,
    Event,
    Invoice,
    Loan,
    Receipt,
    Shipment,
    ShipmentEvent,
)
from tusker.queries.loans.loans import loan_of_invoice, open_loans
from tusker.queries.loans.positions import loan_totals
from tusker.queries.record.proof import prove
from tusker.services.context import Context
from tusker.services.credit.requesting.financing import cancel_invoice
from tusker.services.delivery.due_shipments import LEASE, claim_due_shipments
from tusker.services.delivery.tracking import record_poll_failure, record_tracking
from tusker.services.loans.receipts.recording import repay_in_full
from tusker.services.loans.write_off import write_off
from tusker.services.payout.disbursals.bundling import bundle_daily, bundle_selection
from tusker.services.payout.disbursals.drafts import drop, take_out
from tusker.services.payout.settlement.confirming import confirm
from tusker.services.payout.settlement.undoing import undo_disbursal
from tusker.transactions import transaction

MINUTE = timedelta(minutes=1)


def kinds(invoice: Invoice) -> list[str]:
    events = db.session.query(Event).filter_by(subject="invoice", subject_id=invoice.id).order_by(Event.id)
    return [event.kind for event in events]


def used() -> set[int]:
    proof = prove()
    assert proof.holds, proof.differences
    return {row.used for row in proof.accounts}


def test_the_whole_way_leaves_one_event_a_change_and_frees_all_three_limits(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    invoice = make_invoice("disbursed", line=make_line(), value=10_000_00)
    assert used() == {8_000_00}
    loan = db.session.query(Loan).one()
    assert (loan.principal, loan.start_date, loan.due_date) == (8_000_00, TODAY, TODAY + timedelta(days=90))
    row = loan_of_invoice(invoice.id, TODAY + timedelta(days=45))
    assert row is not None
    assert (row.live.interest, row.term.interest) == (177_53, 355_07)
    with transaction():
        receipt = repay_in_full(
            at(ctx, 45), invoice.id, bank_reference="UTR-1", value_date=TODAY + timedelta(days=45)
        )
    assert receipt.amount == 8_000_00 + 177_53
    allocation = db.session.query(Allocation).one()
    assert (allocation.principal, allocation.interest, allocation.penalty) == (8_000_00, 177_53, 0)
    assert invoice.status == "repaid"
    assert used() == {0}
    assert kinds(invoice) == ["requested", "shipment", "delivered", "bundled", "disbursed", "repaid"]
    assert open_loans(TODAY + timedelta(days=45)) == []


@pytest.mark.parametrize("status", [s for s in ShipmentStatus if s is not ShipmentStatus.DELIVERED])
def test_only_a_delivery_makes_an_invoice_financeable(
    ctx: Context,
    make_line: Callable[..., CreditLine],
    make_invoice: Callable[..., Invoice],
    status: ShipmentStatus,
) -> None:
    line = make_line()
    invoice = make_invoice(line=line)
    shipment = db.session.query(Shipment).one()
    with transaction():
        record_tracking(
            ctx, {shipment.id: order_on(line, ref=shipment.order_ref, status=status)}, minimum_interval=MINUTE
        )
    gone = status in {ShipmentStatus.CANCELLED, ShipmentStatus.RETURNED}
    assert invoice.status == ("cancelled" if gone else "approved")
    assert used() == ({0} if gone else {8_000_00})


def test_the_same_news_twice_moves_and_stores_once(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    line = make_line()
    invoice = make_invoice(line=line)
    order = order_on(line, ref=db.session.query(Shipment).one().order_ref)
    deliver(ctx, invoice.id, order)
    deliver(at(ctx, 1), invoice.id, order)
    assert kinds(invoice) == ["requested", "shipment", "delivered"]
    assert db.session.query(ShipmentEvent).count() == 1
    assert db.session.query(Shipment).one().next_poll_at is None


def test_late_news_of_a_return_leaves_a_paid_invoice_alone(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    line = make_line()
    invoice = make_invoice("disbursed", line=line)
    shipment = db.session.query(Shipment).one()
    returned = order_on(line, ref=shipment.order_ref, status=ShipmentStatus.RETURNED)
    with transaction():
        assert record_tracking(ctx, {shipment.id: returned}, minimum_interval=MINUTE) == []
    assert invoice.status == "disbursed"
    assert used() == {8_000_00}


def test_a_claim_keeps_others_away_for_its_lease_and_no_longer(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    line = make_line()
    for _ in range(3):
        make_invoice(line=line)
    with transaction():
        first = claim_due_shipments(ctx, "tusker", 2)
    with transaction():
        second = claim_due_shipments(ctx, "tusker", 10)
    assert len(first) == 2
    assert len(second) == 1
    assert not {c.shipment_id for c in first} & {c.shipment_id for c in second}
    late = Context(None, "worker two", NOW + LEASE, TODAY)
    with transaction():
        assert len(claim_due_shipments(late, "tusker", 10)) == 3


def test_a_claim_is_of_no_more_than_was_asked_for_however_the_database_plans_it(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    line = make_line()
    for _ in range(3):
        make_invoice(line=line)
    with transaction() as session:
        # leaves only the plan that runs a subquery in WHERE once a row
        for way in ("hashjoin", "mergejoin", "material", "hashagg", "sort", "indexscan", "bitmapscan"):
            session.execute(text(f"SET LOCAL enable_{way} = off"))
        assert len(claim_due_shipments(ctx, "tusker", 2)) == 2


def test_a_carrier_that_fails_is_asked_less_and_less_often(
    ctx: Context, make_invoice: Callable[..., Invoice]
) -> None:
    make_invoice()
    shipment = db.session.query(Shipment).one()
    waits = []
    for _ in range(3):
        with transaction():
            record_poll_failure(ctx, [shipment.id], "time-out", minimum_interval=MINUTE)
        waits.append(shipment.next_poll_at - NOW)
    assert waits[0] < waits[1] < waits[2]
    assert (shipment.poll_failures, shipment.last_error) == (3, "time-out")


def test_the_daily_bundle_run_twice_and_at_once_is_one_disbursal(
    app: Flask, ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    line = make_line()
    for _ in range(4):
        make_invoice("financeable", line=line)

    def run() -> int | None:
        with transaction():
            made = bundle_daily(ctx)
            return made.id if made else None

    assert len(set(in_threads(app, [run] * 16))) == 1
    assert db.session.query(Disbursal).count() == 1
    assert db.session.query(DisbursalLine).count() == 4
    assert db.session.query(Event).filter_by(kind="bundled", subject="invoice").count() == 4


def test_nothing_to_finance_makes_no_disbursal(app: Flask, ctx: Context) -> None:
    with transaction():
        assert bundle_daily(ctx) is None


def test_an_invoice_is_in_one_live_disbursal_even_if_code_forgets(
    ctx: Context, make_invoice: Callable[..., Invoice]
) -> None:
    invoice = make_invoice("bundled")
    other = Disbursal(reference="D-X", business_date=TODAY, origin="manual", status="draft", created_at=NOW)
    db.session.add(other)
    db.session.flush()
    db.session.add(DisbursalLine(disbursal_id=other.id, invoice_id=invoice.id, principal=1, state="included"))
    with pytest.raises(IntegrityError, match="uq_disbursal_lines_one_live"):
        db.session.flush()
    db.session.rollback()


def test_a_selection_that_someone_else_bundled_is_refused_whole(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    line = make_line()
    taken, free = make_invoice("bundled", line=line), make_invoice("financeable", line=line)
    with pytest.raises(Conflict, match=taken.number), transaction():
        bundle_selection(ctx, [taken.id, free.id])
    assert free.status == "financeable"
    with pytest.raises(NotFound), transaction():
        bundle_selection(ctx, [free.id, 999_999])
    with pytest.raises(InvalidInput, match="at least one"), transaction():
        bundle_selection(ctx, [])


def test_taking_out_and_dropping_put_invoices_back_into_the_queue(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    line = make_line()
    one, two = make_invoice("financeable", line=line), make_invoice("financeable", line=line)
    disbursal = bundle_and_confirm(ctx, [one.id, two.id], only_bundle=True)
    with transaction():
        take_out(ctx, disbursal.id, one.id, reason="amount disputed")
    assert (one.status, two.status, disbursal.status) == ("financeable", "bundled", "draft")
    with pytest.raises(Conflict), transaction():
        take_out(ctx, disbursal.id, one.id, reason="again")
    with transaction():
        drop(ctx, disbursal.id, reason="bank holiday")
    assert (two.status, disbursal.status) == ("financeable", "dropped")
    again = bundle_and_confirm(ctx, [one.id, two.id])
    assert again.status == "confirmed"
    assert used() == {16_000_00}


def test_the_last_one_taken_out_drops_the_disbursal(
    ctx: Context, make_invoice: Callable[..., Invoice]
) -> None:
    invoice = make_invoice("bundled")
    disbursal = db.session.query(Disbursal).one()
    with transaction():
        take_out(ctx, disbursal.id, invoice.id, reason="wrong buyer")
    assert disbursal.status == "dropped"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"bank_reference": " "}, "bank_reference"),
        ({"bank_reference": "x" * 61}, "bank_reference"),
        ({"value_date": TODAY + timedelta(days=1)}, "value_date"),
        ({"value_date": date(1900, 1, 1)}, "value_date"),
        ({"platform_references": {1: "x" * 61}}, "platform_reference"),
        ({"platform_references": {1: "two\nlines"}}, "platform_reference"),
    ],
)
def test_a_confirmation_that_cannot_be_names_its_field_and_writes_nothing(
    ctx: Context, make_invoice: Callable[..., Invoice], changes: dict[str, Any], field: str
) -> None:
    invoice = make_invoice("bundled")
    disbursal = db.session.query(Disbursal).one()
    with transaction():
        approve_and_release(ctx, disbursal.id)
    given = {"bank_reference": "B-1", "value_date": TODAY, **changes}
    with pytest.raises(InvalidInput) as refused, transaction():
        confirm(ctx, disbursal.id, **given)
    assert refused.value.field == field
    assert (invoice.status, disbursal.status) == ("bundled", "released")
    assert db.session.query(Loan).count() == 0


def test_a_disbursal_is_confirmed_once_however_many_press_the_button(
    app: Flask, ctx: Context, make_invoice: Callable[..., Invoice]
) -> None:
    make_invoice("bundled")
    disbursal_id = db.session.query(Disbursal).one().id
    with transaction():
        approve_and_release(ctx, disbursal_id)

    def press(number: int) -> bool:
        try:
            with transaction():
                confirm(ctx, disbursal_id, bank_reference=f"B-{number}", value_date=TODAY)
        except Conflict:
            return False
        return True

    assert in_threads(app, [lambda n=n: press(n) for n in range(16)]).count(True) == 1
    assert db.session.query(Loan).count() == 1


def test_a_bank_reference_belongs_to_one_disbursal(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    line = make_line()
    first, second = make_invoice("financeable", line=line), make_invoice("financeable", line=line)
    confirmed = bundle_and_confirm(ctx, [first.id])
    reference = confirmed.bank_reference
    other = bundle_and_confirm(ctx, [second.id], only_bundle=True)
    with transaction():
        approve_and_release(ctx, other.id)
    with pytest.raises(Duplicate) as refused, transaction():
        confirm(ctx, other.id, bank_reference=str(reference), value_date=TODAY)
    assert refused.value.field == "bank_reference"
    with transaction():
        undo_disbursal(ctx, confirmed.id, reason="it was the other one's")
    with transaction():
        confirm(ctx, other.id, bank_reference=str(reference), value_date=TODAY)
    assert prove().holds


def test_the_platforms_loan_id_stands_beside_ours(ctx: Context, make_invoice: Callable[..., Invoice]) -> None:
    invoice = make_invoice("bundled")
    disbursal = db.session.query(Disbursal).one()
    with transaction():
        approve_and_release(ctx, disbursal.id)
        given = {invoice.id: " LN/2026/7 "}
        confirm(ctx, disbursal.id, bank_reference="B", value_date=TODAY, platform_references=given)
    loan = db.session.query(Loan).one()
    assert (loan.reference, loan.platform_reference) == (f"L-{disbursal.id}-{invoice.id}", "LN/2026/7")


@pytest.mark.parametrize(
    ("reference", "value_date", "field"),
    [
        ("", TODAY, "bank_reference"),
        ("R", TODAY + timedelta(days=1), "value_date"),
        ("R", TODAY - timedelta(days=1), "value_date"),
        ("R", date(1900, 1, 1), "value_date"),
    ],
)
def test_a_repayment_that_cannot_be_names_its_field_and_writes_nothing(
    ctx: Context, make_invoice: Callable[..., Invoice], reference: str, value_date: date, field: str
) -> None:
    invoice = make_invoice("disbursed")
    with pytest.raises(InvalidInput) as refused, transaction():
        repay_in_full(ctx, invoice.id, bank_reference=reference, value_date=value_date)
    assert refused.value.field == field
    assert invoice.status == "disbursed"
    assert db.session.query(Receipt).count() == 0
    assert used() == {8_000_00}


def test_a_payment_reference_is_used_once(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    line = make_line()
    first, second = make_invoice("disbursed", line=line), make_invoice("disbursed", line=line)
    with transaction():
        repay_in_full(ctx, first.id, bank_reference="UTR", value_date=TODAY)
    with pytest.raises(Duplicate), transaction():
        repay_in_full(ctx, second.id, bank_reference="UTR", value_date=TODAY)
    with pytest.raises(IllegalTransition), transaction():
        repay_in_full(ctx, first.id, bank_reference="UTR-2", value_date=TODAY)
    assert used() == {8_000_00}


def test_a_write_off_frees_the_credit_and_needs_a_reason(
    ctx: Context, make_invoice: Callable[..., Invoice]
) -> None:
    invoice = make_invoice("disbursed")
    with pytest.raises(InvalidInput), transaction():
        write_off(ctx, invoice.id, reason=" ")
    with transaction():
        write_off(ctx, invoice.id, reason="purchaser insolvent")
    assert invoice.status == "written_off"
    assert used() == {0}
    assert loan_totals(TODAY).count == 0


def test_a_supplier_cancels_its_own_and_nobody_elses(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    invoice = make_invoice("financeable")
    with pytest.raises(NotFound), transaction():
        cancel_invoice(ctx, invoice.id, reason="x", supplier_id=invoice.supplier_id + 1000)
    with transaction():
        cancel_invoice(ctx, invoice.id, reason="wrong price", supplier_id=invoice.supplier_id)
    assert used() == {0}
    with pytest.raises(IllegalTransition), transaction():
        cancel_invoice(ctx, invoice.id, reason="again")


@pytest.mark.usefixtures("owner")
def test_events_are_never_changed_or_deleted(ctx: Context, make_invoice: Callable[..., Invoice]) -> None:
    make_invoice()
    for statement in (
        "UPDATE events SET reason = 'nothing'",
        "DELETE FROM events",
        "TRUNCATE events, event_seals",
    ):
        with pytest.raises(DBAPIError, match="never changed or deleted"), transaction() as session:
            session.execute(db.text(statement))
