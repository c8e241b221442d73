"""What the tests of statements share: the clock stands on the factories' day, and a bank's file is imported."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

import pytest
from flask import Flask

from tests.admin.conftest import _stopped_clock as _stopped_clock
from tests.admin.conftest import one as one
from tests.conftest import approve_and_release
from tests.statements.camt import Tx, camt053
from tusker.extensions import db
from tusker.models import CreditLine, Disbursal, Invoice, StatementEntry
from tusker.services.bank.file import read_configured
from tusker.services.bank.importing import ImportResult, import_statement
from tusker.services.context import Context
from tusker.services.payout.disbursals import bundle_selection
from tusker.transactions import transaction


@pytest.fixture
def bank(app: Flask, ctx: Context) -> Callable[..., ImportResult]:
    """Import what the bank says: transactions, or the bytes of a file."""

    def take(said: bytes | Iterable[Tx], acting: Context = ctx, **options: object) -> ImportResult:
        data = said if isinstance(said, bytes) else camt053(said, **options)  # type: ignore[arg-type]
        read = read_configured(data, "bank.xml")
        with transaction():
            return import_statement(
                acting, read, digest=hashlib.sha256(data).hexdigest(), file_name="bank.xml"
            )

    return take


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
    with transaction():
        return approve_and_release(ctx, bundle_selection(ctx, [invoice.id for invoice in invoices]).id)
