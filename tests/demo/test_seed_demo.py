"""`flask seed-demo`: every state is there, everything adds up, and the courier knows the orders."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import func, select, text

from tests.support.courier_double import CourierDouble
from tests.support.demo import orders_told
from tusker import clock
from tusker.carriers.registry import MANUAL, get_carrier
from tusker.carriers.tusker import NAME
from tusker.demo.companies import COMPANIES, PASSWORD, PEOPLE, PURCHASERS, SUPPLIERS
from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.domain.credit.limits import Bound
from tusker.extensions import db
from tusker.jobs.polling import poll_carrier
from tusker.models import (
    CreditLine,
    Customer,
    Disbursal,
    Event,
    Invoice,
    Loan,
    OutboxMessage,
    Role,
    Shipment,
    User,
)
from tusker.queries.record.proof import prove
from tusker.services.context import Context
from tusker.services.credit.requesting.fetching import fetch_order
from tusker.services.credit.requesting.quoting import quote_order
from tusker.services.payout.held import waiting_held
from tusker.services.people.access_log import Visitor
from tusker.services.people.passwords import sign_in

Run = Callable[..., Result]


@pytest.mark.slow
def test_the_demo(
    app: Flask, seed: Run, courier: CourierDouble, logins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nobody sits there to accept what the demo's admins make.
    monkeypatch.setitem(app.config, "REQUIRE_SECOND_ADMIN", True)
    result = seed()
    assert result.exit_code == 0, result.output
    assert prove().holds
    assert_every_state_is_there()
    assert_lines_in_every_condition()
    assert_the_past_adds_up()
    assert_people_can_sign_in(logins.read_text())
    assert_orders_to_try_can_be_quoted(result.output)
    assert_the_courier_remembers_when_goods_arrived()
    assert_goods_arrive_by_themselves(courier)
    before = db.session.scalar(select(func.count()).select_from(Event))
    again = seed("--once")
    assert (again.exit_code, again.output) == (0, "")
    assert_orders_told_are_looked_up_anew(app, seed, courier, logins)
    asked = seed(input="n\n")
    assert asked.exit_code == 1
    assert "Throw away everything" in asked.output
    assert db.session.scalar(select(func.count()).select_from(Event)) == before


def assert_every_state_is_there() -> None:
    by_status = dict(db.session.execute(select(Invoice.status, func.count()).group_by(Invoice.status)).all())
    assert set(by_status) == set(InvoiceStatus)
    assert sum(by_status.values()) > 200
    assert set(db.session.scalars(select(Invoice.refused_by).where(Invoice.refused_by.is_not(None)))) == set(
        Bound
    )
    assert {"web", "api", "import"} == set(db.session.scalars(select(Invoice.source)))
    assert {"draft", "confirmed"} <= set(db.session.scalars(select(Disbursal.status)))
    opened = select(Loan.due_date).where(Loan.closed_on.is_(None))
    due = [(day - clock.today()).days for day in db.session.scalars(opened)]
    assert any(days < -60 for days in due)
    assert any(-30 <= days < 0 for days in due)
    assert due.count(0) >= 3
    assert any(0 < days <= 7 for days in due)
    assert any(days > 7 for days in due)


def assert_lines_in_every_condition() -> None:
    today = clock.today()
    lines = db.session.scalars(select(CreditLine)).all()
    [suspended] = [line for line in lines if line.status == "suspended"]
    [(held, why)] = waiting_held(Context(None, "test", clock.now(), today)).items()
    assert ([hold.key for hold in why], db.session.get_one(Invoice, held).credit_line_id) == (
        ["line_suspended"],
        suspended.id,
    )
    assert any(line.valid_to and line.valid_to < today for line in lines)
    assert any(line.valid_from > today for line in lines)
    assert any(line.used_amount > line.limit_amount for line in lines)
    assert any(0.9 < line.used_amount / line.limit_amount <= 1 for line in lines)
    customers = db.session.scalars(select(Customer)).all()
    assert len(customers) == len(COMPANIES)
    assert sum(c.supplier is not None for c in customers) >= 6
    assert sum(c.purchaser is not None for c in customers) >= 12
    assert any(c.supplier and c.purchaser for c in customers)
    assert len(SUPPLIERS) + len(PURCHASERS) == len(COMPANIES)


def assert_the_past_adds_up() -> None:
    """Nothing happened in the future, and every invoice's events are in the order of time."""
    now = clock.now()
    assert db.session.scalar(select(func.max(Event.at))) <= now
    first = db.session.scalar(select(func.min(Invoice.requested_at)))
    assert timedelta(days=140) < now - first < timedelta(days=160)
    out_of_order = text(
        "SELECT count(*) FROM (SELECT at < lag(at) OVER (PARTITION BY subject, subject_id ORDER BY id) AS back"
        " FROM events) e WHERE back"
    )
    assert db.session.scalar(out_of_order) == 0
    waiting = db.session.scalars(select(OutboxMessage).where(OutboxMessage.sent_at.is_(None))).all()
    # on the first of a month statements are among them
    assert waiting
    assert all(now - message.created_at < timedelta(days=2) for message in waiting)


def assert_people_can_sign_in(written: str) -> None:
    assert {person.role for person in PEOPLE} == set(Role)
    for person in PEOPLE:
        assert f"{person.email} " in written
        assert sign_in(clock.now(), person.email, PASSWORD, Visitor("127.0.0.1", "test")) is not None
    db.session.rollback()


def assert_orders_to_try_can_be_quoted(output: str) -> None:
    refs = orders_told(output)
    supplier = db.session.scalars(select(User).where(User.email == "supplier@tusker.test")).one()
    ctx = Context(None, "test", clock.now(), clock.today())
    assert len(refs) == 3
    for ref in refs:
        quote = quote_order(ctx, supplier.customer_id or 0, fetch_order(get_carrier(NAME), ref))
        assert quote.refusal is None
    db.session.rollback()


def assert_orders_told_are_looked_up_anew(
    app: Flask, seed: Run, courier: CourierDouble, logins: Path
) -> None:
    """What is gone is replaced by a new order; a delivery company that refuses to tell leaves none."""
    told = orders_told(logins.read_text())
    courier.set_status(told[0], 24)
    seed("--once")
    assert orders_told(logins.read_text()) == [*told[1:], "NAC-40004"]
    token = app.config["TUSKER_CARRIER_TOKEN"]
    app.config["TUSKER_CARRIER_TOKEN"] = "wrong"
    refused = seed("--once")
    app.config["TUSKER_CARRIER_TOKEN"] = token
    assert (refused.exit_code, "No orders to request" in refused.stderr) == (0, True)
    assert "Orders to request" not in logins.read_text()


def assert_the_courier_remembers_when_goods_arrived() -> None:
    """Asked again about goods of the past it says nothing new."""
    paid = select(Shipment).join(Invoice).where(Invoice.status == "disbursed", Shipment.carrier == NAME)
    told = {shipment.order_ref: shipment.status_occurred_at for shipment in db.session.scalars(paid)}
    answers = get_carrier(NAME).fetch(sorted(told))
    for ref, order in answers.items():
        assert order.updated_at == told[ref], ref
    assert len(answers) > 20


def assert_goods_arrive_by_themselves(courier: CourierDouble) -> None:
    """The courier has every live order; minutes later some are delivered, and polling moves them."""
    live = (
        select(Shipment.order_ref)
        .join(Invoice)
        .where(Invoice.status == "approved", Shipment.carrier == NAME, Shipment.status != "delivered")
    )
    refs = set(db.session.scalars(live))
    assert len(refs) >= 10
    assert set(get_carrier(NAME).fetch(sorted(refs))) == refs
    confirming = db.session.scalars(
        select(Shipment.id).join(Invoice).where(Invoice.status == "approved", Shipment.status == "delivered")
    ).all()
    assert len(confirming) == 2  # delivered, and the purchaser is asked
    manual = select(func.count()).select_from(Shipment).where(Shipment.carrier == MANUAL)
    assert db.session.scalar(manual)
    db.session.rollback()
    courier.server.courier.store.advance(400)
    assert poll_carrier(NAME) == len(refs)
    db.session.expire_all()
    assert len(refs - set(db.session.scalars(live))) >= 5
    assert prove().holds


def test_without_a_courier_it_says_so_and_writes_nothing(
    app: Flask, seed: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "TUSKER_CARRIER_URL", "http://127.0.0.1:1")
    result = seed("--wait", "0")
    assert result.exit_code == 1
    assert (
        "No courier simulator takes the demo's orders at http://127.0.0.1:1 (TUSKER_CARRIER_URL)"
        in result.stderr
    )
    assert not db.session.scalar(select(func.count()).select_from(Customer))


def test_never_in_production(app: Flask, seed: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "ENVIRONMENT", "PRODUCTION")
    result = seed("--yes", "--no-courier")
    assert result.exit_code == 1
    assert "ENVIRONMENT=PRODUCTION" in result.stderr
    assert not db.session.scalar(select(func.count()).select_from(Customer))


@pytest.mark.usefixtures("owner")
def test_with_yes_it_starts_afresh(
    app: Flask, seed: Run, make_invoice: Callable[..., Invoice], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_invoice("disbursed")
    monkeypatch.setattr("tusker.cli.seed.seed", lambda now, courier: None)
    assert seed("--yes", "--no-courier").exit_code == 0
    for table in (Customer, Invoice, Event):
        assert not db.session.scalar(select(func.count()).select_from(table))
    with pytest.raises(Exception, match="never changed or deleted"):
        db.session.execute(text("TRUNCATE events, event_seals"))
