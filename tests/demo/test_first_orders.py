"""The orders that a newcomer is told to request lead to a payout, whenever the demo was made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select

from tests.support.courier_double import CourierDouble
from tests.support.demo import orders_told
from tests.support.payouts import bundle_and_confirm
from tusker import clock
from tusker.carriers.registry import get_carrier
from tusker.carriers.tusker import NAME
from tusker.demo.companies import COMPANIES, LINES_TO_TRY
from tusker.demo.history_plan import PlannedOrder, plan_orders
from tusker.extensions import db
from tusker.jobs import job_context
from tusker.jobs.daily import due_jobs, run_daily
from tusker.jobs.polling import poll_carrier
from tusker.jobs.servicing import review_holds
from tusker.models import CreditLine, Customer, Invoice, PurchaserAccount, Shipment, User
from tusker.queries.record.proof import prove
from tusker.services.credit.requesting.fetching import fetch_order
from tusker.services.credit.requesting.financing import request_financing
from tusker.transactions import transaction

MONDAY = date(2026, 3, 2)
MOMENTS = ["00:01", "05:59", "06:01", "11:30", "16:59", "17:01", "23:58"]
"""One for each weekday: about midnight, SERVICING_TIME and BUNDLE_TIME, and in between."""
DELIVERED = 21
MARGIN, LAST_DAYS = timedelta(days=3), timedelta(days=10)


class Clock:
    """The application's and the courier's time, which stands still until it is moved."""

    def __init__(self, start: datetime) -> None:
        self.now = start.astimezone(UTC)

    def forward(self, **by: float) -> None:
        """Let time pass."""
        self.now += timedelta(**by)


def orders_that_count(today: date) -> list[PlannedOrder]:
    """The demo's orders without those that were paid back, on which nothing of today depends; goods arrived on Mondays,
    because each disbursal costs as much as many orders. `test_seed_demo` plays all as it is."""
    orders = [_on_a_monday(order, today) if order.end == "repaid" else order for order in plan_orders(today)]
    return [order for order in orders if order.end != "repaid" or _ends(order) > today - MARGIN]


def _on_a_monday(order: PlannedOrder, today: date) -> PlannedOrder:
    """The same order, delivered on the next Monday, if that was before the last days."""
    monday = order.delivered_on + timedelta(days=-order.delivered_on.weekday() % 7)
    return replace(order, delivered_on=monday) if monday <= today - LAST_DAYS else order


def _ends(order: PlannedOrder) -> date:
    """About when an order is paid back."""
    terms = COMPANIES[order.supplier].terms
    assert terms is not None
    return order.delivered_on + timedelta(days=2 + terms.tenor_days + order.repaid_after_due)


@pytest.fixture
def seeded_at(
    app: Flask, courier: CourierDouble, seed: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> Callable[[date, str], tuple[Clock, list[str]]]:
    """Make the demo at a local time; the clock, and the orders that a newcomer is told."""

    def start(day: date, moment: str) -> tuple[Clock, list[str]]:
        zone: ZoneInfo = app.config["TIMEZONE"]
        time_now = Clock(datetime.combine(day, time.fromisoformat(moment), tzinfo=zone))
        monkeypatch.setattr(clock, "now", lambda: time_now.now)
        monkeypatch.setattr(courier.server.courier.store, "_clock", lambda: time_now.now.timestamp())
        monkeypatch.setattr("tusker.demo.history.plan_orders", orders_that_count)
        result = seed()
        assert result.exit_code == 0, result.output
        return time_now, orders_told(result.output)

    return start


def work() -> None:
    """What scheduler and workers do by themselves."""
    for job in due_jobs():
        run_daily(job)
    review_holds()
    poll_carrier(NAME)
    db.session.rollback()


def supplier_id() -> int:
    """The company of the demo's supplier."""
    user = db.session.scalars(select(User).where(User.email == "supplier@tusker.test")).one()
    return user.customer_id or 0


def request_and_pay_out(courier: CourierDouble, ref: str) -> None:
    """The first steps of the README with one order; each has to succeed."""
    order = fetch_order(get_carrier(NAME), ref)
    with transaction():
        decision = request_financing(job_context("newcomer"), supplier_id(), order, source="web")
    assert decision.approved, f"{ref}: {decision.refusal}"
    courier.set_status(ref, DELIVERED)
    with transaction():
        db.session.query(Shipment).filter_by(order_ref=ref).update({"next_poll_at": clock.now()})
    poll_carrier(NAME)
    db.session.expire_all()
    assert db.session.get_one(Invoice, decision.invoice_id).status == "financeable"
    bundle_and_confirm(job_context("newcomer"), [decision.invoice_id])
    assert db.session.get_one(Invoice, decision.invoice_id, populate_existing=True).status == "disbursed"


def lines_of(refs: list[str]) -> set[int]:
    """The purchasers of these orders' invoices."""
    rows = select(Invoice.purchaser_id).join(Shipment).where(Shipment.order_ref.in_(refs))
    return set(db.session.scalars(rows))


@pytest.mark.slow
@pytest.mark.parametrize(("weekday", "moment"), list(enumerate(MOMENTS)))
def test_the_orders_told_can_be_financed(
    weekday: int,
    moment: str,
    courier: CourierDouble,
    seed: Callable[..., Result],
    logins: Path,
    seeded_at: Callable[[date, str], tuple[Clock, list[str]]],
) -> None:
    now, refs = seeded_at(MONDAY + timedelta(days=weekday), moment)
    assert len(refs) == 3
    now.forward(minutes=3)  # the holds have been reviewed by then
    for ref, hours in zip(
        refs, (0, 24, 5 * 24), strict=True
    ):  # the same day, the next one, later in the week
        for _ in range(hours):
            now.forward(hours=1)
        work()
        request_and_pay_out(courier, ref)
    held = set(
        db.session.scalars(
            select(PurchaserAccount.customer_id).where(PurchaserAccount.on_hold_since.is_not(None))
        )
    )
    assert held, "the demo shows a customer on hold"
    assert held.isdisjoint(lines_of(refs))
    assert db.session.query(CreditLine).filter(CreditLine.purchaser_id.in_(held)).count()
    assert prove().holds
    if weekday == 0:
        now.forward(days=60)
        assert_it_can_be_gone_on_with(courier, seed, logins)


def assert_it_can_be_gone_on_with(courier: CourierDouble, seed: Callable[..., Result], logins: Path) -> None:
    """Nobody has looked at the demo for two months."""
    work()
    held = (
        select(Customer.reference).join(Customer.purchaser).where(PurchaserAccount.on_hold_since.is_not(None))
    )
    assert {purchaser for _, purchaser in LINES_TO_TRY} <= set(db.session.scalars(held)), "nobody has paid"
    db.session.rollback()
    again = seed("--once")
    assert (again.exit_code, again.output) == (0, "")
    refs = orders_told(logins.read_text())
    assert len(refs) == 3
    work()
    for ref in refs:
        request_and_pay_out(courier, ref)
    assert prove().holds
