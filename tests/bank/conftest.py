"""What the tests of statements share: the clock stands on the factories' day, and a bank's file is imported."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from tests.support.payouts import approve_and_release
from tests.support.scenery import kept
from tusker.extensions import db
from tusker.models import CreditLine, Disbursal, Invoice, StatementEntry
from tusker.services.context import Context
from tusker.services.payout.disbursals.bundling import bundle_selection
from tusker.transactions import transaction


@pytest.fixture(autouse=True)
def _stopped_clock(stopped_clock: None) -> None:
    """The app's clock stands in every test of this room."""


@pytest.fixture
def entries(app: Flask) -> Callable[[], list[StatementEntry]]:
    """All entries, in the order in which they were stored."""

    def read() -> list[StatementEntry]:
        db.session.rollback()
        return list(db.session.query(StatementEntry).order_by(StatementEntry.id))

    return read


@pytest.fixture
def released(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> Disbursal:
    """A disbursal at the bank: two suppliers, two invoices of the first and one of the second."""
    line, other = make_line(), make_line()
    invoices = [make_invoice("financeable", line=each) for each in (line, line, other)]
    return _release(ctx, [invoice.id for invoice in invoices])


@kept
def _release(ctx: Context, invoice_ids: list[int]) -> Disbursal:
    with transaction():
        return approve_and_release(ctx, bundle_selection(ctx, invoice_ids).id)
