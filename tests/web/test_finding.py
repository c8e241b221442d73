"""One search: whose things are found, exact ones first, by indexes only; what was looked at last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, text

from tests.support.plans import scanned
from tests.support.receipts import receive
from tusker.extensions import db
from tusker.models import CreditLine, Customer, Disbursal, Invoice, Loan, Payout, Role, Shipment
from tusker.queries.credit.invoices import Scope
from tusker.queries.finding import find
from tusker.services.context import Context
from tusker.services.people.saved_views import KEPT

pytestmark = pytest.mark.usefixtures("stopped_clock")

CARRIERS = ["tusker"]


@pytest.fixture
def two(make_invoice: Callable[..., Invoice], make_line: Callable[..., CreditLine]) -> list[Invoice]:
    """Two paid out invoices of companies that have nothing to do with each other."""
    return [make_invoice("disbursed", line=make_line()) for _ in range(2)]


def names_of(invoice: Invoice) -> dict[str, str]:
    loan = db.session.query(Loan).filter_by(invoice_id=invoice.id).one()
    payout = db.session.query(Payout).filter_by(supplier_id=invoice.supplier_id).one()
    shipment = db.session.query(Shipment).filter_by(invoice_id=invoice.id).one()
    return {
        "invoice": invoice.number,
        "loan": loan.reference,
        "order": shipment.order_ref,
        "payout": payout.reference,
    }


def kinds(words: str, scope: Scope, *, staff: bool = False) -> set[tuple[str, int]]:
    return {(hit.kind, hit.key) for hit in find(words, scope, staff=staff, carriers=CARRIERS)}


def test_a_company_finds_its_own_side_alone(two: list[Invoice]) -> None:
    mine, other = two
    for kind, name in names_of(mine).items():
        for scope in (Scope(supplier_id=mine.supplier_id), Scope(purchaser_id=mine.purchaser_id)):
            found = {found for found, _ in kinds(name, scope)}
            # what was paid to the supplier is not the purchaser's to see
            assert (kind in found) == (kind != "payout" or scope.supplier_id is not None), (kind, scope)
        for scope in (Scope(supplier_id=other.supplier_id), Scope(purchaser_id=other.purchaser_id)):
            assert kinds(name, scope) == set(), (kind, scope)
            assert kinds(f"#{mine.id}", scope) == set()
    stranger = db.session.get_one(Customer, other.purchaser_id)
    assert kinds(stranger.name, Scope(supplier_id=mine.supplier_id)) == set()
    assert kinds(stranger.name, Scope(supplier_id=other.supplier_id)) == {("partner", stranger.id)}


def test_staff_find_everything_that_has_a_name(ctx: Context, two: list[Invoice]) -> None:
    invoice = two[0]
    receipt = receive(ctx, invoice, 100_00, reference="UTR-900")
    payout = db.session.query(Payout).filter_by(supplier_id=invoice.supplier_id).one()
    disbursal = db.session.get_one(Disbursal, payout.disbursal_id)
    company = db.session.get_one(Customer, invoice.supplier_id)
    for name in ("UTR-900", "utr-9"):
        assert ("receipt", receipt.id) in kinds(name, Scope(), staff=True)
    assert ("disbursal", disbursal.id) in kinds(disbursal.reference.lower(), Scope(), staff=True)
    assert ("payout", disbursal.id) in kinds(payout.bank_reference or "", Scope(), staff=True)
    assert ("company", company.id) in kinds(company.name[:6], Scope(), staff=True)
    order = names_of(invoice)["order"]
    assert ("order", invoice.id) in kinds(order.swapcase(), Scope(), staff=True)


def test_exact_names_come_first_and_once(two: list[Invoice]) -> None:
    number = two[0].number
    hits = find(number, Scope(), staff=True, carriers=CARRIERS)
    assert (hits[0].kind, hits[0].key, hits[0].exact) == ("invoice", two[0].id, True)
    assert len({(hit.kind, hit.key) for hit in hits}) == len(hits)
    assert find("  ", Scope(), staff=True, carriers=CARRIERS) == []


def test_every_kind_is_read_by_an_index(app: Any) -> None:
    """Asked without whole reads, as the database would over many rows."""
    sent: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        sent.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        for words in ("ab", "INV-1", "#12"):
            for scope, staff in (
                (Scope(), True),
                (Scope(supplier_id=1), False),
                (Scope(purchaser_id=1), False),
            ):
                find(words, scope, staff=staff, carriers=CARRIERS)
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    assert len(sent) == 9
    db.session.execute(text("SET LOCAL enable_seqscan = off"))
    assert {table for one in sent for table in scanned(*one)} == set()


def test_the_page_answers_within_the_role_and_remembers(
    login: Callable[..., FlaskClient], two: list[Invoice], scalar: Callable[..., Any]
) -> None:
    mine, other = two
    browser = login(Role.SUPPLIER, customer=db.session.get_one(Customer, mine.supplier_id))
    assert f"/invoices/{mine.id}" in browser.get("/search", query_string={"q": mine.number}).text
    page = browser.get("/search", query_string={"q": other.number}).text
    assert f"/invoices/{other.id}" not in page
    assert "No results for" in page
    assert "Request financing" in browser.get("/search?q=request").text
    fragment = browser.get("/search?q=ageing", headers={"HX-Request": "true"}).text
    assert "<html" not in fragment
    assert "/reports/ageing" in fragment
    assert f"/invoices/{mine.id}" not in browser.get("/search").text
    browser.get(f"/invoices/{mine.id}")
    assert browser.get(f"/invoices/{other.id}").status_code == 404
    page = browser.get("/search").text
    assert f"/invoices/{mine.id}" in page
    assert f"/invoices/{other.id}" not in page
    assert scalar("SELECT count(*) FROM recent_things") == 1


def test_a_page_is_answered_where_it_cannot_be_noted(
    login: Callable[..., FlaskClient],
    two: list[Invoice],
    scalar: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    browser = login()

    def full(*_: object) -> None:
        db.session.execute(text("SELECT 1 / 0"))

    monkeypatch.setattr("tusker.web.pages.finding.note_seen", full)
    answer = browser.get(f"/invoices/{two[0].id}")
    assert (answer.status_code, two[0].number in answer.text) == (200, True)
    assert scalar("SELECT count(*) FROM recent_things") == 0


def test_only_the_latest_few_are_kept(
    login: Callable[..., FlaskClient], make_supplier: Callable[..., Customer], scalar: Callable[..., Any]
) -> None:
    browser = login()
    made = [make_supplier().id for _ in range(KEPT + 2)]
    for key in made:
        browser.get(f"/customers/{key}")
    assert scalar("SELECT count(*) FROM recent_things") == KEPT
