"""PostgreSQL and Redis over TLS, by their addresses alone: with a certificate of one's own authority, and no other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from redis.exceptions import ConnectionError as RedisConnectionError
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

import config
from tests.support.tls import Authority, tls_before
from tusker.app import create_app
from tusker.extensions import db
from tusker.redis.queues import enqueue, redis_connection

HERE = "127.0.0.1"
REFUSED = "certificate verify failed|signature failure"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def doors(authority: Authority, test_config: dict[str, Any], session_app: Flask) -> Iterator[tuple[str, str]]:
    """Addresses of PostgreSQL and Redis behind TLS, without the part that says how to check."""
    postgres, redis = make_url(test_config["SQLALCHEMY_DATABASE_URI"]), test_config["REDIS_URL"]
    folder = postgres.query.get("host")
    if not folder or not redis.startswith("unix://"):
        pytest.skip("the servers of the environment have no socket files")
    tls = authority.server(HERE)
    with (
        tls_before(f"{folder}/.s.PGSQL.5432", tls, postgres=True) as database,
        tls_before(redis.removeprefix("unix://").partition("?")[0], tls) as queue,
    ):
        yield (
            f"postgresql://{postgres.username}@{HERE}:{database}/{postgres.database}",
            f"rediss://{HERE}:{queue}/0",
        )


def app_at(database: str, redis: str) -> Flask:
    return create_app(
        config.load({"ENVIRONMENT": "TEST", "SECRET_KEY": "x", "DATABASE_URL": database, "REDIS_URL": redis})
    )


def asks(app: Flask) -> None:
    """What the database is asked, over a connection of its own."""
    with app.app_context():
        try:
            with db.engine.connect() as connection:
                assert connection.scalar(text("SELECT 1")) == 1
                driver: Any = connection.connection.dbapi_connection
                assert driver.info.ssl_in_use
        finally:
            db.engine.dispose()


def test_both_are_spoken_to_over_tls(doors: tuple[str, str], authority: Authority) -> None:
    ca = quote(str(authority.ca))
    app = app_at(f"{doors[0]}?sslmode=verify-full&sslrootcert={ca}", f"{doors[1]}?ssl_ca_certs={ca}")
    asks(app)
    told = app.test_client().get("/readyz").json["parts"]
    assert (told["database"]["state"], told["redis"]["state"]) == ("ok", "ok")
    with app.app_context():
        assert enqueue("tusker.jobs.sealing.seal_new")
        redis_connection().flushdb()
        db.engine.dispose()


def test_another_authority_and_another_name_are_refused(
    doors: tuple[str, str], authority: Authority, tmp_path: Path
) -> None:
    other = quote(str(Authority(tmp_path / "other").ca))
    ca = quote(str(authority.ca))
    by_name = [url.replace(HERE, "localhost") for url in doors]
    for database, problem in (
        (f"{doors[0]}?sslmode=verify-full&sslrootcert={other}", REFUSED),
        (f"{by_name[0]}?sslmode=verify-full&sslrootcert={ca}", "does not match host name"),
        (f"{doors[0]}?sslmode=disable", "server closed the connection"),
    ):
        with pytest.raises(OperationalError, match=problem):
            asks(app_at(database, doors[1]))
    for redis, problem in (
        (f"{doors[1]}?ssl_ca_certs={other}", REFUSED),
        (f"{by_name[1]}?ssl_ca_certs={ca}", "certificate verify failed"),
        (doors[1], "certificate verify failed"),
        (doors[1].replace("rediss", "redis"), "."),
    ):
        with app_at(doors[0], redis).app_context(), pytest.raises(RedisConnectionError, match=problem):
            redis_connection().ping()
