"""Fixed values that tests share: a day, a password, terms."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import config
from tusker.domain.terms import Terms
from tusker.services.context import Context

NOW = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)
TODAY = date(2026, 3, 2)
PASSWORD = "correct horse battery"
PROGRAMME_LIMIT = 10**12
TERMS = Terms(advance_rate=Decimal("0.8"), apr=Decimal("0.18"), tenor_days=90)
FIXTURES = Path(__file__).parents[1] / "fixtures"
PRODUCTION = {name: f"x-{name}" for name in config.REQUIRED_IN_PRODUCTION} | {
    "ENVIRONMENT": "PRODUCTION",
    "SECRET_KEY": "69c7f0a1d2b3e4958677a8b9cadbecfd",
    "DATABASE_URL": "postgresql://app:of-its-own@db/tusker",
    "BASE_URL": "https://desk.example.com",
    "PROGRAMME_LIMIT": "500000000",
}
"""What production starts with."""


def at(ctx: Context, days: int) -> Context:
    """The same actor some days later."""
    return replace(ctx, now=ctx.now + timedelta(days=days), today=ctx.today + timedelta(days=days))
