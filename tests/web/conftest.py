"""A house with a row of every kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.support.whole_house import Builder, House
from tusker.models import CreditLine, Customer, User
from tusker.services.context import Context


@pytest.fixture
def house(
    app: Flask,
    ctx: Context,
    make_supplier: Callable[..., Customer],
    make_purchaser: Callable[..., Customer],
    make_line: Callable[..., CreditLine],
    create_user: Callable[..., User],
    bank: Callable[..., Any],
    stopped_clock: None,
    courier: Any,
) -> House:
    """Two companies that trade with each other and with two others, and what has happened between them."""
    return Builder(app, ctx, make_supplier, make_purchaser, make_line, create_user, bank).build()
