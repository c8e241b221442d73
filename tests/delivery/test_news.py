"""What the delivery company's news do to an invoice, wherever it stands; and what is done once however often said."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tests.support.funding import FundingDesk, disbursal_with, open_kinds, shipment_of
from tests.support.invoices import order_on
from tests.support.payouts import approve_and_release
from tests.support.threads import in_threads
from tests.support.values import NOW
from tusker.domain.delivery.shipments import Document, DocumentKind
from tusker.domain.delivery.shipments import ShipmentStatus as S
from tusker.errors import Conflict, IllegalTransition, InvalidInput
from tusker.extensions import db
from tusker.models import Claim, DisbursalLine, Event, Payout, ShipmentDocument
from tusker.queries.record.proof import prove
from tusker.services.attention import open_invoice_item
from tusker.services.context import Context
from tusker.services.delivery.tracking import record_tracking
from tusker.services.loans.claims import accept_claim, claim_returned, dismiss_claim
from tusker.services.loans.deductions.credit_notes import record_credit_note
from tusker.services.loans.receipts.recording import record_receipt, repay_in_full
from tusker.services.locks import lock_invoices
from tusker.services.payout.disbursals.bundling import bundle_selection
from tusker.services.payout.funding.verification import verify_document
from tusker.services.payout.release.approval import approve
from tusker.services.payout.release.releasing import release
from tusker.services.payout.settlement.confirming import confirm
from tusker.services.payout.settlement.rejection import reinstate_payout, reject_payout
from tusker.services.payout.settlement.undoing import undo_disbursal
from tusker.transactions import transaction

# station: (after a return, disbursal then, items); (after the delivery is taken back)
TABLE = {
    "approved": ("cancelled", None, [], "approved"),
    "waiting": ("cancelled", None, ["returned_before_payout"], "approved"),
    "financeable": ("cancelled", None, ["returned_before_payout"], "approved"),
    "draft": ("cancelled", "dropped", ["returned_before_payout"], "approved"),
    "approved_disbursal": ("cancelled", "dropped", ["returned_before_payout"], "bundled"),
    "released": ("bundled", "released", ["stop_payment"], "bundled"),
    "disbursed": ("disbursed", "confirmed", ["returned_after_payout"], "disbursed"),
    "repaid": ("repaid", "confirmed", [], "repaid"),
    "written_off": ("written_off", "confirmed", ["returned_after_payout"], "written_off"),
    "cancelled": ("cancelled", None, [], "cancelled"),
}


@pytest.mark.parametrize("gone", [S.RETURNED, S.CANCELLED])
@pytest.mark.parametrize("station", TABLE)
def test_goods_that_are_gone(funding: FundingDesk, station: str, gone: S) -> None:
    after, disbursal, kinds, _ = TABLE[station]
    invoice = funding.bring_to(station)
    for _ in range(2):  # said again, nothing changes any more
        funding.say(invoice, gone)
        funding.watch()
        assert (invoice.status, open_kinds()) == (after, kinds)
    if disbursal is not None:
        assert disbursal_with(invoice).status == disbursal
    if disbursal == "dropped":
        line = db.session.query(DisbursalLine).one()
        assert line.state == "removed"
        assert f"reported the shipment of {invoice.number} as {gone}" in line.reason
    assert prove().holds


@pytest.mark.parametrize("said", [S.IN_TRANSIT, S.EXCEPTION, S.OUT_FOR_DELIVERY])
@pytest.mark.parametrize("station", TABLE)
def test_a_delivery_that_is_taken_back(funding: FundingDesk, station: str, said: S) -> None:
    invoice = funding.bring_to(station)
    funding.say(invoice, said)
    funding.watch()
    assert invoice.status == TABLE[station][3]
    assert prove().holds


def test_taken_back_in_an_approved_disbursal_its_release_is_refused(funding: FundingDesk) -> None:
    invoice = funding.bring_to("approved_disbursal")
    funding.say(invoice, S.IN_TRANSIT)
    with pytest.raises(Conflict, match="waits for the delivery"), transaction():
        release(funding.ctx, disbursal_with(invoice).id, execution_date=funding.ctx.today, second_admin=False)
    assert db.session.query(Payout).count() == 0


def test_a_returned_invoice_is_not_released_even_before_the_job_ran(funding: FundingDesk) -> None:
    invoice = funding.bring_to("approved_disbursal")
    funding.say(invoice, S.RETURNED)
    with pytest.raises(Conflict, match="Not to be paid out"), transaction():
        release(funding.ctx, disbursal_with(invoice).id, execution_date=funding.ctx.today, second_admin=False)


def test_others_stay_in_the_disbursal_that_lost_one(funding: FundingDesk) -> None:
    lost, kept = (funding.deliver(funding.ask(1_000_00)) for _ in range(2))
    with transaction():
        disbursal = bundle_selection(funding.ctx, [lost.id, kept.id])
        approve(funding.ctx, disbursal.id, second_admin=False)
    funding.say(lost, S.RETURNED)
    funding.watch()
    assert (lost.status, kept.status, disbursal.status) == ("cancelled", "bundled", "draft")
    assert disbursal.approved_at is None


def test_a_payment_that_was_stopped_ends_the_invoice(funding: FundingDesk) -> None:
    invoice = funding.bring_to("released")
    funding.say(invoice, S.RETURNED)
    funding.watch()
    with transaction():
        reject_payout(funding.ctx, db.session.query(Payout).one().id, reason="stopped by us")
    funding.watch()
    assert (invoice.status, open_kinds()) == ("cancelled", ["returned_before_payout"])
    assert prove().holds


def test_a_payment_that_left_all_the_same_is_claimed(funding: FundingDesk) -> None:
    invoice = funding.bring_to("released")
    funding.say(invoice, S.RETURNED)
    with transaction():
        confirm(funding.ctx, disbursal_with(invoice).id, bank_reference="B-1", value_date=funding.ctx.today)
    funding.watch()
    claim = db.session.query(Claim).one()
    assert (claim.state, claim.amount, open_kinds()) == ("review", 8_000_00, ["returned_after_payout"])


def test_twenty_who_hear_of_a_return_make_one_claim(app: Flask, funding: FundingDesk) -> None:
    invoice = funding.bring_to("disbursed")
    ctx, invoice_id = funding.ctx, invoice.id

    def hear() -> None:
        with transaction():
            claim_returned(ctx, lock_invoices([invoice_id]))

    in_threads(app, [hear] * 20)
    assert db.session.query(Claim).count() == 1
    assert db.session.query(Event).filter_by(kind="claimed").count() == 1


def test_the_claim_is_netted_only_once_it_is_accepted(funding: FundingDesk, admin: Context) -> None:
    invoice = funding.bring_to("disbursed")
    funding.say(invoice, S.RETURNED)
    claim = db.session.query(Claim).one()

    def next_payout() -> int:
        other = funding.deliver(funding.ask(5_000_00))
        with transaction():
            disbursal = bundle_selection(funding.ctx, [other.id])
            approve(funding.ctx, disbursal.id, second_admin=False)
            release(funding.ctx, disbursal.id, execution_date=funding.ctx.today, second_admin=False)
        return db.session.query(Payout).order_by(Payout.id.desc()).first().claims

    assert next_payout() == 0
    for amount in (0, claim.amount + 1):
        with pytest.raises(InvalidInput) as refused, transaction():
            accept_claim(admin, claim.id, amount=amount, reason="agreed")
        assert refused.value.field == "amount"
    with transaction():
        accept_claim(admin, claim.id, amount=1_500_00, reason="agreed with the supplier")
    funding.watch()
    assert (claim.state, claim.decided_by, open_kinds()) == ("accepted", admin.actor_id, [])
    assert next_payout() == 1_500_00
    assert prove().holds
    with pytest.raises(Conflict, match="accepted already"), transaction():
        dismiss_claim(admin, claim.id, reason="no")


def test_a_dismissed_claim_is_not_made_again(funding: FundingDesk, admin: Context) -> None:
    invoice = funding.bring_to("disbursed")
    funding.say(invoice, S.RETURNED)
    claim = db.session.query(Claim).one()
    with pytest.raises(InvalidInput), transaction():
        dismiss_claim(admin, claim.id, reason=" ")
    with transaction():
        dismiss_claim(admin, claim.id, reason="the purchaser pays all the same")
    funding.watch()
    assert (claim.open_amount, open_kinds(), db.session.query(Claim).count()) == (0, [], 1)
    assert prove().holds


def test_the_way_back_to_the_sender_undoes_no_return(funding: FundingDesk) -> None:
    invoice = funding.bring_to("released")
    for word in (S.RETURNED, S.IN_TRANSIT, S.DELIVERED):
        funding.say(invoice, word)
    funding.watch()
    assert open_kinds() == ["stop_payment"]
    with transaction():
        confirm(funding.ctx, disbursal_with(invoice).id, bank_reference="B-1", value_date=funding.ctx.today)
    assert db.session.query(Claim).one().state == "review"


def test_a_claim_ends_with_its_loan(funding: FundingDesk, admin: Context) -> None:
    invoice = funding.bring_to("disbursed")
    funding.say(invoice, S.RETURNED)
    claim = db.session.query(Claim).one()
    with transaction():
        repay_in_full(funding.ctx, invoice.id, bank_reference="R-1", value_date=funding.ctx.today)
    funding.watch()
    assert (claim.state, claim.open_amount, open_kinds()) == ("dismissed", 0, [])
    with pytest.raises(Conflict), transaction():
        accept_claim(admin, claim.id, amount=None, reason="all the same")
    assert prove().holds


def test_no_more_is_claimed_than_is_owed(funding: FundingDesk, admin: Context) -> None:
    invoice = funding.bring_to("disbursed")
    funding.say(invoice, S.RETURNED)
    with transaction():
        record_receipt(
            funding.ctx,
            funding.line.purchaser_id,
            amount=3_000_00,
            bank_reference="R-1",
            value_date=funding.ctx.today,
        )
    claim = db.session.query(Claim).one()
    with transaction():
        accept_claim(admin, claim.id, amount=None, reason="agreed")
    assert (claim.amount, claim.open_amount) == (5_000_00, 5_000_00)
    assert prove().holds


def test_a_reinstated_payout_nets_what_it_had_netted_and_nothing_in_review(
    funding: FundingDesk, admin: Context
) -> None:
    returned = funding.bring_to("disbursed")
    noted = funding.bring_to("disbursed")
    funding.say(returned, S.RETURNED)
    with transaction():
        record_credit_note(funding.ctx, noted.id, number="CN-1", amount=4_200_00)
    review, accepted = db.session.query(Claim).order_by(Claim.id)
    other = funding.deliver(funding.ask())
    with transaction():
        approve_and_release(funding.ctx, bundle_selection(funding.ctx, [other.id]).id)
    payout = db.session.query(Payout).order_by(Payout.id.desc()).first()
    with transaction():
        reject_payout(funding.ctx, payout.id, reason="AC04")
    with transaction():
        reinstate_payout(funding.ctx, payout.id, reason="it was paid")
    assert (review.open_amount, accepted.open_amount) == (review.amount, 0)
    assert prove().holds


def test_undoing_the_payout_drops_the_claim_and_the_invoice(funding: FundingDesk) -> None:
    invoice = funding.bring_to("disbursed")
    funding.say(invoice, S.RETURNED)
    with transaction():
        undo_disbursal(funding.ctx, disbursal_with(invoice).id, reason="came back")
    assert (db.session.query(Claim).one().state, invoice.status) == ("dismissed", "cancelled")
    assert prove().holds


def test_another_declared_value_holds_the_invoice_until_it_agrees(funding: FundingDesk) -> None:
    invoice = funding.bring_to("financeable")
    funding.say(invoice, S.DELIVERED, value=9_000_00)
    funding.watch()
    assert (invoice.status, invoice.financeable_at, open_kinds()) == ("approved", None, ["value_differs"])
    funding.say(invoice, S.DELIVERED, value=10_050_00)  # on the edge of 0.5 %
    funding.watch()
    assert (invoice.status, open_kinds()) == ("financeable", [])


def test_a_credit_note_makes_the_declared_value_agree(funding: FundingDesk) -> None:
    invoice = funding.deliver(funding.ask(), value=9_000_00)
    assert invoice.status == "approved"
    with transaction():
        record_credit_note(funding.ctx, invoice.id, number="CN-1", amount=1_000_00)
    funding.watch()
    assert (invoice.status, invoice.principal, open_kinds()) == ("financeable", 7_200_00, [])


def test_another_declared_value_takes_it_out_of_a_draft(funding: FundingDesk) -> None:
    invoice = funding.bring_to("draft")
    funding.say(invoice, S.DELIVERED, value=1_00)
    funding.watch()
    assert (invoice.status, disbursal_with(invoice).status) == ("approved", "dropped")


def test_late_news_do_not_change_the_declared_value(funding: FundingDesk) -> None:
    invoice = funding.bring_to("financeable")
    funding.ctx = replace(funding.ctx, now=funding.ctx.now.replace(year=2025))
    funding.say(invoice, S.DELIVERED, value=1_00)
    assert (shipment_of(invoice).declared_value, invoice.status) == (10_000_00, "financeable")


def test_a_time_nearby_makes_no_value_late(funding: FundingDesk) -> None:
    invoice = funding.ask()
    shipment = shipment_of(invoice)
    order = order_on(funding.line, invoice.amount, ref=shipment.order_ref, status=S.DELIVERED)
    near = funding.ctx.now + timedelta(hours=12)
    with transaction():
        record_tracking(
            funding.ctx,
            {shipment.id: replace(order, updated_at=None, near=near)},
            minimum_interval=timedelta(minutes=1),
        )
    funding.say(invoice, S.DELIVERED, value=9_000_00)
    assert (shipment.declared_value, invoice.status) == (9_000_00, "approved")


def test_the_database_keeps_items_and_claims_apart(funding: FundingDesk) -> None:
    invoice = funding.bring_to("approved")
    with transaction():
        for _ in range(3):
            open_invoice_item(funding.ctx, "stalled", invoice.id, "said again")
    assert open_kinds() == ["stalled"]
    for wrong in (
        "UPDATE attention_items SET resolved_at = now()",
        "UPDATE attention_items SET subject = 'carrier'",
        "UPDATE attention_items SET kind = 'other'",
        "UPDATE invoices SET purchaser_answer = 'disputed', answered_at = now()",
        "UPDATE invoices SET overruled_at = now(), overrule_reason = 'x'",
        "INSERT INTO claims (supplier_id, invoice_id, state, amount, open_amount, at, booked_on)"
        f" SELECT supplier_id, id, 'dismissed', 5, 5, now(), now() FROM invoices WHERE id = {invoice.id}",
    ):
        with pytest.raises(IntegrityError), transaction() as session:
            session.execute(text(wrong))


def test_a_delivery_cannot_be_reported_twice(funding: FundingDesk) -> None:
    from tusker.services.delivery.tracking import report_delivery

    funding.want(documents=True)
    invoice = funding.ask()
    shipment_of(invoice).carrier = "manual"
    with transaction():
        report_delivery(funding.ctx, invoice.id, reason="seen it")
    assert (invoice.status, shipment_of(invoice).status) == ("approved", "delivered")
    with pytest.raises(IllegalTransition), transaction():
        report_delivery(funding.ctx, invoice.id, reason="seen it")


def test_a_document_that_turns_out_to_be_the_signed_invoice_can_be_verified(funding: FundingDesk) -> None:
    invoice = funding.ask()
    link = "https://docs.example/1.pdf"
    for kind in (DocumentKind.OTHER, DocumentKind.SIGNED_INVOICE, DocumentKind.OTHER):
        funding.say(invoice, S.IN_TRANSIT, documents=(Document(kind, link), Document(kind, link)))
    assert [(d.kind, d.uri) for d in db.session.query(ShipmentDocument)] == [("signed_invoice", link)]


def test_a_link_that_is_signed_anew_is_one_document_and_keeps_its_tick(
    funding: FundingDesk, admin: Context
) -> None:
    def link(n: int, path: str = "1.pdf") -> Document:
        signed = f"AWSAccessKeyId=AK&Expires={n}&Signature=s{n}"
        return Document(DocumentKind.SIGNED_INVOICE, f"https://docs.example/{path}?{signed}")

    def kept() -> list[tuple[str, bool]]:
        rows = db.session.query(ShipmentDocument).order_by(ShipmentDocument.id)
        return [(row.uri, row.verified_at is not None) for row in rows]

    invoice = funding.ask()
    funding.say(invoice, S.IN_TRANSIT, documents=(link(1), link(2)))
    document = db.session.query(ShipmentDocument).one()
    with transaction():
        verify_document(admin, document.id, verified=True)
    funding.say(invoice, S.IN_TRANSIT, documents=(link(3),))
    assert kept() == [(link(3).uri, True)]
    # another document has to be looked at by itself, wherever it stands in the answer
    funding.say(invoice, S.IN_TRANSIT, documents=(link(4, "2.pdf"), link(4)))
    assert kept() == [(link(4).uri, True), (link(4, "2.pdf").uri, False)]
    # late news bring no older link back, but what they tell of another document
    late = replace(
        order_on(funding.line, ref=shipment_of(invoice).order_ref, updated_at=NOW),
        documents=(link(1), link(1, "3.pdf")),
    )
    with transaction():
        record_tracking(funding.ctx, {shipment_of(invoice).id: late}, minimum_interval=timedelta(minutes=1))
    assert kept()[0] == (link(4).uri, True)
    assert kept()[2:] == [(link(1, "3.pdf").uri, False)]
