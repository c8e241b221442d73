"""Callers with tokens."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from tests.support.api import Api
from tests.support.tokens import token_made
from tusker.models import Customer
from tusker.services.context import Context
from tusker.transactions import transaction


@pytest.fixture
def call_as(app: Flask, ctx: Context) -> Callable[[Customer], Api]:
    """A caller with a new token of this company."""

    def caller(customer: Customer) -> Api:
        with transaction():
            _, secret = token_made(ctx, customer.id, "ERP")
        return Api(app.test_client(), secret)

    return caller
