"""Take the pictures of the README from the demo that `make run` serves, light and dark (make pictures).

python -m scripts.pictures [--site http://localhost:8000]
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "pictures"
PASSWORD = "tusker-demo-2026"
PROGRAMS = ("chromium-headless-shell", "chromium", "google-chrome")
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def sign_in(browser: Browser, site: str, email: str, theme: Literal["light", "dark"]) -> Page:
    """A page of somebody who is signed in and whose system is light or dark."""
    page = browser.new_context(
        viewport={"width": 1280, "height": 800}, color_scheme=theme, locale="en-IN"
    ).new_page()
    page.goto(f"{site}/login")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/login" not in url)
    return page


def take(page: Page, name: str, theme: str) -> None:
    """Save what the window shows."""
    page.evaluate("() => document.fonts.ready")
    page.screenshot(path=FOLDER / f"{name}-{theme}.png")
    print(f"{name}-{theme}.png")


def pictures(browser: Browser, site: str) -> None:
    """The dashboard, the newest disbursal and an invoice, as an admin and a supplier see them."""
    for theme in THEMES:
        page = sign_in(browser, site, "admin@tusker.test", theme)
        page.goto(f"{site}/admin/")
        take(page, "dashboard", theme)
        page.goto(f"{site}/admin/disbursals")
        page.locator("#disbursals tbody a").first.click()
        page.wait_for_selector("#disbursal-steps")
        take(page, "disbursal", theme)
        page = sign_in(browser, site, "supplier@tusker.test", theme)
        page.goto(f"{site}/invoices/?status=disbursed")
        page.locator("#invoices tbody a").first.click()
        page.wait_for_selector("#invoice")
        take(page, "invoice", theme)


def main() -> None:
    """Take all of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--site", default="http://localhost:8000")
    site = parser.parse_args().site
    FOLDER.mkdir(exist_ok=True)
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
        pictures(browser, site)
        browser.close()


if __name__ == "__main__":
    main()
