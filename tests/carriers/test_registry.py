"""Delivery companies are found by name; a wrong configuration is named."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.carriers.fake_server import FakeServer, reply
from tusker.carriers.base import UnknownCarrier
from tusker.carriers.registry import MANUAL, carriers_from_config, get_carrier, get_carriers

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
        assert get_carrier("tusker") is carrier, "a new adapter would forget its breaker"


@pytest.mark.parametrize("name", [MANUAL, "dhl", ""])
def test_a_name_that_nobody_has_is_refused(app: Flask, name: str) -> None:
    with app.app_context():
        with pytest.raises(UnknownCarrier) as caught:
            get_carrier(name)
        assert caught.value.field == "carrier"
        assert MANUAL not in get_carriers()


@pytest.mark.parametrize("url", [None, "", " "])
def test_without_an_address_there_is_no_carrier(url: str | None) -> None:
    assert carriers_from_config({**CONFIG, "TUSKER_CARRIER_URL": url}) == {}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"TUSKER_CARRIER_TOKEN": ""}, "TUSKER_CARRIER_TOKEN"),
        ({"TUSKER_CARRIER_URL": "x"}, "TUSKER_CARRIER_URL"),
    ],
)
def test_a_wrong_configuration_names_the_variable(change: dict[str, str], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        carriers_from_config({**CONFIG, **change})


@pytest.mark.parametrize(("currency", "minor"), [("INR", 125000), ("JPY", 1250), ("KWD", 1250000)])
def test_values_are_read_in_the_configured_currency(server: FakeServer, currency: str, minor: int) -> None:
    server.otherwise = reply(200, '{"pl": {"orders": [{"ref_no": "A", "consgt": {"val_dcl": 1250}}]}}')
    config = {**CONFIG, "TUSKER_CARRIER_URL": server.url, "CURRENCY": currency}
    assert carriers_from_config(config)["tusker"].fetch(["A"])["A"].declared_value == minor
