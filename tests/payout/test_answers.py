"""Documents that admins verify, what purchasers answer, and what that does wherever the invoice stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask

from tests.support.funding import FundingDesk, disbursal_with, open_kinds, proof_of
from tests.support.threads import in_threads
from tusker.domain.delivery.financeable import Grounds
from tusker.domain.delivery.shipments import ShipmentStatus as S
from tusker.errors import Conflict, InvalidInput, NotAllowed, NotFound
from tusker.extensions import db
from tusker.models import Customer, Event, Invoice, OutboxMessage, Role, User
from tusker.services.context import Context
from tusker.services.payout.disbursals.bundling import bundle_daily
from tusker.services.payout.disbursals.drafts import take_out
from tusker.services.payout.funding.purchaser_answers import (
    ask_for_confirmation,
    confirm_delivery,
    dispute_delivery,
    overrule_dispute,
)
from tusker.services.payout.funding.verification import verify_document
from tusker.services.payout.release.approval import approve, withdraw_approval
from tusker.services.payout.release.releasing import release
from tusker.transactions import transaction


@pytest.fixture
def purchaser(funding: FundingDesk, create_user: Callable[..., User]) -> Context:
    """A user of the line's purchaser acting."""
    company = db.session.get_one(Customer, funding.line.purchaser_id)
    user = create_user(Role.PURCHASER, customer=company, email="buyer@example.com")
    return replace(funding.ctx, actor_id=user.id, actor=user.name)


def dispute(ctx: Context, invoice: Invoice, **said: object) -> None:
    with transaction():
        dispute_delivery(
            ctx,
            invoice.purchaser_id,
            invoice.id,
            **{"grounds": Grounds.GOODS, "reason": "nothing came", **said},
        )


def confirm(ctx: Context, invoice: Invoice) -> None:
    with transaction():
        confirm_delivery(ctx, invoice.purchaser_id, invoice.id)


def test_the_last_condition_makes_it_financeable_in_its_transaction(
    funding: FundingDesk, purchaser: Context, admin: Context
) -> None:
    funding.want(documents=True, confirmation=True)
    invoice = funding.deliver(funding.ask(), proof=True)
    assert (invoice.status, invoice.financeable_at) == ("approved", None)
    confirm(purchaser, invoice)
    assert (invoice.status, invoice.answered_amount) == ("approved", 10_000_00)
    with transaction():
        verify_document(admin, proof_of(invoice).id, verified=True)
    assert (invoice.status, proof_of(invoice).verified_by) == ("financeable", admin.actor_id)
    moved = db.session.query(Event).filter_by(kind="delivered").one()
    assert (moved.from_value, moved.to_value, moved.reason) == (
        "approved",
        "financeable",
        "proof of delivery verified",
    )
    with pytest.raises(Conflict), transaction():
        verify_document(admin, proof_of(invoice).id, verified=True)
    with transaction():
        verify_document(admin, proof_of(invoice).id, verified=False)
    assert (invoice.status, proof_of(invoice).verified_at) == ("approved", None)


def test_a_line_that_wants_less_lets_go_what_waited(funding: FundingDesk) -> None:
    funding.want(documents=True)
    invoice = funding.deliver(funding.ask())
    funding.watch()
    assert invoice.status == "approved"
    funding.want()
    funding.watch()
    assert invoice.status == "financeable"


AFTER_DISPUTE = {
    "approved": ("approved", None),
    "waiting": ("approved", None),
    "financeable": ("approved", None),
    "draft": ("approved", "dropped"),
    "approved_disbursal": ("bundled", "approved"),
    "released": ("bundled", "released"),
    "disbursed": ("disbursed", "confirmed"),
}


@pytest.mark.parametrize("station", AFTER_DISPUTE)
def test_a_dispute_stops_the_financing(
    funding: FundingDesk, purchaser: Context, admin: Context, station: str
) -> None:
    invoice = funding.bring_to(station)
    funding.want(confirmation=True)
    dispute(purchaser, invoice)
    status, disbursal = AFTER_DISPUTE[station]
    assert invoice.status == status
    if disbursal:
        assert disbursal_with(invoice).status == disbursal
    funding.watch()
    assert (invoice.status, open_kinds()) == (status, ["disputed"])
    with transaction():
        overrule_dispute(admin, invoice.id, reason="signed note seen")
    funding.watch()
    assert open_kinds() == []
    assert (invoice.overruled_by, invoice.overrule_reason) == (admin.actor_id, "signed note seen")
    freed = {"waiting": "financeable", "financeable": "financeable", "draft": "financeable"}
    assert invoice.status == freed.get(station, status)


@pytest.mark.parametrize("station", ["repaid", "written_off", "cancelled"])
def test_nothing_is_disputed_at_the_end(funding: FundingDesk, purchaser: Context, station: str) -> None:
    invoice = funding.bring_to(station)
    funding.want(confirmation=True)
    with pytest.raises(Conflict, match="already"):
        dispute(purchaser, invoice)


def test_a_disputed_invoice_is_not_released_and_is_held_once_taken_out(
    funding: FundingDesk, purchaser: Context
) -> None:
    invoice = funding.bring_to("approved_disbursal")
    funding.want(confirmation=True)
    dispute(purchaser, invoice)
    made = disbursal_with(invoice)
    with pytest.raises(Conflict, match="purchaser's dispute"), transaction():
        release(funding.ctx, made.id, execution_date=funding.ctx.today, second_admin=False)
    with transaction():
        withdraw_approval(funding.ctx, made.id, reason="disputed")
        take_out(funding.ctx, made.id, invoice.id, reason="disputed")
    assert invoice.status == "approved"


def test_answers_are_checked(
    funding: FundingDesk, purchaser: Context, make_purchaser: Callable[..., Customer]
) -> None:
    invoice = funding.ask()
    with pytest.raises(Conflict, match="not confirmed here"):
        dispute(purchaser, invoice)
    funding.want(confirmation=True)
    with pytest.raises(Conflict, match="not reported the delivery"):
        confirm(purchaser, invoice)
    with pytest.raises(NotFound), transaction():
        confirm_delivery(purchaser, make_purchaser().id, invoice.id)
    with pytest.raises(InvalidInput) as refused:
        dispute(purchaser, invoice, reason=" ")
    assert refused.value.field == "reason"
    for amount in (None, 10_000_00, -1):
        with pytest.raises(InvalidInput) as refused:
            dispute(purchaser, invoice, grounds=Grounds.AMOUNT, amount=amount)
        assert refused.value.field == "amount"
    dispute(purchaser, invoice, grounds=Grounds.AMOUNT, amount=9_000_00)
    with pytest.raises(Conflict, match="disputed already"):
        dispute(purchaser, invoice)
    funding.deliver(invoice)
    assert invoice.status == "approved"
    confirm(purchaser, invoice)
    assert (invoice.status, invoice.answer_reason, invoice.answered_by) == (
        "financeable",
        None,
        purchaser.actor_id,
    )
    with pytest.raises(Conflict, match="confirmed already"):
        confirm(purchaser, invoice)


def test_of_twenty_confirmations_at_once_one_counts(
    app: Flask, funding: FundingDesk, purchaser: Context
) -> None:
    funding.want(confirmation=True)
    invoice = funding.deliver(funding.ask())
    invoice_id, purchaser_id = invoice.id, invoice.purchaser_id

    def press() -> bool:
        try:
            with transaction():
                confirm_delivery(purchaser, purchaser_id, invoice_id)
        except Conflict:
            return False
        return True

    assert in_threads(app, [press] * 20).count(True) == 1
    assert db.session.query(Event).filter_by(kind="delivery_confirmed").count() == 1


def test_people_are_told_once(
    funding: FundingDesk,
    purchaser: Context,
    admin: Context,
    create_user: Callable[..., User],
    mails: Callable[[], list[OutboxMessage]],
) -> None:
    supplier = db.session.get_one(Customer, funding.line.supplier_id)
    create_user(Role.SUPPLIER, customer=supplier, email="seller@example.com")
    funding.want(confirmation=True)
    first, second = (funding.deliver(funding.ask(value)) for value in (1_000_00, 2_000_00))
    for expected in (1, 0):
        with transaction():
            assert ask_for_confirmation(funding.ctx) == expected
    mail = next(m for m in mails() if m.template == "delivery/confirm_delivery")
    assert mail.recipient == "buyer@example.com"
    assert [i["number"] for i in mail.context["invoices"]] == [first.number, second.number]
    dispute(purchaser, first)
    told = {m.recipient for m in mails() if m.template == "delivery/delivery_disputed"}
    assert "seller@example.com" in told
    assert len(told) == 2


def test_a_returned_delivery_cannot_be_confirmed(funding: FundingDesk, purchaser: Context) -> None:
    funding.want(confirmation=True)
    invoice = funding.deliver(funding.ask())
    funding.say(invoice, S.RETURNED)
    with pytest.raises(Conflict, match="cancelled already"):
        confirm(purchaser, invoice)


def test_a_dispute_is_no_hand_in_preparing_a_disbursal(
    funding: FundingDesk, purchaser: Context, admin: Context, create_user: Callable[..., User]
) -> None:
    invoices = [funding.deliver(funding.ask()) for _ in range(2)]
    with transaction():
        daily = bundle_daily(funding.ctx)
        assert daily is not None
    funding.want(confirmation=True)
    confirm(purchaser, invoices[1])
    dispute(purchaser, invoices[0])
    assert (invoices[0].status, daily.maker_ids) == ("approved", [])
    with transaction():
        approve(admin, daily.id, second_admin=True)
    with pytest.raises(NotAllowed), transaction():
        release(admin, daily.id, execution_date=funding.ctx.today, second_admin=True)
