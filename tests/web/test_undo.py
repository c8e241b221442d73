"""What was done is undone from its own message, where the domain can: nothing else is left of it."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.support.pages import HTMX
from tests.support.payouts import press_approve, seen_on
from tusker import clock
from tusker.extensions import db
from tusker.models import CreditLine, Customer, Invoice, Proposal, Role, SavedView, User

FORM = re.compile(r'<form[^>]*method="post"[^>]*action="([^"]+)"[^>]*>(.*?)</form>', re.S)


def undo_form(page: str) -> tuple[str, dict[str, str], bool]:
    """Where the form in the page's messages posts to, its fields, and whether it asks for a reason."""
    [(action, body)] = FORM.findall(page[page.index('role="alert"') :])[:1]
    fields = dict(re.findall(r'<input type="hidden" name="(?!csrf)([^"]+)" value="([^"]*)"', body))
    assert "Undo" in body
    return html.unescape(action), fields, 'name="reason"' in body


def undo(browser: FlaskClient, answer: TestResponse) -> str:
    """Press Undo in the message of an answer; returns the page after it."""
    page = answer.text
    if answer.status_code == 303:
        page = browser.get(answer.location).text
        assert "Undo" not in browser.get(answer.location).text.split('id="messages"')[1].split("</div>")[0]
    action, fields, asks = undo_form(page)
    if asks:
        fields["reason"] = "a slip"
    undone = browser.post(action, data=fields)
    assert undone.status_code == 303, (action, undone.text[:500])
    db.session.expire_all()
    return browser.get(undone.location).text


@pytest.fixture
def loan(make_invoice: Callable[..., Invoice]) -> Invoice:
    return make_invoice("disbursed")


def test_money_is_undone(login: Callable[..., FlaskClient], loan: Invoice) -> None:
    browser, at = login(), f"/admin/loans/{loan.id}"
    sent = {"bank_reference": "R-1", "value_date": clock.today().isoformat()}
    for what, data in (("repay", sent), ("write-off", {"reason": "insolvent"})):
        answer = browser.post(f"{at}/{what}", data=data, headers=HTMX)
        assert "data-dismiss-after" not in answer.text, "the way back does not run away"
        db.session.expire_all()
        assert loan.status == {"repay": "repaid", "write-off": "written_off"}[what]
        undo(browser, answer)
        assert loan.status == "disbursed"
    note = {"number": "CN-1", "amount": "100", "reason": "damaged"}
    page = undo(browser, browser.post(f"/admin/invoices/{loan.id}/credit-notes/new", data=note))
    assert "Undone: it is owed" in page
    page = undo(
        browser,
        browser.post(
            f"{at}/extend",
            data={
                "due_date": str(clock.today() + timedelta(days=120)),
                "interest": "with",
                "reason": "late harvest",
                "on_closed_day": "1",
            },
        ),
    )
    assert "as if it had not been granted" in page


def test_a_disbursal_is_taken_back_step_by_step(
    login: Callable[..., FlaskClient], make_invoice: Callable[..., Invoice]
) -> None:
    invoice, browser = make_invoice("financeable"), login()

    def bundle() -> TestResponse:
        data = {"invoice_id": str(invoice.id), "seen": seen_on(browser, "/admin/queue")}
        return browser.post("/admin/queue/bundle", data=data)

    made = bundle()
    page = undo(browser, made)
    assert "back in the queue" in page
    assert invoice.status == "financeable"
    made = bundle()
    page = undo(browser, press_approve(browser, made.location))
    assert "is a draft again" in page
    assert invoice.status == "bundled"


def test_holds_lines_and_mails(
    login: Callable[..., FlaskClient], make_line: Callable[..., CreditLine]
) -> None:
    line, browser = make_line(), login()
    at = f"/customers/{line.supplier_id}"
    assert "The hold is lifted" in undo(browser, browser.post(f"{at}/hold", data={"reason": "fraud"}))
    assert db.session.get_one(Customer, line.supplier_id).held_since is None
    browser.post(f"{at}/hold", data={"reason": "fraud"}, follow_redirects=True)
    assert "is on hold" in undo(browser, browser.post(f"{at}/lift-hold", data={"reason": "cleared"}))
    browser.post(f"{at}/lift-hold", data={"reason": "cleared"}, follow_redirects=True)
    suspended = {"status": "suspended", "reason": "audit"}
    for headers in ({}, HTMX):
        answer = browser.post(f"/customers/lines/{line.id}/status", data=suspended, headers=headers)
        undo(browser, answer)
        assert line.status == "active"
    supplier = login(Role.SUPPLIER, customer=line.supplier.customer)
    sent = {"account": f"supplier-{line.supplier_id}", "wanted": "0"}
    # two that ask why stand on one page
    browser.post(f"{at}/hold", data={"reason": "fraud"})
    browser.post(f"/customers/lines/{line.id}/status", data=suspended)
    ids = re.findall(r'id="(undo-reason[^"]*)"', browser.get("/invoices/").text)
    assert len(ids) == len(set(ids)) == 2
    assert "comes by mail" in undo(supplier, supplier.post("/reports/statements/by-mail", data=sent))


def test_people_and_views(login: Callable[..., FlaskClient], create_user: Callable[..., User]) -> None:
    user, browser = create_user(Role.AUDITOR), login()
    off = browser.post(f"/admin/users/{user.id}/deactivate", data={"reason": "has left"}, headers=HTMX)
    assert "may sign in again" in undo(browser, off)
    on = browser.post(f"/admin/users/{user.id}/reactivate", headers=HTMX)
    assert "can no longer sign in" in undo(browser, on)
    browser.post("/lists/invoices/views", data={"name": "Late", "query": "status=disbursed", "opens": "1"})
    kept = db.session.scalars(select(SavedView)).one()
    removed = browser.post(f"/lists/views/{kept.id}/remove")
    assert "The view “Late” is saved" in undo(browser, removed)
    again = db.session.scalars(select(SavedView)).one()
    assert (again.name, again.query, again.opens) == ("Late", "status=disbursed", True)


def test_what_is_only_proposed_is_withdrawn(
    app: object, login: Callable[..., FlaskClient], loan: Invoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = login()
    monkeypatch.setitem(app.config, "REQUIRE_SECOND_ADMIN", True)  # type: ignore[attr-defined]
    answer = browser.post(
        f"/admin/loans/{loan.id}/extend",
        data={
            "due_date": str(clock.today() + timedelta(days=120)),
            "interest": "without",
            "reason": "late harvest",
            "on_closed_day": "1",
        },
    )
    assert "The proposal is withdrawn" in undo(browser, answer)
    assert db.session.scalars(select(Proposal.state)).all() == ["withdrawn"]
