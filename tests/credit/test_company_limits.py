"""Limits of companies: their days, holds by hand, and what they were on past days."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.pages import words
from tests.support.values import PROGRAMME_LIMIT, TODAY, at
from tusker.domain.credit.limits import Bound, Validity
from tusker.errors import Conflict, FinancingRefused, InvalidInput
from tusker.models import CreditLine, Customer, Role
from tusker.queries.credit.exposure import exposure_table, programme_limit_on
from tusker.services.context import Context
from tusker.services.credit.customers.companies import CustomerData, edit_customer
from tusker.services.credit.customers.holds import hold_customer, lift_hold, set_validity
from tusker.services.credit.customers.limit_days import note_programme_limit
from tusker.services.credit.requesting.financing import Decision
from tusker.transactions import transaction

Ask = Callable[..., Decision]


def test_a_company_on_hold_gets_nothing_new_until_it_is_lifted(
    ctx: Context, line: CreditLine, ask: Ask, login: Callable[..., FlaskClient]
) -> None:
    buyer = line.purchaser.customer.name
    admin = login(Role.ADMIN)
    answer = admin.post(f"/customers/{line.purchaser_id}/hold", data={"reason": "asked by the court"})
    assert answer.status_code == 303
    with pytest.raises(
        FinancingRefused, match=f"{buyer} is on hold; nothing new is financed until we lift it"
    ):
        ask(line)
    page = words(admin.get(f"/customers/lines/{line.id}").text)
    assert f"{buyer} is on hold until an admin lifts it: asked by the court." in page
    assert "Available for a new request: ₹0.00" in page
    own = words(login(Role.SUPPLIER, customer=line.supplier.customer).get("/customers/own/lines").text)
    assert "asked by the court" not in own
    assert "₹0.00" in own
    assert buyer in admin.get("/admin/").text.partition("Customers on hold")[2]
    assert "Put on hold asked by the court" in words(admin.get(f"/customers/{line.purchaser_id}").text)
    with pytest.raises(Conflict, match="on hold already"), transaction():
        hold_customer(ctx, line.purchaser_id, reason="again")
    assert (
        admin.post(f"/customers/{line.purchaser_id}/lift-hold", data={"reason": "settled"}).status_code == 303
    )
    assert ask(line).approved
    with pytest.raises(Conflict, match="No admin has"), transaction():
        lift_hold(ctx, line.purchaser_id, reason="again")


@pytest.mark.parametrize(
    ("days", "message"),
    [
        (Validity(TODAY + timedelta(1)), "is valid from 3 Mar 2026 only"),
        (Validity(None, TODAY - timedelta(1)), "ended on 1 Mar 2026"),
    ],
)
def test_a_limit_out_of_its_days_admits_nothing(
    ctx: Context, line: CreditLine, ask: Ask, days: Validity, message: str
) -> None:
    with transaction():
        set_validity(ctx, line.supplier_id, "supplier", days)
    with pytest.raises(FinancingRefused, match=message):
        ask(line)
    with transaction():
        set_validity(ctx, line.supplier_id, "supplier", Validity(TODAY, TODAY))
        set_validity(ctx, line.purchaser_id, "purchaser", days)
    with pytest.raises(FinancingRefused, match=f"{line.purchaser.customer.name} is not valid now"):
        ask(line)
    with transaction():
        set_validity(ctx, line.purchaser_id, "purchaser", Validity())
    assert ask(line).approved


def test_days_are_set_on_the_page_and_refused_in_words(
    line: CreditLine, login: Callable[..., FlaskClient]
) -> None:
    admin, to = login(Role.ADMIN), f"/customers/{line.supplier_id}/validity"
    sent = {"side": "supplier", "valid_from": "2026-01-01", "valid_to": "2026-12-31"}
    assert admin.post(to, data=sent).status_code == 303
    shown = words(admin.get(f"/customers/{line.supplier_id}").text)
    assert "Valid from 1 Jan 2026 to 31 Dec 2026" in shown
    assert "open – open → 1 Jan 2026 – 31 Dec 2026" in shown
    wrong = admin.post(to, data={**sent, "valid_to": "2025-12-31"})
    assert (wrong.status_code, "must not be before the first" in wrong.text) == (422, True)
    assert "Valid to must be a date" in admin.post(to, data={**sent, "valid_to": "soon"}).text
    other = admin.post(to, data={**sent, "side": "purchaser"})
    assert (other.status_code, "is not a purchaser" in other.text) == (409, True)
    with pytest.raises(InvalidInput, match="must not be before"), transaction():
        set_validity(Context(None, "test", None, TODAY), 1, "supplier", Validity(TODAY, TODAY - timedelta(1)))  # type: ignore[arg-type]


def test_exposure_of_a_past_day_is_held_against_the_limit_of_that_day(
    ctx: Context, app: Flask, make_supplier: Callable[..., Customer], login: Callable[..., FlaskClient]
) -> None:
    company = make_supplier("Kaveri Mills", limit=100_000_00)

    def change(days: int, limit: int) -> None:
        with transaction():
            data = CustomerData(company.name, supplier_limit=limit)
            edit_customer(at(ctx, days), company.id, data, programme_limit=PROGRAMME_LIMIT)

    change(10, 150_000_00)
    change(20, 90_000_00)
    change(20, 80_000_00)
    limits = {
        days: exposure_table(Bound.SUPPLIER, at(ctx, days).today, key=company.id)[0].limit
        for days in (-1, 0, 9, 10, 19, 20, 40)
    }
    assert limits == {
        -1: 100_000_00,
        0: 100_000_00,
        9: 100_000_00,
        10: 150_000_00,
        19: 150_000_00,
        20: 80_000_00,
        40: 80_000_00,
    }
    admin = login(Role.ADMIN)
    assert "of ₹1,50,000.00" in words(admin.get("/reports/exposure?as_of=2026-03-15").text)
    [row] = csv.DictReader(io.StringIO(admin.get("/reports/exposure.csv?as_of=2026-03-15").text))
    assert row["limit"] == "150000.00"


def test_the_programme_limit_is_kept_on_the_day_it_changes(ctx: Context, app: Flask) -> None:
    for days, limit in ((0, 500), (3, 500), (5, 700)):
        with transaction():
            note_programme_limit(at(ctx, days), limit)
    found = [programme_limit_on(at(ctx, days).today) for days in (-1, 0, 4, 5)]
    assert found == [None, 500, 500, 700]


def test_commands_hold_lift_and_set_days(app: Flask, line: CreditLine, ask: Ask) -> None:
    name, run = line.purchaser.customer.name, app.test_cli_runner().invoke
    assert "is on hold" in run(args=["hold-customer", name, "--reason", "fraud"]).output
    with pytest.raises(FinancingRefused):
        ask(line)
    assert "is lifted" in run(args=["lift-hold", name, "--reason", "cleared"]).output
    said = run(args=["set-validity", name, "purchaser", "--valid-to", "2026-01-31"]).output
    assert "is valid open – 2026-01-31" in said
    with pytest.raises(FinancingRefused, match="is not valid now"):
        ask(line)
