"""The pages of companies: who may, what is shown, what a form writes and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.support import counting
from tests.support.company_forms import company, count, typed
from tests.support.pages import HTMX, button_values, words
from tests.support.threads import in_threads
from tests.support.values import PROGRAMME_LIMIT, TODAY
from tusker import clock
from tusker.extensions import db
from tusker.models import ApiToken, CreditLine, Customer, Event, Invoice, Role
from tusker.queries.credit.customers import customers_page
from tusker.queries.paging import Cursor
from tusker.services.people.tokens import find_token
from tusker.web.paging import PAGE_SIZE

Login = Callable[..., FlaskClient]
Make = Callable[..., Customer]

STAFF_PAGES = ("/customers/", "/customers/{id}", "/customers/lines")
ADMIN_PAGES = ("/customers/new", "/customers/{id}/edit", "/customers/lines/new")
YEAR = {"scope": "request", "days": "365"}


def test_only_staff_reads_the_book_and_only_admins_write_it(login: Login, make_supplier: Make) -> None:
    supplier = make_supplier()
    admin, auditor = login(Role.ADMIN), login(Role.AUDITOR)
    outsider = login(Role.SUPPLIER, customer=supplier)
    for path in STAFF_PAGES:
        url = path.format(id=supplier.id)
        assert [b.get(url).status_code for b in (admin, auditor, outsider)] == [200, 200, 403], url
    for path in ADMIN_PAGES:
        url = path.format(id=supplier.id)
        assert [b.get(url).status_code for b in (admin, auditor, outsider)] == [200, 403, 403], url
    for path in (f"/customers/{supplier.id}/tokens", "/customers/directory"):
        assert [b.post(path).status_code for b in (auditor, outsider)] == [403, 403], path
    assert count(ApiToken) == 0


def test_an_auditor_sees_no_button_that_writes(login: Login, make_line: Callable[..., CreditLine]) -> None:
    line = make_line()
    auditor = login(Role.AUDITOR)
    for url in (
        "/customers/",
        f"/customers/{line.supplier_id}",
        "/customers/lines",
        f"/customers/lines/{line.id}",
    ):
        page = auditor.get(url).text.partition('<main id="content">')[2]
        assert 'method="post"' not in page, url
        assert "/edit" not in page, url
        assert "/new" not in page, url


def test_strangers_are_sent_to_the_sign_in_page(client: FlaskClient) -> None:
    assert client.get("/customers/").headers["Location"].startswith("/login")


def test_a_new_supplier_with_its_terms(login: Login) -> None:
    answer = login().post("/customers/new", data=typed(fee_flat="250", grace_days="5"))
    made = company("Asha Textiles")
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/customers/{made.id}"
    assert made.supplier is not None
    assert made.purchaser is None
    assert (made.supplier.limit_amount, made.supplier.fee_flat) == (250_000_00, 250_00)
    assert (made.supplier.advance_rate, made.supplier.grace_days) == (Decimal("0.8"), 5)


def test_a_purchaser_needs_no_terms(login: Login) -> None:
    wrong_terms = {"apr": "lots", "tenor_days": "", "supplier_limit": "x"}
    answer = login().post(
        "/customers/new", data=typed(is_supplier=None, is_purchaser="y", purchaser_limit="500", **wrong_terms)
    )
    assert answer.status_code == 303, words(answer.text)
    made = company("Asha Textiles")
    assert made.supplier is None
    assert made.purchaser is not None
    assert made.purchaser.limit_amount == 500_00


CANNOT_BE: list[tuple[dict[str, str | None], str]] = [
    ({"supplier_limit": "much"}, "Supplier limit: “much” is not an amount"),
    ({"supplier_limit": "-5"}, "Supplier limit: The amount must not be negative"),
    ({"supplier_limit": "$500"}, "Supplier limit: “$500” is not an amount"),
    ({"supplier_limit": ""}, "Supplier limit is required"),
    ({"name": "N" * 300}, "Name may have at most 120 characters"),
    ({"name": " "}, "Name is required"),
    ({"email": "nobody"}, "The email is not a mail address"),
    ({"apr": "101"}, "APR must be from 0% to 100%"),
    ({"apr": "-1"}, "APR must be a percentage"),
    ({"tenor_days": "0"}, "Tenor must be a whole number from 1 to 730"),
    ({"day_count": "ACT/ACT"}, "Day count: choose one of the list"),
    ({"fee_flat": "€3"}, "Flat fee: “€3” is not an amount"),
    ({"fee_rate": "21"}, "Percentage fee must be from 0% to 20%"),
    ({"grace_days": "91"}, "Grace days must be a whole number from 0 to 90"),
    ({"is_supplier": None}, "Say whether it is a supplier, a purchaser or both"),
    ({"is_purchaser": "y"}, "Purchaser limit is required"),
    ({"supplier_limit": str(PROGRAMME_LIMIT)}, "may not exceed the programme limit"),
]


def test_what_cannot_be_taken_is_told_at_its_field_and_nothing_is_written(
    login: Login, subtests: pytest.Subtests
) -> None:
    browser = login()
    events = count(Event)
    for changes, message in CANNOT_BE:
        with subtests.test(str((changes, message))):
            answer = browser.post("/customers/new", data=typed(**changes))
            assert answer.status_code == 422
            assert message in words(answer.text)
            assert (count(Customer), count(Event)) == (0, events)


def test_a_name_that_is_taken_is_told_at_the_field(login: Login, make_supplier: Make) -> None:
    make_supplier("Asha textiles")
    answer = login().post("/customers/new", data=typed())
    assert answer.status_code == 422
    assert "There is a customer named “Asha Textiles” already" in words(answer.text)
    assert count(Customer) == 1


def test_the_form_for_htmx_is_a_fragment_and_sends_the_browser_on(login: Login) -> None:
    browser = login()
    refused = browser.post("/customers/new", data=typed(name=""), headers=HTMX)
    assert refused.text.lstrip().startswith('<form id="customer-form"')
    taken = browser.post("/customers/new", data=typed(), headers=HTMX)
    assert taken.headers["HX-Redirect"] == f"/customers/{company('Asha Textiles').id}"


def test_edit_shows_and_saves_everything(login: Login, make_supplier: Make) -> None:
    supplier = make_supplier("Old name", limit=900_00)
    browser = login()
    page = browser.get(f"/customers/{supplier.id}/edit").text
    assert button_values(page, "supplier_limit") == ["900.00"]
    assert button_values(page, "apr") == ["18"]
    changes = typed(is_purchaser="y", purchaser_limit="77", identity=button_values(page, "identity"))
    answer = browser.post(f"/customers/{supplier.id}/edit", data=changes)
    assert answer.status_code == 303, words(answer.text)
    saved = company("Asha Textiles")
    assert saved.id == supplier.id
    assert saved.supplier is not None
    assert saved.purchaser is not None
    assert (saved.supplier.limit_amount, saved.purchaser.limit_amount) == (250_000_00, 77_00)
    assert [i.external_id for i in saved.carrier_identities] == [f"C{supplier.id}"]


def test_a_limit_below_what_is_used_is_saved_with_a_note(
    login: Login, make_invoice: Callable[..., Invoice]
) -> None:
    invoice = make_invoice(value=10_000_00)
    browser = login()
    url = f"/customers/{invoice.supplier_id}/edit"
    answer = browser.post(url, data=typed(supplier_limit="5000"), follow_redirects=True)
    assert "The supplier limit is ₹3,000.00 below what is in use" in words(answer.text)
    assert "no new requests are approved until usage is back within it" in words(answer.text)


def test_a_side_can_be_taken_away_only_without_lines(
    login: Login, make_supplier: Make, make_line: Callable[..., CreditLine]
) -> None:
    browser = login()
    only_buys = typed(name="Buyer now", reference="", is_supplier=None, is_purchaser="y", purchaser_limit="1")
    free = make_supplier()
    assert browser.post(f"/customers/{free.id}/edit", data=only_buys).status_code == 303
    assert company("Buyer now").supplier is None
    line = make_line()
    answer = browser.post(f"/customers/{line.supplier_id}/edit", data={**only_buys, "name": "Other"})
    assert answer.status_code == 422
    assert "it cannot stop being one" in words(answer.text)


@pytest.mark.parametrize(("ticked", "apr"), [("y", "0.24"), (None, "0.18")])
def test_changed_terms_reach_the_lines_only_when_ticked(
    login: Login, make_line: Callable[..., CreditLine], ticked: str | None, apr: str
) -> None:
    line = make_line()
    browser = login()
    page = words(browser.get(f"/customers/{line.supplier_id}/edit").text)
    assert "Apply these terms to its 1 credit line too" in page
    browser.post(f"/customers/{line.supplier_id}/edit", data=typed(apr="24", cascade=ticked))
    db.session.expire_all()
    assert line.apr == Decimal(apr)
    assert line.supplier.apr == Decimal("0.24")


def test_the_list_finds_by_name_reference_and_email(
    login: Login, make_supplier: Make, make_purchaser: Make
) -> None:
    browser = login()
    browser.post("/customers/new", data=typed())
    make_purchaser("Bharat Stores")
    for query, found in (
        ("asha tex", True),
        ("A-17", True),
        ("@ASHA", True),
        ("%", False),
        ("bharat", False),
    ):
        page = browser.get("/customers/", query_string={"q": query}).text
        assert ("Asha Textiles</a>" in page) is found, query
    suppliers = browser.get("/customers/?side=supplier").text
    assert "Asha Textiles</a>" in suppliers
    assert "Bharat Stores</a>" not in suppliers
    fragment = browser.get("/customers/?q=bharat", headers=HTMX).text
    assert fragment.lstrip().startswith('<div class="card tk-list" id="customers">')
    assert "Bharat Stores</a>" in fragment


def test_a_row_counts_open_invoices_and_lines_of_both_sides(
    make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice], ask: Callable[..., object]
) -> None:
    line = make_line(limit=20_000_00)
    make_invoice(line=line)
    make_invoice("disbursed", line=line)
    ask(line, 90_000_00)
    rows = {row.id: row for row in customers_page(TODAY)}
    for customer_id in (line.supplier_id, line.purchaser_id):
        assert (rows[customer_id].open_invoices, rows[customer_id].lines) == (2, 1)
    supplier = rows[line.supplier_id].supplier
    assert supplier is not None
    assert supplier.used == 16_000_00
    assert supplier.available > 0
    assert rows[line.supplier_id].purchaser is None
    line.supplier.customer.held_since = TODAY
    line.supplier.customer.held_reason = "Looked into."
    db.session.commit()
    held = {row.id: row for row in customers_page(TODAY)}[line.supplier_id].supplier
    assert held is not None
    assert held.available == 0


def test_pages_of_the_list_follow_each_other(make_purchaser: Make, login: Login) -> None:
    made = [make_purchaser().id for _ in range(PAGE_SIZE + 2)][::-1]
    first = [row.id for row in customers_page(TODAY, limit=PAGE_SIZE)]
    second = [row.id for row in customers_page(TODAY, cursor=Cursor(before=first[-1]), limit=PAGE_SIZE)]
    assert first + second == made
    assert [row.id for row in customers_page(TODAY, cursor=Cursor(after=second[0]), limit=PAGE_SIZE)] == first
    page = login().get("/customers/").text
    assert "Older" in page
    assert page.count("/customers/") >= PAGE_SIZE


def test_the_page_of_a_company_asks_the_database_as_often_for_many_lines_as_for_one(
    login: Login, make_supplier: Make, make_line: Callable[..., CreditLine], app: Flask
) -> None:
    supplier, browser = make_supplier(), login()

    def asked() -> int:
        with counting.statements() as sent:
            assert browser.get(f"/customers/{supplier.id}").status_code == 200
        return len(sent)

    make_line(supplier)
    one = asked()
    for _ in range(5):
        make_line(supplier)
    assert asked() == one


def test_an_unknown_company_is_not_found(login: Login) -> None:
    assert login().get("/customers/4711").status_code == 404


def test_a_token_is_shown_once_and_can_be_revoked(login: Login, make_supplier: Make) -> None:
    supplier, browser = make_supplier(), login()
    made = browser.post(
        f"/customers/{supplier.id}/tokens",
        data={"name": "ERP", **YEAR},
        headers=HTMX,
    )
    secret = made.text.partition("data-secret>")[2].partition("<")[0]
    token = find_token(secret, clock.now())
    assert token is not None
    assert token.company_id == supplier.id
    page = browser.get(f"/customers/{supplier.id}").text
    assert secret not in page
    assert token.token_prefix in page
    answer = browser.post(f"/customers/{supplier.id}/tokens/{token.token_id}/revoke", headers=HTMX)
    assert "Revoked" in answer.text
    db.session.expire_all()
    assert find_token(secret, clock.now()) is None


def test_a_token_needs_a_name(login: Login, make_supplier: Make) -> None:
    answer = login().post(f"/customers/{make_supplier().id}/tokens", data={"name": "", **YEAR})
    assert answer.status_code == 422
    assert "Name of a new token" in answer.text
    assert "Name is required" in answer.text
    assert count(ApiToken) == 0


def test_without_javascript_the_secret_comes_on_a_page_of_its_own(login: Login, make_supplier: Make) -> None:
    answer = login().post(f"/customers/{make_supplier().id}/tokens", data={"name": "ERP", **YEAR})
    assert answer.text.lstrip().startswith("<!doctype html>")
    assert answer.headers["Cache-Control"] == "no-store"
    assert find_token(answer.text.partition("data-secret>")[2].partition("<")[0], clock.now()) is not None


def test_a_token_is_revoked_only_under_its_own_company(login: Login, make_supplier: Make) -> None:
    one, other, browser = make_supplier(), make_supplier(), login()
    browser.post(f"/customers/{one.id}/tokens", data={"name": "ERP", **YEAR})
    token = db.session.scalars(select(ApiToken)).one()
    assert browser.post(f"/customers/{other.id}/tokens/{token.id}/revoke").status_code == 404
    db.session.expire_all()
    assert token.revoked_at is None


def test_a_form_sent_several_times_at_once_makes_one_company(login: Login, app: Flask) -> None:
    browsers = [login() for _ in range(6)]
    answers = in_threads(app, [lambda b=b: b.post("/customers/new", data=typed()) for b in browsers])
    assert sorted(answer.status_code for answer in answers) == [303, 422, 422, 422, 422, 422]
    assert count(Customer) == 1
