"""A disbursal: taking out, dropping, confirming, the file, and what cannot be taken."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.invoices import order_on
from tests.support.pages import HTMX
from tests.support.payment_orders import schema_of
from tests.support.payouts import approve_and_release, bundle_and_confirm, press_approve, seen_on
from tests.support.values import PASSWORD, TODAY
from tusker.domain.delivery.shipments import ShipmentStatus
from tusker.extensions import db
from tusker.jobs.attention import watch
from tusker.models import CreditLine, Customer, Invoice, Role, Shipment, User
from tusker.services.context import Context
from tusker.services.delivery.tracking import record_tracking
from tusker.transactions import transaction

pytestmark = pytest.mark.usefixtures("stopped_clock")


@pytest.fixture
def bundle(ctx: Context, make_invoice: Callable[..., Invoice]) -> Callable[..., tuple[int, list[int]]]:
    """A draft (or released) disbursal of new invoices: its id and theirs."""

    def make(count: int = 2, *, released: bool = False, **invoice: Any) -> tuple[int, list[int]]:
        ids = [make_invoice("financeable", **invoice).id for _ in range(count)]
        disbursal_id = bundle_and_confirm(ctx, ids, only_bundle=True).id
        if released:
            with transaction():
                approve_and_release(ctx, disbursal_id)
        return disbursal_id, ids

    return make


def test_confirm_keeps_the_platforms_loan_ids_where_given(
    login: Callable[..., FlaskClient],
    bundle: Callable[..., tuple[int, list[int]]],
    scalar: Callable[..., Any],
) -> None:
    disbursal_id, (first, second) = bundle(released=True)
    answer = login().post(
        f"/admin/disbursals/{disbursal_id}/confirm",
        data={
            "bank_reference": "UTR-1",
            "value_date": "2026-03-02",
            f"platform_reference_{first}": "OWN-7",
            f"platform_reference_{second}": "",
        },
    )
    assert answer.status_code == 303
    platform = "SELECT platform_reference FROM loans WHERE invoice_id = :id"
    assert (scalar(platform, id=first), scalar(platform, id=second)) == ("OWN-7", None)
    for invoice_id in (first, second):
        reference = scalar("SELECT reference FROM loans WHERE invoice_id = :id", id=invoice_id)
        assert reference == f"L-{disbursal_id}-{invoice_id}"
    assert scalar("SELECT due_date - start_date FROM loans WHERE invoice_id = :id", id=first) == 90
    page = login().get(f"/admin/disbursals/{disbursal_id}").text
    assert "OWN-7" in page
    assert 'datetime="2026-05-31"' in page
    assert "confirm-form" not in page


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"bank_reference": ""}, "Bank reference is required."),
        ({"bank_reference": "x" * 300}, "Bank reference may have at most 60 characters."),
        ({"value_date": "1900-01-01"}, "Value date must be a date from 2000-01-01"),
        ({"value_date": "2026-03-01"}, "The value date must not be before the release"),
        ({"value_date": "2026-03-03"}, "The value date must not be in the future."),
        ({"value_date": "soon"}, "Value date must be a date such as"),
        ({"own": "L" * 61}, "loan id may have at most 60 characters"),
    ],
)
def test_what_cannot_be_confirmed_says_why_and_writes_nothing(
    login: Callable[..., FlaskClient],
    bundle: Callable[..., tuple[int, list[int]]],
    scalar: Callable[..., Any],
    given: dict[str, str],
    said: str,
) -> None:
    disbursal_id, (first, second) = bundle(released=True)
    data = {
        "bank_reference": given.get("bank_reference", "UTR-1"),
        "value_date": given.get("value_date", "2026-03-02"),
        f"platform_reference_{first}": given.get("own", "KEPT-1"),
        f"platform_reference_{second}": given.get("other", ""),
    }
    answer = login().post(f"/admin/disbursals/{disbursal_id}/confirm", data=data, headers=HTMX)
    assert answer.status_code == 422
    assert answer.text.lstrip().startswith('<div id="disbursal">')
    assert said in answer.text
    assert f'value="{given.get("own", "KEPT-1")}"' in answer.text
    assert scalar("SELECT count(*) FROM loans") == 0
    assert scalar("SELECT status FROM disbursals") == "released"


def test_only_the_ticked_lines_are_kept_and_come_back_when_ticked_again(
    login: Callable[..., FlaskClient],
    bundle: Callable[..., tuple[int, list[int]]],
    scalar: Callable[..., Any],
) -> None:
    disbursal_id, (first, second) = bundle(value=1_000_00)
    browser, url = login(), f"/admin/disbursals/{disbursal_id}/lines"
    kept = browser.post(url, data={"reason": "Wrong goods", "invoice_ids": [second]}, headers=HTMX)
    assert kept.status_code == 200
    assert "Approve ₹800.00" in kept.text
    assert "Wrong goods" in kept.text
    assert scalar("SELECT status FROM invoices WHERE id = :id", id=first) == "financeable"
    assert scalar("SELECT status FROM invoices WHERE id = :id", id=second) == "bundled"
    back = browser.post(url, data={"invoice_ids": [first, second]}, headers=HTMX)
    assert "Approve ₹1,600.00" in back.text
    assert scalar("SELECT count(*) FROM invoices WHERE status = 'bundled'") == 2
    nothing = browser.post(url, data={"reason": "All"}, headers=HTMX)
    assert (nothing.status_code, "Choose at least one invoice" in nothing.text) == (422, True)
    for wrong in ("999", "x"):
        assert browser.post(url, data={"reason": "No", "invoice_ids": [wrong]}).status_code == 422
    assert scalar("SELECT count(*) FROM invoices WHERE status = 'bundled'") == 2


def test_the_effect_follows_the_ticked_boxes_and_changes_nothing(
    login: Callable[..., FlaskClient],
    bundle: Callable[..., tuple[int, list[int]]],
    scalar: Callable[..., Any],
) -> None:
    disbursal_id, (first, second) = bundle(value=1_000_00)
    browser, url = login(), f"/admin/disbursals/{disbursal_id}/what-if"
    both = browser.post(url, data={"invoice_ids": [first, second]}, headers=HTMX).text
    one_only = browser.post(url, data={"invoice_ids": [first]}, headers=HTMX).text
    assert both.lstrip().startswith('<section class="card" id="what-if"')
    assert ("₹1,600.00" in both, "₹1,600.00" in one_only, "₹800.00" in one_only) == (True, False, True)
    assert "100%" in one_only  # one purchaser would owe everything
    page = browser.post(url, data={"invoice_ids": [first]}).text
    assert page.count(" checked") == 1
    assert scalar("SELECT count(*) FROM disbursal_lines WHERE state = 'included'") == 2


@pytest.mark.parametrize("reason", ["", "   ", "x" * 301, "two\nlines"])
def test_a_reason_must_be_given(
    login: Callable[..., FlaskClient],
    bundle: Callable[..., tuple[int, list[int]]],
    scalar: Callable[..., Any],
    reason: str,
) -> None:
    disbursal_id, ids = bundle()
    browser = login()
    for path in ("lines", "drop"):
        data = {"reason": reason, "invoice_ids": ids[:1]}
        answer = browser.post(f"/admin/disbursals/{disbursal_id}/{path}", data=data)
        assert answer.status_code == 422
        assert "Give a reason of 1 to 300 characters on one line." in answer.text
    assert scalar("SELECT count(*) FROM invoices WHERE status = 'bundled'") == 2


def test_dropped_all_go_back_and_a_second_time_is_a_conflict(
    login: Callable[..., FlaskClient],
    bundle: Callable[..., tuple[int, list[int]]],
    scalar: Callable[..., Any],
) -> None:
    disbursal_id, _ = bundle()
    browser, url = login(), f"/admin/disbursals/{disbursal_id}/drop"
    assert browser.post(url, data={"reason": "Bank holiday"}).status_code == 303
    assert scalar("SELECT count(*) FROM invoices WHERE status = 'financeable'") == 2
    assert scalar("SELECT status FROM disbursals") == "dropped"
    assert browser.post(url, data={"reason": "Bank holiday"}).status_code == 409


def test_the_file_holds_the_payouts_and_no_formulas(
    login: Callable[..., FlaskClient],
    bundle: Callable[..., tuple[int, list[int]]],
    make_line: Callable[..., CreditLine],
    make_supplier: Callable[..., Customer],
) -> None:
    line = make_line(make_supplier("=HYPERLINK(1)"))
    disbursal_id, (first, _) = bundle(line=line, value=1_234_50)
    browser = login()
    browser.post(f"/admin/disbursals/{disbursal_id}/lines", data={"reason": "No", "invoice_ids": [first]})
    answer = browser.get(f"/admin/disbursals/{disbursal_id}/payouts.csv")
    assert answer.mimetype == "text/csv"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["supplier"], row["amount"], row["currency"]) for row in rows] == [
        ("'=HYPERLINK(1)", "987.60", "INR")
    ]


def test_goods_that_came_back_are_told_before_the_money_leaves(
    ctx: Context,
    login: Callable[..., FlaskClient],
    bundle: Callable[..., tuple[int, list[int]]],
    make_line: Callable[..., CreditLine],
) -> None:
    line = make_line()
    disbursal_id, ids = bundle(count=1, line=line)
    shipment = db.session.query(Shipment).filter_by(invoice_id=ids[0]).one()
    back = replace(order_on(line), ref=shipment.order_ref, status=ShipmentStatus.RETURNED, raw_status="40")
    with transaction():
        record_tracking(ctx, {shipment.id: back}, minimum_interval=timedelta(minutes=1))
    browser = login()
    assert "Do not pay all of this out" in browser.get(f"/admin/disbursals/{disbursal_id}").text
    watch()
    assert "Do not pay" not in browser.get(f"/admin/disbursals/{disbursal_id}").text
    assert "1 issue: Returned before the payout" in browser.get("/admin/").text


def test_the_list_filters_and_pages(
    monkeypatch: pytest.MonkeyPatch,
    ctx: Context,
    login: Callable[..., FlaskClient],
    make_invoice: Callable[..., Invoice],
) -> None:
    made = [bundle_and_confirm(ctx, [make_invoice("financeable").id], only_bundle=n > 0) for n in range(3)]
    references = [d.reference for d in made]
    browser = login()
    shown = browser.get("/admin/disbursals?status=draft", headers=HTMX).text
    assert [r in shown for r in references] == [False, True, True]
    monkeypatch.setattr("tusker.web.lists.listing.PAGE_SIZE", 2)
    first = browser.get("/admin/disbursals", headers=HTMX).text
    assert references[0] not in first
    assert "before=" in first


def test_an_unknown_disbursal_is_not_found(login: Callable[..., FlaskClient]) -> None:
    browser = login()
    for path in ("/admin/disbursals/77", "/admin/disbursals/77/payouts.csv"):
        assert browser.get(path).status_code == 404
    data = {"bank_reference": "X", "value_date": TODAY.isoformat()}
    assert browser.post("/admin/disbursals/77/confirm", data=data).status_code == 404


def test_the_bank_file_is_there_from_the_release_on_and_always_the_same(
    login: Callable[..., FlaskClient],
    bundle: Callable[..., tuple[int, list[int]]],
    scalar: Callable[..., Any],
) -> None:
    draft_id, _ = bundle()
    released_id, _ = bundle(released=True)
    browser = login()
    assert browser.get(f"/admin/disbursals/{draft_id}/pain.001.xml").status_code == 409
    path = f"/admin/disbursals/{released_id}/pain.001.xml"
    first, second = browser.get(path), browser.get(path)
    assert first.data == second.data
    reference = scalar("SELECT reference FROM disbursals WHERE id = :id", id=released_id)
    total = scalar("SELECT sum(net) FROM payouts WHERE disbursal_id = :id", id=released_id)
    for version in ("09", "03"):
        found = browser.get(f"{path}?version={version}")
        schema_of(f"pain.001.001.{version}").validate(io.BytesIO(found.data))
        assert f"<MsgId>{reference}</MsgId>" in found.text
        assert f"<CtrlSum>{total // 100}.{total % 100:02}</CtrlSum>" in found.text
    assert browser.get(f"{path}?version=08").status_code == 422
    rows = list(csv.DictReader(io.StringIO(browser.get(f"/admin/disbursals/{released_id}/bank.csv").text)))
    assert sum(int(row["Amount"].replace(".", "")) for row in rows) == total
    taken = scalar(
        "SELECT count(*) FROM events WHERE kind = 'bank_file' AND subject_id = :id", id=released_id
    )
    assert taken == 5
    assert login(Role.AUDITOR).get(path).status_code == 403


def test_without_the_lenders_account_the_file_names_what_is_missing(
    app: Flask,
    monkeypatch: pytest.MonkeyPatch,
    login: Callable[..., FlaskClient],
    bundle: Callable[..., tuple[int, list[int]]],
) -> None:
    disbursal_id, _ = bundle(released=True)
    for name in ("LENDER_IBAN", "LENDER_ACCOUNT_NUMBER"):
        monkeypatch.setitem(app.config, name, "")
    answer = login().get(f"/admin/disbursals/{disbursal_id}/pain.001.xml")
    assert (answer.status_code, "LENDER_ACCOUNT_NUMBER" in answer.text) == (422, True)


def test_the_release_asks_for_the_password_and_happens_once(
    app: Flask,
    monkeypatch: pytest.MonkeyPatch,
    create_user: Callable[..., User],
    login: Callable[..., FlaskClient],
    make_invoice: Callable[..., Invoice],
    scalar: Callable[..., Any],
) -> None:
    monkeypatch.setitem(app.config, "REQUIRE_SECOND_ADMIN", True)
    asha, ravi = create_user(), create_user()
    ids = [make_invoice("financeable").id]
    maker, other = login(user=asha), login(user=ravi)
    maker.post("/admin/queue/bundle", data={"invoice_id": ids, "seen": seen_on(maker, "/admin/queue")})
    disbursal_id = scalar("SELECT id FROM disbursals")
    page = f"/admin/disbursals/{disbursal_id}"
    assert "You prepared it, so another admin has to approve it: Test admin." in maker.get(page).text
    assert "approve-form" not in maker.get(page).text
    assert press_approve(maker, page).status_code == 403
    assert other.post(f"{page}/approve", data={"seen": "something else"}).status_code == 409
    assert press_approve(other, page).status_code == 303
    wrong = {
        "execution_date": TODAY.isoformat(),
        "password": "guessed",
        "seen": seen_on(other, page),
    }
    refused = other.post(f"{page}/release", data=wrong, headers=HTMX)
    assert (refused.status_code, "Wrong password." in refused.text) == (422, True)
    assert scalar("SELECT user_id FROM access_log WHERE kind = 'sign_in_failed'") == ravi.id
    right = {**wrong, "password": PASSWORD}
    assert other.post(f"{page}/release", data=right).status_code == 303
    assert other.post(f"{page}/release", data=right).status_code == 409
    assert scalar("SELECT count(*) FROM events WHERE kind = 'released'") == 1


def test_payouts_are_answered_one_by_one(
    login: Callable[..., FlaskClient],
    bundle: Callable[..., tuple[int, list[int]]],
    scalar: Callable[..., Any],
) -> None:
    disbursal_id, (first, second) = bundle(released=True)
    browser = login()
    good, bad = (
        scalar("SELECT payout_id FROM disbursal_lines WHERE invoice_id = :id", id=i) for i in (first, second)
    )
    data = {"bank_reference": "UTR-1", "value_date": TODAY.isoformat()}
    assert browser.post(f"/admin/payouts/{good}/confirm", data=data).status_code == 303
    again = browser.post(f"/admin/payouts/{good}/confirm", data=data, headers=HTMX)
    assert (again.status_code, "is confirmed already" in again.text) == (409, True)
    assert 'value="UTR-1"' not in again.text  # or correcting it would confirm all the others
    rejected = browser.post(f"/admin/payouts/{bad}/reject", data={"reason": "AC04 closed"}, headers=HTMX)
    assert "Confirmed in part" in rejected.text
    assert browser.get(f"/admin/disbursals/{disbursal_id}/pain.001.xml").status_code == 409
    reinstated = browser.post(f"/admin/payouts/{bad}/reinstate", data={"reason": "wrong row"}, headers=HTMX)
    assert "At the bank" in reinstated.text
    browser.post(f"/admin/payouts/{bad}/reject", data={"reason": "AC04 closed"})
    assert scalar("SELECT status FROM invoices WHERE id = :id", id=second) == "financeable"
    returned = browser.post(f"/admin/payouts/{good}/return", data={"reason": "AC01"}, headers=HTMX)
    assert "Undone" in returned.text
    assert scalar("SELECT status FROM disbursals WHERE id = :id", id=disbursal_id) == "reversed"
    assert browser.post("/admin/payouts/99/reject", data={"reason": "x"}).status_code == 404
