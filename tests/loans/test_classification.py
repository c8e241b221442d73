"""Borrowers and loans are classified at each day's end; the report, the hold and the pages follow."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from tests.support.pages import Today, words
from tests.support.receipts import receive
from tests.support.values import TERMS, TODAY, at
from tusker.domain.loans.classification import AssetClass
from tusker.errors import FinancingRefused
from tusker.extensions import db
from tusker.jobs import daily
from tusker.jobs.positions import keep_positions
from tusker.models import CreditLine, Customer, Event, Invoice, Role
from tusker.queries.credit.credit_lines import line_by_id
from tusker.queries.loans import classes
from tusker.queries.loans.classes import borrowers_on, class_history, classified
from tusker.queries.record.proof import prove
from tusker.services.context import Context
from tusker.services.credit.standing import check_line_open
from tusker.services.loans.book.classification import classify_day
from tusker.services.loans.overdue import review_holds
from tusker.transactions import transaction

FREE = replace(TERMS, apr=Decimal(0), penal_rate=Decimal(0), tenor_days=30)
END = TODAY + timedelta(days=121)
"""The first loan is 91 days late, the second 61."""


@pytest.fixture
def two(
    make_line: Callable[..., CreditLine],
    make_purchaser: Callable[..., Customer],
    make_invoice: Callable[..., Invoice],
) -> list[Invoice]:
    """Loans of one purchaser, one due 30 days before the other."""
    buyer = make_purchaser()
    lines = [make_line(purchaser=buyer, terms=replace(FREE, tenor_days=days)) for days in (30, 60)]
    return [make_invoice("disbursed", line=line) for line in lines]


def close_day(app: Flask, ctx: Context, days: int) -> int:
    with transaction():
        return classify_day(at(ctx, days), TODAY + timedelta(days=days), app.config["CLASSIFICATION"])


def states(invoices: list[Invoice]) -> tuple[str, ...]:
    histories = [class_history(customer_id=invoices[0].purchaser_id)]
    histories += [class_history(loan_id=loan_id) for loan_id in loan_ids(invoices)]
    return tuple(str(history[0].state) if history else "" for history in histories)


def loan_ids(invoices: list[Invoice]) -> list[int]:
    ids = [invoice.id for invoice in invoices]
    return list(
        db.session.scalars(text("SELECT id FROM loans WHERE invoice_id = ANY(:i) ORDER BY id"), {"i": ids})
    )


def provided(app: Flask, days: int) -> int:
    found = classified(TODAY + timedelta(days=days), app.config["CLASSIFICATION"])
    assert sum(row.provision for row in found.sums) == sum(each.provision for each in found.loans)
    assert sum(row.owed for row in found.sums) == sum(each.loan.owed() for each in found.loans)
    return sum(row.provision for row in found.sums)


def test_the_manuals_example(app: Flask, ctx: Context, two: list[Invoice]) -> None:
    first, second = two
    told = (Path(__file__).parents[2] / "docs" / "money.md").read_text()
    assert "15 %, ₹1,200.00 each, are provided" in told
    assert close_day(app, ctx, 30) == 0
    assert close_day(app, ctx, 121) == 3
    assert states(two) == ("substandard", "substandard", "substandard")
    assert provided(app, 121) == 2 * 1_200_00
    receive(at(ctx, 122), first, 8_000_00)
    assert close_day(app, ctx, 122) == 0
    assert states(two) == ("substandard", "substandard", "substandard")
    assert provided(app, 122) == 1_200_00
    receive(at(ctx, 123), second, 8_000_00, "R-2")
    assert close_day(app, ctx, 123) == 1
    assert states(two)[0] == "standard"
    assert (provided(app, 123), provided(app, 121)) == (0, 2 * 1_200_00)  # as it was seen
    kinds = db.session.query(Event).filter_by(kind="classified", subject="customer").order_by(Event.id).all()
    assert [(e.from_value, e.to_value) for e in kinds] == [
        ("standard", "substandard"),
        ("substandard", "standard"),
    ]
    assert prove().holds


def test_each_step_is_kept_once_and_a_day_before_is_left_alone(
    app: Flask, ctx: Context, two: list[Invoice]
) -> None:
    steps = [close_day(app, ctx, days) for days in (31, 31, 60, 61, 91, 92, 100, 60)]
    # day 61: the first loan turns SMA-1 with its borrower, the second SMA-0; 91: SMA-2 and SMA-1
    assert steps == [2, 0, 0, 3, 3, 0, 0, 0]
    history = class_history(loan_id=loan_ids(two)[0])
    assert [(row.state, row.days_past_due) for row in history] == [("sma_2", 61), ("sma_1", 31), ("sma_0", 1)]
    assert states(two) == ("sma_2", "sma_2", "sma_1")
    assert prove().holds
    with transaction() as session:
        session.execute(
            text("UPDATE classifications SET state = 'sma_1' WHERE loan_id = :l AND state = 'sma_2'"),
            {"l": loan_ids(two)[0]},
        )
    assert [each.check for each in prove().mismatches] == ["classification that changed nothing"]


def test_a_borrower_in_a_held_state_gets_nothing_new_until_nothing_is_in_arrears(
    app: Flask, ctx: Context, two: list[Invoice], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = two
    monkeypatch.setitem(app.config, "HOLD_AFTER_DAYS", 80)

    def review(days: int) -> list[int]:
        with transaction():
            return review_holds(at(ctx, days), 80, AssetClass.SUBSTANDARD)

    close_day(app, ctx, 121)
    assert review(122) == [first.purchaser_id]
    receive(at(ctx, 122), first, 8_000_00)
    assert review(122) == []  # 62 days late with the other one: held for its class alone
    with pytest.raises(FinancingRefused, match=r"pays ₹8,000.00 due since 1 May 2026"):
        check_line_open(line_by_id(second.credit_line_id, at(ctx, 122).today), at(ctx, 122).today)
    receive(at(ctx, 122), second, 8_000_00, "R-2")
    assert review(122) == [first.purchaser_id]


def test_the_servicing_run_closes_every_day_that_was_missed(
    app: Flask, ctx: Context, two: list[Invoice], business_day: Today
) -> None:
    business_day(TODAY + timedelta(days=123))
    daily._service([TODAY + timedelta(days=days) for days in (121, 122, 123)])
    history = class_history(customer_id=two[0].purchaser_id)
    assert [(row.day, str(row.state)) for row in history] == [
        (END, "substandard"),
        (END - timedelta(days=1), "sma_2"),
    ]
    assert prove().holds


def test_sums_from_kept_positions_are_those_of_the_loans(
    app: Flask,
    ctx: Context,
    business_day: Today,
    make_line: Callable[..., CreditLine],
    make_invoice: Callable[..., Invoice],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line, late = (make_line(terms=replace(FREE, tenor_days=days)) for days in (200, 30))
    for value in (10_000_01, 10_000_04, 10_000_00):
        make_invoice("disbursed", line=line, value=value)
    first, *_ = [make_invoice("disbursed", line=late, value=value) for value in (5_000_01, 5_000_00)]
    business_day(END)
    rules = app.config["CLASSIFICATION"]
    halves = replace(rules, provisions=dict.fromkeys(AssetClass, Decimal("0.5")))
    monkeypatch.setitem(app.config, "CLASSIFICATION", halves)
    keep_positions()
    kept = borrowers_on(END, halves)
    assert kept == classified(END, halves).borrowers
    assert [(each.state, each.provision) for each in kept] == [
        (AssetClass.SUBSTANDARD, 2_000_00 + 2_000_00),
        (AssetClass.STANDARD, 4_000_00 + 4_000_02 + 4_000_00),
    ]
    # other fractions: computed until the worker has summed by them
    assert borrowers_on(END, rules) == classified(END, rules).borrowers
    monkeypatch.setitem(app.config, "CLASSIFICATION", rules)
    keep_positions()
    assert prove().holds
    receive(at(ctx, 121), first, 1_000_01, reference="PART")
    turned_to_supplier(first)
    for _ in range(2):
        computed = classified(END, rules).borrowers
        with monkeypatch.context() as only_kept:
            only_kept.setattr(classes, "classified", None)
            assert borrowers_on(END, rules) == computed
        assert sum(each.owed for each in computed) == sum(each.owed for each in kept) - 1_000_01
        keep_positions()
        assert prove().holds


def turned_to_supplier(invoice: Invoice) -> None:
    with transaction() as session:
        session.execute(
            text("UPDATE loans SET recourse_on = :day WHERE invoice_id = :id"), {"day": END, "id": invoice.id}
        )


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ("UPDATE debtor_sums SET provision = provision + 1 WHERE day = :day", "positions by debtor"),
        ("UPDATE loan_positions SET debtor_id = debtor_id + 1", "who owes the position"),
    ],
)
def test_the_proof_finds_a_wrong_sum_of_a_debtor(
    app: Flask, two: list[Invoice], business_day: Today, change: str, check: str
) -> None:
    business_day(END)
    keep_positions()
    db.session.execute(text(change), {"day": END})
    assert check in {found.check for found in prove().mismatches}
    db.session.commit()
    assert app.test_cli_runner().invoke(args=["rebuild-positions"]).exit_code == 0
    assert prove().holds


def test_what_a_worker_of_the_version_before_wrote_is_built_anew(
    app: Flask, two: list[Invoice], business_day: Today
) -> None:
    business_day(END)
    keep_positions()
    for change in (
        "UPDATE position_days SET shares = '{}'; DELETE FROM debtor_sums; UPDATE loan_positions SET debtor_id = 0",
        "UPDATE debtor_sums SET live = live + 1",
        "UPDATE loan_positions SET debtor_id = 0",
    ):
        db.session.execute(text(change))
        db.session.commit()
        for _ in range(2):
            keep_positions()
        rules = app.config["CLASSIFICATION"]
        assert borrowers_on(END, rules) == classified(END, rules).borrowers
        assert prove().holds


def test_page_file_and_command(
    app: Flask, ctx: Context, two: list[Invoice], login: Callable[..., FlaskClient], business_day: Today
) -> None:
    close_day(app, ctx, 121)
    business_day(END)
    admin = login(Role.ADMIN)
    page = words(admin.get("/reports/classification").text)
    assert "Sub-standard (NPA) 1 2 ₹16,000.00 ₹16,000.00 15% ₹2,400.00" in page
    rows = list(csv.DictReader(io.StringIO(admin.get(f"/reports/classification.csv?as_of={END}").text)))
    assert [(row["days_past_due"], row["loan_state"], row["provision"]) for row in rows] == [
        ("91", "Sub-standard (NPA)", "1200.00"),
        ("61", "Sub-standard (NPA)", "1200.00"),
    ]
    assert admin.get("/reports/classification?as_of=2999-01-01").status_code == 422
    for path in (f"/customers/{two[0].purchaser_id}", f"/invoices/{two[0].id}"):
        assert 'id="class-history"' in admin.get(path).text
    supplier = login(Role.SUPPLIER, customer=two[0].supplier)
    assert supplier.get("/reports/classification").status_code == 403
    shown = supplier.get(f"/invoices/{two[0].id}").text
    assert "class-history" not in shown
    assert "lassified" not in shown
    told: dict[str, Any] = json.loads(
        app.test_cli_runner().invoke(args=["classification", "--as-of", str(END), "--json"]).output
    )
    assert (told["sums"][4]["provision"], told["customers"][0]["days_past_due"]) == (2_400_00, 91)
