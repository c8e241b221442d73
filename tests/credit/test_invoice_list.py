"""The list: scope, tabs, search, filters, paging, badges and the file."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from datetime import date, timedelta
from io import StringIO
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.support.pages import HTMX
from tests.support.values import NOW, at
from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.models import CreditLine, Customer, Invoice, Role
from tusker.queries.credit.invoices import (
    InvoiceFilter,
    Scope,
    count_by_status,
    found_by_status,
    list_invoices,
    searched,
)
from tusker.queries.paging import Cursor
from tusker.services.credit.requesting.financing import cancel_invoice, request_financing
from tusker.transactions import transaction
from tusker.web.paging import PAGE_SIZE


def numbers(page: str) -> list[str]:
    return re.findall(r'href="/invoices/\d+">([^<]+)</a>', page)


def table(answer: Any) -> list[list[str]]:
    return list(csv.reader(StringIO(answer.text, newline="")))


@pytest.fixture
def two_lines(make_line: Callable[..., CreditLine]) -> tuple[CreditLine, CreditLine]:
    return make_line(), make_line()


def test_everybody_sees_their_own(
    login: Callable[..., FlaskClient], ask: Callable[..., Any], two_lines: tuple[CreditLine, CreditLine]
) -> None:
    first, second = two_lines
    ask(first, ref="MINE-1")
    ask(second, ref="OTHER-1")
    for browser, seen in (
        (login(Role.SUPPLIER, customer=first.supplier.customer), ["MINE-1"]),
        (login(Role.PURCHASER, customer=first.purchaser.customer), ["MINE-1"]),
        (login(Role.SUPPLIER, customer=second.supplier.customer), ["OTHER-1"]),
        (login(Role.ADMIN), ["OTHER-1", "MINE-1"]),
        (login(Role.AUDITOR), ["OTHER-1", "MINE-1"]),
    ):
        assert numbers(browser.get("/invoices/").text) == seen
        assert [row[1] for row in table(browser.get("/invoices/export.csv"))[1:]] == seen


def test_a_supplier_cannot_widen_the_filter(
    login: Callable[..., FlaskClient], ask: Callable[..., Any], two_lines: tuple[CreditLine, CreditLine]
) -> None:
    first, second = two_lines
    ask(second, ref="OTHER-1")
    browser = login(Role.SUPPLIER, customer=first.supplier.customer)
    for path in ("/invoices/", "/invoices/export.csv"):
        answer = browser.get(path, query_string={"supplier_id": second.supplier_id, "q": "OTHER"})
        assert "OTHER-1" not in answer.text
    badges = browser.get("/invoices/badges", query_string={"seen": "1.pending.x"}, headers=HTMX)
    assert "badge-1" not in badges.text


def test_strangers_are_sent_to_the_login(client: FlaskClient) -> None:
    for path in ("/invoices/", "/invoices/export.csv", "/invoices/badges", "/invoices/dashboard"):
        assert client.get(path).status_code == 302


def test_tabs_count_and_filter(
    ctx: Any, login: Callable[..., FlaskClient], ask: Callable[..., Any], make_line: Callable[..., CreditLine]
) -> None:
    line = make_line(limit=20_000_00)
    ask(line, ref="A-1")
    gone = ask(line, ref="A-2").invoice_id
    ask(line, 90_000_00, ref="A-3")
    with transaction():
        cancel_invoice(ctx, gone, reason="wrong")
    counts = count_by_status(InvoiceFilter(status="approved"))
    assert {k: (v.count, v.principal) for k, v in counts.items() if v.count} == {
        "approved": (1, 8_000_00),
        "rejected": (1, 72_000_00),
        "cancelled": (1, 8_000_00),
    }
    browser = login(Role.ADMIN)
    assert numbers(browser.get("/invoices/", query_string={"status": "rejected"}).text) == ["A-3"]
    page = browser.get("/invoices/").text
    assert re.search(r'status=cancelled"\s*>Cancelled\s*<span class="badge ms-2">1</span>', page)
    assert "status=disbursed" not in page


def test_search_and_filters(
    ctx: Any,
    login: Callable[..., FlaskClient],
    make_supplier: Callable[..., Customer],
    make_purchaser: Callable[..., Customer],
    make_line: Callable[..., CreditLine],
    make_invoice: Callable[..., Invoice],
) -> None:
    silk, tea = make_supplier("Silk 100% Pure"), make_supplier("Tea Garden")
    shop = make_purchaser("Corner Shop")
    one, two = make_line(silk, shop), make_line(tea)
    paid = make_invoice("disbursed", line=one)
    other = make_invoice("approved", line=two)
    browser = login(Role.ADMIN)

    def found(**arguments: Any) -> set[str]:
        return set(numbers(browser.get("/invoices/", query_string=arguments).text))

    assert found(q="silk") == found(q="corner") == found(q=paid.number.lower()) == {paid.number}
    loan, disbursal = f"L-1-{paid.id}", "D-20260302"
    assert found(q=loan) == found(q=disbursal) == {paid.number}
    assert found(q="%") == {paid.number}  # a sign like any other: only “100%” has it
    assert found(q="_") == set()
    assert found(supplier_id=tea.id) == {other.number}
    assert found(purchaser_id=shop.id) == {paid.number}
    assert found(q="zzz") == set()
    assert "Nothing matches these filters" in browser.get("/invoices/", query_string={"q": "zzz"}).text


def test_days_are_business_days(
    ctx: Any, login: Callable[..., FlaskClient], make_line: Callable[..., CreditLine]
) -> None:
    from dataclasses import replace

    from tests.support.invoices import order_on

    line = make_line()
    # 19:00 UTC on the 2nd is half past midnight on the 3rd in India
    for ref, moment in (("ON-2ND", NOW), ("ON-3RD", NOW.replace(hour=19, minute=0))):
        with transaction():
            order = order_on(line, ref=ref)
            request_financing(replace(ctx, now=moment), line.supplier_id, order, source="test")
    browser = login(Role.ADMIN)

    def found(since: str, until: str) -> list[str]:
        return numbers(browser.get("/invoices/", query_string={"since": since, "until": until}).text)

    assert found("2026-03-03", "") == ["ON-3RD"]
    assert found("", "2026-03-02") == ["ON-2ND"]
    assert found("2026-03-02", "2026-03-03") == ["ON-3RD", "ON-2ND"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"since": "1900-01-01"}, "Requested from must be a date from 2000-01-01"),
        ({"until": "yesterday"}, "Requested until must be a date such as"),
        ({"q": "x" * 300}, "Search may have at most 100 characters"),
        ({"status": "lost"}, "Status: choose one of the list"),
        ({"supplier_id": "999"}, "Supplier: choose one of the list"),
    ],
)
def test_bad_filters_name_their_field(
    login: Callable[..., FlaskClient], make_invoice: Callable[..., Invoice], arguments: Any, words: str
) -> None:
    make_invoice()
    browser = login(Role.ADMIN)
    for headers in ({}, HTMX):
        answer = browser.get("/invoices/", query_string=arguments, headers=headers)
        assert answer.status_code == 422
        assert words in answer.text
        assert numbers(answer.text) == []
    assert browser.get("/invoices/export.csv", query_string=arguments).status_code == 422


def test_pages_hold_together(
    login: Callable[..., FlaskClient], ask: Callable[..., Any], make_line: Callable[..., CreditLine]
) -> None:
    line = make_line()
    for number in range(PAGE_SIZE + 3):
        ask(line, 100_00, ref=f"P-{number:03}")
    browser = login(Role.ADMIN)
    first = browser.get("/invoices/?q=P-").text
    assert len(numbers(first)) == PAGE_SIZE
    older = re.search(r'href="([^"]*before=[^"]*)"', first)
    assert older
    second = browser.get(older[1].replace("&amp;", "&")).text
    assert numbers(second) == ["P-002", "P-001", "P-000"]
    newer = re.search(r'href="([^"]*after=[^"]*)"', second)
    assert newer
    assert numbers(browser.get(newer[1].replace("&amp;", "&")).text) == numbers(first)


def test_a_search_that_finds_very_many_shows_them_uncounted(
    login: Callable[..., FlaskClient],
    ask: Callable[..., Any],
    two_lines: tuple[CreditLine, CreditLine],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for line in two_lines:
        for number in range(2):
            ask(line, ref=f"M-{line.id}-{number}")
    names = [line.supplier.customer.name for line in two_lines]
    everything = list_invoices(InvoiceFilter(), limit=9)
    for words in ("M-", names[0], names[1]):
        wanted = InvoiceFilter(search=words)
        found = [row for row in everything if words in (row.number[:2], row.supplier)]
        assert [row.id for row in list_invoices(wanted, limit=9)] == [row.id for row in found]
        assert list_invoices(wanted, cursor=Cursor(before=found[0].id), limit=1) == found[1:2]
        counts = found_by_status(wanted) or {}
        assert found_by_status(searched(wanted)) == counts
        counted = {k: (v.count, v.principal) for k, v in counts.items() if v.count}
        assert counted == {InvoiceStatus.APPROVED: (len(found), sum(row.principal for row in found))}
        assert list_invoices(searched(wanted), limit=9) == list_invoices(wanted, limit=9)
    monkeypatch.setattr("tusker.queries.credit.invoices.MOST_SUMMED", 3)
    assert found_by_status(searched(InvoiceFilter(search="M-"))) is None
    assert found_by_status(searched(InvoiceFilter(search=names[0]))) is not None
    page = login(Role.ADMIN).get("/invoices/?q=M-").text
    assert len(numbers(page)) == 4
    assert re.search(r'status=repaid"[^>]*>Repaid\s*</a>', page)


def test_fragment_is_the_list_alone(
    login: Callable[..., FlaskClient], make_invoice: Callable[..., Invoice]
) -> None:
    invoice = make_invoice()
    answer = login(Role.ADMIN).get("/invoices/", headers=HTMX)
    assert answer.text.lstrip().startswith('<div class="card tk-list" id="invoices">')
    assert numbers(answer.text) == [invoice.number]
    assert "HX-Request" in answer.headers["Vary"]


def test_badges_answer_with_what_changed_and_stop(
    ctx: Any, login: Callable[..., FlaskClient], ask: Callable[..., Any], make_line: Callable[..., CreditLine]
) -> None:
    line = make_line()
    still, gone = ask(line).invoice_id, ask(line).invoice_id
    browser = login(Role.SUPPLIER, customer=line.supplier.customer)
    page = browser.get("/invoices/").text
    watch = re.search(r'id="badge-watch" hx-get="([^"]+)" hx-trigger="every 5s"', page)
    assert watch
    url = watch[1].replace("&amp;", "&")
    assert url.count("seen=") == 2
    assert "hx-swap-oob" not in browser.get(url, headers=HTMX).text
    with transaction():
        cancel_invoice(ctx, gone, reason="wrong")
    answer = browser.get(url, headers=HTMX).text
    assert re.search(rf'id="badge-{gone}" hx-swap-oob="true"', answer)
    assert f'id="badge-{still}"' not in answer
    assert f"seen={still}." in answer
    assert f"seen={gone}." not in answer
    with transaction():
        cancel_invoice(ctx, still, reason="wrong")
    assert "hx-get" not in browser.get(url, headers=HTMX).text


def test_badges_shrug_at_nonsense(login: Callable[..., FlaskClient]) -> None:
    seen = ["", "x", "1", "٣.approved.", "9" * 40, "-1.a.b"]
    assert (
        login(Role.ADMIN).get("/invoices/badges", query_string={"seen": seen}, headers=HTMX).status_code
        == 200
    )


def test_file_has_the_filter_and_no_formulas(
    login: Callable[..., FlaskClient],
    ask: Callable[..., Any],
    make_supplier: Callable[..., Customer],
    make_line: Callable[..., CreditLine],
) -> None:
    line = make_line(make_supplier("=HYPERLINK(1)"))
    ask(line, 1_234_56, ref="@SUM-1")
    ask(line, 99_00, ref="B-2")
    answer = login(Role.ADMIN).get("/invoices/export.csv", query_string={"q": "sum"})
    assert answer.mimetype == "text/csv"
    header, row = table(answer)
    cells = dict(zip(header, row, strict=True))
    assert (cells["number"], cells["supplier"]) == ("'@SUM-1", "'=HYPERLINK(1)")
    assert (cells["value"], cells["principal"], cells["currency"]) == ("1234.56", "987.65", "INR")
    assert (cells["status"], cells["requested_at"]) == ("Approved", "2026-03-02T12:00:00+05:30")


def test_files_are_read_in_pieces_in_the_order_of_the_page(
    login: Callable[..., FlaskClient],
    ask: Callable[..., Any],
    make_line: Callable[..., CreditLine],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = make_line()
    for number, value in enumerate((100_00, 300_00, 200_00, 200_00, 100_00)):
        ask(line, value, ref=f"S-{number}")
    monkeypatch.setattr("tusker.web.lists.listing.ROWS_AT_ONCE", 2)
    browser = login(Role.ADMIN)
    for sort, expected in (
        ("", ["S-4", "S-3", "S-2", "S-1", "S-0"]),
        ("-value", ["S-1", "S-3", "S-2", "S-4", "S-0"]),
        ("value", ["S-0", "S-4", "S-2", "S-3", "S-1"]),
        ("requested_at", ["S-0", "S-1", "S-2", "S-3", "S-4"]),
        ("-number", ["S-4", "S-3", "S-2", "S-1", "S-0"]),
        ("lost", ["S-4", "S-3", "S-2", "S-1", "S-0"]),
    ):
        asked = {"sort": sort, "col": ["value", "number"]}
        assert numbers(browser.get("/invoices/", query_string=asked).text) == expected
        header, *rows = table(browser.get("/invoices/export.csv", query_string=asked))
        assert header == ["number", "value"]
        assert [row[0] for row in rows] == expected


def test_an_invoice_put_back_and_bundled_again_is_listed_once(
    ctx: Any, make_invoice: Callable[..., Invoice]
) -> None:
    from tests.support.payouts import bundle_and_confirm
    from tusker.models import Disbursal
    from tusker.services.payout.disbursals.drafts import drop

    invoice = make_invoice("bundled")
    with transaction():
        drop(ctx, 1, reason="bank closed")
    again = bundle_and_confirm(at(ctx, 1), [invoice.id])
    rows = list_invoices(InvoiceFilter(), limit=10)
    assert [(row.id, row.disbursal) for row in rows] == [(invoice.id, again.reference)]
    assert rows[0].due_date == date(2026, 3, 3) + timedelta(days=90)
    assert (
        count_by_status(InvoiceFilter(scope=Scope(supplier_id=invoice.supplier_id)))["disbursed"].count == 1
    )
    assert isinstance(again, Disbursal)


def test_empty_list_says_what_to_do(
    login: Callable[..., FlaskClient], make_line: Callable[..., CreditLine]
) -> None:
    line = make_line()
    supplier = login(Role.SUPPLIER, customer=line.supplier.customer).get("/invoices/").text
    purchaser = login(Role.PURCHASER, customer=line.purchaser.customer).get("/invoices/").text
    assert "No invoices yet" in supplier
    assert "/invoices/new" in supplier
    assert "No invoices yet" in purchaser
    assert 'href="/invoices/new"' not in purchaser
