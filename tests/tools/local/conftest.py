"""A cluster made once and copied for each test: initdb would be most of their time."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.directories import open_directory
from tools.local.kinds import Postgres
from tools.local.servers import joined


@pytest.fixture(scope="session")
def made_cluster() -> Iterator[Path]:
    """A stopped PostgreSQL cluster."""
    with open_directory() as place:
        with joined(Postgres(), place, durable=True):
            pass
        yield place / "postgres"


@pytest.fixture
def home(made_cluster: Path) -> Iterator[Path]:
    """The directory for a test's servers, with a cluster of its own."""
    with open_directory() as place:
        shutil.copytree(made_cluster, place / "local" / "postgres")
        yield place / "local"
