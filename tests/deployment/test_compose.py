"""The check of docker-compose.yml finds what it is there to find."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.check_config import compose_problems

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
REQUIRED = {"DATABASE_URL", "REDIS_URL", "TUSKER_CARRIER_URL", "BASE_URL"}
READ = {"ENVIRONMENT", "POSTGRES_PASSWORD", "POSTGRES_APP_PASSWORD", "MAIL_FOLDER", "SECRET_KEY"} | REQUIRED


def problems(compose: dict[str, Any]) -> list[str]:
    return list(compose_problems(compose, READ, REQUIRED))


def test_the_file_is_as_it_should_be() -> None:
    assert problems(COMPOSE) == []


def builds_twice(services: dict[str, Any]) -> None:
    services["web"]["build"] = "."


def pulls(services: dict[str, Any]) -> None:
    del services["web"]["pull_policy"]


def does_not_wait(services: dict[str, Any]) -> None:
    del services["worker"]["depends_on"]["migrate"]


def asks_the_socket(services: dict[str, Any]) -> None:
    services["postgres"]["healthcheck"]["test"] = ["CMD-SHELL", "pg_isready -U tusker -d tusker"]


def is_not_asked(services: dict[str, Any]) -> None:
    del services["scheduler"]["healthcheck"]


def always_simulates(services: dict[str, Any]) -> None:
    del services["courier"]["profiles"]


def has_an_address(services: dict[str, Any]) -> None:
    services["web"]["environment"]["BASE_URL"] = "${BASE_URL:-http://localhost:8000}"


def has_a_default_password(services: dict[str, Any]) -> None:
    services["postgres"]["environment"]["POSTGRES_PASSWORD"] = "${POSTGRES_PASSWORD:-tusker}"


def has_a_default_in_an_address(services: dict[str, Any]) -> None:
    services["web"]["environment"]["DATABASE_URL"] = "postgresql://a:${POSTGRES_APP_PASSWORD:-tusker_app}@b/c"


def has_a_written_secret(services: dict[str, Any]) -> None:
    services["web"]["environment"]["SECRET_KEY"] = "secret"


def sets_what_nothing_reads(services: dict[str, Any]) -> None:
    services["web"]["environment"]["CARRIER"] = "${CARRIER:-}"


def is_open_to_all(services: dict[str, Any]) -> None:
    services["web"]["ports"] = ["${PORT:-8000}:8000"]


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (builds_twice, "one service builds the image"),
        (pulls, "web: must not take an image of this name from a registry"),
        (does_not_wait, "worker: runs the image and does not wait for migrate"),
        (asks_the_socket, "postgres: the server that sets the database up"),
        (is_not_asked, "scheduler: has no health check"),
        (always_simulates, "courier: a simulator belongs into the profile dev"),
        (has_an_address, "web: sets BASE_URL, which production asks for"),
        (has_a_default_password, "postgres: POSTGRES_PASSWORD has the default tusker, in production too"),
        (has_a_default_in_an_address, "web: POSTGRES_APP_PASSWORD has the default tusker_app"),
        (has_a_written_secret, "web: SECRET_KEY is written into the file"),
        (sets_what_nothing_reads, "web: sets CARRIER, which nothing reads"),
        (is_open_to_all, "web: publishes ${PORT:-8000}:8000 on all addresses"),
    ],
)
def test_what_breaks_a_promise_is_named(spoil: Callable[[dict[str, Any]], None], expected: str) -> None:
    compose = copy.deepcopy(COMPOSE)
    spoil(compose["services"])
    assert any(problem.startswith(expected) for problem in problems(compose)), problems(compose)


def test_production_reads_no_development_settings() -> None:
    """`migrate` starts first: with what the file gives it in production, it stops with the names of the rest."""
    given = {
        name: value.replace("${ENVIRONMENT:-DEVELOPMENT}", "PRODUCTION")
        for name, value in COMPOSE["services"]["migrate"]["environment"].items()
    }
    told = subprocess.run(
        [sys.executable, "-m", "flask", "db", "upgrade"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **given},
        capture_output=True,
        text=True,
    )
    assert told.returncode != 0
    assert "missing in ENVIRONMENT=PRODUCTION: SECRET_KEY, BASE_URL, PROGRAMME_LIMIT, TUSKER_CARRIER_URL" in (
        told.stderr
    )
    assert "TUSKER_CARRIER_TOKEN" in told.stderr
