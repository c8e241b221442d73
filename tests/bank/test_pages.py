"""The pages of bank statements: upload, what is refused, accept, park, and a fixed number of queries."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support import counting
from tests.support.camt import Tx, camt053, payment_of, return_of
from tests.support.malformed import MALFORMED
from tests.support.pages import HTMX, seen_in
from tests.support.values import TODAY
from tusker.extensions import db
from tusker.jobs.statements import read_upload
from tusker.models import CreditLine, Disbursal, Invoice, Role, StatementEntry
from tusker.services.bank.importing import ImportResult

Login = Callable[..., FlaskClient]


def upload(browser: FlaskClient, data: bytes, name: str = "bank.xml", **options: Any) -> TestResponse:
    """Send a file."""
    return browser.post("/admin/statements", data={"file": (io.BytesIO(data), name)}, **options)


def words(answer: TestResponse) -> str:
    """The text of a page."""
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())


def pay(invoice: Invoice, **changes: Any) -> Tx:
    """What its purchaser pays on the day of the payout."""
    values = {
        "reference": f"IN-{invoice.id}",
        "name": invoice.purchaser.name,
        "text": invoice.number,
        **changes,
    }
    return Tx(invoice.principal, **values)


def test_upload_accept_and_done(
    login: Login, released: Disbursal, make_invoice: Callable[..., Invoice], scalar: Callable[..., Any]
) -> None:
    invoice = make_invoice("disbursed")
    payout = released.payouts[0]
    data = camt053([payment_of(payout), pay(invoice), Tx(5, text="odd", reference="O-1")])
    reference, number = payout.reference, invoice.number
    browser = login()
    assert "No statement yet" in browser.get("/admin/statements").text
    answer = upload(browser, data)
    assert (answer.status_code, answer.location) == (303, "/admin/statements/1")
    page = browser.get("/admin/statements/1")
    assert "3 entries: 1 settled, 1 ready to accept, 1 parked." in words(page)
    assert f"pays {number}" in words(page)
    assert "1 bank statement line to review" in words(browser.get("/admin/"))
    assert reference in browser.get("/admin/statements/1?show=payouts").text
    assert "No open loan matches." in browser.get("/admin/statements/1?show=parked").text
    choice = re.search(r'name="choice" value="([^"]+)"', page.text)[1]
    entry_id = scalar("SELECT id FROM statement_entries WHERE bank_reference LIKE 'IN-%'")
    sent = {"choice": choice, "seen": seen_in(page.text)}
    fragment = browser.post(f"/admin/statements/entries/{entry_id}/accept", data=sent, headers=HTMX)
    assert fragment.status_code == 200
    assert "<html" not in fragment.text
    assert "Nothing to review" in fragment.text
    twice = browser.post(f"/admin/statements/entries/{entry_id}/accept", data={"choice": choice})
    assert twice.status_code == 409
    assert scalar("SELECT status FROM invoices WHERE id = :i", i=invoice.id) == "repaid"
    assert f"IN-{invoice.id}" in browser.get("/admin/statements/1?show=done").text
    again = upload(browser, data, follow_redirects=True)
    assert "This file was imported before; nothing was added." in words(again)
    events = browser.get("/admin/events?subject=statement_entry")
    assert f"/admin/statements/entries/{entry_id}" in events.text
    jump = browser.get(f"/admin/statements/entries/{entry_id}")
    assert jump.location == f"/admin/statements/1?show=done#entry-{entry_id}"


@pytest.mark.parametrize("role", [Role.ADMIN, Role.AUDITOR])
def test_who_may_act(login: Login, bank: Callable, make_invoice: Callable[..., Invoice], role: Role) -> None:
    bank([pay(make_invoice("disbursed")), Tx(5, reference="O-1")])
    browser, may = login(role), role is Role.ADMIN
    for path in ("/admin/statements", "/admin/statements/1", "/admin/statements/1?show=parked"):
        answer = browser.get(path)
        assert answer.status_code == 200
        main = answer.text.partition("<main")[2].partition("</main>")[0]
        assert bool(re.search(r'method="post"[^>]* action="/admin', main)) is may, path
    for path in (
        "",
        "/1/match",
        "/1/accept-sure",
        "/entries/1/accept",
        "/entries/1/park",
        "/entries/1/dismiss",
        "/entries/1/new",
        "/entries/1/same",
    ):
        if not may:
            assert browser.post(f"/admin/statements{path}").status_code == 403


def test_malformed_files_are_said_at_the_field_and_write_nothing(
    login: Login, scalar: Callable[..., Any]
) -> None:
    browser = login()
    for case, (data, expected) in MALFORMED.items():
        answer = upload(browser, data)
        if answer.status_code == 303:  # a large one, which a worker refuses
            assert read_upload(int(answer.location.rpartition("/")[2])), case
            page = browser.get(answer.location).text
            shown = re.search(r'class="card-body">\s*<p>(.*?)</p>', page, re.DOTALL)
        else:
            assert answer.status_code == 422, case
            assert 'aria-invalid="true"' in answer.text, case
            shown = re.search(r'id="file-error">(.*?)</div>', answer.text, re.DOTALL)
        assert shown, case
        words = html.unescape(shown[1])
        # amounts are read in the installation's currency, not the list's
        # and answers to payment orders are taken here
        said = {"pain.002": "does not say which payment order it answers"}.get(case, expected)
        assert said in words or ", not INR; skipped." in words, case
    assert scalar("SELECT count(*) FROM bank_statements") == 0
    assert scalar("SELECT count(*) FROM events WHERE subject LIKE 'statement%'") == 0


def test_no_file_at_all(login: Login) -> None:
    answer = login().post("/admin/statements", data={})
    assert answer.status_code == 422
    assert "Choose a statement file." in answer.text


def test_strangers_with_a_file_too_large_learn_nothing(client: FlaskClient) -> None:
    answer = upload(client, MALFORMED["too large"][0])
    assert answer.status_code in {302, 413}
    assert 'id="statement' not in answer.text


def test_accept_all_park_dismiss_and_reopen(
    login: Login,
    bank: Callable[..., ImportResult],
    make_invoice: Callable[..., Invoice],
    scalar: Callable[..., Any],
) -> None:
    invoices = [make_invoice("disbursed") for _ in range(3)]
    bank([*(pay(invoice) for invoice in invoices), Tx(8, "DBIT", "FEE")])
    browser = login()
    page = browser.get("/admin/statements/1")
    assert "Accept all 3 sure ones, ₹24,000.00" in words(page)
    browser.post("/admin/statements/entries/1/park", data={"reason": "asked them"})
    ids = [1, 2, 3]
    browser.post("/admin/statements/entries/1/reopen", data={"show": "parked"})
    browser.post("/admin/statements/entries/3/dismiss", data={"reason": "not ours"})
    sent = {"entry_ids": ids, "seen": seen_in(page.text)}
    answer = browser.post("/admin/statements/1/accept-sure", data=sent, follow_redirects=True)
    assert "2 accepted, ₹16,000.00. 1 were left: It is dismissed already." in words(answer)
    assert scalar("SELECT count(*) FROM receipts") == 2
    for data in ({}, {"entry_ids": "x"}):
        assert browser.post("/admin/statements/1/accept-sure", data=data).status_code == 422
    for choice in ("", "x", "1|", "1|2:3,2:4", "1|2:-3"):
        answer = browser.post("/admin/statements/entries/3/accept", data={"choice": choice})
        assert answer.status_code == 422, choice
    for path in ("/admin/statements/9", "/admin/statements/entries/99"):
        assert browser.get(path).status_code == 404
    assert browser.post("/admin/statements/entries/3/park", data={}).status_code == 422


def test_a_credit_is_accepted_with_what_the_payer_keeps_back(
    login: Login,
    bank: Callable[..., ImportResult],
    make_invoice: Callable[..., Invoice],
    scalar: Callable[..., Any],
) -> None:
    invoice = make_invoice("disbursed")
    bank([replace(pay(invoice), amount=7_900_00)])
    browser = login()
    page = browser.get("/admin/statements/1").text
    choice = re.search(r'name="choice" value="([^"]+)"', page)[1]
    seen = [html.unescape(text) for text in re.findall(r'name="seen" value="([^"]*)"', page)]
    assert f'name="kept_amount_{invoice.id}"' in page

    def accept(amount: str, kind: str = "tax") -> int:
        kept = {"kind": kind, "amount": amount, "number": "16A-7", "reason": ""}
        data = {"choice": choice, **{f"kept_{name}_{invoice.id}": text for name, text in kept.items()}}
        return browser.post("/admin/statements/entries/1/accept", data={**data, "seen": seen}).status_code

    for wrong in (("100.01", "tax"), ("x", "tax"), ("100", ""), ("-5", "tax")):
        assert accept(*wrong) == 422, wrong
    assert scalar("SELECT count(*) FROM receipts") == scalar("SELECT count(*) FROM credit_notes") == 0
    assert accept("100.00") == 303
    assert scalar("SELECT amount FROM credit_notes WHERE kind = 'tax' AND number = '16A-7'") == 100_00
    assert scalar("SELECT receipt_id FROM credit_notes") == scalar("SELECT receipt_id FROM statement_entries")
    assert scalar("SELECT open_amount FROM claims") == 100_00


def test_a_debit_is_settled_with_charges_on_the_page(
    login: Login, bank: Callable[..., ImportResult], released: Disbursal, scalar: Callable[..., Any]
) -> None:
    payout = released.payouts[0]
    bank([payment_of(payout, amount=payout.net + 5_00)])
    browser = login()
    path = "/admin/statements/entries/1/charges"
    assert path in browser.get("/admin/statements/1").text
    for wrong in ("", "x", "0", "4.99"):
        assert browser.post(path, data={"charges": wrong}).status_code in {409, 422}, wrong
    assert browser.post(path, data={"charges": "5"}).status_code == 303
    assert scalar("SELECT amount FROM bank_charges WHERE payout_id = :p", p=payout.id) == 500
    assert scalar("SELECT state FROM payouts WHERE id = :p", p=payout.id) == "confirmed"


def test_by_hand_with_everything_filled_in(
    login: Login,
    bank: Callable[..., ImportResult],
    make_invoice: Callable[..., Invoice],
    scalar: Callable[..., Any],
) -> None:
    invoice = make_invoice("disbursed")
    bank([pay(invoice, text="unclear")])
    browser = login()
    link = re.search(r'href="(/admin/receipts/new[^"]+)"', browser.get("/admin/statements/1").text)[1]
    form = browser.get(link.replace("&amp;", "&"))
    for value in ("8000.00", TODAY.isoformat(), f"IN-{invoice.id}"):
        assert f'value="{value}"' in form.text
    filled = {
        "customer_id": invoice.purchaser_id,
        "amount": "8000",
        "value_date": TODAY.isoformat(),
        "bank_reference": f"IN-{invoice.id}",
    }
    mark = f"{invoice.purchaser_id}.800000.{TODAY.isoformat()}"
    proposed = browser.post("/admin/receipts/new", data={**filled, "action": "propose"})
    sheet = {"action": "record", "proposed_for": mark, "left_over": "0", "seen": seen_in(proposed.text)}
    loan_id = scalar("SELECT id FROM loans WHERE invoice_id = :i", i=invoice.id)
    answer = browser.post("/admin/receipts/new", data={**filled, **sheet, f"principal_{loan_id}": "8000"})
    assert answer.status_code == 303, answer.text
    assert scalar("SELECT state FROM statement_entries") == "matched"
    assert scalar("SELECT receipt_id FROM statement_entries") == scalar("SELECT id FROM receipts")
    assert browser.get("/admin/receipts/new?amount=x&value_date=y&customer_id=z").status_code == 200


def test_money_that_did_not_arrive_is_no_success(login: Login, released: Disbursal) -> None:
    browser, (good, bad) = login(), released.payouts
    tones = []
    for number, payments in enumerate(([payment_of(good)], [return_of(bad)])):
        answer = upload(browser, camt053(payments, number=f"S-{number}"), follow_redirects=True)
        tones.append(re.search(r'class="alert alert-(\w+)"', answer.text.split('id="messages"')[1])[1])
    assert tones == ["success", "warning"]


def test_three_hundred_entries_take_as_many_queries_as_three(
    login: Login, bank: Callable[..., ImportResult], make_line: Callable[..., CreditLine], ask: Callable
) -> None:
    bank([Tx(100 + n, reference=f"A-{n}", text=f"INV-{n}", name="Somebody", account="A") for n in range(3)])
    bank(
        [
            Tx(100 + n, reference=f"B-{n}", text=f"INV-{n}", name="Somebody", account=f"A{n}")
            for n in range(300)
        ],
        number="STMT-2",
    )
    db.session.query(StatementEntry).update({"state": "open"})
    db.session.commit()
    browser, counts = login(), []
    for path in ("/admin/statements/1", "/admin/statements/2"):
        with counting.statements() as written:
            page = browser.get(path)
        assert page.status_code == 200
        counts.append(len(written))
    assert counts[0] == counts[1] <= 14
    assert page.text.count('id="entry-') == 30
    assert len(page.data) < 300_000
    older = re.search(r'href="([^"]*before=[^"]+)"', page.text)[1]
    assert browser.get(older.replace("&amp;", "&")).text.count('id="entry-') == 30
