"""API tokens that work now, whatever day a test's context stands at."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tusker import clock
from tusker.models import ApiToken
from tusker.services.context import Context
from tusker.services.people.tokens import create_token


def token_made(ctx: Context, customer_id: int, name: str = "ERP", **options: Any) -> tuple[ApiToken, str]:
    """A company's new token and its secret; in a transaction of the caller's."""
    token, secret = create_token(replace(ctx, now=clock.now()), customer_id, name, **options)
    assert isinstance(token, ApiToken)
    return token, secret
