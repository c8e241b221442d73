"""Whatever was lent, paid and undone: every view of the ageing sums to what is outstanding, every statement adds up
line by line, every derivation sums to the balance that is shown, every exposure to its movements."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import count

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from tests.support.database import clear_tables, forget_business
from tests.support.invoices import deliver, order_on
from tests.support.payouts import account_of, approve_and_release
from tests.support.profiles import examples
from tests.support.values import NOW, TERMS, TODAY
from tusker.domain.credit.limits import Bound
from tusker.domain.terms import InterestMethod, InterestTiming, Terms
from tusker.errors import Conflict, Duplicate, InvalidInput
from tusker.extensions import db
from tusker.models import CreditLine, Invoice, Receipt
from tusker.queries.credit.exposure import derivation, exposure_table, latest_movements
from tusker.queries.loans.account_statements.statement import statement
from tusker.queries.loans.ageing import ageing
from tusker.queries.loans.derivation import loan_derivation
from tusker.queries.loans.loans import loan_of_invoice, open_loans
from tusker.services.context import Context
from tusker.services.credit.customers.companies import CustomerData, create_customer
from tusker.services.credit.customers.identities import IdentityData, set_carrier_identities
from tusker.services.credit.customers.lines import LineData, open_credit_line
from tusker.services.credit.requesting.financing import request_financing
from tusker.services.loans.receipts.recording import record_receipt
from tusker.services.loans.receipts.undoing import reverse_receipt
from tusker.services.loans.write_off import write_off
from tusker.services.payout.bank_accounts import set_account_directly
from tusker.services.payout.disbursals.bundling import bundle_selection
from tusker.services.payout.settlement.confirming import confirm
from tusker.transactions import transaction

SIMPLE = replace(TERMS, tenor_days=30, fee_flat=500, grace_days=2, penal_rate=Decimal("0.3"))
LINES: list[Terms] = [
    SIMPLE,
    replace(SIMPLE, interest_timing=InterestTiming.UPFRONT),
    replace(SIMPLE, interest_method=InterestMethod.DAILY_COMPOUND_360),
]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("lend"), st.integers(0, 2), st.integers(1_000, 300_000)),
        st.tuples(st.just("receive"), st.integers(0, 1), st.integers(1, 400_000)),
        st.tuples(st.just("undo"), st.integers(0, 5), st.just(0)),
        st.tuples(st.just("write off"), st.integers(0, 5), st.just(0)),
        st.tuples(st.just("wait"), st.integers(1, 40), st.just(0)),
    ),
    min_size=6,
    max_size=18,
)
START = Context(None, "property test", NOW, TODAY)


class Book:
    """Two suppliers, two purchasers and three lines, which all examples share."""

    def __init__(self, ctx: Context) -> None:
        with transaction():
            self.suppliers = [
                _company(ctx, f"Supplier {n}", supplier_limit=10**9, terms=SIMPLE) for n in (1, 2)
            ]
            self.purchasers = [_company(ctx, f"Purchaser {n}", purchaser_limit=10**9) for n in (1, 2)]
            self.lines = [
                open_credit_line(
                    ctx,
                    self.suppliers[s],
                    self.purchasers[p],
                    LineData(10**9, LINES[n], date(2026, 1, 1)),
                ).id
                for n, (s, p) in enumerate([(0, 0), (0, 1), (1, 1)])
            ]


def _company(ctx: Context, name: str, **data: object) -> int:
    made = create_customer(ctx, CustomerData(name, **data), programme_limit=10**12, notify=False)  # type: ignore[arg-type]
    ids = [
        IdentityData("tusker", "supplier", f"C{made.id}"),
        IdentityData("tusker", "purchaser", f"L{made.id}"),
    ]
    set_carrier_identities(ctx, made.id, ids)
    if "supplier_limit" in data:
        set_account_directly(ctx, made.id, account_of(made.id, name))
    return made.id


class Play:
    """Carries out steps on a book without business."""

    def __init__(self, book: Book) -> None:
        db.session.remove()  # what a failed example left open would lock the tables
        forget_business()
        self.ctx = START
        self.numbers = count(1)
        self.suppliers, self.purchasers, self.lines = book.suppliers, book.purchasers, book.lines

    def step(self, what: str, which: int, amount: int) -> None:
        """Do one thing; what cannot be done now is left."""
        if what == "wait":
            self.ctx = replace(
                self.ctx,
                now=self.ctx.now + timedelta(days=which),
                today=self.ctx.today + timedelta(days=which),
            )
            return
        try:
            with transaction():
                {"lend": self.lend, "receive": self.receive, "undo": self.undo, "write off": self.give_up}[
                    what
                ](which, amount)
        except (Conflict, Duplicate, InvalidInput):
            db.session.rollback()

    def lend(self, which: int, amount: int) -> None:
        line = db.session.get_one(CreditLine, self.lines[which])
        order = order_on(line, amount, updated_at=self.ctx.now)
        decision = request_financing(self.ctx, line.supplier_id, order, source="test")
        deliver(self.ctx, decision.invoice_id, order)
        disbursal = bundle_selection(self.ctx, [decision.invoice_id])
        approve_and_release(self.ctx, disbursal.id)
        confirm(self.ctx, disbursal.id, bank_reference=f"B-{next(self.numbers)}", value_date=self.ctx.today)

    def receive(self, which: int, amount: int) -> None:
        record_receipt(
            self.ctx,
            self.purchasers[which],
            amount=amount,
            bank_reference=f"R-{next(self.numbers)}",
            value_date=self.ctx.today,
        )

    def undo(self, which: int, _: int) -> None:
        ids = db.session.scalars(
            select(Receipt.id).where(Receipt.kind == "payment").order_by(Receipt.id)
        ).all()
        if ids:
            reverse_receipt(self.ctx, ids[which % len(ids)], reason="bounced")

    def give_up(self, which: int, _: int) -> None:
        ids = db.session.scalars(
            select(Invoice.id).where(Invoice.status == "disbursed").order_by(Invoice.id)
        ).all()
        if ids and which == 0:
            write_off(self.ctx, ids[0], reason="insolvent")


def check(play: Play, day: date) -> None:
    """Every report of a day adds up."""
    found = ageing(day)
    assert found.outstanding == sum(row.live.total for row in open_loans(day))
    for view in (found.by_supplier, found.by_purchaser, found.by_line):
        assert sum(row.total for row in view) == found.outstanding
        for bucket, amount in found.totals.items():
            assert sum(row.amounts[bucket] for row in view) == amount
    for invoice_id in db.session.scalars(select(Invoice.id)):
        made, shown = loan_derivation(invoice_id, day), loan_of_invoice(invoice_id, day)
        assert (made is None) == (shown is None)
        if made and shown:
            assert made.balance == shown.live.total
    for kind in Bound:
        for row in exposure_table(kind, day):
            moves = derivation(kind, row.id, day)
            assert sum(move.amount for move in moves) == row.exposure
            latest = latest_movements(row, day, 3)
            assert latest.rows == moves[-3:]
            assert latest.before == sum(move.amount for move in moves[:-3])
            assert row.exposure >= 0
    for side, companies in (("supplier", play.suppliers), ("purchaser", play.purchasers)):
        whole = 0
        for customer_id in companies:
            for first in (TODAY, day - timedelta(days=13)):
                account = statement(customer_id, side, first, day)  # type: ignore[arg-type]
                assert account.adds_up
                assert [*account.running()][-1:] == [] or [*account.running()][-1][1] == account.closing
                assert (account.lines != []) or account.opening == account.closing
            whole += account.closing
        assert whole == found.outstanding


@settings(
    max_examples=examples(25),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
@given(steps=STEPS, back=st.integers(0, 60))
def _reports_add_up(book: Book, steps: list[tuple[str, int, int]], back: int) -> None:
    play = Play(book)
    for step in steps:
        play.step(*step)
    for day in {play.ctx.today, play.ctx.today - timedelta(days=back)}:
        check(play, day)
    assert db.session.scalar(select(func.count()).select_from(CreditLine)) == 3
    db.session.rollback()


@pytest.mark.hypothesis
def test_reports_add_up_whatever_happened(session_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tusker.transactions.enqueue", lambda *_, **__: True)
    with session_app.app_context():
        try:
            clear_tables()
            _reports_add_up(Book(START))
        finally:
            db.session.remove()
            clear_tables()
