"""No address with a control character reaches a view, whatever the view would do with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient

import tusker
from tusker.web.forms.form import FilterForm

_READ = re.compile(r"request\.args\.get(?:list)?\(\s*\"(\w+)\"")


@cache
def arguments() -> set[str]:
    """The names of all arguments that any view reads, in its code or by a form."""
    named = {
        name
        for source in Path(tusker.__file__).parent.rglob("*.py")
        for name in _READ.findall(source.read_text())
    }
    forms = list(FilterForm.__subclasses__())
    for form in forms:
        forms += form.__subclasses__()
        named |= {name for name in vars(form) if not name.startswith("_") and name != "Meta"}
    return named


def addresses(app: Flask) -> Iterator[str]:
    """The address of every view that answers GET, with 1 for each id."""
    for rule in app.url_map.iter_rules():
        if "GET" in (rule.methods or ()):
            yield re.sub(r"<[^>]+>", "1", rule.rule)


def test_every_argument_of_every_page(app: Flask, login: Callable[..., FlaskClient]) -> None:
    names, browser = arguments(), login()
    assert {"q", "kind", "status", "before", "as_of", "seen", "supplier"} <= names
    paths = list(addresses(app))
    assert len(paths) > 60
    every = "&".join(f"{name}=%00" for name in sorted(names))
    for path in paths:
        status = 422 if path.startswith("/api/") else 400
        assert browser.get(f"{path}?{every}").status_code == status, path
    for name in names:
        assert browser.get(f"/admin/events?{name}=a%00").status_code == 400, name


def test_no_argument_of_a_page_is_believed(app: Flask, login: Callable[..., FlaskClient]) -> None:
    names, browser = sorted(arguments()), login()
    for value in ("no such", str(2**63)):
        every = "&".join(f"{name}={quote(value)}" for name in names)
        for path in addresses(app):
            assert browser.get(f"{path}?{every}").status_code < 500 or path == "/readyz", path


def test_the_message_names_the_argument(login: Callable[..., FlaskClient], client: FlaskClient) -> None:
    assert "“kind” in the address has a control character." in login().get("/admin/events?kind=a%00b").text
    answer = client.get("/api/v1/invoices?status=%1b")
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "status")
    assert answer.json["type"] == "urn:tusker:problem:invalid_input"


@pytest.mark.parametrize("path", ["/static/%00", "/admin/carriers/%00", "/invoices/?a%00=1", "/%00"])
def test_paths_and_names_of_arguments(login: Callable[..., FlaskClient], path: str) -> None:
    assert login().get(path).status_code == 400


def test_for_an_id_that_no_row_can_have_there_is_no_page(
    app: Flask, login: Callable[..., FlaskClient]
) -> None:
    """The database could not look for it."""
    browser = login()
    for rule in app.url_map.iter_rules():
        if "<int:" in rule.rule:
            path = re.sub(r"<[^>]+>", str(2**63), rule.rule)
            for method in (rule.methods or set()) & {"GET", "POST", "DELETE"}:
                assert browser.open(path, method=method).status_code == 404, path


@pytest.mark.parametrize("text", ["INV-1\t", "\nINV-1", "é\u00a0—"])
def test_what_is_pasted_is_searched_for(login: Callable[..., FlaskClient], text: str) -> None:
    assert login().get(f"/invoices/?q={quote(text)}").status_code == 200
