"""Search and shortcuts by keyboard, the search without JavaScript, and counts that stop in a hidden tab."""

from __future__ import annotations

from collections.abc import Callable

from tests.support.window import Window
from tusker.models import Invoice, Role, User

HIDE = """() => {
  let sent = 0;
  window.away = true;
  Object.defineProperty(document, "hidden", { get: () => window.away });
  document.addEventListener("htmx:beforeRequest", () => { sent += 1; });
  htmx.trigger("[hx-get='/counts']", "tab-shown");
  return sent;
}"""
SHOW = """() => { window.away = false; document.dispatchEvent(new Event("visibilitychange")); }"""


def test_by_keyboard_alone(
    open_window: Callable[..., Window], create_user: Callable[..., User], make_invoice: Callable[..., Invoice]
) -> None:
    invoice = make_invoice("approved")
    window = open_window()
    window.sign_in(create_user(Role.ADMIN))
    page = window.page
    page.keyboard.press("/")
    page.keyboard.type(invoice.number)
    page.locator("#find .tk-found a").first.wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/invoices/{invoice.id}")
    # what was looked at is there before anything is typed
    page.keyboard.press("Control+k")
    page.locator(f"#find a[href$='/invoices/{invoice.id}']").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.locator("#keys[open]").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("q")
    page.wait_for_url("**/admin/queue")
    # nothing is asked while nobody looks, and the counts once when the tab is shown again
    assert page.evaluate(HIDE) == 0
    with page.expect_response("**/counts"):
        page.evaluate(SHOW)


def test_without_javascript(
    open_window: Callable[..., Window], create_user: Callable[..., User], make_invoice: Callable[..., Invoice]
) -> None:
    invoice = make_invoice("approved")
    window = open_window(javascript=False)
    window.sign_in(create_user(Role.ADMIN))
    window.page.locator(".tk-search-link").click()
    window.page.locator("#q").fill(invoice.number)
    window.page.locator("#q").press("Enter")
    window.page.locator("main .tk-found a").first.click()
    window.page.wait_for_url(f"**/invoices/{invoice.id}")
