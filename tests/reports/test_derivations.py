"""Where a balance and an exposure come from."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from flask.testing import FlaskClient

from tests.support.loan_book import EASY, Book, day, on_day
from tests.support.pages import HTMX, amounts
from tusker.domain.credit.limits import Bound
from tusker.domain.terms import InterestTiming
from tusker.models import CreditLine, Role
from tusker.queries.credit.exposure import exposure_table
from tusker.queries.loans.derivation import loan_derivation
from tusker.services.loans.receipts.undoing import reverse_receipt
from tusker.services.loans.write_off import write_off
from tusker.transactions import transaction


def total(page: str, name: str) -> str:
    return amounts(page.split(f'id="{name}"')[1])[0]


def test_a_balance_shows_each_stretch_and_payment(
    login: Callable[..., FlaskClient], book: Book, receive: Callable[..., int]
) -> None:
    # 30 days after the payout everything charged so far (8 × 30 + 100) and 2,000 of the principal
    receive(book.line.purchaser_id, 2_340_00, 10)
    found = loan_derivation(book.late, day(0))
    assert found is not None
    spans = [(s.principal, s.days, s.rate, s.year, s.amount) for s in found.accrual.interest]
    assert spans == [(8_000_00, 30, EASY.apr, 365, 240_00), (6_000_00, 10, EASY.apr, 365, 60_00)]
    assert [(s.principal, s.days, s.amount) for s in found.accrual.penalty] == [(6_000_00, 10, 60_00)]
    assert (found.paid, found.balance) == (2_340_00, 6_120_00)
    page = login().get(f"/reports/ageing/balance/{book.late}").text
    assert "₹6,000.00 × 36.5% × 10 days / 365" in page
    assert "Payment UTR-1" in page
    assert total(page, "balance-total") == "₹6,120.00"
    before = login().get(f"/reports/ageing/balance/{book.late}?as_of={day(11)}").text
    assert "Payment" not in before
    assert total(before, "balance-total") == "₹8,332.00"


def test_what_was_undone_is_shown_with_its_contra_row(
    login: Callable[..., FlaskClient], book: Book, receive: Callable[..., int]
) -> None:
    receipt = receive(book.line.purchaser_id, 2_340_00, 10)
    with transaction():
        reverse_receipt(on_day(0), receipt, reason="bounced")
    found = loan_derivation(book.late, day(0))
    assert found is not None
    assert [(row.undoes, row.total) for row in found.payments] == [(False, 2_340_00), (True, -2_340_00)]
    assert found.balance == found.loan.live.total == 8_500_00
    assert "Payment undone" in login().get(f"/reports/ageing/balance/{book.late}").text


def test_interest_deducted_at_payout_and_a_write_off(
    old_line: Callable[..., CreditLine], lend: Callable[..., int]
) -> None:
    line = old_line(terms=replace(EASY, interest_timing=InterestTiming.UPFRONT))
    invoice_id = lend(line, 40)
    found = loan_derivation(invoice_id, day(0))
    assert found is not None
    assert (found.deducted, found.balance) == (340_00, 8_160_00)
    with transaction():
        write_off(on_day(0), invoice_id, reason="insolvent")
    gone = loan_derivation(invoice_id, day(0))
    assert gone is not None
    assert (gone.given_up, gone.balance) == (8_160_00, 0)
    seen = loan_derivation(invoice_id, day(1))
    assert seen is not None
    assert seen.balance == 8_144_00


def test_the_balance_of_a_day_without_a_loan_and_of_a_day_to_come(
    login: Callable[..., FlaskClient], book: Book
) -> None:
    browser = login()
    assert "No loan on this day" in browser.get(f"/reports/ageing/balance/{book.late}?as_of={day(41)}").text
    forecast = browser.get(f"/reports/ageing/balance/{book.current}?as_of={day(-5)}").text
    assert "forecast" in forecast
    assert total(forecast, "balance-total") == "₹8,180.00"


def test_the_file_of_a_balance_sums_to_it(
    login: Callable[..., FlaskClient], book: Book, receive: Callable[..., int]
) -> None:
    receive(book.line.purchaser_id, 2_340_00, 10)
    browser = login()
    answer = browser.get(f"/reports/ageing/balance/{book.late}.csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert sum(Decimal(row["amount"]) for row in rows if row["amount"]) == Decimal("6120.00")
    parts = [row for row in rows if row["what"] == "interest, part"]
    assert sum(Decimal(row["exact"]) for row in parts) == Decimal("300")
    assert [(row["on_principal"], row["days"], Decimal(row["rate_percent"])) for row in parts] == [
        ("8000.00", "30", Decimal("36.5")),
        ("6000.00", "10", Decimal("36.5")),
    ]
    assert browser.get(f"/reports/ageing/balance/{book.late}.csv?as_of={day(60)}").status_code == 404


def test_nobody_sees_a_strangers_balance(login: Callable[..., FlaskClient], book: Book) -> None:
    seller = login(Role.SUPPLIER, customer=book.line.supplier.customer)
    buyer = login(Role.PURCHASER, customer=book.line.purchaser.customer)
    for end in ("", ".csv"):
        assert seller.get(f"/reports/ageing/balance/{book.others}{end}").status_code == 404
        assert buyer.get(f"/reports/ageing/balance/{book.later}{end}").status_code == 404
        assert buyer.get(f"/reports/ageing/balance/{book.late}{end}").status_code == 200


def test_exposure_of_a_day_and_the_movements_behind_it(
    login: Callable[..., FlaskClient], book: Book, receive: Callable[..., int]
) -> None:
    receive(book.line.purchaser_id, 2_340_00, 10)
    browser = login()
    page = browser.get("/reports/exposure").text
    assert amounts(page.split('id="exposure-supplier"')[1].split("<tfoot>")[1])[0] == "₹30,000.00"
    rows = browser.get(f"/reports/exposure/credit_line/{book.line.id}").text
    assert total(rows, "exposure-total") == "₹14,000.00"
    assert "-₹2,000.00" in rows
    assert f'href="/invoices/{book.late}"' in rows
    before = browser.get(f"/reports/exposure/credit_line/{book.line.id}?as_of={day(11)}").text
    assert total(before, "exposure-total") == "₹8,000.00"
    assert [r.exposure for r in exposure_table(Bound.CREDIT_LINE, day(11), key=book.line.id)] == [8_000_00]
    file = browser.get(f"/reports/exposure/credit_line/{book.line.id}.csv").text
    assert sum(Decimal(r["amount"]) for r in csv.DictReader(io.StringIO(file))) == Decimal("14000.00")
    everything = list(csv.DictReader(io.StringIO(browser.get("/reports/exposure.csv").text)))
    assert {r["kind"] for r in everything} == {"supplier", "purchaser", "credit_line"}
    assert sum(Decimal(r["exposure"]) for r in everything) == 3 * Decimal("30000.00")
    fragment = browser.get(f"/reports/exposure/credit_line/{book.line.id}", headers=HTMX).text
    assert fragment.lstrip().startswith('<div id="exposure-rows">')


def test_companies_see_their_own_limits_only(login: Callable[..., FlaskClient], book: Book) -> None:
    seller = login(Role.SUPPLIER, customer=book.line.supplier.customer)
    page = seller.get("/reports/exposure").text
    assert 'id="exposure-supplier"' in page
    assert 'id="exposure-purchaser"' not in page
    assert book.foreign.supplier.customer.name not in page
    own, foreign = book.line, book.foreign
    for path, status in {
        f"supplier/{own.supplier_id}": 200,
        f"credit_line/{own.id}": 200,
        f"purchaser/{own.purchaser_id}": 404,
        f"supplier/{foreign.supplier_id}": 404,
        f"credit_line/{foreign.id}": 404,
        f"supplier/{2**40}": 404,
        "colour/1": 404,
    }.items():
        for end in ("", ".csv"):
            assert seller.get(f"/reports/exposure/{path}{end}").status_code == status, path
    buyer = login(Role.PURCHASER, customer=own.purchaser.customer)
    assert buyer.get(f"/reports/exposure/credit_line/{own.id}").status_code == 200
    assert buyer.get(f"/reports/exposure/supplier/{own.supplier_id}").status_code == 404
    assert "exposure-supplier" not in buyer.get("/reports/exposure").text
