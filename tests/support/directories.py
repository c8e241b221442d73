"""Temporary directories."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def open_directory() -> Iterator[Path]:
    """A directory the user PostgreSQL runs as can walk into, unlike pytest's own when we are root."""
    with tempfile.TemporaryDirectory(prefix="tusker-test-") as place:
        Path(place).chmod(0o755)
        yield Path(place)
