"""What waits, told again while a page is open, without keeping the session alive."""

from __future__ import annotations

import re
from collections.abc import Callable

from flask import Flask
from flask.testing import FlaskClient

from tests.support.pages import HTMX
from tusker.models import Invoice, Role

POLL = {**HTMX, "Polls": "true"}


def test_the_counts_of_the_navigation_and_the_queue_follow(
    app: Flask, login: Callable[..., FlaskClient], make_invoice: Callable[..., Invoice]
) -> None:
    browser = login(Role.AUDITOR)
    page = browser.get("/admin/queue").text
    assert re.search(r'id="count-admin-queue"[^>]* hidden></span>', page)
    news = "/admin/queue/news?seen=0"
    assert page.count(f'hx-get="{news}"') == 1
    assert "when this page was read" not in page + browser.get(news, headers=POLL).text
    made = [make_invoice("financeable") for _ in range(2)]
    told = browser.get("/counts", headers=POLL).text
    assert re.search(r'id="count-admin-queue" hx-swap-oob="true">2</span>', told)
    assert re.search(r'id="count-admin-attention" hx-swap-oob="true" hidden></span>', told)
    assert "2 invoices in the queue now, 0 when" in browser.get(news, headers=POLL).text
    assert "2</span>" in browser.get("/admin/").text
    supplier = login(Role.SUPPLIER, customer=made[0].supplier)
    for path in ("/counts", news):
        assert browser.get(path).status_code == 302
        assert supplier.get(path, headers=POLL).status_code == 403
    assert "/counts" not in supplier.get("/invoices/").text


def test_nothing_is_asked_any_more_once_the_session_is_over(client: FlaskClient) -> None:
    """286 has htmx stop; whatever a person does is answered with 401."""
    assert client.get("/counts", headers=POLL).status_code == 286
    assert client.get("/counts", headers=HTMX).status_code == 401
