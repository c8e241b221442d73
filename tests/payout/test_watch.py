"""The job: items open and close with their cause, what a person settled stays, admins get one mail a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.funding import FundingDesk, open_kinds, shipment_of
from tests.support.threads import in_threads
from tusker.domain.delivery.shipments import ShipmentStatus as S
from tusker.domain.record.attention import AttentionKind
from tusker.errors import Conflict, InvalidInput
from tusker.extensions import db
from tusker.jobs.attention import watch
from tusker.models import AttentionItem, CarrierState, OutboxMessage, Shipment
from tusker.queries.attention import open_counts
from tusker.queries.attention_causes import CAUSES
from tusker.services.attention import mail_new_items, resolve_item, review_items, rules_at
from tusker.services.context import Context
from tusker.services.delivery.tracking import record_poll_failure
from tusker.services.payout.funding.control import watch_for_returns
from tusker.services.record.outbox_sending import compose
from tusker.transactions import transaction


def later(funding: FundingDesk, **time: float) -> None:
    funding.ctx = replace(funding.ctx, now=funding.ctx.now + timedelta(**time))


def test_all_kinds_but_two_have_a_cause() -> None:
    assert set(AttentionKind) - set(CAUSES) == {AttentionKind.RETURNED_BEFORE_PAYOUT, AttentionKind.HELD}


def test_a_shipment_that_stands_still(funding: FundingDesk) -> None:
    invoice = funding.ask()
    funding.say(invoice, S.IN_TRANSIT)
    later(funding, days=7)
    funding.watch()
    assert open_kinds() == []
    later(funding, seconds=1)
    funding.watch()
    assert open_kinds() == ["stalled"]
    funding.say(invoice, S.OUT_FOR_DELIVERY)
    funding.watch()
    assert open_kinds() == []
    assert db.session.query(AttentionItem).one().resolved_by is None


def test_what_a_person_settled_stays_so_until_it_has_another_cause(
    funding: FundingDesk, admin: Context
) -> None:
    invoice = funding.ask()
    funding.say(invoice, S.UNKNOWN)
    funding.watch()
    item = db.session.query(AttentionItem).one()
    with pytest.raises(InvalidInput), transaction():
        resolve_item(admin, item.id, note=" ")
    with transaction():
        resolve_item(admin, item.id, note="their word for customs")
    with pytest.raises(Conflict), transaction():
        resolve_item(admin, item.id, note="again")
    funding.watch()
    assert (open_kinds(), item.resolution) == ([], "their word for customs")
    funding.say(invoice, S.IN_TRANSIT)
    funding.say(invoice, S.UNKNOWN)
    funding.watch()
    assert open_kinds() == ["unknown_status"]


def test_a_failing_carrier_is_one_item_and_not_one_a_shipment(funding: FundingDesk) -> None:
    invoices = [funding.ask(100_00) for _ in range(3)]
    with transaction() as session:
        for _ in range(3):
            record_poll_failure(
                funding.ctx,
                [shipment_of(i).id for i in invoices],
                "no answer",
                minimum_interval=timedelta(minutes=5),
                whole_carrier=True,
            )
        state = CarrierState(
            carrier="tusker", failures=3, failing_since=funding.ctx.now, last_error="HTTP 500"
        )
        session.add(state)
    funding.watch()
    assert open_kinds() == []
    later(funding, minutes=30)
    funding.watch()
    assert open_kinds() == ["carrier_failing"]
    assert "HTTP 500" in db.session.query(AttentionItem).one().detail
    with transaction():
        state.failures, state.failing_since = 0, None
    funding.watch()
    assert open_kinds() == []


def test_an_order_that_is_not_answered_for_stays_an_item_when_its_carrier_fails_too(
    funding: FundingDesk,
) -> None:
    invoice = funding.ask()
    with transaction() as session:
        for _ in range(3):
            record_poll_failure(
                funding.ctx, [shipment_of(invoice).id], "unknown order", minimum_interval=timedelta(minutes=5)
            )
    funding.watch()
    opened = db.session.query(AttentionItem).one()
    assert (opened.kind, opened.cause_at) == ("unanswered", funding.ctx.now)
    with transaction() as session:
        session.add(CarrierState(carrier="tusker", failures=1, failing_since=funding.ctx.now))
    funding.watch()
    assert opened.resolved_at is None


def test_a_carrier_that_nobody_can_ask_is_failing_too(
    app: Flask, funding: FundingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = funding.ask()
    closed = funding.bring_to("cancelled")
    with transaction():
        shipment_of(invoice).next_poll_at = funding.ctx.now
        shipment_of(closed).next_poll_at = funding.ctx.now
    later(funding, minutes=30)
    funding.watch()
    assert open_kinds() == [], "late, but somebody can ask"
    monkeypatch.setitem(app.config, "TUSKER_CARRIER_URL", "")
    funding.watch()
    assert open_kinds() == ["carrier_failing"]
    item = db.session.query(AttentionItem).one()
    assert (item.carrier, item.facts) == ("tusker", {"shipments": 1})
    assert item.cause_at == shipment_of(invoice).next_poll_at
    monkeypatch.undo()
    funding.watch()
    assert open_kinds() == []


def test_runs_at_once_open_one_item_and_send_one_mail(
    app: Flask, funding: FundingDesk, admin: Context, mails: Callable[[], list[OutboxMessage]]
) -> None:
    funding.say(funding.ask(), S.EXCEPTION)
    ctx = funding.ctx

    def run() -> None:
        with transaction():
            review_items(ctx, rules_at(ctx))
            mail_new_items(ctx)

    in_threads(app, [run] * 8)
    assert open_counts() == {AttentionKind.SHIPMENT_EXCEPTION: 1}
    assert [m.template for m in mails()].count("record/attention") == 1


def test_one_mail_names_what_is_new(
    funding: FundingDesk, admin: Context, mails: Callable[[], list[OutboxMessage]]
) -> None:
    for status in (S.EXCEPTION, S.UNKNOWN):
        funding.say(funding.ask(100_00), status)
    returned = funding.bring_to("financeable")
    funding.say(returned, S.RETURNED)
    watch()
    watch()
    (mail,) = [m for m in mails() if m.template == "record/attention"]
    sent = compose(funding.ctx, mail)
    assert sent is not None
    assert sent["Subject"] == "3 issues need your attention"
    assert f"Returned before the payout: {returned.number}" in sent.get_content()


def test_delivered_goods_are_asked_about_once_a_day(funding: FundingDesk) -> None:
    invoice = funding.bring_to("financeable")
    later(funding, hours=23)
    with transaction():
        watch_for_returns(funding.ctx)
    assert shipment_of(invoice).next_poll_at is None
    later(funding, hours=2)
    with transaction():
        watch_for_returns(funding.ctx)
    assert shipment_of(invoice).next_poll_at == funding.ctx.now
    funding.say(invoice, S.DELIVERED)
    assert shipment_of(invoice).next_poll_at is None
    later(funding, days=31)
    with transaction():
        watch_for_returns(funding.ctx)
    assert shipment_of(invoice).next_poll_at is None


def test_a_delivery_told_before_the_first_question_is_watched_too(funding: FundingDesk) -> None:
    invoice = funding.bring_to("financeable")
    with transaction():
        shipment_of(invoice).last_polled_at = None
    later(funding, hours=25)
    with transaction():
        watch_for_returns(funding.ctx)
    assert shipment_of(invoice).next_poll_at == funding.ctx.now


def test_a_look_that_failed_is_tried_again_further_and_further_apart(funding: FundingDesk) -> None:
    shipment_id = shipment_of(funding.bring_to("financeable")).id
    waits = []
    for _ in range(3):
        with transaction():
            record_poll_failure(
                funding.ctx, [shipment_id], "no answer", minimum_interval=timedelta(minutes=5)
            )
        waits.append(db.session.get_one(Shipment, shipment_id).next_poll_at - funding.ctx.now)
    assert timedelta(hours=1) < waits[0] < waits[1] < waits[2]


def test_an_approval_has_the_goods_looked_after_once_more(funding: FundingDesk) -> None:
    invoice = funding.bring_to("approved_disbursal")
    assert shipment_of(invoice).next_poll_at == funding.ctx.now
    funding.say(invoice, S.DELIVERED)
    assert shipment_of(invoice).next_poll_at is None


def test_a_release_does_not_cancel_the_look_that_the_approval_ordered(funding: FundingDesk) -> None:
    assert shipment_of(funding.bring_to("released")).next_poll_at == funding.ctx.now


def test_the_job_runs_on_an_empty_book_and_makes_no_page_slow(
    app: Flask, login: Callable[..., FlaskClient]
) -> None:
    watch()
    assert "No open issues" in login().get("/admin/attention").text
