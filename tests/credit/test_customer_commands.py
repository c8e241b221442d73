"""`flask create-customer`, `create-line`, `set-limit`, `list-customers`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import select

from tests.support.company_forms import company, count
from tusker.clock import today
from tusker.extensions import db
from tusker.models import CreditLine, Customer, Invoice

Make = Callable[..., Customer]


@pytest.fixture
def run(app: Flask) -> Callable[..., tuple[int, str]]:
    """Run a command; its exit code and all that it said."""

    def invoke(*words: str) -> tuple[int, str]:
        result = app.test_cli_runner().invoke(args=list(words))
        db.session.expire_all()
        return result.exit_code, result.output

    return invoke


Run = Callable[..., tuple[int, str]]


def test_a_customer_with_both_limits_and_terms(run: Run) -> None:
    code, said = run(
        "create-customer", "Asha", "--supplier-limit", "2,50,000", "--purchaser-limit", "₹10",
        "--reference", "A-1", "--email", "a@asha.example", "--apr", "12.5%", "--tenor-days", "30",
        "--interest-method", "daily_compound_360",
    )  # fmt: skip
    assert code == 0, said
    made = company("Asha")
    assert made.supplier is not None
    assert made.purchaser is not None
    assert (made.supplier.limit_amount, made.purchaser.limit_amount) == (250_000_00, 10_00)
    assert (made.supplier.apr, made.supplier.tenor_days) == (Decimal("0.125"), 30)
    assert made.supplier.interest_method == "daily_compound_360"


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("Asha",), "supplier_limit"),
        (("Asha", "--supplier-limit", "$5"), "--supplier-limit"),
        (("Asha", "--supplier-limit", "-5"), "--supplier-limit"),
        (("Asha", "--supplier-limit", "5", "--apr", "lots"), "--apr"),
        (("Asha", "--supplier-limit", "5", "--apr", "NaN"), "--apr"),
        (("Asha", "--supplier-limit", "5", "--apr", "101"), "apr"),
        (("Asha", "--supplier-limit", "5", "--tenor-days", "0"), "--tenor-days"),
        (("Asha", "--supplier-limit", "5", "--email", "nobody"), "email"),
        (("N" * 300, "--supplier-limit", "5"), "name"),
        (("Asha", "--supplier-limit", "99999999999.00"), "supplier_limit"),
    ],
)
def test_a_customer_that_cannot_be_names_the_option(run: Run, words: tuple[str, ...], named: str) -> None:
    code, said = run("create-customer", *words)
    assert code != 0
    assert named in said
    assert count(Customer) == 0


def test_a_line_takes_the_suppliers_terms_over(run: Run, make_supplier: Make, make_purchaser: Make) -> None:
    make_supplier("Asha"), make_purchaser("Bharat")
    code, said = run(
        "create-line", "asha", "BHARAT", "--limit", "500", "--apr", "9", "--valid-to", "2099-12-31"
    )
    assert code == 0, said
    line = db.session.scalars(select(CreditLine)).one()
    assert (line.limit_amount, line.apr, line.tenor_days) == (500_00, Decimal("0.09"), 90)
    assert (line.valid_from, line.valid_to) == (today(), date(2099, 12, 31))


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("Nobody", "Bharat", "--limit", "5"), "supplier: "),
        (("Asha", "Nobody", "--limit", "5"), "purchaser: "),
        (("Bharat", "Asha", "--limit", "5"), "supplier: Bharat is not a supplier"),
        (("Asha", "Bharat"), "--limit"),
        (("Asha", "Bharat", "--limit", "€5"), "--limit"),
        (("Asha", "Bharat", "--limit", "5", "--valid-from", "1900-01-01"), "--valid-from"),
        (("Asha", "Bharat", "--limit", "5", "--valid-to", "2001-01-01"), "valid_to"),
    ],
)
def test_a_line_that_cannot_be_names_the_option(
    run: Run, make_supplier: Make, make_purchaser: Make, words: tuple[str, ...], named: str
) -> None:
    make_supplier("Asha"), make_purchaser("Bharat")
    code, said = run("create-line", *words)
    assert code != 0
    assert named in said
    assert count(CreditLine) == 0


def test_limits_are_set_and_the_other_side_stays(run: Run, make_invoice: Callable[..., Invoice]) -> None:
    invoice = make_invoice(value=10_000_00)
    line = db.session.get_one(CreditLine, invoice.credit_line_id)
    supplier, purchaser = line.supplier.customer.name, line.purchaser.customer.name
    code, said = run("set-limit", supplier, "--supplier-limit", "5000")
    assert code == 0, said
    assert "nothing new is admitted" in said
    assert line.supplier.limit_amount == 5_000_00
    code, said = run("set-limit", supplier, "--line-with", purchaser, "--limit", "90000")
    assert code == 0, said
    assert (line.limit_amount, line.terms_version) == (90_000_00, 1)
    assert "nothing new" not in said


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("Asha",), "--supplier-limit"),
        (("Asha", "--limit", "5"), "--line-with"),
        (("Asha", "--supplier-limit", "5", "--line-with", "Bharat", "--limit", "5"), "--line-with"),
        (("Asha", "--purchaser-limit", "5"), "purchaser_limit: Asha is not a purchaser"),
        (("Asha", "--line-with", "Bharat", "--limit", "5"), "line_with: Asha has no credit line"),
        (("Nobody", "--supplier-limit", "5"), "company: "),
    ],
)
def test_a_limit_that_cannot_be_set_names_the_option(
    run: Run, make_supplier: Make, make_purchaser: Make, words: tuple[str, ...], named: str
) -> None:
    make_supplier("Asha", limit=7_00), make_purchaser("Bharat")
    code, said = run("set-limit", *words)
    assert code != 0
    assert named in said
    saved = company("Asha")
    assert saved.supplier is not None
    assert saved.supplier.limit_amount == 7_00


def test_the_list(run: Run, make_supplier: Make, make_purchaser: Make) -> None:
    make_supplier("Asha", limit=7_00), make_purchaser("Bharat")
    code, said = run("list-customers", "--search", "ash")
    assert code == 0
    assert "Asha\t–\t0.00 of 7.00\t–\t0\t0" in said
    assert "Bharat" not in said
    assert "Bharat" in run("list-customers", "--side", "purchaser")[1]
