"""The main job in Chromium, with JavaScript and without."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NARROW, VALUE, WIDER_THAN_THE_WINDOW
from tests.support.courier_double import CourierDouble
from tests.support.values import PASSWORD
from tests.support.window import Window
from tusker.models import CreditLine, Role, User

pytestmark = pytest.mark.browser


def test_the_main_job(
    open_window: Callable[..., Window],
    people: dict[Role, User],
    line: CreditLine,
    courier: CourierDouble,
    delivered: Callable[..., None],
) -> None:
    first, second = (
        courier.add_order(ref, line.supplier_id, line.purchaser_id, VALUE) for ref in ("ORD-1", "ORD-2")
    )
    supplier, admin = open_window(), open_window()
    # Time is the test's own: five seconds until a badge asks again need not be waited for.
    supplier.page.clock.install()
    page = supplier.sign_in(people[Role.SUPPLIER])
    for ref in (first, second):
        request_with_live_quote(page, ref)
    badge = page.locator("#invoice-status")
    expect(badge).to_have_text("Approved")

    delivered(first, second)
    page.clock.fast_forward(6_000)
    expect(badge).to_have_text("To be financed")  # the page was not reloaded

    desk_page = admin.sign_in(people[Role.ADMIN])
    disbursal_id = bundle_by_choosing(desk_page, [first, second])
    release_in_place(desk_page)
    confirm_in_place(desk_page)
    page.clock.fast_forward(6_000)
    expect(badge).to_have_text("Disbursed")
    repay_in_its_row(desk_page, second)
    page.clock.fast_forward(6_000)
    expect(badge).to_have_text("Repaid")
    expect(page.locator("#invoice [hx-trigger^='every']")).to_have_count(0)  # a final status asks no more

    desk_page.goto(f"{admin.site}/admin/disbursals/{disbursal_id}")
    expect(desk_page.locator("#disbursal-lines")).to_contain_text("Repaid")
    expect(supplier.open("/invoices/").locator("#invoices")).to_contain_text("Disbursed")


def request_with_live_quote(page: Page, ref: str) -> None:
    """Type the reference, see the quote come by itself, request."""
    page.goto(page.url.partition("/invoices")[0] + "/invoices/new")
    field = page.get_by_label("Order reference")
    field.press_sequentially(ref[:2])
    expect(page.locator("#quote")).to_contain_text("No order yet")
    field.press_sequentially(ref[2:])
    page.clock.fast_forward(500)
    quote = page.locator("#quote")
    expect(quote).to_contain_text("₹1,25,000.00")
    expect(quote).to_contain_text("₹1,00,000.00")
    assert page.url.endswith("/invoices/new")
    quote.get_by_role("button", name="Request financing").click()
    expect(page.locator("#messages")).to_contain_text(f"Approved: ₹1,00,000.00 is reserved for “{ref}”")


def bundle_by_choosing(page: Page, refs: list[str]) -> str:
    """Tick rows, watch the running total, bundle; the disbursal's id."""
    page.get_by_role("link", name="To be financed").first.click()
    total = page.locator("[data-selection]")
    expect(total).to_have_text("Nothing selected")
    page.get_by_label(f"Select {refs[0]}").check()
    expect(total).to_have_text("1 selected, ₹1,00,000.00")
    page.get_by_label("Select all").check()
    expect(total).to_have_text("2 selected, ₹2,00,000.00")
    page.get_by_label(f"Select {refs[1]}").uncheck()
    expect(total).to_have_text("1 selected, ₹1,00,000.00")
    every = page.get_by_label("Select all")
    expect(every).not_to_be_checked()  # it follows its rows
    page.get_by_role("searchbox", name="Search").fill(refs[1])
    expect(page.get_by_label("Selected on other pages")).to_contain_text(refs[0])
    every.check()
    every.uncheck()
    expect(total).to_have_text("1 selected, ₹1,00,000.00")  # what was chosen on other pages stays
    page.get_by_label(f"Select {refs[1]}").check()
    page.get_by_role("button", name="Bundle selected").click()
    page.wait_for_url(re.compile(r"/admin/disbursals/\d+$"))
    for ref in refs:
        expect(page.locator("#disbursal-lines")).to_contain_text(ref)
    return page.url.rpartition("/")[2]


def release_in_place(page: Page) -> None:
    """Untick a line and see what that would do, approve, release with the password."""
    effect = page.locator("#what-if")
    expect(effect).to_contain_text("₹2,00,000.00")
    box = page.locator("#disbursal-lines").get_by_role("checkbox", name="Keep ORD-1")
    box.uncheck()
    expect(effect).to_contain_text("1 invoice of 1 supplier")
    box.check()
    expect(effect).to_contain_text("2 invoices of 1 supplier")
    page.evaluate(STYLED_ONCE)  # as scripts of menus and tooltips leave things; the swap must not copy it
    page.get_by_role("button", name="Approve ₹2,00,000.00").click()
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Release ₹2,00,000.00").click()
    expect(page.locator("#disbursal-payouts")).to_contain_text("At the bank")


def confirm_in_place(page: Page) -> None:
    """Confirm what the bank paid; the disbursal changes where it is."""
    page.locator("#confirm-form").get_by_label("Bank reference").fill("UTR-1")
    page.get_by_role("button", name="Confirm 1 open").click()
    expect(page.locator("#messages")).to_contain_text("is confirmed")
    expect(page.locator("#disbursal-lines")).to_contain_text(re.compile(r"L-\d+-\d+"))
    expect(page.locator("#confirm-form")).to_have_count(0)


def repay_in_its_row(page: Page, ref: str) -> None:
    """The row becomes a form and then the changed row; the figures above follow."""
    page.get_by_role("link", name="Loans", exact=True).click()
    invoices = page.locator("#loans tbody tr")
    expect(invoices).to_have_count(2)
    row = page.locator("#loans tr", has_text=ref)
    row.get_by_role("link", name="Record repayment").click()
    row.get_by_label("Payment reference").fill("UTR-IN-1")
    row.get_by_role("button", name="Record repayment").click()
    expect(row).to_contain_text("Repaid")
    expect(page.locator("#messages")).to_contain_text("Its principal is available again on all three limits")
    expect(page.locator("#loan-totals")).to_contain_text("1 open loan")
    assert page.url.endswith("/admin/loans")


def test_the_main_job_without_javascript(
    open_window: Callable[..., Window],
    people: dict[Role, User],
    line: CreditLine,
    courier: CourierDouble,
    delivered: Callable[..., None],
) -> None:
    ref = courier.add_order("PLAIN-1", line.supplier_id, line.purchaser_id, VALUE)
    supplier, admin = open_window(javascript=False), open_window(javascript=False)
    page = supplier.sign_in(people[Role.SUPPLIER])
    page.get_by_role("link", name="Request financing").first.click()
    page.get_by_label("Order reference").fill(ref)
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#quote")).to_contain_text("₹1,00,000.00")
    page.get_by_role("button", name="Request financing").click()
    expect(page.locator("#invoice-status")).to_have_text("Approved")
    delivered(ref)

    desk_page = admin.sign_in(people[Role.ADMIN])
    desk_page.get_by_role("link", name="To be financed").first.click()
    expect(desk_page.locator("[data-select-all]")).to_be_hidden()
    desk_page.get_by_label(f"Select {ref}").check()
    desk_page.get_by_role("button", name="Bundle selected").click()
    desk_page.get_by_role("button", name="Approve ₹1,00,000.00").click()
    desk_page.get_by_label("Your password").fill(PASSWORD)
    desk_page.get_by_role("button", name="Release ₹1,00,000.00").click()
    desk_page.locator("#confirm-form").get_by_label("Bank reference").fill("UTR-1")
    desk_page.get_by_role("button", name="Confirm 1 open").click()
    expect(desk_page.locator("#disbursal-lines")).to_contain_text(re.compile(r"L-\d+-\d+"))
    desk_page.get_by_role("link", name="Loans", exact=True).click()
    desk_page.get_by_role("link", name="Record repayment").click()
    assert desk_page.url.endswith("/repay")
    desk_page.get_by_label("Payment reference").fill("UTR-IN-1")
    desk_page.get_by_role("button", name="Record repayment").click()
    expect(desk_page.locator("#messages")).to_contain_text(
        "Its principal is available again on all three limits"
    )
    page.reload()
    expect(page.locator("#invoice-status")).to_have_text("Repaid")
    message = desk_page.locator("#messages")
    message.get_by_text("Undo").first.click()
    message.get_by_label("Why it is undone").fill("another invoice was meant")
    message.get_by_role("button", name="Undo").click()
    expect(message).to_contain_text("What it had paid is owed again")
    page.reload()
    expect(page.locator("#invoice-status")).to_have_text("Disbursed")


def test_pages_before_the_sign_in(open_window: Callable[..., Window], people: dict[Role, User]) -> None:
    window = open_window(width=NARROW)
    for path in ("/login", "/forgot", "/docs", "/redoc"):
        page = window.open(path)
        if path == "/docs":  # drawn by a script
            expect(page.get_by_text("urn:tusker:problem:").first).to_be_visible()
        assert page.evaluate(WIDER_THAN_THE_WINDOW) == [], path


STYLED_ONCE = """
() => document.querySelectorAll("main [id]").forEach(one => { one.style.top = "0px"; one.style.top = ""; })
"""
