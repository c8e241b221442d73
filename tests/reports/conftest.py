"""A small book over some weeks of the real calendar, so that pages as of today show it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from tests.support.invoices import deliver, order_on
from tests.support.loan_book import EASY, Book, day, on_day
from tests.support.payouts import bundle_and_confirm
from tests.support.scenery import kept
from tusker.domain.terms import Terms
from tusker.models import CreditLine
from tusker.services.credit.requesting.financing import request_financing
from tusker.services.loans.receipts.recording import record_receipt
from tusker.transactions import transaction


@pytest.fixture
def lend(app: Flask) -> Callable[..., int]:
    """Lend 80 % of a value on a line so many days ago; returns the invoice's id."""

    def make(line: CreditLine, back: int, value: int = 10_000_00) -> int:
        ctx = on_day(back)
        order = order_on(line, value, updated_at=ctx.now)
        with transaction():
            decision = request_financing(ctx, line.supplier_id, order, source="test")
        assert decision.approved
        deliver(ctx, decision.invoice_id, order)
        bundle_and_confirm(ctx, [decision.invoice_id])
        return decision.invoice_id

    return kept(make)


@pytest.fixture
def receive(app: Flask) -> Callable[..., int]:
    """Record that a customer paid so many days ago; returns the receipt's id."""
    numbers = iter(range(1, 1000))

    def pay(customer_id: int, amount: int, back: int) -> int:
        ctx = on_day(back)
        with transaction():
            receipt = record_receipt(
                ctx, customer_id, amount=amount, bank_reference=f"UTR-{next(numbers)}", value_date=ctx.today
            )
            return receipt.id

    return pay


@pytest.fixture
def old_line(make_line: Callable[..., CreditLine]) -> Callable[..., CreditLine]:
    """A line that was open long ago."""

    def make(supplier: object = None, terms: Terms = EASY) -> CreditLine:
        return make_line(supplier, terms=terms, valid_from=day(500))

    return make


@pytest.fixture
def book(old_line: Callable[..., CreditLine], lend: Callable[..., int]) -> Book:
    """Loans of 8,000: one not due, one 10 days late, one 50 days late, and one of another supplier 100 days late."""
    line = old_line()
    other, foreign = old_line(line.supplier.customer), old_line()
    return Book(
        line,
        other,
        foreign,
        current=lend(line, 5),
        late=lend(line, 40),
        later=lend(other, 80),
        others=lend(foreign, 130),
    )
