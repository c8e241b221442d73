"""Lists: every order page by page, files of exactly what is shown, saved views, columns and density."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from hashlib import sha256
from html import unescape
from io import BytesIO, StringIO
from itertools import chain
from math import ceil
from typing import Any
from zipfile import ZipFile

import pytest
from flask import Flask
from flask.testing import FlaskClient
from python_calamine import CalamineWorkbook

from tests.support.pages import HTMX
from tests.support.values import TODAY
from tusker.extensions import db
from tusker.models import (
    AccessEntry,
    AccessKind,
    AttentionItem,
    CreditLine,
    Customer,
    DeductionKind,
    Invoice,
    Receipt,
    Role,
    User,
    WaitingRequest,
    WebhookDelivery,
)
from tusker.services.context import Context
from tusker.services.loans.deductions.recording import KeptBack, record_deduction
from tusker.services.loans.receipts.recording import record_receipt
from tusker.services.loans.receipts.undoing import reverse_receipt
from tusker.transactions import transaction
from tusker.web.access import access_of
from tusker.web.files.csvfile import csv_lines
from tusker.web.files.workbooks import written
from tusker.web.lists.listing import LISTS, ListOf

pytestmark = pytest.mark.usefixtures("stopped_clock")


@pytest.fixture
def book(
    ctx: Context,
    make_supplier: Callable[..., Customer],
    make_line: Callable[..., CreditLine],
    make_invoice: Callable[..., Invoice],
) -> list[Invoice]:
    """Some of everything, with the same amounts and days several times."""
    seller = make_supplier("=HYPERLINK(1)")
    lines = [make_line(seller), make_line(seller)]
    made = [
        make_invoice(status, line=line, value=value)
        for status in ("disbursed", "financeable")
        for line in lines
        for value in (1_234_56, 2_000_00, 1_234_56)
    ]
    for number in range(3):
        with transaction():
            db.session.add(
                AttentionItem(
                    kind="stalled",
                    subject="invoice",
                    subject_id=made[number].id,
                    cause_at=ctx.now,
                    opened_at=ctx.now,
                    detail="",
                    facts={},
                )
            )
            db.session.add(
                AccessEntry(
                    at=ctx.now, kind=AccessKind.SIGNED_OUT, email="x@example.com", address="", device=""
                )
            )
            record_deduction(ctx, KeptBack(made[number].id, DeductionKind.TAX, 10_00, "", ""))
            record_receipt(
                ctx,
                lines[0].purchaser_id,
                amount=100_00,
                value_date=TODAY,
                bank_reference=f"UTR-{number}",
                charges=1_00,
            )
            db.session.add(
                WebhookDelivery(
                    carrier="tusker",
                    digest=sha256(b"%d" % number).digest(),
                    raw=b"{",
                    received_at=ctx.now,
                    error="not readable JSON",
                )
            )
            waits = made[number]
            db.session.add(
                WaitingRequest(
                    invoice_id=waits.id,
                    credit_line_id=waits.credit_line_id,
                    supplier_id=waits.supplier_id,
                    purchaser_id=waits.purchaser_id,
                    number_strict=str(number),
                    carrier="manual",
                    order_ref="",
                    principal=1_000_00,
                    agreed_at_term=1_000_00,
                    asked_at=ctx.now,
                    expires_at=ctx.now + timedelta(1),
                )
            )
    return made


def url_of(app: Flask, endpoint: str, **values: Any) -> str:
    with app.test_request_context():
        from flask import url_for

        return url_for(endpoint, **values)


def rows(page: str, of: ListOf) -> list[str]:
    """The ids of a page's rows."""
    return re.findall(rf'<(?:tr|section class="card mb-3") id="{of.row[0]}-(\d+)"', page)


def link(page: str, name: str) -> str | None:
    found = re.search(rf'class="btn btn-sm" href="([^"]*[?&;]{name}=[^"]*)"', page)
    return unescape(found[1]) if found else None


def table(answer: Any) -> list[list[str]]:
    return list(csv.reader(StringIO(answer.text, newline="")))


def walk(browser: FlaskClient, url: str | None, of: ListOf, name: str) -> tuple[list[list[str]], str]:
    """The rows of each page from an address on in a direction, and the last page, asked for as by htmx."""
    pages, page = [], ""
    while url is not None:
        answer = browser.get(url, headers=HTMX)
        assert answer.status_code == 200, url
        page = answer.text
        pages.append(rows(page, of))
        url = link(page, name)
    return pages, page


def browsers(app: Flask, login: Callable[..., FlaskClient], book: list[Invoice]) -> dict[Role, FlaskClient]:
    line = book[0].credit_line
    return {
        Role.ADMIN: login(Role.ADMIN),
        Role.SUPPLIER: login(Role.SUPPLIER, customer=line.supplier.customer),
        Role.PURCHASER: login(Role.PURCHASER, customer=line.purchaser.customer),
    }


def test_every_list_in_every_order_shows_each_row_once_and_its_files_have_the_same(
    app: Flask, login: Callable[..., FlaskClient], book: list[Invoice], monkeypatch: pytest.MonkeyPatch
) -> None:
    people = browsers(app, login, book)
    monkeypatch.setattr("tusker.web.lists.listing.ROWS_AT_ONCE", 2)
    walked = 0
    for of in LISTS.values():
        mark = access_of(app, of.endpoint)
        assert isinstance(mark, frozenset)
        browser = next(browser for role, browser in people.items() if role in mark)
        sorts = [f"{way}{column.key}" for column in of.columns if column.sorts for way in ("", "-")]
        assert of.order in sorts
        monkeypatch.setattr("tusker.web.lists.listing.PAGE_SIZE", 200)
        page = browser.get(url_of(app, of.endpoint)).text
        everything = set(rows(page, of))
        if re.search(rf'id="{of.name}-filters"((?!</form>)[\s\S])*name="q"', page):
            wrong = browser.get(url_of(app, of.endpoint, q="x" * 121))
            assert (wrong.status_code, rows(wrong.text, of)) == (422, []), of.name
        monkeypatch.setattr("tusker.web.lists.listing.PAGE_SIZE", max(2, ceil(len(everything) / 3)))
        assert everything or of.name in {"statements", "approvals", "to-confirm"}, of.name
        for sort in sorts:
            pages, last = walk(browser, url_of(app, of.endpoint, sort=sort), of, "before")
            there = list(chain.from_iterable(pages))
            assert sorted(there) == sorted(everything), (of.name, sort)
            back, _ = walk(browser, link(last, "after"), of, "after")
            assert list(chain.from_iterable(reversed([pages[-1], *back]))) == there, (of.name, sort)
            keys = ["id"] if any(column.key == "id" for column in of.columns) else []
            header, *lines = table(
                browser.get(url_of(app, of.file_endpoint, ending="csv", sort=sort, col=keys))
            )
            assert len(lines) == len(everything)
            if keys:
                assert (header, [cells[0] for cells in lines]) == (["id"], there), (of.name, sort)
            walked += 1
    assert walked > 40


def test_a_file_has_the_columns_that_were_chosen_or_all(
    app: Flask, login: Callable[..., FlaskClient], book: list[Invoice]
) -> None:
    people = browsers(app, login, book)
    for of in LISTS.values():
        mark = access_of(app, of.endpoint)
        assert isinstance(mark, frozenset)
        browser = next(browser for role, browser in people.items() if role in mark)
        of_files = [column for column in of.columns if column.in_files]
        whole = table(browser.get(url_of(app, of.file_endpoint, ending="csv")))
        assert whole[0] == [column.key for column in of_files]
        assert not any(" object at 0x" in cell for line in whole for cell in line), of.name
        every = [column.key for column in of.columns]
        page = unescape(browser.get(url_of(app, of.endpoint, col=every)).text)
        if whole[1:] and "tk-columns" in page:
            assert all(f">{column.head}" in page for column in of.columns), of.name
        answer = browser.get(url_of(app, of.file_endpoint, ending="xlsx"))
        sheet = CalamineWorkbook.from_filelike(BytesIO(answer.data)).get_sheet_by_index(0).to_python()
        assert sheet[0] == [column.head for column in of_files]
        assert len(sheet) == len(whole)


def test_cells_of_a_workbook_are_of_their_kind_and_no_formula(
    login: Callable[..., FlaskClient], book: list[Invoice]
) -> None:
    asked = "col=supplier&col=value&col=requested_at&col=due_date&col=status&sort=number&status=disbursed"
    answer = login().get(f"/invoices/export.xlsx?{asked}")
    assert answer.headers["Content-Disposition"] == "attachment; filename=invoices-2026-03-02.xlsx"
    sheet = CalamineWorkbook.from_filelike(BytesIO(answer.data)).get_sheet_by_index(0).to_python()
    assert sheet[0] == ["Supplier", "Value", "Status", "Requested", "Due"]
    supplier, value, status, requested, due = sheet[1]
    assert supplier == "=HYPERLINK(1)"
    assert value == 1234.56
    assert status == "Disbursed"
    assert requested == datetime(2026, 3, 2, 12, 0)  # noqa: DTZ001 (a sheet has no zones)
    assert isinstance(due, date)
    archive = ZipFile(BytesIO(answer.data))
    assert {part.extract_version for part in archive.infolist()} == {20}  # Excel reads no Zip64
    assert b"PK\x03\x04\x2d" not in answer.data
    written = archive.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in written
    assert "<hyperlink" not in written


def test_a_workbook_goes_on_on_further_sheets(
    login: Callable[..., FlaskClient], book: list[Invoice], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tusker.web.files.workbooks.ROWS_OF_A_SHEET", len(book) - 1)
    answer = login().get("/invoices/export.xlsx?col=number")
    written = CalamineWorkbook.from_filelike(BytesIO(answer.data))
    first, second = (written.get_sheet_by_index(place).to_python() for place in range(2))
    assert [row[0] for row in (first[0], second[0])] == ["Invoice", "Invoice"]
    numbers = [row[0] for row in (*first[1:], *second[1:])]
    assert (len(first), len(second)) == (len(book), 2)
    assert sorted(numbers) == sorted(invoice.number for invoice in book)


def test_a_file_is_sent_while_its_rows_are_read_and_no_further_when_it_is_cancelled(app: Flask) -> None:
    read: list[int] = []
    rows = ((read.append(n), sha256(str(n).encode()).hexdigest()) for n in range(20_000))
    for made in (csv_lines(["a", "b"], rows), written(["a", "b"], rows)):
        before, sent = len(read), [next(made), next(made)]
        assert all(sent)
        made.close()
        assert 0 < len(read) - before < 5_000


def test_negative_money_in_a_file_is_a_number(
    ctx: Context, login: Callable[..., FlaskClient], book: list[Invoice]
) -> None:
    with transaction():
        reverse_receipt(
            ctx, db.session.query(Receipt.id).order_by(Receipt.id).limit(1).scalar(), reason="slip"
        )
    amounts = table(login().get("/admin/receipts.csv?col=amount"))
    assert amounts == [["amount"], ["-100.00"], *[["100.00"]] * 3]


def test_the_head_says_how_the_list_is_sorted_and_totals_are_of_what_is_filtered(
    login: Callable[..., FlaskClient], book: list[Invoice], monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = login()
    page = browser.get("/admin/receipts?sort=amount").text
    heads = dict(
        re.findall(r'<th scope="col"[^>]*?(?: aria-sort="(\w+)")?>\s*<a class="tk-sort"[^>]*>([\w ]+)', page)
    )
    assert heads == {"": "Value date", "ascending": "Amount"}
    assert 'href="/admin/receipts?sort=-amount"' in page
    assert re.search(r"<tfoot>.*3 rows.*₹300\.00.*</tfoot>", page, re.S)
    found = browser.get("/admin/receipts?q=UTR-1", headers=HTMX).text
    assert found.lstrip().startswith('<div class="card tk-list" id="receipts">')
    assert re.search(r"<tfoot>.*1 row.*₹100\.00.*</tfoot>", found, re.S)
    monkeypatch.setattr("tusker.queries.sums.MOST_SUMMED", 2)
    assert "Too many to add up" in browser.get("/admin/receipts").text
    monkeypatch.setattr("tusker.queries.loans.receipts.listing.MOST_SUMMED", 0)
    many = browser.get("/admin/receipts?q=UTR-1").text
    assert "Too many to add up" in many
    assert len(re.findall(r'id="receipt-\d+"', many)) == 1
    for place in ("x", "MS4", "MS5hYmM", "٣"):
        assert browser.get(f"/admin/receipts?sort=amount&before={place}").status_code == 422


def test_views_are_saved_open_the_list_and_go(
    login: Callable[..., FlaskClient], create_user: Callable[..., User], book: list[Invoice]
) -> None:
    browser, other = login(), login(user=create_user(Role.ADMIN))
    query = "status=disbursed&sort=-value&col=number&col=value"
    sent = {"name": " Large ones ", "query": f"{query}&before=MTI&view=all", "opens": "y"}
    answer = browser.post("/lists/invoices/views", data=sent)
    assert answer.headers["Location"] == f"/invoices/?{query}"
    assert browser.get("/invoices/").headers["Location"] == f"/invoices/?{query}"
    page = browser.get(f"/invoices/?{query}").text
    assert re.search(r'aria-current="true">Large ones</a>', page)
    assert "<th" in page
    assert "Purchaser</th>" not in page
    # what was asked for is not put aside, and `view=all` shows all
    for path in ("/invoices/?q=", "/invoices/?view=all"):
        assert browser.get(path).status_code == 200
    assert other.get("/invoices/").status_code == 200
    assert "Large ones" not in other.get("/invoices/").text
    view_id = re.search(r"/lists/views/(\d+)/remove", page)
    assert view_id
    for action in ("opens", "remove"):
        assert other.post(f"/lists/views/{view_id[1]}/{action}").status_code == 404
    # so do the tab of all, and a choice of no column
    form = page.split('<div class="tk-columns">')[0].rpartition("<form")[2]
    assert 'name="view"' not in form
    assert 'name="status"' in form
    bare = browser.get("/invoices/?status=disbursed").text
    tab = re.search(r'<a class="nav-link text-nowrap" href="([^"]+)">All', bare)
    assert tab
    shown = browser.get(unescape(tab[1]))
    assert shown.status_code == 200
    form = shown.text.split('<div class="tk-columns">')[0].rpartition("<form")[2]
    assert '<input type="hidden" name="view" value="all">' in form
    # one list opens with one view; one of the same name is that one
    browser.post("/lists/invoices/views", data={"name": "Refused", "query": "status=rejected", "opens": "y"})
    assert browser.get("/invoices/").headers["Location"] == "/invoices/?status=rejected"
    browser.post("/lists/invoices/views", data={"name": "Refused", "query": ""})
    page = browser.get("/invoices/").text
    assert page.count("Remove the view") == 2
    browser.post(f"/lists/views/{view_id[1]}/opens")
    assert browser.get("/invoices/").status_code == 302
    browser.post(f"/lists/views/{view_id[1]}/opens")
    assert browser.get("/invoices/").status_code == 200
    browser.post(f"/lists/views/{view_id[1]}/remove")
    assert "Large ones" not in browser.get("/invoices/").text.split("tk-views")[1].split("</ul>")[0]


@pytest.mark.parametrize(
    ("name", "data", "status"),
    [
        ("invoices", {"name": " "}, 422),
        ("invoices", {"name": "x" * 61}, 422),
        ("invoices", {"name": "x", "query": "q=" + "y" * 2000}, 422),
        ("invoices", {"name": "x", "query": "&".join(f"col={n}" for n in range(200))}, 422),
        ("lost", {"name": "x"}, 404),
        ("loans", {"name": "x"}, 403),
    ],
)
def test_views_that_cannot_be_saved(
    login: Callable[..., FlaskClient], line: CreditLine, name: str, data: dict[str, str], status: int
) -> None:
    browser = login(Role.SUPPLIER, customer=line.supplier.customer)
    assert browser.post(f"/lists/{name}/views", data=data).status_code == status


def test_a_person_keeps_twenty_views_of_a_list(login: Callable[..., FlaskClient]) -> None:
    browser = login()
    answers = [
        browser.post("/lists/receipts/views", data={"name": f"View {n}", "query": f"q={n}"}).status_code
        for n in range(21)
    ]
    assert answers == [303] * 20 + [409]
    assert browser.post("/lists/receipts/views", data={"name": "View 3", "query": "q=x"}).status_code == 303


def test_what_is_cut_off_can_be_reached_and_an_empty_list_has_no_tools(
    login: Callable[..., FlaskClient], ctx: Context
) -> None:
    login(Role.AUDITOR)
    browser = login()
    empty = browser.get("/admin/deductions").text
    assert "No deductions yet" in empty
    assert ">Columns" not in empty
    assert "tk-views" not in empty
    searched = browser.get("/admin/deductions?q=x").text
    assert "tk-views" in searched
    with transaction():
        entry = AccessEntry(
            at=ctx.now, kind=AccessKind.SIGNED_OUT, email="x@example.com", address="", device=""
        )
        db.session.add(entry)
    page = browser.get("/admin/access").text
    # a row without a link is reached itself, another one by its link
    assert re.search(r'<tr id="entry-\d+" tabindex="0">', page)
    assert re.search(r'<td class="tk-cut" tabindex="-1">x@example.com</td>', page)
    assert re.search(r'<tr id="user-\d+">', browser.get("/admin/users").text)


def test_rows_stand_close_together_for_who_wants_that(login: Callable[..., FlaskClient]) -> None:
    browser = login()
    assert "tk-list-compact" not in browser.get("/admin/receipts").text
    sent = {"density": "compact", "next": "/admin/receipts?q=x"}
    assert browser.post("/density", data=sent).headers["Location"] == "/admin/receipts?q=x"
    assert "tk-list-compact" in browser.get("/admin/receipts").text
    browser.post("/density", data={"density": "comfortable", "next": "//elsewhere"})
    assert "tk-list-compact" not in browser.get("/admin/receipts").text
