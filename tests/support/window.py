"""A browser's window in which whatever goes wrong is noted."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import (
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
)
from playwright.sync_api import Error as PlaywrightError

from tests.support.values import PASSWORD
from tusker.models import User

LEFT_BY_GOING_ON = "net::ERR_ABORTED"
"""How a request ends whose page was left while it was on its way."""
ABORTED_BY_GOING_ON = ("htmx:afterRequest", "htmx:sendAbort")
"""What htmx says of such a request; one that failed otherwise is a failed request too."""
REDOC_LOGO = "https://cdn.redoc.ly/redoc/logo-mini.svg"
"""ReDoc wants to show its maker's logo; the policy stops it before anything leaves the browser."""


class Window:
    """One person's window. Whatever a page does wrong is noted in `wrongs`."""

    def __init__(self, context: BrowserContext, site: str) -> None:
        self.site, self.context, self.wrongs = site, context, list[str]()
        self.page: Page = context.new_page()
        self.page.set_default_timeout(15_000)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self._note("script", str(error)))
        self.page.on("requestfailed", self._failed)
        self.page.on("response", self._response)

    def open(self, path: str) -> Page:
        """Open a page of the site."""
        self.page.goto(self.site + path)
        return self.page

    def sign_in(self, user: User) -> Page:
        """Sign in through the form."""
        self.open("/login")
        self.page.get_by_label("Email").fill(user.email)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(lambda url: "/login" not in url)
        return self.page

    def is_clean(self) -> None:
        """Nothing went wrong so far."""
        assert not self.wrongs, "\n".join(self.wrongs)

    def _note(self, kind: str, words: str) -> None:
        self.wrongs.append(f"{self.page.url}: {kind}: {words}")

    def _console(self, message: ConsoleMessage) -> None:
        # Violations of the content security policy are errors here too.
        left = message.text.startswith(ABORTED_BY_GOING_ON)
        if message.type in {"error", "warning"} and REDOC_LOGO not in message.text and not left:
            self._note(f"console {message.type}", message.text)

    def _failed(self, request: Request) -> None:
        if request.failure != LEFT_BY_GOING_ON and (request.url, request.failure) != (REDOC_LOGO, "csp"):
            self._note("failed request", f"{request.url}: {request.failure}")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self._note("answer", f"{response.status} {response.url}")
        elif not response.url.startswith((self.site, "blob:")):
            self._note("foreign request", response.url)


def take_pictures(windows: list[Window], folder: Path) -> None:
    """Save what each window shows; the report of the failure names the files."""
    for number, window in enumerate(windows):
        path = folder / f"window-{number}.png"
        try:
            window.page.screenshot(path=path, full_page=True)
        except PlaywrightError as error:
            window.wrongs.append(f"no picture: {error}")
        else:
            window.wrongs.append(f"{window.page.url} is pictured in {path}")
