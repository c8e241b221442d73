"""What is owed over the book: kept sums are the same as computing every loan, whatever happened since."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from tests.support.counting import statements
from tests.support.receipts import receive
from tests.support.values import TODAY
from tusker.extensions import db
from tusker.jobs.positions import keep_positions
from tusker.models import Invoice, LoanChange, PositionDay
from tusker.queries.loans.loans import open_loans
from tusker.queries.loans.position_proof import wrong_positions
from tusker.queries.loans.positions import loan_totals, position_of, positions, totals_of
from tusker.queries.record.proof import prove
from tusker.services.context import Context

pytestmark = pytest.mark.usefixtures("stopped_clock")

DAYS = (TODAY, TODAY + timedelta(days=1))


def computed(day: date, **company: int) -> Any:
    return totals_of(
        [position_of(row) for row in open_loans(day, **company)], as_purchaser="purchaser_id" in company
    )  # type: ignore[arg-type]


def agree(*companies: dict[str, int]) -> None:
    for day in DAYS:
        for company in ({}, *companies):
            assert loan_totals(day, **company) == computed(day, **company)
        assert wrong_positions(day) == []
    assert prove().mismatches == []


@pytest.fixture
def two(make_invoice: Callable[..., Invoice], make_line: Callable[..., Any]) -> list[Invoice]:
    lines = make_line(), make_line()
    return [
        make_invoice("disbursed", line=line, value=value)
        for line, value in zip(lines, (10_000_00, 7_777_77), strict=True)
    ]


def test_kept_sums_are_those_of_the_loans(two: list[Invoice]) -> None:
    keep_positions()
    assert db.session.query(PositionDay.ready).all() == [(True,), (True,)]
    assert db.session.query(LoanChange).count() == 0
    agree({"supplier_id": two[0].supplier_id}, {"purchaser_id": two[1].purchaser_id})


def test_a_change_counts_at_once_and_after_it_was_written(
    ctx: Context, two: list[Invoice], make_invoice: Callable[..., Invoice]
) -> None:
    keep_positions()
    receive(ctx, two[0], 3_000_00)
    make_invoice("disbursed")
    before = loan_totals(TODAY)
    assert before == computed(TODAY)
    assert before.count == 3
    agree()
    keep_positions()
    assert db.session.query(LoanChange).count() == 0
    agree()


def test_a_debt_that_is_paid_goes(ctx: Context, two: list[Invoice]) -> None:
    keep_positions()
    row = next(row for row in open_loans(TODAY) if row.invoice_id == two[0].id)
    receive(ctx, two[0], row.live.total)
    for _ in range(2):
        assert loan_totals(TODAY).count == 1
        agree()
        keep_positions()


def test_a_day_that_is_not_built_is_computed(two: list[Invoice]) -> None:
    assert len(positions(TODAY)) == 2
    keep_positions()
    assert positions(TODAY + timedelta(days=2)) == [
        position_of(row) for row in open_loans(TODAY + timedelta(days=2))
    ]


def test_kept_sums_ask_once_however_many_loans(two: list[Invoice]) -> None:
    keep_positions()
    with statements() as asked:
        loan_totals(TODAY)
    assert len(asked) == 1


@pytest.mark.parametrize("table", ["book_positions", "loan_positions"])
def test_the_proof_finds_a_wrong_figure(app: Flask, two: list[Invoice], table: str) -> None:
    keep_positions()
    db.session.execute(text(f"UPDATE {table} SET live = live + 1 WHERE day = :day"), {"day": TODAY})
    assert "summed positions of credit line" in {found.check for found in prove().mismatches}
    assert bool(wrong_positions(TODAY)) == (table == "book_positions")
    db.session.commit()
    answer = app.test_cli_runner().invoke(args=["rebuild-positions"])
    assert answer.exit_code == 0, answer.output
    agree()
