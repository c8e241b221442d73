"""The two documentation pages, as a browser shows them under their content security policy."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from tests.support.api import Api
from tusker.api.endpoints import OPERATIONS
from tusker.models import Customer


def test_only_these_pages_may_write_styles(client: FlaskClient) -> None:
    for path in ("/docs", "/redoc"):
        answer = client.get(path)
        assert answer.status_code == 200
        policy = answer.headers["Content-Security-Policy"]
        assert "script-src 'self';" in policy
        assert "style-src 'self' 'unsafe-inline';" in policy
    assert "unsafe" not in client.get("/login").headers["Content-Security-Policy"]
    assert "unsafe" not in client.get("/api/v1/openapi.json").headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_no_script_stands_in_the_page(client: FlaskClient, path: str) -> None:
    page = client.get(path).text
    assert page.count("<script") == page.count("<script src=") == 2
    assert "style=" not in page
    assert "//" not in page.replace("<!doctype html>", "")


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


# ReDoc wants to show its maker's logo from there; the policy stops it before anything leaves the browser,
# and ReDoc then shows none.
LOGO = "https://cdn.redoc.ly/redoc/logo-mini.svg"


@pytest.fixture
def page(chromium: Browser, address: str) -> Iterator[Page]:
    """A page that fails the test for whatever it asks of another address and whatever it complains about."""
    context = chromium.new_context(base_url=address, viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    troubles: list[str] = []
    opened.on("pageerror", lambda error: troubles.append(str(error)))
    opened.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
    opened.on("requestfinished", lambda asked: troubles.append(asked.url) if abroad(asked.url) else None)
    yield opened
    context.close()
    assert [trouble for trouble in troubles if LOGO not in trouble or "violates" not in trouble] == []


def abroad(url: str) -> bool:
    return not url.startswith(("http://127.0.0.1:", "data:", "blob:"))


@pytest.mark.browser
def test_swagger_ui_shows_every_operation_and_tries_one(
    page: Page, call_as: Callable[[Customer], Api], make_supplier: Callable[..., Any]
) -> None:
    api = call_as(make_supplier("Acme Mills"))
    page.goto("/docs")
    described = api.get("/openapi.json").json["paths"]
    expect(page.locator(".opblock")).to_have_count(sum(len(path) for path in described.values()))
    page.get_by_role("button", name="Authorize").click()
    page.get_by_label("auth-bearer-value").fill(api.secret)
    page.get_by_role("button", name="Apply credentials").click()
    page.get_by_role("button", name="Close").click()
    page.locator("#operations-Account-me").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table .response-col_status").last).to_contain_text("200")
    expect(page.locator(".live-responses-table")).to_contain_text("Acme Mills")


@pytest.mark.browser
def test_redoc_shows_every_operation(page: Page) -> None:
    page.goto("/redoc")
    for operation in OPERATIONS:
        expect(page.locator("#api-docs h2", has_text=operation.summary)).to_be_visible()
    page.get_by_placeholder("Search").fill("invoice")
    expect(page.locator("[role='search'] [data-role='search:results'] li").first).to_be_visible()
