"""Delivery companies are found by name; a wrong configuration is named."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.support.fake_server import FakeServer, reply
from tusker.carriers.base import CarrierProtocolError, UnknownCarrier
from tusker.carriers.registry import (
    MANUAL,
    carriers_from_settings,
    get_carrier,
    get_carriers,
    get_webhook_secret,
    settings_from_config,
    specs,
)
from tusker.carriers.settings import CarrierSettings

CONFIG = {"TUSKER_CARRIER_URL": "http://127.0.0.1:1", "TUSKER_CARRIER_TOKEN": "t", "CURRENCY": "INR"}


@pytest.fixture
def app() -> Flask:
    app = Flask("carriers-test")
    app.config.update(CONFIG)
    return app


def test_a_configured_carrier_is_found_and_kept(app: Flask) -> None:
    with app.app_context():
        carrier = get_carrier("tusker")
        assert (carrier.name, carrier.batch_size) == ("tusker", 10)
        assert get_carrier("tusker") is carrier


@pytest.mark.parametrize("name", [MANUAL, "dhl", ""])
def test_a_name_that_nobody_has_is_refused(app: Flask, name: str) -> None:
    with app.app_context():
        with pytest.raises(UnknownCarrier) as caught:
            get_carrier(name)
        assert caught.value.field == "carrier"
        assert MANUAL not in get_carriers()


@pytest.mark.parametrize("url", [None, "", " "])
def test_without_an_address_there_is_no_carrier(url: str | None) -> None:
    assert settings_from_config({**CONFIG, "TUSKER_CARRIER_URL": url}) == {}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"TUSKER_CARRIER_TOKEN": ""}, "TUSKER_CARRIER_TOKEN"),
        ({"TUSKER_CARRIER_URL": "x"}, "TUSKER_CARRIER_URL"),
    ],
)
def test_a_wrong_configuration_names_the_variable(change: dict[str, str], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        settings_from_config({**CONFIG, **change})


@pytest.mark.parametrize(("currency", "minor"), [("INR", 125000), ("JPY", 1250), ("KWD", 1250000)])
def test_values_are_read_in_the_configured_currency(server: FakeServer, currency: str, minor: int) -> None:
    server.otherwise = reply(200, '{"pl": {"orders": [{"ref_no": "A", "consgt": {"val_dcl": 1250}}]}}')
    config = {**CONFIG, "TUSKER_CARRIER_URL": server.url, "CURRENCY": currency}
    carriers = carriers_from_settings(settings_from_config(config))
    assert carriers["tusker"].fetch(["A"])["A"].declared_value == minor


def test_every_adapter_is_found_and_says_what_it_is() -> None:
    assert next(iter(specs())) == "tusker"
    assert {"aftership", "easypost", "shippo"} < specs().keys()
    for name, spec in specs().items():
        carrier = spec.carrier(CarrierSettings("https://api.example.com", "k"))
        assert (carrier.name, carrier.label) == (name, spec.label)
        assert carrier.declares_orders is (name == "tusker")
        assert carrier.has_webhooks
        assert carrier.requests_per_second > 0
        assert carrier.batch_size > 0
        with pytest.raises(CarrierProtocolError, match=f"“{spec.label}” sent a webhook") as caught:
            carrier.read_webhook(b"no JSON")
        assert caught.value.details["carrier"] == name


@pytest.mark.parametrize("name", ["easypost", "shippo", "aftership"])
def test_a_key_alone_sets_a_parcel_carrier_up(name: str) -> None:
    spec = specs()[name]
    given = {spec.key_variable: "k", spec.webhook_secret_variable: "w"}
    settings = settings_from_config(given)[name]
    assert (settings.base_url, settings.api_key, settings.webhook_secret) == (spec.default_url, "k", "w")
    assert settings_from_config({**given, spec.url_variable: "http://127.0.0.1:1"})[name].base_url.endswith(
        ":1"
    )
    assert settings_from_config({spec.url_variable: "http://127.0.0.1:1"}) == {}
    with pytest.raises(ValueError, match=spec.url_variable):
        settings_from_config({**given, spec.url_variable: "ftp://x"})


def test_secrets_do_not_show_where_settings_are_logged() -> None:
    assert "k3y" not in repr(CarrierSettings("https://api.example.com", "k3y", "s3cret"))
    assert "s3cret" not in repr(CarrierSettings("https://api.example.com", "k3y", "s3cret"))


def test_changed_settings_make_the_carriers_anew(app: Flask) -> None:
    app.config["EASYPOST_API_KEY"] = "one"
    with app.app_context():
        before = dict(get_carriers())
        app.config["EASYPOST_API_KEY"] = "two"
        after = get_carriers()
        assert after["easypost"] is not before["easypost"]
        app.config["EASYPOST_API_KEY"] = ""
        assert list(get_carriers()) == ["tusker"]


def test_the_webhook_secret_of_a_carrier(app: Flask) -> None:
    with app.app_context():
        assert get_webhook_secret("tusker") == ""
        app.config["TUSKER_CARRIER_WEBHOOK_SECRET"] = "w"
        assert get_webhook_secret("tusker") == "w"
        with pytest.raises(UnknownCarrier):
            get_webhook_secret("easypost")
