"""Chromium against a real web server over the test's own database, with everything that goes wrong on a page noted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
)
from playwright.sync_api import Error as PlaywrightError

from tests.conftest import PASSWORD, CourierDouble
from tests.stack import running
from tests.stack.running import until
from tusker import clock
from tusker.models import Customer, Role, User
from tusker.services.context import Context

LEFT_BY_GOING_ON = "net::ERR_ABORTED"
"""How a request ends whose page was left while it was on its way."""

REDOC_LOGO = "https://cdn.redoc.ly/redoc/logo-mini.svg"
"""ReDoc wants to show its maker's logo; the policy stops it before anything leaves the browser."""

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
        BASE_URL=f"http://127.0.0.1:{port}",
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


class Desk:
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
        if message.type in {"error", "warning"} and REDOC_LOGO not in message.text:
            self._note(f"console {message.type}", message.text)

    def _failed(self, request: Request) -> None:
        if request.failure != LEFT_BY_GOING_ON and (request.url, request.failure) != (REDOC_LOGO, "csp"):
            self._note("failed request", f"{request.url}: {request.failure}")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self._note("answer", f"{response.status} {response.url}")
        elif not response.url.startswith((self.site, "blob:")):
            self._note("foreign request", response.url)


@pytest.fixture
def desk(
    chromium: Browser, site: str, app: Flask, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[..., Desk]]:
    """Open a window: `desk(width=390, javascript=False)`. All must be clean at the end; a failure leaves pictures."""
    desks: list[Desk] = []

    def open_window(*, width: int = 1280, javascript: bool = True) -> Desk:
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, java_script_enabled=javascript, locale="en-IN"
        )
        desks.append(Desk(context, site))
        return desks[-1]

    yield open_window
    call = request.node.stash.get(_reports, {}).get("call")
    if call is None or call.failed:
        take_pictures(desks, tmp_path)
    for window in desks:
        window.context.close()
    for window in desks:
        window.is_clean()


def take_pictures(desks: list[Desk], folder: Path) -> None:
    """Save what each window shows; the report of the failure names the files."""
    for number, window in enumerate(desks):
        path = folder / f"window-{number}.png"
        try:
            window.page.screenshot(path=path, full_page=True)
        except PlaywrightError as error:
            window.wrongs.append(f"no picture: {error}")
        else:
            window.wrongs.append(f"{window.page.url} is pictured in {path}")


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
