"""Invoices are counted by companies and status as they change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from tests.support.counting import statements
from tusker.extensions import db
from tusker.jobs.positions import keep_positions
from tusker.models import Invoice, InvoiceCount
from tusker.queries.credit.invoices import EVERYTHING, InvoiceFilter, Scope, StatusCount, count_by_status
from tusker.queries.record.proof import prove
from tusker.services.context import Context
from tusker.services.credit.requesting.financing import cancel_invoice
from tusker.transactions import transaction

pytestmark = pytest.mark.usefixtures("stopped_clock")


def counts(wanted: InvoiceFilter = EVERYTHING) -> dict[str, tuple[int, int]]:
    return {
        str(status): (row.count, row.principal)
        for status, row in count_by_status(wanted).items()
        if row != StatusCount()
    }


def test_counts_follow_the_invoices_before_and_after_they_are_merged(
    ctx: Context, make_invoice: Callable[..., Invoice], make_line: Callable[..., Any]
) -> None:
    line = make_line()
    paid, open_one = make_invoice("disbursed", line=line), make_invoice(line=line)
    other = make_invoice(value=5_000_00)
    keep_positions()
    with transaction():
        cancel_invoice(ctx, open_one.id, reason="test")
    for _ in range(2):
        assert counts() == {
            "disbursed": (1, paid.principal),
            "cancelled": (1, open_one.principal),
            "approved": (1, other.principal),
        }
        mine = Scope(supplier_id=line.supplier_id)
        assert counts(InvoiceFilter(scope=mine)) == {
            "disbursed": (1, paid.principal),
            "cancelled": (1, open_one.principal),
        }
        assert counts(InvoiceFilter(scope=mine, purchaser_id=other.purchaser_id)) == {}
        assert prove().mismatches == []
        keep_positions()
        assert not db.session.query(InvoiceCount).filter_by(merged=False).count()


def test_a_plain_list_counts_without_reading_invoices(make_invoice: Callable[..., Invoice]) -> None:
    make_invoice()
    with statements() as asked:
        count_by_status()
    assert [" invoices" in one for one in asked] == [False]


def test_the_proof_finds_a_wrong_count(make_invoice: Callable[..., Invoice]) -> None:
    make_invoice()
    db.session.execute(text("UPDATE invoice_counts SET principal = principal + 1"))
    assert [row.check for row in prove().mismatches] == ["counted invoices that are approved"]
