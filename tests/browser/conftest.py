"""Chromium against a real web server over the test's own database, with everything that goes wrong on a page noted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import (
    Browser,
)

from tests.support import running
from tests.support.courier_double import CourierDouble
from tests.support.running import until
from tests.support.window import Window, take_pictures
from tusker import clock
from tusker.models import Customer, Role, User
from tusker.services.context import Context

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
