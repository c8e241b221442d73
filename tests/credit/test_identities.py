"""Ids at delivery companies: found in the directory from the form, saved only with it."""

from __future__ import annotations

import json
from collections.abc import Callable

from flask import Flask
from flask.testing import FlaskClient

from tests.support.company_forms import company, count, typed
from tests.support.pages import HTMX, button_values, words
from tools.courier.api import Courier
from tusker.models import CarrierIdentity, Customer

Login = Callable[..., FlaskClient]
SEARCH = {"directory": "search", "directory_text": "asha", "carrier": "tusker"}


def test_the_directory_is_searched_and_results_are_added_with_htmx(login: Login, directory: Courier) -> None:
    browser = login()
    found = browser.post("/customers/directory", data=typed(**SEARCH), headers=HTMX).text
    assert found.lstrip().startswith('<section class="card" id="identities">')
    assert "Surat" in found
    assert "location L901" in found
    added = button_values(found, "add")
    assert [json.loads(value)[:3] for value in added] == [
        ["tusker", "supplier", "C900"],
        ["tusker", "purchaser", "L900"],
        ["tusker", "supplier", "C901"],
        ["tusker", "purchaser", "L901"],
    ]
    one = browser.post("/customers/directory", data=typed(add=added[0]), headers=HTMX).text
    chosen = button_values(one, "identity")
    two = browser.post("/customers/directory", data=typed(identity=chosen, add=added[3]), headers=HTMX).text
    assert count(CarrierIdentity) == 0, "nothing is saved before the form"
    browser.post("/customers/new", data=typed(identity=button_values(two, "identity"), save="1"))
    saved = company("Asha Textiles").carrier_identities
    assert {(i.side, i.external_id, i.label) for i in saved} == {
        ("supplier", "C900", "Asha Textiles, Surat"),
        ("purchaser", "L901", "Asha Textiles Depot, Pune"),
    }


def test_without_javascript_the_buttons_send_the_form_which_keeps_what_was_typed(
    login: Login, directory: Courier
) -> None:
    browser = login()
    found = browser.post("/customers/new", data=typed(name="Half typed", apr="bad", **SEARCH))
    assert found.status_code == 200
    assert button_values(found.text, "name") == ["Half typed"]
    assert "APR must be" not in found.text, "nobody asked to save yet"
    add = button_values(found.text, "add")[1]
    chosen = browser.post("/customers/new", data=typed(add=add))
    assert json.loads(button_values(chosen.text, "identity")[0])[:3] == ["tusker", "purchaser", "L900"]
    gone = browser.post("/customers/new", data=typed(identity=add, remove=add))
    assert button_values(gone.text, "identity") == []
    assert count(Customer) == 0


def test_enter_in_the_search_box_searches_and_elsewhere_saves(login: Login, directory: Courier) -> None:
    browser = login()
    asked = browser.post("/customers/new", data=typed(enter="1", directory_text="depot", carrier="tusker"))
    assert "location L901" in asked.text
    assert count(Customer) == 0
    saved = browser.post(
        "/customers/new", data=typed(enter="1", directory_text="depot", directory_searched="depot")
    )
    assert saved.status_code == 303


def test_a_second_supplier_id_takes_the_place_of_the_first(login: Login, directory: Courier) -> None:
    first, second = (json.dumps(["tusker", "supplier", i, ""]) for i in ("C1", "C2"))
    page = login().post("/customers/directory", data={"identity": first, "add": second}, headers=HTMX).text
    assert [json.loads(value)[2] for value in button_values(page, "identity")] == ["C2"]


def test_an_id_by_hand(login: Login, directory: Courier) -> None:
    browser = login()
    by_hand = {"directory": "by_hand", "carrier": "tusker", "hand_side": "purchaser"}
    page = browser.post("/customers/directory", data={**by_hand, "hand_id": " L7 "}, headers=HTMX).text
    assert json.loads(button_values(page, "identity")[0]) == ["tusker", "purchaser", "L7", ""]
    for wrong in ("", "L" * 61):
        page = browser.post("/customers/directory", data={**by_hand, "hand_id": wrong}, headers=HTMX).text
        assert "needs 1 to 60 readable characters" in page
        assert button_values(page, "identity") == []


def test_trouble_at_the_delivery_company_is_told_and_loses_nothing(
    login: Login, refuse_token: Callable[[], None]
) -> None:
    refuse_token()
    chosen = json.dumps(["tusker", "supplier", "C1", "Kept"])
    answer = login().post("/customers/new", data=typed(identity=chosen, **SEARCH))
    assert answer.status_code == 200
    assert 'class="alert alert-warning' in answer.text
    assert "You can enter an id by hand" in words(answer.text)
    assert button_values(answer.text, "identity") == [chosen]


def test_without_a_delivery_company_the_form_says_so(login: Login, app: Flask) -> None:
    app.extensions["tusker_carriers"] = {}
    try:
        page = login().get("/customers/new").text
    finally:
        app.extensions.pop("tusker_carriers")
    assert "No delivery company is configured" in page


def test_somebody_elses_id_is_refused_and_nothing_is_saved(
    login: Login, make_supplier: Callable[..., Customer]
) -> None:
    other = make_supplier("First come")
    taken = json.dumps(["tusker", "supplier", f"C{other.id}", ""])
    answer = login().post("/customers/new", data=typed(identity=taken))
    assert answer.status_code == 422
    assert "belongs to First come" in words(answer.text)
    assert count(Customer) == 1


def test_what_is_no_id_is_left_out(login: Login) -> None:
    odd = [
        "",
        "[]",
        '["tusker", "boss", "C1", ""]',
        '["tusker", "supplier", 5, ""]',
        '["a", "supplier", "\\n", ""]',
    ]
    page = login().post("/customers/directory", data={"identity": odd}, headers=HTMX).text
    assert button_values(page, "identity") == []
