"""A cluster made once and copied for each test: initdb would be most of their time."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

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


@contextlib.contextmanager
def open_directory() -> Iterator[Path]:
    """A directory the user PostgreSQL runs as can walk into, unlike pytest's own when we are root."""
    with tempfile.TemporaryDirectory(prefix="tusker-test-") as place:
        Path(place).chmod(0o755)
        yield Path(place)
