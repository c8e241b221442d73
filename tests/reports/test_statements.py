"""Statements as page, CSV and PDF."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text

from tests.support.database import OWNER
from tests.support.loan_book import Book, day, on_day
from tests.support.pages import HTMX, amounts
from tusker.currency import currency
from tusker.domain.working_days import WorkingDays
from tusker.extensions import db
from tusker.jobs.servicing import mail_month
from tusker.models import CreditLine, Event, OutboxMessage, Role, User
from tusker.queries.loans.account_statements.lines import LineKind
from tusker.queries.loans.account_statements.statement import statement
from tusker.reports.statements import presets
from tusker.services.loans.receipts.undoing import reverse_receipt
from tusker.services.record.outbox_sending import compose
from tusker.transactions import transaction


def address(book: Book, side: str = "purchaser", *, first: date | None = None, kind: str = "") -> str:
    company = book.line.purchaser_id if side == "purchaser" else book.line.supplier_id
    return f"/reports/statements{kind}?account={side}-{company}&first={first or day(30)}&last={day(0)}"


def sums(page: str) -> list[str]:
    return amounts(page.split('<dl class="tk-sum">')[1].split("</dl>")[0])


def test_a_statement_leads_from_opening_to_closing(
    login: Callable[..., FlaskClient], book: Book, receive: Callable[..., int]
) -> None:
    receive(book.line.purchaser_id, 2_340_00, 10)
    page = login().get(address(book)).text
    # opening 31 days ago: 8,000 and 9 days of 8 and the fee; since then a second loan and 31 days of charges
    assert sums(page) == ["₹8,172.00", "₹8,000.00", "₹428.00", "₹2,340.00", "₹0.00", "₹14,260.00"]
    made = statement(book.line.purchaser_id, "purchaser", day(30), day(0))
    assert made.adds_up
    lines = [(line.day, line.kind, line.amount, balance) for line, balance in made.running()]
    assert lines == [
        (day(10), LineKind.CHARGES, 168_00, 8_340_00),
        (day(10), LineKind.RECEIPT, -2_340_00, 6_000_00),
        (day(5), LineKind.DISBURSED, 8_000_00, 14_000_00),
        (day(0), LineKind.CHARGES, 120_00, 14_120_00),
        (day(0), LineKind.CHARGES, 140_00, 14_260_00),
    ]


def test_what_was_undone_and_what_is_not_allocated(
    login: Callable[..., FlaskClient], book: Book, receive: Callable[..., int]
) -> None:
    receipt = receive(book.line.purchaser_id, 20_000_00, 4)
    page = login().get(address(book)).text
    assert sums(page)[-1] == "₹0.00"
    # 8,340 and 30 days later 6 days late with 16 a day; the second loan a day old
    made = statement(book.line.purchaser_id, "purchaser", day(30), day(0))
    assert made.credit == 20_000_00 - made.receipts > 0
    assert "is not allocated" in page
    with transaction():
        reverse_receipt(on_day(0), receipt, reason="bounced")
    undone = statement(book.line.purchaser_id, "purchaser", day(30), day(0))
    assert undone.adds_up
    assert (undone.adjustments, undone.credit) == (-undone.receipts, 0)
    assert "Receipt undone" in login().get(address(book)).text


def test_companies_see_their_own_statement_only(login: Callable[..., FlaskClient], book: Book) -> None:
    seller = login(Role.SUPPLIER, customer=book.line.supplier.customer)
    page = seller.get(f"/reports/statements?first={day(90)}&last={day(0)}").text
    assert sums(page)[-1] == "₹25,780.00"
    assert "<select" not in page
    for kind in ("", ".csv", ".pdf"):
        assert seller.get(address(book, "supplier", kind=kind)).status_code == 200
        assert seller.get(address(book, "purchaser", kind=kind)).status_code == 404
        foreign = f"/reports/statements{kind}?account=supplier-{book.foreign.supplier_id}"
        assert seller.get(foreign).status_code == 404


def test_the_lines_of_a_page_go_on_from_those_before(
    login: Callable[..., FlaskClient],
    book: Book,
    receive: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    receive(book.line.purchaser_id, 2_340_00, 10)
    monkeypatch.setattr("tusker.reports.statements.SHOWN", 2)
    made = statement(book.line.supplier_id, "supplier", day(90), day(0))
    lines = list(made.running())
    assert len(lines) > 4
    browser, url = login(), address(book, "supplier", first=day(90))
    seen: list[str] = []
    for begin in range(0, len(lines), 2):
        page = browser.get(f"{url}&after={begin}").text
        rows = re.findall(r"<tr>(.*?)</tr>", page.split("<tbody")[1].split("</tbody")[0], flags=re.S)
        assert currency().show(lines[begin - 1][1] if begin else made.opening) in rows[0]
        seen += [text for text in rows[1:] if "tk-tight" in text]
        assert ("Later lines" in page) == (begin + 2 < len(lines))
    assert len(seen) == len(lines)
    assert all(currency().show(balance) in row for row, (_, balance) in zip(seen, lines, strict=True))


def test_staff_choose_a_company(login: Callable[..., FlaskClient], book: Book) -> None:
    browser = login(Role.AUDITOR)
    page = browser.get("/reports/statements").text
    assert "Choose a company" in page
    assert f'value="supplier-{book.foreign.supplier_id}"' in page
    for account in ("supplier-999", "supplier-x", "lender-1"):
        answer = browser.get(f"/reports/statements?account={account}")
        assert answer.status_code == 422
        assert "Company: choose one of the list." in answer.text
        assert browser.get(f"/reports/statements.csv?account={account}").status_code == 422
    assert browser.get("/reports/statements.pdf").status_code == 422
    fragment = browser.get(address(book), headers=HTMX).text
    assert fragment.lstrip().startswith('<div id="statement">')


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        (day, lambda: day(-1), "To: The last day must not be in the future."),
        (lambda: day(1), lambda: day(2), "From: The first day must not be after the last."),
        (lambda: "1900-01-01", lambda: day(0), "From must be a date from 2000-01-01"),
        (lambda: day(3), lambda: "today", "To must be a date such as"),
    ],
)
def test_a_period_that_cannot_be_names_its_field(
    login: Callable[..., FlaskClient],
    book: Book,
    first: Callable[..., object],
    last: Callable[..., object],
    message: str,
) -> None:
    since = day(9) if first is day else first()
    answer = login().get(
        f"/reports/statements?account=supplier-{book.line.supplier_id}&first={since}&last={last()}"
    )
    assert answer.status_code == 422
    assert message in answer.text
    assert "tk-sum" not in answer.text


def test_the_file_leads_from_opening_to_closing_and_runs_nothing(
    login: Callable[..., FlaskClient], book: Book, receive: Callable[..., int]
) -> None:
    receive(book.line.purchaser_id, 2_340_00, 10)
    db.session.execute(OWNER)
    db.session.connection().exec_driver_sql("UPDATE receipts SET bank_reference = '+SUM(1)'")
    db.session.commit()
    answer = login().get(address(book, kind=".csv"))
    assert "attachment" in answer.headers["Content-Disposition"]
    assert "'+SUM(1)" in answer.text
    opening, *lines, closing = csv.DictReader(io.StringIO(answer.text))
    balance = Decimal(opening["balance"])
    for line in lines:
        balance += Decimal(line["amount"])
        assert Decimal(line["balance"]) == balance
    assert (opening["what"], closing["what"]) == ("opening", "closing")
    assert Decimal(closing["balance"]) == balance == Decimal("14260.00")


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler is not here")
def test_the_pdf_reads_as_the_page(
    login: Callable[..., FlaskClient], book: Book, receive: Callable[..., int], tmp_path: Path
) -> None:
    receive(book.line.purchaser_id, 2_340_00, 10)
    book.line.purchaser.customer.name = "Nilgiri Supermarkets " + "of the very long name " * 4
    db.session.commit()
    answer = login().get(address(book, kind=".pdf"))
    assert answer.mimetype == "application/pdf"
    (tmp_path / "s.pdf").write_bytes(answer.data)
    text = subprocess.run(
        ["pdftotext", "-layout", str(tmp_path / "s.pdf"), "-"], check=True, capture_output=True, text=True
    ).stdout
    for shown in ("₹8,172.00", "₹14,260.00", "-₹2,340.00", "UTR-1", "Page 1 of 1", "Nilgiri Supermarkets"):
        assert shown in text, shown
    fonts = subprocess.run(
        ["pdffonts", str(tmp_path / "s.pdf")], check=True, capture_output=True, text=True
    ).stdout
    assert fonts.count("yes yes yes") == 2, "embedded, as subsets, with their letters"
    assert len(answer.data) < 60_000


def test_long_statements_go_over_pages(book: Book) -> None:
    from dataclasses import replace

    from tusker import clock
    from tusker.currency import currency
    from tusker.documents.statement_pdf import Letterhead, statement_pdf

    made = statement(book.line.supplier_id, "supplier", day(90), day(0))
    long = replace(made, lines=made.lines * 40)
    paper = statement_pdf(long, Letterhead("Lender", "Company", clock.now(), currency()))
    assert paper.count(b"/Type /Page\n") >= 5


@pytest.mark.parametrize(
    ("today", "quarter", "month"),
    [
        (date(2026, 3, 31), (date(2025, 10, 1), date(2025, 12, 31)), (date(2026, 2, 1), date(2026, 2, 28))),
        (date(2026, 1, 1), (date(2025, 10, 1), date(2025, 12, 31)), (date(2025, 12, 1), date(2025, 12, 31))),
        (date(2024, 8, 15), (date(2024, 4, 1), date(2024, 6, 30)), (date(2024, 7, 1), date(2024, 7, 31))),
    ],
)
def test_presets(today: date, quarter: tuple[date, date], month: tuple[date, date]) -> None:
    found = {name: (first, last) for name, first, last in presets(today)}
    assert found["Last quarter"] == quarter
    assert found["Last month"] == month
    assert found["This month"] == (today.replace(day=1), today)
    assert found["Last year"] == (date(today.year - 1, 1, 1), date(today.year - 1, 12, 31))


def test_each_month_is_mailed_once_on_its_first_working_day(
    app: Flask,
    book: Book,
    login: Callable[..., FlaskClient],
    make_line: Callable[..., CreditLine],
    mails: Callable[[], list[OutboxMessage]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The month of the last loan is stated to the supplier that sold it, and a missed month is made up for."""
    month = day(0).replace(day=1)
    first = (month + timedelta(days=32)).replace(day=1)
    closed = WorkingDays(frozenset({(first.weekday(), None)}), lambda _: None)
    monkeypatch.setitem(app.extensions, "tusker_working_days", closed)
    supplier = book.line.supplier.customer
    login(Role.SUPPLIER, customer=supplier)
    login(Role.SUPPLIER, customer=make_line().supplier.customer)  # nothing was ever paid out on it
    with transaction():
        db.session.execute(text("UPDATE customers SET created_at = :at"), {"at": "2020-01-01T00:00Z"})
    expected = db.session.scalar(select(User.email).where(User.customer_id == supplier.id))

    def sent() -> list[tuple[str, str]]:
        found = [m for m in mails() if m.template == "loans/monthly_statement"]
        return sorted((m.recipient, m.context["last"]) for m in found)

    assert mail_month(first) == 0, "the bank is closed"
    assert sent() == []
    assert mail_month(first + timedelta(days=1)) == 1, (
        "the other supplier of the book has nobody who could sign in"
    )
    assert mail_month(first + timedelta(days=20)) == 0
    stated = (expected, (first - timedelta(days=1)).isoformat())
    assert sent() == [stated]
    later = (first + timedelta(days=70)).replace(day=1) + timedelta(days=2)
    assert mail_month(later) == 1
    assert mail_month(first + timedelta(days=2)) == 0, "an earlier month is not stated after a later one"
    [mail] = [m for m in mails() if m.context["last"] == stated[1]]
    composed = compose(on_day(0), mail)
    assert composed is not None
    words = composed.get_content()
    assert f"/reports/statements.pdf?first={month.isoformat()}&last={stated[1]}" in words
    assert composed["Subject"] == f"Your statement of {month:%B %Y}"
    assert "<time" not in words


def test_a_company_stops_the_mails_of_its_statements(
    app: Flask, book: Book, login: Callable[..., FlaskClient], mails: Callable[[], list[OutboxMessage]]
) -> None:
    supplier = book.line.supplier.customer
    browser = login(Role.SUPPLIER, customer=supplier)
    login(Role.SUPPLIER, customer=book.foreign.supplier.customer)
    assert (
        "comes by mail on the first working day of the next, if a loan was open in it"
        in browser.get("/reports/statements").text
    )
    other = {"account": f"supplier-{book.line.purchaser_id}", "wanted": "0"}
    assert browser.post("/reports/statements/by-mail", data=other).status_code == 404
    mine = {"account": f"supplier-{supplier.id}", "wanted": "0"}
    assert (
        login(Role.PURCHASER, customer=book.line.purchaser.customer)
        .post("/reports/statements/by-mail", data=mine)
        .status_code
        == 403
    )
    for _ in range(2):
        assert browser.post("/reports/statements/by-mail", data=mine).status_code == 303
    assert "do not come by mail" in browser.get("/reports/statements").text
    told = select(Event.to_value).where(Event.kind == "monthly_statements")
    assert db.session.scalars(told).all() == ["off"]
    later = (day(0) + timedelta(days=40)).replace(day=1)
    assert mail_month(later) == 1, "the other supplier"
    ran = app.test_cli_runner().invoke(args=["mail-statements", supplier.name, "on"])
    assert ran.exit_code == 0, ran.output
    assert mail_month(later) == 0, "that month was dealt with"
    assert mail_month((later + timedelta(days=40)).replace(day=1)) == 2
    assert login(Role.ADMIN).post("/reports/statements/by-mail", data=mine).status_code == 303
    assert (
        login(Role.ADMIN)
        .post("/reports/statements/by-mail", data={"account": "purchaser-1", "wanted": "0"})
        .status_code
        == 404
    )
