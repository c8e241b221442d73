"""The pages of credit lines for staff."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.support.company_forms import TERMS_TYPED, count
from tests.support.pages import HTMX, button_values, words
from tests.support.threads import in_threads
from tests.support.values import TERMS
from tusker.clock import today
from tusker.domain.terms import (
    TERM_FIELDS,
    Collection,
    DayCount,
    DueConvention,
    InterestMethod,
    InterestTiming,
    Terms,
)
from tusker.errors import InvalidInput
from tusker.extensions import db
from tusker.models import CreditLine, Customer, Event, Invoice, Role
from tusker.queries.credit.credit_lines import (
    LineState,
    Validity,
    invoice_counts,
    line_by_id,
    line_state,
    lines_page,
)

Login = Callable[..., FlaskClient]
Make = Callable[..., Customer]
MakeLine = Callable[..., CreditLine]


def line_typed(supplier: Customer, purchaser: Customer, **changes: str) -> dict[str, str]:
    whole = {
        **TERMS_TYPED,
        "supplier_id": str(supplier.id),
        "purchaser_id": str(purchaser.id),
        "limit": "1,00,000",
        "valid_from": "2026-01-01",
        "valid_to": "",
    }
    return {**whole, **changes}


def test_a_line_is_opened(login: Login, make_supplier: Make, make_purchaser: Make) -> None:
    supplier, purchaser = make_supplier(), make_purchaser()
    typed = line_typed(supplier, purchaser, valid_to="2027-01-31", apr="12.5")
    answer = login().post("/customers/lines/new", data=typed)
    line = db.session.scalars(select(CreditLine)).one()
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/customers/lines/{line.id}"
    assert (line.supplier_id, line.purchaser_id, line.limit_amount) == (supplier.id, purchaser.id, 100_000_00)
    assert (line.valid_to, line.apr, line.status) == (date(2027, 1, 31), Decimal("0.125"), "active")


CANNOT_BE: list[tuple[dict[str, str], str]] = [
    ({"limit": "ten"}, "Limit: “ten” is not an amount"),
    ({"limit": "-1"}, "Limit: The amount must not be negative"),
    ({"limit": "€100"}, "Limit: “€100” is not an amount"),
    ({"limit": ""}, "Limit is required"),
    ({"valid_from": "1900-01-01"}, "Valid from must be a date from 2000-01-01"),
    ({"valid_from": "yesterday"}, "Valid from must be a date such as"),
    ({"valid_to": "2025-12-31"}, "Valid to: The last day must not be before the first"),
    ({"supplier_id": ""}, "Supplier is required"),
    ({"purchaser_id": "999"}, "Purchaser: choose one of the list"),
    ({"advance_rate": "0"}, "Advance rate must be from"),
    ({"penal_rate": "200"}, "Penal rate must be from 0% to 100%"),
]


def test_what_cannot_be_taken_is_told_at_its_field_and_nothing_is_written(
    login: Login, make_supplier: Make, make_purchaser: Make, subtests: pytest.Subtests
) -> None:
    browser, supplier, purchaser = login(), make_supplier(), make_purchaser()
    for changes, message in CANNOT_BE:
        with subtests.test(str((changes, message))):
            typed = line_typed(supplier, purchaser, **changes)
            answer = browser.post("/customers/lines/new", data=typed)
            assert answer.status_code == 422
            assert message in words(answer.text)
            assert count(CreditLine) == 0


def test_a_second_line_of_the_same_two_is_refused(login: Login, make_line: MakeLine) -> None:
    line = make_line()
    answer = login().post(
        "/customers/lines/new", data=line_typed(line.supplier.customer, line.purchaser.customer)
    )
    assert answer.status_code == 422
    assert "These two have a credit line already" in words(answer.text)


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_terms_are_taken_over_from_the_chosen_supplier(
    login: Login, make_supplier: Make, headers: dict[str, str]
) -> None:
    supplier = make_supplier("Asha", terms=replace(TERMS, apr=Decimal("0.215"), tenor_days=45))
    page = login().get(f"/customers/lines/new?supplier_id={supplier.id}", headers=headers).text
    assert button_values(page, "apr") == ["21.5"]
    assert button_values(page, "tenor_days") == ["45"]
    assert "Copied from the default terms of Asha" in page
    assert page.lstrip().startswith("<form" if headers else "<!doctype")


def test_edit_changes_the_line_and_leaves_the_companies(login: Login, make_line: MakeLine) -> None:
    line = make_line()
    browser = login()
    page = browser.get(f"/customers/lines/{line.id}/edit").text
    assert button_values(page, "valid_from") == ["2026-01-01"]
    typed = line_typed(line.supplier.customer, line.purchaser.customer, limit="5", tenor_days="30")
    assert browser.post(f"/customers/lines/{line.id}/edit", data=typed).status_code == 303
    db.session.expire_all()
    assert (line.limit_amount, line.tenor_days, line.terms_version) == (500, 30, 2)


def test_a_limit_below_what_is_used_is_saved_with_a_note(
    login: Login, make_line: MakeLine, make_invoice: Callable[..., Invoice]
) -> None:
    line = make_line()
    make_invoice(line=line, value=10_000_00)
    typed = line_typed(line.supplier.customer, line.purchaser.customer, limit="5000")
    page = login().post(f"/customers/lines/{line.id}/edit", data=typed, follow_redirects=True).text
    assert "The limit is ₹3,000.00 below what is in use" in words(page)
    assert "over by" in words(page)
    assert "Available for a new request: ₹0.00" in words(page)


def test_suspending_and_activating_need_a_reason_and_answer_with_the_line(
    login: Login, make_line: MakeLine
) -> None:
    line, browser = make_line(), login()
    url = f"/customers/lines/{line.id}/status"
    refused = browser.post(url, data={"status": "suspended", "reason": " "}, headers=HTMX)
    assert refused.status_code == 422
    assert "Reason is required" in refused.text
    db.session.expire_all()
    assert line.status == "active"
    done = browser.post(url, data={"status": "suspended", "reason": "Two invoices late"}, headers=HTMX)
    assert done.text.lstrip().startswith('<div id="line">')
    assert "Two invoices late" in done.text
    db.session.expire_all()
    assert line.status == "suspended"
    back = browser.post(url, data={"status": "active", "reason": "Paid"})
    assert back.headers["Location"] == f"/customers/lines/{line.id}"
    db.session.expire_all()
    assert line.status == "active"
    assert browser.post(url, data={"status": "expired", "reason": "x"}).status_code == 422


@pytest.mark.parametrize("path", ["lines/new", "lines/{id}/edit", "lines/{id}/status"])
def test_auditors_and_companies_write_nothing(login: Login, make_line: MakeLine, path: str) -> None:
    line = make_line()
    events = count(Event)
    browsers = [login(Role.AUDITOR), login(Role.SUPPLIER, customer=line.supplier.customer)]
    events = count(Event)
    for browser in browsers:
        url = f"/customers/{path.format(id=line.id)}"
        assert browser.post(url, data={"status": "suspended", "reason": "x"}).status_code == 403
    assert count(Event) == events


def test_companies_cannot_open_the_staffs_page_of_their_line(login: Login, make_line: MakeLine) -> None:
    line = make_line()
    own = login(Role.PURCHASER, customer=line.purchaser.customer)
    assert own.get(f"/customers/lines/{line.id}").status_code == 403


def test_the_list_is_searched_and_filtered(login: Login, make_line: MakeLine, make_supplier: Make) -> None:
    asha, binod = make_supplier("Asha"), make_supplier("Binod")
    make_line(asha)
    ended = make_line(binod, valid_to=date(2026, 1, 31))
    browser = login()
    for query, names in (
        ("q=asha", {"Asha"}),
        ("state=expired", {"Binod"}),
        ("state=active", {"Asha"}),
        (f"supplier_id={binod.id}", {"Binod"}),
        (f"purchaser_id={ended.purchaser_id}", {"Binod"}),
        ("", {"Asha", "Binod"}),
    ):
        fragment = browser.get(f"/customers/lines?{query}", headers=HTMX).text
        assert fragment.lstrip().startswith('<div class="card tk-list" id="lines">')
        assert {name for name in ("Asha", "Binod") if f">{name}</a>" in fragment} == names, query


DAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("status", "start", "end", "state"),
    [
        ("active", DAY, None, LineState.ACTIVE),
        ("active", DAY, DAY, LineState.ACTIVE),
        ("active", DAY + timedelta(1), None, LineState.NOT_YET_VALID),
        ("active", DAY - timedelta(9), DAY - timedelta(1), LineState.EXPIRED),
        ("suspended", DAY, None, LineState.SUSPENDED),
        ("suspended", DAY - timedelta(9), DAY - timedelta(1), LineState.SUSPENDED),
    ],
)
def test_the_filter_and_the_badge_agree_on_every_state(
    make_line: MakeLine, status: str, start: date, end: date | None, state: LineState
) -> None:
    line = make_line(valid_from=start, valid_to=end)
    line.status = status
    db.session.commit()
    assert line_state(status, [Validity(start, end)], DAY) is state
    for wanted in LineState:
        assert [row.id for row in lines_page(DAY, state=wanted)] == ([line.id] if wanted is state else [])


def test_what_is_left_is_the_least_of_the_three_and_nothing_on_a_closed_line(
    make_line: MakeLine, make_supplier: Make, make_purchaser: Make
) -> None:
    line = make_line(make_supplier(limit=900_00), make_purchaser(limit=300_00), limit=500_00)
    row = line_by_id(line.id, today())
    assert (row.available, row.bound_by) == (300_00, "purchaser")
    line.status = "suspended"
    db.session.commit()
    assert line_by_id(line.id, today()).available == 0


def test_the_page_counts_the_invoices_by_status(
    login: Login, make_line: MakeLine, make_invoice: Callable[..., Invoice]
) -> None:
    line = make_line()
    for status in ("approved", "approved", "disbursed"):
        make_invoice(status, line=line, value=1_000_00)
    make_invoice()
    counts = [(c.status, c.count, c.principal) for c in invoice_counts(line.id)]
    assert counts == [("approved", 2, 1_600_00), ("disbursed", 1, 800_00)]
    assert "Approved 2 ₹1,600.00" in words(login().get(f"/customers/lines/{line.id}").text)


def test_a_form_sent_several_times_at_once_opens_one_line(
    login: Login, app: Flask, make_supplier: Make, make_purchaser: Make
) -> None:
    data = line_typed(make_supplier(), make_purchaser())
    browsers = [login() for _ in range(6)]
    answers = in_threads(app, [lambda b=b: b.post("/customers/lines/new", data=data) for b in browsers])
    assert sorted(answer.status_code for answer in answers) == [303, 422, 422, 422, 422, 422]
    assert count(CreditLine) == 1


def test_the_database_keeps_the_bounds_of_terms(scalar: Callable[..., bool | None]) -> None:
    edges: dict[str, tuple[object, ...]] = {
        "advance_rate": (Decimal(0), Decimal(1), Decimal("1.000001")),
        **dict.fromkeys(("apr", "penal_rate"), (Decimal("-0.000001"), Decimal(1), Decimal("1.000001"))),
        "fee_rate": (Decimal("-0.000001"), Decimal("0.2"), Decimal("0.200001")),
        "tenor_days": (0, 1, 730, 731),
        "grace_days": (-1, 0, 90, 91),
        "recourse_days": (-1, 0, 365, 366, None),
        **dict.fromkeys(("fee_flat", "fee_min"), (-1, 0)),
        "fee_max": (-1, 0, None),
        "day_count": ("", *DayCount),
        "interest_method": ("", *InterestMethod),
        "interest_timing": ("", *InterestTiming),
        "due_convention": ("", *DueConvention),
        "collection": ("", *Collection),
    }
    assert edges.keys() == set(TERM_FIELDS)
    for name, values in edges.items():
        for value in values:
            whole = {**TERMS.as_dict(), name: value}
            try:
                allowed = bool(Terms.of(whole))
            except (InvalidInput, ValueError):
                allowed = False
            named = ", ".join(f"{field} => :{field}" for field in TERM_FIELDS)
            assert scalar(f"SELECT terms_valid({named})", **whole) is allowed, (name, value)
