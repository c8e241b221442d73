"""What production does not start without."""

from __future__ import annotations

import pytest

import config

PRODUCTION = {name: "x" for name in config.REQUIRED_IN_PRODUCTION} | {
    "ENVIRONMENT": "PRODUCTION",
    "DATABASE_URL": "postgresql://app:password@db/tusker",
    "PROGRAMME_LIMIT": "500000000",
}


def test_production_starts_with_all_it_asks_for() -> None:
    assert config.load(PRODUCTION)["TUSKER_CARRIER_URL"] == "x"


@pytest.mark.parametrize("value", [None, ""])
@pytest.mark.parametrize("name", config.REQUIRED_IN_PRODUCTION)
def test_production_stops_with_the_name_of_what_is_missing(name: str, value: str | None) -> None:
    """An empty variable is what docker compose passes on for one that is not set."""
    env = {**PRODUCTION, name: value or ""}
    if value is None:
        del env[name]
    with pytest.raises(config.ConfigError, match=rf"missing in ENVIRONMENT=PRODUCTION: {name}$"):
        config.load(env)


def test_all_missing_names_come_at_once() -> None:
    with pytest.raises(config.ConfigError) as stopped:
        config.load({"ENVIRONMENT": "PRODUCTION"})
    for name in ("TUSKER_CARRIER_URL", "TUSKER_CARRIER_TOKEN", "BASE_URL", "SECRET_KEY"):
        assert name in str(stopped.value)


def test_stacks_side_by_side_have_cookies_of_their_own() -> None:
    base = {"DATABASE_URL": "postgresql:///x"}
    names = {
        config.load({**base, "BASE_URL": url})["SESSION_COOKIE_NAME"]
        for url in ("http://localhost:8000", "http://localhost:8001", "http://localhost")
    }
    assert len(names) == 3
    # only the host itself can set this one, and only over TLS
    assert config.load(PRODUCTION)["SESSION_COOKIE_NAME"] == "__Host-session"
