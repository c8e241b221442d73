"""Limits on guessing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tusker.extensions import limiter


@pytest.fixture
def limits_count() -> Iterator[None]:
    """The limiter is one object for all apps of a process: whichever app was made last decides, so say it here."""
    before, limiter.enabled = limiter.enabled, True
    yield
    limiter.enabled = before
