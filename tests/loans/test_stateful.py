"""Whatever happens to invoices, in any order, the books agree with their rows, today and as of every past day."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from time import monotonic
from typing import Any, ClassVar

import pytest
from flask import Flask, current_app
from flask.testing import FlaskClient
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select, text

from tests.support.database import clear_tables, forget_business
from tests.support.invoices import deliver, order_on
from tests.support.payouts import account_of, approve_and_release
from tests.support.people import make_user
from tests.support.profiles import SOAK, examples
from tests.support.values import NOW, PASSWORD, TODAY
from tusker import clock
from tusker.domain.credit.limits import Bound
from tusker.domain.loans.allocation import Allocation as Split
from tusker.domain.loans.extensions import ReliefLimits
from tusker.domain.terms import Collection, DayCount, InterestMethod, InterestTiming, Terms
from tusker.errors import Conflict, Duplicate, FinancingRefused, InvalidInput, NotFound
from tusker.extensions import db
from tusker.models import (
    Allocation,
    Claim,
    CreditLine,
    CreditNote,
    DeductionKind,
    Disbursal,
    Event,
    Invoice,
    Loan,
    Payable,
    Payout,
    PositionDay,
    Proposal,
    Receipt,
    Relief,
    ReliefState,
)
from tusker.queries.credit.exposure import derivation, exposure_table
from tusker.queries.loans.account_statements.statement import credit_balance, statement
from tusker.queries.loans.ageing import ageing
from tusker.queries.loans.classes import borrowers_on, classified
from tusker.queries.loans.loans import loan_of_invoice, open_loans
from tusker.queries.loans.position_proof import wrong_positions
from tusker.queries.record.proof import prove
from tusker.services.approvals.deciding import accept, refuse
from tusker.services.context import Context
from tusker.services.credit.customers.companies import CustomerData, create_customer
from tusker.services.credit.customers.identities import IdentityData, set_carrier_identities
from tusker.services.credit.customers.lines import LineData, open_credit_line
from tusker.services.credit.requesting.financing import cancel_invoice, request_financing
from tusker.services.loans.book.positions import keep_days, write_positions
from tusker.services.loans.claim_undoing import reopen_claim
from tusker.services.loans.claims import FOR_GOODS, accept_claim, claim_returned, dismiss_claim
from tusker.services.loans.deductions.credit_notes import record_credit_note
from tusker.services.loans.deductions.recording import KeptBack, accept_dispute, record_deduction
from tusker.services.loans.deductions.undoing import undo_deduction, withdraw_dispute
from tusker.services.loans.overdue import review_holds, turn_to_recourse
from tusker.services.loans.receipts.recording import (
    owed_back,
    record_receipt,
    refund_credit,
    repay_all_in_full,
    repay_in_full,
    usable_credit,
    use_credit,
)
from tusker.services.loans.receipts.undoing import return_refund, reverse_receipt
from tusker.services.loans.relief.granting import extend, waive
from tusker.services.loans.relief.undoing import undo_relief
from tusker.services.loans.write_off import undo_write_off, write_off
from tusker.services.locks import lock_invoices
from tusker.services.payout.bank_accounts import set_account_directly
from tusker.services.payout.disbursals.bundling import bundle_selection
from tusker.services.payout.held import holds_of, release_hold
from tusker.services.payout.settlement.confirming import confirm
from tusker.services.payout.settlement.paid_after_all import pay_after_all
from tusker.services.payout.settlement.rejection import reject_payout
from tusker.services.payout.settlement.undoing import return_payout, undo_disbursal
from tusker.transactions import transaction

TERMS = [
    Terms(
        Decimal("0.8"),
        Decimal("0.24"),
        30,
        fee_flat=500,
        fee_rate=Decimal("0.01"),
        fee_max=9_000,
        grace_days=3,
        penal_rate=Decimal("0.36"),
    ),
    Terms(
        Decimal("0.9"),
        Decimal("0.18"),
        45,
        day_count=DayCount.THIRTY_360,
        interest_timing=InterestTiming.UPFRONT,
        fee_rate=Decimal("0.005"),
        penal_rate=Decimal("0.3"),
        recourse_days=20,
    ),
    Terms(Decimal(1), Decimal("0.3"), 20, interest_method=InterestMethod.DAILY_COMPOUND_360),
    Terms(
        Decimal("0.75"),
        Decimal("0.2"),
        30,
        grace_days=2,
        penal_rate=Decimal("0.3"),
        recourse_days=30,
        collection=Collection.INVOICE,
    ),
]
ALONE = ReliefLimits(10**12, Decimal(1), 365)
PAGES = {"invoice": "/invoices/{}", "customer": "/customers/{}"}
"""The pages of what events are about."""
ADMIN = "admin0@example.com"
REFUSALS = (Conflict, InvalidInput, NotFound, Duplicate, FinancingRefused)


class _TakenBack(Exception):
    """Ends a transaction that was only tried."""


@dataclass
class Snapshot:
    """What was shown at the end of a day."""

    owed: dict[int, int]
    exposures: dict[Bound, dict[int, int]]
    buckets: dict[str, int]
    credit: dict[int, int] = field(default_factory=dict)


class Books(RuleBasedStateMachine):
    """Requests, deliveries, payouts, receipts and their undoing, over some months."""

    app: Flask
    now: ClassVar[datetime] = NOW
    suppliers: ClassVar[list[int]]
    purchasers: ClassVar[list[int]]
    lines: ClassVar[list[int]]
    admins: ClassVar[list[int]]
    browser: ClassVar[FlaskClient]
    played = steps_played = 0

    def __init__(self) -> None:
        super().__init__()
        self.context = self.app.app_context()
        self.context.push()
        forget_business()
        self.ctx = Context(None, "property test", NOW, TODAY)
        self.counter = 0
        self.limit_may_be_passed = False
        self.statuses: set[str] = set()
        self.received = self.granted = False
        self.shown: dict[date, Snapshot] = {}
        self.last_event = self.steps = 0
        self.closed_after: tuple[int, date] | None = None
        self.proved_after: tuple[str, date] | None = None
        self.touched: dict[str, str] = {}

    def teardown(self) -> None:
        try:
            self._open(self.touched.values())
            self.check_every_day_again()
            self.check_that_all_can_be_closed()
            Books.played += 1
            Books.steps_played += self.steps
        finally:
            db.session.remove()
            self.context.pop()

    @initialize(values=st.lists(st.integers(20_000, 150_000), min_size=2, max_size=3), given_up=st.booleans())
    def open_loans_to_start_with(self, values: list[int], given_up: bool) -> None:
        for number, value in enumerate(values):
            self.request(number, value, delivered=True)
        self.disburse()
        disbursed = select(Invoice).where(Invoice.status == "disbursed").order_by(Invoice.id)
        invoice = db.session.scalars(disbursed).first()
        if given_up and invoice is not None:
            with transaction():
                record_receipt(
                    self.ctx,
                    invoice.purchaser_id,
                    amount=10_000,
                    bank_reference=f"R-{self._next()} {invoice.number}",
                    value_date=self.ctx.today,
                )
            self.pass_days(20)
            with transaction():
                write_off(self.ctx, invoice.id, reason="insolvent from the start")

    def _next(self) -> int:
        self.counter += 1
        return self.counter

    def _pick(self, number: int, *statuses: str) -> int | None:
        ids = db.session.scalars(
            select(Invoice.id).where(Invoice.status.in_(statuses)).order_by(Invoice.id)
        ).all()
        return ids[number % len(ids)] if ids else None

    @rule(line=st.integers(0, 3), value=st.integers(1_000, 400_000), delivered=st.booleans())
    def request(self, line: int, value: int, delivered: bool) -> None:
        on = db.session.get_one(CreditLine, self.lines[line])
        order = order_on(on, value, ref=f"O-{self._next()}", updated_at=self.ctx.now)
        try:
            with transaction():
                decision = request_financing(self.ctx, on.supplier_id, order, source="test")
        except FinancingRefused:
            return
        if delivered and decision.approved:
            deliver(self.ctx, decision.invoice_id, order)

    @rule(batches=st.integers(0, 3))
    def keep_positions(self, batches: int) -> None:
        """A worker keeps the sums of the book, and may be stopped before it is done."""
        with transaction():
            keep_days(self.ctx, current_app.config["CLASSIFICATION"].shares)
        for _ in range(batches):
            with transaction():
                write_positions()

    @precondition(lambda self: self.statuses & {"approved", "financeable"})
    @rule(number=st.integers(0, 9))
    def cancel(self, number: int) -> None:
        invoice_id = self._pick(number, "approved", "financeable")
        if invoice_id:
            with transaction():
                cancel_invoice(self.ctx, invoice_id, reason="test")

    @precondition(lambda self: "financeable" in self.statuses)
    @rule(ends=st.sampled_from(["paid", "paid", "rejected in part", "returned in part"]))
    def disburse(self, ends: str = "paid") -> None:
        ids = db.session.scalars(
            select(Invoice.id).where(Invoice.status == "financeable").order_by(Invoice.id)
        ).all()
        if not ids:
            return
        with transaction():
            for invoice_id in holds_of(self.ctx, ids):
                release_hold(self.ctx, invoice_id, reason="test")
            disbursal = approve_and_release(self.ctx, bundle_selection(self.ctx, ids).id)
            open_ones = [p.id for p in disbursal.payouts if p.state == "instructed"]
            if ends == "rejected in part" and open_ones:
                reject_payout(self.ctx, open_ones[0], reason="AC04 closed account")
            if len(open_ones) > (ends == "rejected in part"):
                confirm(self.ctx, disbursal.id, bank_reference=f"B-{self._next()}", value_date=self.ctx.today)
        if ends == "returned in part" and open_ones:
            self.give_back(open_ones[0])

    def give_back(self, payout_id: int) -> None:
        """The bank gives a payout back, whatever stands on its loans: a fact is not refused."""
        with transaction():
            return_payout(self.ctx, payout_id, reason="AC01 no such account")
        self.limit_may_be_passed = True

    @precondition(lambda self: self.statuses & {"disbursed", "repaid", "written_off"})
    @rule(number=st.integers(0, 9))
    def take_payout_back(self, number: int) -> None:
        payouts = select(Payout.id).where(Payout.state == "confirmed", Payout.net > 0).order_by(Payout.id)
        if ids := db.session.scalars(payouts).all():
            self.give_back(ids[number % len(ids)])

    @precondition(lambda self: "disbursed" in self.statuses)
    @rule(payer=st.integers(0, 1), amount=st.integers(1, 250_000), back=st.integers(0, 5))
    def receive(self, payer: int, amount: int, back: int) -> None:
        try:
            with transaction():
                record_receipt(
                    self.ctx,
                    self.purchasers[payer],
                    amount=amount,
                    bank_reference=f"R-{self._next()}",
                    value_date=self.ctx.today - timedelta(days=back),
                )
        except InvalidInput as error:
            if error.field != "value_date":
                raise

    @precondition(lambda self: self.statuses & {"disbursed", "written_off"})
    @rule(
        number=st.integers(0, 9),
        percents=st.tuples(*[st.sampled_from([0, 50, 99, 100]) | st.integers(0, 110)] * 4),
        in_full=st.booleans(),
        beyond=st.sampled_from([0, 0, 5_000]),
        back=st.integers(0, 3),
    )
    def allocate_by_hand(
        self, number: int, percents: tuple[int, ...], in_full: bool, beyond: int, back: int
    ) -> None:
        """A person lays a payment on one loan as it likes: parts of what is owed of each, or all of it."""
        invoice_id = self._pick(number, "disbursed", "written_off")
        row = loan_of_invoice(invoice_id, self.ctx.today) if invoice_id else None
        if invoice_id is None or row is None:
            return
        owed = [row.live.penalty, row.live.fee, row.live.interest, row.live.principal]
        parts = [part if in_full else max(0, part) * p // 100 for part, p in zip(owed, percents, strict=True)]
        invoice = db.session.get_one(Invoice, invoice_id)
        try:
            with transaction():
                record_receipt(
                    self.ctx,
                    (invoice.purchaser_id, invoice.supplier_id)[number % 2],
                    amount=max(1, sum(parts)) + beyond,
                    bank_reference=f"R-{self._next()}",
                    value_date=self.ctx.today - timedelta(days=back),
                    wanted=[Split(row.loan_id, *parts)],
                )
        except InvalidInput as error:
            if error.field not in {"allocations", "value_date"}:
                raise

    @precondition(lambda self: self.statuses & {"disbursed", "repaid", "written_off"})
    @rule(
        number=st.integers(0, 9),
        amount=st.integers(1, 150_000),
        kept=st.integers(1, 20_000),
        kind=st.sampled_from(["tax", "quality", "bank_charges"]),
        charges=st.sampled_from([0, 0, 50]),
    )
    def pay_less(self, number: int, amount: int, kept: int, kind: str, charges: int) -> None:
        """A purchaser keeps something back with a payment, or without one."""
        invoice_id = self._pick(number, "disbursed", "repaid", "written_off")
        if not invoice_id:
            return
        back = KeptBack(invoice_id, DeductionKind(kind), kept, disputed=kind == "quality")
        try:
            with transaction():
                if number % 3 == 0:
                    record_deduction(self.ctx, back)
                else:
                    record_receipt(
                        self.ctx,
                        db.session.get_one(Invoice, invoice_id).purchaser_id,
                        amount=amount,
                        bank_reference=f"R-{self._next()}",
                        value_date=self.ctx.today,
                        kept_back=[back],
                        charges=charges if charges < amount else 0,
                    )
        except InvalidInput as error:
            if error.field not in {"value_date", "amount", "kept_back"}:
                raise

    @precondition(lambda self: self.statuses & {"financeable", "disbursed", "repaid"})
    @rule(number=st.integers(0, 9))
    def rejected_payout_was_paid(self, number: int) -> None:
        """The bank made a payout that it had rejected, whatever became of its invoices since."""
        payouts = select(Payout.id).where(Payout.state == "rejected").order_by(Payout.id)
        if ids := db.session.scalars(payouts).all():
            with transaction():
                pay_after_all(
                    self.ctx,
                    ids[number % len(ids)],
                    bank_reference=f"B-{self._next()}",
                    value_date=self.ctx.today,
                    reason="on the statement",
                )

    @rule(number=st.integers(0, 9), what=st.sampled_from(["undo", "undo", "accept", "withdraw"]))
    def decide_on_deduction(self, number: int, what: str) -> None:
        ids = db.session.scalars(
            select(CreditNote.id).where(CreditNote.reverses_id.is_(None)).order_by(CreditNote.id)
        ).all()
        if not ids:
            return
        note_id = ids[number % len(ids)]
        with contextlib.suppress(Conflict):
            with transaction():
                if what == "undo":
                    undo_deduction(self.ctx, note_id, reason="recorded wrongly")
                elif what == "accept":
                    accept_dispute(self.ctx, note_id)
                else:
                    withdraw_dispute(self.ctx, note_id, reason="sound")
            self.limit_may_be_passed = True

    @precondition(lambda self: "disbursed" in self.statuses)
    @rule(number=st.integers(0, 9))
    def repay(self, number: int) -> None:
        invoice_id = self._pick(number, "disbursed")
        if invoice_id:
            try:
                with transaction():
                    repay_in_full(
                        self.ctx, invoice_id, bank_reference=f"R-{self._next()}", value_date=self.ctx.today
                    )
            except InvalidInput as error:
                if error.field != "value_date":
                    raise

    @precondition(lambda self: self.received)
    @rule(number=st.integers(0, 9))
    def reverse(self, number: int) -> None:
        ids = db.session.scalars(
            select(Receipt.id).where(Receipt.kind == "payment").order_by(Receipt.id)
        ).all()
        if ids:
            try:
                with transaction():
                    reverse_receipt(self.ctx, ids[number % len(ids)], reason="bounced")
                self.limit_may_be_passed = True
            except Conflict:
                pass

    @precondition(lambda self: self.statuses & {"disbursed", "repaid"})
    @rule(number=st.integers(0, 3))
    def undo_payout(self, number: int) -> None:
        ids = db.session.scalars(
            select(Disbursal.id).where(Disbursal.status == "confirmed").order_by(Disbursal.id)
        ).all()
        if ids:
            with transaction():
                undo_disbursal(self.ctx, ids[number % len(ids)], reason="returned by the bank")
            self.limit_may_be_passed = True

    @rule(number=st.integers(0, 9), amount=st.integers(1, 100_000))
    def credit_note(self, number: int, amount: int) -> None:
        invoice_id = self._pick(number, "approved", "financeable", "disbursed", "repaid", "written_off")
        if invoice_id:
            try:
                with transaction():
                    record_credit_note(self.ctx, invoice_id, number=f"CN-{self._next()}", amount=amount)
            except InvalidInput as error:
                if error.field != "amount":
                    raise

    @precondition(lambda self: self.statuses & {"disbursed", "written_off"})
    @rule(number=st.integers(0, 9), what=st.sampled_from(["claim", "accept", "accept", "dismiss", "reopen"]))
    def goods_come_back(self, number: int, what: str) -> None:
        """A claim on the supplier: opened, decided, and decided anew; accepted, the next payouts are netted by it."""
        invoice_id = self._pick(number, "disbursed", "written_off")
        claims = db.session.scalars(select(Claim.id).where(FOR_GOODS).order_by(Claim.id)).all()
        if what == "claim" or not claims:
            if invoice_id:
                with transaction():
                    claim_returned(self.ctx, lock_invoices([invoice_id]))
            return
        claim_id = claims[number % len(claims)]
        with contextlib.suppress(Conflict), transaction():
            if what == "accept":
                accept_claim(self._as(0), claim_id, amount=None, reason="agreed")
            elif what == "dismiss":
                dismiss_claim(self._as(0), claim_id, reason="not so")
            else:
                reopen_claim(self._as(0), claim_id, reason="looked at again")

    @precondition(lambda self: self.received)
    @rule(payer=st.integers(0, 1))
    def use_what_is_left_over(self, payer: int) -> None:
        try:
            with transaction():
                use_credit(self.ctx, self.purchasers[payer])
        except InvalidInput as error:
            if error.field != "value_date":
                raise

    @precondition(lambda self: self.received)
    @rule(number=st.integers(0, 9))
    def refund(self, number: int) -> None:
        ids = db.session.scalars(
            select(Receipt.id).where(Receipt.kind == "payment").order_by(Receipt.id)
        ).all()
        for receipt_id in ids[number % len(ids) :] if ids else []:
            payment = db.session.get_one(Receipt, receipt_id)
            if (credit := usable_credit(payment)) > 0:
                with transaction():
                    refund_credit(
                        self.ctx,
                        receipt_id,
                        amount=credit,
                        bank_reference=f"RF-{self._next()}",
                        value_date=self.ctx.today,
                    )
                return

    @precondition(lambda self: "disbursed" in self.statuses)
    @rule(number=st.integers(0, 9))
    def give_up(self, number: int) -> None:
        invoice_id = self._pick(number, "disbursed")
        if invoice_id and number < 6:
            with transaction():
                write_off(self.ctx, invoice_id, reason="insolvent")

    @precondition(lambda self: "written_off" in self.statuses)
    @rule(number=st.integers(0, 9))
    def take_write_off_back(self, number: int) -> None:
        invoice_id = self._pick(number, "written_off")
        if invoice_id:
            with transaction():
                undo_write_off(self.ctx, invoice_id, reason="it comes back after all")
            self.limit_may_be_passed = True

    @precondition(lambda self: "written_off" in self.statuses)
    @rule(number=st.integers(0, 9), amount=st.integers(1, 250_000), back=st.integers(0, 40))
    def recover(self, number: int, amount: int, back: int) -> None:
        """Money whose reference names a loan that was written off, also of a day before that."""
        invoice = db.session.get(Invoice, self._pick(number, "written_off"))
        if invoice is None:
            return
        with transaction():
            record_receipt(
                self.ctx,
                (invoice.purchaser_id, invoice.supplier_id)[number % 2],
                amount=amount,
                bank_reference=f"R-{self._next()} {invoice.number}",
                value_date=self.ctx.today - timedelta(days=back),
            )

    @precondition(lambda self: self.received and "written_off" in self.statuses)
    @rule(number=st.integers(0, 9))
    def bounce_on_what_was_written_off(self, number: int) -> None:
        """A payment of before, or a recovery."""
        ids = db.session.scalars(
            select(Receipt.id)
            .join(Allocation, Allocation.receipt_id == Receipt.id)
            .join(Loan, Loan.id == Allocation.loan_id)
            .where(
                Loan.written_off_on.is_not(None),
                Receipt.reversed_on.is_(None),
                Receipt.netted_payout_id.is_(None),
            )
            .distinct()
            .order_by(Receipt.id)
        ).all()
        if ids:
            with transaction():
                reverse_receipt(self.ctx, ids[number % len(ids)], reason="bounced")
            self.limit_may_be_passed = True

    @precondition(lambda self: self.received)
    @rule(number=st.integers(0, 9))
    def take_refund_back(self, number: int) -> None:
        ids = db.session.scalars(
            select(Receipt.id)
            .where(Receipt.kind == "refund", Receipt.reversed_on.is_(None))
            .order_by(Receipt.id)
        ).all()
        if ids:
            with transaction():
                return_refund(self.ctx, ids[number % len(ids)], reason="no such account")

    @rule(payer=st.integers(0, 1), amount=st.integers(1, 50_000))
    def the_same_cheque_number(self, payer: int, amount: int) -> None:
        """Taken of each payer once, and again once it was undone."""
        standing = db.session.scalar(
            select(Receipt.id).where(
                Receipt.customer_id == self.purchasers[payer],
                Receipt.bank_reference == "000123",
                Receipt.reversed_on.is_(None),
            )
        )
        refused = pytest.raises(Duplicate) if standing else contextlib.nullcontext()
        with refused, transaction():
            record_receipt(
                self.ctx,
                self.purchasers[payer],
                amount=amount,
                bank_reference="000123",
                value_date=self.ctx.today,
                wanted=[],
            )

    def _as(self, admin: int) -> Context:
        return replace(self.ctx, actor_id=self.admins[admin], actor=f"Admin {admin}")

    @precondition(lambda self: "disbursed" in self.statuses)
    @rule(
        number=st.integers(0, 9),
        part=st.sampled_from(["penalty", "fee", "interest"]),
        percent=st.integers(1, 100),
        by_two=st.booleans(),
    )
    def waive_charges(self, number: int, part: str, percent: int, by_two: bool) -> None:
        invoice_id = self._pick(number, "disbursed")
        row = loan_of_invoice(invoice_id, self.ctx.today) if invoice_id else None
        amount = max(0, getattr(row.live, part)) * percent // 100 if row else 0
        if invoice_id and amount:
            with contextlib.suppress(Conflict), transaction():
                (waive.propose if by_two else waive)(
                    self._as(0),
                    invoice_id,
                    **{part: amount},
                    value_date=self.ctx.today,
                    reason="goodwill",
                    limits=ALONE,
                )

    @precondition(lambda self: "disbursed" in self.statuses)
    @rule(
        number=st.integers(0, 9),
        days=st.integers(-15, 60),
        with_interest=st.booleans(),
        by_two=st.booleans(),
    )
    def move_due_date(self, number: int, days: int, with_interest: bool, by_two: bool) -> None:
        invoice_id = self._pick(number, "disbursed")
        row = loan_of_invoice(invoice_id, self.ctx.today) if invoice_id else None
        if invoice_id and row:
            try:
                with transaction():
                    (extend.propose if by_two else extend)(
                        self._as(0),
                        invoice_id,
                        due_date=row.due_date + timedelta(days=days),
                        with_interest=with_interest,
                        reason="the ship is late",
                        limits=ALONE,
                    )
            except Conflict:
                pass
            except InvalidInput as error:
                if error.field != "due_date":
                    raise

    def _relief(self, number: int, state: ReliefState) -> int | None:
        ids = db.session.scalars(select(Relief.id).where(Relief.state == state).order_by(Relief.id)).all()
        return ids[number % len(ids)] if ids else None

    @rule(number=st.integers(0, 9), agreed=st.booleans())
    def decide_on_relief(self, number: int, agreed: bool) -> None:
        ids = db.session.scalars(
            select(Proposal.id).where(Proposal.state == "open").order_by(Proposal.id)
        ).all()
        if ids:
            with contextlib.suppress(*REFUSALS), transaction():
                if agreed:
                    accept(self._as(1), ids[number % len(ids)])
                else:
                    refuse(self._as(1), ids[number % len(ids)], reason="not agreed")

    @precondition(lambda self: self.granted)
    @rule(number=st.integers(0, 9))
    def undo_relief(self, number: int) -> None:
        relief_id = self._relief(number, ReliefState.ACCEPTED)
        if relief_id:
            with contextlib.suppress(Conflict), transaction():
                undo_relief(self._as(0), relief_id, reason="a mistake")

    @rule(days=st.integers(1, 25))
    def pass_days(self, days: int) -> None:
        with transaction():
            turn_to_recourse(self.ctx)
            review_holds(self.ctx, 60)
        self.shown[self.ctx.today] = self._snapshot(self.ctx.today)
        self.ctx = replace(
            self.ctx, now=self.ctx.now + timedelta(days=days), today=self.ctx.today + timedelta(days=days)
        )

    def _snapshot(self, day: date) -> Snapshot:
        rows = open_loans(day)
        for row in rows:
            assert min(row.live.penalty, row.live.fee, row.live.total) >= 0, row
        return Snapshot(
            owed={row.invoice_id: row.live.total for row in rows if row.live.total},
            exposures={
                kind: {row.id: row.exposure for row in exposure_table(kind, day) if row.exposure}
                for kind in Bound
            },
            buckets={str(bucket): amount for bucket, amount in ageing(day).totals.items()},
            credit={p: credit_balance(p, day) for p in self.purchasers},
        )

    def _newest_event(self) -> int:
        return db.session.scalar(select(func.max(Event.id))) or 0

    @invariant()
    def counters_equal_rows(self) -> None:
        self.statuses = set(db.session.scalars(select(Invoice.status).distinct()))
        self.received = db.session.scalar(select(Receipt.id).limit(1)) is not None
        self.granted = db.session.scalar(select(Relief.id).limit(1)) is not None
        following = db.session.scalar(text("SELECT pg_snapshot_xmax(pg_current_snapshot())::text"))
        if (following, self.ctx.today) == self.proved_after:
            return  # no transaction has written anything since
        self.proved_after = following, self.ctx.today
        proof = prove(wrong_positions(self.ctx.today))
        assert proof.holds, (proof.differences, proof.mismatches)
        if db.session.query(PositionDay).filter_by(day=self.ctx.today, ready=True).count():  # else the same
            rules = current_app.config["CLASSIFICATION"]
            assert borrowers_on(self.ctx.today, rules) == classified(self.ctx.today, rules).borrowers
        if not self.limit_may_be_passed:
            assert all(row.used <= row.limit for row in proof.accounts)

    def check_every_day_again(self) -> None:
        """What was shown at the end of each day comes out the same now, and every statement adds up."""
        if not self.shown:
            return
        for day, snapshot in self.shown.items():
            assert self._snapshot(day) == snapshot, day
        last = max(self.shown)
        proof = prove(wrong_positions(self.ctx.today))
        assert proof.holds, (proof.differences, proof.mismatches)
        stored = {row.id: row.used for row in proof.accounts if row.kind == "credit_line"}
        for line_id in self.lines:
            rows = derivation(Bound.CREDIT_LINE, line_id, self.ctx.today)
            assert sum(row.amount for row in rows) == stored[line_id]
        for first in (TODAY, last):
            for customer_id in self.purchasers:
                made = statement(customer_id, "purchaser", first, last)
                assert made.adds_up, made
            for customer_id in self.suppliers:
                assert statement(customer_id, "supplier", first, last).adds_up
        self._allocations_sum_to_receipts()
        total = ageing(last)
        assert total.outstanding == sum(row.live.total for row in open_loans(last))
        for view in (total.by_supplier, total.by_purchaser, total.by_line):
            assert sum(row.total for row in view) == total.outstanding

    @invariant()
    def pages_answer(self) -> None:
        """Those about what was touched: the newest invoice, company and receipt; one at each tenth step, the others at
        the end. All of them at each step of a soak."""
        told = db.session.execute(
            select(Event.id, Event.subject, Event.subject_id).where(Event.id > self.last_event)
        ).all()
        self.last_event = max((row.id for row in told), default=self.last_event)
        for row in told:
            if row.subject in PAGES and row.subject_id is not None:
                self.touched[row.subject] = PAGES[row.subject].format(row.subject_id)
        newest = db.session.scalar(select(func.max(Receipt.id)))
        if newest and any(row.subject == "customer" for row in told):
            self.touched["receipt"] = f"/admin/receipts/{newest}"
        self.steps += 1
        kinds = list(self.touched) if SOAK or self.steps % 10 == 0 else []
        self._open([self.touched.pop(kind) for kind in kinds[: None if SOAK else 1]])

    def _open(self, paths: Iterable[str]) -> None:
        Books.now = self.ctx.now
        db.session.remove()
        for path in paths:
            answer = self.browser.get(path, follow_redirects=True)
            assert (answer.status_code, answer.request.path != "/login") == (200, True), path

    @invariant()
    def all_can_be_closed(self) -> None:
        """At each step of a soak that changed something, and taken back; else at the end."""
        if not SOAK:
            return
        state = self._newest_event(), self.ctx.today
        if state == self.closed_after:
            return
        self.closed_after = state
        with contextlib.suppress(_TakenBack), transaction():
            self._close_all()
            raise _TakenBack

    def check_that_all_can_be_closed(self) -> None:
        with transaction():
            self._close_all()

    def _close_all(self) -> None:
        """Every debt that is open can be paid off, and what companies owe back settled."""
        disbursed = db.session.scalars(select(Invoice.id).where(Invoice.status == "disbursed")).all()
        if disbursed:
            references = {each: f"END-{each}" for each in disbursed}
            repay_all_in_full(self.ctx, references, value_date=self.ctx.today)
        # Nobody else can owe anything back.
        were_refunded = select(Receipt.customer_id).where(Receipt.kind == "refund").distinct()
        for customer_id in db.session.scalars(were_refunded).all():
            if lacking := owed_back(customer_id):
                record_receipt(
                    self.ctx,
                    customer_id,
                    amount=lacking,
                    bank_reference="END",
                    value_date=self.ctx.today,
                    wanted=[],
                )
            assert owed_back(customer_id) == 0
        db.session.flush()
        proof = prove()
        assert proof.holds, (proof.differences, proof.mismatches)
        assert all(row.live.total == 0 for row in open_loans(self.ctx.today))

    def _allocations_sum_to_receipts(self) -> None:
        columns = Allocation.penalty + Allocation.fee + Allocation.interest + Allocation.principal
        allocated = db.session.scalar(select(func.coalesce(func.sum(columns), 0)))
        received = db.session.scalar(select(func.coalesce(func.sum(Receipt.amount), 0)))
        payers = db.session.scalars(select(Receipt.customer_id).distinct())
        credit = sum(credit_balance(payer, self.ctx.today) for payer in payers)
        passed_on = db.session.scalar(select(func.coalesce(func.sum(Payable.amount), 0)))
        assert allocated + passed_on + credit == received
        assert db.session.scalar(select(func.count()).select_from(Loan).where(Loan.open_principal < 0)) == 0


def company(ctx: Context, number: int, **data: Any) -> int:
    """Make a company that is known to the carrier on both sides."""
    made = create_customer(
        ctx, CustomerData(f"Company {number}", **data), programme_limit=10**12, notify=False
    )
    sides = [("supplier", "C"), ("purchaser", "L")]
    identities = [IdentityData("tusker", side, f"{mark}{made.id}") for side, mark in sides]
    set_carrier_identities(ctx, made.id, identities)
    if "supplier_limit" in data:
        set_account_directly(ctx, made.id, account_of(made.id, made.name))
    return made.id


def set_up_companies() -> None:
    """Two suppliers, two purchasers and four lines with different terms, which all sequences share."""
    ctx = Context(None, "set-up", NOW, TODAY)
    with transaction():
        Books.suppliers = [company(ctx, n, supplier_limit=600_000, terms=TERMS[0]) for n in range(2)]
        Books.admins = [make_user(ctx, f"admin{n}@example.com").id for n in range(2)]
        Books.purchasers = [company(ctx, n + 2, purchaser_limit=700_000) for n in range(2)]
        pairs = [(s, p) for s in Books.suppliers for p in Books.purchasers]
        Books.lines = [
            open_credit_line(ctx, s, p, LineData(500_000, TERMS[n], date(2026, 1, 1))).id
            for n, (s, p) in enumerate(pairs)
        ]


SEQUENCES = 250 if SOAK else examples(12)
"""How many sequences a shard plays; `make soak` says how long they took."""
STEPS = 40 if SOAK else 30
SHARDS = [
    0,
    *(pytest.param(number, marks=[] if SOAK else pytest.mark.slow) for number in range(1, 4 if SOAK else 3)),
]
"""`make test` plays the first, `make test-slow` the others; `make soak` four of them."""


@pytest.mark.hypothesis
@pytest.mark.parametrize("shard", SHARDS)
def test_the_books_agree_whatever_happens(
    session_app: Flask, shard: int, record_property: Callable[[str, object], None]
) -> None:
    machine = type("Books", (Books,), {})
    if settings().derandomize:  # every shard its own sequences, always the same ones
        machine = seed(shard)(machine)
    Books.app, Books.played, Books.steps_played = session_app, 0, 0
    with session_app.app_context():
        clear_tables()
        set_up_companies()
        db.session.remove()
    Books.browser = session_app.test_client()
    Books.browser.post("/login", data={"email": ADMIN, "password": PASSWORD})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tusker.transactions.enqueue", lambda *_, **__: True)
        patch.setattr(clock, "now", lambda: Books.now)
        started = monotonic()
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=SEQUENCES,
                stateful_step_count=STEPS,
                suppress_health_check=list(HealthCheck),
            ),
        )
    took = monotonic() - started
    record_property(
        "played", f"{Books.played} sequences, {Books.steps_played} steps, {took:.0f} s (shard {shard})"
    )
    with session_app.app_context():
        clear_tables()
