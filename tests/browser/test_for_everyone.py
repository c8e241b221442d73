"""Every page of every role at both widths, in both themes by axe-core (WCAG 2.2 AA and good practice), and the daily
acts by keyboard alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NARROW, VALUE, WIDE, WIDER_THAN_THE_WINDOW, Shelf, further_pages
from tests.support.courier_double import CourierDouble
from tests.support.window import Window
from tusker.extensions import db
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


KINDS = """
() => [...new Set([...document.querySelectorAll("body *")].filter(one => !one.closest("aside"))
  .map(one => `${one.tagName} ${one.getAttribute("class")}`))]
"""
"""What a page is made of: elements by their tags and classes, but for the navigation."""


class Looks:
    """How pages are looked at: each by each role at both widths, whether anything is wider than the window; by axe-core
    at both widths and in both themes, as long as the page has kinds of elements that no earlier role was shown at such
    an address; else once, because colours and room are the same for everybody.
    """

    def __init__(self) -> None:
        self.found: list[str] = []
        self._known: dict[str, set[str]] = {}
        self._width, self._other = WIDE, NARROW

    def at(self, window: Window, path: str) -> None:
        """Open a page in the width that the last one ended with, and look at it in the other one, too."""
        page = window.open(path)
        expect(page.locator("main")).not_to_be_empty()
        ways = self._ways(page, path)
        for width in (self._width, self._other):
            page.set_viewport_size({"width": width, "height": 900})
            self._note(path, f"at {width}", page.evaluate(WIDER_THAN_THE_WINDOW))
            for theme in [theme for theme in THEMES if (width, theme) in ways]:
                page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
                expect(page.locator("html")).to_have_attribute("data-bs-theme", theme)  # until one is chosen
                self._note(path, f"in {theme} at {width}", page.evaluate(RUN, THEMES[theme]))
        self._width, self._other = self._other, self._width

    def _ways(self, page: Page, path: str) -> set[tuple[int, str]]:
        """In which width and theme axe-core looks at a page."""
        known, kinds = self._known.setdefault(re.sub(r"\d+", "#", path), set()), set(page.evaluate(KINDS))
        new = kinds - known
        known |= kinds
        return (
            {(self._width, "light"), (self._other, "light"), (self._width, "dark")}
            if new
            else {(self._width, "light")}
        )

    def _note(self, path: str, how: str, wrongs: list[str]) -> None:
        self.found += [f"{path} {how}: {wrong}" for wrong in wrongs]


def looking(open_window: Callable[..., Window]) -> Window:
    """A window in whose pages axe-core is there."""
    window = open_window(width=WIDE)
    window.context.add_init_script(AXE)
    return window


@pytest.mark.slow
def test_every_page_is_for_everyone(
    open_window: Callable[..., Window], people: dict[Role, User], shelf: Shelf
) -> None:
    looks = Looks()
    looks.at(looking(open_window), "/login")
    for role in Role:
        window = looking(open_window)
        page = window.sign_in(people[role])
        db.session.rollback()  # the walk takes minutes, and the database ends what idles in a transaction
        links = page.locator("aside nav a").evaluate_all("all => all.map(link => link.getAttribute('href'))")
        assert len(links) >= 4
        for path in dict.fromkeys([*links, *further_pages(role, shelf)]):
            looks.at(window, path)
        window.is_clean()
    assert not looks.found, "\n".join(looks.found)


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
