"""Callers with tokens."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from tests.support.api import Api
from tusker.models import Customer
from tusker.services.context import Context
from tusker.services.people.tokens import create_token
from tusker.transactions import transaction


@pytest.fixture
def call_as(app: Flask, ctx: Context) -> Callable[[Customer], Api]:
    """A caller with a new token of this company."""

    def caller(customer: Customer) -> Api:
        with transaction():
            _, secret = create_token(ctx, customer.id, "ERP")
        return Api(app.test_client(), secret)

    return caller
