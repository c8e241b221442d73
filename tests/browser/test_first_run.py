"""`make run` in a fresh checkout, and README's first steps with what it prints: in Chromium, on a Sunday.

On Sundays nothing is shipped in the demo's history, and most was different about them.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.directories import open_directory
from tests.support.running import CHECKOUT
from tests.support.window import Window

pytestmark = [pytest.mark.browser, pytest.mark.stack]

SUNDAY = 6
SECONDS = 1000
DAYS_AHEAD = Path(__file__).parents[1] / "support" / "days_ahead"
LAST_LINE = "Ctrl-C stops everything"
UNSET = (
    "DATABASE_URL",
    "REDIS_URL",
    "SECRET_KEY",
    "PORT",
    "WEB_PORT",
    "BASE_URL",
    "LOG_LEVEL",
    "ENVIRONMENT",
)
UNSET_TOO = ("TUSKER_", "SMTP_", "MAIL_", "FLASK_", "GUNICORN_")


@dataclass(frozen=True)
class FirstRun:
    """A stack that was just started, and what it printed until then."""

    process: subprocess.Popen[str]
    printed: str

    def found(self, pattern: str) -> str:
        """What a pattern's group finds in the print."""
        match = re.search(pattern, self.printed)
        assert match, f"no {pattern} in\n{self.printed}"
        return match[1]

    def stop(self) -> str:
        """Ctrl-C; what it printed after the box."""
        self.process.send_signal(signal.SIGINT)
        rest, _ = self.process.communicate(timeout=90)
        assert self.process.returncode == 0
        return rest


@pytest.fixture
def checkout() -> Iterator[Path]:
    """A copy of what git would clone, with nothing of a former run."""
    with open_directory() as root:
        listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listed, cwd=CHECKOUT, capture_output=True, check=True, text=True).stdout
        for name in filter(None, names.split("\0")):
            if not name.startswith("tests/") and (CHECKOUT / name).is_file():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(CHECKOUT / name, root / name)
        yield root


@pytest.fixture
def first_run(checkout: Path) -> Iterator[FirstRun]:
    """The stack started there on a Sunday."""
    today = datetime.now(UTC).astimezone(ZoneInfo("Asia/Kolkata"))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(UNSET_TOO)}
    environ = {name: value for name, value in kept.items() if name not in UNSET} | {
        "PYTHONPATH": f"{DAYS_AHEAD}{os.pathsep}{checkout}",
        "DAYS_AHEAD": str((SUNDAY - today.weekday()) % 7),
        "WEB_CONCURRENCY": "1",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.local", "run"],
        cwd=checkout,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        printed = ""
        assert process.stdout is not None
        for line in process.stdout:
            printed += line
            if LAST_LINE in line:
                break
        assert LAST_LINE in printed, printed
        yield FirstRun(process, printed)
    finally:
        process.kill()  # what it started ends with it
        process.communicate()


@pytest.fixture
def open_window(chromium: Browser) -> Iterator[Callable[[str], Window]]:
    """Open a window on a site; all must be clean at the end."""
    windows: list[Window] = []

    def opened(site: str) -> Window:
        windows.append(Window(chromium.new_context(locale="en-IN"), site))
        return windows[-1]

    yield opened
    for window in windows:
        window.context.close()
        window.is_clean()


def test_the_first_steps(first_run: FirstRun, open_window: Callable[[str], Window]) -> None:
    site = first_run.found(r"Tusker is ready:  (\S+)")
    courier = open_window(first_run.found(r"Delivery company: (\S+)"))
    supplier, admin = open_window(site), open_window(site)
    orders = first_run.found(r"Orders to request as supplier@tusker.test: (.+?) *│").split(", ")
    password = first_run.found(r"all with the password (\S+)")
    sign_in(supplier, "supplier@tusker.test", password)
    for ref in [*orders, place_an_order(courier)]:
        request_financing(supplier, ref)
    ref = orders[0]
    supplier.open("/invoices/new")
    invoice = supplier.page
    invoice.goto(f"{site}/invoices/?q={ref}")
    invoice.get_by_role("link", name=ref).first.click()
    deliver(courier, ref)
    expect(invoice.locator("#invoice-status")).to_have_text("To be financed", timeout=60 * SECONDS)

    desk = sign_in(admin, "admin@tusker.test", password)
    bundle_and_pay(desk, ref, password)
    desk.get_by_role("link", name="Loans", exact=True).click()
    desk.goto(f"{site}/admin/loans?q={ref}")
    row = desk.locator("#loans tr", has_text=ref)
    row.get_by_role("link", name="Record repayment").click()
    row.get_by_label("Payment reference").fill("UTR-IN-1")
    row.get_by_role("button", name="Record repayment").click()
    expect(row).to_contain_text("Repaid")
    expect(invoice.locator("#invoice-status")).to_have_text("Repaid", timeout=60 * SECONDS)
    expect(admin.open("/admin/proof").locator("main")).to_contain_text("All figures agree")
    assert first_run.stop().strip(" │└─┘\n") == "", "a started stack says nothing"


def sign_in(window: Window, email: str, password: str) -> Page:
    """Sign in through the form."""
    page = window.open("/login")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/login" not in url)
    return page


def request_financing(supplier: Window, ref: str) -> None:
    """Request an order; it has to be approved."""
    page = supplier.page
    page.get_by_role("link", name="Request financing").first.click()
    page.wait_for_url(
        "**/invoices/new*", wait_until="load"
    )  # what is typed before the script runs asks for nothing
    page.get_by_label("Order reference").fill(ref)
    page.locator("#quote").get_by_role("button", name="Request financing").click()
    expect(page.locator("#messages")).to_contain_text(re.compile(rf"Approved: .* is reserved for “{ref}”"))


def place_an_order(courier: Window) -> str:
    """Make a new order by the courier's form, between the companies that stand there; its reference."""
    page = courier.open("/")
    page.get_by_label("Value").fill("1,25,000")
    page.get_by_role("button", name="Place the order").click()
    return page.get_by_role("status").locator("strong").inner_text()


def deliver(courier: Window, ref: str) -> None:
    """Deliver an order at the courier's page."""
    row = courier.open("/").locator("tr", has_text=ref)
    row.get_by_role("button", name="Deliver").click()
    expect(row).to_contain_text("delivered")


def bundle_and_pay(desk: Page, ref: str, password: str) -> None:
    """Bundle one invoice, approve and release it, and confirm it with a bank reference."""
    desk.get_by_role("link", name="To be financed").first.click()
    desk.get_by_label(f"Select {ref}").check()
    desk.get_by_role("button", name="Bundle selected").click()
    desk.get_by_role("button", name=re.compile("^Approve ₹")).click()
    desk.get_by_label("Your password").fill(password)
    desk.get_by_role("button", name=re.compile("^Release ₹")).click()
    desk.locator("#confirm-form").get_by_label("Bank reference").fill("UTR-1")
    desk.get_by_role("button", name="Confirm 1 open").click()
    expect(desk.locator("#disbursal-lines")).to_contain_text(re.compile(r"L-\d+-\d+"))
