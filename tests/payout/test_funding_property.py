"""Whatever happens in whatever order: what was disputed or came back is in no payout released afterwards."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from flask import Flask
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.database import clear_tables
from tests.support.funding import FundingDesk, disbursal_with
from tests.support.profiles import examples
from tusker.domain.delivery.financeable import Grounds
from tusker.domain.delivery.shipments import ShipmentStatus as S
from tusker.errors import NotFound, TuskerError
from tusker.extensions import db
from tusker.models import CreditLine, Disbursal, DisbursalLine, Invoice
from tusker.queries.record.proof import prove
from tusker.services.context import Context
from tusker.services.payout.disbursals.bundling import bundle_selection
from tusker.services.payout.funding.purchaser_answers import confirm_delivery, dispute_delivery
from tusker.services.payout.release.approval import approve
from tusker.services.payout.release.releasing import release
from tusker.services.payout.settlement.confirming import confirm
from tusker.services.payout.settlement.rejection import reject_payout
from tusker.transactions import transaction

STEPS = (
    "deliver",
    "back",
    "come_back",
    "dispute",
    "agree",
    "bundle",
    "approve",
    "release",
    "pay",
    "fail",
    "watch",
)


def made_of(invoice: Invoice) -> Disbursal:
    """The invoice's latest disbursal; without one there is nothing to do."""
    made = disbursal_with(invoice)
    if made is None:
        raise NotFound("in no disbursal")
    return made


def payout_of(invoice: Invoice) -> int:
    payouts = made_of(invoice).payouts
    if not payouts:
        raise NotFound("not released")
    return payouts[0].id


class Play:
    """Two invoices, and what may be done to them; what is not allowed is refused."""

    def __init__(self, funding: FundingDesk) -> None:
        self.funding = funding
        self.invoices = [funding.ask(1_000_00) for _ in range(2)]
        self.returned: set[int] = set()
        self.disputed: set[int] = set()
        self.taken_back: set[int] = set()

    def step(self, name: str, which: int) -> None:
        with suppress(TuskerError):
            getattr(self, name)(self.invoices[which])

    def deliver(self, invoice: Invoice) -> None:
        self.funding.deliver(invoice)
        self.taken_back.discard(invoice.id)
        self.returned.discard(invoice.id)  # said to be delivered again

    def back(self, invoice: Invoice) -> None:
        self.funding.say(invoice, S.IN_TRANSIT)
        self.taken_back.add(invoice.id)

    def come_back(self, invoice: Invoice) -> None:
        self.funding.say(invoice, S.RETURNED)
        self.returned.add(invoice.id)

    def dispute(self, invoice: Invoice) -> None:
        with transaction():
            dispute_delivery(
                self.funding.ctx, invoice.purchaser_id, invoice.id, grounds=Grounds.GOODS, reason="no"
            )
        self.disputed.add(invoice.id)

    def agree(self, invoice: Invoice) -> None:
        with transaction():
            confirm_delivery(self.funding.ctx, invoice.purchaser_id, invoice.id)
        self.disputed.discard(invoice.id)

    def bundle(self, _invoice: Invoice) -> None:
        ready = [i.id for i in self.invoices if i.status == "financeable"]
        with transaction():
            bundle_selection(self.funding.ctx, ready)

    def approve(self, invoice: Invoice) -> None:
        with transaction():
            approve(self.funding.ctx, made_of(invoice).id, second_admin=False)

    def release(self, invoice: Invoice) -> None:
        made = made_of(invoice)
        with transaction():
            release(self.funding.ctx, made.id, execution_date=self.funding.ctx.today, second_admin=False)
        paid = {
            line.invoice_id
            for line in db.session.query(DisbursalLine).filter_by(disbursal_id=made.id)
            if line.state != "removed"
        }
        stopped = self.returned | self.disputed | self.taken_back
        assert not paid & stopped, "a stopped invoice was released"

    def pay(self, invoice: Invoice) -> None:
        with transaction():
            confirm(
                self.funding.ctx,
                made_of(invoice).id,
                bank_reference=f"B-{made_of(invoice).id}",
                value_date=self.funding.ctx.today,
            )

    def fail(self, invoice: Invoice) -> None:
        with transaction():
            reject_payout(self.funding.ctx, payout_of(invoice), reason="closed")

    def watch(self, _invoice: Invoice) -> None:
        self.funding.watch()


PREFIX = (
    *((name, which) for name in ("deliver", "agree") for which in (0, 1)),
    ("bundle", 0),
    ("approve", 0),
)
"""The good way up to the release; a play leaves it anywhere."""


@pytest.mark.hypothesis
def test_nothing_that_was_stopped_is_released(
    app: Flask, ctx: Context, make_line: Callable[..., CreditLine]
) -> None:
    steps = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 1)), min_size=6, max_size=12)

    @settings(max_examples=examples(10), suppress_health_check=list(HealthCheck))
    @given(st.integers(0, len(PREFIX)), steps)
    @example(6, [("dispute", 0), ("release", 0)])
    @example(6, [("come_back", 1), ("release", 0)])
    @example(6, [("back", 1), ("release", 0), ("watch", 0)])
    @example(
        6, [("release", 0), ("come_back", 0), ("fail", 0), ("bundle", 0), ("approve", 1), ("release", 1)]
    )
    def play(way: int, found: list[tuple[str, int]]) -> None:
        db.session.remove()
        clear_tables()
        funding = FundingDesk(ctx, make_line())
        funding.want(confirmation=True)
        game = Play(funding)
        for name, which in (*PREFIX[:way], *found):
            game.step(name, which)
        assert prove().holds

    play()
