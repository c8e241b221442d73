"""The page of delivery companies: who sees and changes what, secrets that never come out, and the connection test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.courier_double import CourierDouble
from tests.support.pages import HTMX
from tusker.carriers.base import UnknownCarrier
from tusker.carriers.registry import get_carrier, get_carriers, get_webhook_secret, reload_carriers
from tusker.errors import Conflict
from tusker.extensions import db
from tusker.models import CarrierSetting, Event, Proposal, Role, User
from tusker.services.approvals.deciding import accept
from tusker.services.context import Context
from tusker.transactions import transaction

pytestmark = pytest.mark.usefixtures("stopped_clock")

KEY = "EZAK-very-secret-1234"
EASYPOST = {
    "enabled": "y",
    "base_url": "https://api.example.com",
    "api_key": KEY,
    "webhook_secret": "hook-secret",
}

Login = Callable[..., FlaskClient]


@pytest.fixture(autouse=True)
def _fresh_desk(app: Flask) -> Iterator[None]:
    """Adapters of another test's settings are forgotten, before and after."""
    app.extensions.pop("tusker_carriers", None)
    yield
    app.extensions.pop("tusker_carriers", None)


def stored(name: str = "easypost") -> CarrierSetting | None:
    db.session.rollback()
    return db.session.query(CarrierSetting).filter_by(carrier=name).one_or_none()


def test_a_carrier_set_up_on_the_page_is_used_at_once(login: Login) -> None:
    assert "easypost" not in get_carriers()
    answer = login().post("/admin/carriers/easypost", data=EASYPOST)
    assert answer.status_code == 303
    assert get_carrier("easypost").label == "EasyPost"
    assert get_webhook_secret("easypost") == "hook-secret"


def test_what_is_asked_takes_two_and_turning_off_one(
    app: Flask,
    monkeypatch: pytest.MonkeyPatch,
    ctx: Context,
    login: Login,
    create_user: Callable[..., User],
) -> None:
    monkeypatch.setitem(app.config, "REQUIRE_SECOND_ADMIN", True)
    maker, checker = login(), create_user()

    def proposed(page: str = "easypost", **data: str) -> Proposal:
        assert maker.post(f"/admin/carriers/{page}", data=data).status_code == 303
        made = db.session.query(Proposal).filter_by(state="open").order_by(Proposal.id.desc()).first()
        assert made is not None
        return made

    def accepted(proposal: Proposal) -> None:
        with transaction():
            accept(replace(ctx, actor_id=checker.id, actor="Chand"), proposal.id)

    def shown(proposal: Proposal) -> dict[str, tuple[str | None, str | None]]:
        return {row["what"]: (row["from"], row["to"]) for row in proposal.changes}

    # Also while it is off another address, key and secret are seen by two.
    address = EASYPOST["base_url"]
    first = proposed(**{**EASYPOST, "enabled": ""})
    assert (KEY in str(first.payload), stored()) == (False, None)
    accepted(first)
    key, secret = (shown(first)[what][1] for what in ("key_mark", "webhook_secret_mark"))
    turned_on = proposed(enabled="y", base_url=address)
    assert shown(turned_on) == {
        "carrier_settings": ("off", "on"),
        "address": (address, address),
        "key_mark": (key, key),
        "webhook_secret_mark": (secret, secret),
    }
    accepted(proposed(base_url=address, api_key="EZAK-another-1234"))
    with pytest.raises(Conflict, match=r"“Key, by its mark” was [0-9a-f]{12} then and is [0-9a-f]{12} now"):
        accepted(turned_on)
    assert "easypost" not in get_carriers()
    accepted(proposed(enabled="y", base_url=address))
    reload_carriers()
    assert (get_carrier("easypost").label, get_webhook_secret("easypost")) == ("EasyPost", "hook-secret")
    mine = proposed(enabled="y", base_url=address, webhook_secret="mine")
    assert shown(mine).keys() == {"carrier_settings", "webhook_secret_mark"}
    waiting = proposed(enabled="y", base_url="https://other.example.com", api_key=KEY)
    assert shown(waiting)["address"] == (address, "https://other.example.com")
    maker.post("/admin/carriers/easypost", data={"base_url": address})
    maker.post("/admin/carriers/easypost/forget")
    assert ("easypost" in get_carriers(), stored()) == (False, None)
    # Where the environment has settings for it, going back to them turns it on.
    maker.post("/admin/carriers/tusker", data={"base_url": app.config["TUSKER_CARRIER_URL"]})
    assert "tusker" not in get_carriers()
    assert shown(proposed("tusker/forget"))["carrier_settings_forgotten"] == ("off", "on")
    assert "tusker" not in get_carriers()


def test_another_process_notices_within_seconds(
    app: Flask, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    login().post("/admin/carriers/easypost", data=EASYPOST)
    before = get_carrier("easypost")
    with db.engine.begin() as elsewhere:
        elsewhere.exec_driver_sql("UPDATE carrier_settings SET enabled = false")
    assert get_carrier("easypost") is before
    monkeypatch.setattr("tusker.carriers.registry.SETTINGS_SECONDS", 0)
    with pytest.raises(UnknownCarrier):
        get_carrier("easypost")


def test_secrets_are_stored_sealed_and_shown_nowhere(login: Login) -> None:
    browser = login()
    browser.post("/admin/carriers/easypost", data=EASYPOST)
    row = stored()
    assert row is not None
    assert row.api_key_encrypted is not None
    assert KEY.encode() not in row.api_key_encrypted
    pages = [
        browser.get(path).text for path in ("/admin/carriers", "/admin/carriers/easypost", "/admin/events")
    ]
    assert all(KEY not in page and "hook-secret" not in page for page in pages)
    assert "••••1234" in pages[0]
    [event] = db.session.query(Event).filter_by(subject="carrier")
    assert (event.from_value, event.to_value) == ("off", "on")
    assert event.reason == "EasyPost: new address, new key, new webhook secret"
    assert KEY not in str(event.data)


def test_an_empty_secret_keeps_the_stored_one(login: Login) -> None:
    browser = login()
    browser.post("/admin/carriers/easypost", data=EASYPOST)
    kept = {**EASYPOST, "base_url": "https://api.example.com/v9", "api_key": "", "webhook_secret": ""}
    assert browser.post("/admin/carriers/easypost", data=kept).status_code == 303
    assert get_webhook_secret("easypost") == "hook-secret"
    browser.post("/admin/carriers/easypost", data={**kept, "drop_webhook_secret": "y"})
    assert get_webhook_secret("easypost") == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"api_key": ""}, "The key is required."),
        ({"api_key": "k\u00e9y"}, "The key must be one line"),
        ({"base_url": "nonsense"}, "must be a web address"),
        ({"base_url": "https://u:p@api.example.com"}, "nothing but a host"),
    ],
)
def test_what_cannot_be_taken_names_its_field_and_writes_nothing(
    login: Login, change: dict[str, str], said: str
) -> None:
    answer = login().post("/admin/carriers/easypost", data={**EASYPOST, **change}, headers=HTMX)
    assert answer.status_code == 422
    assert said in answer.text
    assert KEY not in answer.text
    assert stored() is None


def test_in_production_an_address_inside_is_refused(
    app: Flask, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = login()
    monkeypatch.setitem(app.config, "ENVIRONMENT", "PRODUCTION")
    data = {**EASYPOST, "base_url": "https://127.0.0.1"}
    answer = browser.post("/admin/carriers/easypost", data=data)
    assert (answer.status_code, stored()) == (422, None)
    assert "private network" in answer.text


def test_a_stored_key_is_not_sent_to_another_host(login: Login) -> None:
    browser = login()
    browser.post("/admin/carriers/easypost", data=EASYPOST)
    moved = {**EASYPOST, "base_url": "https://evil.example.com", "api_key": ""}
    answer = browser.post("/admin/carriers/easypost", data=moved)
    assert answer.status_code == 422
    assert "Enter the key again" in answer.text
    row = stored()
    assert row is not None
    assert row.base_url == "https://api.example.com"


def test_switched_off_here_it_is_off_whatever_the_environment_says_until_forgotten(
    login: Login, courier: CourierDouble
) -> None:
    browser = login()
    assert "tusker" in get_carriers()
    browser.post("/admin/carriers/tusker", data={"base_url": courier.url})
    assert "tusker" not in get_carriers()
    answer = browser.post("/admin/carriers/tusker/forget", headers=HTMX)
    assert answer.status_code == 200
    assert "in the environment" in answer.text
    assert "tusker" in get_carriers()
    assert stored("tusker") is None
    assert browser.post("/admin/carriers/tusker/forget").status_code == 404


@pytest.mark.parametrize("headers", [HTMX, {}])
def test_the_connection_test_says_how_it_went(
    login: Login, courier: CourierDouble, headers: dict[str, str]
) -> None:
    browser = login()

    def tested() -> str:
        answer = browser.post("/admin/carriers/tusker/test", headers=headers, follow_redirects=True)
        assert answer.status_code == 200
        return str(answer.text)

    assert "Tusker courier answers and accepts the key." in tested()
    courier.fail("html")
    assert "sent a web page instead of data" in tested()


def test_the_connection_test_with_a_wrong_key(login: Login, courier: CourierDouble) -> None:
    browser = login()
    browser.post(
        "/admin/carriers/tusker", data={"enabled": "y", "base_url": courier.url, "api_key": "wrong-token"}
    )
    answer = browser.post("/admin/carriers/tusker/test", headers=HTMX)
    assert "does not accept our token" in answer.text


def test_a_key_that_cannot_be_opened_any_more_is_told_and_stops_only_that_carrier(
    app: Flask, login: Login, courier: CourierDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = login()
    browser.post("/admin/carriers/easypost", data=EASYPOST)
    app.extensions.pop("tusker_carriers", None)
    monkeypatch.setitem(app.config, "CARRIER_KEYS_SECRET", "another one")
    assert list(get_carriers()) == ["tusker"]
    page = browser.get("/admin/carriers").text
    assert "cannot be decrypted" in page
    assert "1234" not in page


def test_auditors_see_and_admins_change(login: Login) -> None:
    auditor = login(Role.AUDITOR)
    page = auditor.get("/admin/carriers")
    assert page.status_code == 200
    assert "Set up</a>" not in page.text
    assert "/api/v1/carriers/shippo/webhook" in page.text
    for path in ("easypost", "easypost/test", "easypost/forget"):
        assert auditor.post(f"/admin/carriers/{path}", data=EASYPOST).status_code == 403
    assert stored() is None
    assert login().get("/admin/carriers/dhl").status_code == 404
