"""A small book over some weeks of the real calendar, so that pages as of today show it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from flask import Flask

from tests.conftest import TERMS, bundle_and_confirm, deliver, order_on
from tusker import clock
from tusker.domain.terms import Terms
from tusker.models import CreditLine
from tusker.services.context import Context
from tusker.services.credit.financing import request_financing
from tusker.services.loans.receipts import record_receipt
from tusker.transactions import transaction

HTMX = {"HX-Request": "true"}
EASY = replace(TERMS, apr=Decimal("0.365"), tenor_days=30, fee_flat=100_00, penal_rate=Decimal("0.365"))
"""0.1 % a day, a fee of 100 and the same again as penalty: figures that can be worked out by hand."""


def on_day(back: int) -> Context:
    """Somebody acting some days before today."""
    return Context(None, "test", clock.now() - timedelta(days=back), clock.today() - timedelta(days=back))


def day(back: int) -> date:
    """The day so many days before today."""
    return clock.today() - timedelta(days=back)


def amounts(page: str) -> list[str]:
    """All amounts on a page, in their order."""
    return re.findall(r"-?₹[\d,]+\.\d\d", page)


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

    return make


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


@dataclass
class Book:
    """Two lines of one supplier to two purchasers, and one of another supplier; ids of their loans' invoices."""

    line: CreditLine
    other: CreditLine
    foreign: CreditLine
    current: int
    late: int
    later: int
    others: int


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
