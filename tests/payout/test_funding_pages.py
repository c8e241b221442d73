"""The pages of funding control by role: who sees what, who may do what, and that the buttons do it."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support import counting
from tests.support.funding import FundingDesk, open_kinds, proof_of, shipment_of
from tests.support.pages import HTMX, seen_in
from tests.support.payouts import seen_on
from tusker.domain.delivery.shipments import ShipmentStatus as S
from tusker.extensions import db
from tusker.models import AttentionItem, Claim, CreditLine, Customer, Invoice, Role, ShipmentDocument
from tusker.transactions import transaction

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(99)


@pytest.fixture
def sign_in(funding: FundingDesk, login: Callable[..., FlaskClient]) -> Callable[[Role], FlaskClient]:
    """A browser of a role; company users are those of the funding's line."""

    def enter(role: Role) -> FlaskClient:
        company = {Role.SUPPLIER: funding.line.supplier_id, Role.PURCHASER: funding.line.purchaser_id}.get(
            role
        )
        return login(role, customer=db.session.get_one(Customer, company) if company else None)

    return enter


def act(browser: FlaskClient, action: str, **data: str) -> str:
    """Press a button of the one open item."""
    item = db.session.query(AttentionItem).filter(AttentionItem.resolved_at.is_(None)).one()
    sent = {"action": action, "seen": seen_in(browser.get("/admin/attention").text), **data}
    answer = browser.post(f"/admin/attention/{item.id}", data=sent, headers=HTMX)
    db.session.expire_all()
    assert answer.text.lstrip().startswith('<div id="attention">')
    return answer.text


def test_the_queue_says_what_to_do_and_counts(
    funding: FundingDesk, sign_in: Callable[[Role], FlaskClient]
) -> None:
    invoice = funding.bring_to("released")
    funding.say(invoice, S.RETURNED)
    funding.watch()
    for role in (Role.ADMIN, Role.AUDITOR):
        browser = sign_in(role)
        page = browser.get("/admin/attention").text
        assert "Returned while the bank pays" in page
        assert "Stop the payment at the bank" in page
        assert f"/invoices/{invoice.id}" in page
        assert re.search(r"<span>Attention</span>\s*<span class=\"badge[^>]*>1</span>", page)
        assert ('value="settle"' in page) == (role is Role.ADMIN)
        dashboard = browser.get("/admin/").text
        assert "1 issue: Returned while the bank pays" in dashboard
        assert "Stop the payment at the bank" in browser.get(f"/invoices/{invoice.id}").text
    assert "No open issues" in browser.get("/admin/attention?kind=stalled").text
    assert "No settled issues" in browser.get("/admin/attention?state=settled").text


@pytest.mark.parametrize("role", [Role.SUPPLIER, Role.PURCHASER, Role.AUDITOR])
def test_only_admins_act(funding: FundingDesk, sign_in: Callable[[Role], FlaskClient], role: Role) -> None:
    funding.want(documents=True)
    invoice = funding.deliver(funding.ask(), proof=True)
    browser = sign_in(role)
    for path in (
        "/admin/attention/1",
        f"/invoices/{invoice.id}/overrule",
        f"/invoices/{invoice.id}/accept-value",
        f"/invoices/documents/{proof_of(invoice).id}/verify",
    ):
        assert browser.post(path, data={"reason": "x"}).status_code == 403
    if role is not Role.AUDITOR:
        assert browser.get("/admin/attention").status_code == 403
    if role is not Role.PURCHASER:
        assert browser.post(f"/invoices/{invoice.id}/confirm-delivery").status_code == 403
        assert browser.get("/invoices/to-confirm").status_code == 403


def test_a_claim_is_decided_from_the_queue(
    funding: FundingDesk, sign_in: Callable[[Role], FlaskClient]
) -> None:
    invoice = funding.bring_to("disbursed")
    funding.say(invoice, S.RETURNED)
    funding.watch()
    browser = sign_in(Role.ADMIN)
    assert "Reason is required" in act(browser, "accept_claim", amount="100")
    assert "at most ₹8,000.00" in act(browser, "accept_claim", amount="8000.01", reason="agreed")
    assert "Choose one of the buttons" in browser.post("/admin/attention/1", data={"action": "overrule"}).text
    act(browser, "accept_claim", amount="100", reason="agreed")
    claim = db.session.query(Claim).one()
    assert (claim.state, claim.open_amount, open_kinds()) == ("accepted", 100_00, [])
    settled = browser.get("/admin/attention?state=settled").text
    assert "claim accepted: agreed" in settled
    assert "by itself" not in settled
    page = browser.get(f"/invoices/{invoice.id}").text
    assert "Returned goods" in page
    assert "deducted from the next payout" in page


def test_the_other_buttons(funding: FundingDesk, sign_in: Callable[[Role], FlaskClient]) -> None:
    browser = sign_in(Role.ADMIN)
    invoice = funding.bring_to("financeable")
    funding.say(invoice, S.DELIVERED, value=5_000_00)
    funding.watch()
    assert "declared ₹5,000.00" in browser.get("/admin/attention").text
    assert "Give a reason" in act(browser, "accept_value")
    act(browser, "accept_value", reason="half is free of charge")
    assert (invoice.status, open_kinds()) == ("financeable", [])
    funding.say(invoice, S.UNKNOWN)  # after the delivery: no news
    odd = funding.ask()
    funding.say(odd, S.UNKNOWN)
    funding.watch()
    before = shipment_of(odd).next_poll_at
    act(browser, "ask_again")
    assert shipment_of(odd).next_poll_at != before
    act(browser, "settle", reason="customs")
    assert open_kinds() == []
    assert "customs" in browser.get("/admin/attention?state=settled").text


def test_documents_are_linked_and_ticked(
    funding: FundingDesk, sign_in: Callable[[Role], FlaskClient]
) -> None:
    funding.want(documents=True)
    invoice = funding.deliver(funding.ask(), proof=True)
    with transaction() as session:
        bad = ShipmentDocument(
            shipment_id=shipment_of(invoice).id,
            kind="signed_invoice",
            uri="javascript:alert(1)",
            identity="javascript:alert(1)",
        )
        session.add(bad)
    browser = sign_in(Role.ADMIN)
    page = browser.get(f"/invoices/{invoice.id}").text
    assert "Delivered; waiting for: a verified proof of delivery or signed invoice." in page
    link = re.search(r'<a[^>]*href="https://docs.example/[^>]*>', page)
    assert link is not None
    assert 'target="_blank"' in link[0]
    assert "noopener noreferrer" in link[0]
    assert 'href="javascript' not in page
    path = f"/invoices/documents/{proof_of(invoice).id}/verify"
    answer = browser.post(path, data={"verified": "1"}, headers=HTMX)
    assert answer.text.lstrip().startswith('<div id="invoice">')
    db.session.expire_all()
    assert (invoice.status, "verified" in answer.text) == ("financeable", True)
    for role in (Role.SUPPLIER, Role.PURCHASER):
        seen = sign_in(role).get(f"/invoices/{invoice.id}").text
        assert "https://docs.example" in seen
        assert "/verify" not in seen
    assert browser.post(path, data={"verified": "0"}).status_code == 303
    db.session.expire_all()
    assert invoice.status == "approved"
    assert browser.post(path, data={"verified": "0"}).status_code == 409


def test_the_purchasers_desk(
    app: Flask,
    funding: FundingDesk,
    sign_in: Callable[[Role], FlaskClient],
    make_line: Callable[..., CreditLine],
) -> None:
    funding.want(confirmation=True)
    first, second = (funding.deliver(funding.ask(value), proof=True) for value in (1_000_00, 2_000_00))
    stranger = FundingDesk(funding.ctx, make_line())
    stranger.want(confirmation=True)
    foreign = stranger.deliver(stranger.ask())
    browser = sign_in(Role.PURCHASER)
    page = browser.get("/invoices/to-confirm").text
    assert first.number in page
    assert second.number in page
    assert foreign.number not in page
    assert "https://docs.example" in page
    for sort, last in (("amount", second), ("-amount", first), ("-delivered_at", first)):
        _, *lines = browser.get(f"/invoices/to-confirm.csv?sort={sort}").text.splitlines()
        assert [line.split(",")[0] for line in lines][1:] == [last.number], sort
    found = browser.get(f"/invoices/to-confirm?q={second.number}").text
    assert first.number not in found
    assert f'action="/invoices/{second.id}/confirm-delivery?q={second.number}&amp;back=list"' in found
    for word in ("confirm", "dispute"):
        assert browser.post(f"/invoices/{foreign.id}/{word}-delivery").status_code == 404
    answer = browser.post(f"/invoices/{first.id}/confirm-delivery?back=list", headers=HTMX)
    assert answer.text.lstrip().startswith('<div id="to-confirm">')
    assert f"/invoices/{first.id}" not in answer.text
    assert f"{first.number} is confirmed" in answer.text
    wrong = browser.post(
        f"/invoices/{second.id}/dispute-delivery?back=list", data={"grounds": "amount_differs"}
    )
    assert (wrong.status_code, "Reason is required" in wrong.text) == (422, True)
    assert wrong.text.count('<details class="tk-confirm" open>') == 1
    assert 'value="amount_differs" selected' in wrong.text or 'selected value="amount_differs"' in wrong.text
    said = {"grounds": "amount_differs", "amount": "1500", "reason": "One pallet is missing"}

    def dispute(content: bytes, of_list: str = "") -> TestResponse:
        sent = {**said, "document": (io.BytesIO(content), "note <1>.png")}
        return browser.post(f"/invoices/{second.id}/dispute-delivery{of_list}", data=sent)

    for content, words in ((b"<html>", "must be a PDF"), (bytes(11 << 20), "at most 10 MB")):
        answer = dispute(content)
        assert (answer.status_code, words in answer.text) == (422, True)
    same = {"document": (io.BytesIO(PNG), "invoice.png")}
    assert sign_in(Role.SUPPLIER).post(f"/invoices/{second.id}/documents", data=same).status_code == 303
    assert dispute(PNG, "?back=list&sort=amount").location == "/invoices/to-confirm?sort=amount"
    db.session.expire_all()
    assert (first.status, second.status) == ("financeable", "approved")
    [file] = db.session.query(ShipmentDocument).filter_by(kind="dispute")
    at = f"/invoices/{second.id}/documents/{file.id}"
    assert sign_in(Role.ADMIN).get(at).data == PNG
    assert sign_in(Role.ADMIN).post(f"/invoices/documents/{file.id}/verify").status_code == 404
    supplier = sign_in(Role.SUPPLIER).get(f"/invoices/{second.id}").text
    assert supplier.index("Disputed by") < supplier.index(at) < supplier.index("It says it owes")
    assert "note &lt;1&gt;.png" in supplier
    assert supplier.count(at) == 1, "it is no document of the invoice"
    assert "One pallet is missing" in supplier
    assert "It says it owes" in supplier
    assert "Settle dispute" not in supplier
    admin = sign_in(Role.ADMIN)
    assert "Settle dispute" in admin.get(f"/invoices/{second.id}").text
    said = {"reason": "ok", "seen": seen_on(admin, f"/invoices/{second.id}")}
    assert admin.post(f"/invoices/{second.id}/overrule", data=said).status_code == 303
    db.session.expire_all()
    assert second.status == "financeable"
    said = {"grounds": "amount_differs", "amount": "1500", "reason": "It is missing still"}
    assert dispute(PNG).status_code == 303
    db.session.expire_all()
    assert second.status == "approved"
    assert db.session.query(ShipmentDocument).filter_by(kind="dispute").count() == 1


def test_forms_without_their_token_are_refused(
    app: Flask, funding: FundingDesk, sign_in: Callable[[Role], FlaskClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    funding.want(confirmation=True)
    invoice = funding.deliver(funding.ask())
    browser = sign_in(Role.PURCHASER)
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
    for word in ("confirm", "dispute"):
        assert browser.post(f"/invoices/{invoice.id}/{word}-delivery").status_code == 400
    db.session.expire_all()
    assert db.session.get_one(Invoice, invoice.id).purchaser_answer is None


def test_the_line_carries_the_switches(funding: FundingDesk, sign_in: Callable[[Role], FlaskClient]) -> None:
    browser = sign_in(Role.ADMIN)
    path = f"/customers/lines/{funding.line.id}"
    data = {
        "limit": "1000",
        "valid_from": "2026-01-01",
        "confirmation_required": "y",
        **{name: str(value) for name, value in funding.line.terms.as_dict().items() if value is not None},
        "advance_rate": "80",
        "apr": "18",
        "fee_rate": "0",
        "penal_rate": "0",
    }
    answer = browser.post(f"{path}/edit", data=data)
    assert answer.status_code == 303, answer.text
    db.session.expire_all()
    assert (funding.line.documents_required, funding.line.confirmation_required) == (False, True)
    page = browser.get(path).text
    assert "once the purchaser confirms" in page
    assert "Conditions changed" in page
    funding.ctx = replace(funding.ctx)


def test_the_queue_takes_as_many_queries_whatever_its_length(
    funding: FundingDesk, sign_in: Callable[[Role], FlaskClient]
) -> None:
    browser = sign_in(Role.ADMIN)

    def queries() -> int:
        with counting.statements() as seen:
            assert browser.get("/admin/attention").status_code == 200
        return len(seen)

    funding.say(funding.ask(100_00), S.EXCEPTION)
    funding.watch()
    few = queries()
    for _ in range(4):
        funding.say(funding.ask(100_00), S.EXCEPTION)
    funding.watch()
    assert queries() == few
