"""`flask age`, `flask statement`, and a proof that finds more than limits."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from tests.support.database import OWNER
from tests.support.loan_book import Book, day
from tusker.extensions import db
from tusker.jobs.servicing import prove_day
from tusker.messages import unpacked


def test_age(app: Flask, book: Book) -> None:
    runner = app.test_cli_runner()
    told = json.loads(runner.invoke(args=["age", "--json"]).output)
    assert told["outstanding"] == 35_720_00
    assert list(told["totals"].values()) == [8_140_00, 8_500_00, 9_140_00, 0, 9_940_00]
    for view in ("suppliers", "purchasers", "lines"):
        assert sum(row["total"] for row in told[view]) == 35_720_00
    past = json.loads(runner.invoke(args=["age", "--json", "--as-of", str(day(6))]).output)
    assert past["outstanding"] == 35_720_00 - 8_140_00 - 3 * 6 * 16_00
    assert runner.invoke(args=["age"]).output.split()[-1] == "35720.00"
    future = runner.invoke(args=["age", "--as-of", str(day(-1))])
    assert future.exit_code == 1
    assert "as_of: The day must not be in the future." in future.output


def test_statement(app: Flask, book: Book, tmp_path: Path) -> None:
    runner = app.test_cli_runner()
    name = book.line.purchaser.customer.name
    period = ["--from", str(day(30)), "--to", str(day(0))]
    told = runner.invoke(args=["statement", name, *period]).output
    assert told.splitlines()[-1].split() == ["closing", "16640.00"]
    paper, file = tmp_path / "s.pdf", tmp_path / "s.csv"
    made = runner.invoke(args=["statement", name, *period, "--csv", str(file), "--pdf", str(paper)])
    assert made.exit_code == 0, made.output
    assert paper.read_bytes().startswith(b"%PDF-")
    with file.open(newline="") as lines:
        assert list(csv.DictReader(lines))[-1]["balance"] == "16640.00"
    for wrong, message in (
        (["nobody"], "customer: No customer"),
        ([name, "--to", str(day(-1))], "to: The day must not be in the future."),
        ([name, "--from", str(day(0)), "--to", str(day(1))], "from: The first day must not be after"),
    ):
        answer = runner.invoke(args=["statement", *wrong])
        assert answer.exit_code == 1
        assert message in answer.output


def test_the_proof_lists_figures_that_are_no_limits(
    app: Flask, book: Book, login: Callable[..., FlaskClient], mails: Callable[[], list[Any]]
) -> None:
    runner = app.test_cli_runner()
    assert runner.invoke(args=["seal"]).exit_code == 0  # the book's events are old
    assert runner.invoke(args=["prove"]).exit_code == 0
    reference = "L-broken"
    db.session.execute(OWNER)
    db.session.connection().exec_driver_sql(
        "UPDATE loans SET open_principal = 0, closed_on = start_date, reference = 'L-broken' WHERE invoice_id = %s",
        (book.late,),
    )
    db.session.connection().exec_driver_sql(
        "UPDATE credit_lines SET used_amount = used_amount - 800000 WHERE id = %s", (book.line.id,)
    )
    db.session.commit()
    told = runner.invoke(args=["prove", "--json"])
    assert told.exit_code == 1
    found = json.loads(told.output)
    assert found["holds"] is False
    wrong = {
        (row["check"], row["subject"]): (row["stored"], row["recomputed"]) for row in found["mismatches"]
    }
    assert wrong["open principal of the loan", reference] == (0, 8_000_00)
    words = runner.invoke(args=["prove"])
    assert words.exit_code == 1
    assert f"open principal of the loan, {reference}: stored 0.00, rows 8000.00" in words.output
    assert "invoice repaid and loan closed" in words.output
    page = login().get("/admin/proof").text
    rows = page.split('id="mismatches"')[1].split("</section>")[0]
    assert reference in rows
    assert "₹8,000.00" in rows
    assert "All figures agree" not in page
    assert prove_day()
    lines = [unpacked(line) for line in mails()[-1].context["lines"]]
    assert f"open principal of the loan: {reference}: stored ₹0.00, rows ₹8,000.00" in lines
    assert any(line.endswith("stored no, rows yes") for line in lines)
