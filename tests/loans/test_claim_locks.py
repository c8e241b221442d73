"""A claim is decided while its loan is repaid or its goods come back again: they wait for each other in one order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import text

from tests.support.funding import FundingDesk, shipment_of
from tests.support.invoices import order_on
from tusker.domain.delivery.shipments import ShipmentStatus as S
from tusker.errors import Conflict
from tusker.extensions import db
from tusker.models import Claim
from tusker.queries.record.proof import prove
from tusker.services.context import Context
from tusker.services.delivery.tracking import record_tracking
from tusker.services.loans.claims import accept_claim, dismiss_claim
from tusker.services.loans.receipts.recording import record_receipt, repay_in_full
from tusker.transactions import transaction

Step = Callable[[], object]
OTHERS = ("repay", "pay_in_part", "return_again")
DECISIONS = ("accept", "dismiss")


@pytest.fixture
def steps(funding: FundingDesk, admin: Context) -> dict[str, Step]:
    """What may happen to a claim in review of 8,000.00, by name; each is to run in a transaction."""
    invoice = funding.bring_to("disbursed")
    funding.say(invoice, S.RETURNED)
    shipment, claim = shipment_of(invoice), db.session.query(Claim).one()
    ctx, claim_id, shipment_id, invoice_id = funding.ctx, claim.id, shipment.id, invoice.id
    purchaser_id = funding.line.purchaser_id
    # Gone, then found and gone again, so that it is news.
    again = [
        order_on(
            funding.line, ref=shipment.order_ref, status=status, updated_at=ctx.now + timedelta(minutes=n)
        )
        for n, status in enumerate((S.RETURNED, S.CANCELLED, S.RETURNED), 1)
    ]
    db.session.rollback()

    def hear_again() -> None:
        from tusker.services.loans.claims import claim_returned
        from tusker.services.locks import lock_invoices

        for order in again:
            record_tracking(ctx, {shipment_id: order}, minimum_interval=timedelta(minutes=1))
        claim_returned(ctx, lock_invoices([invoice_id]))

    def pay(amount: int) -> object:
        return record_receipt(ctx, purchaser_id, amount=amount, bank_reference="R-1", value_date=ctx.today)

    return {
        "accept": lambda: accept_claim(admin, claim_id, amount=None, reason="agreed"),
        "dismiss": lambda: dismiss_claim(admin, claim_id, reason="the purchaser pays"),
        "repay": lambda: repay_in_full(ctx, invoice_id, bank_reference="R-1", value_date=ctx.today),
        "pay_in_part": lambda: pay(3_000_00),
        "return_again": hear_again,
    }


@pytest.fixture
def start(app: Flask) -> Iterator[Callable[[Step], Future[str]]]:
    """Begin a step in a thread and a transaction of its own; returns once it waits for a lock or is over."""
    pool = ThreadPoolExecutor(2)
    begun: list[Future[str]] = []

    def work(step: Step) -> str:
        with app.app_context():
            try:
                with transaction():
                    step()
                return "done"
            except Conflict:
                return "conflict"
            finally:
                db.session.remove()

    def begin(step: Step) -> Future[str]:
        future = pool.submit(work, step)
        begun.append(future)
        while not future.done() and waiting() < sum(not each.done() for each in begun):
            pass
        return future

    yield begin
    pool.shutdown()


def waiting() -> int:
    """How many wait for a lock now."""
    with db.engine.connect() as connection:
        sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return connection.scalar(text(sql)) or 0


def the_claim() -> Claim:
    db.session.rollback()
    return db.session.query(Claim).one()


@pytest.mark.parametrize("decides_first", [True, False])
@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("decision", DECISIONS)
def test_both_queue_for_the_invoice_and_neither_holds_what_the_other_needs(
    decision: str,
    other: str,
    decides_first: bool,
    steps: dict[str, Step],
    start: Callable[[Step], Future[str]],
) -> None:
    names = [decision, other] if decides_first else [other, decision]
    with transaction():
        db.session.execute(text("SELECT 1 FROM invoices FOR NO KEY UPDATE"))
        futures = {name: start(steps[name]) for name in names}
        assert not any(future.done() for future in futures.values())
    answers = {name: future.result(timeout=30) for name, future in futures.items()}
    # Who repays it all first leaves nothing to decide; everything else goes one after the other.
    lost = other == "repay" and not decides_first
    assert answers == {decision: "conflict" if lost else "done", other: "done"}
    check_end(decision, other, decides_first)


@pytest.mark.parametrize("decides_first", [True, False])
@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("decision", DECISIONS)
def test_who_comes_while_the_other_is_underway_waits_and_goes_by_what_it_did(
    decision: str,
    other: str,
    decides_first: bool,
    steps: dict[str, Step],
    start: Callable[[Step], Future[str]],
) -> None:
    first, second = (decision, other) if decides_first else (other, decision)
    with transaction():
        steps[first]()
        db.session.flush()
        future = start(steps[second])
        assert not future.done()
    lost = other == "repay" and not decides_first
    assert future.result(timeout=30) == ("conflict" if lost else "done")
    check_end(decision, other, decides_first)


def check_end(decision: str, other: str, decides_first: bool) -> None:
    """As if one had come after the other: never more is claimed than is owed."""
    claim = the_claim()
    if decision == "dismiss" or other == "repay":
        assert (claim.state, claim.open_amount) == ("dismissed", 0)
    else:
        paid_before = other == "pay_in_part" and not decides_first
        assert (claim.state, claim.open_amount) == ("accepted", 5_000_00 if paid_before else 8_000_00)
    assert prove().holds
