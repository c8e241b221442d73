"""The request by tracking number as people fill it in: wide with htmx, narrow without JavaScript."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from werkzeug.serving import make_server

from tests.support.fake_server import FakeServer
from tests.support.parcels import registrations, tracker, trackers, way_of
from tests.support.window import Window
from tusker.jobs.polling import poll_carrier
from tusker.models import CreditLine, Role, User

pytestmark = pytest.mark.browser


@pytest.fixture
def site(app: Flask, vendor: FakeServer) -> Iterator[str]:
    """The app of this process, which asks the vendors of the test."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def supplier(create_user: Callable[..., User], line: CreditLine) -> User:
    return create_user(Role.SUPPLIER, customer=line.supplier.customer)


def fill_in(page: Page, line: CreditLine, ref: str, *, live: bool = False) -> None:
    """Fill in all but the carrier; `live` waits for the quote that each field asks for anew."""
    page.get_by_label("Credit line").select_option(str(line.id))
    for label, value in (
        ("Invoice number", "INV-2041"),
        ("Invoice date", "2026-02-27"),
        ("Invoice amount", "10000"),
        ("Tracking number", ref),
    ):
        if not live:
            page.get_by_label(label).fill(value)
            continue
        with page.expect_response("**/invoices/quote?*"):
            page.get_by_label(label).fill(value)
            page.get_by_label(label).blur()


def fits(page: Page) -> bool:
    """Whether nothing has to be scrolled to sideways."""
    wide: bool = page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    return wide


def test_with_htmx(
    open_window: Callable[..., Window],
    supplier: User,
    line: CreditLine,
    vendor: FakeServer,
) -> None:
    window, way = open_window(), way_of("easypost")
    page = window.sign_in(supplier)
    window.open("/invoices/new")
    expect(page.get_by_label("Order reference")).to_be_visible()
    page.get_by_label("Delivery company").select_option("easypost")
    vendor.otherwise = trackers()
    expect(page.get_by_label("Tracking number")).to_be_visible()
    fill_in(page, line, way.typed, live=True)
    quote = page.locator("#quote")
    expect(quote).to_contain_text("₹8,000.00")
    expect(quote).to_contain_text("Not tracked yet")
    assert registrations(vendor) == []
    assert fits(page)
    window.open("/invoices/")
    window.open("/invoices/new")  # all of it is back, of the fields of this delivery company, too
    expect(page.get_by_text("What you typed here earlier is back.")).to_be_visible()
    expect(page.get_by_label("Tracking number")).to_have_value(way.typed)
    expect(page.get_by_label("Invoice number")).to_have_value("INV-2041")
    expect(quote).to_contain_text("₹8,000.00")
    vendor.otherwise = trackers(tracker("EZ4000000004", carrier="UPS", tracking_details=[]))
    quote.get_by_role("button", name="Request financing").click()
    expect(page.locator("#messages")).to_contain_text("Approved: ₹8,000.00 is reserved for “INV-2041”")
    vendor.otherwise = way.delivered
    poll_carrier("easypost")
    page.reload()
    expect(page.locator("#shipment")).to_contain_text("John Tester")
    expect(page.locator("#shipment")).to_contain_text(way.ref)
    page.set_viewport_size({"width": 390, "height": 844})
    assert fits(page)


def test_narrow_and_without_javascript(
    open_window: Callable[..., Window],
    supplier: User,
    line: CreditLine,
    vendor: FakeServer,
) -> None:
    vendor.otherwise = trackers(tracker())
    window = open_window(width=390, javascript=False)
    page = window.sign_in(supplier)
    window.open("/invoices/new")
    page.get_by_label("Delivery company").select_option("easypost")
    page.get_by_role("button", name="Show the fields").click()
    fill_in(page, line, "usps/EZ1000000001")
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#quote")).to_contain_text("₹8,000.00")
    page.get_by_role("button", name="Request financing").click()
    expect(page.locator("#messages")).to_contain_text("Approved")
