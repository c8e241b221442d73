"""Every page is guarded, strangers are sent to sign in, and roles are kept apart."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from bench.pages import QUERIES
from tests.support.pages import HTMX
from tusker.models import Customer, Role
from tusker.web.access import BY_TOKEN, FRESH, PUBLIC, access_of

PUBLIC_PAGES = {
    "api_docs.openapi",
    "api_docs.redoc",
    "api_docs.swagger",
    "static",
    "web.healthz",
    "web.readyz",
    "web.theme",
    "auth.login",
    "auth.language",
    "auth.second",
    "auth.enrol",
    "auth.logout",
    "auth.forgot",
    "auth.reset",
}


def test_every_page_carries_a_mark(session_app: Flask) -> None:
    unmarked = {
        r.endpoint for r in session_app.url_map.iter_rules() if access_of(session_app, r.endpoint) is None
    }
    assert unmarked == set()
    assert QUERIES.keys() <= session_app.view_functions.keys()


def test_nothing_else_is_public(session_app: Flask) -> None:
    """A new public page is put into the list above on purpose."""
    rules = session_app.url_map.iter_rules()
    public = {r.endpoint for r in rules if access_of(session_app, r.endpoint) == PUBLIC}
    assert public == PUBLIC_PAGES


def test_what_moves_money_or_outlives_a_session_asks_for_the_second_factor_again(session_app: Flask) -> None:
    """A new such page is put into the list on purpose."""
    fresh = {name for name, view in session_app.view_functions.items() if getattr(view, FRESH, False)}
    assert fresh == {
        "admin.accept_proposal",
        "admin.approve_disbursal",
        "admin.new_user",
        "admin.release_disbursal",
        "admin.reset_factor",
        "auth.end_other_sessions",
        "auth.end_session",
        "auth.new_factor",
        "auth.recovery_codes",
        "auth.remove_factor",
        "customers.create_company_token",
        "customers.create_my_token",
        "customers.propose_bank_details",
        "customers.take_over_company_token",
        "customers.take_over_my_token",
    }


def test_only_the_api_goes_by_token(session_app: Flask) -> None:
    rules = session_app.url_map.iter_rules()
    assert all(r.rule.startswith("/api/") for r in rules if access_of(session_app, r.endpoint) == BY_TOKEN)


def test_strangers_reach_no_guarded_page(session_app: Flask, client: FlaskClient) -> None:
    for rule in session_app.url_map.iter_rules():
        if isinstance(access_of(session_app, rule.endpoint), str):
            continue
        with session_app.test_request_context():
            url = session_app.url_for(rule.endpoint, **dict.fromkeys(rule.arguments, 1))
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            answer = client.open(url, method=method)
            assert answer.status_code == 302, f"{method} {url}"
            assert answer.location.startswith("/login"), f"{method} {url}"


def test_auditors_only_read(session_app: Flask) -> None:
    may_write = {
        rule.endpoint
        for rule in session_app.url_map.iter_rules()
        if (rule.methods or set()) & {"POST", "PUT", "PATCH", "DELETE"}
        and Role.AUDITOR in (access_of(session_app, rule.endpoint) or ())
        and not isinstance(access_of(session_app, rule.endpoint), str)
    }
    # their own; and a file that is answered with a file, of which nothing is stored
    own = {"password", "stay", "end_session", "end_other_sessions"}
    own |= {"confirm", "new_factor", "remove_factor", "recovery_codes"}
    views = {f"web.{name}" for name in ("save_list_view", "open_list_with", "remove_list_view", "density")}
    assert may_write == {*(f"auth.{name}" for name in own), *views, "reports.calculator_cases"}


def test_an_unmarked_view_is_refused_and_logged(
    enter: Callable[..., FlaskClient], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        answer = enter().get("/t/unmarked")
    assert answer.status_code == 500
    assert "seen" not in answer.text
    assert "t.unmarked carries no access mark" in caplog.text


@pytest.mark.parametrize("path", ["/t/public", "/t/token"])
def test_open_pages_open_for_strangers(pages: FlaskClient, path: str) -> None:
    assert pages.get(path).text == "seen"


def test_strangers_come_back_to_their_page(pages: FlaskClient) -> None:
    answer = pages.get("/t/anybody?status=approved")
    assert answer.status_code == 302
    assert answer.location == "/login?next=/t/anybody?status%3Dapproved"


def test_strangers_with_htmx_keep_the_page_and_what_was_typed(pages: FlaskClient) -> None:
    answer = pages.get(
        "/t/anybody", headers={**HTMX, "HX-Current-URL": "http://localhost/invoices?status=approved"}
    )
    assert answer.status_code == 401
    assert answer.headers["HX-Retarget"] == "#messages"
    assert 'href="/login?next=/invoices?status%3Dapproved"' in answer.text


@pytest.mark.parametrize("role", [Role.ADMIN, Role.AUDITOR])
def test_roles_are_kept_apart(enter: Callable[..., FlaskClient], role: Role) -> None:
    browser = enter(role)
    assert browser.get("/t/anybody").text == "seen"
    answer = browser.get("/t/admin")
    if role is Role.ADMIN:
        assert answer.text == "seen"
    else:
        assert answer.status_code == 403
        assert "Your role does not allow this page." in answer.text


def test_company_users_have_a_company(
    enter: Callable[..., FlaskClient], make_supplier: Callable[..., Customer]
) -> None:
    company = make_supplier()
    company_id = company.id
    assert enter(Role.SUPPLIER, customer=company).get("/t/company").text == str(company_id)
    assert enter(Role.ADMIN).get("/t/company").status_code == 403


def test_one_request_knows_nothing_of_the_last(pages_app: Flask, enter: Callable[..., FlaskClient]) -> None:
    """Guards the tests themselves: users must not leak from one browser into another."""
    assert enter().get("/t/anybody").status_code == 200
    assert pages_app.test_client().get("/t/anybody").status_code == 302
