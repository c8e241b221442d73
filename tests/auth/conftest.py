"""The browser of `tests.web` (real CSRF tokens, real rate limits) serves here, too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.web.conftest import enter, pages, pages_app
from tusker.extensions import limiter

__all__ = ["enter", "pages", "pages_app"]


@pytest.fixture(autouse=True)
def limits_count() -> Iterator[None]:
    """The limiter is one object for all apps of a process: whichever app was made last decides, so say it here."""
    before, limiter.enabled = limiter.enabled, True
    yield
    limiter.enabled = before
