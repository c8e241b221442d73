"""Chromium against a real web server over the test's own database, with everything that goes wrong on a page noted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import (
    Browser,
)

from tests.support import running
from tests.support.courier_double import CourierDouble
from tests.support.invoices import deliver, order_on
from tests.support.payouts import account_of, bundle_and_confirm
from tests.support.running import until
from tests.support.tokens import token_made
from tests.support.values import at
from tests.support.window import Window, take_pictures
from tusker import clock
from tusker.extensions import db
from tusker.jobs.polling import poll_carrier
from tusker.models import CreditLine, Customer, Role, User
from tusker.services.context import Context
from tusker.services.credit.requesting.financing import request_financing
from tusker.services.payout.bank_accounts import propose_account
from tusker.transactions import transaction

DELIVERED = 21
VALUE = 1_25_000_00
WIDE, NARROW = 1280, 390
WIDER_THAN_THE_WINDOW = """
() => {
  const root = document.documentElement, edge = root.clientWidth + 1;
  if (root.scrollWidth < edge) return [];
  const wide = [...document.querySelectorAll("main *, .page-header *")]
    .filter(one => one.getBoundingClientRect().right > edge)
    .filter(one => !one.closest(".table-responsive, .overflow-auto, .renderedMarkdown table"))
    .map(one => one.outerHTML.slice(0, 160));
  return [`${root.scrollWidth} of ${root.clientWidth} px: ${wide.slice(0, 3).join(" | ")}`];
}
"""
"""The elements that make the whole page scroll sideways; tables may do so in their own box."""
_reports = pytest.StashKey[dict[str, pytest.TestReport]]()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Let fixtures know how their test ended."""
    report = yield
    item.stash.setdefault(_reports, {})[report.when] = report
    return report


@pytest.fixture(scope="session")
def site(
    session_app: Flask,
    courier_server: CourierDouble,
    test_config: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """The address of gunicorn, which serves the database of the test app."""
    port = str(running.free_port())
    environ = running.environment(
        test_config["SQLALCHEMY_DATABASE_URI"],
        test_config["REDIS_URL"],
        running.BROWSER,
        tmp_path_factory.mktemp("browser-mail"),
        PORT=port,
        BASE_URL=f"http://localhost:{port}",  # a passkey belongs to a name, not to a number
        TUSKER_CARRIER_URL=courier_server.url,
        TUSKER_CARRIER_TOKEN=session_app.config["TUSKER_CARRIER_TOKEN"],
        TIMEZONE=session_app.config["TIMEZONE"].key,
        PROGRAMME_LIMIT=str(session_app.config["PROGRAMME_LIMIT"]),
    )
    program = running.web(environ, tmp_path_factory.mktemp("browser-logs"))
    try:
        until(lambda: running.answers(f"{environ['BASE_URL']}/healthz"), 60, what="the web server's answer")
        yield environ["BASE_URL"]
    finally:
        program.stop()


@pytest.fixture
def ctx() -> Context:
    """A job acting now: what it writes is on the pages of today."""
    return Context(actor_id=None, actor="test", now=clock.now(), today=clock.today())


@pytest.fixture
def open_window(
    chromium: Browser, site: str, app: Flask, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[..., Window]]:
    """Open a window: `open_window(width=390, javascript=False)`. All must be clean at the end; a failure leaves
    pictures."""
    windows: list[Window] = []

    def opened(*, width: int = 1280, javascript: bool = True) -> Window:
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, java_script_enabled=javascript, locale="en-IN"
        )
        windows.append(Window(context, site))
        return windows[-1]

    yield opened
    call = request.node.stash.get(_reports, {}).get("call")
    if call is None or call.failed:
        take_pictures(windows, tmp_path)
    for window in windows:
        window.context.close()
    for window in windows:
        window.is_clean()


@pytest.fixture
def people(
    create_user: Callable[..., User],
    make_supplier: Callable[..., Customer],
    make_purchaser: Callable[..., Customer],
) -> dict[Role, User]:
    """A user of each role, with a supplier and a purchaser of their own."""
    supplier = make_supplier("Nilgiri Auto Components Private Limited", limit=50_00_000_00)
    purchaser = make_purchaser("Aravalli Retail & Motors (North) Limited", limit=50_00_000_00)
    return {
        Role.ADMIN: create_user(Role.ADMIN),
        Role.AUDITOR: create_user(Role.AUDITOR),
        Role.SUPPLIER: create_user(Role.SUPPLIER, customer=supplier),
        Role.PURCHASER: create_user(Role.PURCHASER, customer=purchaser),
    }


@pytest.fixture
def line(make_line: Callable[..., CreditLine], people: dict[Role, User]) -> CreditLine:
    """The credit line between the companies of `people`."""
    supplier, purchaser = people[Role.SUPPLIER].customer, people[Role.PURCHASER].customer
    return make_line(supplier, purchaser, limit=20_00_000_00)


@pytest.fixture
def delivered(app: Flask, courier: CourierDouble) -> Callable[..., None]:
    """Have the courier deliver orders, and poll it as a worker does."""

    def deliver_and_poll(*refs: str) -> None:
        for ref in refs:
            courier.set_status(ref, DELIVERED)
        poll_carrier("tusker")
        db.session.rollback()

    return deliver_and_poll


@dataclass
class Shelf:
    """Something of everything, so that no page is empty."""

    line_id: int
    supplier_id: int
    invoice_ids: dict[str, int]
    open_disbursal_id: int
    loan_disbursal_id: int


@pytest.fixture
def shelf(
    app: Flask,
    ctx: Context,
    people: dict[Role, User],
    line: CreditLine,
    make_line: Callable[..., CreditLine],
    make_supplier: Callable[..., Customer],
    make_purchaser: Callable[..., Customer],
) -> Shelf:
    """Invoices in every status, some with long names and great amounts, loans due, overdue and not yet due."""
    purchaser = people[Role.PURCHASER].customer
    long_name = (
        "Shree Venkateshwara Precision Engineering and Agricultural Implements (Coimbatore) Private Limited"
    )
    great = make_line(
        make_supplier(long_name, limit=9_90_00_00_000_00),
        make_purchaser(
            "Bharat Heavy Industrial Distribution and Logistics Corporation", limit=9_90_00_00_000_00
        ),
        limit=9_90_00_00_000_00,
    )
    make_line(people[Role.SUPPLIER].customer, great.purchaser.customer, limit=0)

    def made(on: CreditLine, value: int, when: Context, status: str = "approved") -> int:
        order = order_on(on, value, updated_at=when.now)  # what came long before it was asked for waits
        with transaction():
            invoice_id = request_financing(when, on.supplier_id, order, source="test").invoice_id
        if status != "approved":
            deliver(when, invoice_id, order)
        return invoice_id

    ids = {"rejected": made(line, 90_00_000_00, ctx)}
    for days in (100, 95, 90, 89, 10):
        ids["disbursed"] = made(line, VALUE, at(ctx, -days), "delivered")
        paid = [ids["disbursed"], made(great, 11_11_11_111_00, at(ctx, -days), "delivered")]
        loans = bundle_and_confirm(at(ctx, -days), paid)
    for _ in range(12):
        ids["financeable"] = made(line, 12_345_67, ctx, "delivered")
        ids["approved"] = made(line, 12_345_67, ctx)
    waiting = made(great, 22_22_22_222_22, at(ctx, -3), "delivered")
    bundled = bundle_and_confirm(ctx, [made(line, 10_000_00, ctx, "delivered"), waiting], only_bundle=True)
    with transaction():
        token_made(ctx, line.supplier_id, "ERP of the head office")
        maker = replace(ctx, actor_id=people[Role.ADMIN].id)
        other = replace(account_of(great.supplier_id, long_name), account_number="50100987654321")
        propose_account(maker, great.supplier_id, other)
    assert purchaser is not None
    return Shelf(line.id, line.supplier_id, ids, bundled.id, loans.id)


def further_pages(role: Role, shelf: Shelf) -> list[str]:
    """Pages of a role that its navigation does not name."""
    invoices = [f"/invoices/{number}" for number in shelf.invoice_ids.values()]
    own = ["/account", *invoices]
    staff = [
        f"/customers/{shelf.supplier_id}",
        f"/customers/lines/{shelf.line_id}",
        f"/admin/disbursals/{shelf.open_disbursal_id}",
        f"/admin/disbursals/{shelf.loan_disbursal_id}",
        "/admin/queue?sort=supplier",
        "/invoices/?q=nothing-has-this-number",
        "/admin/approvals?state=decided",
        f"/customers/{shelf.supplier_id}/bank-details",
    ]
    admin = [
        "/customers/new",
        f"/customers/{shelf.supplier_id}/edit",
        f"/customers/lines/new?supplier_id={shelf.supplier_id}",
        f"/customers/lines/{shelf.line_id}/edit",
        "/invoices/new",
        f"/admin/loans/{shelf.invoice_ids['disbursed']}/repay",
        f"/admin/loans/{shelf.invoice_ids['disbursed']}/write-off",
        "/admin/users/new",
        "/admin/carriers/easypost",
    ]
    # an auditor sees the same pages as an admin, without their buttons
    return {Role.ADMIN: own + staff + admin, Role.AUDITOR: staff[:3]}.get(role, own)
