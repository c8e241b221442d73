"""Relief by pages and commands: who may, what the forms say, who accepts, and what both companies see."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.loans.test_relief import EASY, grant, receive
from tests.support.pages import Today, field_error, words
from tests.support.values import PASSWORD, TODAY, at
from tusker.domain.terms import Collection, DueConvention
from tusker.domain.working_days import WorkingDays
from tusker.extensions import db
from tusker.models import CreditLine, Invoice, Relief, Role, User
from tusker.services.context import Context


@pytest.fixture
def invoice(
    make_line: Callable[..., CreditLine],
    make_invoice: Callable[..., Invoice],
    business_day: Today,
    ctx: Context,
) -> Invoice:
    """10 days late: 8,000.00, 80.00 of penalty, 50.00 of fee and 320.00 of interest."""
    made = make_invoice("disbursed", line=make_line(terms=EASY))
    business_day(at(ctx, 40).today)
    return made


@pytest.fixture
def by_two(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "REQUIRE_SECOND_ADMIN", True)


def relief() -> Relief:
    db.session.rollback()
    return db.session.query(Relief).order_by(Relief.id.desc()).first()


def seen(answer: TestResponse) -> str:
    """A page's words; what stands in elements of its own leaves a blank before the comma."""
    return words(answer.text).replace(" ,", ",").replace(" :", ":")


def page(browser: FlaskClient, invoice: Invoice) -> str:
    return seen(browser.get(f"/invoices/{invoice.id}"))


def test_an_admin_waives_and_undoes_on_the_page(login: Callable[..., FlaskClient], invoice: Invoice) -> None:
    admin = login()
    form = admin.get(f"/admin/loans/{invoice.id}/waive")
    assert "Penalty ₹80.00" in words(form.text)
    sent = {"penalty": "80", "fee": "0", "value_date": "2026-04-11", "reason": "our mistake"}
    answer = admin.post(f"/admin/loans/{invoice.id}/waive", data=sent)
    assert answer.headers["Location"] == f"/invoices/{invoice.id}#relief"
    shown = page(admin, invoice)
    assert "Waived from 11 Apr 2026: penalty ₹80.00 our mistake" in shown
    assert "₹8,370.00" in shown
    undone = admin.post(f"/admin/relief/{relief().id}/undo", data={"reason": "not agreed"})
    assert undone.status_code == 303
    assert "Undone since 11 Apr 2026, undone on 11 Apr 2026" in page(admin, invoice)


@pytest.mark.parametrize(
    ("sent", "field", "said"),
    [
        ({"penalty": "80.01"}, "penalty", "At most ₹80.00 of penalty can be waived on that day."),
        ({"interest": "-1"}, "interest", "Interest"),
        ({"interest": "many"}, "interest", "Interest"),
        ({"interest": "1", "value_date": "2026-04-12"}, "value_date", "must not be in the future"),
        ({"interest": "1", "value_date": "soon"}, "value_date", "Value date must be a date"),
        ({"interest": "1", "reason": ""}, "reason", "Reason is required."),
        ({"interest": "1", "reason": "x" * 301}, "reason", "300"),
    ],
)
def test_a_waiver_that_cannot_be_is_named_at_its_field(
    login: Callable[..., FlaskClient], invoice: Invoice, sent: dict[str, str], field: str, said: str
) -> None:
    filled = {"value_date": "2026-04-11", "reason": "goodwill", **sent}
    answer = login().post(f"/admin/loans/{invoice.id}/waive", data=filled)
    assert answer.status_code == 422
    assert said in field_error(answer.text, field)
    assert db.session.query(Relief).count() == 0


@pytest.mark.usefixtures("by_two")
def test_a_proposal_waits_for_another_admin(login: Callable[..., FlaskClient], invoice: Invoice) -> None:
    maker, other = login(), login()
    sent = {"due_date": "2026-05-01", "interest": "without", "reason": "the ship is late"}
    assert maker.post(f"/admin/loans/{invoice.id}/extend", data=sent).status_code == 303
    assert "1 proposal to approve" in words(other.get("/admin/").text)
    listed = seen(other.get("/admin/approvals"))
    assert "Due date moved 1 Apr 2026 1 May 2026" in listed
    assert "Interest for the days between – None" in listed
    assert "Due on 1 Apr 2026" in page(maker, invoice)
    assert maker.post("/admin/approvals/1/accept").status_code == 403
    assert other.post("/admin/approvals/1/accept").status_code == 303
    assert "First due on 1 Apr 2026" in page(maker, invoice)


def test_interest_is_charged_unless_a_person_says_otherwise(
    login: Callable[..., FlaskClient], invoice: Invoice
) -> None:
    browser, url = login(), f"/admin/loans/{invoice.id}/extend"
    assert re.search(
        r'<option[^>]* value="with"[^>]*selected|selected[^>]* value="with"', browser.get(url).text
    )
    for sent in ({}, {"interest": ""}):  # nothing is given up by leaving the field out
        answer = browser.post(url, data={"due_date": "2026-05-01", "reason": "the ship is late", **sent})
        assert answer.status_code == 422
        assert "Interest for the days between" in field_error(answer.text, "interest")
    assert db.session.query(Relief).count() == 0


def test_a_closed_day_is_proposed_and_asked_about(
    app: Flask,
    login: Callable[..., FlaskClient],
    make_line: Callable[..., CreditLine],
    make_invoice: Callable[..., Invoice],
    business_day: Today,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = make_line(terms=replace(EASY, due_convention=DueConvention.FOLLOWING))
    invoice = make_invoice("disbursed", line=line)
    business_day(TODAY)
    closed = WorkingDays(frozenset({(5, None), (6, None)}), lambda _day: None)
    monkeypatch.setitem(app.extensions, "tusker_working_days", closed)
    admin, url = login(), f"/admin/loans/{invoice.id}/extend"
    assert 'value="2026-05-01"' in admin.get(url).text
    sent = {"due_date": "2026-04-25", "interest": "with", "reason": "asked"}
    refused = admin.post(url, data=sent)
    assert refused.status_code == 422
    assert "by the terms it would be due on 27 Apr 2026" in field_error(refused.text, "due_date")
    assert 'name="on_closed_day"' in refused.text
    assert admin.post(url, data={**sent, "on_closed_day": "y"}).status_code == 303


def test_both_companies_see_what_counts(
    login: Callable[..., FlaskClient], make_line: Callable[..., CreditLine], invoice: Invoice
) -> None:
    admin = login()
    admin.post(
        f"/admin/loans/{invoice.id}/waive",
        data={"penalty": "80", "value_date": "2026-04-11", "reason": "goodwill"},
    )
    for role, company in ((Role.SUPPLIER, invoice.supplier), (Role.PURCHASER, invoice.purchaser)):
        shown = page(login(role, customer=company), invoice)
        assert "Waived from 11 Apr 2026: penalty ₹80.00" in shown
        assert "Gives up" not in shown
        assert "Undo" not in shown


def test_a_purchaser_that_pays_the_face_value_sees_no_charges(
    login: Callable[..., FlaskClient],
    make_line: Callable[..., CreditLine],
    make_invoice: Callable[..., Invoice],
    business_day: Today,
    ctx: Context,
) -> None:
    made = make_invoice("disbursed", line=make_line(terms=replace(EASY, collection=Collection.INVOICE)))
    business_day(at(ctx, 40).today)
    admin = login()
    waived = {"interest": "5", "value_date": "2026-04-11", "reason": "goodwill"}
    admin.post(f"/admin/loans/{made.id}/waive", data=waived)
    admin.post(
        f"/admin/loans/{made.id}/extend",
        data={"due_date": "2026-05-01", "interest": "with", "reason": "asked"},
    )
    shown = page(login(Role.PURCHASER, customer=made.purchaser), made)
    assert "Due on 1 May 2026 instead of 1 Apr 2026, with interest" in shown
    assert "Waived from" not in shown


@pytest.mark.parametrize("what", ["waive", "extend"])
def test_only_admins_grant(login: Callable[..., FlaskClient], invoice: Invoice, what: str) -> None:
    assert login(Role.AUDITOR).get(f"/admin/loans/{invoice.id}/{what}").status_code == 403
    assert login().get(f"/admin/loans/{invoice.id + 1}/{what}").status_code == 404


@pytest.mark.usefixtures("by_two")
def test_the_commands_make_the_same_checks(
    app: Flask, invoice: Invoice, create_user: Callable[..., User]
) -> None:
    maker, other = create_user().email, create_user().email
    runner = app.test_cli_runner()

    def run(*args: str) -> str:
        return str(runner.invoke(args=list(args)).output)

    number = invoice.number
    common = ("--reason", "goodwill", "--as", maker)
    said = run("waive", number, "--penalty", "80.01", *common)
    assert said == "Error: penalty: At most ₹80.00 of penalty can be waived on that day.\n"
    said = run("waive", number, "--penalty", "80", *common)
    assert said == "Proposed as 1: another admin must accept it (flask approve 1).\n"
    own = run("approve", "1", "--as", maker, "--password", PASSWORD)
    assert own == "Error: You proposed this; another admin must accept it.\n"
    assert "done" in run("approve", "1", "--as", other, "--password", PASSWORD)
    made = relief().id
    assert f"{made}\t{number}" in run("list-relief", number)
    assert run("undo-relief", str(made), *common) == f"Relief {made} is undone.\n"
    said = run("extend", number, "--due-date", "2026-04-01", *common)
    assert said == "Error: due_date: This is the due date already.\n"
    said = run("extend", number, "--due-date", "2026-05-01", "--without-interest", *common)
    assert said.startswith("Proposed as 2")
    assert "withdrawn" in run("refuse", "2", *common)


def test_what_was_paid_and_waived_is_shown_as_laid_again(
    login: Callable[..., FlaskClient], invoice: Invoice, ctx: Context
) -> None:
    """30.00 of the penalty are waived and 50.00 paid; moved and moved back, all is as it was."""
    admin = login()
    grant(at(ctx, 40), invoice, penalty=30_00)
    receive(at(ctx, 40), invoice, 50_00)
    sent = {"due_date": "2026-05-01", "interest": "with", "reason": "the ship is late"}
    assert admin.post(f"/admin/loans/{invoice.id}/extend", data=sent).status_code == 303
    shown = page(admin, invoice)
    assert "reallocated on 11 Apr 2026" in shown
    assert "₹0.00 of it counts, because no more accrues by the due date" in shown
    assert "₹8,320.00" in shown
    undo = {"reason": "it came in time"}
    assert admin.post(f"/admin/relief/{relief().id}/undo", data=undo).status_code == 303
    shown = page(admin, invoice)
    assert "of it counts" not in shown
    assert "₹8,370.00" in shown
