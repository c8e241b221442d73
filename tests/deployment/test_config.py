"""What production does not start without."""

from __future__ import annotations

import pytest
from itsdangerous import BadSignature

import config
from tests.support.values import PRODUCTION
from tusker.redis.url import sentinels_of
from tusker.secrets.box import seal, unseal
from tusker.secrets.keys import EXAMPLES, serializer


def test_production_starts_with_all_it_asks_for() -> None:
    assert config.load(PRODUCTION)["TUSKER_CARRIER_URL"] == "x-TUSKER_CARRIER_URL"


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


@pytest.mark.parametrize("bic", ["DEUTDEF", "DEUTDEFF5", "1EUTDEFF", "DEUTDEFF50ÄX"])
def test_a_bic_that_no_code_could_carry_stops_the_start(bic: str) -> None:
    with pytest.raises(config.ConfigError, match="LENDER_BIC"):
        config.load({**PRODUCTION, "LENDER_BIC": bic})
    assert config.load({**PRODUCTION, "LENDER_BIC": "deut deff 500"})["LENDER_BIC"] == "DEUTDEFF500"


STRONG = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"SECRET_KEY": "short"}, "SECRET_KEY is too weak"),
        ({"SECRET_KEY": "ab" * 30}, "SECRET_KEY is too weak"),
        ({"SECRET_KEY": "0123456789abcdef" * 2}, "SECRET_KEY is too weak"),
        ({"SECRET_KEY": "a quite long secret that somebody made up"}, "SECRET_KEY is too weak"),
        ({"SECRET_KEY": next(iter(EXAMPLES))}, "SECRET_KEY is too weak"),
        ({"SECRET_KEY_FALLBACKS": "short"}, "SECRET_KEY_FALLBACKS is too weak"),
        ({"CARRIER_KEYS_SECRET": f"{PRODUCTION['SECRET_KEY']},{STRONG}"}, "is the same as SECRET_KEY"),
        ({"BASE_URL": "https://"}, "BASE_URL must begin with https:// and a host"),
        ({"DATABASE_URL": "postgresql://app:%70ostgres@db/tusker"}, "DATABASE_URL has a default password"),
        ({"DATABASE_URL": "postgresql://app@db/t?password=tusker"}, "DATABASE_URL has a default password"),
        ({"DATABASE_URL": "postgresql://desk:desk@db/tusker"}, "DATABASE_URL has a default password"),
        ({"CARRIER_KEYS_SECRET": f"old,{STRONG}"}, "CARRIER_KEYS_SECRET is too weak"),
        ({"CARRIER_KEYS_SECRET": PRODUCTION["SECRET_KEY"]}, "CARRIER_KEYS_SECRET is the same as SECRET_KEY"),
        (
            {"SMTP_PASSWORD": "x" * 9, "SHIPPO_API_KEY": "x" * 9},
            "SMTP_PASSWORD is the same as SHIPPO_API_KEY",
        ),
        ({"BASE_URL": "http://desk.example.com"}, "BASE_URL must begin with https://"),
        ({"DATABASE_URL": "postgresql://app:Postgres@db/tusker"}, "DATABASE_URL has a default password"),
        ({"DATABASE_URL": "postgresql://app@10.0.0.5/t?sslmode=require"}, "DATABASE_URL leaves this machine"),
        ({"DATABASE_URL": "postgresql://app@/t?host=db.example.com"}, "DATABASE_URL leaves this machine"),
        (
            {"DATABASE_REPLICA_URL": "postgresql://app:Postgres@db/t"},
            "DATABASE_REPLICA_URL has a default password",
        ),
        (
            {"DATABASE_REPLICA_URL": "postgresql://app@10.0.0.5/t?sslmode=require"},
            "DATABASE_REPLICA_URL leaves this machine",
        ),
        ({"REDIS_URL": "redis://redis.example.com/0"}, "REDIS_URL leaves this machine"),
        ({"REDIS_URL": "rediss://redis.example.com/0?ssl_cert_reqs=none"}, "REDIS_URL leaves this machine"),
        ({"REDIS_URL": "redis://:x@[2001:db8::5]:6379/0"}, "REDIS_URL leaves this machine"),
        (
            {"REDIS_URL": "redis+sentinel://localhost,b.example.com:26380/desk"},
            "REDIS_URL leaves this machine",
        ),
        ({"SMTP_HOST": "mail.example.com", "SMTP_STARTTLS": "0"}, "SMTP_STARTTLS is off"),
        ({"TUSKER_CARRIER_TOKEN": "local-courier"}, "TUSKER_CARRIER_TOKEN is the courier simulator's"),
    ],
)
def test_production_refuses_what_only_development_may_have(changes: dict[str, str], words: str) -> None:
    with pytest.raises(config.ConfigError, match=words):
        config.load({**PRODUCTION, **changes})
    config.load({**PRODUCTION, **changes, "ENVIRONMENT": "DEVELOPMENT"})


@pytest.mark.parametrize(
    "changes",
    [
        {"DATABASE_URL": "postgresql://app@10.0.0.5/t?sslmode=verify-full&sslrootcert=/ca.pem"},
        {"DATABASE_URL": "postgresql:///t?host=/var/run/postgresql", "REDIS_URL": "unix:///var/run/redis"},
        {"DATABASE_URL": "postgresql://app@postgres/t", "REDIS_URL": "redis://redis:6379/0"},
        {"REDIS_URL": "rediss://redis.example.com/0?ssl_ca_certs=/ca.pem", "SMTP_HOST": "mail.example.com"},
        {"REDIS_URL": "rediss+sentinel://:x@a.example.com,b.example.com:26380/desk?ssl_ca_certs=/ca.pem"},
        {"REDIS_URL": "redis://[::1]:6379/0"},
        {"REDIS_URL": "redis://127.0.0.1/0", "SMTP_HOST": "localhost", "SMTP_STARTTLS": "0"},
    ],
)
def test_tls_is_demanded_only_where_the_way_leaves_the_machine(changes: dict[str, str]) -> None:
    config.load({**PRODUCTION, **changes})


def test_sentinels_may_have_addresses_of_either_kind() -> None:
    found = sentinels_of("redis+sentinel://:x@[::1]:26380,[2001:db8::5],10.0.0.5:26381/desk")
    assert found is not None
    assert found.hosts == [("::1", 26380), ("2001:db8::5", 26379), ("10.0.0.5", 26381)]


def test_an_old_weak_key_still_opens_what_it_sealed() -> None:
    """It cannot be taken out before all that it sealed was entered anew."""
    keys = config.load({**PRODUCTION, "CARRIER_KEYS_SECRET": f"{STRONG},tusker"})["CARRIER_KEYS_SECRET"]
    assert unseal(keys, seal("tusker", "y")) == "y"


def test_a_key_is_changed_without_signing_anybody_out() -> None:
    old = config.load(PRODUCTION)
    new = config.load({**PRODUCTION, "SECRET_KEY": STRONG, "SECRET_KEY_FALLBACKS": PRODUCTION["SECRET_KEY"]})
    assert new["SECRET_KEY_FALLBACKS"] == [old["SECRET_KEY"]]
    signed = serializer(old["SIGNING_KEYS"], "a link").dumps("x")
    assert serializer(new["SIGNING_KEYS"], "a link").loads(signed) == "x"
    with pytest.raises(BadSignature):
        serializer(new["SIGNING_KEYS"], "another purpose").loads(signed)
    sealed = seal(old["CARRIER_KEYS_SECRET"], "y")
    assert unseal(new["CARRIER_KEYS_SECRET"], sealed) == "y"


def test_pages_wait_for_less_than_jobs_do() -> None:
    """And behind a pooler, whose connections are everybody's, no connection is given a limit of its own."""
    base = {"DATABASE_URL": "postgresql:///x"}
    job, page = config.load(base), config.load({**base, "SERVER_SOFTWARE": "gunicorn/1.0"})
    copied = config.load({**base, "DATABASE_REPLICA_URL": "postgresql:///y"})["SQLALCHEMY_BINDS"]["replica"]
    for told, statement, lock, carrier in ((job, 3600, 60, 15), (page, 30, 5, 4)):
        assert copied["pool_size"] == told["SQLALCHEMY_ENGINE_OPTIONS"]["pool_size"]
        connecting = told["SQLALCHEMY_ENGINE_OPTIONS"]["connect_args"]
        assert connecting["connect_timeout"] == 5
        assert f"-c statement_timeout={statement}s -c lock_timeout={lock}s" in connecting["options"]
        assert told["CARRIER_SECONDS"] == carrier
    pooled = config.load({**base, "PREPARE_STATEMENTS": "0"})
    assert "options" not in pooled["SQLALCHEMY_ENGINE_OPTIONS"]["connect_args"]
