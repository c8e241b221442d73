"""Every page of every role in both themes and widths by axe-core (WCAG 2.2 AA and good practice), and the daily acts by
keyboard alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NARROW, VALUE, WIDE, Shelf, further_pages
from tests.support.courier_double import CourierDouble
from tests.support.window import Window
from tusker.models import CreditLine, Role, User

pytestmark = pytest.mark.browser

AXE = (Path(__file__).parents[1] / "vendor/axe-core-4.14.1/axe.min.js").read_text()
RUN = """
rules => axe.run(document, {runOnly: rules, resultTypes: ["violations"]}).then(found => found.violations.flatMap(
  rule => rule.nodes.map(node =>
    [rule.id, node.html.slice(0, 120), (node.any[0] || node.all[0] || {}).message].join(": "))))
"""
THEMES = {
    "light": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "dark": ["color-contrast", "link-in-text-block"],
}
"""What is looked for in each theme: they differ in colours alone."""


def wrongs(window: Window, path: str) -> list[str]:
    """What axe-core finds on a page in both themes and widths."""
    page, found = window.open(path), list[str]()
    page.evaluate(AXE)
    for theme, rules in THEMES.items():
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
        expect(page.locator("html")).to_have_attribute("data-bs-theme", theme)  # until one is chosen
        for width in (WIDE, NARROW):
            page.set_viewport_size({"width": width, "height": 900})
            found += [f"{path} in {theme} at {width}: {wrong}" for wrong in page.evaluate(RUN, rules)]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("role", list(Role), ids=str)
def test_every_page_is_for_everyone(
    role: Role, open_window: Callable[..., Window], people: dict[Role, User], shelf: Shelf
) -> None:
    window = open_window(width=WIDE)
    found = wrongs(window, "/login")
    page = window.sign_in(people[role])
    links = page.locator("aside nav a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    for path in dict.fromkeys([*links, *further_pages(role, shelf)]):
        found += wrongs(window, path)
    assert not found, "\n".join(found)


class Keys:
    """A keyboard that counts what is pressed; what is typed into a field counts as one."""

    def __init__(self, page: Page) -> None:
        self.page, self.pressed = page, 0

    def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        for key in keys:
            self.page.keyboard.press(key)
        self.pressed += len(keys)

    def type(self, words: str) -> None:
        """Type into what has the focus."""
        self.page.keyboard.type(words)
        self.pressed += 1

    def tab_to(self, name: str, role: str = "button") -> None:
        """Tab until the thing of this name has the focus."""
        wanted = self.page.get_by_role(role, name=name, exact=True).first  # type: ignore[arg-type]
        expect(wanted).to_be_visible()
        for _ in range(20):
            self.press("Tab")
            if wanted.evaluate("one => one === document.activeElement"):
                return
        raise AssertionError(f"{name} is not reached by Tab")


def test_request_and_bundle_by_keyboard(
    open_window: Callable[..., Window],
    people: dict[Role, User],
    line: CreditLine,
    courier: CourierDouble,
    delivered: Callable[..., None],
) -> None:
    ref = courier.add_order("KEYS-1", line.supplier_id, line.purchaser_id, VALUE)
    page = open_window().sign_in(people[Role.SUPPLIER])
    keys = Keys(page)
    keys.press("g", "n")
    expect(page.get_by_label("Order reference")).to_be_focused()
    keys.type(ref)
    keys.tab_to("Request financing")
    keys.press("Enter")
    expect(page.locator("#invoice-status")).to_have_text("Approved")
    assert keys.pressed < 15
    delivered(ref)

    page = open_window().sign_in(people[Role.ADMIN])
    keys = Keys(page)
    keys.press("g", "q")
    page.wait_for_url("**/admin/queue")
    keys.tab_to("Skip to the content", "link")
    keys.press("Enter")
    keys.tab_to("Select all", "checkbox")
    keys.press("Space", "Enter")
    page.wait_for_url("**/admin/disbursals/*")
    assert keys.pressed < 15
