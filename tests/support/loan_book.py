"""A small book of loans over some weeks of the real calendar."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from tests.support.values import TERMS
from tusker import clock
from tusker.models import CreditLine
from tusker.services.context import Context

EASY = replace(TERMS, apr=Decimal("0.365"), tenor_days=30, fee_flat=100_00, penal_rate=Decimal("0.365"))
"""0.1 % a day, a fee of 100 and the same again as penalty: figures that can be worked out by hand."""


def on_day(back: int) -> Context:
    """Somebody acting some days before today."""
    return Context(None, "test", clock.now() - timedelta(days=back), clock.today() - timedelta(days=back))


def day(back: int) -> date:
    """The day so many days before today."""
    return clock.today() - timedelta(days=back)


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
