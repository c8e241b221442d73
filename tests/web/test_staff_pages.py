"""Who may open the staff's pages: admins do, auditors look, companies stay outside."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tusker.models import Invoice, Role

pytestmark = pytest.mark.usefixtures("stopped_clock")

PAGES = (
    "/admin/",
    "/admin/queue",
    "/admin/disbursals",
    "/admin/disbursals/1",
    "/admin/disbursals/1/payouts.csv",
    "/admin/loans",
    "/admin/proof",
    "/admin/events",
    "/admin/users",
    "/admin/carriers",
    "/admin/system",
)


def own_rules(app: Flask, method: str) -> list[str]:
    """Paths of the room's views for a method, with 1 for every id; the import page has tests of its own."""
    found = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("admin.") and "import" not in rule.endpoint and method in rule.methods:
            path = rule.rule
            for argument in rule.arguments:
                path = path.replace(f"<int:{argument}>", "1")
            found.append(path)
    return found


@pytest.mark.parametrize("role", [Role.SUPPLIER, Role.PURCHASER])
def test_companies_are_refused_everywhere(
    app: Flask, login: Callable[..., FlaskClient], make_invoice: Callable[..., Invoice], role: Role
) -> None:
    invoice = make_invoice("bundled")
    browser = login(role, customer=getattr(invoice, str(role)))
    for method in ("GET", "POST"):
        for path in own_rules(app, method):
            assert browser.open(path, method=method).status_code == 403, (method, path)


def test_strangers_are_sent_to_the_sign_in_page(app: Flask, client: FlaskClient) -> None:
    for path in own_rules(app, "GET"):
        answer = client.get(path)
        assert answer.status_code == 302, path
        assert answer.location.startswith("/login"), path


def test_auditors_see_every_page_and_write_nothing(
    app: Flask, login: Callable[..., FlaskClient], make_invoice: Callable[..., Invoice]
) -> None:
    make_invoice("bundled")
    make_invoice("disbursed")
    make_invoice("financeable")
    browser = login(Role.AUDITOR)
    for path in PAGES:
        answer = browser.get(path)
        assert answer.status_code == 200, path
        posts_to = set(re.findall(r'method="post"[^>]* action="([^"]*)"', answer.text))
        # light or dark, sign out, and what a person keeps of a list
        own = re.compile(r"/theme|/logout|/density|/lists/\w+/views")
        assert [url for url in posts_to if not own.fullmatch(url)] == [], path
    assert "Bundle" not in browser.get("/admin/queue").text.partition('id="queue"')[2]
    posts = own_rules(app, "POST")
    assert len(posts) >= 9
    for path in posts:
        assert browser.post(path).status_code == 403, path


def test_an_admin_opens_every_page(
    login: Callable[..., FlaskClient], make_invoice: Callable[..., Invoice]
) -> None:
    make_invoice("bundled")
    browser = login(Role.ADMIN)
    for path in PAGES:
        assert browser.get(path).status_code == 200, path


@pytest.mark.parametrize(
    ("path", "marked"),
    [
        ("/admin/", "Dashboard"),
        ("/admin/disbursals/1", "Disbursals"),
        ("/admin/invoices/1/credit-notes/new", "Invoices"),
        ("/customers/1", "Customers"),
    ],
)
def test_the_navigation_marks_what_a_page_belongs_to(
    login: Callable[..., FlaskClient], make_invoice: Callable[..., Invoice], path: str, marked: str
) -> None:
    make_invoice("bundled")
    page = login(Role.ADMIN).get(path).text
    assert re.findall(r'class="tk-nav-link active".*?<span>([^<]*)</span>', page, re.S) == [marked]
